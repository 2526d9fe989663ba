"""The breaker: when the prices of a seller crash in a marketplace, it holds the falls.

Two windows of journal time slide over each seller and marketplace: ten minutes and a day. A window
knows how many of the seller's listings were evaluated in it, how many of them stand lower than
when it first saw them fall, and how far. Windows advance by buckets and never reach back less
than they say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.guards.settings import GuardSettings
from engine.guards.slices import Slice, Slots
from engine.guards.watch import WatchTable

Ints = NDArray[np.int64]
Weights = NDArray[np.int64]
"""How far each change lets a price stand below where it fell from, in ppm: by window, before and
after, by slot."""

MILLION = 1_000_000
PPM_PER_BP = 100
SPANS = ((60, 10), (3_600, 24))
"""Seconds of a bucket and buckets of a window: ten minutes and a day."""
FIELDS = STAMP, SEEN, FALLING, DEPTH = range(4)
"""What a window keeps: the bucket's number, and counts."""


class Window:
    """Counts of one window by group, field and bucket; the depth is a sum of ppm over listings."""

    def __init__(self, bucket_s: int, buckets: int) -> None:
        self.bucket_s = bucket_s
        self.ring = buckets + 1
        self.counts = np.zeros((0, len(FIELDS), self.ring), np.int64)

    def cover(self, groups: int) -> None:
        """Makes room for groups below a number."""
        if groups > len(self.counts):
            shape = (max(groups, 2 * len(self.counts)), len(FIELDS), self.ring)
            grown = np.zeros(shape, np.int64)
            grown[: len(self.counts)] = self.counts
            self.counts = grown

    def sums(self, groups: Ints, now_s: int) -> Ints:
        """Each field of these groups over the whole window, the stamps aside: shape (3, n)."""
        counts = self.counts[groups]
        valid = counts[:, STAMP] > now_s // self.bucket_s - self.ring
        summed: Ints = (counts[:, SEEN:] * valid[:, np.newaxis]).sum(axis=2).T
        return summed

    def open(self, groups: Ints, now_s: int) -> int:
        """Begins the present bucket of these groups where it is new; returns its place."""
        bucket = now_s // self.bucket_s
        at = bucket % self.ring
        old = groups[self.counts[groups, STAMP, at] != bucket]
        if len(old):
            self.counts[old, :, at] = 0
            self.counts[old, STAMP, at] = bucket
        return at

    def kept(self, groups: Ints, times_s: Ints, now_s: int) -> NDArray[np.bool_]:
        """Whether what was counted at these times is still in the window."""
        bucket = times_s // self.bucket_s
        recent = bucket > now_s // self.bucket_s - self.ring
        kept: NDArray[np.bool_] = recent & (
            self.counts[groups, STAMP, bucket % self.ring] == bucket
        )
        return kept

    def see(self, groups: Ints, before_s: Ints, now_s: int) -> None:
        """Counts each listing as evaluated now and no longer as evaluated before."""
        moved = before_s // self.bucket_s != now_s // self.bucket_s
        if not moved.any():
            return
        groups, before_s = groups[moved], before_s[moved]
        kept = self.kept(groups, before_s, now_s)
        places = before_s[kept] // self.bucket_s % self.ring
        self._add(groups[kept], SEEN, places, -1)
        self._add(groups, SEEN, self.open(groups, now_s), 1)

    def count(self, groups: Ints, before_s: Ints, old_ppm: Ints, new_ppm: Ints, now_s: int) -> None:
        """Moves what each listing contributes from where it was counted to the present."""
        was = np.flatnonzero(old_ppm > 0)
        places = before_s[was] // self.bucket_s % self.ring
        self._add(groups[was], FALLING, places, -1)
        self._add(groups[was], DEPTH, places, -old_ppm[was])
        at = self.open(groups, now_s)
        falls = new_ppm > 0
        self._add(groups[falls], FALLING, at, 1)
        self._add(groups[falls], DEPTH, at, new_ppm[falls])

    def _add(self, groups: Ints, field: int, places: Ints | int, amounts: Ints | int) -> None:
        flat = (groups * len(FIELDS) + field) * self.ring + places
        np.add.at(self.counts.reshape(-1), flat, amounts)


