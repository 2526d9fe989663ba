# The learner: a grid of hypotheses about the premium at which we lose the Buy Box.
# reference_learner.py is the twin and says more; learner_tables.py explains the numbers.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from engine._learner_tables cimport GRID_BITS, GRID_WINS
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
    KINDS = 2
    SHARP = 0
    SOFT = 1
    CELL_PPM = 9000
    STEP_PPM = 4500
    LOWEST_PPM = -90000
    STEPS = 56
    RULED_OUT = 15
    WHOLE = 1024
    PRIOR_CELL = 11
    PRIOR_SHIFT = 2
    HORIZON = 48
    AGES = 7
    STEP_UNKNOWN = -1
    SHARE_ONE = 10000
    STEPS_THAT_STAY = 2
    SHARE_DRAWS = 4
    LOST_BITS = 7
    EXACT_BITS = 50
    NONE = 0
    LOST = 1
    WON = 2
    DRAW = 3
    ANSWER = 4
    ANSWERS = 12
    LEADING = 16
    TOPPED = 32

cdef struct Hypotheses:
    # By kind of market and cell: bits less likely than the best one.
    uint8_t[2][28] bits


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


cdef inline const Grid* seen(const Row* r, const Grids* g) noexcept nogil:
    return g.proposed if r.flags & FLAG_IN_SLICE else g.kept


cdef inline bint knows(const Row* r, const Grids* g) noexcept nogil:
    return seen(r, g).last & DRAW != NONE


cdef inline void unpack(const Grid* grid, bint holds, Hypotheses* h) noexcept nogil:
    cdef int cell
    for cell in range(GRID_CELLS):
        if holds:
            h.bits[SHARP][cell] = grid.keep_bits[cell] & 15
            h.bits[SOFT][cell] = grid.keep_bits[cell] >> 4
        else:
            h.bits[SHARP][cell] = RULED_OUT
            h.bits[SOFT][cell] = grid.take_bits[cell >> 1] >> 4 * (cell & 1) & 15


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
    grid.last = <uint8_t>(
        grid.last & (DRAW | LEADING) | max(0, (grid.last & ANSWERS) - ANSWER * lost)
    )
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
    cdef bint held
    if not weighs(s) or (step < 0 and won) or (step >= STEPS and not won):
        return
    step = max(<int64_t>0, min(step, <int64_t>STEPS - 1))
    age_grid(r, g, s, now_s)
    grid = opened(r, g)
    if grid.last & DRAW == NONE:
        forget_grid(grid, now_s)
    held = grid.last & DRAW == WON
    if not (held and won):
        add_draw(grid, False, won, <int>step)
    if held or won:
        add_draw(grid, True, won, <int>step)
    note_draw(grid, won)


cdef inline void note_draw(Grid* grid, bint won) noexcept nogil:
    grid.last = <uint8_t>(grid.last & ~DRAW | (WON if won else LOST))


cdef inline void add_draw(Grid* grid, bint holds, bint won, int step) noexcept nogil:
    cdef Hypotheses h
    cdef const uint8_t* more
    cdef uint8_t least = 255
    cdef int cell
    cdef int kind
    unpack(grid, holds, &h)
    for kind in range(KINDS):
        more = &GRID_BITS[won][kind][step & 1][27 - (step >> 1)]
        for cell in range(GRID_CELLS):
            h.bits[kind][cell] += more[cell]
            least = min(least, h.bits[kind][cell])
    for kind in range(KINDS):
        for cell in range(GRID_CELLS):
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
        note_draw(opened(r, g), won)


# Choice


cdef inline int32_t whole_weight(const Hypotheses* h) noexcept nogil:
    cdef int32_t whole = 0
    cdef int cell
    cdef int kind
    for kind in range(KINDS):
        for cell in range(GRID_CELLS):
            if h.bits[kind][cell] != RULED_OUT:
                whole += 1 << (RULED_OUT - 1 - h.bits[kind][cell])
    return whole


