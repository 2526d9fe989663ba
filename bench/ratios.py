"""Ratios of two ways of doing something, measured in interleaved pairs of one run.

Machines and neighbours change from second to second; two runs that follow each other at once see
the same machine. So each pair gives one ratio, and the median of the ratios is the result.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PAIRS = 30
WARM_UPS = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: `prepare` is not timed, and `run` is timed with what `prepare` gave."""

    prepare: Callable[[], Any]
    run: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of each run of either side; runs of one index were next to each other."""

    ours: list[float]
    theirs: list[float]

    @property
    def ours_s(self) -> float:
        """Median of our side."""
        return statistics.median(self.ours)

    def over_floor(self) -> list[float]:
        """Ours over the floor, pair by pair: how many times the floor's time we take."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    def times_faster(self) -> list[float]:
        """The peer over ours, pair by pair: how many times faster we are."""
        return [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True)]


@contextmanager
def no_collection() -> Iterator[None]:
    """Keeps the garbage collector of this process away from both sides alike."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def timed(side: Side) -> float:
    """Seconds of one run."""
    prepared = side.prepare()
    begun = time.perf_counter()
    side.run(prepared)
    return time.perf_counter() - begun


def measure(ours: Side, theirs: Side, pairs: int = PAIRS, warm_ups: int = WARM_UPS) -> Pairs:
    """Runs both sides in turn, the first of a pair alternating, after equal warm-ups."""
    found = Pairs([], [])
    with no_collection():
        for turn in range(-warm_ups, pairs):
            if turn % 2:
                theirs_s, ours_s = timed(theirs), timed(ours)
            else:
                ours_s, theirs_s = timed(ours), timed(theirs)
            if turn >= 0:
                found.ours.append(ours_s)
                found.theirs.append(theirs_s)
    return found


def summary(ratios: list[float]) -> tuple[float, float, float]:
    """Median, 10th and 90th percentile."""
    if len(ratios) == 1:
        return ratios[0], ratios[0], ratios[0]
    tenths = statistics.quantiles(ratios, n=10, method="inclusive")
    return statistics.median(ratios), tenths[0], tenths[-1]
