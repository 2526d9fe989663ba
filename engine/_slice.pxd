# A slice: rows proposed together in scratch, each listing once, committed or refused afterwards.

from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memset

from engine._schema cimport FLAG_IN_SLICE, KIND_BUY_BOX, Grid, Grids, Outcome, Row, Strategy

cdef extern from *:
    """
    #define PREFETCH_ROW(row) \
        (__builtin_prefetch((row), 1), __builtin_prefetch((const char *)(row) + 64, 1))
    #define PREFETCH_GRID(grid) \
        (__builtin_prefetch((grid), 1), __builtin_prefetch((const char *)(grid) + 47, 1))
    """
    void PREFETCH_ROW(const Row* row) nogil
    void PREFETCH_GRID(const Grid* grid) nogil

cdef enum:
    AHEAD = 12  # rows asked for before their turn
    NEAR = 6  # rows that are here already and say whether their grid is needed

cdef struct Slice:
    Row* rows
    const Strategy* strategies
    Py_ssize_t strategy_count
    Py_ssize_t pool_count
    Row* scratch
    Outcome* outcomes
    Grid* grids
    Grid* proposed_grids
    Grids grid  # of the row in work
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


cdef inline void prefetch_grid(const Slice* slice, uint32_t listing_id) noexcept nogil:
    cdef uint16_t index = slice.rows[listing_id].strategy
    if index < slice.strategy_count and slice.strategies[index].kind == KIND_BUY_BOX:
        PREFETCH_GRID(&slice.grids[listing_id])


cdef inline bint taken(const Slice* slice, uint32_t listing_id) noexcept nogil:
    return (slice.rows[listing_id].flags & FLAG_IN_SLICE) != 0


cdef inline Row* begin(Slice* slice, uint32_t listing_id, uint32_t index) noexcept nogil:
    cdef Row* r = &slice.scratch[slice.used]
    cdef Outcome* o = &slice.outcomes[slice.used]
    r[0] = slice.rows[listing_id]
    slice.grid.kept = &slice.grids[listing_id]
    slice.grid.proposed = &slice.proposed_grids[slice.used]
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
