# Calendar entries in force: the price stays, or is what the entry says. reference_schedule.py is
# the twin and says more.

from libc.stdint cimport int64_t

from engine._evidence cimport reemit
from engine._match cimport settle
from engine._rules cimport held
from engine._schema cimport (
    REASON_CALENDAR,
    REASON_CALENDAR_HELD,
    REASON_QUIET,
    SCHEDULE_HOLD,
    SCHEDULE_NONE,
    Outcome,
    Row,
    Strategy,
)


cdef inline bint is_scheduled(const Strategy* s) noexcept nogil:
    return s.schedule_action != SCHEDULE_NONE


cdef inline void follow_schedule(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.schedule_action == SCHEDULE_HOLD:
        held(o, REASON_QUIET)
    else:
        settle(r, s, s.schedule_price_minor, REASON_CALENDAR, now_s, o)


cdef inline void scheduled_timer(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.schedule_action != SCHEDULE_HOLD and r.effective_s == 0 and r.price_minor > 0:
        reemit(r, s, now_s, o)
        return
    held(o, REASON_QUIET if s.schedule_action == SCHEDULE_HOLD else REASON_CALENDAR_HELD)
    r.deadline_s = s.schedule_until_s
