"""FOLLOW in plain Python: the twin of `_follow.pxd`.

The reference price of such a listing is what its sources cost together, landed; 0: not known.
`r` is the proposed row, `s` the compiled strategy, `c` the command, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_match import match_landed, stay
from engine.reference_rules import held, offset_from
from engine.reference_schedule import is_scheduled
from engine.schema import CycleState, Reason, StrategyKind


def follow_sources(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Goes to the distance from what the sources cost, or stays while that is not known."""
    if r.reference_minor > 0:
        match_landed(r, s, offset_from(s, r.reference_minor, 0), Reason.FOLLOW, now_s, o)
    else:
        stay(r, s, Reason.FOLLOW_WAITS, now_s, o)


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
