"""The look of the guards at a slice, and the accounting of the breaker: one native pass for each
step. `guards.breaker` says what the steps mean and does the same in numpy.

Records come as bytes of C-contiguous arrays of their dtypes; every listing of `outcomes` has its
watch record and its group, every group its windows. A listing stands in a slice once.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from engine._guard_tables cimport (
    AHEAD,
    DEPTH,
    FALLING,
    PREFETCH,
    SEEN,
    SHORT_BUCKET_S,
    Mover,
    Sums,
    Watch,
    Window,
    cell,
    kept,
    long_window,
    open_bucket,
    short_window,
    start,
    start_in,
    sums,
)
from engine._schema cimport (
    CLASS_AMAZON,
    CLASS_BITS,
    CLASS_SHIFT,
    REASON_BOUNDS,
    REASON_MAX_REJECTIONS,
    REASON_REEMITS_EXHAUSTED,
    REASON_STALE_OFFERS,
    REASON_SUPPRESSED_BELOW_FLOOR,
    STATE_PAUSED,
    STATE_SUPPRESSED,
    Outcome,
    Row,
)

cdef enum:
    MILLION = 1000000
    PPM_PER_BP = 100

cdef enum Finding:  # guards.slices.Finding
    FOUND_BROKEN = 1
    FOUND_TOLD = 2
    FOUND_PAUSED = 4
    FOUND_IGNORED = 8
    FOUND_VERDICT = 16
    FOUND_NO_GROUP = 32
    FOUND_MARKET = 64

# What a slice has of what the guards look for


cdef int found_in(
    const Outcome* o, const Row* row, const Row* proposed, bint may_define
) noexcept nogil:
    """Bounds are looked at here once more, apart from the rules; see guards/bounds.py."""
    cdef int64_t floor = proposed.floor_minor
    cdef int64_t ceiling = proposed.ceiling_minor
    cdef int found = 0
    cdef bint told = (
        o.reason == REASON_REEMITS_EXHAUSTED or o.reason == REASON_MAX_REJECTIONS
        or o.reason == REASON_SUPPRESSED_BELOW_FLOOR or o.reason == REASON_STALE_OFFERS
    )
    if o.changed:
        if floor <= 0 or ceiling <= 0 or o.price_minor < floor:
            found |= FOUND_BROKEN
        if o.price_minor > ceiling and o.price_minor != floor:
            found |= FOUND_BROKEN
    if not may_define and (row.floor_minor != floor or row.ceiling_minor != ceiling):
        found |= FOUND_BROKEN
    found |= FOUND_TOLD * told
    found |= FOUND_PAUSED * ((o.state == STATE_PAUSED) & (o.state_before != STATE_PAUSED))
    found |= FOUND_IGNORED * (o.ignored != 0)
    return found | FOUND_VERDICT * (o.verdict != 0)


cdef bint market_moves(const Outcome* o, const Row* row, const Row* proposed) noexcept nogil:
    """Whether a market may have changed in kind; guards/market.py looks more closely."""
    cdef int before = row.flags >> CLASS_SHIFT & CLASS_BITS
    cdef int after = proposed.flags >> CLASS_SHIFT & CLASS_BITS
    cdef bint met = row.reference_minor == 0 and (
        proposed.reference_minor > 0 or proposed.featured_minor != row.featured_minor
    )
    cdef bint amazon = after == CLASS_AMAZON and before != CLASS_AMAZON
    cdef bint vanished = o.state == STATE_SUPPRESSED and o.state_before != STATE_SUPPRESSED
    return row.observed_ms > 0 and (met or amazon or vanished)


def look(
    const uint8_t[::1] rows not None,  # IN
    const uint8_t[::1] scratch not None,  # IN
    const uint8_t[::1] outcomes not None,  # IN
    const uint8_t[::1] records not None,  # IN
    bint may_define,
    Py_ssize_t[::1] changed not None,  # OUT: as long as the slice
    Py_ssize_t[::1] lived not None,  # OUT: as long as the slice
):
    """What the slice has, as `guards.slices.Finding`, and how many slots were written: to `changed`
    those of proposals that would go out, to `lived` those that see another live price."""
    cdef const Row* table = <const Row*>start_in(rows)
    cdef const Row* proposed = <const Row*>start_in(scratch)
    cdef const Outcome* o = <const Outcome*>start_in(outcomes)
    cdef const Watch* watch = <const Watch*>start_in(records)
    cdef Py_ssize_t count = outcomes.shape[0] // <Py_ssize_t>sizeof(Outcome)
    cdef Py_ssize_t slot
    cdef Py_ssize_t used = 0
    cdef Py_ssize_t lives = 0
    cdef int found = 0
    cdef const Row* row
    with nogil:
        for slot in range(count):
            if slot + AHEAD < count:
                PREFETCH(&watch[o[slot + AHEAD].listing_id])
            row = &table[o[slot].listing_id]
            found |= found_in(&o[slot], row, &proposed[slot], may_define)
            found |= FOUND_MARKET * market_moves(&o[slot], row, &proposed[slot])
            found |= FOUND_NO_GROUP * (watch[o[slot].listing_id].group == 0)
            changed[used] = lived[lives] = slot
            used += o[slot].changed != 0
            lives += row.live_price_minor != proposed[slot].live_price_minor
    return found, used, lives


def moving(
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN
    Py_ssize_t[::1] chosen not None,  # OUT: at least as long
):
    """Number of slots whose price moves by a choice of the rules, written to `chosen`."""
    cdef const Outcome* outcome = <const Outcome*>start_in(outcomes)
    cdef const Outcome* o
    cdef Py_ssize_t at
    cdef Py_ssize_t used = 0
    for at in range(slots.shape[0]):
        o = &outcome[slots[at]]
        if o.previous_minor > 0 and o.price_minor != o.previous_minor:
            if o.reason != REASON_BOUNDS:
                chosen[used] = slots[at]
                used += 1
    return used


# The breaker


cdef inline void see_in(const Window* w, uint32_t group, int64_t before_s) noexcept nogil:
    cdef int64_t before = before_s // w.bucket_s
    if before == w.present:
        return
    if kept(w, group, before_s):
        cell(w, group, SEEN, before)[0] -= 1
    open_bucket(w, group)
    cell(w, group, SEEN, w.present)[0] += 1


def see(
    uint8_t[::1] records not None,  # OUT
    const uint8_t[::1] outcomes not None,  # IN
    int64_t[:, :, ::1] shorter not None,  # OUT
    int64_t[:, :, ::1] longer not None,  # OUT
    const int64_t[::1] resets not None,  # IN: by group, or nothing
    int64_t now_s,
):
    """Counts listings as evaluated in both windows."""
    cdef Watch* watch = <Watch*>start(records)
    cdef const Outcome* o = <const Outcome*>start_in(outcomes)
    cdef Window minutes = short_window(shorter, now_s)
    cdef Window hours = long_window(longer, now_s)
    cdef Py_ssize_t count = outcomes.shape[0] // <Py_ssize_t>sizeof(Outcome)
    cdef bint any_reset = resets.shape[0] > 0
    cdef Py_ssize_t slot
    cdef int64_t before_s
    cdef Watch* each
    with nogil:
        for slot in range(count):
            each = &watch[o[slot].listing_id]
            before_s = each.seen_s
            if any_reset and before_s <= resets[each.group]:
                before_s = 0
            if before_s // SHORT_BUCKET_S != minutes.present:
                see_in(&minutes, each.group, before_s)
                see_in(&hours, each.group, before_s)
                each.seen_s = <uint32_t>now_s


cdef inline int64_t still_counted(
    const Window* w, const Watch* each, int which, bint valid
) noexcept nogil:
    """How far a price has fallen already in a window, in ppm."""
    if valid and kept(w, each.group, each.changed_s):
        return each.fall_ppm[which]
    return 0


cdef inline int64_t fallen(int64_t before_ppm, const Outcome* o) noexcept nogil:
    cdef int64_t left = (MILLION - before_ppm) * o.price_minor // o.previous_minor
    return max(<int64_t>0, MILLION - left)


cdef inline bint crashes(
    const Window* w, uint32_t group, const int64_t* more, int64_t listings, int64_t share_bp,
    int64_t depth_bp,
) noexcept nogil:
    cdef Sums found = sums(w, group)
    found.falling += more[0]
    found.depth += more[1]
    return (
        found.seen >= listings
        and found.falling * 10000 >= found.seen * share_bp
        and found.depth // max(<int64_t>1, found.falling) // PPM_PER_BP >= depth_bp
    )


def weigh(
    const uint8_t[::1] records not None,  # IN
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN
    int64_t[:, :, ::1] shorter not None,  # IN
    int64_t[:, :, ::1] longer not None,  # IN
    const int64_t[::1] resets not None,  # IN: by group, or nothing
    int64_t now_s,
    int64_t listings,
    int64_t share_bp,
    int64_t depth_bp,
    int64_t day_depth_bp,
    int64_t[:, :, ::1] weights not None,  # OUT: by window, before and after, by slot
    int64_t[:, ::1] groups not None,  # five zeros by group, which are left as zeros
):
    """Whether a group crashes with these changes, whose weights are written."""
    cdef const Watch* watch = <const Watch*>start_in(records)
    cdef const Outcome* outcome = <const Outcome*>start_in(outcomes)
    cdef Window minutes = short_window(shorter, now_s)
    cdef Window hours = long_window(longer, now_s)
    cdef Py_ssize_t count = slots.shape[0]
    cdef bint crashed = False
    cdef bint valid
    cdef Py_ssize_t at
    cdef int64_t old_short, old_long, new_short, new_long
    cdef const Outcome* o
    cdef const Watch* each
    cdef int64_t* more
    with nogil:
        for at in range(count):
            o = &outcome[slots[at]]
            each = &watch[o.listing_id]
            valid = resets.shape[0] == 0 or each.changed_s > resets[each.group]
            old_short = still_counted(&minutes, each, 0, valid)
            old_long = still_counted(&hours, each, 1, valid)
            new_short = new_long = fallen(old_long, o)
            if old_short != old_long:
                new_short = fallen(old_short, o)
            weights[0, 0, at], weights[0, 1, at] = old_short, new_short
            weights[1, 0, at], weights[1, 1, at] = old_long, new_long
            more = &groups[each.group, 0]
            more[0] += (new_short > 0) - (old_short > 0)
            more[1] += new_short - old_short
            more[2] += (new_long > 0) - (old_long > 0)
            more[3] += new_long - old_long
            more[4] = 1
        for at in range(count):
            each = &watch[outcome[slots[at]].listing_id]
            more = &groups[each.group, 0]
            if more[4]:
                crashed |= crashes(&minutes, each.group, more, listings, share_bp, depth_bp)
                crashed |= crashes(&hours, each.group, &more[2], listings, share_bp, day_depth_bp)
                more[0] = more[1] = more[2] = more[3] = more[4] = 0
    return crashed


cdef inline void count_in(
    const Window* w, Watch* each, int which, int64_t old, int64_t new
) noexcept nogil:
    cdef int64_t before = each.changed_s // w.bucket_s
    if old > 0:
        cell(w, each.group, FALLING, before)[0] -= 1
        cell(w, each.group, DEPTH, before)[0] -= old
    open_bucket(w, each.group)
    if new > 0:
        cell(w, each.group, FALLING, w.present)[0] += 1
        cell(w, each.group, DEPTH, w.present)[0] += new
    each.fall_ppm[which] = <uint32_t>new


def count(
    uint8_t[::1] records not None,  # OUT
    const uint8_t[::1] outcomes not None,  # IN
    const Py_ssize_t[::1] slots not None,  # IN
    int64_t[:, :, ::1] shorter not None,  # OUT
    int64_t[:, :, ::1] longer not None,  # OUT
    const int64_t[:, :, :] weights not None,  # IN: of `weigh`, for these slots
    int64_t now_s,
):
    """Counts changes that go out."""
    cdef Watch* watch = <Watch*>start(records)
    cdef const Outcome* outcome = <const Outcome*>start_in(outcomes)
    cdef Window minutes = short_window(shorter, now_s)
    cdef Window hours = long_window(longer, now_s)
    cdef Py_ssize_t at
    cdef Watch* each
    with nogil:
        for at in range(slots.shape[0]):
            each = &watch[outcome[slots[at]].listing_id]
            count_in(&minutes, each, 0, weights[0, 0, at], weights[0, 1, at])
            count_in(&hours, each, 1, weights[1, 0, at], weights[1, 1, at])
            each.changed_s = <uint32_t>now_s


def check_layout(const Watch[::1] records, const Mover[::1] movers):
    """Sizes of the C records. Raises ValueError where an offset or type of a field of the arrays
    given differs from that of the C record."""
    return sizeof(Watch), sizeof(Mover)
