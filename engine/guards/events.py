"""What the guards did, for those who watch. Safe to read from any thread."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from enum import IntEnum
from itertools import islice
from threading import Condition
from typing import Any

from engine.errors import NotFoundError

EVENTS_KEPT = 10_000


class Guard(IntEnum):
    """Everything that can hold a price, or take one back."""

    BOUNDS = 1
    STOP = 2
    BREAKER = 3
    SPIRAL = 4
    PLAUSIBILITY = 5
    STALE_OFFERS = 6
    WITHDRAWAL = 7
    RESTORE = 8
    CYCLE = 9
    DRY_RUN = 10
    COMPUTED_BOUNDS = 11
    FOREIGN_PRICE = 12
    MARKET = 13


class EventKind(IntEnum):
    """What happened to it."""

    TRIPPED = 1
    RELEASED = 2
    DISCARDED = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `message` is a whole sentence for people, zero and empty mean "none"."""

    event_id: int
    at_ms: int
    guard: int
    kind: int
    message: str
    seller_id: str = ""
    marketplace_id: str = ""
    listing_id: int = 0
    hold_id: int = 0


class EventLog:
    """Keeps the newest EVENTS_KEPT events; ids rise by one."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._changed = Condition()
        self.last_id = 0

    def add(self, at_ms: int, guard: Guard, kind: EventKind, message: str, **given: Any) -> None:
        """Appends one event; `given` are further fields of `Event`."""
        with self._changed:
            self.last_id += 1
            self._events.append(Event(self.last_id, at_ms, int(guard), int(kind), message, **given))
            self._changed.notify_all()

    def after(self, event_id: int, limit: int) -> list[Event]:
        """At most `limit` events with a higher id, oldest first.

        Raises NotFoundError when some of them are no longer kept.
        """
        with self._changed:
            events = list(self._events)
            oldest = max(1, self.last_id + 1 - EVENTS_KEPT)
        if event_id + 1 < oldest:
            raise NotFoundError(
                f"after_event_id is {event_id}; kept are events from {oldest} on",
                reason="CURSOR_TOO_OLD",
                field="after_event_id",
            )
        newer = (each for each in events if each.event_id > event_id)
        return list(islice(newer, limit))

    def wait(self, after_id: int, timeout_s: float) -> bool:
        """Waits until an event with a higher id exists; False when none came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.last_id > after_id, timeout_s)

    def forget(self, seller_id: str) -> None:
        """Drops what was told of a seller; cursors stay valid."""
        with self._changed:
            kept = [each for each in self._events if each.seller_id != seller_id]
            self._events = deque(kept, EVENTS_KEPT)

    def dump(self) -> list[dict[str, Any]]:
        """All kept events as plain data."""
        with self._changed:
            return [asdict(each) for each in self._events]

    def load(self, events: list[dict[str, Any]], last_id: int) -> None:
        """Replaces everything by what `dump` gave."""
        with self._changed:
            self._events = deque((Event(**each) for each in events), EVENTS_KEPT)
            self.last_id = last_id
            self._changed.notify_all()
