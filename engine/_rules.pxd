# The scalar pricing rules, one short function each; reference_rules.py is their twin and says more.
# Prices are minor units, premiums parts per million, times seconds. Products fit int64 because
# amounts keep to MAX_PRICE_MINOR and rates to PREMIUM_LIMIT_PPM.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from engine._endings cimport allowed_way, with_ending
from engine._schema cimport (
    CHANGE_BUCKET_S,
    DIRECTION_UP_ONLY,
    FLAG_DISPLACED,
    FLAG_REJECTED,
    FLAG_WITHDRAWN,
    MAX_DRAWS,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    REASON_AT_TARGET,
    REASON_BOUNDS,
    REASON_CHANGES_PER_HOUR,
    REASON_DOWN_ONLY,
    REASON_MIN_CHANGE,
    REASON_UP_ONLY,
    Outcome,
    Row,
    Strategy,
)

cdef enum:
    MILLION = 1000000
    FULL_POINTS = 10000


cdef inline int64_t divide_down(int64_t numerator, int64_t denominator) noexcept nogil:
    # C truncates, the rules round down; the denominator is positive.
    return numerator // denominator - (numerator % denominator < 0)


cdef inline int64_t divide_up(int64_t numerator, int64_t denominator) noexcept nogil:
    return numerator // denominator + (numerator % denominator > 0)


cdef inline int64_t distance(int64_t a, int64_t b) noexcept nogil:
    return a - b if a > b else b - a


cdef inline int32_t clip_premium(int64_t ppm) noexcept nogil:
    return <int32_t>max(-<int64_t>PREMIUM_LIMIT_PPM, min(ppm, <int64_t>PREMIUM_LIMIT_PPM))


cdef inline int32_t premium_down(int64_t landed, int64_t reference) noexcept nogil:
    return clip_premium(divide_down((landed - reference) * MILLION, reference))


cdef inline int32_t premium_up(int64_t landed, int64_t reference) noexcept nogil:
    return clip_premium(divide_up((landed - reference) * MILLION, reference))


cdef inline int64_t landed_low(int64_t reference, int64_t ppm) noexcept nogil:
    cdef int64_t landed = reference + divide_up(reference * ppm, MILLION)
    return min(landed, reference - 1) if ppm < 0 else landed


cdef inline int64_t landed_high(int64_t reference, int64_t ppm) noexcept nogil:
    return reference + divide_down(reference * ppm, MILLION)


cdef inline bint lower(int64_t present, int64_t landed) noexcept nogil:
    return (landed > 0) & ((present == 0) | (landed < present))


cdef inline int64_t own_landed(const Row* r, int64_t item) noexcept nogil:
    return item + r.landed_offset_minor - divide_down(item * r.points_bp, FULL_POINTS)


cdef inline int64_t item_for_landed(const Row* r, int64_t landed) noexcept nogil:
    return divide_down((landed - r.landed_offset_minor) * FULL_POINTS, FULL_POINTS - r.points_bp)


cdef inline int64_t highest(const Row* r) noexcept nogil:
    return max(r.floor_minor, r.ceiling_minor)


cdef inline int64_t clamp(const Row* r, int64_t item) noexcept nogil:
    return max(r.floor_minor, min(item, highest(r)))


cdef inline int64_t offset_from(
    const Strategy* s, int64_t landed, int reference_class
) noexcept nogil:
    cdef int64_t ppm = s.offset_ppm[reference_class]
    cdef int64_t product = landed * ppm
    cdef int64_t share = divide_up(product, MILLION) if ppm > 0 else divide_down(product, MILLION)
    return landed + s.offset_minor[reference_class] + share


cdef inline int64_t limit_step(const Strategy* s, int64_t base, int64_t target) noexcept nogil:
    cdef int64_t limit = s.step_limit_minor
    if s.step_limit_ppm > 0:
        limit = max(<int64_t>1, divide_down(base * s.step_limit_ppm, MILLION))
    if limit == 0:
        return target
    return max(base - limit, min(target, base + limit))


