# What a verdict teaches, whether the current price is live, and the clock that waits for both.
# reference_evidence.py is the twin and says more.

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from engine._rules cimport held, known, landed_low, own_landed, premium_down, premium_up
from engine._schema cimport (
    CLASS_BITS,
    CLASS_SHIFT,
    FLAG_DISPLACED,
    FLAG_INCUMBENT,
    FLAG_REJECTED,
    FLAG_WITHDRAWN,
    KIND_BUY_BOX,
    PREMIUM_UNKNOWN,
    REASON_DISPLACED,
    REASON_REEMIT,
    REASON_REEMITS_EXHAUSTED,
    STATE_ALONE,
    STATE_AWAITING,
    STATE_FLOORED,
    STATE_HOLDING,
    STATE_PROBING,
    STATE_SEEKING,
    Outcome,
    Row,
    Strategy,
)

# Evidence


cdef inline void forget_brackets(Row* r) noexcept nogil:
    r.take_low_ppm = r.take_high_ppm = r.keep_low_ppm = r.keep_high_ppm = PREMIUM_UNKNOWN


cdef inline void keep_class(Row* r, int reference_class) noexcept nogil:
    cdef int stored = r.flags >> CLASS_SHIFT & CLASS_BITS
    if reference_class == 0 or stored == reference_class:
        return
    if stored != 0:
        forget_brackets(r)
    r.flags = <uint16_t>(r.flags & ~(CLASS_BITS << CLASS_SHIFT) | reference_class << CLASS_SHIFT)


cdef inline void age_evidence(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    if r.evidence_s != 0 and now_s > <int64_t>r.evidence_s + s.evidence_max_age_s:
        r.take_high_ppm = PREMIUM_UNKNOWN
        r.keep_high_ppm = PREMIUM_UNKNOWN


cdef inline void learn_won(Row* r, int32_t ppm) noexcept nogil:
    if not r.flags & FLAG_INCUMBENT:
        r.take_low_ppm = max(r.take_low_ppm, ppm)
        if known(r.take_high_ppm) and r.take_high_ppm <= r.take_low_ppm:
            r.take_high_ppm = PREMIUM_UNKNOWN
    r.keep_low_ppm = max(r.keep_low_ppm, ppm)
    if known(r.keep_high_ppm) and r.keep_high_ppm <= r.keep_low_ppm:
        r.keep_high_ppm = PREMIUM_UNKNOWN


cdef inline void learn_lost(Row* r, int32_t ppm) noexcept nogil:
    if not known(r.take_high_ppm) or ppm < r.take_high_ppm:
        r.take_high_ppm = ppm
    if r.take_low_ppm >= r.take_high_ppm:
        r.take_low_ppm = PREMIUM_UNKNOWN
    if not r.flags & FLAG_INCUMBENT:
        return
    if not known(r.keep_high_ppm) or ppm < r.keep_high_ppm:
        r.keep_high_ppm = ppm
    if r.keep_low_ppm >= r.keep_high_ppm:
        r.keep_low_ppm = r.take_low_ppm


cdef inline int32_t under_lost(int32_t low, int64_t landed, int64_t reference) noexcept nogil:
    if not known(low) or landed_low(reference, low) < landed:
        return low
    return premium_down(landed - 1, reference)


cdef inline void learn(
    Row* r, bint won, int64_t landed, int64_t reference, int64_t event_s
) noexcept nogil:
    if won:
        learn_won(r, premium_down(landed, reference))
        r.flags |= FLAG_INCUMBENT
        r.good_price_minor = r.price_minor
    else:
        learn_lost(r, premium_up(landed, reference))
        r.take_low_ppm = under_lost(r.take_low_ppm, landed, reference)
        if r.flags & FLAG_INCUMBENT:
            r.keep_low_ppm = under_lost(r.keep_low_ppm, landed, reference)
        r.flags &= ~FLAG_INCUMBENT
    r.evidence_s = <uint32_t>event_s


# Rest after a probe


cdef inline void cool_down(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    r.cooldown_until_s = <uint32_t>(now_s + s.cooldown_s)


cdef inline void rest_after_probe(
    Row* r, const Strategy* s, int64_t now_s, const Outcome* o
) noexcept nogil:
    cdef bint goes_on = r.state == STATE_PROBING or r.state == STATE_HOLDING
    if o.state_before == STATE_PROBING and not goes_on:
        cool_down(r, s, now_s)


# Delivery


cdef inline void mark_live(
    Row* r, const Strategy* s, int64_t event_s, int64_t now_s
) noexcept nogil:
    r.live_price_minor = r.price_minor
    if r.effective_s != 0:
        return
    r.effective_s = <uint32_t>max(<int64_t>1, event_s)
    r.attempts = 0
    r.flags &= ~(FLAG_DISPLACED | FLAG_WITHDRAWN)
    arm_live(r, s, now_s)


cdef inline void arm_live(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    if s.kind != KIND_BUY_BOX and r.state == STATE_AWAITING:
        r.state = STATE_HOLDING
    if r.state == STATE_AWAITING or r.state == STATE_PROBING:
        r.deadline_s = <uint32_t>(now_s + s.verdict_wait_s)
    elif r.state == STATE_ALONE:
        r.deadline_s = <uint32_t>(now_s + s.hold_s)
    elif r.state == STATE_HOLDING:
        r.deadline_s = <uint32_t>(now_s + s.hold_s) if s.kind == KIND_BUY_BOX else 0
    elif r.state != STATE_FLOORED:
        r.deadline_s = 0


cdef inline void arm(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    if r.effective_s != 0:
        arm_live(r, s, now_s)
    else:
        r.deadline_s = <uint32_t>(now_s + s.live_wait_s)


cdef inline void displace(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    r.effective_s = 0
    r.flags |= FLAG_DISPLACED
    if r.state == STATE_HOLDING:
        r.state = STATE_AWAITING
    elif r.state == STATE_PROBING:
        cool_down(r, s, now_s)
    if r.state != STATE_FLOORED:
        r.deadline_s = <uint32_t>(now_s + s.live_wait_s)
    held(o, REASON_DISPLACED)


cdef inline void wait_live(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef bint waits = r.price_minor > 0 and r.effective_s == 0
    r.deadline_s = <uint32_t>(now_s + s.live_wait_s) if waits else 0


cdef inline void anchor_premium(Row* r) noexcept nogil:
    if r.reference_minor > 0:
        r.premium_ppm = premium_down(own_landed(r, r.price_minor), r.reference_minor)


cdef inline void reemit(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    if r.attempts & 15 >= s.max_reemits:
        give_up(r, o)
        return
    r.attempts += 1
    r.flags &= ~(FLAG_DISPLACED | FLAG_REJECTED | FLAG_WITHDRAWN)
    r.deadline_s = <uint32_t>(now_s + s.live_wait_s)
    o.reason = REASON_REEMIT
    o.changed = 1


cdef inline void give_up(Row* r, Outcome* o) noexcept nogil:
    r.state = STATE_SEEKING
    r.deadline_s = 0
    r.attempts &= 0xF0
    held(o, REASON_REEMITS_EXHAUSTED)
