# The tables of the guards as C: watch records, breaker windows and movers. guards/watch.py,
# guards/breaker.py and guards/spiral.py say what the fields mean and are the twins.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #define PREFETCH(address) __builtin_prefetch((address), 1)
    """
    void PREFETCH(const void* address) nogil

cdef enum:
    AHEAD = 8  # records asked for before their turn
    BUCKETS = 9
    BUCKET_S = 10800
    STAMP = 0
    SEEN = 1
    FALLING = 2
    DEPTH = 3
    WINDOW_FIELDS = 4
    SHORT_BUCKET_S = 60
    SHORT_RING = 11
    LONG_BUCKET_S = 3600
    LONG_RING = 25

cdef struct Watch:
    int64_t cost_minor
    uint32_t group
    uint32_t seen_s
    uint32_t changed_s
    uint32_t mover
    uint32_t[2] fall_ppm

cdef struct Mover:
    uint64_t competitor
    int64_t reference_minor
    uint64_t hold_id
    int64_t hold_minor
    uint32_t listing_id
    uint32_t moved_s
    uint32_t until_s
    int32_t direction
    uint32_t[9] bucket
    uint32_t[9] answers
    int64_t[9] own_minor
    int64_t[9] other_minor

cdef struct Window:
    # `counts` by group, field and bucket; `present` is the number of the bucket that is open now.
    int64_t* counts
    int64_t bucket_s
    int64_t ring
    int64_t present

cdef struct Sums:
    int64_t seen
    int64_t falling
    int64_t depth


cdef inline uint8_t* start(uint8_t[::1] memory) noexcept:
    return &memory[0] if memory.shape[0] > 0 else NULL


cdef inline const uint8_t* start_in(const uint8_t[::1] memory) noexcept:
    return &memory[0] if memory.shape[0] > 0 else NULL


cdef inline Window short_window(int64_t[:, :, ::1] counts, int64_t now_s) noexcept:
    # Spans are constants here, so that no division by them is one.
    cdef Window w
    w.counts = &counts[0, 0, 0] if counts.shape[0] > 0 else NULL
    w.bucket_s, w.ring, w.present = SHORT_BUCKET_S, SHORT_RING, now_s // SHORT_BUCKET_S
    return w


cdef inline Window long_window(int64_t[:, :, ::1] counts, int64_t now_s) noexcept:
    cdef Window w
    w.counts = &counts[0, 0, 0] if counts.shape[0] > 0 else NULL
    w.bucket_s, w.ring, w.present = LONG_BUCKET_S, LONG_RING, now_s // LONG_BUCKET_S
    return w


cdef inline int64_t* cell(
    const Window* w, uint32_t group, int field, int64_t bucket
) noexcept nogil:
    return &w.counts[(<int64_t>group * WINDOW_FIELDS + field) * w.ring + bucket % w.ring]


cdef inline bint kept(const Window* w, uint32_t group, int64_t time_s) noexcept nogil:
    cdef int64_t bucket = time_s // w.bucket_s
    return bucket > w.present - w.ring and cell(w, group, STAMP, bucket)[0] == bucket


cdef inline void open_bucket(const Window* w, uint32_t group) noexcept nogil:
    cdef int field
    if cell(w, group, STAMP, w.present)[0] == w.present:
        return
    for field in range(SEEN, WINDOW_FIELDS):
        cell(w, group, field, w.present)[0] = 0
    cell(w, group, STAMP, w.present)[0] = w.present


cdef inline Sums sums(const Window* w, uint32_t group) noexcept nogil:
    cdef Sums found
    cdef int64_t at
    found.seen = found.falling = found.depth = 0
    for at in range(w.ring):
        if cell(w, group, STAMP, at)[0] > w.present - w.ring:
            found.seen += cell(w, group, SEEN, at)[0]
            found.falling += cell(w, group, FALLING, at)[0]
            found.depth += cell(w, group, DEPTH, at)[0]
    return found