@dataclass(slots=True)
class Trip:
    """A breaker that tripped: its group and what it saw."""

    group: int
    seen: int
    falling: int
    depth_bp: int
    window_s: int


class Breaker:
    """Windows, and which groups are tripped (by hold id). Bounded by sellers and marketplaces.

    This is the twin in numpy of `native.NativeBreaker`.
    """

    def __init__(self, watch: WatchTable) -> None:
        self._watch = watch
        self.windows = [Window(*span) for span in SPANS]
        self.tripped: dict[int, int] = {}
        self.reset_s: dict[int, int] = {}

    def see(self, part: Slice) -> None:
        """Counts listings as evaluated, once a minute."""
        records, now_s = self._watch.records, part.now_s
        ids, groups = part.ids, self._watch.groups_of(part.catalog, part.ids)
        before = records["seen_s"][ids].astype(np.int64)
        before = np.where(before <= self._resets()[groups], 0, before)
        again = before // SPANS[0][0] != now_s // SPANS[0][0]
        ids, groups, before = ids[again], groups[again], before[again]
        for window in self.windows:
            window.cover(len(self._watch.groups))
            window.see(groups, before, now_s)
        records["seen_s"][ids] = now_s

    def _resets(self) -> Ints:
        """When each group was reset last."""
        resets = np.zeros(len(self._watch.groups), np.int64)
        resets[list(self.reset_s)] = list(self.reset_s.values())
        return resets

    def weigh(
        self, part: Slice, slots: Slots, settings: GuardSettings
    ) -> tuple[Weights, list[Trip]]:
        """Weights of these changes, and the breakers that trip once they are counted."""
        records, ids = self._watch.records, part.ids[slots]
        groups = records["group"][ids].astype(np.int64)
        previous, price = part.prices(slots)
        changed_s = records["changed_s"][ids].astype(np.int64)
        valid = changed_s > self._resets()[groups]
        weights = np.zeros((len(SPANS), 2, len(slots)), np.int64)
        for at, window in enumerate(self.windows):
            window.cover(len(self._watch.groups))
            kept = valid & window.kept(groups, changed_s, part.now_s)
            old = np.where(kept, records["fall_ppm"][ids, at], 0).astype(np.int64)
            weights[at] = old, np.maximum(0, MILLION - (MILLION - old) * price // previous)
        return weights, self._trips(groups, weights, part.now_s, settings)

    def _trips(
        self, groups: Ints, weights: Weights, now_s: int, settings: GuardSettings
    ) -> list[Trip]:
        depths = (settings.breaker_depth_bp, settings.breaker_day_depth_bp)
        found: dict[int, Trip] = {}
        present, at = np.unique(groups, return_inverse=True)
        for window, (old, new), least_bp in zip(self.windows, weights, depths, strict=True):
            seen, falling, depth = window.sums(present, now_s)
            np.add.at(falling, at, (new > 0).astype(np.int64) - (old > 0))
            np.add.at(depth, at, new - old)
            depth_bp = depth // np.maximum(1, falling) // PPM_PER_BP
            crash = (seen >= settings.breaker_listings) & (depth_bp >= least_bp)
            crash &= falling * 10_000 >= seen * settings.breaker_share_bp
            for place in np.flatnonzero(crash).tolist():
                group = int(present[place])
                if group not in self.tripped and group not in found:
                    found[group] = Trip(
                        group, int(seen[place]), int(falling[place]), int(depth_bp[place]),
                        window.bucket_s * (window.ring - 1),
                    )  # fmt: skip
        return list(found.values())

    def count(self, part: Slice, slots: Slots, weights: Weights) -> None:
        """Counts changes that go out, with the weights of these slots."""
        records, ids = self._watch.records, part.ids[slots]
        groups = records["group"][ids].astype(np.int64)
        before = records["changed_s"][ids].astype(np.int64)
        for at, (window, (old, new)) in enumerate(zip(self.windows, weights, strict=True)):
            window.count(groups, before, old, new, part.now_s)
            records["fall_ppm"][ids, at] = new
        records["changed_s"][ids] = part.now_s

    def reset(self, group: int, now_s: int) -> None:
        """Forgets a trip and all that led to it."""
        self.tripped.pop(group, None)
        self.reset_s[group] = now_s
        for window in self.windows:
            window.cover(group + 1)
            window.counts[group] = 0