cdef inline void chances(const Hypotheses* h, int32_t* chance) noexcept nogil:
    cdef const uint16_t* wins
    cdef int32_t whole = whole_weight(h)
    cdef int64_t part
    cdef int cell
    cdef int kind
    cdef int bits
    cdef int step
    memset(chance, 0, STEPS * sizeof(int32_t))
    if whole == 0:
        return
    for cell in range(GRID_CELLS):
        for kind in range(KINDS):
            if h.bits[kind][cell] == RULED_OUT:
                continue
            bits = RULED_OUT - 1 - h.bits[kind][cell]
            wins = &GRID_WINS[kind][54 - 2 * cell]
            for step in range(STEPS):
                chance[step] += <int32_t>wins[step] << bits
    # The quotient by a product, exact as sums are below 2^30 and `whole` is below 2^20.
    part = (<int64_t>1 << EXACT_BITS) // whole + 1
    for step in range(STEPS):
        chance[step] = <int32_t>(chance[step] * part >> EXACT_BITS)


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


cdef inline int64_t worth(int64_t chance, int64_t step) noexcept nogil:
    return chance * (MILLION + step_premium(step))


cdef inline int64_t landed_cap(const Row* r) noexcept nogil:
    cdef int64_t cap = own_landed(r, highest(r))
    if r.competitive_minor > 0:
        cap = min(cap, r.competitive_minor)
    return max(cap, own_landed(r, r.floor_minor))


cdef inline int64_t step_landed(const Row* r, int64_t reference, int64_t step) noexcept nogil:
    cdef int64_t landed = min(landed_low(reference, step_premium(step)), landed_cap(r))
    return max(landed, own_landed(r, r.floor_minor))


cdef inline bint reaches(const Strategy* s, int32_t chance) noexcept nogil:
    return chance * SHARE_ONE >= s.share_target_bp * WHOLE


cdef inline int choose(
    Row* r, Grids* g, const Strategy* s, int64_t reference, bint holds, bint may_try
) noexcept nogil:
    cdef int32_t[56] chance
    cdef Hypotheses h
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
    chances(&h, chance)
    if 2 * chance[low] < WHOLE or outside(r, &h, reference, holds):
        return STEP_UNKNOWN
    best = best_step(grid.best - 1, chance, <int>low, <int>high, s)
    grid.best = <uint8_t>(best + 1)
    return tried_step(&h, chance, best, <int>high) if may_try else best


cdef inline int best_step(
    int old, const int32_t* chance, int low, int high, const Strategy* s
) noexcept nogil:
    cdef int best = low
    cdef int64_t most = 0
    cdef bint reached = False
    cdef bint here
    cdef int step
    for step in range(low, high + 1):
        here = reaches(s, chance[step])
        if here or (not reached and worth(chance[step], step) > most):
            best = step
            most = worth(chance[step], step)
        reached = reached or here
    if old < low or old > high or best - old > STEPS_THAT_STAY:
        return best
    if reached:
        return old if reaches(s, chance[old]) else best
    return old if 100 * (most - worth(chance[old], old)) <= most else best


cdef inline void gains(
    const Hypotheses* h, int best, int high, int64_t* gain
) noexcept nogil:
    cdef const uint16_t* wins
    cdef int32_t[56] more
    cdef int32_t present
    cdef int cell
    cdef int kind
    cdef int bits
    cdef int step
    memset(gain, 0, STEPS * sizeof(int64_t))
    for cell in range(GRID_CELLS):
        for kind in range(KINDS):
            if h.bits[kind][cell] == RULED_OUT:
                continue
            bits = RULED_OUT - 1 - h.bits[kind][cell]
            wins = &GRID_WINS[kind][54 - 2 * cell]
            present = <int32_t>worth(wins[best], best)
            for step in range(best + 1, high + 1):
                more[step] = wins[step] * (MILLION + LOWEST_PPM + STEP_PPM * step) - present
            for step in range(best + 1, high + 1):
                gain[step] += <int64_t>max(0, more[step]) << bits


cdef inline int tried_step(
    const Hypotheses* h, const int32_t* chance, int best, int high
) noexcept nogil:
    cdef int64_t[56] gain
    cdef int64_t whole = whole_weight(h)
    cdef int found = best
    cdef int64_t most = 0
    cdef int64_t risk
    cdef int64_t worthwhile
    cdef int step
    if best >= high:
        return best
    gains(h, best, high, gain)
    for step in range(best + 1, high + 1):
        risk = worth(chance[best], best) - worth(chance[step], step)
        worthwhile = gain[step] * HORIZON - max(<int64_t>0, risk) * whole
        if worthwhile > most:
            found = step
            most = worthwhile
    return found
