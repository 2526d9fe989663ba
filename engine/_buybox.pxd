# The Buy Box cycle as a transition function: `r` is the proposed row, `s` the compiled strategy,
# `m` the market summary, `o` the outcome. reference_buybox.py is the twin and says more.

from libc.stdint cimport int64_t, uint32_t

from engine._endings cimport raised, with_ending
from engine._evidence cimport (
    age_evidence,
    anchor_premium,
    arm,
    cool_down,
    give_up,
    keep_class,
    learn,
    mark_live,
    reemit,
    wait_live,
)
from engine._followers cimport end_lead, has_moved, leads, nobody_follows, note_answer
from engine._learner cimport age_grid, choose, learn_draw, step_landed, step_of
from engine._market cimport Market
from engine._probe cimport probe, probe_limit
from engine._rules cimport (
    MILLION,
    clamp,
    held,
    highest,
    item_for_landed,
    known,
    landed_low,
    lower,
    may_change,
    move_to,
    own_landed,
    premium_down,
    push_draw,
)
from engine._schema cimport (
    ALONE_KEEP,
    ALONE_STANDALONE,
    CHANGE_BUCKET_S,
    FEEDBACK_LOST,
    FEEDBACK_WON,
    FLAG_INCUMBENT,
    REASON_ALONE,
    REASON_ALONE_AT_CAP,
    REASON_AT_TARGET,
    REASON_CHANGES_PER_HOUR,
    REASON_COOLDOWN,
    REASON_FLOORED,
    REASON_HOLDING,
    REASON_KEEP,
    REASON_NO_REFERENCE,
    REASON_NO_ROOM,
    REASON_NONE,
    REASON_NOT_APPLICABLE,
    REASON_PROBE_UNANSWERED,
    REASON_SUPPRESSED,
    REASON_SUPPRESSED_BELOW_FLOOR,
    REASON_SUPPRESSED_UNKNOWN,
    REASON_WAITING_FOR_LIVE,
    REASON_WAITING_FOR_VERDICT,
    STATE_ALONE,
    STATE_AWAITING,
    STATE_FLOORED,
    STATE_HOLDING,
    STATE_PROBING,
    STATE_SEEKING,
    STATE_SUPPRESSED,
    SUPPRESSED_KEEP,
    Grids,
    Outcome,
    Row,
    Strategy,
)
from engine._targets cimport follow_reference, hold_on, judge, seek

# Situations


cdef inline int hold_reason(const Row* r, int64_t now_s) noexcept nogil:
    if r.state == STATE_HOLDING:
        if r.reason == REASON_NO_ROOM:
            return REASON_NO_ROOM
        return REASON_COOLDOWN if r.cooldown_until_s > now_s else REASON_HOLDING
    if r.state == STATE_FLOORED:
        return REASON_FLOORED
    if r.state == STATE_ALONE and r.effective_s != 0:
        return REASON_ALONE_AT_CAP if r.deadline_s == 0 else REASON_HOLDING
    return REASON_WAITING_FOR_LIVE if r.effective_s == 0 else REASON_WAITING_FOR_VERDICT


cdef inline int64_t alone_cap(const Row* r, const Strategy* s) noexcept nogil:
    cdef int64_t cap = highest(r)
    if s.alone == ALONE_STANDALONE:
        cap = clamp(r, s.standalone_minor)
    if r.competitive_minor > 0:
        cap = min(cap, item_for_landed(r, r.competitive_minor))
    return clamp(r, cap)


