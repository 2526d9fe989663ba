# The arithmetic of the learner's choice: chances at every price, the best one, and the one to try.
# reference_learner.py is the twin and says more. All prices are looked at in loops without jumps,
# which compilers turn into vectors.

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from engine._learner_tables cimport GRID_WINS
from engine._schema cimport Strategy

cdef enum:
    KINDS = 2
    SHARP = 0
    SOFT = 1
    STEPS = 56
    LANES = 32  # cells, with room for whole vectors
    RULED_OUT = 15
    NO_CELL = 240  # bits in lanes beyond the last cell, more than any hypothesis can have
    WHOLE = 1024
    HORIZON = 48
    STEPS_THAT_STAY = 2
    SHARE_ONE = 10000
    EXACT_BITS = 50
    HALF_BITS = 11
    FIRST_PRICE = 1820  # of step 0, in units of 500 parts per million of the reference price
    PRICE_STEP = 9

cdef struct Hypotheses:
    # By kind of market and cell: bits less likely than the best one.
    uint8_t[2][32] bits

cdef struct Weights:
    # By lane, where the last cell comes first, and kind of market.
    int16_t[32][2] of
    int32_t whole


cdef inline int16_t weight_of(uint8_t bits) noexcept nogil:
    return <int16_t>(1 << (RULED_OUT - 1) >> min(bits, <uint8_t>RULED_OUT))


cdef inline void weigh(const Hypotheses* h, Weights* weights) noexcept nogil:
    cdef int32_t whole = 0
    cdef int16_t sharp, soft
    cdef int at
    for at in range(LANES):
        sharp = weight_of(h.bits[SHARP][LANES - 1 - at])
        soft = weight_of(h.bits[SOFT][LANES - 1 - at])
        weights.of[at][SHARP], weights.of[at][SOFT] = sharp, soft
        whole += sharp + soft
    weights.whole = whole


cdef inline void chances(const Weights* weights, int32_t* chance) noexcept nogil:
    # The quotient by a product, exact as sums are below 2^30 and `whole` is below 2^20.
    cdef int64_t part = (<int64_t>1 << EXACT_BITS) // weights.whole + 1
    cdef const int16_t* weight = weights.of[0]
    cdef const int16_t* wins
    cdef int32_t whole
    cdef int step, at
    for step in range(STEPS):
        wins = GRID_WINS[step & 1][step >> 1]
        whole = 0
        for at in range(LANES * KINDS):
            whole += weight[at] * wins[at]
        chance[step] = whole
    for step in range(STEPS):
        chance[step] = <int32_t>(chance[step] * part >> EXACT_BITS)


cdef inline int32_t price_of(int step) noexcept nogil:
    return FIRST_PRICE + PRICE_STEP * step


cdef inline int32_t worth(int32_t chance, int step) noexcept nogil:
    return chance * price_of(step)


cdef inline bint reaches(const Strategy* s, int32_t chance) noexcept nogil:
    return chance * SHARE_ONE >= s.share_target_bp * WHOLE


cdef inline int best_step(
    int old, const int32_t* chance, int low, int high, const Strategy* s
) noexcept nogil:
    # Chances never rise from step to step, so those that reach the target stand first.
    cdef bint reached = reaches(s, chance[low])
    cdef int32_t most = 0
    cdef int best = low
    cdef int step
    if reached:
        best = -1
        for step in range(STEPS):
            best += reaches(s, chance[step]) & (step <= high)
    else:
        for step in range(STEPS):
            most = max(most, worth(chance[step], step) if low <= step <= high else 0)
        while worth(chance[best], best) < most:
            best += 1
    if old < low or old > high or best - old > STEPS_THAT_STAY:
        return best
    if reached:
        return old if reaches(s, chance[old]) else best
    return old if 100 * <int64_t>(most - worth(chance[old], old)) <= most else best


cdef inline void worths(int step, int32_t* each) noexcept nogil:
    # What a step is worth in each hypothesis.
    cdef const int16_t* wins = GRID_WINS[step & 1][step >> 1]
    cdef int32_t price = price_of(step)
    cdef int at
    for at in range(LANES * KINDS):
        each[at] = wins[at] * price


cdef inline int64_t gain_of(
    const Weights* weights, const int32_t* present, int step
) noexcept nogil:
    # What a step would add where a hypothesis holds and it is better, weighed over all; in two
    # halves, so that numbers of 16 bits are multiplied.
    cdef const int16_t* wins = GRID_WINS[step & 1][step >> 1]
    cdef const int16_t* weight = weights.of[0]
    cdef int32_t price = price_of(step)
    cdef int32_t highs = 0
    cdef int32_t lows = 0
    cdef int16_t[64] high
    cdef int16_t[64] low
    cdef int32_t more
    cdef int at
    for at in range(LANES * KINDS):
        more = max(<int32_t>0, wins[at] * price - present[at])
        high[at] = <int16_t>(more >> HALF_BITS)
        low[at] = <int16_t>(more & ((1 << HALF_BITS) - 1))
    for at in range(LANES * KINDS):
        highs += high[at] * weight[at]
    for at in range(LANES * KINDS):
        lows += low[at] * weight[at]
    return (<int64_t>highs << HALF_BITS) + lows


cdef inline int tried_step(
    const Weights* weights, const int32_t* chance, int best, int high
) noexcept nogil:
    # What a step can add is at most its chance times the rise of the price; it is only worked out
    # where that much would be the best yet.
    cdef int32_t[64] present
    cdef int32_t now = worth(chance[best], best)
    cdef int32_t at_most
    cdef int32_t risk
    cdef int64_t most = 1
    cdef int64_t worthwhile
    cdef int found = best
    cdef int step
    worths(best, present)
    for step in range(high, best, -1):
        risk = max(<int32_t>0, now - worth(chance[step], step))
        at_most = HORIZON * (chance[step] + 1) * PRICE_STEP * (step - best) - risk
        if <int64_t>at_most * weights.whole < most:
            continue
        worthwhile = gain_of(weights, present, step) * HORIZON - <int64_t>risk * weights.whole
        if worthwhile >= most:
            found = step
            most = worthwhile
    return found
