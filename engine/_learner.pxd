# The learner: a grid of hypotheses about the premium at which we lose the Buy Box.
# reference_learner.py is the twin and says more; learner_tables.py explains the numbers.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from engine._rules cimport MILLION, divide_down, highest, landed_low, own_landed
from engine._schema cimport FEEDBACK_SHARE, GRID_CELLS, Feedback, Row, Strategy

cdef extern from *:
    """
    #include <stdint.h>
    #define TWICE(x) x, x
    #define SIX(x) x, x, x, x, x, x
    #define FORTY(x) SIX(x), SIX(x), SIX(x), SIX(x), SIX(x), SIX(x), TWICE(TWICE(x))
    /* Indexed by the distance of a price above a threshold, in half cells, plus 55. */
    static const uint16_t GRID_WINS[2][111] = {
        {FORTY(1014), SIX(1014), SIX(1014), 1013, 1007, 938, 512, 86, 17, 11,
         SIX(10), SIX(10), FORTY(10)},
        {FORTY(1013), 1013, 1013, 1012, 1011, 1010, 1007, 1003, 996, 984, 966, 938, 894, 831, 744,
         635, 512, 389, 280, 193, 130, 86, 58, 40, 28, 21, 17, 14, 13, 12, 11, 11, FORTY(11)},
    };
    /* Bits that a lost draw costs, by the distance plus 15; a won one reads from the other end. */
    static const uint8_t GRID_BITS[2][31] = {
        {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         0},
        {7, 7, 6, 6, 6, 6, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         0},
    };
    """
    const uint16_t[2][111] GRID_WINS
    const uint8_t[2][31] GRID_BITS

cdef enum:
    CELL_PPM = 9000
    STEP_PPM = 4500
    LOWEST_PPM = -90000
    STEPS = 56
    RULED_OUT = 15
    WHOLE = 1024
    REACH = 15
    PRIOR_CELL = 11
    PRIOR_SHIFT = 2
    HORIZON = 48
    AGES = 7
    STEP_UNKNOWN = -1
    SHARE_ONE = 10000
    STEPS_THAT_STAY = 2
    SHARE_DRAWS = 4
    LOST_BITS = 7


