# Which higher price to try, and trying it. reference_probe.py is the twin and says more.

from libc.stdint cimport int64_t, uint32_t

from engine._endings cimport raised
from engine._evidence cimport age_evidence
from engine._followers cimport mark_lead, may_lead
from engine._learner cimport (
    STEP_UNKNOWN,
    age_grid,
    choose,
    has_lost,
    landed_cap,
    step_landed,
    step_of,
)
from engine._rules cimport (
    MILLION,
    divide_down,
    held,
    highest,
    item_for_landed,
    known,
    landed_high,
    move_to,
    own_landed,
    premium_down,
)
from engine._schema cimport (
    REASON_LEAD_UP,
    REASON_NO_REFERENCE,
    REASON_NO_ROOM,
    REASON_PROBE_UP,
    STATE_PROBING,
    Grids,
    Outcome,
    Row,
    Strategy,
)

cdef enum:
    FREE_STEPS = 4


cdef inline int64_t losing_from(const Row* r, int64_t reference) noexcept nogil:
    cdef int64_t limit = own_landed(r, highest(r)) + 1
    if known(r.keep_high_ppm):
        limit = min(limit, landed_high(reference, r.keep_high_ppm))
    return limit


cdef inline int64_t probe_limit(
    const Strategy* s, int64_t price, int64_t raise_by
) noexcept nogil:
    if s.max_probe_ppm > 0:
        raise_by = min(raise_by, divide_down(price * s.max_probe_ppm, MILLION))
    return max(s.step_minor, raise_by)


cdef inline int64_t probe_goal(
    Row* r, Grids* g, const Strategy* s, int64_t reference, int64_t landed, int64_t now_s
) noexcept nogil:
    cdef int64_t limit
    cdef int64_t present = step_of(landed, reference)
    cdef int64_t step
    cdef int64_t more
    cdef bint free
    age_grid(r, g, s, now_s)
    step = choose(r, g, s, reference, True, True)
    if step != STEP_UNKNOWN:
        free = not known(r.keep_high_ppm) and not has_lost(g)
        if step <= present and not free:
            return landed
        step = step if step > present else present + FREE_STEPS
        more = step_landed(r, reference, step) - landed
        if more <= 0 or (more < s.step_minor and not free):
            return landed
        return min(landed + probe_limit(s, landed, more), landed_cap(r))
    limit = losing_from(r, reference)
    if limit - landed <= s.step_minor:
        return landed
    return min(landed + probe_limit(s, landed, (limit - landed) // 2), limit - 1)


cdef inline void probe(
    Row* r, Grids* g, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t reference = r.reference_minor
    cdef int64_t held_minor = r.price_minor
    cdef int64_t landed = own_landed(r, held_minor)
    cdef int64_t goal = landed
    cdef int64_t item
    cdef int64_t most
    cdef bint leading = reference > 0 and may_lead(r, g, reference)
    age_evidence(r, s, now_s)
    if leading:
        goal = landed + probe_limit(s, landed, max(<int64_t>0, landed_cap(r) - landed))
        goal = min(goal, landed_cap(r))
    elif reference > 0:
        goal = probe_goal(r, g, s, reference, landed, now_s)
    item = min(item_for_landed(r, goal), highest(r))
    if item > held_minor:
        most = max(goal, losing_from(r, reference) - 1)
        item = raised(r, s, item, min(item_for_landed(r, most), highest(r)))
    if item <= held_minor:
        r.deadline_s = <uint32_t>(now_s + s.hold_s)
        held(o, REASON_NO_ROOM if reference > 0 else REASON_NO_REFERENCE)
        return
    if not move_to(r, s, item, REASON_LEAD_UP if leading else REASON_PROBE_UP, now_s, o):
        r.deadline_s = <uint32_t>(now_s + s.hold_s)
        return
    r.good_price_minor = held_minor
    mark_lead(r, g, leading)
    r.state = STATE_PROBING
    r.premium_ppm = premium_down(own_landed(r, r.price_minor), reference)
