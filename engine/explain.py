"""Why a listing has its price, and why it did not change: facts and sentences for one listing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from engine.catalog import Catalog
from engine.columns import Address, OfferColumns, SnapshotBatch
from engine.explain_follow import follow_sentences
from engine.explain_guards import guard_sentences
from engine.explain_words import CLASSES, PAUSES, STATES, WHY_CHANGED, WHY_NOT
from engine.learner_tables import STEPS, WHOLE
from engine.money import currency_code, format_minor
from engine.reference import load
from engine.reference_learner import chances, last_draw, step_of, step_premium, unpack
from engine.reference_market import (
    eligible,
    forbidden_bits,
    in_pool,
    offer_at,
    summarise,
)
from engine.reference_rules import (
    draw_count,
    known,
    landed_high,
    landed_low,
    own_landed,
    win_count,
)
from engine.resolve import resolve_snapshots
from engine.schema import (
    CLASS_BITS,
    CLASS_SHIFT,
    CONDITION_MASK,
    SUB_CONDITION_MASK,
    CycleState,
    FeedbackKind,
    LastDraw,
    OfferBit,
    Reason,
    ReferenceClass,
    StrategyKind,
)
from engine.state import State
from engine.strategies import StrategyDefinition


class OfferRole(IntEnum):
    """How the engine read one offer."""

    OWN = 1
    SISTER = 2
    REFERENCE = 3
    COMPETITOR = 4
    FILTERED_OUT = 5


@dataclass(frozen=True, slots=True)
class ExplainedOffer:
    """An offer of the last snapshot: its place there, its landed price and its role."""

    position: int
    landed_minor: int
    role: OfferRole
    filter: str = ""


@dataclass(slots=True)
class Explanation:
    """All that is known about the price of one listing.

    `row` and `record` carry the fields of `schema.ROW` and `schema.RECORD`; `addresses` are the
    names by which a request may have meant the listing. Without `offers`, its last snapshot is no
    longer kept. Bracket prices are landed, at the present reference price; None is unknown.
    """

    listing_id: int
    row: Any
    record: Any
    strategy: StrategyDefinition
    addresses: tuple[Address, ...]
    sentences: list[str] = field(default_factory=list)
    offers: list[ExplainedOffer] = field(default_factory=list)
    draw_count: int = 0
    win_count: int = 0
    entry: str = ""
    """Name of the calendar entry in force."""
    promotion: str = ""
    """Name of the promotion in force."""
    advertised_minor: int = 0
    """The minimum advertised price that lifts the floor; 0: none does."""
    grid: Any = None
    take_prices: tuple[int | None, int | None] = (None, None)
    keep_prices: tuple[int | None, int | None] = (None, None)


def gather(catalog: Catalog, listing_id: int) -> Explanation:
    """What is known of a listing that exists, without offers. Runs on the writer thread."""
    row, record = load(catalog.rows, listing_id), load(catalog.records, listing_id)
    addresses = (listing_id, catalog.key_of(listing_id), catalog.asin_key(listing_id))
    found = Explanation(listing_id, row, record, catalog.strategies[row.strategy], addresses)
    found.draw_count, found.win_count = draw_count(row.draws), win_count(row.draws)
    found.grid = load(catalog.grids, listing_id)
    entry = catalog.schedules.entries.get(row.strategy)
    found.entry = entry.name if entry is not None else ""
    promotion = catalog.promotion(listing_id)
    found.promotion = promotion.name if promotion is not None else ""
    if row.floor_minor == catalog.own_terms(listing_id).map_minor:
        found.advertised_minor = row.floor_minor
    if row.reference_minor > 0:
        found.take_prices = bracket_prices(row.reference_minor, row.take_low_ppm, row.take_high_ppm)
        found.keep_prices = bracket_prices(row.reference_minor, row.keep_low_ppm, row.keep_high_ppm)
    return found


def conclude(state: State, found: Explanation, batch: SnapshotBatch | None) -> None:
    """Adds the offers of the listing's last snapshot, where kept, and the sentences.

    `batch` holds that snapshot alone. Runs on the writer thread and changes nothing.
    """
    if batch is not None:
        add_offers(state, found, batch)
    found.sentences = sentences(found)
    found.sentences[1:1] = guard_sentences(state, found.listing_id)
    found.sentences[-1:-1] = follow_sentences(state, found.listing_id)


def bracket_prices(reference: int, low: int, high: int) -> tuple[int | None, int | None]:
    """Both ends of a bracket as landed prices."""
    return (
        landed_low(reference, low) if known(low) else None,
        landed_high(reference, high) if known(high) else None,
    )


def add_offers(state: State, found: Explanation, batch: SnapshotBatch) -> None:
    """Reads the offers of the last snapshot as the kernel read them."""
    resolved = resolve_snapshots(batch, state.catalog, state.now_ms, None)
    mine = np.flatnonzero(resolved.rows["listing_id"] == found.listing_id)
    if len(mine):
        snapshot = load(resolved.rows, int(mine[-1]))
        found.offers = explain_offers(state.catalog, found.row, snapshot, batch.offers)


def explain_offers(
    catalog: Catalog, row: Any, snapshot: Any, offers: OfferColumns
) -> list[ExplainedOffer]:
    """Role of every offer of a snapshot, by the plain twin of the kernel's rules."""
    strategy = load(catalog.strategy_records, row.strategy)
    pool = catalog.pool.tolist()
    market = summarise(row, strategy, pool, snapshot, offers)
    forbidden = forbidden_bits(row, strategy)
    explained: list[ExplainedOffer] = []
    for index in range(snapshot.offer_begin, snapshot.offer_end):
        offer = offer_at(offers, index)
        filtered = ""
        role = OfferRole.COMPETITOR
        if index == snapshot.own_offer:
            role = OfferRole.OWN
        elif offer.bits & OfferBit.OWN_ACCOUNT:
            role = OfferRole.SISTER
        elif not eligible(strategy, pool, forbidden, offer):
            role = OfferRole.FILTERED_OUT
            filtered = why_filtered(strategy, pool, forbidden, offer)
        competes = role in (OfferRole.COMPETITOR, OfferRole.FILTERED_OUT)
        if competes and is_reference(explained, offer, market, role):
            role = OfferRole.REFERENCE
        explained.append(
            ExplainedOffer(index - snapshot.offer_begin, offer.landed_minor, role, filtered)
        )
    return explained


