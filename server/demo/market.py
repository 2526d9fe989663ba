"""A small marketplace: competitors, a sticky Buy Box, and answers that are late, lost or repeated.

It knows what the engine must find out: the landed price up to which each listing takes the Buy
Box, and the higher one up to which it keeps it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from repriced.v1 import pricing_pb2
from server.demo.catalogue import Item

LOST, REPEATED, REJECTED = 0.04, 0.04, 0.005
MAX_DELAY = 2


@dataclass(slots=True)
class Rival:
    """A competitor's offer."""

    seller_id: str
    price_minor: int
    amazon_fulfilled: bool


@dataclass(slots=True)
class Stall:
    """One ASIN in the marketplace with our offer on it."""

    item: Item
    rivals: list[Rival]
    advantage_ppm: int  # how far above the cheapest rival we still take the Buy Box
    stickiness_ppm: int  # how much farther we keep it
    live_minor: int
    winning: bool = False

    def judge(self) -> None:
        """Decides the Buy Box for the live prices."""
        lowest = min(rival.price_minor for rival in self.rivals)
        allowed = self.advantage_ppm + (self.stickiness_ppm if self.winning else 0)
        self.winning = self.live_minor <= lowest + lowest * allowed // 1_000_000


@dataclass(slots=True)
class Pending:
    """A decision on its way into the marketplace."""

    due_round: int
    listing: int
    decision_id: int
    price_minor: int


@dataclass(slots=True)
class Marketplace:
    """All stalls, and what is under way."""

    items: list[Item]
    chance: random.Random
    round: int = 0
    stalls: list[Stall] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    newest: dict[int, int] = field(default_factory=dict)

    def open(self) -> None:
        """Sets up rivals around the market price of every item."""
        for item in self.items:
            self.stalls.append(self._stall(item))
        for stall in self.stalls:
            stall.judge()

    def _stall(self, item: Item) -> Stall:
        rivals = [
            Rival(
                f"A9RIVAL{self.chance.randrange(4_000):07d}",
                item.base_minor * self.chance.randrange(94, 116) // 100,
                self.chance.random() < 0.6,
            )
            for _ in range(self.chance.randint(1, 5))
        ]
        advantage = self.chance.randrange(-8_000, 60_000)
        return Stall(item, rivals, advantage, self.chance.randrange(40_000), item.price_minor)

    def share(self) -> float:
        """Part of the listings that hold the Buy Box now."""
        return sum(stall.winning for stall in self.stalls) / len(self.stalls)

    def submit(self, listing: int, decision_id: int, price_minor: int) -> None:
        """Takes a decision; some never arrive."""
        self.newest[listing] = max(decision_id, self.newest.get(listing, 0))
        if self.chance.random() >= LOST:
            due = self.round + self.chance.randint(0, MAX_DELAY)
            self.pending.append(Pending(due, listing, decision_id, price_minor))

    def turn(self, event_ms: int) -> list[pricing_pb2.Feedback]:
        """One round: prices that are due go live or are rejected, and rivals move a little."""
        self.round += 1
        due = [each for each in self.pending if each.due_round <= self.round]
        self.pending = [each for each in self.pending if each.due_round > self.round]
        answers = []
        for each in due:
            if each.decision_id < self.newest[each.listing]:
                continue
            answers += self._answer(each, event_ms)
        for stall in self.chance.sample(self.stalls, len(self.stalls) // 50):
            rival = self.chance.choice(stall.rivals)
            rival.price_minor = rival.price_minor * self.chance.randrange(98, 103) // 100
        for stall in self.stalls:
            stall.judge()
        self.chance.shuffle(answers)
        return answers

    def _answer(self, each: Pending, event_ms: int) -> list[pricing_pb2.Feedback]:
        stall = self.stalls[each.listing]
        kind: Any = pricing_pb2.FEEDBACK_KIND_EFFECTIVE
        if self.chance.random() < REJECTED:
            kind = pricing_pb2.FEEDBACK_KIND_REJECTED
        else:
            stall.live_minor = each.price_minor
        feedback = pricing_pb2.Feedback(
            key=stall.item.key, kind=kind, event_ms=event_ms, decision_id=each.decision_id
        )
        if self.chance.random() < LOST:
            return []
        return [feedback] * (2 if self.chance.random() < REPEATED else 1)
