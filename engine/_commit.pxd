# Taking accepted proposals over into the table, and counting them. counters.py holds the layout.

from libc.stdint cimport int64_t, uint8_t

from engine._schema cimport FLAG_IN_SLICE, Outcome, Row
from engine._slice cimport AHEAD, PREFETCH_ROW, Slice

cdef enum:
    COUNTED_KINDS = 12
    COUNTED_REASONS = 128
    COUNTED_STATES = 9
    COUNTED_VERDICTS = 10
    FIRST_TRANSITION = 1536
    FIRST_VERDICT = 1617


cdef inline void commit_loop(
    Slice* slice, const uint8_t* accepted, int64_t* counters, Py_ssize_t count
) noexcept nogil:
    cdef Py_ssize_t slot
    cdef const Outcome* o
    cdef const Row* r
    for slot in range(count):
        if slot + AHEAD < count:
            PREFETCH_ROW(&slice.rows[slice.outcomes[slot + AHEAD].listing_id])
        o = &slice.outcomes[slot]
        if accepted[slot]:
            r = &slice.scratch[slot]
            slice.rows[o.listing_id] = r[0]
            if r.flags & FLAG_IN_SLICE:
                slice.grids[o.listing_id] = slice.proposed_grids[slot]
            count_outcome(counters, slice.strategies[r.strategy].kind, o)
        slice.rows[o.listing_id].flags &= ~FLAG_IN_SLICE


cdef inline void count_outcome(int64_t* counters, int kind, const Outcome* o) noexcept nogil:
    # A code that nothing defines would be counted outside the tables.
    if kind >= COUNTED_KINDS or o.reason >= COUNTED_REASONS or o.verdict >= COUNTED_VERDICTS:
        return
    if o.state >= COUNTED_STATES or o.state_before >= COUNTED_STATES:
        return
    counters[kind * COUNTED_REASONS + o.reason] += 1
    if o.state != o.state_before:
        counters[FIRST_TRANSITION + o.state_before * COUNTED_STATES + o.state] += 1
    if o.verdict:
        counters[FIRST_VERDICT + o.verdict] += 1
