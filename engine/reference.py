"""The pricing core in plain Python: slow, obvious, and the oracle of the native kernel.

The four `evaluate_*` functions have the signatures of `engine._kernel` and must give the same
bytes in `scratch` and `outcomes`. Rules live in `reference_rules`, the Buy Box cycle in
`reference_buybox`; here are the market summary, MATCH and FIXED, and the loops.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.columns import OfferColumns
from engine.reference_buybox import (
    arm,
    below_floor_price,
    buybox_offers,
    cycle_timer,
    displace,
    enter_alone,
    enter_suppressed,
    hold_reason,
    judge,
    mark_live,
    reemit,
)
from engine.reference_rules import (
    clamp,
    held,
    item_for_landed,
    move_to,
    moved,
    offset_from,
    own_landed,
    push_draw,
)
from engine.schema import (
    CONDITION_BITS,
    CONDITION_MASK,
    CONDITION_SHIFT,
    NO_INDEX,
    OUTCOME,
    PAUSE_FLAGS,
    ROW,
    STRATEGY,
    BelowFloor,
    BuyBoxStatus,
    CommandKind,
    CycleState,
    FeedbackKind,
    MatchTarget,
    OfferBit,
    Reason,
    ReferenceClass,
    RowFlag,
    StrategyKind,
    WhenWinning,
)

ROW_FIELDS = ROW.names or ()
STRATEGY_FIELDS = STRATEGY.names or ()
OUTCOME_FIELDS = tuple(name for name in OUTCOME.names or () if name != "padding")
FEEDBACK_TO_PAUSE = {
    FeedbackKind.LISTING_SUPPRESSED: RowFlag.LISTING_SUPPRESSED,
    FeedbackKind.PRICING_ERROR: RowFlag.PRICING_ERROR,
}
ISSUE_FLAGS = RowFlag.LISTING_SUPPRESSED | RowFlag.PRICING_ERROR | RowFlag.TOO_MANY_REJECTIONS


@dataclass
class Market:
    """What one pass over the offers of a snapshot finds. Prices are landed; zero: none."""

    lowest: list[int] = field(default_factory=lambda: [0, 0, 0, 0])  # eligible, by ReferenceClass
    target_minor: int = 0  # cheapest offer of the strategy's target sellers
    target_class: int = 0
    next_minor: int = 0  # cheapest eligible offer above ours
    winner_minor: int = 0  # cheapest competitor who holds the Buy Box
    winner_class: int = 0
    unfiltered_minor: int = 0  # the same among those outside the filter
    unfiltered_class: int = 0
    competitor_count: int = 0
    eligible_count: int = 0
    eligible_winner: bool = False
    own_winner: bool = False
    own_known_loser: bool = False
    sister_winner: bool = False
    own_landed_minor: int = 0
    own_price_minor: int = 0
    reference_minor: int = 0
    reference_class: int = 0
    nobody_featured: bool = False
    alone: bool = False
    draw: int = -1  # -1: no evidence, 0: lost, 1: won


def load(array: np.ndarray, index: int, names: tuple[str, ...]) -> Any:
    """Record as an object with int attributes; subarrays become lists."""
    record = array[index]
    return SimpleNamespace(**{name: record[name].tolist() for name in names})


def store(array: np.ndarray, index: int, value: Any, names: tuple[str, ...]) -> None:
    """Writes an object from `load` back."""
    for name in names:
        array[index][name] = int(getattr(value, name))


# Market summary


def offer_class(bits: int) -> int:
    """Who makes an offer: Amazon, FBA or Prime, or a merchant who ships himself."""
    if bits & OfferBit.AMAZON:
        return ReferenceClass.AMAZON
    if bits & (OfferBit.FULFILLED_BY_AMAZON | OfferBit.PRIME):
        return ReferenceClass.AMAZON_FULFILLED
    return ReferenceClass.MERCHANT_FULFILLED


def in_pool(pool: list[int], begin: int, end: int, seller: int) -> bool:
    """Whether the sorted part of the seller pool holds a seller."""
    at = bisect_left(pool, seller, begin, end)
    return at < end and pool[at] == seller


def forbidden_bits(r: Any, s: Any) -> int:
    """Offer attributes that a listing's filter excludes."""
    bits = int(s.forbidden_bits)
    if not s.any_condition and r.flags & CONDITION_BITS:
        own = 1 << (CONDITION_SHIFT + (r.flags & CONDITION_BITS))
        bits |= CONDITION_MASK & ~own
    return bits


