# Where the Buy Box cycle goes next: landed targets, and what won and lost verdicts lead to.
# reference_targets.py is the twin and says more.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from engine._evidence cimport anchor_premium, arm, learn
from engine._followers cimport came_down, leads, stands_here
from engine._learner cimport STEP_UNKNOWN, choose, step_landed, step_of
from engine._rules cimport (
    MILLION,
    clamp,
    distance,
    divide_down,
    draw_count,
    held,
    highest,
    item_for_landed,
    known,
    landed_high,
    landed_low,
    move_to,
    offset_from,
    own_landed,
    premium_down,
    win_count,
)
from engine._schema cimport (
    BELOW_FLOOR_CEILING,
    BELOW_FLOOR_FLOOR,
    BELOW_FLOOR_STANDALONE,
    CLASS_BITS,
    CLASS_SHIFT,
    PREMIUM_LIMIT_PPM,
    REASON_AT_TARGET,
    REASON_BELOW_FLOOR_CHOICE,
    REASON_FLOORED,
    REASON_FOLLOWED,
    REASON_HOLD_LOST,
    REASON_HOLDING,
    REASON_KEEP,
    REASON_LOWER_AFTER_LOSS,
    REASON_NONE,
    REASON_PROBE_LOST,
    REASON_RAISE_TO_KEEP,
    REASON_REANCHOR,
    REASON_SEEK_OFFSET,
    REASON_SEEK_TAKE,
    REASON_WAITING_FOR_VERDICT,
    STATE_AWAITING,
    STATE_FLOORED,
    STATE_HOLDING,
    STATE_PROBING,
    Grids,
    Outcome,
    Row,
    Strategy,
)


cdef inline int64_t seek_target(
    const Row* r, const Strategy* s, int64_t reference
) noexcept nogil:
    if known(r.take_low_ppm):
        return landed_low(reference, r.take_low_ppm)
    return offset_from(s, reference, r.flags >> CLASS_SHIFT & CLASS_BITS)


cdef inline int64_t lower_target(
    const Row* r, const Strategy* s, int64_t reference
) noexcept nogil:
    cdef int64_t floor = own_landed(r, r.floor_minor)
    cdef int64_t upper = own_landed(r, r.price_minor)
    cdef int64_t lower
    cdef int64_t middle
    if known(r.take_high_ppm):
        upper = min(upper, landed_high(reference, r.take_high_ppm))
    if known(r.take_low_ppm):
        lower = landed_low(reference, r.take_low_ppm)
        if floor <= lower < upper:
            middle = lower + (upper - lower) // 2
            return middle if upper - middle >= s.step_minor else lower
    return max(floor, upper - max(s.step_minor, divide_down(upper - floor, 2)))


