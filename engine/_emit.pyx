"""Stage 6 for decisions: outcomes that go out become numbered records, natively."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from engine._schema cimport Decision, Outcome, Record

cdef enum:
    EMITTED = 1  # schema.DecisionStatus


cdef inline void fill(Decision* d, const Record* record, const Outcome* o) noexcept nogil:
    memset(d, 0, sizeof(Decision))
    d.price_minor, d.previous_minor = o.price_minor, o.previous_minor
    d.reference_minor = o.reference_minor
    d.listing_id, d.index = o.listing_id, o.index
    d.reason, d.state = o.reason, o.state
    d.bounds_version, d.currency = record.bounds_version, record.currency


cdef inline void note(Record* record, const Decision* d) noexcept nogil:
    record.decision_id, record.decided_ms = d.decision_id, d.decided_ms
    record.previous_minor = d.previous_minor
    record.decision_reason = d.reason


def decide(
    uint8_t[::1] records not None,  # OUT: of emitted decisions
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN: outcomes that are decisions
    const uint8_t[::1] status not None,  # IN: of each decision; nothing: all are emitted
    uint64_t first_id,
    int64_t now_ms,
    uint8_t[::1] decisions not None,  # OUT: one for each slot
):
    """Writes decisions, numbered from `first_id` on, and notes those that go out."""
    cdef Py_ssize_t count = slots.shape[0]
    cdef Py_ssize_t at
    cdef Record* table
    cdef const Outcome* outcome
    cdef const Outcome* o
    cdef Decision* d
    if count == 0:
        return
    table, outcome = <Record*>&records[0], <const Outcome*>&outcomes[0]
    d = <Decision*>&decisions[0]
    with nogil:
        for at in range(count):
            o = &outcome[slots[at]]
            fill(&d[at], &table[o.listing_id], o)
            d[at].decision_id, d[at].decided_ms = first_id + <uint64_t>at, now_ms
            d[at].status = status[at] if status.shape[0] > 0 else <uint8_t>EMITTED
            if d[at].status == EMITTED:
                note(&table[o.listing_id], &d[at])
