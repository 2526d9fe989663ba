"""Hash of listings that depends on neither ids nor order; the face is `state_columns.py`."""

cimport cython
from libc.stdint cimport uint8_t, uint64_t

from engine._schema cimport FLAG_ACTIVE, FLAG_IN_SLICE, Record, Row

cdef enum:
    ROW_WORDS = sizeof(Row) // 8
    RECORD_WORDS = sizeof(Record) // 8


@cython.overflowcheck(False)
cdef inline uint64_t mix(uint64_t state, uint64_t word) noexcept nogil:
    state = (state ^ word) * <uint64_t>0x9E3779B97F4A7C15
    return state ^ (state >> 29)


cdef inline uint64_t hash_one(Row row, Record record, uint64_t state) noexcept nogil:
    # What only this shard's order decided is left out: ids, and where an input stands.
    cdef const uint64_t* words
    cdef int at
    row.strategy = 0
    row.flags &= ~FLAG_IN_SLICE
    record.decision_id = record.sequence = 0
    record.seller = record.marketplace = 0
    words = <const uint64_t*>&row
    for at in range(ROW_WORDS):
        state = mix(state, words[at])
    words = <const uint64_t*>&record
    for at in range(RECORD_WORDS):
        state = mix(state, words[at])
    return state


@cython.overflowcheck(False)
def hash_rows(
    const uint8_t[::1] rows not None,  # IN: schema.ROW
    const uint8_t[::1] records not None,  # IN: schema.RECORD
    const uint64_t[::1] keys not None,  # IN: hash of each natural key
    const uint64_t[::1] definitions not None,  # IN: hash of what else defines each listing
    const uint64_t[::1] strategies not None,  # IN: hash of each strategy
):
    cdef const Row* row = <const Row*>&rows[0]
    cdef const Record* record = <const Record*>&records[0]
    cdef Py_ssize_t count = rows.shape[0] // <Py_ssize_t>sizeof(Row)
    cdef Py_ssize_t at
    cdef uint64_t total = 0
    cdef uint64_t state
    with nogil:
        for at in range(count):
            if not row[at].flags & FLAG_ACTIVE:
                continue
            state = mix(mix(keys[at], definitions[at]), strategies[row[at].strategy])
            state = hash_one(row[at], record[at], state)
            total += mix(state, keys[at])
    return total
