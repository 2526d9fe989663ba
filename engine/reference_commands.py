"""Changes of a definition or of whether a listing is repriced, and timers: the twin of
`_commands.pxd`.

`r` is the proposed row, `s` the compiled strategy, `c` the command, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_buybox import cycle_timer
from engine.reference_evidence import arm, reemit, rest_after_probe
from engine.reference_follow import note_sources
from engine.reference_learner import Grids
from engine.reference_match import settle
from engine.reference_push import (
    arm_push,
    change_fields,
    follow_day,
    join_periods,
    note_sales,
    push_timer,
    pushes,
)
from engine.reference_rules import clamp, held, move_to, moved
from engine.reference_schedule import follow_schedule, is_scheduled, pauses, scheduled_timer
from engine.reference_steps import pause, resume
from engine.schema import (
    CONDITION_BITS,
    PAUSE_FLAGS,
    SOURCES_LOST,
    CommandKind,
    CycleState,
    Reason,
    RowFlag,
    StrategyKind,
)


def step_command(r: Any, s: Any, c: Any, now_ms: int, o: Any) -> None:
    """A change of definition, or of whether the listing is repriced."""
    if c.kind == CommandKind.UPSERT:
        redefine(r, s, c, now_ms // 1000, o)
    elif c.kind == CommandKind.PAUSE:
        pause(r, RowFlag.PAUSED_BY_USER, o)
    elif c.kind == CommandKind.STOCK_OUT:
        pause(r, RowFlag.OUT_OF_STOCK, o)
    elif c.kind == CommandKind.RESUME:
        resume(r, s, RowFlag.PAUSED_BY_USER | RowFlag.TOO_MANY_REJECTIONS, o)
    elif c.kind == CommandKind.STOCK_IN:
        resume(r, s, RowFlag.OUT_OF_STOCK, o)
    elif c.kind == CommandKind.SALES:
        note_sales(r, s, c, now_ms // 1000, o)
    elif c.kind == CommandKind.FOLLOW:
        note_sources(r, s, c, now_ms // 1000, o)
    elif c.kind == CommandKind.RESEND:
        resend(r, s, now_ms // 1000, o)
    else:
        r.flags &= ~RowFlag.ACTIVE
        r.deadline_s = 0
        held(o, Reason.NOT_APPLICABLE)
    if o.state_before == CycleState.PAUSED and r.state == CycleState.SEEKING:
        join_periods(r, s, now_ms // 1000)
    rest_after_probe(r, s, now_ms // 1000, o)
    if not o.ignored:
        r.reason = o.reason


def redefine(r: Any, s: Any, c: Any, now_s: int, o: Any) -> None:
    """New definition: a price outside the new bounds is clamped in the same input."""
    r.floor_minor, r.ceiling_minor = c.floor_minor, c.ceiling_minor
    r.landed_offset_minor, r.points_bp = c.landed_offset_minor, c.points_bp
    r.flags = (r.flags & ~CONDITION_BITS) | c.condition | RowFlag.ACTIVE
    if r.strategy != c.strategy or c.restart:
        change_fields(r, s)
        if s.kind == StrategyKind.FOLLOW or r.reference_minor == SOURCES_LOST:
            r.reference_minor = 0
        r.strategy = c.strategy
        r.deadline_s = 0
        if r.state != CycleState.PAUSED:
            r.state = CycleState.SEEKING
    held(o, r.reason if r.reason >= Reason.WAITING_FOR_LIVE else Reason.AT_TARGET)
    if pauses(s) and r.state != CycleState.PAUSED:
        pause(r, 0, o)
    if r.state == CycleState.PAUSED:
        if not r.flags & PAUSE_FLAGS:
            resume(r, s, 0, o)
        return
    if is_scheduled(s):
        follow_schedule(r, s, now_s, o)
    elif pushes(s):
        follow_day(r, s, now_s, o)
    elif s.kind == StrategyKind.FIXED:
        settle(r, s, s.fixed_minor, Reason.FIXED, now_s, o)
    if r.price_minor > 0 and clamp(r, r.price_minor) != r.price_minor:
        if move_to(r, s, r.price_minor, Reason.BOUNDS, now_s, o):
            r.state = CycleState.AWAITING
    elif r.state in (CycleState.HOLDING, CycleState.ALONE) and r.effective_s != 0:
        arm(r, s, now_s)
    if pushes(s):
        arm_push(r, s, now_s)
    if c.capped and o.changed and o.reason == Reason.BOUNDS:
        o.reason = Reason.CAPPED_BY_B2C


def resend(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The same price again, because what is sent with it has changed; or back into the bounds."""
    if r.state == CycleState.PAUSED or r.price_minor == 0:
        o.ignored = 1
        o.reason = Reason.PAUSED if r.state == CycleState.PAUSED else Reason.NOT_APPLICABLE
    elif clamp(r, r.price_minor) == r.price_minor:
        moved(r, s, r.price_minor, Reason.TIERS, now_s, o)
    elif move_to(r, s, r.price_minor, Reason.BOUNDS, now_s, o):
        r.state = CycleState.AWAITING


def step_timer(r: Any, g: Grids, s: Any, now_ms: int, o: Any) -> None:
    """The deadline of the row has passed."""
    now_s = now_ms // 1000
    if is_scheduled(s):
        scheduled_timer(r, s, now_s, o)
    elif pushes(s):
        push_timer(r, s, now_s, o)
    elif s.kind == StrategyKind.BUY_BOX or r.state in (CycleState.ALONE, CycleState.SUPPRESSED):
        cycle_timer(r, g, s, now_s, o)
    elif r.state == CycleState.AWAITING and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, Reason.AT_TARGET)
    r.reason = o.reason