cdef inline int64_t step_of(int64_t landed, int64_t reference) noexcept nogil:
    cdef int64_t ppm = divide_down((landed - reference) * MILLION, reference)
    return divide_down(ppm - LOWEST_PPM + STEP_PPM // 2, STEP_PPM)


cdef inline int64_t step_premium(int64_t step) noexcept nogil:
    return LOWEST_PPM + STEP_PPM * step


# Evidence


cdef inline void forget_grid(Row* r, int64_t now_s) noexcept nogil:
    cdef int cell
    cdef int bits
    for cell in range(GRID_CELLS):
        bits = (cell - PRIOR_CELL if cell > PRIOR_CELL else PRIOR_CELL - cell) >> PRIOR_SHIFT
        r.grid[cell] = r.grid[GRID_CELLS + cell] = <uint8_t>(bits << 4 | bits)
    r.grid_aged_s = <uint32_t>now_s
    r.grid_best = r.grid_draws = r.grid_holds = 0


cdef inline void age_grid(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef int64_t period = s.evidence_max_age_s // AGES + 1
    cdef int64_t passed = now_s - r.grid_aged_s
    cdef int lost
    cdef int at
    cdef int cell
    if r.grid_draws == 0 or passed < period:
        return
    if passed >= RULED_OUT * period:
        forget_grid(r, now_s)
        return
    lost = <int>(passed // period)
    r.grid_aged_s += <uint32_t>(lost * period)
    for at in range(2 * GRID_CELLS):
        cell = r.grid[at]
        r.grid[at] = <uint8_t>(max(0, (cell >> 4) - lost) << 4 | max(0, (cell & 15) - lost))


cdef inline void learn_draw(
    Row* r, const Strategy* s, bint won, int64_t landed, int64_t reference, int64_t now_s
) noexcept nogil:
    cdef int64_t step = step_of(landed, reference)
    if (step < 0 and won) or (step >= STEPS and not won):
        return
    step = max(<int64_t>0, min(step, <int64_t>STEPS - 1))
    age_grid(r, s, now_s)
    if r.grid_draws == 0:
        forget_grid(r, now_s)
    if not (r.grid_holds and won):
        add_draw(&r.grid[0], won, <int>step)
    if r.grid_holds or won:
        add_draw(&r.grid[GRID_CELLS], won, <int>step)
    r.grid_holds = won
    if r.grid_draws < 255:
        r.grid_draws += 1


cdef inline int distance_at(int step, int cell) noexcept nogil:
    return max(0, min(REACH + step - 2 * cell - 1, 2 * REACH))


cdef inline void add_draw(uint8_t* grid, bint won, int step) noexcept nogil:
    cdef uint8_t[56] bits
    cdef uint8_t least = 255
    cdef int cell
    cdef int at
    for cell in range(GRID_CELLS):
        at = distance_at(step, cell)
        if won:
            at = 2 * REACH - at
        bits[cell] = <uint8_t>((grid[cell] & 15) + GRID_BITS[0][at])
        bits[GRID_CELLS + cell] = <uint8_t>((grid[cell] >> 4) + GRID_BITS[1][at])
    for cell in range(2 * GRID_CELLS):
        least = min(least, bits[cell])
    for cell in range(GRID_CELLS):
        grid[cell] = <uint8_t>(
            min(bits[GRID_CELLS + cell] - least, RULED_OUT) << 4
            | min(bits[cell] - least, RULED_OUT)
        )


cdef inline void learn_feedback(
    Row* r, const Strategy* s, const Feedback* f, bint won, int64_t landed, int64_t now_s
) noexcept nogil:
    cdef int wins = (f.share_bp * SHARE_DRAWS + 5000) // 10000
    cdef int at
    if f.kind != FEEDBACK_SHARE:
        learn_draw(r, s, won, landed, r.reference_minor, now_s)
        return
    for at in range(SHARE_DRAWS):
        learn_draw(r, s, at >= SHARE_DRAWS - wins, landed, r.reference_minor, now_s)
    r.grid_holds = won


# Choice


cdef inline int32_t whole_weight(const Row* r, bint holds) noexcept nogil:
    cdef int first = GRID_CELLS if holds else 0
    cdef int32_t whole = 0
    cdef int at
    cdef int bits
    for at in range(first, first + GRID_CELLS):
        bits = r.grid[at] & 15
        if bits != RULED_OUT:
            whole += 1 << (RULED_OUT - 1 - bits)
        bits = r.grid[at] >> 4
        if bits != RULED_OUT:
            whole += 1 << (RULED_OUT - 1 - bits)
    return whole


cdef inline bint chances(const Row* r, bint holds, int32_t* chance) noexcept nogil:
    cdef const uint8_t* grid = &r.grid[GRID_CELLS if holds else 0]
    cdef const uint16_t* wins
    cdef int32_t whole = whole_weight(r, holds)
    cdef int cell
    cdef int kind
    cdef int bits
    cdef int step
    if whole == 0:
        return False
    for step in range(STEPS):
        chance[step] = 0
    for cell in range(GRID_CELLS):
        for kind in range(2):
            bits = grid[cell] >> 4 * kind & 15
            if bits == RULED_OUT:
                continue
            bits = RULED_OUT - 1 - bits
            wins = &GRID_WINS[kind][54 - 2 * cell]
            for step in range(STEPS):
                chance[step] += <int32_t>wins[step] << bits
    for step in range(STEPS):
        chance[step] //= whole
    return True


cdef inline bint outside(const Row* r, int64_t reference, bint holds) noexcept nogil:
    cdef int64_t step = step_of(own_landed(r, r.price_minor), reference) if holds else 0
    cdef int first = r.grid[GRID_CELLS if holds else 0]
    cdef int last = r.grid[2 * GRID_CELLS - 1 if holds else GRID_CELLS - 1]
    if step < 0 or step >= STEPS:
        return True
    return first & 15 == 0 or first >> 4 == 0 or last & 15 == 0 or last >> 4 == 0


cdef inline bint has_lost(const Row* r) noexcept nogil:
    return r.grid[2 * GRID_CELLS - 1] & 15 >= LOST_BITS


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
    Row* r, const Strategy* s, int64_t reference, bint holds, bint may_try
) noexcept nogil:
    cdef int32_t[56] chance
    cdef int64_t low
    cdef int64_t high
    cdef int best
    if r.grid_draws == 0:
        return STEP_UNKNOWN
    low = max(<int64_t>0, step_of(own_landed(r, r.floor_minor), reference))
    high = min(<int64_t>STEPS - 1, step_of(landed_cap(r), reference))
    if low > high or not chances(r, holds, chance):
        return STEP_UNKNOWN
    if 2 * chance[low] < WHOLE or outside(r, reference, holds):
        return STEP_UNKNOWN
    best = best_step(r.grid_best - 1, chance, <int>low, <int>high, s)
    r.grid_best = <uint8_t>(best + 1)
    return tried_step(r, holds, chance, best, <int>high) if may_try else best


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


cdef inline int64_t gain_of(const Row* r, bint holds, int best, int step) noexcept nogil:
    cdef const uint8_t* grid = &r.grid[GRID_CELLS if holds else 0]
    cdef const uint16_t* wins
    cdef int64_t gain = 0
    cdef int64_t more
    cdef int cell
    cdef int kind
    cdef int bits
    for cell in range(GRID_CELLS):
        for kind in range(2):
            bits = grid[cell] >> 4 * kind & 15
            if bits == RULED_OUT:
                continue
            wins = &GRID_WINS[kind][54 - 2 * cell]
            more = worth(wins[step], step) - worth(wins[best], best)
            gain += max(<int64_t>0, more) << (RULED_OUT - 1 - bits)
    return gain


cdef inline int tried_step(
    const Row* r, bint holds, const int32_t* chance, int best, int high
) noexcept nogil:
    cdef int64_t whole = whole_weight(r, holds)
    cdef int found = best
    cdef int64_t most = 0
    cdef int64_t risk
    cdef int64_t gain
    cdef int step
    for step in range(best + 1, high + 1):
        risk = worth(chance[best], best) - worth(chance[step], step)
        gain = gain_of(r, holds, best, step) * HORIZON - max(<int64_t>0, risk) * whole
        if gain > most:
            found = step
            most = gain
    return found
