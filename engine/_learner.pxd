# The learner: a grid of hypotheses about the premium at which we lose the Buy Box.
# reference_learner.py is the twin and says more; learner_tables.py explains the numbers.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from engine._chances cimport (
    KINDS,
    LANES,
    NO_CELL,
    RULED_OUT,
    SHARP,
    SOFT,
    STEPS,
    WHOLE,
    Hypotheses,
    Weights,
    best_step,
    chances,
    tried_step,
    weigh,
)
from engine._learner_tables cimport GRID_BITS
from engine._rules cimport MILLION, divide_down, highest, landed_low, own_landed
from engine._schema cimport (
    FEEDBACK_SHARE,
    FLAG_IN_SLICE,
    GRID_CELLS,
    Feedback,
    Grid,
    Grids,
    Row,
    Strategy,
)

cdef enum:
    CELL_PPM = 9000
    STEP_PPM = 4500
    LOWEST_PPM = -90000
    PRIOR_CELL = 11
    PRIOR_SHIFT = 2
    AGES = 7
    STEP_UNKNOWN = -1
    SHARE_DRAWS = 4
    LOST_BITS = 7
    NONE = 0
    LOST = 1
    WON = 2


cdef inline int64_t step_of(int64_t landed, int64_t reference) noexcept nogil:
    cdef int64_t ppm = divide_down((landed - reference) * MILLION, reference)
    return divide_down(ppm - LOWEST_PPM + STEP_PPM // 2, STEP_PPM)


cdef inline int64_t step_premium(int64_t step) noexcept nogil:
    return LOWEST_PPM + STEP_PPM * step


cdef inline bint weighs(const Strategy* s) noexcept nogil:
    return s.min_samples > 1


# The grid in its column


cdef inline Grid* opened(Row* r, Grids* g) noexcept nogil:
    if not r.flags & FLAG_IN_SLICE:
        g.proposed[0] = g.kept[0]
        r.flags |= FLAG_IN_SLICE
    return g.proposed


cdef inline bint knows(const Row* r, const Grids* g) noexcept nogil:
    return (g.proposed.last if r.flags & FLAG_IN_SLICE else g.kept.last) != NONE


cdef inline void unpack(const Grid* grid, bint holds, Hypotheses* h) noexcept nogil:
    # Whole vectors are read and written, as one that was stored in pieces is waited for; what
    # stands behind the cells is not taken.
    cdef const uint8_t* each = <const uint8_t*>grid.keep_bits
    cdef int at
    if holds:
        for at in range(LANES):
            h.bits[SHARP][at] = each[at] & 15 if at < GRID_CELLS else NO_CELL
            h.bits[SOFT][at] = each[at] >> 4 if at < GRID_CELLS else NO_CELL
        return
    each = <const uint8_t*>grid.take_bits
    for at in range(LANES):
        h.bits[SHARP][at] = RULED_OUT if at < GRID_CELLS else NO_CELL
    for at in range(LANES // 2):
        h.bits[SOFT][2 * at] = each[at] & 15 if at < GRID_CELLS // 2 else NO_CELL
        h.bits[SOFT][2 * at + 1] = each[at] >> 4 if at < GRID_CELLS // 2 else NO_CELL


cdef inline void pack(Grid* grid, bint holds, const Hypotheses* h) noexcept nogil:
    cdef int at
    if holds:
        for at in range(GRID_CELLS):
            grid.keep_bits[at] = <uint8_t>(h.bits[SOFT][at] << 4 | h.bits[SHARP][at])
    else:
        for at in range(GRID_CELLS // 2):
            grid.take_bits[at] = <uint8_t>(
                h.bits[SOFT][2 * at + 1] << 4 | h.bits[SOFT][2 * at]
            )


# Evidence


cdef inline void forget_grid(Grid* grid, int64_t now_s) noexcept nogil:
    cdef Hypotheses h
    cdef int cell
    for cell in range(GRID_CELLS):
        h.bits[SHARP][cell] = <uint8_t>(
            (cell - PRIOR_CELL if cell > PRIOR_CELL else PRIOR_CELL - cell) >> PRIOR_SHIFT
        )
        h.bits[SOFT][cell] = h.bits[SHARP][cell]
    pack(grid, True, &h)
    pack(grid, False, &h)
    grid.aged_s = <uint32_t>now_s
    grid.best = 0
    grid.last = NONE


cdef inline uint8_t less(uint8_t bits, int lost) noexcept nogil:
    return <uint8_t>(max(0, (bits >> 4) - lost) << 4 | max(0, (bits & 15) - lost))


cdef inline void age_grid(Row* r, Grids* g, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef int64_t period = s.evidence_max_age_s // AGES + 1
    cdef int64_t passed
    cdef Grid* grid
    cdef int lost
    cdef int at
    if not knows(r, g):
        return
    grid = opened(r, g)
    passed = now_s - grid.aged_s
    if passed < period:
        return
    if passed >= RULED_OUT * period:
        forget_grid(grid, now_s)
        return
    lost = <int>(passed // period)
    grid.aged_s += <uint32_t>(lost * period)
    for at in range(GRID_CELLS):
        grid.keep_bits[at] = less(grid.keep_bits[at], lost)
    for at in range(GRID_CELLS // 2):
        grid.take_bits[at] = less(grid.take_bits[at], lost)


cdef inline void learn_draw(
    Row* r,
    Grids* g,
    const Strategy* s,
    bint won,
    int64_t landed,
    int64_t reference,
    int64_t now_s,
) noexcept nogil:
    cdef int64_t step = step_of(landed, reference)
    cdef Grid* grid
    if not weighs(s) or (step < 0 and won) or (step >= STEPS and not won):
        return
    step = max(<int64_t>0, min(step, <int64_t>STEPS - 1))
    age_grid(r, g, s, now_s)
    grid = opened(r, g)
    if grid.last == NONE:
        forget_grid(grid, now_s)
    if not (grid.last == WON and won):
        add_draw(grid, False, won, <int>step)
    if grid.last == WON or won:
        add_draw(grid, True, won, <int>step)
    grid.last = WON if won else LOST


cdef inline void add_draw(Grid* grid, bint holds, bint won, int step) noexcept nogil:
    cdef Hypotheses h
    cdef const uint8_t* more
    cdef uint8_t least = 255
    cdef int cell
    cdef int kind
    unpack(grid, holds, &h)
    for kind in range(KINDS):
        more = &GRID_BITS[won][kind][step & 1][27 - (step >> 1)]
        for cell in range(LANES):
            h.bits[kind][cell] += more[cell]
            least = min(least, h.bits[kind][cell])
    for kind in range(KINDS):
        for cell in range(LANES):
            h.bits[kind][cell] = min(<uint8_t>(h.bits[kind][cell] - least), <uint8_t>RULED_OUT)
    pack(grid, holds, &h)


cdef inline void learn_feedback(
    Row* r,
    Grids* g,
    const Strategy* s,
    const Feedback* f,
    bint won,
    int64_t landed,
    int64_t now_s,
) noexcept nogil:
    cdef int wins = (f.share_bp * SHARE_DRAWS + 5000) // 10000
    cdef int at
    if f.kind != FEEDBACK_SHARE:
        learn_draw(r, g, s, won, landed, r.reference_minor, now_s)
        return
    for at in range(SHARE_DRAWS):
        learn_draw(r, g, s, at >= SHARE_DRAWS - wins, landed, r.reference_minor, now_s)
    if knows(r, g):
        opened(r, g).last = WON if won else LOST


# Choice


cdef inline bint outside(
    const Row* r, const Hypotheses* h, int64_t reference, bint holds
) noexcept nogil:
    cdef int64_t step = step_of(own_landed(r, r.price_minor), reference) if holds else 0
    cdef int kind
    if step < 0 or step >= STEPS:
        return True
    for kind in range(KINDS):
        if h.bits[kind][0] == 0 or h.bits[kind][GRID_CELLS - 1] == 0:
            return True
    return False


cdef inline bint has_lost(const Grids* g) noexcept nogil:
    return g.proposed.keep_bits[GRID_CELLS - 1] & 15 >= LOST_BITS


cdef inline int64_t landed_cap(const Row* r) noexcept nogil:
    cdef int64_t cap = own_landed(r, highest(r))
    if r.competitive_minor > 0:
        cap = min(cap, r.competitive_minor)
    return max(cap, own_landed(r, r.floor_minor))


cdef inline int64_t step_landed(const Row* r, int64_t reference, int64_t step) noexcept nogil:
    cdef int64_t landed = min(landed_low(reference, step_premium(step)), landed_cap(r))
    return max(landed, own_landed(r, r.floor_minor))


cdef inline int choose(
    Row* r, Grids* g, const Strategy* s, int64_t reference, bint holds, bint may_try
) noexcept nogil:
    cdef int32_t[56] chance
    cdef Hypotheses h
    cdef Weights weights
    cdef Grid* grid
    cdef int64_t low
    cdef int64_t high
    cdef int best
    if not weighs(s) or not knows(r, g):
        return STEP_UNKNOWN
    low = max(<int64_t>0, step_of(own_landed(r, r.floor_minor), reference))
    high = min(<int64_t>STEPS - 1, step_of(landed_cap(r), reference))
    if low > high:
        return STEP_UNKNOWN
    grid = opened(r, g)
    unpack(grid, holds, &h)
    weigh(&h, &weights)
    if weights.whole == 0 or outside(r, &h, reference, holds):
        return STEP_UNKNOWN
    chances(&weights, chance)
    if 2 * chance[low] < WHOLE:
        return STEP_UNKNOWN
    best = best_step(grid.best - 1, chance, <int>low, <int>high, s)
    grid.best = <uint8_t>(best + 1)
    return tried_step(&weights, chance, best, <int>high) if may_try else best
