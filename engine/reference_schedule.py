"""Calendar entries in force, in plain Python: the twin of `_schedule.pxd`.

`r` is the proposed row, `s` the compiled strategy with the entry that is in force now, `o` the
outcome. What happens meanwhile is observed, but is no evidence for the strategy.
"""

from __future__ import annotations

from typing import Any

from engine.reference_evidence import reemit
from engine.reference_match import settle
from engine.reference_rules import held
from engine.schema import Reason, Schedule


def is_scheduled(s: Any) -> bool:
    """Whether an entry decides instead of the strategy."""
    return bool(s.schedule_action != Schedule.NONE)


def pauses(s: Any) -> bool:
    """Whether an entry pauses the listings of the strategy."""
    return bool(s.schedule_action == Schedule.PAUSE)


def follow_schedule(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The price stays, or is what the entry says."""
    if s.schedule_action != Schedule.PRICE:
        held(o, Reason.QUIET)
    else:
        settle(r, s, s.schedule_price_minor, Reason.CALENDAR, now_s, o)


def scheduled_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """A timer is due: a price that is not live is sent again; all else waits for the end."""
    priced = s.schedule_action == Schedule.PRICE
    if priced and r.effective_s == 0 and r.price_minor > 0:
        reemit(r, s, now_s, o)
        return
    held(o, Reason.CALENDAR_HELD if priced else Reason.QUIET)
    r.deadline_s = s.schedule_until_s
