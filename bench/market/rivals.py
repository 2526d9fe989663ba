"""Competitors between two ticks: people who move now and then, bots, entries, exits, stock-outs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.market.chance import TICK_MINUTES, TICKS_A_DAY, Chance, Floats
from bench.market.regimes import Regime
from bench.market.world import AMAZONS, HUMAN, OURS, RATIO, SELLERS, UNDERCUTTER, World

NIGHT_TICKS = 6 * 60 // TICK_MINUTES
NIGHT_DEMAND = 0.15
STOCKOUT_HOURS = 12.0
OWN_STOCKOUT_HOURS = 6.0
ABSENT_DAYS = 2.0
AMAZON_TICKS = 48
"""Amazon looks at the others every four hours."""
FAR = 1e12


@dataclass(slots=True)
class Offers:
    """The offers of all rows as they are now. Prices are item prices in minor units."""

    item: NDArray[np.int64]  # (rows, sellers)
    present: NDArray[np.bool_]  # has an offer, perhaps without stock
    stocked: NDArray[np.bool_]
    level: Floats  # (rows,), common drift of the competitors
    quality: Floats  # (rows,), drift of what our own offer is worth
    cap: Floats  # (rows,)
    changed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def listed(self) -> NDArray[np.bool_]:
        """(rows, sellers): offers that buyers see."""
        return self.present & self.stocked


def is_night(tick: int) -> bool:
    """Midnight to six."""
    return tick % TICKS_A_DAY < NIGHT_TICKS


def rate(days: float) -> float:
    """Chance in one tick of what happens once in so many days."""
    return 1.0 / (days * TICKS_A_DAY) if days else 0.0


class Rivals:
    """Moves everybody but us; what chance does never depends on the policy."""

    def __init__(self, regime: Regime, world: World, chance: Chance) -> None:
        self._regime, self._world, self._chance = regime, world, chance
        self._phase = (np.arange(SELLERS) * 7 + world.place[:, None] * 3) % 12

    def open(self) -> Offers:
        """Offers before the first tick."""
        world = self._world
        item = self._to_item(world.home)
        item[:, OURS] = world.start
        rows = len(world)
        return Offers(
            item, world.seated.copy(), np.ones_like(world.seated), np.ones(rows), np.zeros(rows),
            world.cap.copy(), np.zeros(rows, np.bool_),
        )  # fmt: skip

    def step(self, offers: Offers, tick: int) -> None:
        """One tick. `offers.changed` says afterwards in which rows an offer changed."""
        before = offers.item.copy()
        listed = offers.listed()
        cap = offers.cap.copy()
        self._drift(offers, tick)
        self._come_and_go(offers, tick)
        self._people(offers, tick)
        if self._regime.amazon_enters:
            self._amazon(offers, tick)
        if self._regime.bots:
            self._bots(offers, tick)
        moved = ((offers.item != before) & offers.listed()) | (offers.listed() != listed)
        offers.changed = moved.any(axis=1) | (offers.cap != cap)

    def _to_item(self, landed: Floats) -> NDArray[np.int64]:
        """Item prices of landed prices in base prices, at least a minor unit."""
        world = self._world
        return np.maximum((landed * world.base[:, None]).astype(np.int64) - world.shipping, 1)

    def _drift(self, offers: Offers, tick: int) -> None:
        regime, day = self._regime, TICKS_A_DAY**0.5
        if regime.drift_a_day:
            normal = self._chance.normal("level", tick)
            moved = offers.level * np.exp(normal * regime.drift_a_day / day)
            offers.level = np.clip(moved, 0.9, 1.2)
        if regime.quality_drift_a_day:
            normal = self._chance.normal("quality", tick)
            walked = offers.quality + normal * regime.quality_drift_a_day / day
            offers.quality = np.clip(walked, -0.03, 0.03)
        if regime.cap_move_days:
            moves = self._chance.uniform("cap moves", tick) < rate(regime.cap_move_days)
            low, high = regime.cap
            fresh = low + (high - low) * self._chance.uniform("cap", tick)
            offers.cap = np.where(moves, fresh, offers.cap)

    def _come_and_go(self, offers: Offers, tick: int) -> None:
        regime, world = self._regime, self._world
        if regime.churn_days:
            draw = self._chance.uniform("churn", tick, SELLERS)
            toggles = draw < np.where(offers.present, rate(regime.churn_days), rate(ABSENT_DAYS))
            toggles &= world.seated & (world.bot == HUMAN)
            toggles[:, OURS] = False
            offers.present = offers.present ^ toggles
        if regime.stockout_days:
            draw = self._chance.uniform("stock", tick, SELLERS)
            out = np.full(SELLERS, rate(regime.stockout_days))
            back = np.full(SELLERS, rate(STOCKOUT_HOURS / 24))
            out[OURS], back[OURS] = rate(regime.own_stockout_days), rate(OWN_STOCKOUT_HOURS / 24)
            offers.stocked = offers.stocked ^ (draw < np.where(offers.stocked, out, back))

    def _people(self, offers: Offers, tick: int) -> None:
        regime, world = self._regime, self._world
        if not regime.move_hours:
            return
        moves = self._chance.uniform("moves", tick, SELLERS) < rate(regime.move_hours / 24)
        moves &= world.bot == HUMAN
        moves[:, OURS] = False
        if not moves.any():
            return
        spread = regime.move_spread * self._chance.normal("move", tick, SELLERS)
        item = self._to_item((world.home + spread) * offers.level[:, None])
        offers.item = np.where(moves, item, offers.item)

    def _lowest_others(self, offers: Offers) -> Floats:
        """Cheapest landed price among the featured offers of the others, (rows, sellers)."""
        world = self._world
        landed = np.where(offers.listed() & world.featured, offers.item + world.shipping, FAR)
        order = np.argsort(landed, axis=1)[:, :2]
        first, second = np.take_along_axis(landed, order, axis=1).T
        return np.where(np.arange(SELLERS) == order[:, :1], second[:, None], first[:, None])

    def _amazon(self, offers: Offers, tick: int) -> None:
        world = self._world
        offers.present[:, AMAZONS] = (tick >= world.amazon_from) & (tick < world.amazon_until)
        acts = (tick == world.amazon_from) | ((tick + world.place) % AMAZON_TICKS == 0)
        target = np.minimum(self._lowest_others(offers)[:, AMAZONS], 1.05 * world.base)
        target = np.maximum(target, 0.9 * world.base).astype(np.int64)
        offers.item[:, AMAZONS] = np.where(acts, target, offers.item[:, AMAZONS])

    def _bots(self, offers: Offers, tick: int) -> None:
        world = self._world
        acts = ((tick + self._phase) % world.bot_period == 0) & (world.bot != HUMAN)
        if not acts.any():
            return
        lowest = self._lowest_others(offers)
        target = np.where(world.bot == UNDERCUTTER, lowest - 1, lowest)
        target = np.where(world.bot == RATIO, np.floor(lowest * world.bot_ratio), target)
        if self._regime.night and is_night(tick):
            target = np.full_like(target, FAR)
        base = world.base[:, None]
        target = np.clip(target, world.bot_floor * base, world.bot_ceiling * base)
        item = np.maximum(target.astype(np.int64) - world.shipping, 1)
        offers.item = np.where(acts, item, offers.item)
