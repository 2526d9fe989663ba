"""The accounting of breaker and spiral guard in native passes, equal to the twins they extend.

What happens rarely (a breaker that trips, a price that is held, a listing that moves for the first
time) stays with the twins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import _guards, _spirals
from engine.guards.breaker import SPANS, Breaker, Trip, Weights
from engine.guards.settings import GuardSettings
from engine.guards.slices import Slice, Slots
from engine.guards.spiral import Ints, Spirals
from engine.guards.watch import WatchTable
from engine.room import as_bytes

FIELDS_SUMMED = 5
NOWHERE: Slots = np.zeros(0, np.intp)


class NativeBreaker(Breaker):
    """Breakers whose windows are counted natively."""

    def __init__(self, watch: WatchTable) -> None:
        super().__init__(watch)
        self._sums = np.zeros((0, FIELDS_SUMMED), np.int64)

    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        groups = len(self._watch.groups)
        for window in self.windows:
            window.cover(groups)
        if groups > len(self._sums):
            self._sums = np.zeros((2 * groups, FIELDS_SUMMED), np.int64)
        shorter, longer = self.windows
        return shorter.counts, longer.counts

    def _known_resets(self) -> NDArray[np.int64]:
        return self._resets() if self.reset_s else np.zeros(0, np.int64)

    def see(self, part: Slice) -> None:
        """As the twin."""
        _guards.see(
            self._watch.bytes, part.outcome_bytes, *self._counts(), self._known_resets(),
            part.now_s,
        )  # fmt: skip

    def weigh(
        self, part: Slice, slots: Slots, settings: GuardSettings
    ) -> tuple[Weights, list[Trip]]:
        """As the twin."""
        weights = np.empty((len(SPANS), 2, len(slots)), np.int64)
        limits = (
            settings.breaker_listings, settings.breaker_share_bp, settings.breaker_depth_bp,
            settings.breaker_day_depth_bp,
        )  # fmt: skip
        crashed = _guards.weigh(
            self._watch.bytes, part.outcome_bytes, slots, *self._counts(), self._known_resets(),
            part.now_s, *limits, weights, self._sums,
        )  # fmt: skip
        if not crashed:
            return weights, []
        groups = self._watch.records["group"][part.ids[slots]].astype(np.int64)
        return weights, self._trips(groups, weights, part.now_s, settings)

    def count(self, part: Slice, slots: Slots, weights: Weights) -> None:
        """As the twin."""
        _guards.count(
            self._watch.bytes, part.outcome_bytes, slots, *self._counts(), weights, part.now_s
        )


class NativeSpirals(Spirals):
    """Spirals whose moves and answers are counted natively."""

    def answers(self, part: Slice, settings: GuardSettings) -> Slots:
        """As the twin."""
        if self.used == 1:
            return NOWHERE
        limits = settings.spiral_answer_s, settings.spiral_moves, settings.spiral_distance_bp
        found = np.empty(len(part.scratch), np.intp)
        used = _spirals.answers(
            self._watch.bytes, as_bytes(self.movers), part.outcome_bytes,
            *part.source.columns(), part.now_s, *limits, found,
        )  # fmt: skip
        return found[:used]

    def held(self, part: Slice, among: Slots) -> tuple[Slots, Ints]:
        """As the twin."""
        any_held = _spirals.held(
            self._watch.bytes, as_bytes(self.movers), part.outcome_bytes, among, part.now_s
        )
        return super().held(part, among) if any_held else (NOWHERE, NOWHERE)

    def move(self, part: Slice, moved: Slots) -> None:
        """As the twin."""
        self._admit(part.ids[moved], part.now_s)
        _spirals.move(
            self._watch.bytes, as_bytes(self.movers), part.outcome_bytes, moved,
            *part.source.columns(), part.now_s,
        )  # fmt: skip
