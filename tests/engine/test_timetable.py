"""Local times become instants, calendars say what is in force, and bad ones are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import InputError
from engine.schema import StrategyKind
from engine.strategies import StrategyDefinition, compile_strategy
from engine.timetable import (
    CalendarEntry,
    EntryAction,
    Repeat,
    day_begin,
    in_force,
    instant,
    local_minutes,
    overlap,
)


def ms(text: str) -> int:
    """An instant."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


BERLIN = ((0, 3600), (ms("2026-03-29T01:00"), 7200), (ms("2026-10-25T01:00"), 3600))
NIGHT = CalendarEntry(
    "night", "2026-01-01T22:00", "2026-01-02T06:00", EntryAction.HOLD, repeat=Repeat.DAILY
)
SALE = CalendarEntry(
    "sale", "2026-11-27T00:00", "2026-11-30T00:00", EntryAction.PRICE, price_minor=999
)
PLAIN = StrategyDefinition(
    "S1", "plain", "EUR", StrategyKind.BUY_BOX, time_zone="Europe/Berlin", zone_offsets=BERLIN
)

INSTANTS = [
    ("2026-01-15T12:00", "2026-01-15T11:00"),
    ("2026-07-15T12:00", "2026-07-15T10:00"),
    # The clock skips from 02:00 to 03:00.
    ("2026-03-29T01:59", "2026-03-29T00:59"),
    ("2026-03-29T02:30", "2026-03-29T01:00"),
    ("2026-03-29T03:00", "2026-03-29T01:00"),
    # The hour from 02:00 comes twice; the first one counts.
    ("2026-10-25T02:30", "2026-10-25T00:30"),
    ("2026-10-25T03:00", "2026-10-25T02:00"),
]


@pytest.mark.parametrize(("local", "utc"), INSTANTS)
def test_the_first_valid_instant(local: str, utc: str) -> None:
    assert instant(BERLIN, local_minutes(local)) == ms(utc)


def test_days_have_23_24_or_25_hours() -> None:
    assert day_begin(BERLIN, ms("2026-03-29T12:00")) == (
        ms("2026-03-28T23:00"), ms("2026-03-29T22:00"),
    )  # fmt: skip
    assert day_begin(BERLIN, ms("2026-10-24T21:59")) == (
        ms("2026-10-23T22:00"), ms("2026-10-24T22:00"),
    )  # fmt: skip
    assert day_begin(BERLIN, ms("2026-10-25T12:00")) == (
        ms("2026-10-24T22:00"), ms("2026-10-25T23:00"),
    )  # fmt: skip


WEEKEND = replace(NIGHT, name="weekend", begin="2026-01-03T00:00", end="2026-01-04T00:00",
                  repeat=Repeat.WEEKLY, weekdays=(6, 7))  # fmt: skip
BIRTHDAY = replace(NIGHT, name="birthday", begin="2024-02-29T00:00", end="2024-03-01T00:00",
                   repeat=Repeat.YEARLY)  # fmt: skip

IN_FORCE = [
    # entries, now -> the entry in force, the next change
    ((NIGHT,), "2026-05-05T12:00", "", "2026-05-05T20:00"),
    ((NIGHT,), "2026-05-05T20:00", "night", "2026-05-06T04:00"),
    ((NIGHT,), "2026-05-06T03:59", "night", "2026-05-06T04:00"),
    ((NIGHT,), "2026-05-06T04:00", "", "2026-05-06T20:00"),
    ((NIGHT,), "2025-12-01T23:00", "", "2026-01-01T21:00"),
    ((replace(NIGHT, until="2026-05-05T00:00"),), "2026-05-05T23:00", "", ""),
    ((SALE,), "2026-11-28T00:00", "sale", "2026-11-29T23:00"),
    ((SALE,), "2026-11-29T23:00", "", ""),
    ((SALE, replace(NIGHT, priority=1)), "2026-11-27T23:00", "night", "2026-11-28T05:00"),
    ((replace(NIGHT, priority=1), replace(SALE, priority=2)), "2026-11-27T23:00", "sale",
     "2026-11-28T05:00"),
    ((WEEKEND,), "2026-05-09T12:00", "weekend", "2026-05-09T22:00"),
    ((WEEKEND,), "2026-05-11T12:00", "", "2026-05-15T22:00"),
    ((BIRTHDAY,), "2026-05-11T12:00", "", "2028-02-28T23:00"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "now", "name", "change"), IN_FORCE)
def test_what_is_in_force(
    entries: tuple[CalendarEntry, ...], now: str, name: str, change: str
) -> None:
    entry, change_ms = in_force(entries, BERLIN, ms(now))
    assert (entry.name if entry else "") == name
    assert change_ms == (ms(change) if change else 0)


