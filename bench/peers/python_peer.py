"""The frozen set in plain Python: objects with slots, loops, and nothing imported."""

from __future__ import annotations

from dataclasses import dataclass

from bench.frozen import Frozen
from engine.schema import (
    CONDITION_BITS,
    CONDITION_MASK,
    CONDITION_SHIFT,
    OfferBit,
    ReferenceClass,
)

# Plain ints: operators of enum members cost a call each.
OWN, WINNER, AMAZON = int(OfferBit.OWN_ACCOUNT), int(OfferBit.WINNER), int(OfferBit.AMAZON)
AMAZON_FULFILLED = int(OfferBit.FULFILLED_BY_AMAZON | OfferBit.PRIME)
BY_AMAZON, BY_MERCHANT = (
    int(ReferenceClass.AMAZON_FULFILLED),
    int(ReferenceClass.MERCHANT_FULFILLED),
)
SOLD_BY_AMAZON = int(ReferenceClass.AMAZON)


LISTING_FIELDS = (
    "floor_minor", "ceiling_minor", "price_minor", "competitive_minor", "landed_offset_minor",
    "points_bp",
)  # fmt: skip


@dataclass(slots=True)
class Offer:
    landed_minor: int
    bits: int
    rating_bp: int
    rating_count: int
    handling_hours: int


@dataclass(slots=True)
class Strategy:
    forbidden_bits: int
    any_condition: int
    min_rating_bp: int
    min_rating_count: int
    max_handling_hours: int
    offset_minor: list[int]
    offset_ppm: list[int]
    step_minor: int
    max_probe_ppm: int
    step_limit_minor: int
    step_limit_ppm: int
    respect_unfiltered_winner: int


@dataclass(slots=True)
class Listing:
    floor_minor: int
    ceiling_minor: int
    price_minor: int
    competitive_minor: int
    landed_offset_minor: int
    points_bp: int
    condition: int
    strategy: Strategy
    offers: list[Offer]


def prepare(frozen: Frozen) -> list[Listing]:
    """The columns as objects."""
    names = Strategy.__slots__
    strategies = [Strategy(*(each[name].tolist() for name in names)) for each in frozen.strategies]
    columns = frozen.offers
    offers = [
        Offer(*values)
        for values in zip(
            columns.landed_minor.tolist(),
            columns.bits.tolist(),
            columns.rating_bp.tolist(),
            columns.rating_count.tolist(),
            columns.handling_hours.tolist(),
            strict=True,
        )
    ]
    return [
        Listing(
            **{name: row[name].item() for name in LISTING_FIELDS},
            condition=int(row["flags"]) & CONDITION_BITS,
            strategy=strategies[int(row["strategy"])],
            offers=offers[snapshot["offer_begin"] : snapshot["offer_end"]],
        )
        for row, snapshot in zip(frozen.rows, frozen.snapshots, strict=True)
    ]


def evaluate(listings: list[Listing]) -> list[tuple[int, int]]:
    """Item price and reference price of each listing."""
    return [price(each) for each in listings]


def price(listing: Listing) -> tuple[int, int]:
    """Item price and reference price of one listing."""
    strategy = listing.strategy
    forbidden = strategy.forbidden_bits
    if not strategy.any_condition and listing.condition:
        forbidden |= CONDITION_MASK & ~(1 << CONDITION_SHIFT + listing.condition)
    best = best_class = unfiltered = 0
    featured = False
    for offer in listing.offers:
        bits = offer.bits
        if bits & OWN:
            featured = featured or bits & WINNER != 0
        elif (
            bits & forbidden
            or offer.rating_bp < strategy.min_rating_bp
            or offer.rating_count < strategy.min_rating_count
            or offer.handling_hours > strategy.max_handling_hours
        ):
            if bits & WINNER and (unfiltered == 0 or offer.landed_minor < unfiltered):
                unfiltered = offer.landed_minor
        else:
            featured = featured or bits & WINNER != 0
            landed = offer.landed_minor
            if best == 0 or landed <= best:
                kind = class_of(bits)
                if best == 0 or landed < best or kind < best_class:
                    best, best_class = landed, kind
    reference = best
    if strategy.respect_unfiltered_winner and not featured and unfiltered:
        reference = unfiltered
    if best == 0:
        return limited(listing, alone_target(listing)), reference
    return limited(listing, item_for(listing, with_offset(strategy, best, best_class))), reference


def class_of(bits: int) -> int:
    """Who makes an offer."""
    if bits & AMAZON:
        return SOLD_BY_AMAZON
    return BY_AMAZON if bits & AMAZON_FULFILLED else BY_MERCHANT


def with_offset(strategy: Strategy, landed: int, kind: int) -> int:
    """Landed target: a share rounded up above and down below, and an amount."""
    ppm = strategy.offset_ppm[kind]
    share = -(-landed * ppm // 1_000_000) if ppm > 0 else landed * ppm // 1_000_000
    return landed + strategy.offset_minor[kind] + share


def item_for(listing: Listing, landed: int) -> int:
    """Highest item price that lands there."""
    return (landed - listing.landed_offset_minor) * 10_000 // (10_000 - listing.points_bp)


def clamp(listing: Listing, item: int) -> int:
    """Into the bounds; the floor wins."""
    return max(listing.floor_minor, min(item, listing.ceiling_minor))


def alone_target(listing: Listing) -> int:
    """Halfway up to the highest price without a competitor."""
    strategy, present = listing.strategy, listing.price_minor
    cap = listing.ceiling_minor
    if listing.competitive_minor > 0:
        cap = min(cap, item_for(listing, listing.competitive_minor))
    cap = clamp(listing, cap)
    if not 0 < present < cap:
        return cap
    up = (cap - present) // 2
    if strategy.max_probe_ppm > 0:
        up = min(up, present * strategy.max_probe_ppm // 1_000_000)
    return min(cap, present + max(strategy.step_minor, up))


def limited(listing: Listing, item: int) -> int:
    """Within the bounds and no farther from the present price than the strategy allows."""
    target = clamp(listing, item)
    if listing.price_minor == 0:
        return target
    base = clamp(listing, listing.price_minor)
    limit = listing.strategy.step_limit_minor
    if listing.strategy.step_limit_ppm > 0:
        limit = max(1, base * listing.strategy.step_limit_ppm // 1_000_000)
    if limit:
        target = max(base - limit, min(target, base + limit))
    return clamp(listing, target)