def eligible(s: Any, pool: list[int], forbidden: int, offer: Any) -> bool:
    """Whether an offer passes the listing's filter."""
    if offer.bits & forbidden:
        return False
    if offer.rating_bp < s.min_rating_bp or offer.rating_count < s.min_rating_count:
        return False
    if offer.handling_hours > s.max_handling_hours:
        return False
    if s.include_begin < s.include_end:
        if not in_pool(pool, s.include_begin, s.include_end, offer.seller):
            return False
    return not in_pool(pool, s.exclude_begin, s.exclude_end, offer.seller)


def lower(present: int, landed: int) -> bool:
    """Whether a landed price beats the one found so far."""
    return present == 0 or landed < present


def add_competitor(m: Market, s: Any, pool: list[int], forbidden: int, offer: Any) -> None:
    """Counts one competitor's offer."""
    landed, kind = offer.landed_minor, offer_class(offer.bits)
    passes = eligible(s, pool, forbidden, offer)
    wins = bool(offer.bits & OfferBit.WINNER)
    m.competitor_count += 1
    if wins and lower(m.winner_minor, landed):
        m.winner_minor, m.winner_class = landed, kind
    if wins and not passes and lower(m.unfiltered_minor, landed):
        m.unfiltered_minor, m.unfiltered_class = landed, kind
    if in_pool(pool, s.target_begin, s.target_end, offer.seller):
        if lower(m.target_minor, landed):
            m.target_minor, m.target_class = landed, kind
    if not passes:
        return
    m.eligible_count += 1
    m.eligible_winner |= wins
    if lower(m.lowest[kind], landed):
        m.lowest[kind] = landed
    if landed > m.own_landed_minor and lower(m.next_minor, landed):
        m.next_minor = landed


def add_own(m: Market, offer: Any) -> None:
    """Reads the offer of this listing."""
    m.own_winner = bool(offer.bits & OfferBit.WINNER)
    m.own_known_loser = bool(offer.bits & OfferBit.NOT_WINNER)


def lowest_of_all(m: Market) -> tuple[int, int]:
    """Cheapest eligible offer and its class; the lower class wins a tie."""
    best, best_class = 0, 0
    for kind in (1, 2, 3):
        if m.lowest[kind] and lower(best, m.lowest[kind]):
            best, best_class = m.lowest[kind], kind
    return best, best_class


def conclude(m: Market, s: Any, snapshot: Any) -> None:
    """Reference price, situation and evidence from what the pass found."""
    m.reference_minor, m.reference_class = lowest_of_all(m)
    if s.respect_unfiltered_winner and not m.own_winner and not m.eligible_winner:
        if m.unfiltered_minor:
            m.reference_minor, m.reference_class = m.unfiltered_minor, m.unfiltered_class
        elif m.eligible_count == 0 and unseen_winner(m, snapshot):
            m.reference_minor, m.reference_class = snapshot.featured_minor, 0
    m.nobody_featured = snapshot.buy_box_status == BuyBoxStatus.SUPPRESSED
    other_winner = m.winner_minor > 0 or unseen_winner(m, snapshot)
    m.alone = m.eligible_count == 0 and not other_winner and not m.sister_winner
    if m.own_winner:
        m.draw = 1
    elif m.winner_minor > 0 and m.own_landed_minor > 0:
        m.draw = 0
    elif m.own_known_loser and unseen_winner(m, snapshot):
        m.draw = 0


def unseen_winner(m: Market, snapshot: Any) -> bool:
    """Somebody is featured who is not among the offers."""
    if m.own_winner or m.winner_minor > 0 or m.sister_winner:
        return False
    if snapshot.buy_box_status == BuyBoxStatus.SUPPRESSED:
        return False
    return 0 < snapshot.featured_minor != m.own_landed_minor