cdef inline void go_for(
    Row* r,
    const Strategy* s,
    int64_t landed,
    int64_t reference,
    int reason,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    if landed < own_landed(r, r.floor_minor) and s.below_floor != BELOW_FLOOR_FLOOR:
        enter_floored(r, s, now_s, o)
        return
    r.premium_ppm = premium_down(landed, reference)
    r.state = STATE_AWAITING
    if not move_to(r, s, item_for_landed(r, landed), reason, now_s, o):
        arm(r, s, now_s)


cdef inline void seek(
    Row* r, Grids* g, const Strategy* s, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int step = choose(r, g, s, reference, False, r.cooldown_until_s <= now_s)
    cdef int reason = REASON_SEEK_TAKE if known(r.take_low_ppm) else REASON_SEEK_OFFSET
    if step != STEP_UNKNOWN:
        go_for(r, s, step_landed(r, reference, step), reference, REASON_SEEK_TAKE, now_s, o)
        return
    go_for(r, s, seek_target(r, s, reference), reference, reason, now_s, o)


cdef inline void retreat(
    Row* r, const Strategy* s, int64_t reference, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t landed
    if r.price_minor <= r.floor_minor:
        enter_floored(r, s, now_s, o)
        return
    landed = seek_target(r, s, reference)
    if reason == REASON_LOWER_AFTER_LOSS or item_for_landed(r, landed) >= r.price_minor:
        landed = lower_target(r, s, reference)
    go_for(r, s, landed, reference, reason, now_s, o)


cdef inline int64_t below_floor_price(const Row* r, const Strategy* s) noexcept nogil:
    if s.below_floor == BELOW_FLOOR_CEILING:
        return highest(r)
    if s.below_floor == BELOW_FLOOR_STANDALONE:
        return s.standalone_minor
    return r.floor_minor if s.below_floor == BELOW_FLOOR_FLOOR else 0


cdef inline void enter_floored(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t choice = below_floor_price(r, s)
    r.state = STATE_FLOORED
    if choice == 0:
        held(o, REASON_KEEP)
    else:
        move_to(r, s, choice, REASON_BELOW_FLOOR_CHOICE, now_s, o)
    if o.reason == REASON_AT_TARGET:
        held(o, REASON_FLOORED)
    r.deadline_s = <uint32_t>(now_s + s.retry_s)


cdef inline void won_hold(
    Row* r, const Strategy* s, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t keep = item_for_landed(r, landed_low(reference, r.keep_low_ppm))
    r.state = STATE_HOLDING
    if keep > r.price_minor:
        r.premium_ppm = r.keep_low_ppm
        if move_to(r, s, keep, REASON_RAISE_TO_KEEP, now_s, o):
            return
    hold_on(r, s, reference, now_s, o)


cdef inline void hold_on(
    Row* r, const Strategy* s, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    r.state = STATE_HOLDING
    r.premium_ppm = premium_down(own_landed(r, r.price_minor), reference)
    arm(r, s, now_s)
    held(o, REASON_HOLDING)


cdef inline void verdict_won(
    Row* r, const Strategy* s, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.state == STATE_AWAITING:
        won_hold(r, s, reference, now_s, o)
    elif r.state == STATE_PROBING or r.state == STATE_FLOORED:
        hold_on(r, s, reference, now_s, o)


cdef inline void verdict_lost(
    Row* r, const Strategy* s, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int reason = reason_lost(r.state)
    if reason != REASON_NONE:
        retreat(r, s, reference, reason, now_s, o)


cdef inline int reason_lost(int state) noexcept nogil:
    if state == STATE_AWAITING:
        return REASON_LOWER_AFTER_LOSS
    if state == STATE_HOLDING:
        return REASON_HOLD_LOST
    return REASON_PROBE_LOST if state == STATE_PROBING else REASON_NONE


cdef inline void draw_won(
    Row* r, const Strategy* s, int step, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t landed
    r.good_price_minor = r.price_minor
    if r.state == STATE_AWAITING and step > step_of(own_landed(r, r.price_minor), reference):
        r.state = STATE_HOLDING
        landed = step_landed(r, reference, step)
        r.premium_ppm = premium_down(landed, reference)
        if move_to(r, s, item_for_landed(r, landed), REASON_RAISE_TO_KEEP, now_s, o):
            return
    hold_on(r, s, reference, now_s, o)


cdef inline void draw_lost(
    Row* r, Grids* g, const Strategy* s, int step, int64_t reference, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int state = r.state
    cdef int64_t landed = step_landed(r, reference, step)
    if state == STATE_FLOORED:
        return
    if state != STATE_PROBING and stands_here(r, g, reference):
        held(o, REASON_FOLLOWED)
        return
    if r.price_minor <= r.floor_minor:
        enter_floored(r, s, now_s, o)
    elif item_for_landed(r, landed) < r.price_minor:
        go_for(r, s, landed, reference, reason_lost(state), now_s, o)
    else:
        r.state = STATE_AWAITING
        if state != STATE_AWAITING:
            arm(r, s, now_s)
        held(o, REASON_WAITING_FOR_VERDICT)


cdef inline int verdict_of(const Row* r, const Strategy* s, int share_bp) noexcept nogil:
    cdef int draws = draw_count(r.draws)
    if share_bp < 0:
        if draws == 0 or draws < s.min_samples:
            return -1
        share_bp = win_count(r.draws) * 10000 // draws
    return share_bp >= s.share_target_bp


cdef inline void judge(
    Row* r,
    Grids* g,
    const Strategy* s,
    int64_t landed,
    int64_t reference,
    bint won,
    int share_bp,
    int64_t event_s,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    cdef int verdict = verdict_of(r, s, share_bp)
    cdef bint may_try
    cdef int step
    if not won and leads(r, g):
        held(o, REASON_WAITING_FOR_VERDICT)
        return
    if verdict >= 0:
        learn(r, verdict == 1, landed, reference, event_s)
    if won and r.state == STATE_HOLDING:
        return
    may_try = not won and r.state != STATE_PROBING and r.cooldown_until_s <= now_s
    step = choose(r, g, s, reference, won, may_try)
    if step != STEP_UNKNOWN and won:
        draw_won(r, s, step, reference, now_s, o)
    elif step != STEP_UNKNOWN:
        draw_lost(r, g, s, step, reference, now_s, o)
    elif verdict < 0:
        held(o, REASON_WAITING_FOR_VERDICT)
    elif verdict == 1:
        verdict_won(r, s, reference, now_s, o)
    else:
        verdict_lost(r, s, reference, now_s, o)


cdef inline void follow_reference(
    Row* r, const Strategy* s, int64_t reference, bint won, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t item
    cdef int64_t landed = own_landed(r, r.price_minor)
    cdef uint8_t state = r.state
    if state != STATE_AWAITING and state != STATE_HOLDING and state != STATE_PROBING:
        return
    if r.premium_ppm == PREMIUM_LIMIT_PPM or r.premium_ppm == -PREMIUM_LIMIT_PPM:
        return
    item = clamp(r, item_for_landed(r, landed_low(reference, r.premium_ppm)))
    if distance(item, r.price_minor) * MILLION < s.reanchor_ppm * r.price_minor:
        return
    if won and state == STATE_HOLDING and r.premium_ppm < 0 and came_down(landed, reference):
        anchor_premium(r)
        held(o, REASON_FOLLOWED)
        return
    if item > r.price_minor:
        r.state = STATE_AWAITING
    if not move_to(r, s, item, REASON_REANCHOR, now_s, o):
        r.state = state