def is_reference(before: list[ExplainedOffer], offer: Any, market: Any, role: OfferRole) -> bool:
    """Whether an offer is the first that explains the reference price."""
    if offer.landed_minor != market.reference_minor:
        return False
    if any(each.role == OfferRole.REFERENCE for each in before):
        return False
    return role == OfferRole.COMPETITOR or bool(offer.bits & OfferBit.WINNER)


def why_filtered(s: Any, pool: list[int], forbidden: int, offer: Any) -> str:
    """Which filter an offer fails first, in words."""
    bits = offer.bits & forbidden
    for mask, words in (
        (OfferBit.AMAZON, "Amazon is left out"),
        (CONDITION_MASK, "another condition"),
        (SUB_CONDITION_MASK, "another sub-condition"),
        (OfferBit.FULFILLED_BY_AMAZON, "fulfilled by Amazon"),
        (OfferBit.FULFILLED_BY_MERCHANT, "fulfilled by the merchant"),
        (OfferBit.NOT_FEATURED, "not a featured merchant"),
        (OfferBit.AVAILABLE_WITHOUT_DATE | OfferBit.AVAILABLE_WITH_DATE, "not available now"),
    ):
        if bits & mask:
            return words
    if offer.rating_bp < s.min_rating_bp:
        return f"positive ratings {offer.rating_bp / 100:g} %, at least {s.min_rating_bp / 100:g} %"
    if offer.rating_count < s.min_rating_count:
        return f"{offer.rating_count} ratings, at least {s.min_rating_count}"
    if offer.handling_hours > s.max_handling_hours:
        return f"handling {offer.handling_hours} h, at most {s.max_handling_hours} h"
    if in_pool(pool, s.exclude_begin, s.exclude_end, offer.seller):
        return "this seller is excluded"
    return "not among the sellers that count"


# Sentences


def sentences(found: Explanation) -> list[str]:
    """What a seller should read, in order of importance."""
    said = [price_sentence(found), reason_sentence(found), market_sentence(found)]
    if found.entry:
        said.append(f"The calendar entry {found.entry!r} is in force.")
    if found.promotion:
        said.append(f"The promotion {found.promotion!r} is running and sets the bounds.")
    if found.strategy.kind == StrategyKind.BUY_BOX:
        said += [
            bracket_sentence(found, "take", found.take_prices),
            bracket_sentence(found, "keep", found.keep_prices),
            learner_sentence(found),
            evidence_sentence(found),
        ]
    said += [bounds_sentence(found), endings_sentence(found), timer_sentence(found)]
    return [each for each in said if each]


def amount(found: Explanation, minor: int) -> str:
    """An amount with its currency."""
    return format_minor(minor, currency_code(found.record.currency))


def instant(milliseconds: int) -> str:
    """A time as ISO 8601 in UTC, to the second."""
    return f"{np.datetime64(milliseconds // 1000, 's')}Z"


def price_sentence(found: Explanation) -> str:
    """The current price, since when, and why."""
    row, record = found.row, found.record
    if row.price_minor == 0:
        return "There is no price yet."
    price = amount(found, row.price_minor)
    if record.decision_id == 0:
        return f"The price is {price}, as it was given when the listing was created or first seen."
    reason = WHY_CHANGED.get(Reason(record.decision_reason), "the engine decided so")
    before = f" instead of {amount(found, record.previous_minor)}" if record.previous_minor else ""
    return f"The price is {price}{before} since {instant(record.decided_ms)}, because {reason}."


