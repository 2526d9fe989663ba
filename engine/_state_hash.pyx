"""Passes over all listings: their hash, which depends on neither ids nor order, how many are in
each state, and where they lead to. The faces are `state_columns.py` and `shard.py`."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from engine._schema cimport FLAG_ACTIVE, FLAG_IN_SLICE, Grid, Record, Row

cdef enum:
    ROW_WORDS = sizeof(Row) // 8
    GRID_WORDS = sizeof(Grid) // 8
    RECORD_WORDS = sizeof(Record) // 8
    LANES = 4  # words that are mixed side by side


@cython.overflowcheck(False)
cdef inline uint64_t mix(uint64_t state, uint64_t word) noexcept nogil:
    state = (state ^ word) * <uint64_t>0x9E3779B97F4A7C15
    return state ^ (state >> 29)


cdef struct Kept:
    # Ones where a row and a record count; what only this shard's order decided is left out: ids,
    # and where an input stands.
    Row row
    Record record


cdef Kept kept() noexcept:
    cdef Kept mask
    memset(&mask, 0xFF, sizeof(Kept))
    mask.row.strategy = 0
    mask.row.flags = <uint16_t>~FLAG_IN_SLICE
    mask.record.decision_id = mask.record.sequence = 0
    mask.record.seller = mask.record.marketplace = 0
    return mask


cdef inline uint64_t hash_one(
    const Row* row, const Grid* grid, const Record* record, const Kept* mask, uint64_t state
) noexcept nogil:
    cdef const uint64_t* words = <const uint64_t*>row
    cdef const uint64_t* masks = <const uint64_t*>&mask.row
    cdef uint64_t[LANES] lanes
    cdef int at
    for at in range(LANES):
        lanes[at] = mix(state, at)
    for at in range(ROW_WORDS):
        lanes[at % LANES] = mix(lanes[at % LANES], words[at] & masks[at])
    words = <const uint64_t*>grid
    for at in range(GRID_WORDS):
        lanes[at % LANES] = mix(lanes[at % LANES], words[at])
    words = <const uint64_t*>record
    masks = <const uint64_t*>&mask.record
    for at in range(RECORD_WORDS):
        lanes[at % LANES] = mix(lanes[at % LANES], words[at] & masks[at])
    for at in range(LANES):
        state = mix(state, lanes[at])
    return state


@cython.overflowcheck(False)
def hash_rows(
    const uint8_t[::1] rows not None,  # IN: schema.ROW
    const uint8_t[::1] grids not None,  # IN: schema.GRID
    const uint8_t[::1] records not None,  # IN: schema.RECORD
    const uint64_t[::1] definitions not None,  # IN: hash of each key, and of what no row has
    const uint64_t[::1] strategies not None,  # IN: hash of each strategy
):
    cdef const Row* row = <const Row*>&rows[0]
    cdef const Grid* grid = <const Grid*>&grids[0]
    cdef const Record* record = <const Record*>&records[0]
    cdef Py_ssize_t count = rows.shape[0] // <Py_ssize_t>sizeof(Row)
    cdef Py_ssize_t at
    cdef uint64_t total = 0
    cdef uint64_t state
    cdef Kept mask = kept()
    with nogil:
        for at in range(count):
            if not row[at].flags & FLAG_ACTIVE:
                continue
            state = mix(definitions[at], strategies[row[at].strategy])
            state = hash_one(&row[at], &grid[at], &record[at], &mask, state)
            total += mix(state, definitions[at])
    return total


def count_states(
    const uint8_t[::1] rows not None,  # IN: schema.ROW
    int64_t[::1] counts not None,  # IN, OUT: listings by state
):
    """Adds the number of active listings in each state to the counts."""
    cdef const Row* row = <const Row*>&rows[0]
    cdef Py_ssize_t at
    for at in range(rows.shape[0] // <Py_ssize_t>sizeof(Row)):
        if row[at].flags & FLAG_ACTIVE and row[at].state < counts.shape[0]:
            counts[row[at].state] += 1


def places_needed(
    const uint8_t[::1] rows not None,  # IN: schema.ROW
    const uint8_t[::1] records not None,  # IN: schema.RECORD
):
    """Sellers, marketplaces and strategies that there must be for the active listings, and the
    highest audience of all listings."""
    cdef const Row* row = <const Row*>&rows[0]
    cdef const Record* record = <const Record*>&records[0]
    cdef int64_t sellers = 0
    cdef int64_t marketplaces = 0
    cdef int64_t strategies = 0
    cdef int64_t audience = 0
    cdef Py_ssize_t at
    with nogil:
        for at in range(rows.shape[0] // <Py_ssize_t>sizeof(Row)):
            audience = max(audience, <int64_t>record[at].audience)
            if row[at].flags & FLAG_ACTIVE:
                sellers = max(sellers, <int64_t>record[at].seller + 1)
                marketplaces = max(marketplaces, <int64_t>record[at].marketplace + 1)
                strategies = max(strategies, <int64_t>row[at].strategy + 1)
    return sellers, marketplaces, strategies, audience