OVERLAPS = [
    (NIGHT, replace(NIGHT, begin="2026-01-01T05:00", end="2026-01-01T07:00"), True),
    (NIGHT, replace(NIGHT, begin="2026-01-01T06:00", end="2026-01-01T07:00"), False),
    (NIGHT, SALE, True),
    (NIGHT, replace(SALE, begin="2026-11-27T08:00", end="2026-11-27T20:00"), False),
    (NIGHT, replace(SALE, begin="2025-11-27T22:00", end="2025-11-27T23:00"), False),
    (replace(NIGHT, until="2026-02-01T00:00"), SALE, False),
    (SALE, replace(SALE, begin="2026-11-30T00:00", end="2026-12-01T00:00"), False),
    (WEEKEND, replace(WEEKEND, begin="2026-01-05T10:00", end="2026-01-05T11:00", weekdays=()),
     False),
    (WEEKEND, replace(WEEKEND, begin="2026-01-04T10:00", end="2026-01-04T11:00", weekdays=()),
     True),
    # 11 July comes on a Saturday or Sunday in some year.
    (WEEKEND, replace(BIRTHDAY, begin="2024-07-11T00:00", end="2024-07-12T00:00"), True),
    (BIRTHDAY, replace(BIRTHDAY, begin="2025-03-01T00:00", end="2025-03-02T00:00"), False),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "expected"), OVERLAPS)
def test_overlaps(one: CalendarEntry, other: CalendarEntry, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"time_zone": "", "calendar": (NIGHT,)}, "schedule.time_zone", "TIME_ZONE_MISSING"),
    ({"zone_offsets": ()}, "schedule.time_zone", "TIME_ZONE_UNKNOWN"),
    ({"calendar": (NIGHT,) * 51}, "schedule.calendar", "TOO_MANY"),
    ({"calendar": (replace(NIGHT, name=""),)}, "schedule.calendar[0].name", "NAME_INVALID"),
    ({"calendar": (replace(NIGHT, begin="2026-01-01"),)}, "schedule.calendar[0].begin",
     "LOCAL_TIME_INVALID"),
    ({"calendar": (replace(NIGHT, end="2026-02-30T01:00"),)}, "schedule.calendar[0].end",
     "LOCAL_TIME_INVALID"),
    ({"calendar": (replace(NIGHT, end="2026-01-01T24:00"),)}, "schedule.calendar[0].end",
     "LOCAL_TIME_INVALID"),
    ({"calendar": (replace(NIGHT, end=NIGHT.begin),)}, "schedule.calendar[0].end", "WINDOW_EMPTY"),
    ({"calendar": (replace(NIGHT, end="2026-01-03T00:00"),)}, "schedule.calendar[0].end",
     "TOO_LONG"),
    ({"calendar": (replace(NIGHT, until=NIGHT.begin),)}, "schedule.calendar[0].until",
     "WINDOW_EMPTY"),
    ({"calendar": (replace(NIGHT, repeat=9),)}, "schedule.calendar[0].repeat", "REPEAT_UNKNOWN"),
    ({"calendar": (replace(NIGHT, weekdays=(1,)),)}, "schedule.calendar[0].weekdays", "WEEKDAYS"),
    ({"calendar": (replace(WEEKEND, weekdays=(8,)),)}, "schedule.calendar[0].weekdays",
     "WEEKDAYS_INVALID"),
    ({"calendar": (replace(NIGHT, action=0),)}, "schedule.calendar[0].action", "ACTION"),
    ({"calendar": (replace(SALE, price_minor=0),)}, "schedule.calendar[0].price_minor",
     "PRICE_INVALID"),
    ({"calendar": (replace(SALE, action=EntryAction.BOUNDS),)},
     "schedule.calendar[0].bounds.floor_minor", "BOUND_INVALID"),
    ({"calendar": (replace(SALE, action=EntryAction.BOUNDS, floor_minor=9, ceiling_minor=8),)},
     "schedule.calendar[0].bounds.ceiling_minor", "BOUND_INVALID"),
    ({"calendar": (replace(SALE, action=EntryAction.STRATEGY, strategy_id="plain"),)},
     "schedule.calendar[0].strategy_id", "STRATEGY"),
    ({"calendar": (SALE, replace(NIGHT, name="quiet"))}, "schedule.calendar[1].priority",
     "CALENDAR_OVERLAP"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field", "reason"), REFUSED)
def test_refusals(given: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_strategy(replace(PLAIN, **given), [])
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert caught.value.message.startswith(f"{field} is ")


def test_priorities_settle_overlaps() -> None:
    compile_strategy(replace(PLAIN, calendar=(SALE, replace(NIGHT, priority=1))), [])