cdef inline void alone_step(
    Row* r, const Strategy* s, int64_t cap, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t target = cap
    cdef int64_t price = r.price_minor
    if 0 < price < cap:
        target = min(cap, price + probe_limit(s, price, (cap - price) // 2))
        target = raised(r, s, target, cap)
    if move_to(r, s, target, REASON_ALONE, now_s, o):
        return
    if r.price_minor == cap and r.effective_s != 0:
        r.deadline_s = 0
    else:
        arm(r, s, now_s)
    if o.reason == REASON_AT_TARGET:
        held(o, REASON_ALONE_AT_CAP)


cdef inline void enter_alone(
    Row* r, const Strategy* s, bint nobody_featured, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef bint entering = r.state != STATE_ALONE
    cdef int64_t cap
    r.state = STATE_ALONE
    if s.alone == ALONE_KEEP:
        if entering:
            wait_live(r, s, now_s)
        held(o, REASON_KEEP)
        return
    if nobody_featured and lower(r.competitive_minor, r.featured_minor):
        r.competitive_minor = r.featured_minor
    cap = with_ending(r, s, alone_cap(r, s))
    if entering or r.price_minor > cap or r.price_minor == 0:
        alone_step(r, s, cap, now_s, o)
    else:
        if r.deadline_s == 0 and r.price_minor < cap:
            arm(r, s, now_s)
        held(o, hold_reason(r, now_s))


cdef inline void enter_suppressed(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t cap = r.competitive_minor
    cdef int64_t item
    if r.state != STATE_SUPPRESSED:
        r.state = STATE_SUPPRESSED
        wait_live(r, s, now_s)
    if lower(cap, r.featured_minor):
        cap = r.featured_minor
    if s.suppressed == SUPPRESSED_KEEP:
        held(o, REASON_KEEP)
    elif cap == 0:
        held(o, REASON_SUPPRESSED_UNKNOWN)
    elif cap < own_landed(r, r.floor_minor):
        held(o, REASON_SUPPRESSED_BELOW_FLOOR)
    else:
        item = item_for_landed(r, cap)
        if r.price_minor > 0:
            item = min(item, r.price_minor)
        move_to(r, s, item, REASON_SUPPRESSED, now_s, o)


cdef inline bint adopt(
    Row* r, const Strategy* s, const Market* m, int64_t event_s, int64_t now_s, Outcome* o
) noexcept nogil:
    if m.draw != 1 or clamp(r, m.own_price_minor) != m.own_price_minor:
        return False
    if r.price_minor != 0 and r.price_minor != m.own_price_minor:
        return False
    o.verdict = FEEDBACK_WON
    r.price_minor = m.own_price_minor
    r.flags |= FLAG_INCUMBENT
    mark_live(r, s, event_s, now_s)
    r.draws = push_draw(1, 1)
    learn(r, True, m.own_landed_minor, m.reference_minor, event_s)
    hold_on(r, s, m.reference_minor, now_s, o)
    return True


cdef inline void floored_offers(
    Row* r, Grids* g, const Strategy* s, const Market* m, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t anchor = r.reference_minor
    cdef bint risen = (m.reference_minor - anchor) * MILLION >= s.reanchor_ppm * anchor
    if anchor > 0 and not risen:
        r.reference_minor = min(anchor, m.reference_minor)
        held(o, REASON_FLOORED)
        return
    r.reference_minor = m.reference_minor
    seek(r, g, s, m.reference_minor, now_s, o)


# Inputs


cdef inline void disturb_probe(
    Row* r, Grids* g, const Strategy* s, int64_t old, int64_t reference, int64_t now_s
) noexcept nogil:
    cool_down(r, s, now_s)
    if reference > old and leads(r, g):
        end_lead(r, g, old, reference)
        anchor_premium(r)


cdef inline void competitor_offers(
    Row* r, Grids* g, const Strategy* s, const Market* m, int64_t event_s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef bint won = False
    cdef int64_t old = r.reference_minor
    keep_class(r, m.reference_class)
    age_evidence(r, s, now_s)
    if r.state == STATE_ALONE or r.state == STATE_SUPPRESSED:
        r.state = STATE_SEEKING
    if r.state != STATE_FLOORED:
        r.reference_minor = m.reference_minor
    if m.draw >= 0 and m.own_landed_minor > 0:
        learn_draw(r, g, s, m.draw == 1, m.own_landed_minor, m.reference_minor, now_s)
    note_answer(r, g, s, m.own_landed_minor, old, m.reference_minor, event_s)
    if r.state == STATE_PROBING and old > 0 and has_moved(s, old, m.reference_minor):
        disturb_probe(r, g, s, old, m.reference_minor, now_s)
    if r.state == STATE_SEEKING:
        if not adopt(r, s, m, event_s, now_s, o):
            seek(r, g, s, m.reference_minor, now_s, o)
        return
    if m.draw >= 0 and m.own_price_minor == r.price_minor:
        o.verdict = FEEDBACK_WON if m.draw == 1 else FEEDBACK_LOST
        r.draws = push_draw(r.draws, m.draw == 1)
        won = m.draw == 1
        judge(r, g, s, m.own_landed_minor, m.reference_minor, won, -1, event_s, now_s, o)
    if r.state != STATE_FLOORED:
        r.reference_minor = m.reference_minor
    elif o.changed == 0:
        floored_offers(r, g, s, m, now_s, o)
    if o.changed == 0:
        follow_reference(r, s, m.reference_minor, won, now_s, o)
    if o.reason == REASON_NONE:
        held(o, hold_reason(r, now_s))


cdef inline void buybox_offers(
    Row* r, Grids* g, const Strategy* s, const Market* m, int64_t event_s, int64_t now_s, Outcome* o
) noexcept nogil:
    if m.alone:
        r.reference_minor = 0
        if m.draw == 1 and m.own_price_minor == r.price_minor:
            r.flags |= FLAG_INCUMBENT
            r.good_price_minor = r.price_minor
        enter_alone(r, s, m.nobody_featured, now_s, o)
    elif m.nobody_featured and m.eligible_count > 0:
        r.reference_minor = m.reference_minor
        enter_suppressed(r, s, now_s, o)
    elif m.reference_minor == 0:
        held(o, REASON_NO_REFERENCE)
    else:
        competitor_offers(r, g, s, m, event_s, now_s, o)


cdef inline void holding_timer(
    Row* r, Grids* g, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif r.cooldown_until_s > now_s:
        r.deadline_s = r.cooldown_until_s
        held(o, REASON_COOLDOWN)
    elif not may_change(r, s, now_s):
        r.deadline_s = <uint32_t>(now_s + CHANGE_BUCKET_S)
        held(o, REASON_CHANGES_PER_HOUR)
    else:
        probe(r, g, s, now_s, o)


cdef inline void awaiting_timer(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif r.attempts & 15 >= s.max_reemits:
        give_up(r, o)
    else:
        r.attempts += 1
        r.deadline_s = <uint32_t>(now_s + s.verdict_wait_s)
        held(o, REASON_WAITING_FOR_VERDICT)


cdef inline int64_t price_that_held(const Row* r) noexcept nogil:
    cdef int64_t item = min(r.good_price_minor, r.price_minor)
    if r.reference_minor > 0 and known(r.keep_low_ppm):
        item = min(item, item_for_landed(r, landed_low(r.reference_minor, r.keep_low_ppm)))
    return item


cdef inline int64_t price_after_silence(
    Row* r, Grids* g, const Strategy* s, int64_t now_s
) noexcept nogil:
    cdef int64_t item = price_that_held(r)
    cdef int64_t present
    cdef int64_t step
    cdef int64_t best
    if r.reference_minor <= 0:
        return item
    present = step_of(own_landed(r, item), r.reference_minor)
    if present < 0:
        return item
    age_grid(r, g, s, now_s)
    step = choose(r, g, s, r.reference_minor, True, False)
    if step <= present:
        return item
    best = item_for_landed(r, step_landed(r, r.reference_minor, step))
    return max(item, min(best, r.price_minor))


cdef inline void probing_timer(
    Row* r, Grids* g, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t item
    if leads(r, g):
        item = min(r.good_price_minor, r.price_minor)
        nobody_follows(r, g)
    else:
        item = price_after_silence(r, g, s, now_s)
    r.state = STATE_HOLDING
    cool_down(r, s, now_s)
    if r.reference_minor > 0:
        r.premium_ppm = premium_down(own_landed(r, item), r.reference_minor)
    if not move_to(r, s, item, REASON_PROBE_UNANSWERED, now_s, o):
        arm(r, s, now_s)


cdef inline void alone_timer(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif s.alone == ALONE_KEEP:
        r.deadline_s = 0
        held(o, REASON_KEEP)
    else:
        alone_step(r, s, with_ending(r, s, alone_cap(r, s)), now_s, o)


cdef inline void cycle_timer(
    Row* r, Grids* g, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.state == STATE_HOLDING:
        holding_timer(r, g, s, now_s, o)
    elif r.state == STATE_AWAITING:
        awaiting_timer(r, s, now_s, o)
    elif r.state == STATE_PROBING:
        probing_timer(r, g, s, now_s, o)
    elif r.state == STATE_ALONE:
        alone_timer(r, s, now_s, o)
    elif r.state == STATE_FLOORED and r.reference_minor > 0:
        seek(r, g, s, r.reference_minor, now_s, o)
    elif r.state == STATE_SUPPRESSED and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, REASON_NOT_APPLICABLE)