def summarise(r: Any, s: Any, pool: list[int], snapshot: Any, offers: OfferColumns) -> Market:
    """One pass over the offers of a snapshot."""
    m = Market()
    own = snapshot.own_offer
    if own >= 0:
        m.own_landed_minor = int(offers.landed_minor[own])
        m.own_price_minor = snapshot.own_price_minor
    forbidden = forbidden_bits(r, s)
    for index in range(snapshot.offer_begin, snapshot.offer_end):
        offer = SimpleNamespace(
            landed_minor=int(offers.landed_minor[index]),
            seller=int(offers.seller[index]),
            bits=int(offers.bits[index]),
            rating_count=int(offers.rating_count[index]),
            rating_bp=int(offers.rating_bp[index]),
            handling_hours=int(offers.handling_hours[index]),
        )
        if index == own:
            add_own(m, offer)
        elif offer.bits & OfferBit.OWN_ACCOUNT:
            m.sister_winner |= bool(offer.bits & OfferBit.WINNER)
        else:
            add_competitor(m, s, pool, forbidden, offer)
    conclude(m, s, snapshot)
    return m


# MATCH and FIXED


def match_target(m: Market, target: int) -> tuple[int, int]:
    """Landed price and class of one target; zero: there is none."""
    if target == MatchTarget.LOWEST:
        return lowest_of_all(m)
    if target == MatchTarget.LOWEST_AMAZON_FULFILLED:
        return m.lowest[1], 1
    if target == MatchTarget.LOWEST_MERCHANT_FULFILLED:
        return m.lowest[2], 2
    if target == MatchTarget.AMAZON:
        return m.lowest[3], 3
    if target == MatchTarget.SELLERS:
        return m.target_minor, m.target_class
    if target == MatchTarget.BUY_BOX:
        if m.own_winner:
            return lowest_of_all(m)
        return m.winner_minor, m.winner_class
    return 0, 0


def settle(r: Any, s: Any, item: int, reason: int, now_s: int, o: Any) -> None:
    """Moves to a price that needs no verdict, only to become live."""
    if move_to(r, s, item, reason, now_s, o):
        r.state = CycleState.AWAITING
    elif r.state in (CycleState.SEEKING, CycleState.ALONE, CycleState.SUPPRESSED):
        r.state = CycleState.AWAITING
        arm(r, s, now_s)


def match_offers(r: Any, s: Any, m: Market, now_s: int, o: Any) -> None:
    """MATCH: keeps the strategy's distance from its first target that exists."""
    if m.nobody_featured and m.eligible_count > 0:
        enter_suppressed(r, s, now_s, o)
        return
    if m.own_winner and s.when_winning == WhenWinning.HOLD and r.price_minor > 0:
        held(o, Reason.KEEP)
        return
    if m.own_winner and s.when_winning == WhenWinning.RAISE_TO_NEXT and r.price_minor > 0:
        item = item_for_landed(r, m.next_minor - s.stay_below_next_minor)
        if m.next_minor > 0 and item > r.price_minor:
            settle(r, s, item, Reason.MATCH_RAISE_TO_NEXT, now_s, o)
        else:
            held(o, Reason.AT_TARGET)
        return
    for target in s.targets:
        landed, kind = match_target(m, target)
        if landed > 0:
            match_landed(r, s, offset_from(s, landed, kind), now_s, o)
            return
    enter_alone(r, s, m.nobody_featured, now_s, o)


def match_landed(r: Any, s: Any, landed: int, now_s: int, o: Any) -> None:
    """MATCH: a landed target, or the strategy's choice where it lies below the floor."""
    if landed >= own_landed(r, r.floor_minor) or s.below_floor == BelowFloor.FLOOR:
        settle(r, s, item_for_landed(r, landed), Reason.MATCH, now_s, o)
        return
    choice = below_floor_price(r, s)
    if choice > 0:
        settle(r, s, choice, Reason.BELOW_FLOOR_CHOICE, now_s, o)
    else:
        held(o, Reason.KEEP)


# One input each, for one row


