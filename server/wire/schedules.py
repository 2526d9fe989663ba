"""Calendars and sales steps of strategies between messages and definitions; time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.schema import CountBy, PercentOf
from engine.strategies import Offset, PushStep
from engine.timetable import CalendarEntry, EntryAction, Repeat
from repriced.v1 import catalog_pb2

YEARS_AHEAD = 11
LONGEST_ZONE = 100
"""Longer names are those of no zone, and none is to be remembered."""
FEWER = catalog_pb2.PushRule.COMPARISON_FEWER_THAN


def with_zones(payload: bytes, now_ms: int) -> bytes:
    """A BatchUpsertStrategiesRequest with the offsets of the time zones that it names.

    From here on they are part of the request: what is journaled does not depend on which version
    of the time zone database a replay has. Bytes that do not parse come back as they are. Whoever
    calls has counted the rows.
    """
    try:
        request = catalog_pb2.BatchUpsertStrategiesRequest.FromString(payload)
    except Exception:
        return payload
    named = [each for each in request.strategies if each.HasField("schedule")]
    if not named:
        return payload
    for strategy in named:
        del strategy.schedule.zone_offsets[:]
        if len(strategy.schedule.time_zone) > LONGEST_ZONE:
            continue
        for from_ms, seconds in zone_offsets(
            strategy.schedule.time_zone, datetime.fromtimestamp(now_ms / 1000, UTC).year
        ):
            strategy.schedule.zone_offsets.add(from_ms=from_ms, offset_seconds=seconds)
    return request.SerializeToString(deterministic=True)


@lru_cache(maxsize=600)
def zone_offsets(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """Offsets of a zone from the year before until ten years after; none where it is unknown."""
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ()
    at, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year - 1, year + YEARS_AHEAD))
    found = [(0, seconds_at(zone, at))]
    while at < end:
        after = at + timedelta(days=1)
        if seconds_at(zone, after) != found[-1][1]:
            change = first_with(zone, at, after, seconds_at(zone, after))
            found.append((int(change.timestamp()) * 1000, seconds_at(zone, after)))
        at = after
    return tuple(found)


def seconds_at(zone: ZoneInfo, at: datetime) -> int:
    """Seconds that a zone is ahead of UTC at an instant."""
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def first_with(zone: ZoneInfo, low: datetime, high: datetime, seconds: int) -> datetime:
    """The first minute after `low` at which the zone has an offset that it has at `high`."""
    minutes, most = 0, int((high - low).total_seconds()) // 60
    while most - minutes > 1:
        middle = (minutes + most) // 2
        if seconds_at(zone, low + timedelta(minutes=middle)) == seconds:
            most = middle
        else:
            minutes = middle
    return low + timedelta(minutes=most)


# Calendars


def schedule_fields(message: catalog_pb2.Schedule) -> dict[str, Any]:
    """What a schedule is of a definition."""
    return {
        "time_zone": message.time_zone,
        "zone_offsets": tuple((each.from_ms, each.offset_seconds) for each in message.zone_offsets),
        "calendar": tuple(entry_definition(each) for each in message.calendar),
    }


def entry_definition(message: catalog_pb2.CalendarEntry) -> CalendarEntry:
    """One entry as the caller stated it."""
    action = message.WhichOneof("action")
    return CalendarEntry(
        name=message.name,
        begin=message.begin,
        end=message.end,
        action=int(EntryAction[action.removesuffix("_minor").removesuffix("_id").upper()])
        if action
        else 0,
        repeat=message.repeat or int(Repeat.ONCE),
        weekdays=tuple(message.weekdays),
        until=message.until,
        priority=message.priority,
        price_minor=message.price_minor,
        floor_minor=message.bounds.floor_minor,
        ceiling_minor=message.bounds.ceiling_minor,
        strategy_id=message.strategy_id,
    )


def fill_schedule(message: catalog_pb2.Schedule, definition: Any) -> None:
    """The same the other way."""
    message.time_zone = definition.time_zone
    for from_ms, seconds in definition.zone_offsets:
        message.zone_offsets.add(from_ms=from_ms, offset_seconds=seconds)
    for entry in definition.calendar:
        fill_entry(message.calendar.add(), entry)


def fill_entry(message: catalog_pb2.CalendarEntry, entry: CalendarEntry) -> None:
    """One entry."""
    for name in ("name", "begin", "end", "until", "priority"):
        setattr(message, name, getattr(entry, name))
    message.repeat = entry.repeat  # type: ignore[assignment]
    message.weekdays.extend(entry.weekdays)
    if entry.action == EntryAction.HOLD:
        message.hold.SetInParent()
    elif entry.action == EntryAction.PRICE:
        message.price_minor = entry.price_minor
    elif entry.action == EntryAction.BOUNDS:
        message.bounds.floor_minor = entry.floor_minor
        message.bounds.ceiling_minor = entry.ceiling_minor
    elif entry.action == EntryAction.STRATEGY:
        message.strategy_id = entry.strategy_id
    elif entry.action == EntryAction.PAUSE:
        message.pause.SetInParent()


# Sales


def push_fields(message: Any) -> dict[str, Any]:
    """What PUSH or DAILY_PUSH is of a definition."""
    fields: dict[str, Any] = {
        "push_steps": tuple(
            PushStep(each.units, delta_of(each), each.times or 1) for each in message.steps
        ),
        "count_by": message.count_by or int(CountBy.SKU),
    }
    if isinstance(message, catalog_pb2.PushStrategy):
        fields["percent_of"] = message.percent_of or int(PercentOf.CURRENT)
        fields["push_rules"] = tuple(
            PushStep(each.units, delta_of(each), fewer=each.comparison == FEWER)
            for each in message.rules
        )
    return fields


def delta_of(message: Any) -> Offset:
    """The change of a step or rule."""
    return Offset(message.delta.amount_minor, message.delta.basis_points)


def fill_push(message: Any, definition: Any) -> None:
    """The same the other way."""
    message.count_by = definition.count_by
    for step in definition.push_steps:
        fill_delta(message.steps.add(units=step.units, times=step.times), step)
    if not isinstance(message, catalog_pb2.PushStrategy):
        return
    message.percent_of = definition.percent_of
    for rule in definition.push_rules:
        comparison = FEWER if rule.fewer else catalog_pb2.PushRule.COMPARISON_AT_LEAST
        fill_delta(message.rules.add(units=rule.units, comparison=comparison), rule)


def fill_delta(message: Any, step: PushStep) -> None:
    """The change of a step or rule."""
    if step.delta.basis_points:
        message.delta.basis_points = step.delta.basis_points
    else:
        message.delta.amount_minor = step.delta.amount_minor
