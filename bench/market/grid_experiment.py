"""An experiment, not the product: a grid posterior over the premium at which we lose the Buy Box.

What a learner of one byte a cell would earn: 64 cells for the premium that takes the Buy Box and
64 for the one that keeps it. Integers only, as the engine would need it; the tables below would be
constants. A cell is a threshold premium and a softness; it holds how unlikely it is, in eighths of
a bit, saturating. Each flag that comes with our own price and a reference price updates every cell,
whatever became of our last decision; evidence ages by shrinking. The price is the one with the
highest expected profit, or a higher one that is worth trying: what winning there would add over
HORIZON_TICKS against what losing would cost for RETREAT_TICKS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.market.chance import TICK_MINUTES, TICKS_A_DAY
from bench.market.messages import UNSAID, Frame, Inbox
from bench.market.policies import Decisions, Watcher
from bench.market.world import OURS, World

Ints = NDArray[np.int64]

CELLS = 32
WIDTH_PPM = 7_500
LOWEST_PPM = -90_000
FINE = 4
"""Prices are looked at in quarters of a cell."""
SOFTNESS = (2, 10)
"""Scale of the two shapes, in tenths of a cell."""
BITS = 8
SATURATED = 255
ONE = 1 << 12
LAPSE = 0.02
"""Part of the flags that say nothing about the price."""
AGE_TICKS = 12 * 60 // TICK_MINUTES
AGE_SHIFT = 4
HORIZON_TICKS = 2 * TICKS_A_DAY
RETREAT_TICKS = 12
COOLDOWN_TICKS = 6 * 60 // TICK_MINUTES
BETTER_PPM = 10_000
KEPT_PCT = 85
"""What the referral fee leaves of a landed price."""

FINE_PPM = WIDTH_PPM // FINE
STEPS = CELLS * FINE
PRICES_PPM = LOWEST_PPM + FINE_PPM * np.arange(STEPS)


def win_table() -> Ints:
    """Chance to win in parts of ONE, (shape, threshold, price step)."""
    threshold = np.arange(CELLS)[:, None] + 0.5
    price = np.arange(STEPS)[None, :] / FINE
    wins = [
        LAPSE / 2 + (1 - LAPSE) / (1 + np.exp(np.clip((price - threshold) / (soft / 10), -60, 60)))
        for soft in SOFTNESS
    ]
    return np.round(np.stack(wins) * ONE).astype(np.int64)


WIN = win_table()
PENALTY = np.stack(
    [np.round(-BITS * np.log2(each / ONE)).astype(np.int64) for each in (ONE - WIN, WIN)]
)
"""How unlikely lost and won make a cell, (lost or won, shape, threshold, price step)."""
WEIGHT = np.round((1 << 16) * 2.0 ** (-np.arange(SATURATED + 1) / BITS)).astype(np.int64)


TAKE, KEEP = 0, 1


class GridExperiment(Watcher):
    """BUY_BOX with a grid posterior; costs and fees are known."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        rows = len(world)
        self.grid = np.zeros((2, rows, len(SOFTNESS), CELLS), np.int64)  # to take, to keep
        self.grid[:] = np.abs(np.arange(CELLS) - 13) * 2
        self._holds = np.zeros(rows, np.int64)
        self._rest_until = np.zeros(rows, np.int64)
        self._best: Ints = np.full(rows, -1)
        self._trying = np.zeros(rows, np.bool_)

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """Learns from the newest messages and sets the price of the rows they tell about."""
        if tick % AGE_TICKS == AGE_TICKS - 1:
            self.grid -= self.grid >> AGE_SHIFT
        before = self.seen.event.copy()
        rows = self.watch(inbox, frame)
        for event in np.unique(self.seen.event[rows]).tolist():
            told = rows[(self.seen.event[rows] == event) & (before[rows] < event)]
            self._learn(told, frame(event), tick)
        return self.settle(rows, self._target(rows, tick))

    def _learn(self, rows: Ints, frame: Frame, tick: int) -> None:
        """One flag each: our landed price over the reference, and whether it won."""
        own = frame.item[rows, OURS] + self.world.shipping[rows, OURS]
        reference, winner = self.seen.lowest[rows], frame.winner[rows]
        usable = (winner != UNSAID) & (winner >= 0) & (reference > 0) & frame.listed[rows, OURS]
        rows, own, reference = rows[usable], own[usable], reference[usable]
        won = (winner[usable] == OURS).astype(np.int64)
        step = steps_of(own, reference)
        for role in (TAKE, KEEP):
            tells = (self._holds[rows] == role) | (won == role)
            grid = self.grid[role, rows[tells]] + PENALTY[won[tells], :, :, step[tells]]
            grid -= grid.min(axis=(1, 2), keepdims=True)
            self.grid[role, rows[tells]] = np.minimum(grid, SATURATED)
        self._holds[rows] = won
        failed = (won == 0) & self._trying[rows] & (step > self._best[rows])
        self._rest_until[rows[failed]] = tick + COOLDOWN_TICKS

    def _target(self, rows: Ints, tick: int) -> Ints:
        """Landed prices to go to; 0 where there is nothing to go by."""
        world, reference = self.world, self.seen.lowest[rows]
        shipping = world.shipping[rows, OURS]
        floor, ceiling = world.floor[rows] + shipping, world.ceiling[rows] + shipping
        told = self.seen.competitive[rows]
        cap = np.maximum(np.where(told > 0, np.minimum(ceiling, told), ceiling), floor)
        landed = reference[:, None] + reference[:, None] * PRICES_PPM // 1_000_000
        landed = np.clip(landed, floor[:, None], cap[:, None])
        chosen = self._choose(rows, landed, np.maximum(reference, 1), tick)
        return np.where(reference > 0, landed[np.arange(len(rows)), chosen], cap)

    def _choose(self, rows: Ints, landed: Ints, reference: Ints, tick: int) -> Ints:
        """Steps of the prices: the best known, or one above it that is worth a try."""
        place = np.arange(len(rows))
        step = steps_of(landed, reference[:, None])
        margin = landed * KEPT_PCT - self.world.cost[rows].astype(np.int64)[:, None] * 100
        weight = WEIGHT[self.grid[self._holds[rows], rows]].reshape(
            len(rows), CELLS * len(SOFTNESS)
        )
        whole = weight.sum(axis=1)[:, None]
        by_cell = WIN.reshape(-1, STEPS)[:, step].transpose(1, 0, 2) * margin[:, None, :]
        value = (weight[:, :, None] * by_cell).sum(axis=1) // whole
        best, old = value.argmax(axis=1), np.maximum(self._best[rows], 0)
        stays = (self._best[rows] >= 0) & (
            (value[place, best] - value[place, old]) * 1_000_000 < value[place, old] * BETTER_PPM
        )
        best = np.where(stays, old, best)
        self._best[rows] = best
        more = np.maximum(by_cell - by_cell[place, :, best][:, :, None], 0)
        gain = (weight[:, :, None] * more).sum(axis=1) // whole * HORIZON_TICKS
        gain -= np.maximum(value[place, best][:, None] - value, 0) * RETREAT_TICKS
        gain[np.arange(STEPS) <= best[:, None]] = 0
        tried = gain.argmax(axis=1)
        tries = (gain[place, tried] > 0) & (self._rest_until[rows] <= tick)
        self._trying[rows] = tries
        return np.where(tries, tried, best)


def steps_of(landed: Ints, reference: Ints) -> Ints:
    """Price steps of landed prices over a reference price."""
    ppm = (landed - reference) * 1_000_000 // reference
    return np.clip((ppm - LOWEST_PPM) // FINE_PPM, 0, STEPS - 1)
