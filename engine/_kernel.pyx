"""The native kernel: loops over rows. The face that checks its arguments is `kernel.py`.

Records come as bytes of C-contiguous arrays of the dtypes in `schema.py`, offers as columns; the
rules are in the `.pxd` files. What only a row can tell, its strategy, is checked by the loops.
"""

from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from engine._commands cimport step_command, step_timer
from engine._commit cimport commit_loop
from engine._floor cimport OfferSpace, copy_loop
from engine._market cimport Offers
from engine._schema cimport (
    COMMAND_UPSERT,
    FLAG_IN_SLICE,
    Command,
    Decision,
    Feedback,
    Grid,
    Outcome,
    Record,
    Row,
    Snapshot,
    Strategy,
)
from engine._slice cimport AHEAD, NEAR, PREFETCH_ROW, Slice, begin, finish, prefetch_grid
from engine._slice cimport strategy_at, taken
from engine._steps cimport step_feedback, step_offers

cdef enum:
    TIMER = 0xFFFFFFFF  # schema.NO_INDEX


cdef const uint8_t* start(const uint8_t[::1] memory) noexcept:
    return &memory[0] if memory.shape[0] > 0 else NULL


cdef void point_to_offers(
    Offers* offers,
    const int64_t[::1] landed_minor,
    const uint64_t[::1] seller,
    const uint32_t[::1] bits,
    const uint32_t[::1] rating_count,
    const uint16_t[::1] rating_bp,
    const uint16_t[::1] handling_hours,
) noexcept:
    if landed_minor.shape[0] > 0:
        offers.landed_minor = &landed_minor[0]
        offers.seller = &seller[0]
        offers.bits = &bits[0]
        offers.rating_count = &rating_count[0]
        offers.rating_bp = &rating_bp[0]
        offers.handling_hours = &handling_hours[0]


cdef Slice new_slice(
    uint8_t[::1] rows,
    uint8_t[::1] grids,
    const uint8_t[::1] strategies,
    int64_t now_ms,
    uint8_t[::1] scratch,
    uint8_t[::1] proposed,
    uint8_t[::1] outcomes,
) noexcept:
    cdef Slice slice
    slice.rows = <Row*>start(rows)
    slice.strategies = <const Strategy*>start(strategies)
    slice.strategy_count = strategies.shape[0] // <Py_ssize_t>sizeof(Strategy)
    slice.scratch = <Row*>start(scratch)
    slice.grids = <Grid*>start(grids)
    slice.proposed_grids = <Grid*>start(proposed)
    slice.grid.kept = slice.grids
    slice.grid.proposed = slice.proposed_grids
    slice.outcomes = <Outcome*>start(outcomes)
    slice.pool_count = UINT32_MAX  # lists of sellers are read with offers only
    slice.used = 0
    slice.now_ms = now_ms
    return slice


cdef Py_ssize_t proposals(const Slice* slice, bint complete) except -1:
    """Proposals of a slice; where a strategy stopped it, none, and the error says so."""
    cdef Py_ssize_t slot
    if complete:
        return slice.used
    for slot in range(slice.used):
        slice.rows[slice.outcomes[slot].listing_id].flags &= ~FLAG_IN_SLICE
    listing_id = slice.outcomes[slice.used].listing_id
    raise ValueError(
        f"strategies: that of listing {listing_id} is not among the {slice.strategy_count} given,"
        f" or its seller lists reach beyond the {slice.pool_count} of pool"
    )


cdef bint offers_loop(
    Slice* slice,
    const Snapshot* snapshots,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    const Offers* offers,  # IN
) noexcept nogil:
    cdef Py_ssize_t at
    cdef const Snapshot* snapshot
    cdef const Strategy* s
    cdef Row* r
    for at in range(first, min(first + AHEAD, last)):
        PREFETCH_ROW(&slice.rows[snapshots[at].listing_id])
    for at in range(first, last):
        if at + AHEAD < last:
            PREFETCH_ROW(&slice.rows[snapshots[at + AHEAD].listing_id])
        if at + NEAR < last:
            prefetch_grid(slice, snapshots[at + NEAR].listing_id)
        snapshot = &snapshots[at]
        if taken(slice, snapshot.listing_id):
            break
        r = begin(slice, snapshot.listing_id, snapshot.index)
        s = strategy_at(slice, r.strategy)
        if s == NULL:
            return False
        step_offers(
            r, &slice.grid, s, snapshot, offers, slice.now_ms, &slice.outcomes[slice.used]
        )
        finish(slice)
    return True


cdef bint feedback_loop(
    Slice* slice,
    const Feedback* feedback,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
) noexcept nogil:
    cdef Py_ssize_t at
    cdef const Feedback* f
    cdef const Strategy* s
    cdef Row* r
    for at in range(first, last):
        if at + AHEAD < last:
            PREFETCH_ROW(&slice.rows[feedback[at + AHEAD].listing_id])
        f = &feedback[at]
        if taken(slice, f.listing_id):
            break
        r = begin(slice, f.listing_id, f.index)
        s = strategy_at(slice, r.strategy)
        if s == NULL:
            return False
        step_feedback(r, &slice.grid, s, f, slice.now_ms, &slice.outcomes[slice.used])
        finish(slice)
    return True


