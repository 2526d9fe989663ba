# Competitors that answer our price. reference_followers.py is the twin and says more.

from libc.stdint cimport int64_t, uint8_t

from engine._learner cimport (
    ANSWER,
    ANSWERS,
    DRAW,
    LEADING,
    TOPPED,
    knows,
    opened,
    seen,
)
from engine._rules cimport MILLION, distance, draw_count, own_landed, win_count
from engine._schema cimport STATE_PROBING, Grid, Grids, Row, Strategy

cdef enum:
    NEAR_PART = 80
    WORTH_PART = 33
    ANSWER_S = 4500


cdef inline bint near(int64_t landed, int64_t reference) noexcept nogil:
    return distance(landed, reference) * NEAR_PART <= landed


cdef inline bint came_down(int64_t landed, int64_t reference) noexcept nogil:
    return (reference - landed) * NEAR_PART <= landed


cdef inline bint has_risen(const Strategy* s, int64_t old, int64_t reference) noexcept nogil:
    return (reference - old) * MILLION >= s.reanchor_ppm * old


cdef inline bint answers(const Row* r, const Grids* g) noexcept nogil:
    return knows(r, g) and seen(r, g).last & ANSWERS >= 2 * ANSWER


cdef inline bint leads(const Row* r, const Grids* g) noexcept nogil:
    return r.state == STATE_PROBING and knows(r, g) and seen(r, g).last & LEADING != 0


cdef inline bint stands_here(const Row* r, const Grids* g, int64_t reference) noexcept nogil:
    if not answers(r, g) or not near(own_landed(r, r.price_minor), reference):
        return False
    return 2 * win_count(r.draws) >= draw_count(r.draws)


cdef inline bint may_lead(const Row* r, const Grids* g, int64_t reference) noexcept nogil:
    return stands_here(r, g, reference) and not seen(r, g).last & TOPPED


cdef inline void mark_lead(Row* r, Grids* g, bint leading) noexcept nogil:
    cdef Grid* grid
    if knows(r, g):
        grid = opened(r, g)
        grid.last = <uint8_t>(grid.last | LEADING if leading else grid.last & ~LEADING)


cdef inline void note_answer(
    Row* r, Grids* g, const Strategy* s, int64_t landed, int64_t old, int64_t reference,
    int64_t at_s,
) noexcept nogil:
    cdef Grid* grid
    if old <= 0 or landed <= 0 or not knows(r, g) or near(landed, old):
        return
    if not has_risen(s, old, reference) and not has_risen(s, reference, old):
        return
    if r.effective_s != 0 and at_s - r.effective_s > ANSWER_S:
        return
    if near(landed, reference) or (leads(r, g) and reference > old):
        grid = opened(r, g)
        if grid.last & ANSWERS != ANSWERS:
            grid.last += ANSWER


cdef inline void end_lead(Row* r, Grids* g, int64_t old, int64_t reference) noexcept nogil:
    cdef Grid* grid = opened(r, g)
    grid.last &= <uint8_t>~LEADING
    if (reference - old) * WORTH_PART < old:
        grid.last |= TOPPED
    r.draws = 1


cdef inline void nobody_follows(Row* r, Grids* g) noexcept nogil:
    opened(r, g).last &= DRAW
