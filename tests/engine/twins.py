"""Runs kernels over the same inputs and holds every byte of what they write equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import twin_cases as cases
from numpy.typing import NDArray

from engine.counters import new_counters
from engine.kernel import Kernel
from engine.schema import GRID, OUTCOME, ROW, STRATEGY, RowFlag

SLICE = 2_000
SIZES = (0, 1, 2, 37, 99, 1_999, 2_000, 2_001)
SHARES = (0.02, 0.03, 0.05, 0.3, 0.42, 0.06, 0.06, 0.06)
HOT = 100
LISTINGS = 2_200
STRATEGIES = 60
KINDS = (0.5, 0.25, 0.08, 0.17)
Evaluate = Callable[["Side", int], int]


class Side:
    """One kernel with its own copy of the table."""

    def __init__(self, kernel: Kernel, rows: cases.Records) -> None:
        self.kernel = kernel
        self.rows = rows.copy()
        self.grids = np.zeros(len(rows), GRID)
        self.room(SLICE)
        self.counters = new_counters()

    def room(self, size: int) -> None:
        """Space for so many proposals."""
        self.scratch, self.proposed = np.zeros(size, ROW), np.zeros(size, GRID)
        self.outcomes = np.zeros(size, OUTCOME)
        self.out = (self.scratch, self.proposed, self.outcomes)


class Twins:
    """A table evaluated by several kernels; the first is the oracle of the others."""

    def __init__(self, kernels: list[Kernel], seed: int, listings: int, strategies: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.strategies = cases.make_strategies(self.rng, strategies)
        self.pool = cases.make_pool(self.rng, self.strategies)
        assert cases.within_limits(self.strategies)
        assert self.strategies.dtype == STRATEGY
        rows = cases.make_rows(self.rng, listings, strategies)
        self.sides = [Side(kernel, rows) for kernel in kernels]
        self.oracle = self.sides[0]
        self.now_ms = cases.START_MS
        self.evaluations = 0

    def run(self, evaluations: int) -> Iterator[int]:
        """Rounds of every kind of input until that many evaluations are done."""
        while self.evaluations < evaluations:
            self.now_ms += int(self.rng.choice([1, 5_000, 60_000, 600_000, 3_600_000]))
            self.round(int(self.rng.choice(SIZES, p=SHARES)), int(self.rng.choice(4, p=KINDS)))
            yield self.evaluations
        self.compare_tables()

    def round(self, size: int, kind: int) -> None:
        """One batch: offers, feedback, commands or timers."""
        # Small batches go to few listings, so that these live through many inputs.
        reach = len(self.oracle.rows) if size > HOT else min(HOT, len(self.oracle.rows))
        ids = self.rng.integers(0, reach, size)
        if kind != 3 and self.rng.random() < 0.9:
            ids = self.rng.permutation(np.unique(ids))
        if kind == 0:
            self.offers(ids)
        elif kind == 1:
            self.feedback(ids)
        elif kind == 2:
            self.commands(ids)
        else:
            self.timers()

    def offers(self, ids: NDArray[np.int64], offers_each: int | None = None) -> None:
        """A batch of snapshots."""
        inputs, offers = cases.make_snapshots(
            self.rng, self.oracle.rows, ids, self.now_ms, offers_each
        )
        self.batch(
            len(inputs),
            lambda side, first: side.kernel.evaluate_offers(
                side.rows, side.grids, self.strategies, self.pool, inputs, first,
                min(first + SLICE, len(inputs)), offers, self.now_ms, *side.out,
            ),
        )  # fmt: skip

    def feedback(self, ids: NDArray[np.int64]) -> None:
        """A batch of feedback."""
        inputs = cases.make_feedback(self.rng, self.oracle.rows, ids, self.now_ms)
        self.batch(
            len(inputs),
            lambda side, first: side.kernel.evaluate_feedback(
                side.rows, side.grids, self.strategies, inputs, first,
                min(first + SLICE, len(inputs)), self.now_ms, *side.out,
            ),
        )  # fmt: skip

    def commands(self, ids: NDArray[np.int64]) -> None:
        """A batch of commands."""
        inputs = cases.make_commands(self.rng, self.oracle.rows, ids, len(self.strategies))
        self.batch(
            len(inputs),
            lambda side, first: side.kernel.evaluate_commands(
                side.rows, side.grids, self.strategies, inputs, first,
                min(first + SLICE, len(inputs)), self.now_ms, *side.out,
            ),
        )  # fmt: skip

    def timers(self) -> None:
        """All due timers, in scratch of an odd size."""
        room = int(self.rng.choice([1, 7, SLICE]))
        at = 0
        last = len(self.oracle.rows) if room > 7 else min(50, len(self.oracle.rows))
        while at < last:
            ends = [
                side.kernel.evaluate_timers(
                    side.rows, side.grids, self.strategies, at, last, self.now_ms,
                    *(each[:room] for each in side.out),
                )
                for side in self.sides
            ]  # fmt: skip
            assert len(set(ends)) == 1, ends
            self.compare(ends[0][0])
            at = ends[0][1]

    def batch(self, total: int, evaluate: Evaluate) -> None:
        """Slices of a batch."""
        first = 0
        while first < total:
            counts = [evaluate(side, first) for side in self.sides]
            assert len(set(counts)) == 1, counts
            assert counts[0] > 0
            self.compare(counts[0])
            first += counts[0]
        if total == 0:
            assert [evaluate(side, 0) for side in self.sides] == [0] * len(self.sides)

    def compare(self, count: int) -> None:
        """Holds proposals equal, commits most of them, and holds the tables equal."""
        self.evaluations += count
        accepted = cases.chance(self.rng, count, 0.97).astype(np.uint8)
        withdrawn = cases.chance(self.rng, count, 0.02)
        for side in self.sides:
            same("scratch", self.oracle.scratch[:count], side, side.scratch[:count])
            same("outcomes", self.oracle.outcomes[:count], side, side.outcomes[:count])
            side.kernel.commit(
                side.rows, side.grids, *side.out, accepted, self.strategies, side.counters, count,
            )  # fmt: skip
            ids = side.outcomes["listing_id"][:count]
            side.rows["flags"][ids[withdrawn]] |= np.uint16(RowFlag.WITHDRAWN)
            same("rows", self.oracle.rows[ids], side, side.rows[ids])
            same("grids", self.oracle.grids[ids], side, side.grids[ids])

    def compare_tables(self) -> None:
        """Holds whole tables and counters equal."""
        for side in self.sides:
            same("rows", self.oracle.rows, side, side.rows)
            same("grids", self.oracle.grids, side, side.grids)
            assert np.array_equal(self.oracle.counters, side.counters), side.kernel.level


def same(name: str, expected: cases.Records, side: Side, found: cases.Records) -> None:
    """Equal bytes, or a message that shows the first difference field by field."""
    if expected.tobytes() == found.tobytes():
        return
    at = next(at for at in range(len(expected)) if expected[at].tobytes() != found[at].tobytes())
    fields = [
        f"{field}: {expected[field][at]} != {found[field][at]}"
        for field in expected.dtype.names or ()
        if np.any(expected[field][at] != found[field][at])
    ]
    raise AssertionError(f"{side.kernel.level}: {name}[{at}]: " + ", ".join(fields))