cdef bint commands_loop(
    Slice* slice,
    const Command* commands,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
) noexcept nogil:
    cdef Py_ssize_t at
    cdef const Command* c
    cdef const Strategy* s
    cdef Row* r
    for at in range(first, last):
        if at + AHEAD < last:
            PREFETCH_ROW(&slice.rows[commands[at + AHEAD].listing_id])
        c = &commands[at]
        if taken(slice, c.listing_id):
            break
        r = begin(slice, c.listing_id, c.index)
        s = strategy_at(slice, c.strategy if c.kind == COMMAND_UPSERT else r.strategy)
        if s == NULL:
            return False
        step_command(r, s, c, slice.now_ms, &slice.outcomes[slice.used])
        finish(slice)
    return True


cdef bint timers_loop(
    Slice* slice, Py_ssize_t* listing_id, Py_ssize_t last_id, Py_ssize_t room
) noexcept nogil:
    """Leaves in `listing_id` where to go on."""
    cdef uint32_t deadline_s
    cdef const Strategy* s
    cdef Row* r
    while listing_id[0] < last_id:
        deadline_s = slice.rows[listing_id[0]].deadline_s
        if deadline_s != 0 and <int64_t>deadline_s * 1000 <= slice.now_ms:
            if slice.used == room:
                break
            r = begin(slice, <uint32_t>listing_id[0], TIMER)
            s = strategy_at(slice, r.strategy)
            if s == NULL:
                return False
            step_timer(r, &slice.grid, s, slice.now_ms, &slice.outcomes[slice.used])
            finish(slice)
        listing_id[0] += 1
    return True


def evaluate_offers(
    uint8_t[::1] rows not None,  # IN, OUT: flag IN_SLICE only
    uint8_t[::1] grids not None,  # IN
    const uint8_t[::1] strategies not None,  # IN
    const uint64_t[::1] pool not None,  # IN
    const uint8_t[::1] snapshots not None,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    const int64_t[::1] landed_minor not None,  # IN
    const uint64_t[::1] seller not None,  # IN
    const uint32_t[::1] bits not None,  # IN
    const uint32_t[::1] rating_count not None,  # IN
    const uint16_t[::1] rating_bp not None,  # IN
    const uint16_t[::1] handling_hours not None,  # IN
    int64_t now_ms,
    uint8_t[::1] scratch not None,  # OUT
    uint8_t[::1] proposed not None,  # OUT: grids
    uint8_t[::1] outcomes not None,  # OUT
):
    cdef Slice slice = new_slice(rows, grids, strategies, now_ms, scratch, proposed, outcomes)
    cdef const Snapshot* inputs = <const Snapshot*>start(snapshots)
    cdef Offers offers
    cdef bint complete
    memset(&offers, 0, sizeof(Offers))
    slice.pool_count = pool.shape[0]
    if pool.shape[0] > 0:
        offers.pool = &pool[0]
    point_to_offers(
        &offers, landed_minor, seller, bits, rating_count, rating_bp, handling_hours
    )
    with nogil:
        complete = offers_loop(&slice, inputs, first, last, &offers)
    return proposals(&slice, complete)


def evaluate_feedback(
    uint8_t[::1] rows not None,  # IN, OUT: flag IN_SLICE only
    uint8_t[::1] grids not None,  # IN
    const uint8_t[::1] strategies not None,  # IN
    const uint8_t[::1] feedback not None,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    int64_t now_ms,
    uint8_t[::1] scratch not None,  # OUT
    uint8_t[::1] proposed not None,  # OUT: grids
    uint8_t[::1] outcomes not None,  # OUT
):
    cdef Slice slice = new_slice(rows, grids, strategies, now_ms, scratch, proposed, outcomes)
    cdef const Feedback* inputs = <const Feedback*>start(feedback)
    cdef bint complete
    with nogil:
        complete = feedback_loop(&slice, inputs, first, last)
    return proposals(&slice, complete)


def evaluate_commands(
    uint8_t[::1] rows not None,  # IN, OUT: flag IN_SLICE only
    uint8_t[::1] grids not None,  # IN
    const uint8_t[::1] strategies not None,  # IN
    const uint8_t[::1] commands not None,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    int64_t now_ms,
    uint8_t[::1] scratch not None,  # OUT
    uint8_t[::1] proposed not None,  # OUT: grids
    uint8_t[::1] outcomes not None,  # OUT
):
    cdef Slice slice = new_slice(rows, grids, strategies, now_ms, scratch, proposed, outcomes)
    cdef const Command* inputs = <const Command*>start(commands)
    cdef bint complete
    with nogil:
        complete = commands_loop(&slice, inputs, first, last)
    return proposals(&slice, complete)


