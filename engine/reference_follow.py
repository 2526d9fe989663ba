"""FOLLOW in plain Python: the twin of `_follow.pxd`.

The reference price of such a listing is what its sources cost together, landed; 0: not known,
SOURCES_LOST: not for longer than the strategy waits.
`r` is the proposed row, `s` the compiled strategy, `c` the command, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_buybox import enter_alone
from engine.reference_match import match_landed, settle, stay
from engine.reference_rules import held, offset_from
from engine.reference_schedule import is_scheduled
from engine.schema import SOURCES_LOST, CycleState, Reason, StrategyKind


def follow_sources(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Goes to the distance from what the sources cost, stays while that is not known, and in the
    end does without them."""
    if r.reference_minor > 0:
        match_landed(r, s, offset_from(s, r.reference_minor, 0), Reason.FOLLOW, now_s, o)
    elif r.reference_minor != SOURCES_LOST:
        stay(r, s, Reason.FOLLOW_WAITS, now_s, o)
    elif s.standalone_minor > 0:
        settle(r, s, s.standalone_minor, Reason.FOLLOW_STANDALONE, now_s, o)
    else:
        enter_alone(r, s, False, now_s, o)


def note_sources(r: Any, s: Any, c: Any, now_s: int, o: Any) -> None:
    """What the sources cost now."""
    if s.kind != StrategyKind.FOLLOW:
        o.ignored, o.reason = 1, Reason.NOT_APPLICABLE
        return
    r.reference_minor = c.sources_minor
    if r.state == CycleState.PAUSED:
        held(o, Reason.PAUSED)
    elif is_scheduled(s):
        held(o, Reason.QUIET)
    else:
        follow_sources(r, s, now_s, o)
