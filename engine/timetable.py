"""Calendar entries of a strategy in local time, and the instants at which they begin and end.

Local times are minutes since 1970-01-01T00:00 on the wall clock of the zone; instants are
milliseconds since 1970-01-01 UTC. A zone comes as the offsets that the server looked up, so that
the same journal gives the same instants wherever it is replayed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

DAY_MIN = 1_440
WEEK_MIN = 7 * DAY_MIN
MINUTE_MS = 60_000
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
AHEAD_MIN = 9 * 366 * DAY_MIN
"""A leap day comes again within this time."""


class Repeat(IntEnum):
    """How often an entry comes again, at the same local time."""

    ONCE = 1
    DAILY = 2
    WEEKLY = 3
    YEARLY = 4


class EntryAction(IntEnum):
    """What an entry does to the listings of a strategy."""

    HOLD = 1
    PRICE = 2
    BOUNDS = 3
    STRATEGY = 4
    PAUSE = 5


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One entry; `begin` and `end` are those of the first time that it comes.

    `weekdays` are 1 (Monday) to 7 of a WEEKLY entry, empty: that of the first time. Nothing
    begins at or after `until`; empty: for ever.
    """

    name: str
    begin: str
    end: str
    action: int
    repeat: int = Repeat.ONCE
    weekdays: tuple[int, ...] = ()
    until: str = ""
    priority: int = 0
    price_minor: int = 0
    floor_minor: int = 0
    ceiling_minor: int = 0
    strategy_id: str = ""


Offsets = tuple[tuple[int, int], ...]
"""(from this instant on, seconds that local time is ahead of UTC), in order of the instants."""


def local_minutes(text: str) -> int:
    """Minutes of a text such as 2026-11-27T08:30. Raises ValueError for any other."""
    if LOCAL.fullmatch(text) is None:
        raise ValueError(text)
    return int(np.datetime64(text, "m").astype(np.int64))


def offset_s(offsets: Offsets, at_ms: int) -> int:
    """Seconds that local time is ahead of UTC at an instant."""
    present = offsets[0][1]
    for from_ms, seconds in offsets:
        if from_ms > at_ms:
            break
        present = seconds
    return present


def instant(offsets: Offsets, local_min: int) -> int:
    """The first instant that has this local time; in a gap of the clock, the end of the gap."""
    for place, (from_ms, seconds) in enumerate(offsets):
        at_ms = local_min * MINUTE_MS - seconds * 1000
        ends_ms = offsets[place + 1][0] if place + 1 < len(offsets) else None
        if ends_ms is None or at_ms < ends_ms:
            return at_ms if place == 0 else max(at_ms, from_ms)
    raise ValueError("a zone has at least one offset")


def day_begin(offsets: Offsets, at_ms: int) -> tuple[int, int]:
    """First instant of the local day of an instant, and of the day after."""
    day = (at_ms // MINUTE_MS + offset_s(offsets, at_ms) // 60) // DAY_MIN
    while instant(offsets, (day + 1) * DAY_MIN) <= at_ms:
        day += 1
    return instant(offsets, day * DAY_MIN), instant(offsets, (day + 1) * DAY_MIN)


def occurrences(entry: CalendarEntry, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Local begin and end of every time that an entry comes between two local times."""
    first, lasts = local_minutes(entry.begin), span(entry)
    last = local_minutes(entry.until) if entry.until else high
    for begin in begins(entry, first, low - lasts, min(high, last)):
        if first <= begin < min(high, last) and begin + lasts > low:
            yield begin, begin + lasts


def span(entry: CalendarEntry) -> int:
    """How long an entry lasts, in minutes of the wall clock."""
    return local_minutes(entry.end) - local_minutes(entry.begin)


def begins(entry: CalendarEntry, first: int, low: int, high: int) -> Iterator[int]:
    """Local times at which an entry may begin, at least all from `low` to `high`."""
    if entry.repeat == Repeat.ONCE:
        yield first
    elif entry.repeat == Repeat.YEARLY:
        yield from yearly(first, low, high)
    else:
        chosen = EVERY_DAY if entry.repeat == Repeat.DAILY else entry.weekdays
        for day in range(max(low, first) // DAY_MIN, high // DAY_MIN + 1):
            if weekday(day) in (chosen or (weekday(first // DAY_MIN),)):
                yield day * DAY_MIN + first % DAY_MIN


def weekday(day: int) -> int:
    """1 (Monday) to 7 of a day since 1970-01-01, which was a Thursday."""
    return (day + 3) % 7 + 1


def yearly(first: int, low: int, high: int) -> Iterator[int]:
    """The same day of each year; a leap day comes in leap years only."""
    month_and_day = str(np.datetime64(first, "m"))[4:10]
    for year in range(year_of(max(low, first)), year_of(high) + 1):
        try:
            day = int(np.datetime64(f"{year:04}{month_and_day}", "D").astype(np.int64))
        except ValueError:
            continue
        yield day * DAY_MIN + first % DAY_MIN


def year_of(local_min: int) -> int:
    """Year of a local time."""
    return int(str(np.datetime64(local_min, "m"))[:4])


def overlap(one: CalendarEntry, other: CalendarEntry) -> bool:
    """Whether two entries are ever in force at the same local time."""
    rare, often = sorted((one, other), key=lambda entry: RARITY.index(entry.repeat))
    begin = local_minutes(rare.begin)
    if rare.repeat == Repeat.YEARLY:
        end = begin + 28 * 366 * DAY_MIN  # Then the days of the week are the same again.
    elif rare.repeat == Repeat.ONCE:
        end = begin + 1
    else:
        begin = max(begin, local_minutes(often.begin) - WEEK_MIN)
        end = begin + 3 * WEEK_MIN
    return any(
        next(occurrences(often, *each), None) is not None for each in occurrences(rare, begin, end)
    )


RARITY = (Repeat.ONCE, Repeat.YEARLY, Repeat.WEEKLY, Repeat.DAILY)


def in_force(
    entries: tuple[CalendarEntry, ...], offsets: Offsets, now_ms: int
) -> tuple[CalendarEntry | None, int]:
    """The entry in force, and the next instant at which any begins or ends; 0: there is none."""
    local = now_ms // MINUTE_MS + offset_s(offsets, now_ms) // 60
    found: CalendarEntry | None = None
    changes: list[int] = []
    for entry in entries:
        ahead = 2 * WEEK_MIN if entry.repeat in (Repeat.DAILY, Repeat.WEEKLY) else AHEAD_MIN
        low, high = local - 2 * DAY_MIN, max(local + ahead, local_minutes(entry.begin) + ahead)
        for begin, end in occurrences(entry, low, high):
            begin_ms, end_ms = instant(offsets, begin), instant(offsets, end)
            if begin_ms <= now_ms < end_ms and (found is None or entry.priority > found.priority):
                found = entry
            changes += [each for each in (begin_ms, end_ms) if each > now_ms][:1]
            if begin_ms > now_ms:
                break
    return found, min(changes, default=0)