def evaluate_timers(
    uint8_t[::1] rows not None,  # IN, OUT: flag IN_SLICE only
    uint8_t[::1] grids not None,  # IN
    const uint8_t[::1] strategies not None,  # IN
    Py_ssize_t first_id,
    Py_ssize_t last_id,
    int64_t now_ms,
    uint8_t[::1] scratch not None,  # OUT
    uint8_t[::1] proposed not None,  # OUT: grids
    uint8_t[::1] outcomes not None,  # OUT
):
    cdef Slice slice = new_slice(rows, grids, strategies, now_ms, scratch, proposed, outcomes)
    cdef Py_ssize_t room = scratch.shape[0] // <Py_ssize_t>sizeof(Row)
    cdef bint complete
    with nogil:
        complete = timers_loop(&slice, &first_id, last_id, room)
    return proposals(&slice, complete), first_id


def commit(
    uint8_t[::1] rows not None,  # OUT
    uint8_t[::1] grids not None,  # OUT
    uint8_t[::1] scratch not None,  # IN
    uint8_t[::1] proposed not None,  # IN: grids
    uint8_t[::1] outcomes not None,  # IN
    const uint8_t[::1] accepted not None,  # IN
    const uint8_t[::1] strategies not None,  # IN
    int64_t[::1] counters not None,  # OUT
    Py_ssize_t count,
):
    cdef Slice slice = new_slice(rows, grids, strategies, 0, scratch, proposed, outcomes)
    cdef const uint8_t* accepts = start(accepted)
    with nogil:
        commit_loop(&slice, accepts, &counters[0], count)


def copy_floor(
    uint8_t[::1] rows not None,  # IN, OUT: the same bytes
    const uint8_t[::1] snapshots not None,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    const int64_t[::1] landed_minor not None,  # IN
    const uint64_t[::1] seller not None,  # IN
    const uint32_t[::1] bits not None,  # IN
    const uint32_t[::1] rating_count not None,  # IN
    const uint16_t[::1] rating_bp not None,  # IN
    const uint16_t[::1] handling_hours not None,  # IN
    uint8_t[::1] scratch not None,  # OUT
    int64_t[::1] landed_space not None,  # OUT, like the next five as long as the columns
    uint64_t[::1] seller_space not None,
    uint32_t[::1] bits_space not None,
    uint32_t[::1] count_space not None,
    uint16_t[::1] rating_space not None,
    uint16_t[::1] handling_space not None,
):
    """What memory alone costs: each listing's row goes to scratch and back, and its offers into
    other columns. The yardstick of the kernel's benchmark."""
    cdef Offers offers
    cdef OfferSpace space
    cdef Row* table = <Row*>start(rows)
    cdef Row* slots = <Row*>start(scratch)
    cdef const Snapshot* inputs = <const Snapshot*>start(snapshots)
    memset(&offers, 0, sizeof(Offers))
    point_to_offers(
        &offers, landed_minor, seller, bits, rating_count, rating_bp, handling_hours
    )
    space.landed_minor = &landed_space[0]
    space.seller = &seller_space[0]
    space.bits = &bits_space[0]
    space.rating_count = &count_space[0]
    space.rating_bp = &rating_space[0]
    space.handling_hours = &handling_space[0]
    with nogil:
        copy_loop(table, slots, inputs, first, last, &offers, &space)
    return last - first


def unfit_snapshot(
    const uint8_t[::1] snapshots not None,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    Py_ssize_t row_count,
    Py_ssize_t offer_count,
):
    """First snapshot that names a listing or offers beyond what there is; -1: all fit."""
    cdef const Snapshot* inputs = <const Snapshot*>start(snapshots)
    cdef const Snapshot* snapshot
    cdef Py_ssize_t at
    for at in range(first, last):
        snapshot = &inputs[at]
        if snapshot.listing_id >= row_count or snapshot.own_offer >= offer_count:
            return at
        if snapshot.offer_begin > snapshot.offer_end or snapshot.offer_end > offer_count:
            return at
    return -1


def check_layout(
    const Row[::1] rows,
    const Grid[::1] grids,
    const Record[::1] records,
    const Strategy[::1] strategies,
    const Snapshot[::1] snapshots,
    const Feedback[::1] feedback,
    const Command[::1] commands,
    const Outcome[::1] outcomes,
    const Decision[::1] decisions,
):
    """Sizes of the C records by name. Raises ValueError where an offset or type of a field of
    the arrays given differs from that of the C record."""
    return {
        "ROW": sizeof(Row),
        "GRID": sizeof(Grid),
        "RECORD": sizeof(Record),
        "STRATEGY": sizeof(Strategy),
        "SNAPSHOT": sizeof(Snapshot),
        "FEEDBACK": sizeof(Feedback),
        "COMMAND": sizeof(Command),
        "OUTCOME": sizeof(Outcome),
        "DECISION": sizeof(Decision),
    }