cdef inline uint32_t aged_history(const Row* r, int64_t now_s) noexcept nogil:
    cdef int64_t gap = (now_s // CHANGE_BUCKET_S - r.change_bucket) & 0xFFFF
    cdef uint32_t kept = <uint32_t>0xFFFFFFFF >> (4 * min(gap, <int64_t>7))
    return 0 if gap >= 8 else (r.change_history & kept) << (4 * gap)


cdef inline int changes_used(const Row* r, int64_t now_s) noexcept nogil:
    # The sum of eight nibbles, by pairs, without a loop.
    cdef uint32_t history = aged_history(r, now_s)
    cdef uint32_t pairs = (history & 0x0F0F0F0F) + (history >> 4 & 0x0F0F0F0F)
    return <int>(<uint32_t>(pairs * 0x01010101) >> 24)


cdef inline bint may_change(const Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef bint full = (aged_history(r, now_s) & 15) == 15
    return not full and changes_used(r, now_s) < s.changes_per_hour


cdef inline void note_change(Row* r, int64_t now_s) noexcept nogil:
    cdef uint32_t history = aged_history(r, now_s)
    if history & 15 < 15:
        history += 1
    r.change_history = history
    r.change_bucket = <uint16_t>(now_s // CHANGE_BUCKET_S & 0xFFFF)


cdef inline void set_price(Row* r, const Strategy* s, int64_t item, int64_t now_s) noexcept nogil:
    note_change(r, now_s)
    r.price_minor = item
    r.effective_s = 0
    r.draws = 1
    r.attempts &= 0xF0
    r.flags &= ~(FLAG_DISPLACED | FLAG_REJECTED | FLAG_WITHDRAWN)
    r.deadline_s = <uint32_t>(now_s + s.live_wait_s)


cdef inline bint moved(
    Row* r, const Strategy* s, int64_t item, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    set_price(r, s, item, now_s)
    o.reason = <uint8_t>reason
    o.changed = 1
    return True


cdef inline bint held(Outcome* o, int reason) noexcept nogil:
    if o.changed == 0:
        o.reason = <uint8_t>reason
    return False


cdef inline bint move_to(
    Row* r, const Strategy* s, int64_t item, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t base, target
    cdef int64_t wanted = with_ending(r, s, clamp(r, item))
    if r.price_minor == 0:
        return moved(r, s, wanted, reason, now_s, o)
    base = clamp(r, r.price_minor)
    target = clamp(r, limit_step(s, base, allowed_way(s, base, wanted)))
    if base != r.price_minor:
        if not may_change(r, s, now_s):
            target = base
        return moved(r, s, target, REASON_BOUNDS if target == base else reason, now_s, o)
    if target == r.price_minor and not r.flags & FLAG_WITHDRAWN:
        return held(o, stay_reason(s, base, wanted))
    if target != r.price_minor and distance(target, r.price_minor) < s.min_change_minor:
        return held(o, REASON_MIN_CHANGE)
    if not may_change(r, s, now_s):
        return held(o, REASON_CHANGES_PER_HOUR)
    return moved(r, s, target, reason, now_s, o)


cdef inline int stay_reason(const Strategy* s, int64_t base, int64_t wanted) noexcept nogil:
    if allowed_way(s, base, wanted) == wanted:
        return REASON_AT_TARGET
    return REASON_UP_ONLY if s.direction == DIRECTION_UP_ONLY else REASON_DOWN_ONLY


cdef inline uint8_t push_draw(int draws, bint won) noexcept nogil:
    cdef int top = 1 << MAX_DRAWS
    draws = (draws << 1) | won
    return <uint8_t>(draws if draws < 2 * top else (draws & (top - 1)) | top)


cdef inline int draw_count(int draws) noexcept nogil:
    cdef int count = 0
    while draws > 1:
        draws >>= 1
        count += 1
    return count


cdef inline int win_count(int draws) noexcept nogil:
    cdef int wins = -1
    while draws > 0:
        wins += draws & 1
        draws >>= 1
    return wins


cdef inline bint known(int32_t ppm) noexcept nogil:
    return ppm != PREMIUM_UNKNOWN
