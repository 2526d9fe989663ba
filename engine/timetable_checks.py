"""Checks of a strategy's calendar: every refusal names field, value and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR, StrategyKind
from engine.timetable import (
    DAY_MIN,
    EVERY_DAY,
    WEEK_MIN,
    CalendarEntry,
    EntryAction,
    Repeat,
    local_minutes,
    overlap,
    span,
)

if TYPE_CHECKING:
    from engine.strategies import StrategyDefinition

MAX_ENTRIES = 50
MAX_NAME = 100
LONGEST_MIN = {Repeat.DAILY: DAY_MIN, Repeat.WEEKLY: WEEK_MIN, Repeat.YEARLY: 365 * DAY_MIN}


def refuse(path: str, value: object, allowed: str, reason: str) -> InputError:
    """Error that names field, value and what is allowed."""
    return InputError(f"{path} is {value!r}; allowed: {allowed}", reason=reason, field=path)


def check_schedule(definition: StrategyDefinition) -> None:
    """Raises InputError for the first field that is not allowed."""
    entries = definition.calendar
    needed = entries or definition.kind == StrategyKind.DAILY_PUSH
    if needed and not definition.time_zone:
        raise refuse(
            "schedule.time_zone", "", "an IANA name such as Europe/Berlin", "TIME_ZONE_MISSING"
        )
    if definition.time_zone and not definition.zone_offsets:
        raise refuse(
            "schedule.time_zone",
            definition.time_zone,
            "an IANA name such as Europe/Berlin",
            "TIME_ZONE_UNKNOWN",
        )
    if len(entries) > MAX_ENTRIES:
        raise refuse(
            "schedule.calendar", f"{len(entries)} entries", f"at most {MAX_ENTRIES}", "TOO_MANY"
        )
    for place, entry in enumerate(entries):
        check_entry(f"schedule.calendar[{place}]", entry, definition.strategy_id)
    for place, entry in enumerate(entries):
        check_overlaps(f"schedule.calendar[{place}]", entry, entries[:place])


def check_entry(path: str, entry: CalendarEntry, strategy_id: str) -> None:
    """One entry by itself."""
    if not 0 < len(entry.name) <= MAX_NAME:
        raise refuse(f"{path}.name", entry.name, f"1 to {MAX_NAME} characters", "NAME_INVALID")
    for name in ("begin", "end", "until"):
        check_local(f"{path}.{name}", getattr(entry, name), optional=name == "until")
    if entry.repeat not in set(Repeat):
        raise refuse(f"{path}.repeat", entry.repeat, "a known repetition", "REPEAT_UNKNOWN")
    if span(entry) <= 0:
        raise refuse(f"{path}.end", entry.end, f"later than begin, {entry.begin}", "WINDOW_EMPTY")
    longest = LONGEST_MIN.get(Repeat(entry.repeat))
    if longest is not None and span(entry) > longest:
        raise refuse(
            f"{path}.end", entry.end, f"at most {longest // DAY_MIN} days after begin", "TOO_LONG"
        )
    if entry.until and local_minutes(entry.until) <= local_minutes(entry.begin):
        raise refuse(f"{path}.until", entry.until, f"later than {entry.begin}", "WINDOW_EMPTY")
    if entry.weekdays and entry.repeat != Repeat.WEEKLY:
        raise refuse(f"{path}.weekdays", list(entry.weekdays), "none but WEEKLY", "WEEKDAYS")
    if not set(EVERY_DAY).issuperset(entry.weekdays):
        raise refuse(f"{path}.weekdays", list(entry.weekdays), "1 to 7", "WEEKDAYS_INVALID")
    check_action(path, entry, strategy_id)


def check_local(path: str, text: str, optional: bool) -> None:
    """A local time; no zone, no seconds."""
    if optional and not text:
        return
    try:
        local_minutes(text)
    except ValueError:
        raise refuse(
            path, text, "a local time such as 2026-11-27T08:30", "LOCAL_TIME_INVALID"
        ) from None


def check_action(path: str, entry: CalendarEntry, strategy_id: str) -> None:
    """What the entry does, and what it needs for that."""
    if entry.action not in set(EntryAction):
        raise refuse(f"{path}.action", "", "one of hold, price, bounds, strategy, pause", "ACTION")
    if entry.action == EntryAction.PRICE and not 0 < entry.price_minor <= MAX_PRICE_MINOR:
        raise refuse(
            f"{path}.price_minor", entry.price_minor, f"1 to {MAX_PRICE_MINOR}", "PRICE_INVALID"
        )
    if entry.action == EntryAction.BOUNDS:
        if not 0 < entry.floor_minor <= MAX_PRICE_MINOR:
            raise refuse(
                f"{path}.bounds.floor_minor", entry.floor_minor, f"1 to {MAX_PRICE_MINOR}",
                "BOUND_INVALID",
            )  # fmt: skip
        if not entry.floor_minor <= entry.ceiling_minor <= MAX_PRICE_MINOR:
            raise refuse(
                f"{path}.bounds.ceiling_minor", entry.ceiling_minor,
                f"{entry.floor_minor} to {MAX_PRICE_MINOR}", "BOUND_INVALID",
            )  # fmt: skip
    if entry.action == EntryAction.STRATEGY and entry.strategy_id in ("", strategy_id):
        raise refuse(
            f"{path}.strategy_id", entry.strategy_id, "another strategy of the seller", "STRATEGY"
        )


def check_overlaps(path: str, entry: CalendarEntry, before: tuple[CalendarEntry, ...]) -> None:
    """Two entries at once need different priorities."""
    for other in before:
        if other.priority == entry.priority and overlap(entry, other):
            raise refuse(
                f"{path}.priority", entry.priority,
                f"another than that of {other.name!r}, which is in force at the same time",
                "CALENDAR_OVERLAP",
            )  # fmt: skip