def reason_sentence(found: Explanation) -> str:
    """Why the last input did not change the price; for a pause, its causes."""
    row = found.row
    if row.state == CycleState.PAUSED:
        causes = [words for flag, words in PAUSES.items() if row.flags & flag]
        return f"Repricing is paused {' and '.join(causes) or 'by the calendar'}; no price leaves."
    words = WHY_NOT.get(Reason(row.reason))
    state = STATES[CycleState(row.state)]
    if words is None:
        return f"State: {state}."
    return f"{words} (state: {state})."


def market_sentence(found: Explanation) -> str:
    """The competition as the engine read it."""
    row = found.row
    parts = []
    if row.reference_minor > 0 and found.strategy.kind != StrategyKind.FOLLOW:
        setter = CLASSES[ReferenceClass(row.flags >> CLASS_SHIFT & CLASS_BITS)]
        said = f"The reference price is {amount(found, row.reference_minor)} landed"
        kept = found.strategy.kind == StrategyKind.BUY_BOX  # Others keep no class.
        parts.append(f"{said}, set by {setter}" if kept else said)
    if found.offers:
        counted = sum(o.role in (OfferRole.REFERENCE, OfferRole.COMPETITOR) for o in found.offers)
        out = sum(o.role == OfferRole.FILTERED_OUT for o in found.offers)
        parts.append(f"{counted} competing offers count and {out} are filtered out")
    if row.competitive_minor > 0:
        parts.append(f"Amazon's competitive price is {amount(found, row.competitive_minor)} landed")
    return "; ".join(parts) + "." if parts else ""


def bracket_sentence(found: Explanation, verb: str, prices: tuple[int | None, int | None]) -> str:
    """What is known about taking or keeping the Buy Box."""
    low, high = prices
    if low is None and high is None:
        return ""
    worked = f"{amount(found, low)} landed works" if low is not None else "nothing is proven yet"
    failed = f", {amount(found, high)} does not" if high is not None else ""
    return f"To {verb} the Buy Box, {worked}{failed}."


def learner_sentence(found: Explanation) -> str:
    """What the learner expects at the present price, and where it expects to lose."""
    row, grid = found.row, found.grid
    if (
        grid is None
        or last_draw(grid) == LastDraw.NONE
        or 0 in (row.reference_minor, row.price_minor)
    ):
        return ""
    step = step_of(own_landed(row, row.price_minor), row.reference_minor)
    if not 0 <= step < STEPS:
        return "The price is too far from the reference price for what was learned."
    chance = chances(unpack(grid, int(last_draw(grid) == LastDraw.WON)))
    loses = next((at for at in range(step, STEPS) if 2 * chance[at] < WHOLE), STEPS)
    text = "From what was learned, this price is expected to have the Buy Box"
    text += f" {chance[step] * 100 // WHOLE} % of the time"
    if step < loses < STEPS:
        price = landed_low(row.reference_minor, step_premium(loses))
        text += f", and {amount(found, price)} landed less than half of it"
    return text + "."


def evidence_sentence(found: Explanation) -> str:
    """The last verdict and the draws at the current price."""
    record = found.record
    if record.evidence_kind == 0:
        return ""
    word = {FeedbackKind.WON: "won", FeedbackKind.LOST: "lost", 1: "lost", 2: "won"}.get(
        record.evidence_kind, "measured as a share"
    )
    text = (
        f"The last Buy Box result, for {amount(found, record.evidence_minor)}, was {word}"
        f" at {instant(record.evidence_ms)}"
    )
    if found.draw_count:
        text += f"; {found.win_count} of the last {found.draw_count} at the current price were won"
    return text + "."


def bounds_sentence(found: Explanation) -> str:
    """The seller's bounds, always."""
    row = found.row
    high = max(row.floor_minor, row.ceiling_minor)
    low = amount(found, row.floor_minor)
    if found.advertised_minor:
        low += ", the minimum advertised price,"
    return f"The price stays between {low} and {amount(found, high)}."


def endings_sentence(found: Explanation) -> str:
    """Why a price may be below what the strategy asks for."""
    strategy = found.strategy
    if not strategy.endings:
        return ""
    digits = " or ".join(f"{each:0{strategy.ending_digits}}" for each in strategy.endings)
    return f"Prices come down to the next one that ends in {digits}, where the bounds allow it."


def timer_sentence(found: Explanation) -> str:
    """What happens by itself next."""
    if found.row.deadline_s == 0:
        return "Nothing is scheduled; the next offers or results decide."
    return f"The next step by itself is at {instant(found.row.deadline_s * 1000)}."
