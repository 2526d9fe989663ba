"""Whether new bounds can be meant: what looks like a slip is held until a person confirms it.

A slip shows against the bounds of the day before, so that several small changes are seen as the
one that they are together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from engine.guards.settings import DAY_S, GuardSettings

MAX_HELD_BOUNDS = 100_000
"""Held changes of bounds; a row beyond is refused."""
MAX_EARLIER = 200_000
"""Listings whose bounds of the day before are remembered; those that changed first go first."""

MAX_BURIED = 100_000
"""Deleted listings whose bounds are remembered, the last deleted ones."""


class Slip(IntEnum):
    """Why bounds are held."""

    FLOOR_HALVED = 1
    FLOOR_UNDER_HALF_COST = 2
    MANY_FLOORS_LOWERED = 3
    CEILING_TENFOLD = 4


@dataclass(frozen=True, slots=True)
class HeldBounds:
    """New bounds that wait for a person."""

    hold_id: int
    listing_id: int
    slip: int
    floor_minor: int
    ceiling_minor: int
    held_ms: int


@dataclass(frozen=True, slots=True)
class Change:
    """Wanted bounds of a listing beside those in force; `cost_minor` 0 is unknown."""

    listing_id: int
    seller: int
    old_floor: int
    old_ceiling: int
    floor: int
    ceiling: int
    cost_minor: int

    @property
    def lowers(self) -> bool:
        """Whether the floor comes down."""
        return self.floor < self.old_floor


class Earlier(NamedTuple):
    """Highest floor and lowest ceiling of a listing before its changes since a time, for a day,
    and of the day before that: together never less than a day, at most two."""

    since_s: int
    floor_minor: int
    ceiling_minor: int
    before_floor_minor: int
    before_ceiling_minor: int


UNKNOWN = Earlier(-10 * DAY_S, 0, 0, 0, 0)


class Plausibility:
    """Held bounds, the bounds of the day before, and each seller's lowered floors of a day."""

    def __init__(self) -> None:
        self.held: dict[int, HeldBounds] = {}  # by listing id
        self.earlier: dict[int, Earlier] = {}  # by listing id
        self.lowered: dict[int, dict[int, int]] = {}  # seller: {id: when, s}; oldest first
        self.buried: dict[tuple[str, str, str, int, str], tuple[int, int]] = {}
        """Bounds of deleted listings by natural key and currency."""

    def slip(self, change: Change, now_s: int) -> Slip | None:
        """What is odd about one change by itself."""
        floor, ceiling = self._day_before(change, now_s)
        if change.floor < change.old_floor and change.floor * 2 < floor:
            return Slip.FLOOR_HALVED
        if change.floor != change.old_floor and change.floor * 2 < change.cost_minor:
            return Slip.FLOOR_UNDER_HALF_COST
        if change.ceiling > change.old_ceiling and change.ceiling >= ceiling * 10:
            return Slip.CEILING_TENFOLD
        return None

    def _day_before(self, change: Change, now_s: int) -> tuple[int, int]:
        """Highest floor and lowest ceiling of the last day."""
        known = self.earlier.get(change.listing_id, UNKNOWN)
        if known.since_s <= now_s - 2 * DAY_S:
            return change.old_floor, change.old_ceiling
        floor = max(known.floor_minor, change.old_floor)
        ceiling = min(known.ceiling_minor, change.old_ceiling)
        if known.since_s <= now_s - DAY_S:
            return floor, ceiling
        return max(floor, known.before_floor_minor), min(ceiling, known.before_ceiling_minor)

    def lowered_lately(self, seller: int, now_s: int) -> dict[int, int]:
        """Listings of a seller whose floor came down in the last day."""
        lowered = self.lowered.setdefault(seller, {})
        while lowered and next(iter(lowered.values())) <= now_s - DAY_S:
            del lowered[next(iter(lowered))]
        return lowered

    def too_many(
        self, seller: int, more: set[int], listings: int, now_s: int, settings: GuardSettings
    ) -> bool:
        """Whether `more` lowered floors are too many for a seller with so many listings."""
        count = len(self.lowered_lately(seller, now_s).keys() | more)
        share = count * 10_000 > listings * settings.floors_lowered_bp
        return count >= settings.floors_lowered and share

    def apply(self, change: Change, now_s: int) -> None:
        """Notes bounds that come into force."""
        self.held.pop(change.listing_id, None)
        known = self.earlier.get(change.listing_id, UNKNOWN)
        floor, ceiling = change.old_floor, change.old_ceiling
        if known.since_s <= now_s - DAY_S:
            self.earlier.pop(change.listing_id, None)
            recent = known.since_s > now_s - 2 * DAY_S
            before = known[1:3] if recent else (floor, ceiling)
            self.earlier[change.listing_id] = Earlier(now_s, floor, ceiling, *before)
            while len(self.earlier) > MAX_EARLIER:
                del self.earlier[next(iter(self.earlier))]
        else:
            self.earlier[change.listing_id] = known._replace(
                floor_minor=max(known.floor_minor, floor),
                ceiling_minor=min(known.ceiling_minor, ceiling),
            )
        if change.lowers:
            lowered = self.lowered_lately(change.seller, now_s)
            lowered.pop(change.listing_id, None)
            lowered[change.listing_id] = now_s

    def forget(
        self, listing_id: int, seller: int, key: tuple[str, str, str, int, str],
        bounds: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        """Forgets a deleted listing but for its bounds; None: nobody stated any, and those of its
        predecessor still count."""
        if bounds is not None:
            self.buried.pop(key, None)
            self.buried[key] = bounds
        if len(self.buried) > MAX_BURIED:
            del self.buried[next(iter(self.buried))]
        self.held.pop(listing_id, None)
        self.earlier.pop(listing_id, None)
        self.lowered.get(seller, {}).pop(listing_id, None)

    def erase(self, seller: int, seller_id: str) -> None:
        """Forgets a seller whose listings are all deleted, their bounds too."""
        self.lowered.pop(seller, None)
        for key in [each for each in self.buried if each[0] == seller_id]:
            del self.buried[key]

    def confirm(self, seller: int) -> None:
        """A person has looked at the seller's lowered floors: counting begins anew."""
        self.lowered.pop(seller, None)

    def dump(self) -> dict[str, Any]:
        """All of it as plain lists."""
        return {
            "held": [
                [each.hold_id, each.listing_id, each.slip, each.floor_minor, each.ceiling_minor,
                 each.held_ms] for each in self.held.values()
            ],
            "earlier": [[key, *value] for key, value in self.earlier.items()],
            "lowered": [[key, list(value.items())] for key, value in self.lowered.items()],
            "buried": [[key, value] for key, value in self.buried.items()],
        }  # fmt: skip

    def load(self, plain: dict[str, Any]) -> None:
        """Replaces everything by what `dump` gave."""
        self.held = {each[1]: HeldBounds(*each) for each in plain["held"]}
        self.earlier = {key: Earlier(*rest) for key, *rest in plain["earlier"]}
        self.lowered = {key: dict(items) for key, items in plain["lowered"]}
        self.buried = {tuple(key): tuple(bounds) for key, bounds in plain["buried"]}


def known_slip(slip: int) -> str:
    """A slip in words that follow "because"."""
    return {
        Slip.FLOOR_HALVED: "the floor comes down by more than half within a day",
        Slip.FLOOR_UNDER_HALF_COST: "the floor would be under half of the cost",
        Slip.MANY_FLOORS_LOWERED: "many floors of the seller come down within a day",
        Slip.CEILING_TENFOLD: "the ceiling goes up tenfold within a day",
    }[Slip(slip)]
