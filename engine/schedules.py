"""Which calendar entries are in force, and what they make of the strategies' records.

Everything here is a function of the strategies and of `at_ms`, the journal time up to which
calendars were followed; only that is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.schema import Schedule, StrategyKind
from engine.terms import Terms, replaced
from engine.timetable import CalendarEntry, EntryAction, day_begin, in_force

if TYPE_CHECKING:
    from engine.strategies import StrategyDefinition

PUSHES = (StrategyKind.PUSH, StrategyKind.DAILY_PUSH)
"""Kinds whose listings keep other things in their rows; an entry cannot swap them."""
KEPT_APART = {*PUSHES, StrategyKind.FOLLOW}
IN_RECORDS = {
    EntryAction.HOLD: Schedule.HOLD,
    EntryAction.PRICE: Schedule.PRICE,
    EntryAction.PAUSE: Schedule.PAUSE,
}
"""Entries that the kernel knows by themselves; of the others it sees bounds or another record."""


class Schedules:
    """Belongs to the catalogue. Strategies are named by their index."""

    def __init__(self) -> None:
        self.at_ms = 0
        self.next_ms = 0
        """The next instant at which an entry begins or ends; 0: there is none."""
        self.entries: dict[int, CalendarEntry] = {}
        self._states: dict[int, tuple[str, int]] = {}

    def due(self, now_ms: int) -> bool:
        """Whether listings have something to follow."""
        return 0 < self.next_ms <= now_ms

    def refresh(
        self,
        definitions: Sequence[StrategyDefinition],
        compiled: NDArray[np.void],
        records: NDArray[np.void],
        now_ms: int,
        anew: bool = False,
    ) -> set[int]:
        """Writes the entries in force at `now_ms` into the records; strategies that they changed.

        `compiled` are records as the strategies say, `records` those that the kernel reads.
        """
        self.at_ms = now_ms
        if not anew and not 0 < self.next_ms <= now_ms:
            return set()
        changes: list[int] = []
        states: dict[int, tuple[str, int]] = {}
        self.entries = {}
        for index, definition in enumerate(definitions):
            if not definition.zone_offsets:
                continue
            entry, until_ms = in_force(definition.calendar, definition.zone_offsets, now_ms)
            begin_ms = 0
            if definition.kind == StrategyKind.DAILY_PUSH:
                begin_ms, end_ms = day_begin(definition.zone_offsets, now_ms)
                changes.append(end_ms)
            if until_ms:
                changes.append(until_ms)
            if entry is not None:
                self.entries[index] = entry
            states[index] = entry.name if entry is not None else "", begin_ms
            target = index
            if entry is not None and entry.action == EntryAction.STRATEGY:
                target = strategy_at(definitions, definition.seller_id, entry.strategy_id)
                if definitions[target].kind in PUSHES:
                    target = index
            records[index] = compiled[target]
            put_entry(records, index, entry, until_ms, begin_ms)
        self.next_ms = min(changes, default=0)
        both = states.keys() | self._states.keys()
        changed = {each for each in both if states.get(each) != self._states.get(each)}
        self._states = states
        return changed

    def bounds_in_force(self, terms: Terms, strategy: int) -> tuple[int, int]:
        """Floor and ceiling that the entry in force makes of a listing's terms."""
        floor, ceiling = terms.floor_minor, terms.ceiling_minor
        entry = self.entries.get(strategy)
        if entry is not None and entry.action == EntryAction.BOUNDS:
            floor, ceiling = replaced(terms, entry.floor_minor, entry.ceiling_minor)
        return max(floor, terms.map_minor), ceiling


def is_pause(entry: CalendarEntry | None) -> bool:
    """Whether an entry pauses listings."""
    return entry is not None and entry.action == EntryAction.PAUSE


def put_entry(
    records: NDArray[np.void],
    index: int,
    entry: CalendarEntry | None,
    until_ms: int,
    day_begin_ms: int,
) -> None:
    """What the kernel needs to know of the entry in force."""
    record = records[index]
    record["day_begin_s"] = -(-day_begin_ms // 1000)
    record["schedule_action"] = Schedule.NONE
    record["schedule_until_s"] = record["schedule_price_minor"] = 0
    if entry is None or entry.action not in IN_RECORDS:
        return
    record["schedule_action"] = IN_RECORDS[EntryAction(entry.action)]
    record["schedule_until_s"] = -(-until_ms // 1000)
    record["schedule_price_minor"] = entry.price_minor


def strategy_at(definitions: Sequence[StrategyDefinition], seller_id: str, strategy_id: str) -> int:
    """Index of a strategy that an entry names, which was checked when it came."""
    for index, each in enumerate(definitions):
        if (each.seller_id, each.strategy_id) == (seller_id, strategy_id):
            return index
    raise InputError(
        f"strategy_id is {strategy_id!r}, which no strategy of {seller_id!r} has any more",
        reason="STRATEGY_UNKNOWN",
        field="strategy_id",
    )


def check_references(definition: StrategyDefinition, known: dict[str, StrategyDefinition]) -> None:
    """Entries name strategies that exist and fit; `known` are those of the seller by id."""
    for place, entry in enumerate(definition.calendar):
        if entry.action != EntryAction.STRATEGY:
            continue
        path = f"schedule.calendar[{place}].strategy_id"
        named = known.get(entry.strategy_id)
        fits = named is not None and named.currency == definition.currency
        if named is None or not fits or {named.kind, definition.kind} & KEPT_APART:
            raise InputError(
                f"{path} is {entry.strategy_id!r}; allowed: a strategy of the seller in"
                f" {definition.currency}, neither of them PUSH, DAILY_PUSH or FOLLOW",
                reason="CALENDAR_STRATEGY",
                field=path,
            )
