# Price endings and the direction a strategy may go. reference_endings.py is the twin and says more.

from libc.stdint cimport int64_t

from engine._schema cimport DIRECTION_DOWN_ONLY, DIRECTION_UP_ONLY, Row, Strategy


cdef inline int64_t ending_below(const Strategy* s, int64_t item) noexcept nogil:
    cdef int64_t best = 0
    cdef int64_t modulus = s.ending_modulus
    cdef int64_t gap
    cdef int at
    for at in range(s.ending_count):
        gap = (item - s.endings[at]) % modulus
        if gap < 0:
            gap += modulus
        best = max(best, item - gap)
    return best


cdef inline int64_t ending_above(const Strategy* s, int64_t item) noexcept nogil:
    cdef int64_t best = 0
    cdef int64_t modulus = s.ending_modulus
    cdef int64_t gap
    cdef int at
    for at in range(s.ending_count):
        gap = (s.endings[at] - item - 1) % modulus
        if gap < 0:
            gap += modulus
        if best == 0 or item + 1 + gap < best:
            best = item + 1 + gap
    return best


cdef inline int64_t with_ending(const Row* r, const Strategy* s, int64_t item) noexcept nogil:
    cdef int64_t below
    if s.ending_modulus == 0:
        return item
    below = ending_below(s, item)
    return below if below >= r.floor_minor else item


cdef inline int64_t raised(
    const Row* r, const Strategy* s, int64_t item, int64_t limit
) noexcept nogil:
    cdef int64_t above, below
    if s.ending_modulus == 0:
        return item
    below = ending_below(s, item)
    if below > r.price_minor:
        return item
    above = ending_above(s, r.price_minor)
    if above <= limit:
        return above
    return item if below < r.floor_minor else r.price_minor


cdef inline int64_t allowed_way(const Strategy* s, int64_t base, int64_t target) noexcept nogil:
    if s.direction == DIRECTION_UP_ONLY:
        return max(base, target)
    if s.direction == DIRECTION_DOWN_ONLY:
        return min(base, target)
    return target
