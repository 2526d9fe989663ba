"""One run: one policy sets our prices in one regime, for the ASINs of several seeds at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.market.buybox import (
    NEVER,
    Contest,
    Demand,
    chances,
    draw_winners,
    list_share,
    own_share,
    profit,
    thresholds,
)
from bench.market.chance import TICK_MINUTES, TICKS_A_DAY, Chance, Floats
from bench.market.messages import Messages
from bench.market.oracle import Best, best_price
from bench.market.policies import Decisions, Policy
from bench.market.regimes import Regime
from bench.market.rivals import NIGHT_DEMAND, Rivals, is_night
from bench.market.world import OURS, SELLERS, draw_world

QUOTA_A_SECOND = 5
LIVE_TICKS = 3
"""A price shows after one to three ticks."""


@dataclass(slots=True)
class Setting:
    """What a run is made of besides its policy."""

    regime: Regime
    seeds: Sequence[int]
    rows: int
    days: int

    @property
    def ticks(self) -> int:
        """Length of the run."""
        return self.days * TICKS_A_DAY


@dataclass(slots=True)
class Moment:
    """What an observer sees of one tick, after the Buy Box was given and before anybody is told."""

    tick: int
    contest: Contest
    bonus: Floats  # our offer beyond its price, with incumbency, (rows, segments)
    winners: NDArray[np.int64]
    demand: Demand


Observer = Callable[["Simulation", Moment], None]


@dataclass(slots=True)
class Outcome:
    """Profit of each row in minor units, and what the policy did."""

    profit: Floats
    won: Floats  # part of the Buy Box held, mean over ticks
    changes: int = 0
    delayed: int = 0


class Simulation:
    """The market around one policy."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.regime = setting, setting.regime
        self.world = draw_world(setting.regime, setting.seeds, setting.rows, setting.ticks)
        self.chance = Chance(setting.seeds, setting.rows)
        self.rivals = Rivals(self.regime, self.world, self.chance)
        self.offers = self.rivals.open()
        self.messages = Messages(self.regime, self.chance, self.world.place)
        self.incumbent = np.full((len(self.world), 2), -1)
        self.shipping = self.world.shipping[:, OURS]
        self._due: dict[int, list[tuple[NDArray[np.int64], ...]]] = defaultdict(list)
        self._sent = np.zeros(len(self.world), np.int64)
        self._live = np.zeros(len(self.world), np.int64)
        self._looked: tuple[int, Best] | None = None
        self.outcome = Outcome(np.zeros(len(self.world)), np.zeros(len(self.world)))

    def run(self, policy: Policy, observers: Sequence[Observer] = ()) -> Outcome:
        """Plays all ticks; an oracle is a policy that looks at the simulation itself."""
        for tick in range(self.setting.ticks):
            went_live = self._go_live(tick)
            self.rivals.step(self.offers, tick)
            moment = self._play(tick)
            for observe in observers:
                observe(self, moment)
            self._tell(moment, went_live)
            stocked = self.offers.stocked[:, OURS]
            inbox = self.messages.receive(tick, stocked)
            self._submit(tick, policy.decide(tick, inbox, self.messages.frame))
        self.outcome.won /= self.setting.ticks
        return self.outcome

    def contest(self) -> Contest:
        """The offers as they compete now, with stickiness for the incumbents."""
        world, offers, regime = self.world, self.offers, self.regime
        base = world.base[:, None]
        landed = (offers.item + world.shipping) / base
        listed = offers.listed()
        worth = world.bonus - landed[:, :, None]
        worth[:, OURS] += offers.quality[:, None]
        if regime.stickiness:
            seats = np.arange(SELLERS)[None, :, None]
            worth = worth + regime.stickiness * (seats == self.incumbent[:, None, :])
        worth[~(listed & world.featured)] = NEVER
        return Contest(worth, landed, listed, offers.cap, regime.noise, regime.band)

    def own_bonus(self) -> Floats:
        """What our offer has beyond its price in each segment."""
        sticky = self.regime.stickiness * (self.incumbent == OURS)
        return self.world.bonus[:, OURS] + self.offers.quality[:, None] + sticky

    def demand(self, tick: int) -> Demand:
        """Buyers of a tick."""
        world = self.world
        part = NIGHT_DEMAND if self.regime.night and is_night(tick) else 1.0
        return Demand(
            world.units_a_tick * part, world.buy_box_part, world.segment_part, world.elasticity,
            world.base, world.cost,
        )  # fmt: skip

    def best(self, moment: Moment) -> Best:
        """The oracle's price at this moment; several observers of a tick share one search."""
        if self._looked is None or self._looked[0] != moment.tick:
            present = self.offers.item[:, OURS]
            found = best_price(
                self.world, moment.contest, moment.demand, moment.bonus, self.shipping, present
            )
            self._looked = moment.tick, found
        return self._looked[1]

    def threshold_minor(self, moment: Moment) -> Floats:
        """Hidden thresholds of our item price, (rows, segments)."""
        landed = thresholds(moment.contest, moment.bonus) * self.world.base[:, None]
        return landed - self.shipping[:, None]

    def _play(self, tick: int) -> Moment:
        contest = self.contest()
        bonus = self.own_bonus()
        chance = chances(contest)
        winners = draw_winners(chance, self.chance.uniform("winner", tick, 2))
        self.incumbent = winners
        demand = self.demand(tick)
        ours = (winners == OURS).astype(float)
        ours[winners < 0] = np.nan
        landed = contest.landed[:, OURS : OURS + 1]
        earned = profit(demand, ours[:, None, :], list_share(contest, landed), landed)[:, 0]
        earned = np.where(self.offers.listed()[:, OURS], earned, 0.0)
        self.outcome.profit += earned
        self.outcome.won += ((winners == OURS) * self.world.segment_part).sum(axis=1)
        return Moment(tick, contest, bonus, winners, demand)

    def _go_live(self, tick: int) -> NDArray[np.bool_]:
        live = np.zeros(len(self.world), np.bool_)
        for rows, item, number in self._due.pop(tick, []):
            newest = number > self._live[rows]
            rows, item, number = rows[newest], item[newest], number[newest]
            self._live[rows] = number
            self.offers.item[rows, OURS] = item
            live[rows] = True
        return live

    def _tell(self, moment: Moment, went_live: NDArray[np.bool_]) -> None:
        world, offers, tick = self.world, self.offers, moment.tick
        cap_minor = (offers.cap * world.base).astype(np.int64)
        self.messages.show(
            tick, offers.item, offers.listed(), moment.winners, cap_minor,
            world.segment_part[:, 0],
        )  # fmt: skip
        rows = np.flatnonzero(went_live)
        self.messages.notify(
            tick, offers.changed | went_live, moment.winners, rows, offers.item[rows, OURS]
        )

    def _submit(self, tick: int, decisions: Decisions) -> None:
        """Takes prices under the seller's quota; each shows after its own delay."""
        rows, item = decisions
        if not len(rows):
            return
        draw = self.chance.uniform("shows", tick)[rows]
        delay = 1 + (draw * LIVE_TICKS).astype(np.int64) + self._queued(rows)
        self._sent[rows] += 1
        self.outcome.changes += len(rows)
        for each in np.unique(delay).tolist():
            chosen = delay == each
            number = self._sent[rows[chosen]]
            self._due[tick + each].append((rows[chosen], item[chosen], number))

    def _queued(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ticks that a submission waits because the seller's quota of this tick is used up."""
        shop = rows // self.setting.rows
        order = np.argsort(shop, kind="stable")
        place = np.empty(len(rows), np.int64)
        first = np.searchsorted(shop[order], shop[order])
        place[order] = np.arange(len(rows)) - first
        waits = place // (QUOTA_A_SECOND * TICK_MINUTES * 60)
        self.outcome.delayed += int(np.count_nonzero(waits))
        return waits


class Oracle:
    """The policy that looks through the market."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._wanted = simulation.world.start.copy()

    def decide(self, tick: int, inbox: object, frame: object) -> Decisions:
        """The price that earns most in the next interval, in the eyes of the present incumbent."""
        market = self._simulation
        best = best_price(
            market.world, market.contest(), market.demand(tick), market.own_bonus(),
            market.shipping, self._wanted,
        )  # fmt: skip
        rows = np.flatnonzero(best.item != self._wanted)
        self._wanted = best.item
        return rows, best.item[rows]


def expected_share(simulation: Simulation, moment: Moment) -> Floats:
    """Our expected part of the Buy Box now, (rows,); 0 where it is suppressed."""
    landed = moment.contest.landed[:, OURS : OURS + 1]
    share = np.nan_to_num(own_share(moment.contest, landed, moment.bonus))[:, 0]
    listed = simulation.offers.listed()[:, OURS]
    return (share * simulation.world.segment_part).sum(axis=1) * listed
