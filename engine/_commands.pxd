# Changes of a definition or of whether a listing is repriced, and timers, for one row.
# reference_commands.py is the twin and says more.

from libc.stdint cimport int64_t, uint16_t

from engine._buybox cimport cycle_timer
from engine._evidence cimport arm, reemit, rest_after_probe
from engine._follow cimport note_sources
from engine._match cimport settle
from engine._push cimport (
    arm_push,
    change_fields,
    follow_day,
    join_periods,
    note_sales,
    push_timer,
    pushes,
)
from engine._rules cimport clamp, held, move_to, moved
from engine._schema cimport (
    COMMAND_FOLLOW,
    COMMAND_PAUSE,
    COMMAND_RESEND,
    COMMAND_RESUME,
    COMMAND_SALES,
    COMMAND_STOCK_IN,
    COMMAND_STOCK_OUT,
    COMMAND_UPSERT,
    CONDITION_BITS,
    FLAG_ACTIVE,
    FLAG_OUT_OF_STOCK,
    FLAG_PAUSED_BY_USER,
    FLAG_TOO_MANY_REJECTIONS,
    KIND_BUY_BOX,
    KIND_FIXED,
    KIND_FOLLOW,
    PAUSE_FLAGS,
    REASON_AT_TARGET,
    REASON_BOUNDS,
    REASON_CAPPED_BY_B2C,
    REASON_FIXED,
    REASON_NOT_APPLICABLE,
    REASON_PAUSED,
    REASON_TIERS,
    REASON_WAITING_FOR_LIVE,
    SOURCES_LOST,
    STATE_ALONE,
    STATE_AWAITING,
    STATE_HOLDING,
    STATE_PAUSED,
    STATE_SEEKING,
    STATE_SUPPRESSED,
    Command,
    Grids,
    Outcome,
    Row,
    Strategy,
)
from engine._schedule cimport follow_schedule, is_scheduled, pauses, scheduled_timer
from engine._steps cimport pause, resume


cdef inline void step_command(
    Row* r, const Strategy* s, const Command* c, int64_t now_ms, Outcome* o
) noexcept nogil:
    if c.kind == COMMAND_UPSERT:
        redefine(r, s, c, now_ms // 1000, o)
    elif c.kind == COMMAND_PAUSE:
        pause(r, FLAG_PAUSED_BY_USER, o)
    elif c.kind == COMMAND_STOCK_OUT:
        pause(r, FLAG_OUT_OF_STOCK, o)
    elif c.kind == COMMAND_RESUME:
        resume(r, s, FLAG_PAUSED_BY_USER | FLAG_TOO_MANY_REJECTIONS, o)
    elif c.kind == COMMAND_STOCK_IN:
        resume(r, s, FLAG_OUT_OF_STOCK, o)
    elif c.kind == COMMAND_SALES:
        note_sales(r, s, c, now_ms // 1000, o)
    elif c.kind == COMMAND_FOLLOW:
        note_sources(r, s, c, now_ms // 1000, o)
    elif c.kind == COMMAND_RESEND:
        resend(r, s, now_ms // 1000, o)
    else:
        r.flags &= ~FLAG_ACTIVE
        r.deadline_s = 0
        held(o, REASON_NOT_APPLICABLE)
    if o.state_before == STATE_PAUSED and r.state == STATE_SEEKING:
        join_periods(r, s, now_ms // 1000)
    rest_after_probe(r, s, now_ms // 1000, o)
    if not o.ignored:
        r.reason = o.reason


cdef inline void redefine(
    Row* r, const Strategy* s, const Command* c, int64_t now_s, Outcome* o
) noexcept nogil:
    r.floor_minor = c.floor_minor
    r.ceiling_minor = c.ceiling_minor
    r.landed_offset_minor = c.landed_offset_minor
    r.points_bp = c.points_bp
    r.flags = <uint16_t>(r.flags & ~CONDITION_BITS | c.condition | FLAG_ACTIVE)
    if r.strategy != c.strategy or c.restart:
        change_fields(r, s)
        if s.kind == KIND_FOLLOW or r.reference_minor == SOURCES_LOST:
            r.reference_minor = 0
        r.strategy = c.strategy
        r.deadline_s = 0
        if r.state != STATE_PAUSED:
            r.state = STATE_SEEKING
    held(o, r.reason if r.reason >= REASON_WAITING_FOR_LIVE else REASON_AT_TARGET)
    if pauses(s) and r.state != STATE_PAUSED:
        pause(r, 0, o)
    if r.state == STATE_PAUSED:
        if not r.flags & PAUSE_FLAGS:
            resume(r, s, 0, o)
        return
    if is_scheduled(s):
        follow_schedule(r, s, now_s, o)
    elif pushes(s):
        follow_day(r, s, now_s, o)
    elif s.kind == KIND_FIXED:
        settle(r, s, s.fixed_minor, REASON_FIXED, now_s, o)
    if r.price_minor > 0 and clamp(r, r.price_minor) != r.price_minor:
        if move_to(r, s, r.price_minor, REASON_BOUNDS, now_s, o):
            r.state = STATE_AWAITING
    elif (r.state == STATE_HOLDING or r.state == STATE_ALONE) and r.effective_s != 0:
        arm(r, s, now_s)
    if pushes(s):
        arm_push(r, s, now_s)
    if c.capped and o.changed and o.reason == REASON_BOUNDS:
        o.reason = REASON_CAPPED_BY_B2C


cdef inline void resend(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    if r.state == STATE_PAUSED or r.price_minor == 0:
        o.ignored = 1
        o.reason = REASON_PAUSED if r.state == STATE_PAUSED else REASON_NOT_APPLICABLE
    elif clamp(r, r.price_minor) == r.price_minor:
        moved(r, s, r.price_minor, REASON_TIERS, now_s, o)
    elif move_to(r, s, r.price_minor, REASON_BOUNDS, now_s, o):
        r.state = STATE_AWAITING


cdef inline void step_timer(
    Row* r, Grids* g, const Strategy* s, int64_t now_ms, Outcome* o
) noexcept nogil:
    cdef int64_t now_s = now_ms // 1000
    if is_scheduled(s):
        scheduled_timer(r, s, now_s, o)
    elif pushes(s):
        push_timer(r, s, now_s, o)
    elif s.kind == KIND_BUY_BOX or r.state == STATE_ALONE or r.state == STATE_SUPPRESSED:
        cycle_timer(r, g, s, now_s, o)
    elif r.state == STATE_AWAITING and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, REASON_AT_TARGET)
    r.reason = o.reason
