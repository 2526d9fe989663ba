"""Who sets our price. The named rules see the seller's messages only, as the engine does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.market.messages import UNSAID, Frame, Inbox
from bench.market.world import OURS, World

Decisions = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows and their new item prices."""


class Policy(Protocol):
    """Sets prices from what the seller is told."""

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """New prices, if any; `frame` gives the offers that a message shows."""


@dataclass(slots=True)
class Seen:
    """The newest message of each row. Landed prices in minor units, 0: none."""

    event: NDArray[np.int64]
    lowest: NDArray[np.int64]
    featured: NDArray[np.int64]
    competitive: NDArray[np.int64]
    winning: NDArray[np.bool_]

    @classmethod
    def nothing(cls, rows: int) -> Seen:
        """Before the first message."""
        zero = np.zeros(rows, np.int64)
        return cls(zero - 1, zero.copy(), zero.copy(), zero.copy(), np.zeros(rows, np.bool_))


class Watcher:
    """Keeps the newest message of each row; the base of the named rules."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen = Seen.nothing(len(world))
        self.wanted = world.start.copy()

    def watch(self, inbox: Inbox, frame: Callable[[int], Frame]) -> NDArray[np.int64]:
        """Takes the messages in; rows about which something new is known."""
        fresh = np.zeros(len(self.wanted), np.bool_)
        for event in np.unique(inbox.events).tolist():
            rows = np.unique(inbox.rows[inbox.events == event])
            rows = rows[self.seen.event[rows] < event]
            self._read(rows, event, frame(event))
            fresh[rows] = True
        return np.flatnonzero(fresh)

    def _read(self, rows: NDArray[np.int64], event: int, frame: Frame) -> None:
        world, seen = self.world, self.seen
        landed = frame.item[rows] + world.shipping[rows]
        rivals = frame.listed[rows] & world.featured[rows]
        rivals[:, OURS] = False
        lowest = np.where(rivals, landed, np.iinfo(np.int64).max).min(axis=1)
        winner = frame.winner[rows]
        price = np.take_along_axis(landed, np.maximum(winner, 0)[:, None], axis=1)[:, 0]
        seen.event[rows] = event
        seen.lowest[rows] = np.where(rivals.any(axis=1), lowest, 0)
        seen.featured[rows] = np.where(winner >= 0, price, 0)
        seen.winning[rows] = np.where(winner == UNSAID, seen.winning[rows], winner == OURS)
        told = frame.competitive[rows]
        seen.competitive[rows] = np.where(told > 0, told, seen.competitive[rows])

    def settle(self, rows: NDArray[np.int64], landed: NDArray[np.int64]) -> Decisions:
        """Prices for landed targets (0: no target, stay), within the bounds."""
        world = self.world
        item = np.clip(landed - world.shipping[rows, OURS], world.floor[rows], world.ceiling[rows])
        moves = (landed > 0) & (item != self.wanted[rows])
        self.wanted[rows[moves]] = item[moves]
        return rows[moves], item[moves]


class Fixed:
    """Never changes the price it starts with."""

    def __init__(self, world: World) -> None:
        pass

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """Nothing."""
        return np.zeros(0, np.int64), np.zeros(0, np.int64)


class MatchLowest(Watcher):
    """The lowest featured competitor's price; without one, the ceiling."""

    below = 0

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """The newest lowest price, minus `below`."""
        rows = self.watch(inbox, frame)
        lowest = self.seen.lowest[rows]
        alone = self.world.ceiling[rows] + self.world.shipping[rows, OURS]
        return self.settle(rows, np.where(lowest > 0, lowest - self.below, alone))


class Undercut(MatchLowest):
    """One cent below the lowest featured competitor."""

    below = 1


class AmazonRule(Watcher):
    """Amazon's Automate Pricing as documented: stay below the featured offer until it is ours, then
    stop; without a featured offer, the competitive price, or the lowest."""

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """One cent below the featured offer of others."""
        rows = self.watch(inbox, frame)
        seen = self.seen
        target = np.where(seen.featured[rows] > 0, seen.featured[rows] - 1, seen.competitive[rows])
        target = np.where(target > 0, target, seen.lowest[rows])
        return self.settle(rows, np.where(seen.winning[rows], 0, target))
