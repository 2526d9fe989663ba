"""Rows of the table that stay below the wire: the kernel against a copy and against its peers."""

from __future__ import annotations

import platform
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from bench import frozen
from bench.ratios import Pairs, Side, measure
from bench.report import FASTER, OVER_FLOOR, Result, result
from bench.ticks import (
    OFFERS_EACH,
    POOL,
    Bench,
    Ints,
    Records,
    Tick,
    random_offers,
    show_own,
    snapshots_of,
)
from engine.counters import tables
from engine.room import Room
from engine.schema import (
    FIRST_UNCHANGED_REASON,
    PREMIUM_UNKNOWN,
    ROW,
    Condition,
    CycleState,
    MatchTarget,
    Reason,
    RowFlag,
    StrategyKind,
)
from engine.strategies import Filter, StrategyDefinition, compile_strategy

SEED = 7
HELD = 1_000_000
BATCH = 10_000
NOW_MS = 1_700_000_000_000
MINUTE_MS = 60_000
SETTLING_TICKS = 4
SETTLING_BATCH = 50_000
MORE_PAIRS = 4
"""A run takes milliseconds: more pairs than asked for cost little and steady the median."""
PEERS = ("numpy", "numba", "polars", "python")


class Market:
    """A million listings in all states of the cycle, and fresh random batches for them."""

    def __init__(self, held: int, batch: int) -> None:
        self.rng = np.random.default_rng(SEED)
        self.base = self.rng.integers(800, 20_000, held)
        self.batch = batch
        self.now_ms = NOW_MS
        strategies, pool = strategy_records()
        self.bench = Bench(self._rows(len(strategies)), strategies, pool)
        self._order = self.rng.permutation(held)
        self._taken = 0
        self._settle()

    def _rows(self, strategies: int) -> Records:
        count = len(self.base)
        rows = Room(ROW).records(count)
        rows["floor_minor"] = self.base * 7 // 10
        rows["ceiling_minor"] = self.base * 16 // 10
        rows["price_minor"] = self.base * self.rng.integers(90, 120, count) // 100
        rows["landed_offset_minor"] = self.rng.integers(0, 500, count)
        rows["strategy"] = self.rng.integers(0, strategies, count)
        rows["flags"] = RowFlag.ACTIVE | Condition.NEW
        rows["state"], rows["draws"], rows["reason"] = CycleState.SEEKING, 1, Reason.NEW
        for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
            rows[name] = PREMIUM_UNKNOWN
        return rows

    def _settle(self) -> None:
        """Some hours of trade over all listings, so that every state occurs."""
        for _ in range(SETTLING_TICKS):
            self.now_ms += 40 * MINUTE_MS
            self.bench.advance(self.now_ms)
            for first in range(0, len(self.base), SETTLING_BATCH):
                last = min(first + SETTLING_BATCH, len(self.base))
                self.bench.evaluate(self._tick(np.arange(first, last)))
        self.now_ms += 40 * MINUTE_MS
        self.bench.advance(self.now_ms)

    def _tick(self, listing_ids: Ints) -> Tick:
        count = len(listing_ids)
        offers = random_offers(self.rng, self.base[listing_ids])
        tick = Tick(snapshots_of(listing_ids, self.now_ms), offers, self.now_ms)
        shown, won = self.rng.random(count) < 0.8, self.rng.random(count) < 0.6
        show_own(tick, self.bench.rows, shown, won)
        return tick

    def next_tick(self) -> Tick:
        """Snapshots of random listings; none comes again before all had their turn."""
        if self._taken + self.batch > len(self._order):
            self._order, self._taken = self.rng.permutation(len(self.base)), 0
        listing_ids = self._order[self._taken : self._taken + self.batch]
        self._taken += self.batch
        self.now_ms += 1_000
        return self._tick(listing_ids)


def strategy_records() -> tuple[Records, Any]:
    """Sixteen strategies: ten BUY_BOX, four MATCH, two FIXED; two exclude sellers by name."""

    def one(at: int) -> StrategyDefinition:
        kind = (StrategyKind.BUY_BOX, StrategyKind.MATCH, StrategyKind.FIXED)[(at > 9) + (at > 13)]
        return StrategyDefinition(
            "seller",
            f"strategy-{at}",
            "EUR",
            kind,
            Filter(
                min_rating_bp=7_000 + 100 * at,
                min_rating_count=10 * at,
                max_handling_hours=72 - at,
            ),
            min_samples=1 + at % 3,
            step_limit_bp=0 if at % 2 else 1_000,
            targets=(MatchTarget.LOWEST,),
            fixed_minor=4_000 + at,
        )

    keys: list[int] = []
    records = np.concatenate([compile_strategy(one(at), keys) for at in range(16)])
    excluded = np.sort(POOL[:5])
    records["exclude_end"][[3, 11]] = len(excluded)
    return records, excluded


def kernel_vs_copy(pairs: int, tiny: bool) -> Result:
    """Evaluating and committing random rows, against copying the same rows and offers."""
    held, batch = (20_000, 1_000) if tiny else (HELD, BATCH)
    market = Market(held, batch)
    before = tables(market.bench.counters.copy()).outcomes
    found = measure(
        Side(market.next_tick, market.bench.evaluate),
        Side(market.next_tick, market.bench.copy),
        pairs * MORE_PAIRS,
    )
    outcomes = tables(market.bench.counters).outcomes - before
    conditions = {
        "listings_held": held,
        "listings": batch,
        "offers_each": OFFERS_EACH,
        "changed_prices": round(
            float(outcomes[:, :FIRST_UNCHANGED_REASON].sum() / outcomes.sum()), 3
        ),
    }
    return result("kernel_vs_copy", found, OVER_FLOOR, batch, conditions)


def against(peer: str, pairs: int, listings: int) -> tuple[Pairs, frozen.Frozen]:
    """The frozen set by the kernel and by one peer."""
    work = frozen.make(listings)
    ours = frozen.KernelSide(work)
    module = import_module(f"bench.peers.{peer}_peer")
    prepared = module.prepare(work)
    found = measure(
        Side(ours.restore, lambda _: ours.evaluate()),
        Side(lambda: prepared, module.evaluate),
        pairs * MORE_PAIRS,
    )
    return found, work


def kernel_vs_peer(peer: str, pairs: int, tiny: bool) -> Result:
    """How many times faster the kernel works out the frozen set than a peer does."""
    listings = 500 if tiny else frozen.LISTINGS
    found, work = against(peer, pairs, listings)
    conditions = {
        "listings": len(work),
        "offers_each": OFFERS_EACH,
        "strategies": len(work.strategies),
        "peer": peer,
        "peer_version": platform.python_version() if peer == "python" else version(peer),
    }
    return result(f"kernel_vs_{peer}", found, FASTER, listings, conditions)
