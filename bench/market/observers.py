"""What is noted while a run plays: where profit is lost, which probes lost, one trace."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.market.chance import Floats
from bench.market.oracle import value_of
from bench.market.shop import Shop
from bench.market.simulation import Moment, Simulation, expected_share
from bench.market.world import OURS
from engine.schema import CycleState, Reason

LOOK_EVERY = 3
"""Ticks between two looks of those who ask for the best price."""
HELD = 0.5
"""Expected share that counts as having the Buy Box."""


@dataclass(slots=True)
class Losses:
    """Profit lost against the best price of the same moment, by what the engine was doing.

    Keys are (state, reason of the last price, "high" or "low": the price was above the best one).
    `best` is what the best prices could expect to earn in all.
    """

    shop: Shop
    by_doing: dict[tuple[int, int, str], float] = field(default_factory=lambda: defaultdict(float))
    best: float = 0.0

    def observe(self, simulation: Simulation, moment: Moment) -> None:
        """Compares expectations at this tick; nothing is compared where we have no offer."""
        if moment.tick % LOOK_EVERY:
            return
        best = simulation.best(moment)
        item = simulation.offers.item[:, OURS]
        present = value_of(
            simulation.world, moment.contest, moment.demand, moment.bonus, simulation.shipping,
            item[:, None],
        )[:, 0]  # fmt: skip
        here = simulation.offers.listed()[:, OURS]
        lost = np.where(here, best.value - present, 0.0)
        self.best += float(best.value[here].sum())
        high = item > best.item
        key = self.shop.state * 1_000 + self.shop.last_reason * 2 + high
        for each in np.unique(key[here]).tolist():
            amount = float(lost[here & (key == each)].sum())
            state, rest = divmod(each, 1_000)
            self.by_doing[state, rest // 2, "high" if rest % 2 else "low"] += amount

    def shares(self) -> dict[str, float]:
        """Part of the best profit that each doing lost, largest first."""
        named = {
            f"{CycleState(state).name} {Reason(reason).name} too {side}": amount / self.best
            for (state, reason, side), amount in self.by_doing.items()
        }
        return dict(sorted(named.items(), key=lambda each: -each[1]))


@dataclass(slots=True)
class Probes:
    """Probes of the engine that truly cost the Buy Box, by the market's own chances.

    A probe costs the Buy Box when our expected share was at least half before it went live and
    less than half in the tick in which it did. `too_soon` counts those that follow the one before
    on the same listing within the cooldown.
    """

    shop: Shop
    wanted: NDArray[np.int64]
    share: Floats
    last: NDArray[np.int64]
    probes: int = 0
    lost: int = 0
    too_soon: int = 0

    @classmethod
    def of(cls, shop: Shop) -> Probes:
        """Before the first tick."""
        rows = len(shop.world)
        return cls(shop, np.zeros(rows, np.int64), np.zeros(rows), np.full(rows, -(10**6)))

    def observe(self, simulation: Simulation, moment: Moment) -> None:
        """Notes probes among the newest decisions, and judges those that are live now."""
        self._note()
        share = expected_share(simulation, moment)
        live = (self.wanted > 0) & (simulation.offers.item[:, OURS] == self.wanted)
        costs = live & (self.share >= HELD) & (share < HELD)
        rows = np.flatnonzero(costs)
        self.too_soon += int((moment.tick - self.last[rows] < self.shop.cooldown_ticks).sum())
        self.lost += len(rows)
        self.last[rows] = moment.tick
        self.wanted[live] = 0
        self.share = share

    def _note(self) -> None:
        for row, price, reason in self.shop.newest():
            is_probe = reason in (Reason.PROBE_UP, Reason.LEAD_UP)
            self.wanted[row] = price if is_probe else 0
            self.probes += is_probe


@dataclass(slots=True)
class Trace:
    """Everything about one row over time, for a picture. Item prices in minor units."""

    row: int
    price: list[int] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    thresholds: list[list[float]] = field(default_factory=list)
    cap: list[float] = field(default_factory=list)
    won: list[float] = field(default_factory=list)
    best: list[int] = field(default_factory=list)

    def observe(self, simulation: Simulation, moment: Moment) -> None:
        """Notes one tick."""
        if moment.tick % LOOK_EVERY:
            return
        row, world = self.row, simulation.world
        rivals = (simulation.offers.listed() & world.featured)[row]
        rivals[OURS] = False
        landed = (simulation.offers.item + world.shipping)[row][rivals]
        own_shipping = int(simulation.shipping[row])
        here = simulation.offers.listed()[row, OURS]
        self.price.append(int(simulation.offers.item[row, OURS]) if here else 0)
        self.reference.append(float(landed.min() - own_shipping) if len(landed) else np.nan)
        self.thresholds.append(simulation.threshold_minor(moment)[row].tolist())
        self.cap.append(float(simulation.offers.cap[row] * world.base[row] - own_shipping))
        won = (moment.winners[row] == OURS) * world.segment_part[row]
        self.won.append(float(won.sum()))
        self.best.append(int(simulation.best(moment).item[row]))