def step_offers(r: Any, s: Any, pool: list[int], snapshot: Any, offers: Any, now_ms: int, o: Any):
    """A snapshot of offers."""
    if snapshot.event_ms <= r.observed_ms:
        ignore(o, Reason.OLD_INPUT)
        return
    if now_ms - snapshot.event_ms > s.max_offer_age_ms:
        ignore(o, Reason.STALE_OFFERS)
        return
    now_s, event_s = now_ms // 1000, snapshot.event_ms // 1000
    m = summarise(r, s, pool, snapshot, offers)
    observe(r, m, snapshot)
    if r.state == CycleState.PAUSED:
        if m.reference_minor > 0:
            r.reference_minor = m.reference_minor
        held(o, Reason.PAUSED)
    else:
        watch_delivery(r, s, m, event_s, now_s, o)
        route_offers(r, s, m, event_s, now_s, o)
    o.reference_minor = m.reference_minor
    r.reason = o.reason


def observe(r: Any, m: Market, snapshot: Any) -> None:
    """Takes over what the snapshot says about the market, whatever the state."""
    r.observed_ms = snapshot.event_ms
    if snapshot.competitive_minor > 0:
        r.competitive_minor = snapshot.competitive_minor
    if m.own_price_minor > 0:
        r.live_price_minor = m.own_price_minor
    if m.own_winner:
        r.featured_minor = m.own_landed_minor
    elif m.winner_minor > 0:
        r.featured_minor = m.winner_minor
    elif snapshot.featured_minor > 0:
        r.featured_minor = snapshot.featured_minor


def watch_delivery(r: Any, s: Any, m: Market, event_s: int, now_s: int, o: Any) -> None:
    """Sees from our own offer whether the current price is live."""
    if m.own_price_minor == 0 or r.price_minor == 0:
        return
    if m.own_price_minor == r.price_minor:
        mark_live(r, s, event_s, now_s)
    elif r.effective_s != 0 and event_s > r.effective_s:
        displace(r, s, now_s, o)


def route_offers(r: Any, s: Any, m: Market, event_s: int, now_s: int, o: Any) -> None:
    """Hands a snapshot to the strategy."""
    if s.kind == StrategyKind.BUY_BOX:
        buybox_offers(r, s, m, event_s, now_s, o)
        return
    r.reference_minor = m.reference_minor
    if s.kind == StrategyKind.MATCH:
        match_offers(r, s, m, now_s, o)
    else:
        settle(r, s, s.fixed_minor, Reason.FIXED, now_s, o)


def ignore(o: Any, reason: int) -> None:
    """Counted, and nothing of the row changes."""
    o.ignored = 1
    o.reason = reason


def step_feedback(r: Any, s: Any, f: Any, now_ms: int, o: Any) -> None:
    """What the marketplace did with a price."""
    now_s, event_s = now_ms // 1000, f.event_ms // 1000
    if f.kind in (FeedbackKind.ACCEPTED, FeedbackKind.REJECTED, FeedbackKind.EFFECTIVE):
        delivery_feedback(r, s, f, event_s, now_s, o)
    elif f.event_ms <= r.observed_ms:
        if f.event_ms == r.observed_ms and f.competitive_minor > 0:
            r.competitive_minor = f.competitive_minor
        ignore(o, Reason.OLD_INPUT)
    elif f.kind in FEEDBACK_TO_PAUSE:
        r.observed_ms = f.event_ms
        pause(r, FEEDBACK_TO_PAUSE[f.kind], o)
    elif f.kind == FeedbackKind.LISTING_RESTORED:
        r.observed_ms = f.event_ms
        resume(r, ISSUE_FLAGS, o)
    else:
        verdict_feedback(r, s, f, event_s, now_s, o)
    if not o.ignored:
        r.reason = o.reason


def names_current(r: Any, f: Any) -> int:
    """1: the feedback names the current price, 0: it names none, -1: it names another."""
    if f.names_decision:
        return 1 if f.names_decision == 1 else -1
    if f.price_minor > 0:
        return 1 if f.price_minor == r.price_minor else -1
    return 0


