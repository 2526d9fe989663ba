# MATCH and FIXED. reference_match.py is the twin and says more.

from libc.stdint cimport int64_t

from engine._buybox cimport enter_alone, enter_suppressed
from engine._evidence cimport arm
from engine._market cimport Market, lowest_of_all
from engine._rules cimport held, item_for_landed, move_to, offset_from, own_landed
from engine._schema cimport (
    BELOW_FLOOR_FLOOR,
    REASON_AT_TARGET,
    REASON_BELOW_FLOOR_CHOICE,
    REASON_KEEP,
    REASON_MATCH,
    REASON_MATCH_RAISE_TO_NEXT,
    STATE_ALONE,
    STATE_AWAITING,
    STATE_SEEKING,
    STATE_SUPPRESSED,
    TARGET_AMAZON,
    TARGET_BUY_BOX,
    TARGET_LOWEST,
    TARGET_LOWEST_AMAZON_FULFILLED,
    TARGET_LOWEST_MERCHANT_FULFILLED,
    TARGET_SELLERS,
    WINNING_HOLD,
    WINNING_RAISE_TO_NEXT,
    Outcome,
    Row,
    Strategy,
)
from engine._targets cimport below_floor_price


cdef inline int64_t match_target(const Market* m, int target, int* kind) noexcept nogil:
    kind[0] = 0
    if target == TARGET_LOWEST or (target == TARGET_BUY_BOX and m.own_winner):
        return lowest_of_all(m, kind)
    if target == TARGET_LOWEST_AMAZON_FULFILLED:
        kind[0] = 1
        return m.lowest[1]
    if target == TARGET_LOWEST_MERCHANT_FULFILLED:
        kind[0] = 2
        return m.lowest[2]
    if target == TARGET_AMAZON:
        kind[0] = 3
        return m.lowest[3]
    if target == TARGET_SELLERS:
        kind[0] = m.target_class
        return m.target_minor
    if target == TARGET_BUY_BOX:
        kind[0] = m.winner_class
        return m.winner_minor
    return 0


cdef inline void settle(
    Row* r, const Strategy* s, int64_t item, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    if move_to(r, s, item, reason, now_s, o):
        r.state = STATE_AWAITING
    else:
        rest(r, s, now_s)


cdef inline void rest(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef bint situation = (
        r.state == STATE_SEEKING or r.state == STATE_ALONE or r.state == STATE_SUPPRESSED
    )
    if situation and r.price_minor > 0:
        r.state = STATE_AWAITING
        arm(r, s, now_s)


cdef inline void stay(
    Row* r, const Strategy* s, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    held(o, reason)
    rest(r, s, now_s)


cdef inline void raise_to_next(
    Row* r, const Strategy* s, const Market* m, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t item = item_for_landed(r, m.next_minor - s.stay_below_next_minor)
    if m.next_minor > 0 and item > r.price_minor:
        settle(r, s, item, REASON_MATCH_RAISE_TO_NEXT, now_s, o)
    else:
        stay(r, s, REASON_AT_TARGET, now_s, o)


cdef inline void match_offers(
    Row* r, const Strategy* s, const Market* m, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef bint winning = m.own_winner and r.price_minor > 0
    cdef int64_t landed
    cdef int kind = 0
    cdef int at
    if m.nobody_featured and m.eligible_count > 0:
        enter_suppressed(r, s, now_s, o)
        return
    if winning and s.when_winning == WINNING_HOLD:
        stay(r, s, REASON_KEEP, now_s, o)
        return
    if winning and s.when_winning == WINNING_RAISE_TO_NEXT:
        raise_to_next(r, s, m, now_s, o)
        return
    for at in range(4):
        landed = match_target(m, s.targets[at], &kind)
        if landed > 0:
            match_landed(r, s, offset_from(s, landed, kind), REASON_MATCH, now_s, o)
            return
    enter_alone(r, s, m.nobody_featured, now_s, o)


cdef inline void match_landed(
    Row* r, const Strategy* s, int64_t landed, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t choice
    if landed >= own_landed(r, r.floor_minor) or s.below_floor == BELOW_FLOOR_FLOOR:
        settle(r, s, item_for_landed(r, landed), reason, now_s, o)
        return
    choice = below_floor_price(r, s)
    if choice > 0:
        settle(r, s, choice, REASON_BELOW_FLOOR_CHOICE, now_s, o)
    else:
        stay(r, s, REASON_KEEP, now_s, o)
