"""The market summary in plain Python: the twin of `_market.pxd`.

One pass over the offers of a snapshot. `r` is the listing row, `s` the compiled strategy.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from engine.columns import OfferColumns
from engine.reference_rules import lower
from engine.schema import (
    CONDITION_BITS,
    CONDITION_MASK,
    CONDITION_SHIFT,
    BuyBoxStatus,
    OfferBit,
    ReferenceClass,
)


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


def offer_at(offers: OfferColumns, index: int) -> Any:
    """One offer of the columns as an object with int attributes."""
    return SimpleNamespace(
        landed_minor=int(offers.landed_minor[index]),
        seller=int(offers.seller[index]),
        bits=int(offers.bits[index]),
        rating_count=int(offers.rating_count[index]),
        rating_bp=int(offers.rating_bp[index]),
        handling_hours=int(offers.handling_hours[index]),
    )


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
    chosen = s.include_begin < s.include_end
    if chosen and not in_pool(pool, s.include_begin, s.include_end, offer.seller):
        return False
    return not in_pool(pool, s.exclude_begin, s.exclude_end, offer.seller)


def add_competitor(m: Market, s: Any, pool: list[int], forbidden: int, offer: Any) -> None:
    """Counts one competitor's offer."""
    landed, kind = offer.landed_minor, offer_class(offer.bits)
    passes = eligible(s, pool, forbidden, offer)
    wins = bool(offer.bits & OfferBit.WINNER)
    if wins and lower(m.winner_minor, landed):
        m.winner_minor, m.winner_class = landed, kind
    if wins and not passes and lower(m.unfiltered_minor, landed):
        m.unfiltered_minor, m.unfiltered_class = landed, kind
    targeted = in_pool(pool, s.target_begin, s.target_end, offer.seller)
    if targeted and lower(m.target_minor, landed):
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
        if lower(best, m.lowest[kind]):
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
    elif lost(m, snapshot):
        m.draw = 0


def lost(m: Market, snapshot: Any) -> bool:
    """We are among the offers, and somebody else is featured."""
    if m.winner_minor > 0:
        return m.own_landed_minor > 0
    return m.own_known_loser and unseen_winner(m, snapshot)


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
        offer = offer_at(offers, index)
        if index == own:
            add_own(m, offer)
        elif offer.bits & OfferBit.OWN_ACCOUNT:
            m.sister_winner |= bool(offer.bits & OfferBit.WINNER)
        else:
            add_competitor(m, s, pool, forbidden, offer)
    conclude(m, s, snapshot)
    return m
