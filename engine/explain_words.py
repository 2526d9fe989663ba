"""The sentences of ExplainPrice: one plain sentence for every reason, readable by a seller."""

from __future__ import annotations

from engine.schema import CycleState, Reason, ReferenceClass, RowFlag

WHY_CHANGED = {
    Reason.SEEK_OFFSET: "it is the strategy's first distance from the reference price",
    Reason.SEEK_TAKE: "it is the highest price known to take the Buy Box",
    Reason.LOWER_AFTER_LOSS: "the price before did not win the Buy Box, so a lower one is tried",
    Reason.RAISE_TO_KEEP: "the Buy Box was won, and this higher price is known to keep it",
    Reason.PROBE_UP: "the Buy Box was held long enough to try a higher price",
    Reason.PROBE_LOST: "the higher price that was tried lost the Buy Box",
    Reason.PROBE_UNANSWERED: "the marketplace did not judge the higher price in time",
    Reason.HOLD_LOST: "the price that had held the Buy Box lost it",
    Reason.REANCHOR: "the reference price moved and this price moves with it",
    Reason.BELOW_FLOOR_CHOICE: "the competition is below the floor, and the strategy chooses this",
    Reason.ALONE: "there is no competitor, so the price goes towards its highest allowed",
    Reason.SUPPRESSED: "nobody is featured, so the price comes down to the competitive price",
    Reason.BOUNDS: "the bounds changed and the old price lay outside them",
    Reason.REJECTED: "the marketplace rejected the price, so the last live one is back",
    Reason.REEMIT: "the price had not become live in time and is sent again",
    Reason.MATCH: "the strategy keeps this distance from its target",
    Reason.MATCH_RAISE_TO_NEXT: "we hold the Buy Box, so the price rises to just below the next"
    " competitor",
    Reason.FIXED: "the strategy fixes it",
    Reason.SPIRAL: "a competitor and we drove each other's price, so it goes back to the held one",
    Reason.POSITION: "it gives the rank that the strategy wants among the competitors",
    Reason.POSITION_NO_ROOM: "there is no price between the two competitors around the wanted rank",
    Reason.POSITION_LAST: "there are just enough competitors, so it stays above the dearest",
    Reason.FOLLOW: "the strategy keeps this distance from what it follows",
    Reason.FOLLOW_STANDALONE: "too few sources were known for longer than the strategy waits, so it"
    " is the standalone price",
    Reason.CAPPED_BY_B2C: "a B2B price is never above the B2C price, which is this low",
    Reason.TIERS: "it is sent again with other quantity prices",
    Reason.CALENDAR: "a calendar entry sets it",
    Reason.PUSH_START: "it is the strategy's start price",
    Reason.PUSH_STEP: "that follows from the units sold",
    Reason.PUSH_PERIOD: "a rule fits the units sold in the period that ended",
    Reason.PUSH_BACK: "the last step lost the Buy Box, and no competitor had moved",
    Reason.RESTORED: "a person went back to an earlier live price",
}

WHY_NOT = {
    Reason.WAITING_FOR_LIVE: "The price is not seen live in the marketplace yet",
    Reason.WAITING_FOR_VERDICT: "The price is live and waits for enough Buy Box results",
    Reason.HOLDING: "The price holds the Buy Box; a higher one is tried after the hold time",
    Reason.COOLDOWN: "A higher price lost the Buy Box not long ago; the next try waits",
    Reason.NO_ROOM: "The price is the highest that is known to keep the Buy Box",
    Reason.FLOORED: "Even the floor does not win; a new try waits for the competition to rise"
    " or for the retry time",
    Reason.NO_REFERENCE: "No competitor's offer passes the filters, so there is no reference price",
    Reason.AT_TARGET: "The price already is what the strategy asks for",
    Reason.MIN_CHANGE: "The change would be smaller than the strategy's minimum change",
    Reason.CHANGES_PER_HOUR: "The listing has used up its changes for this hour",
    Reason.PAUSED: "Repricing of this listing is paused",
    Reason.STALE_OFFERS: "The last offers were older than the strategy allows",
    Reason.OTHER_PRICE: "The last result was about another price than the current one",
    Reason.SUPPRESSED_UNKNOWN: "Nobody is featured, and no competitive price is known to go to",
    Reason.SUPPRESSED_BELOW_FLOOR: "Nobody is featured, and the competitive price is below the"
    " floor",
    Reason.REEMITS_EXHAUSTED: "The price was sent several times and never became live or was"
    " never judged; the next offers start a new try",
    Reason.MAX_REJECTIONS: "The marketplace rejected prices too often, so repricing is paused",
    Reason.KEEP: "The strategy keeps the price in this situation",
    Reason.ALONE_AT_CAP: "There is no competitor, and the price is at its highest allowed",
    Reason.NOT_APPLICABLE: "The last input means nothing in this state",
    Reason.NEW: "No offers have been evaluated since the listing was created or resumed",
    Reason.DISPLACED: "The marketplace shows another price than ours; after a wait a price is"
    " sent again",
    Reason.ACCEPTED: "The marketplace accepted the price; it is not live yet",
    Reason.WAITING_FOR_OFFERS: "The marketplace rejected the price and no live one is known to go"
    " back to; the next offers start a new try",
    Reason.OLD_INPUT: "The last input was older than what is known",
    Reason.STOPPED: "Repricing is stopped, so a change was kept from going out",
    Reason.DRY_RUN: "The seller is in dry run, or the bounds are only proposed, so a change was not"
    " sent",
    Reason.BREAKER: "The seller's prices fell too far at once, so a fall is held",
    Reason.UP_ONLY: "The strategy may only raise prices, and it would go down",
    Reason.DOWN_ONLY: "The strategy may only lower prices, and it would go up",
    Reason.POSITION_UNSEEN: "The offers of the wanted rank are not among those that the"
    " marketplace shows",
    Reason.FOLLOW_WAITS: "The prices of too few of the sources that it follows are known",
    Reason.QUIET: "A calendar entry holds the price",
    Reason.CALENDAR_HELD: "A calendar entry sets the price",
    Reason.PUSH_WAITS: "Units are not counted yet: counting begins with the Buy Box, or with a"
    " whole period",
    Reason.SPIRAL_HELD: "A competitor and we drive each other's price, so it stays",
}

STATES = {
    CycleState.SEEKING: "looking for a first price",
    CycleState.AWAITING: "waiting for the marketplace's answer",
    CycleState.HOLDING: "holding",
    CycleState.PROBING: "trying a higher price",
    CycleState.FLOORED: "at the floor, which does not win",
    CycleState.ALONE: "without a competitor",
    CycleState.SUPPRESSED: "nobody is featured",
    CycleState.PAUSED: "paused",
}

CLASSES = {
    ReferenceClass.NONE: "the featured offer",
    ReferenceClass.AMAZON_FULFILLED: "an offer fulfilled by Amazon or with Prime",
    ReferenceClass.MERCHANT_FULFILLED: "an offer fulfilled by its merchant",
    ReferenceClass.AMAZON: "Amazon itself",
}

PAUSES = {
    RowFlag.PAUSED_BY_USER: "by request",
    RowFlag.OUT_OF_STOCK: "because it is out of stock",
    RowFlag.LISTING_SUPPRESSED: "because the marketplace suppressed the listing",
    RowFlag.PRICING_ERROR: "because of a pricing error",
    RowFlag.TOO_MANY_REJECTIONS: "because prices were rejected too often",
}