def delivery_feedback(r: Any, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """ACCEPTED, REJECTED, EFFECTIVE: only what names the current price counts, once."""
    named = names_current(r, f)
    late = f.event_ms <= r.observed_ms
    if named != 1 or r.price_minor == 0:
        ignore(o, Reason.OTHER_PRICE)
    elif late and (not f.names_decision or r.flags & RowFlag.DISPLACED):
        ignore(o, Reason.OLD_INPUT)
    elif r.effective_s != 0 or r.state == CycleState.SEEKING:
        ignore(o, Reason.NOT_APPLICABLE)
    elif f.kind == FeedbackKind.EFFECTIVE:
        mark_live(r, s, event_s, now_s)
        held(o, Reason.PAUSED if r.state == CycleState.PAUSED else hold_reason(r, now_s))
    elif r.state == CycleState.PAUSED or f.kind == FeedbackKind.ACCEPTED:
        ignore(o, Reason.ACCEPTED if f.kind == FeedbackKind.ACCEPTED else Reason.PAUSED)
    else:
        reject(r, s, now_s, o)


def reject(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The marketplace refused the price: back to the last live one; too often: pause."""
    r.attempts += 16
    if r.attempts >> 4 >= s.max_rejections:
        r.attempts = 0
        pause(r, RowFlag.TOO_MANY_REJECTIONS, o)
        o.reason = Reason.MAX_REJECTIONS
        return
    live = r.live_price_minor
    usable = 0 < live != r.price_minor and clamp(r, live) == live
    r.state = CycleState.SEEKING
    r.deadline_s = 0
    held(o, Reason.REJECTED)
    if usable:
        moved(r, s, live, Reason.REJECTED, now_s, o)
        r.state = CycleState.HOLDING if live == r.good_price_minor else CycleState.SEEKING


def verdict_feedback(r: Any, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """WON, LOST, SHARE: counts for the price it judges, or if later than that price went live."""
    named = names_current(r, f)
    if f.competitive_minor > 0:
        r.competitive_minor = f.competitive_minor
    if r.state == CycleState.PAUSED:
        r.observed_ms = f.event_ms
        ignore(o, Reason.PAUSED)
    elif named == -1 or (named == 0 and (r.effective_s == 0 or event_s <= r.effective_s)):
        ignore(o, Reason.OTHER_PRICE)
    elif s.kind != StrategyKind.BUY_BOX or r.price_minor == 0 or r.state == CycleState.SEEKING:
        r.observed_ms = f.event_ms
        ignore(o, Reason.NOT_APPLICABLE)
    else:
        r.observed_ms = f.event_ms
        mark_live(r, s, event_s, now_s)
        count_verdict(r, s, f, event_s, now_s, o)


def count_verdict(r: Any, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """A verdict on the current price of a BUY_BOX listing."""
    won = f.kind == FeedbackKind.WON
    o.verdict = f.kind
    if r.state == CycleState.ALONE:
        if won:
            r.flags |= RowFlag.INCUMBENT
            r.good_price_minor = r.price_minor
        enter_alone(r, s, False, now_s, o)
    elif r.state == CycleState.SUPPRESSED or r.reference_minor == 0:
        held(o, Reason.NOT_APPLICABLE)
        if r.state == CycleState.SUPPRESSED:
            enter_suppressed(r, s, now_s, o)
    else:
        share = f.share_bp if f.kind == FeedbackKind.SHARE else -1
        if share < 0:
            r.draws = push_draw(r.draws, int(won))
        landed = own_landed(r, r.price_minor)
        judge(r, s, landed, r.reference_minor, share, event_s, now_s, o)
        if o.reason == Reason.NONE:
            held(o, hold_reason(r, now_s))


def pause(r: Any, flag: int, o: Any) -> None:
    """Stops repricing for one more cause."""
    r.flags |= flag
    r.state = CycleState.PAUSED
    r.deadline_s = 0
    held(o, Reason.PAUSED)


def resume(r: Any, flags: int, o: Any) -> None:
    """Takes causes away; the last one gone, the cycle seeks again with its brackets."""
    if r.state != CycleState.PAUSED:
        ignore(o, Reason.NOT_APPLICABLE)
        return
    r.flags &= ~flags
    if r.flags & PAUSE_FLAGS:
        held(o, Reason.PAUSED)
        return
    r.state = CycleState.SEEKING
    r.draws = 1
    held(o, Reason.NEW)


def step_command(r: Any, s: Any, c: Any, now_ms: int, o: Any) -> None:
    """A change of definition, or of whether the listing is repriced."""
    if c.kind == CommandKind.UPSERT:
        redefine(r, s, c, now_ms // 1000, o)
    elif c.kind == CommandKind.PAUSE:
        pause(r, RowFlag.PAUSED_BY_USER, o)
    elif c.kind == CommandKind.STOCK_OUT:
        pause(r, RowFlag.OUT_OF_STOCK, o)
    elif c.kind == CommandKind.RESUME:
        resume(r, RowFlag.PAUSED_BY_USER | RowFlag.TOO_MANY_REJECTIONS, o)
    elif c.kind == CommandKind.STOCK_IN:
        resume(r, RowFlag.OUT_OF_STOCK, o)
    else:
        r.flags &= ~RowFlag.ACTIVE
        r.deadline_s = 0
        held(o, Reason.NOT_APPLICABLE)
    if not o.ignored:
        r.reason = o.reason


def redefine(r: Any, s: Any, c: Any, now_s: int, o: Any) -> None:
    """New definition: a price outside the new bounds is clamped in the same input."""
    r.floor_minor, r.ceiling_minor = c.floor_minor, c.ceiling_minor
    r.landed_offset_minor, r.points_bp = c.landed_offset_minor, c.points_bp
    r.flags = (r.flags & ~CONDITION_BITS) | c.condition | RowFlag.ACTIVE
    if r.strategy != c.strategy:
        r.strategy = c.strategy
        r.deadline_s = 0
        if r.state != CycleState.PAUSED:
            r.state = CycleState.SEEKING
    held(o, r.reason if r.reason >= Reason.WAITING_FOR_LIVE else Reason.AT_TARGET)
    if r.state == CycleState.PAUSED:
        return
    if s.kind == StrategyKind.FIXED:
        settle(r, s, s.fixed_minor, Reason.FIXED, now_s, o)
    elif r.price_minor > 0 and clamp(r, r.price_minor) != r.price_minor:
        if move_to(r, s, r.price_minor, Reason.BOUNDS, now_s, o):
            r.state = CycleState.AWAITING
    elif r.state in (CycleState.HOLDING, CycleState.ALONE) and r.effective_s != 0:
        arm(r, s, now_s)


def step_timer(r: Any, s: Any, now_ms: int, o: Any) -> None:
    """The deadline of the row has passed."""
    now_s = now_ms // 1000
    if s.kind == StrategyKind.BUY_BOX or r.state in (CycleState.ALONE, CycleState.SUPPRESSED):
        cycle_timer(r, s, now_s, o)
    elif r.state == CycleState.AWAITING and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, Reason.AT_TARGET)
    r.reason = o.reason


# Loops


def begin(rows: np.ndarray, listing_id: int, index: int) -> tuple[Any, Any]:
    """Proposed row and empty outcome."""
    r = load(rows, listing_id, ROW_FIELDS)
    o = SimpleNamespace(**dict.fromkeys(OUTCOME_FIELDS, 0))
    o.listing_id, o.index = listing_id, index
    o.previous_minor, o.state_before = r.price_minor, r.state
    return r, o


def finish(
    rows: np.ndarray, scratch: np.ndarray, outcomes: np.ndarray, slot: int, r: Any, o: Any
) -> None:
    """Puts a proposed row and its outcome into scratch and marks the listing as taken."""
    o.price_minor, o.state = r.price_minor, r.state
    scratch[slot] = np.zeros(1, ROW)[0]
    outcomes[slot] = np.zeros(1, OUTCOME)[0]
    store(scratch, slot, r, ROW_FIELDS)
    store(outcomes, slot, o, OUTCOME_FIELDS)
    rows["flags"][o.listing_id] |= RowFlag.IN_SLICE


def taken(rows: np.ndarray, listing_id: int) -> bool:
    """Whether the slice already holds a proposal for the listing."""
    return bool(int(rows["flags"][listing_id]) & RowFlag.IN_SLICE)


def evaluate_offers(
    rows: np.ndarray,
    strategies: np.ndarray,
    pool: np.ndarray,
    snapshots: np.ndarray,
    first: int,
    last: int,
    offers: OfferColumns,
    now_ms: int,
    scratch: np.ndarray,
    outcomes: np.ndarray,
) -> int:
    """Evaluates snapshots first to last; ends early at a listing that the slice already holds.

    Returns the number of proposals written to `scratch` and `outcomes`.
    """
    sellers = pool.tolist()
    for slot, at in enumerate(range(first, last)):
        snapshot = load(snapshots, at, snapshots.dtype.names)
        if taken(rows, snapshot.listing_id):
            return slot
        r, o = begin(rows, snapshot.listing_id, snapshot.index)
        s = load(strategies, r.strategy, STRATEGY_FIELDS)
        step_offers(r, s, sellers, snapshot, offers, now_ms, o)
        finish(rows, scratch, outcomes, slot, r, o)
    return last - first


def evaluate_feedback(
    rows: np.ndarray,
    strategies: np.ndarray,
    feedback: np.ndarray,
    first: int,
    last: int,
    now_ms: int,
    scratch: np.ndarray,
    outcomes: np.ndarray,
) -> int:
    """Like `evaluate_offers`, for feedback rows."""
    for slot, at in enumerate(range(first, last)):
        f = load(feedback, at, feedback.dtype.names)
        if taken(rows, f.listing_id):
            return slot
        r, o = begin(rows, f.listing_id, f.index)
        s = load(strategies, r.strategy, STRATEGY_FIELDS)
        step_feedback(r, s, f, now_ms, o)
        finish(rows, scratch, outcomes, slot, r, o)
    return last - first


def evaluate_commands(
    rows: np.ndarray,
    strategies: np.ndarray,
    commands: np.ndarray,
    first: int,
    last: int,
    now_ms: int,
    scratch: np.ndarray,
    outcomes: np.ndarray,
) -> int:
    """Like `evaluate_offers`, for command rows."""
    for slot, at in enumerate(range(first, last)):
        c = load(commands, at, commands.dtype.names)
        if taken(rows, c.listing_id):
            return slot
        r, o = begin(rows, c.listing_id, c.index)
        index = c.strategy if c.kind == CommandKind.UPSERT else r.strategy
        s = load(strategies, index, STRATEGY_FIELDS)
        step_command(r, s, c, now_ms, o)
        finish(rows, scratch, outcomes, slot, r, o)
    return last - first


def evaluate_timers(
    rows: np.ndarray,
    strategies: np.ndarray,
    first_id: int,
    last_id: int,
    now_ms: int,
    scratch: np.ndarray,
    outcomes: np.ndarray,
) -> tuple[int, int]:
    """Evaluates the due timers of listings first_id to last_id until `scratch` is full.

    Returns the number of proposals and the id to go on with.
    """
    slot = 0
    for listing_id in range(first_id, last_id):
        deadline = int(rows["deadline_s"][listing_id])
        if deadline == 0 or deadline * 1000 > now_ms:
            continue
        if slot == len(scratch):
            return slot, listing_id
        r, o = begin(rows, listing_id, NO_INDEX)
        s = load(strategies, r.strategy, STRATEGY_FIELDS)
        step_timer(r, s, now_ms, o)
        finish(rows, scratch, outcomes, slot, r, o)
        slot += 1
    return slot, last_id


def commit(rows: np.ndarray, scratch: np.ndarray, outcomes: np.ndarray, accepted: Any) -> None:
    """Takes accepted proposals over into the table and frees every listing of the slice."""
    for slot, accept in enumerate(accepted):
        listing_id = int(outcomes["listing_id"][slot])
        if accept:
            rows[listing_id] = scratch[slot]
        rows["flags"][listing_id] &= ~int(RowFlag.IN_SLICE) & 0xFFFF
