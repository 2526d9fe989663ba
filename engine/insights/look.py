"""One look at listings as they stand: what is counted of them, once every quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from engine.schema import (
    CLASS_BITS,
    CLASS_SHIFT,
    CycleState,
    ReferenceClass,
    RowFlag,
    StrategyKind,
)
from engine.state import State

LOOK_MS = 900_000
"""From one look to the next."""
DAY_MS = 86_400_000
FRESH_MS = DAY_MS
"""Offers that are older say nothing of who is featured now."""
SALES_DAYS = 3
"""Days, today among them, of which every hour of sales is still known (`engine.sales`)."""

NO_REFERENCE_KINDS = (StrategyKind.PUSH, StrategyKind.DAILY_PUSH, StrategyKind.FOLLOW)
"""Strategies that keep no reference price of competitors, or not a fresh one."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What looks found, added up: of one listing and day, or of many.

    Every field counts looks, but `price_sum_minor`: the sum of the live prices of `priced` looks.
    """

    looks: int = 0
    known: int = 0
    """Looks at which it was known who is featured, or that nobody is."""
    ours: int = 0
    """Of those: we were."""
    alone: int = 0
    """We were featured and there was no competitor."""
    amazon: int = 0
    """Amazon's own offer set the reference price."""
    suppressed: int = 0
    """Offers, and nobody featured."""
    out: int = 0
    """Out of stock; nothing else is counted of such a look."""
    at_floor: int = 0
    at_ceiling: int = 0
    priced: int = 0
    price_sum_minor: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each) + getattr(other, each) for each in COUNTED))


COUNTED = tuple(each.name for each in fields(Counts))

Sold = tuple[int, int, int]
"""Listing id, day since 1970-01-01 (UTC), and units of the day."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of some listings. `counts` is in the order of `COUNTED`, a row a listing."""

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    sellers: list[str]
    strategies: list[str]
    sold: list[Sold]


def look_at(state: State, first: int, last: int, now_ms: int) -> Look:
    """Looks at the listings first to last (excluded) that are active. Changes nothing."""
    catalog = state.catalog
    last = min(last, catalog.count)
    active = catalog.rows["flags"][first:last] & np.uint16(RowFlag.ACTIVE)
    ids = np.flatnonzero(active) + first
    sellers = catalog.records["seller"][ids].tolist()
    strategies = catalog.rows["strategy"][ids].tolist()
    return Look(
        ids,
        count(catalog.rows[ids], catalog.strategy_records["kind"][strategies], now_ms),
        [catalog.sellers[each].seller_id for each in sellers],
        [strategy_name(state, each) for each in strategies],
        [each for listing_id in ids.tolist() for each in sold(state, listing_id, now_ms)],
    )


def strategy_name(state: State, index: int) -> str:
    """Id of a strategy; empty for that of listings without one."""
    found = state.catalog.strategies[index]
    return found.strategy_id if found.seller_id else ""


def count(rows: NDArray[np.void], kinds: NDArray[np.uint8], now_ms: int) -> NDArray[np.int64]:
    """What one look counts of rows (`schema.ROW`) whose strategies are of these kinds."""
    flags = rows["flags"]
    price = rows["live_price_minor"]
    out = (flags & np.uint16(RowFlag.OUT_OF_STOCK)) != 0
    there = ~out & (price > 0)
    fresh = there & (rows["observed_ms"] > now_ms - FRESH_MS)
    suppressed = fresh & (rows["state"] == CycleState.SUPPRESSED)
    ours, known = featured(rows, kinds, fresh, suppressed)
    compared = ~np.isin(kinds, NO_REFERENCE_KINDS)
    reference = rows["reference_minor"]
    sets = flags >> CLASS_SHIFT & CLASS_BITS
    amazon = fresh & (kinds == StrategyKind.BUY_BOX) & (sets == ReferenceClass.AMAZON)
    alone = ours & (reference == 0) & (kinds != StrategyKind.FOLLOW)
    alone |= fresh & compared & (rows["state"] == CycleState.ALONE)
    ceiling = np.maximum(rows["floor_minor"], rows["ceiling_minor"])
    columns = {
        "looks": np.ones(len(rows), np.bool_), "known": known, "ours": ours, "alone": alone,
        "amazon": amazon & (reference > 0), "suppressed": suppressed, "out": out,
        "at_floor": there & (price <= rows["floor_minor"]),
        "at_ceiling": there & (price >= ceiling), "priced": there,
        "price_sum_minor": np.where(there, price, 0),
    }  # fmt: skip
    return np.column_stack([columns[name].astype(np.int64) for name in COUNTED])


def featured(
    rows: NDArray[np.void],
    kinds: NDArray[np.uint8],
    fresh: NDArray[np.bool_],
    suppressed: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where we are featured, and where it is known who is.

    Where offers say what the featured offer costs, it is ours if it costs what ours does. Where
    nothing but verdicts comes, BUY_BOX knows whether the last of them was won.
    """
    landed = rows["live_price_minor"] + rows["landed_offset_minor"]
    landed -= rows["live_price_minor"] * rows["points_bp"].astype(np.int64) // 10_000
    told = rows["featured_minor"] > 0
    incumbent = (rows["flags"] & np.uint16(RowFlag.INCUMBENT)) != 0
    judged = (kinds == StrategyKind.BUY_BOX) & ~told & (incumbent | (rows["draws"] > 1))
    ours = np.where(told, rows["featured_minor"] == landed, judged & incumbent)
    return fresh & ours & ~suppressed, fresh & (told | judged | suppressed)


def sold(state: State, listing_id: int, now_ms: int) -> list[Sold]:
    """Units of today and of the days of which every hour is still known; none where nobody reports
    the sales of the listing."""
    hours = state.sales.hours_of(listing_id)
    if hours is None:
        return []
    today = now_ms // DAY_MS
    units = {today: 0}
    for hour_ms, sold_then in hours.items():
        day = hour_ms // DAY_MS
        if today - SALES_DAYS < day <= today:
            units[day] = units.get(day, 0) + sold_then
    return [(listing_id, day, each) for day, each in units.items()]
