"""The frozen set: one fixed batch that the kernel and every peer work out, with equal answers.

10,000 listings with ten offers each and sixteen MATCH strategies. For each listing:

1. Filter. An offer counts unless it is ours, has an attribute that the strategy's filter or the
   listing's condition forbids, or has too low a rating, too few ratings or too long a handling.
2. Reference price. The lowest landed price among the offers that count, and its class (Amazon,
   fulfilled by Amazon or Prime, merchant; the lower code wins a tie). Where neither we nor an
   offer that counts holds the Buy Box and a filtered-out one does, the reference price is his.
3. MATCH. The strategy's distance from the lowest price, by its class: an amount and a share in
   parts per million, rounded up above and down below; then the item price that lands there.
4. Alone. Where no offer counts: halfway up to the lower of ceiling and competitive price, at most
   the strategy's largest raise and at least one step; down to it at once.
5. Clamp and step limit. Into the bounds (the floor wins), no farther from the present price than
   the strategy allows, and into the bounds again. A first price is limited by its bounds alone.

The answer is the item price and the reference price of each listing. The kernel does more than
that in the same time: clocks, changes per hour, states, reasons, counters and the commit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.ticks import Bench, Ints, Records, Tick, random_offers, show_own, snapshots_of
from engine.columns import OfferColumns
from engine.room import Room
from engine.schema import (
    PREMIUM_UNKNOWN,
    ROW,
    Condition,
    CycleState,
    MatchTarget,
    RowFlag,
    StrategyKind,
)
from engine.strategies import Filter, Offset, StrategyDefinition, compile_strategy

SEED = 20_240_811
LISTINGS = 10_000
STRATEGIES = 16
NOW_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Frozen:
    """The set. `rows` is `schema.ROW`, `strategies` `schema.STRATEGY`; ten offers a listing."""

    rows: Records
    strategies: Records
    snapshots: Records
    offers: OfferColumns

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Answers:
    """Item price and landed reference price (zero: none) of each listing."""

    price_minor: Ints
    reference_minor: Ints


def make(listings: int = LISTINGS) -> Frozen:
    """The frozen set, or the same of another size."""
    rng = np.random.default_rng(SEED)
    base = rng.integers(800, 20_000, listings)
    rows = listing_rows(rng, base)
    offers = random_offers(rng, base, other_conditions=0.1)
    # Every eighth listing has no competitor that counts.
    offers.rating_bp[: listings * 10].reshape(-1, 10)[::8] = 100
    tick = Tick(snapshots_of(np.arange(listings), NOW_MS), offers, NOW_MS)
    show_own(tick, rows, rng.random(listings) < 0.5, rng.random(listings) < 0.5)
    return Frozen(rows, strategy_records(rng), tick.snapshots, offers)


def listing_rows(rng: np.random.Generator, base: Ints) -> Records:
    """Rows with a live price; one in twenty has none yet, some stand outside their bounds."""
    count = len(base)
    rows = Room(ROW).records(count)
    rows["floor_minor"] = base * rng.integers(60, 105, count) // 100
    rows["ceiling_minor"] = base * rng.integers(95, 200, count) // 100
    rows["price_minor"] = base * rng.integers(80, 130, count) // 100 * (rng.random(count) < 0.95)
    rows["competitive_minor"] = base * (rng.random(count) < 0.5)
    rows["landed_offset_minor"] = rng.integers(0, 600, count) * (rng.random(count) < 0.4)
    rows["points_bp"] = rng.integers(0, 300, count) * (rng.random(count) < 0.2)
    rows["strategy"] = rng.integers(0, STRATEGIES, count)
    rows["flags"] = RowFlag.ACTIVE | Condition.NEW
    rows["state"], rows["draws"] = CycleState.HOLDING, 1
    for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
        rows[name] = PREMIUM_UNKNOWN
    return rows


def strategy_records(rng: np.random.Generator) -> Records:
    """Sixteen MATCH strategies, with and without step limit, largest raise and filters."""

    def offset() -> Offset:
        return Offset(int(rng.integers(-60, 40)), int(rng.integers(-200, 150)))

    def one(at: int) -> StrategyDefinition:
        return StrategyDefinition(
            "seller",
            f"match-{at}",
            "EUR",
            StrategyKind.MATCH,
            Filter(
                fulfilments=((), (1,), (2,))[at % 3],
                any_condition=at % 4 == 0,
                unfeatured_merchants=at % 5 == 0,
                unavailable_offers=at % 7 == 0,
                min_rating_bp=int(rng.integers(6_500, 8_500)),
                min_rating_count=int(rng.integers(0, 3_000)),
                max_handling_hours=int(rng.integers(24, 72)),
                exclude_amazon=at % 2 == 0,
            ),
            step_minor=1 + at % 3,
            step_limit_bp=0 if at % 3 else 500,
            step_limit_minor=0 if at % 3 != 1 else 250,
            max_probe_bp=0 if at % 2 else 800,
            offsets=(offset(), offset(), offset()),
            targets=(MatchTarget.LOWEST,),
            ignore_unfiltered_winner=at % 4 == 3,
        )

    pool: list[int] = []
    return np.concatenate([compile_strategy(one(at), pool) for at in range(STRATEGIES)])


class KernelSide:
    """The kernel on the frozen set; `restore` puts the rows back, which a run changes."""

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.tick = Tick(frozen.snapshots, frozen.offers, NOW_MS)
        no_lists: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.bench = Bench(Room(ROW).records(len(frozen)), frozen.strategies, no_lists)

    def restore(self) -> None:
        """The rows as they were."""
        self.bench.rows[:] = self.frozen.rows

    def evaluate(self) -> None:
        """Evaluates and commits the whole set."""
        self.bench.evaluate(self.tick)

    def answers(self) -> Answers:
        """Works the set out once, aside of any timing, and keeps every outcome."""
        self.restore()
        self.evaluate()
        rows = self.bench.rows
        return Answers(rows["price_minor"].copy(), rows["reference_minor"].copy())
