"""The frozen set in numpy: one array operation after another over whole columns.

Offers stand as ten rows of one entry a listing, so that every reduction runs along the long side;
price and class share one key, so that one minimum finds both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.frozen import Answers, Frozen
from bench.ticks import OFFERS_EACH
from engine.schema import CONDITION_BITS, CONDITION_MASK, CONDITION_SHIFT, OfferBit

NONE = np.int64(2**62)
OWN, WINNER = np.uint32(OfferBit.OWN_ACCOUNT), np.uint32(OfferBit.WINNER)
AMAZON = np.uint32(OfferBit.AMAZON)
AMAZON_FULFILLED = np.uint32(OfferBit.FULFILLED_BY_AMAZON | OfferBit.PRIME)

Column = NDArray[np.int64]


@dataclass(slots=True)
class Columns:
    """Listings and strategies as one array a field, offers as one matrix a field."""

    listing: dict[str, Column]
    strategy: dict[str, Column]
    offset_minor: Column
    offset_ppm: Column
    landed_minor: Column
    bits: NDArray[np.uint32]
    rating_bp: NDArray[np.uint16]
    rating_count: NDArray[np.uint32]
    handling_hours: NDArray[np.uint16]


LISTING_FIELDS = (
    "floor_minor", "ceiling_minor", "price_minor", "competitive_minor", "landed_offset_minor",
    "points_bp", "strategy",
)  # fmt: skip
STRATEGY_FIELDS = (
    "step_minor", "max_probe_ppm", "step_limit_minor", "step_limit_ppm",
    "respect_unfiltered_winner", "any_condition",
)  # fmt: skip
NARROW_FIELDS = ("forbidden_bits", "min_rating_bp", "min_rating_count", "max_handling_hours")


def prepare(frozen: Frozen) -> Columns:
    """Contiguous columns in the types that compute fastest."""
    rows, strategies, offers = frozen.rows, frozen.strategies, frozen.offers
    listing = {name: rows[name].astype(np.int64) for name in LISTING_FIELDS}
    listing["condition"] = (rows["flags"] & CONDITION_BITS).astype(np.int64)
    strategy = {name: strategies[name].astype(np.int64) for name in STRATEGY_FIELDS}
    strategy |= {name: strategies[name].copy() for name in NARROW_FIELDS}

    def matrix(column: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.ascontiguousarray(column.reshape(-1, OFFERS_EACH).T)

    return Columns(
        listing,
        strategy,
        strategies["offset_minor"].astype(np.int64),
        strategies["offset_ppm"].astype(np.int64),
        *(
            matrix(getattr(offers, name))  # type: ignore[arg-type]
            for name in ("landed_minor", "bits", "rating_bp", "rating_count", "handling_hours")
        ),
    )


def evaluate(c: Columns) -> Answers:
    """Item prices and reference prices."""
    at = c.listing["strategy"]
    best, kind, reference = market(c, at)
    ppm = c.offset_ppm[at, kind]
    share = best * ppm
    share = np.where(ppm > 0, -(-share // 1_000_000), share // 1_000_000)
    target = item_for(c, best + c.offset_minor[at, kind] + share)
    alone = np.flatnonzero(best == 0)
    target[alone] = alone_target(c, at[alone], alone)
    return Answers(limited(c, at, target), reference)


def market(c: Columns, at: Column) -> tuple[Column, Column, Column]:
    """Lowest price, its class, and the reference price; zero: none."""
    s = c.strategy
    others = np.uint32(CONDITION_MASK) & ~(1 << (CONDITION_SHIFT + c.listing["condition"]))
    applies = (s["any_condition"][at] == 0) & (c.listing["condition"] > 0)
    forbidden = s["forbidden_bits"][at] | np.where(applies, others, 0).astype(np.uint32)
    own = (c.bits & OWN) != 0
    passes = (c.bits & (forbidden | OWN)) == 0
    passes &= c.rating_bp >= s["min_rating_bp"][at]
    passes &= c.rating_count >= s["min_rating_count"][at]
    passes &= c.handling_hours <= s["max_handling_hours"][at]
    wins = (c.bits & WINNER) != 0
    amazon_fulfilled = (c.bits & AMAZON_FULFILLED) != 0
    kind = np.where(amazon_fulfilled, np.int64(1), np.int64(2))
    kind[(c.bits & AMAZON) != 0] = 3
    keys = np.where(passes, c.landed_minor * 4 + kind, NONE).min(axis=0)
    best = np.where(keys == NONE, 0, keys >> 2)
    unfiltered = np.where(wins & ~passes & ~own, c.landed_minor, NONE).min(axis=0)
    featured = (wins & (passes | own)).any(axis=0)
    respects = s["respect_unfiltered_winner"][at] != 0
    reference = np.where(respects & ~featured & (unfiltered != NONE), unfiltered, best)
    return best, keys & 3, reference


def item_for(c: Columns, landed: Column, where: Column | slice = slice(None)) -> Column:
    """Highest item prices that land there."""
    offset, points = c.listing["landed_offset_minor"][where], c.listing["points_bp"][where]
    return np.asarray((landed - offset) * 10_000 // (10_000 - points))


def alone_target(c: Columns, at: Column, where: Column) -> Column:
    """Halfway up to the highest price without a competitor, for the listings `where`."""
    floor = c.listing["floor_minor"][where]
    ceiling = c.listing["ceiling_minor"][where]
    present = c.listing["price_minor"][where]
    competitive = c.listing["competitive_minor"][where]
    known = np.minimum(ceiling, item_for(c, competitive, where))
    cap = np.maximum(floor, np.where(competitive > 0, known, ceiling))
    up = (cap - present) // 2
    ppm = c.strategy["max_probe_ppm"][at]
    up = np.where(ppm > 0, np.minimum(up, present * ppm // 1_000_000), up)
    raised = np.minimum(cap, present + np.maximum(c.strategy["step_minor"][at], up))
    return np.where((present > 0) & (present < cap), raised, cap)


def limited(c: Columns, at: Column, target: Column) -> Column:
    """Within the bounds and the step limits."""
    floor, present = c.listing["floor_minor"], c.listing["price_minor"]
    highest = np.maximum(floor, c.listing["ceiling_minor"])
    target = np.clip(target, floor, highest)
    base = np.clip(present, floor, highest)
    ppm = c.strategy["step_limit_ppm"][at]
    limit = c.strategy["step_limit_minor"][at]
    limit = np.where(ppm > 0, np.maximum(1, base * ppm // 1_000_000), limit)
    limit = np.where((limit == 0) | (present == 0), NONE, limit)
    return np.clip(np.clip(target, base - limit, base + limit), floor, highest)
