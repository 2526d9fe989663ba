# Calendar entries in force: the price stays, or is what the entry says, or the listing is
# paused. reference_schedule.py is the twin and says more.

from libc.stdint cimport int64_t

from engine._evidence cimport reemit
from engine._match cimport settle
from engine._rules cimport held
from engine._schema cimport (
    REASON_CALENDAR,
    REASON_CALENDAR_HELD,
    REASON_QUIET,
    SCHEDULE_NONE,
    SCHEDULE_PAUSE,
    SCHEDULE_PRICE,
    Outcome,
    Row,
    Strategy,
)


cdef inline bint is_scheduled(const Strategy* s) noexcept nogil:
    return s.schedule_action != SCHEDULE_NONE


cdef inline bint pauses(const Strategy* s) noexcept nogil:
    return s.schedule_action == SCHEDULE_PAUSE


cdef inline void follow_schedule(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.schedule_action != SCHEDULE_PRICE:
        held(o, REASON_QUIET)
    else:
        settle(r, s, s.schedule_price_minor, REASON_CALENDAR, now_s, o)


cdef inline void scheduled_timer(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.schedule_action == SCHEDULE_PRICE and r.effective_s == 0 and r.price_minor > 0:
        reemit(r, s, now_s, o)
        return
    held(o, REASON_CALENDAR_HELD if s.schedule_action == SCHEDULE_PRICE else REASON_QUIET)
    r.deadline_s = s.schedule_until_s
