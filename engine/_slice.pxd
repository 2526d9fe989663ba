# A slice: rows proposed together in scratch, each listing once, committed or refused afterwards.

from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memset

from engine._schema cimport FLAG_IN_SLICE, Outcome, Row, Strategy

cdef extern from *:
    """
    #define PREFETCH_ROW(row) \
        (__builtin_prefetch((row), 1), __builtin_prefetch((const char *)(row) + 64, 1))
    """
    void PREFETCH_ROW(const Row* row) nogil

cdef enum:
    AHEAD = 12  # rows asked for before their turn

cdef struct Slice:
    Row* rows
    const Strategy* strategies
    Py_ssize_t strategy_count
    Py_ssize_t pool_count
    Row* scratch
    Outcome* outcomes
    Py_ssize_t used  # proposals written
    int64_t now_ms


cdef inline const Strategy* strategy_at(const Slice* slice, uint16_t index) noexcept nogil:
    """The strategy, or NULL where it cannot be used."""
    cdef const Strategy* s = &slice.strategies[index]
    if index >= slice.strategy_count:
        return NULL
    if max(s.include_end, max(s.exclude_end, s.target_end)) > <size_t>slice.pool_count:
        return NULL
    return s


cdef inline bint taken(const Slice* slice, uint32_t listing_id) noexcept nogil:
    return (slice.rows[listing_id].flags & FLAG_IN_SLICE) != 0


cdef inline Row* begin(Slice* slice, uint32_t listing_id, uint32_t index) noexcept nogil:
    cdef Row* r = &slice.scratch[slice.used]
    cdef Outcome* o = &slice.outcomes[slice.used]
    r[0] = slice.rows[listing_id]
    memset(o, 0, sizeof(Outcome))
    o.listing_id = listing_id
    o.index = index
    o.previous_minor = r.price_minor
    o.state_before = r.state
    return r


cdef inline void finish(Slice* slice) noexcept nogil:
    cdef Row* r = &slice.scratch[slice.used]
    cdef Outcome* o = &slice.outcomes[slice.used]
    o.price_minor = r.price_minor
    o.state = r.state
    slice.rows[o.listing_id].flags |= FLAG_IN_SLICE
    slice.used += 1
