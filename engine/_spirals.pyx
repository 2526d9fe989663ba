"""The accounting of the spiral guard: one native pass over a slice for each step. `guards.spiral`
says what the steps mean and does the same in numpy. Arguments are as in `_guards`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from engine._guard_tables cimport (
    AHEAD,
    BUCKET_S,
    BUCKETS,
    PREFETCH,
    Mover,
    Watch,
    start,
    start_in,
)
from engine._schema cimport OFFER_OWN_ACCOUNT, Outcome, Snapshot

cdef struct Offers:
    const Snapshot* rows
    const int64_t* landed_minor
    const uint64_t* seller
    const uint32_t* bits


cdef Offers offers_at(
    const uint8_t[::1] rows, Py_ssize_t first, const int64_t[::1] landed_minor,
    const uint64_t[::1] seller, const uint32_t[::1] bits,
) noexcept:
    """Rows and columns of a slice; without rows there are no offers."""
    cdef Offers offers
    memset(&offers, 0, sizeof(Offers))
    if rows.shape[0] > 0 and landed_minor.shape[0] > 0:
        offers.rows = <const Snapshot*>&rows[0] + first
        offers.landed_minor, offers.seller, offers.bits = &landed_minor[0], &seller[0], &bits[0]
    return offers


cdef inline uint64_t setter(
    const Offers* offers, Py_ssize_t slot, int64_t reference_minor
) noexcept nogil:
    """Hash of the first competitor whose offer is the reference price; 0: not known."""
    cdef const Snapshot* row
    cdef Py_ssize_t at
    if offers.rows == NULL or reference_minor <= 0:
        return 0
    row = &offers.rows[slot]
    for at in range(row.offer_begin, row.offer_end):
        if offers.landed_minor[at] != reference_minor or at == row.own_offer:
            continue
        if not offers.bits[at] & OFFER_OWN_ACCOUNT:
            return offers.seller[at]
    return 0


cdef inline int open_run(
    Mover* m, int64_t own_minor, int64_t other_minor, int64_t now_s
) noexcept nogil:
    """Begins the present bucket of a run where it is new; its place."""
    cdef int64_t bucket = now_s // BUCKET_S
    cdef int place = <int>(bucket % BUCKETS)
    if m.bucket[place] != bucket:
        m.bucket[place] = <uint32_t>bucket
        m.answers[place] = 0
        m.own_minor[place] = own_minor
        m.other_minor[place] = other_minor
    return place


cdef inline void clear_run(Mover* m) noexcept nogil:
    cdef int at
    for at in range(BUCKETS):
        m.bucket[at] = 0
    m.competitor = 0
    m.direction = 0
    m.moved_s = m.until_s = 0


cdef inline bint spirals(
    const Mover* m, int64_t own_minor, int64_t reference_minor, int64_t now_s, int64_t least,
    int64_t distance_bp,
) noexcept nogil:
    """Whether so many answers went so far, both of ours and theirs, since the run began."""
    cdef int64_t oldest = now_s // BUCKET_S - BUCKETS
    cdef int64_t count = 0
    cdef int64_t own, other
    cdef int first = -1
    cdef int at
    for at in range(BUCKETS):
        if <int64_t>m.bucket[at] > oldest:
            count += m.answers[at]
            if first < 0 or m.bucket[at] < m.bucket[first]:
                first = at
    if first < 0 or count < least or m.until_s > now_s:
        return False
    own, other = m.own_minor[first], m.other_minor[first]
    return (
        (own_minor - own) * m.direction * 10000 > own * distance_bp
        and (reference_minor - other) * m.direction * 10000 > other * distance_bp
    )


cdef inline bint followed(
    const Mover* m, int64_t reference_minor, int64_t now_s, int64_t answer_s
) noexcept nogil:
    """Whether the reference price went where we went, in time, whoever sets it."""
    cdef int step = (reference_minor > m.reference_minor) - (reference_minor < m.reference_minor)
    return (
        reference_minor > 0 and m.moved_s > 0 and now_s - m.moved_s <= answer_s
        and step == m.direction
    )


def answers(
    const uint8_t[::1] records not None,  # IN
    uint8_t[::1] movers not None,  # OUT
    const uint8_t[::1] outcomes not None,  # IN
    const uint8_t[::1] rows not None,  # IN: snapshots, those of the slice from `first` on
    Py_ssize_t first,
    const int64_t[::1] landed_minor not None,  # IN
    const uint64_t[::1] seller not None,  # IN
    const uint32_t[::1] bits not None,  # IN
    int64_t now_s,
    int64_t answer_s,
    int64_t least,
    int64_t distance_bp,
    Py_ssize_t[::1] found not None,  # OUT: as long as the slice
):
    """Counts what competitors answered; number of slots, written to `found`, that spiral."""
    cdef const Watch* watch = <const Watch*>start_in(records)
    cdef Mover* mover = <Mover*>start(movers)
    cdef const Outcome* o = <const Outcome*>start_in(outcomes)
    cdef Offers offers = offers_at(rows, first, landed_minor, seller, bits)
    cdef Py_ssize_t count = outcomes.shape[0] // <Py_ssize_t>sizeof(Outcome)
    cdef Py_ssize_t used = 0
    cdef Py_ssize_t slot
    cdef int place
    cdef Mover* m
    cdef const Mover* ahead
    with nogil:
        for slot in range(count):
            if slot + AHEAD < count:
                ahead = &mover[watch[o[slot + AHEAD].listing_id].mover]
                PREFETCH(ahead)
                PREFETCH(&ahead.bucket[BUCKETS - 1])
            m = &mover[watch[o[slot].listing_id].mover]
            if m == mover or not followed(m, o[slot].reference_minor, now_s, answer_s):
                continue
            if setter(&offers, slot, o[slot].reference_minor) != m.competitor:
                continue
            place = open_run(m, o[slot].previous_minor, m.reference_minor, now_s)
            m.answers[place] += 1
            m.moved_s = 0
            if spirals(
                m, o[slot].previous_minor, o[slot].reference_minor, now_s, least, distance_bp
            ):
                found[used] = slot
                used += 1
    return used


def held(
    const uint8_t[::1] records not None,  # IN
    const uint8_t[::1] movers not None,  # IN
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN
    int64_t now_s,
):
    """Whether one of these prices goes on with a spiral."""
    cdef const Watch* watch = <const Watch*>start_in(records)
    cdef const Mover* mover = <const Mover*>start_in(movers)
    cdef const Outcome* outcome = <const Outcome*>start_in(outcomes)
    cdef bint any_held = False
    cdef Py_ssize_t at
    cdef const Mover* m
    cdef const Outcome* o
    with nogil:
        for at in range(slots.shape[0]):
            o = &outcome[slots[at]]
            m = &mover[watch[o.listing_id].mover]
            any_held |= (
                (m != mover) & (m.until_s > now_s)
                and (o.price_minor - m.hold_minor) * m.direction > 0
            )
    return any_held


def move(
    const uint8_t[::1] records not None,  # IN
    uint8_t[::1] movers not None,  # OUT
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN
    const uint8_t[::1] rows not None,  # IN: snapshots, those of the slice from `first` on
    Py_ssize_t first,
    const int64_t[::1] landed_minor not None,  # IN
    const uint64_t[::1] seller not None,  # IN
    const uint32_t[::1] bits not None,  # IN
    int64_t now_s,
):
    """Notes our own moves that go out; while a price is held, none of them counts."""
    cdef const Watch* watch = <const Watch*>start_in(records)
    cdef Mover* mover = <Mover*>start(movers)
    cdef const Outcome* outcome = <const Outcome*>start_in(outcomes)
    cdef Offers offers = offers_at(rows, first, landed_minor, seller, bits)
    cdef Py_ssize_t at
    cdef int32_t direction
    cdef uint64_t competitor
    cdef int64_t reference_minor
    cdef Mover* m
    cdef const Outcome* o
    with nogil:
        for at in range(slots.shape[0]):
            o = &outcome[slots[at]]
            m = &mover[watch[o.listing_id].mover]
            if m == mover or m.until_s > now_s:
                continue
            direction = 1 if o.price_minor > o.previous_minor else -1
            competitor = setter(&offers, slots[at], o.reference_minor)
            reference_minor = o.reference_minor if o.reference_minor > 0 else m.reference_minor
            if competitor == 0:
                competitor = m.competitor
            if m.direction != direction or (m.competitor != competitor and m.competitor != 0):
                clear_run(m)
            open_run(m, o.previous_minor, reference_minor, now_s)
            m.direction, m.competitor = direction, competitor
            m.reference_minor, m.moved_s = reference_minor, <uint32_t>now_s
