"""What the marketplace tells the seller: late, lost, repeated and out of order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.market.buybox import NOBODY
from bench.market.chance import TICK_MINUTES, Chance
from bench.market.regimes import Regime

UNSAID = -2
"""`winner` of a frame whose flags are absent."""
FLIP_NOTIFIED = 0.2
COMPETITIVE_SHOWN = 0.5
KEPT_TICKS = 16
MAX_LATE = 2
REPEAT_AFTER = 6

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frame:
    """The offers of all rows at one tick, as a message shows them. Prices in minor units.

    `winner` is a seat, NOBODY or UNSAID; `competitive` is landed, 0 where it is not shown.
    """

    item: NDArray[np.int64]  # (rows, sellers)
    listed: NDArray[np.bool_]  # (rows, sellers)
    winner: NDArray[np.int64]  # (rows,)
    competitive: NDArray[np.int64]  # (rows,)


@dataclass(frozen=True, slots=True)
class Inbox:
    """What arrives at one tick: rows with the tick that each shows, in order of arrival.

    `live` are (row, item price, tick) of prices reported as effective; `stock` are (row, quantity).
    """

    rows: Rows
    events: Rows
    live: tuple[Rows, Rows, Rows]
    stock: tuple[Rows, Rows]


class Messages:
    """The channel from the marketplace to the seller."""

    def __init__(self, regime: Regime, chance: Chance, place: NDArray[np.int64]) -> None:
        self._regime, self._chance = regime, chance
        self._frames: dict[int, Frame] = {}
        self._due: dict[int, list[tuple[Rows, Rows]]] = defaultdict(list)
        self._live_due: dict[int, list[tuple[Rows, Rows, Rows]]] = defaultdict(list)
        self._stocked = np.ones(len(place), np.bool_)
        self._winners = np.full((len(place), 2), NOBODY)
        self._poll_ticks = max(1, regime.poll_minutes // TICK_MINUTES)
        self._phase = place % self._poll_ticks

    def frame(self, tick: int) -> Frame:
        """The offers of a recent tick."""
        return self._frames[tick]

    def show(
        self, tick: int, item: NDArray[np.int64], listed: NDArray[np.bool_],
        winners: NDArray[np.int64], cap_minor: NDArray[np.int64], prime: NDArray[np.float64],
    ) -> None:  # fmt: skip
        """Keeps what a message of this tick would show. A message shows one segment's winner."""
        viewer = (self._chance.uniform("viewer", tick) >= prime).astype(np.int64)
        shown = np.take_along_axis(winners, viewer[:, None], axis=1)[:, 0]
        unsaid = self._chance.uniform("flags", tick) < self._regime.flags_absent
        tells = self._chance.uniform("competitive", tick) < COMPETITIVE_SHOWN
        self._frames[tick] = Frame(
            item.copy(), listed, np.where(unsaid, UNSAID, shown), np.where(tells, cap_minor, 0)
        )
        self._frames.pop(tick - KEPT_TICKS, None)

    def notify(
        self, tick: int, changed: NDArray[np.bool_], winners: NDArray[np.int64],
        went_live: Rows, live_item: Rows,
    ) -> None:  # fmt: skip
        """Sends the notifications of this tick and the polls that are due."""
        regime, chance = self._regime, self._chance
        flipped = (winners != self._winners).any(axis=1)
        self._winners = winners
        flipped &= chance.uniform("flips", tick) < FLIP_NOTIFIED
        arrives = chance.uniform("lost", tick) >= regime.lost
        rows = np.flatnonzero((changed | flipped) & arrives)
        late = self._late("late", tick)
        for delay in range(MAX_LATE + 1):
            self._send(tick, rows[late[rows] == delay], delay)
        again = rows[chance.uniform("repeated", tick)[rows] < regime.repeated]
        self._send(tick, again, REPEAT_AFTER)
        polled = (tick + self._phase) % self._poll_ticks == 0
        self._send(tick, np.flatnonzero(polled & (chance.uniform("poll", tick) >= 0.01)), 0)
        self._report_live(tick, went_live, live_item)

    def _late(self, purpose: str, tick: int) -> NDArray[np.int64]:
        draw = self._chance.uniform(purpose, tick)
        late = self._regime.late
        return (draw < late).astype(np.int64) + (draw < late / 3)

    def _send(self, tick: int, rows: Rows, delay: int) -> None:
        if len(rows):
            self._due[tick + delay].append((rows, np.full(len(rows), tick)))

    def _report_live(self, tick: int, rows: Rows, item: Rows) -> None:
        if not len(rows):
            return
        kept = self._chance.uniform("live lost", tick)[rows] >= self._regime.lost
        delay = self._late("live late", tick)[rows]
        for each in range(MAX_LATE + 1):
            chosen = kept & (delay == each)
            parts = rows[chosen], item[chosen], np.full(int(chosen.sum()), tick)
            self._live_due[tick + each].append(parts)

    def receive(self, tick: int, stocked: NDArray[np.bool_]) -> Inbox:
        """What arrives now. The seller knows his own stock at once."""
        found = self._due.pop(tick, [])
        none = np.zeros(0, np.int64)
        rows = np.concatenate([none, *(each for each, _ in found)])
        events = np.concatenate([none, *(each for _, each in found)])
        parts = [(none, none, none), *self._live_due.pop(tick, [])]
        live = [np.concatenate(part) for part in zip(*parts, strict=True)]
        moved = np.flatnonzero(stocked != self._stocked)
        self._stocked = stocked.copy()
        return Inbox(
            rows, events, (live[0], live[1], live[2]), (moved, stocked[moved].astype(np.int64))
        )
