# One input for one row: offers and feedback, each routed to the rule that answers it.
# reference_steps.py is the twin and says more.

from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memset

from engine._buybox cimport buybox_offers, enter_alone, enter_suppressed, hold_reason
from engine._evidence cimport anchor_premium, displace, learn, mark_live, rest_after_probe
from engine._follow cimport follow_sources
from engine._learner cimport learn_feedback
from engine._market cimport Market, Offers, summarise
from engine._match cimport match_offers, settle
from engine._position cimport position_offers
from engine._push cimport push_offers, pushes
from engine._rules cimport (
    clamp,
    divide_down,
    held,
    limit_step,
    may_change,
    move_to,
    moved,
    own_landed,
    push_draw,
)
from engine._schema cimport (
    FEEDBACK_ACCEPTED,
    FEEDBACK_EFFECTIVE,
    FEEDBACK_LISTING_RESTORED,
    FEEDBACK_LISTING_SUPPRESSED,
    FEEDBACK_PRICING_ERROR,
    FEEDBACK_REJECTED,
    FEEDBACK_SHARE,
    FEEDBACK_WON,
    FLAG_DISPLACED,
    FLAG_INCUMBENT,
    FLAG_LISTING_SUPPRESSED,
    FLAG_PRICING_ERROR,
    FLAG_REJECTED,
    FLAG_TOO_MANY_REJECTIONS,
    KIND_BUY_BOX,
    KIND_FIXED,
    KIND_FOLLOW,
    KIND_MATCH,
    KIND_POSITION,
    PAUSE_FLAGS,
    REASON_ACCEPTED,
    REASON_BOUNDS,
    REASON_FIXED,
    REASON_MAX_REJECTIONS,
    REASON_NEW,
    REASON_NONE,
    REASON_NOT_APPLICABLE,
    REASON_OLD_INPUT,
    REASON_OTHER_PRICE,
    REASON_PAUSED,
    REASON_QUIET,
    REASON_REJECTED,
    REASON_STALE_OFFERS,
    REASON_WAITING_FOR_OFFERS,
    STATE_ALONE,
    STATE_AWAITING,
    STATE_HOLDING,
    STATE_PAUSED,
    STATE_SEEKING,
    STATE_SUPPRESSED,
    Feedback,
    Grids,
    Outcome,
    Row,
    Snapshot,
    Strategy,
)
from engine._schedule cimport follow_schedule, is_scheduled, pauses
from engine._targets cimport hold_on, judge

# Offers


cdef inline void step_offers(
    Row* r,
    Grids* g,
    const Strategy* s,
    const Snapshot* snapshot,
    const Offers* offers,
    int64_t now_ms,
    Outcome* o,
) noexcept nogil:
    cdef int64_t now_s = now_ms // 1000
    cdef int64_t event_s = divide_down(snapshot.event_ms, 1000)
    cdef Market m
    if snapshot.event_ms <= r.observed_ms:
        ignore(o, REASON_OLD_INPUT)
        return
    if now_ms - snapshot.event_ms > s.max_offer_age_ms:
        ignore(o, REASON_STALE_OFFERS)
        return
    memset(&m, 0, sizeof(Market))
    summarise(&m, r, s, snapshot, offers)
    observe(r, &m, snapshot)
    if r.state == STATE_PAUSED:
        if m.reference_minor > 0 and s.kind != KIND_FOLLOW:
            r.reference_minor = m.reference_minor
        held(o, REASON_PAUSED)
    else:
        watch_delivery(r, s, &m, event_s, now_s, o)
        route_offers(r, g, s, &m, snapshot, offers, event_s, now_s, o)
        keep_bounds(r, s, now_s, o)
        rest_after_probe(r, s, now_s, o)
    o.reference_minor = m.reference_minor
    r.reason = o.reason


cdef inline void observe(Row* r, const Market* m, const Snapshot* snapshot) noexcept nogil:
    r.observed_ms = snapshot.event_ms
    if snapshot.competitive_minor > 0:
        r.competitive_minor = snapshot.competitive_minor
    if m.own_price_minor > 0:
        r.live_price_minor = m.own_price_minor
    if m.own_winner:
        r.featured_minor = m.own_landed_minor
    elif m.winner_minor > 0:
        r.featured_minor = m.winner_minor
    elif snapshot.featured_minor > 0:
        r.featured_minor = snapshot.featured_minor


cdef inline void watch_delivery(
    Row* r, const Strategy* s, const Market* m, int64_t event_s, int64_t now_s, Outcome* o
) noexcept nogil:
    if m.own_price_minor == 0 or r.price_minor == 0:
        return
    if m.own_price_minor == r.price_minor:
        mark_live(r, s, event_s, now_s)
    elif r.effective_s != 0 and event_s > r.effective_s:
        displace(r, s, now_s, o)


cdef inline void route_offers(
    Row* r,
    Grids* g,
    const Strategy* s,
    const Market* m,
    const Snapshot* snapshot,
    const Offers* offers,
    int64_t event_s,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    if is_scheduled(s):
        follow_schedule(r, s, now_s, o)
        return
    if s.kind == KIND_BUY_BOX:
        buybox_offers(r, g, s, m, event_s, now_s, o)
        return
    if pushes(s):
        push_offers(r, s, m, now_s, o)
        return
    if s.kind == KIND_FOLLOW:
        follow_sources(r, s, now_s, o)
        return
    r.reference_minor = m.reference_minor
    if m.own_winner and m.own_price_minor > 0 and s.kind != KIND_FIXED:
        r.good_price_minor = m.own_price_minor
    if s.kind == KIND_MATCH:
        match_offers(r, s, m, now_s, o)
    elif s.kind == KIND_POSITION:
        position_offers(r, s, m, snapshot, offers, now_s, o)
    else:
        settle(r, s, s.fixed_minor, REASON_FIXED, now_s, o)


cdef inline void keep_bounds(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.price_minor > 0 and clamp(r, r.price_minor) != r.price_minor:
        move_to(r, s, r.price_minor, REASON_BOUNDS, now_s, o)
        if r.state == STATE_SEEKING:
            r.state = STATE_AWAITING


cdef inline void ignore(Outcome* o, int reason) noexcept nogil:
    o.ignored = 1
    o.reason = <uint8_t>reason


# Feedback


cdef inline void step_feedback(
    Row* r, Grids* g, const Strategy* s, const Feedback* f, int64_t now_ms, Outcome* o
) noexcept nogil:
    cdef int64_t now_s = now_ms // 1000
    cdef int64_t event_s = divide_down(f.event_ms, 1000)
    if f.kind == FEEDBACK_ACCEPTED or f.kind == FEEDBACK_REJECTED or f.kind == FEEDBACK_EFFECTIVE:
        delivery_feedback(r, s, f, event_s, now_s, o)
    elif f.event_ms <= r.observed_ms:
        ignore(o, REASON_OLD_INPUT)
    elif f.kind == FEEDBACK_LISTING_SUPPRESSED:
        r.observed_ms = f.event_ms
        pause(r, FLAG_LISTING_SUPPRESSED, o)
    elif f.kind == FEEDBACK_PRICING_ERROR:
        r.observed_ms = f.event_ms
        pause(r, FLAG_PRICING_ERROR, o)
    elif f.kind == FEEDBACK_LISTING_RESTORED:
        r.observed_ms = f.event_ms
        resume(r, s, FLAG_LISTING_SUPPRESSED | FLAG_PRICING_ERROR | FLAG_TOO_MANY_REJECTIONS, o)
    else:
        verdict_feedback(r, g, s, f, event_s, now_s, o)
    rest_after_probe(r, s, now_s, o)
    if not o.ignored:
        r.reason = o.reason


cdef inline int names_current(const Row* r, const Feedback* f) noexcept nogil:
    if f.names_decision:
        return 1 if f.names_decision == 1 else -1
    if f.price_minor > 0:
        return 1 if f.price_minor == r.price_minor else -1
    return 0


cdef inline void delivery_feedback(
    Row* r, const Strategy* s, const Feedback* f, int64_t event_s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int named = names_current(r, f)
    cdef bint late = f.event_ms <= r.observed_ms
    if named != 1 or r.price_minor == 0:
        ignore(o, REASON_OTHER_PRICE)
    elif late and (not f.names_decision or r.flags & FLAG_DISPLACED):
        ignore(o, REASON_OLD_INPUT)
    elif f.kind == FEEDBACK_REJECTED and r.flags & FLAG_REJECTED:
        ignore(o, REASON_OLD_INPUT)
    elif r.effective_s != 0 or r.state == STATE_SEEKING:
        ignore(o, REASON_NOT_APPLICABLE)
    elif f.kind == FEEDBACK_EFFECTIVE:
        note_time(r, f)
        mark_live(r, s, event_s, now_s)
        held(o, REASON_PAUSED if r.state == STATE_PAUSED else hold_reason(r, now_s))
    elif r.state == STATE_PAUSED or f.kind == FEEDBACK_ACCEPTED:
        ignore(o, REASON_ACCEPTED if f.kind == FEEDBACK_ACCEPTED else REASON_PAUSED)
    else:
        note_time(r, f)
        reject(r, s, now_s, o)


cdef inline void note_time(Row* r, const Feedback* f) noexcept nogil:
    if not f.names_decision:
        r.observed_ms = f.event_ms


cdef inline void reject(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    cdef int64_t live = r.live_price_minor
    cdef bint near = limit_step(s, r.price_minor, live) == live and may_change(r, s, now_s)
    r.attempts += 16
    if r.attempts >> 4 >= s.max_rejections:
        r.attempts = 0
        pause(r, FLAG_TOO_MANY_REJECTIONS, o)
        o.reason = REASON_MAX_REJECTIONS
        return
    r.flags |= FLAG_REJECTED
    r.state = STATE_SEEKING
    r.deadline_s = 0
    held(o, REASON_WAITING_FOR_OFFERS)
    if live > 0 and live != r.price_minor and clamp(r, live) == live and near:
        moved(r, s, live, REASON_REJECTED, now_s, o)
        r.state = STATE_HOLDING if live == r.good_price_minor else STATE_SEEKING
        anchor_premium(r)


cdef inline void verdict_feedback(
    Row* r,
    Grids* g,
    const Strategy* s,
    const Feedback* f,
    int64_t event_s,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    cdef int named = names_current(r, f)
    if f.competitive_minor > 0:
        r.competitive_minor = f.competitive_minor
    if r.state == STATE_PAUSED:
        r.observed_ms = f.event_ms
        ignore(o, REASON_PAUSED)
    elif named == -1 or (named == 0 and (r.effective_s == 0 or event_s <= r.effective_s)):
        r.observed_ms = f.event_ms
        ignore(o, REASON_OTHER_PRICE)
    elif is_scheduled(s):
        r.observed_ms = f.event_ms
        ignore(o, REASON_QUIET)
    elif s.kind != KIND_BUY_BOX or r.price_minor == 0 or r.state == STATE_SEEKING:
        r.observed_ms = f.event_ms
        ignore(o, REASON_NOT_APPLICABLE)
    else:
        r.observed_ms = f.event_ms
        mark_live(r, s, event_s, now_s)
        count_verdict(r, g, s, f, event_s, now_s, o)


cdef inline void count_verdict(
    Row* r,
    Grids* g,
    const Strategy* s,
    const Feedback* f,
    int64_t event_s,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    cdef bint measured = f.kind == FEEDBACK_SHARE
    cdef bint won = f.kind == FEEDBACK_WON or (measured and f.share_bp >= s.share_target_bp)
    cdef int share = f.share_bp if measured else -1
    cdef int64_t landed = own_landed(r, r.price_minor)
    o.verdict = f.kind
    if r.state == STATE_ALONE:
        if won:
            r.flags |= FLAG_INCUMBENT
            r.good_price_minor = r.price_minor
        enter_alone(r, s, False, now_s, o)
    elif r.state == STATE_SUPPRESSED and won and r.reference_minor > 0:
        r.draws = push_draw(1, 1)
        learn(r, True, landed, r.reference_minor, event_s)
        hold_on(r, s, r.reference_minor, now_s, o)
    elif r.state == STATE_SUPPRESSED or r.reference_minor == 0:
        held(o, REASON_NOT_APPLICABLE)
        if r.state == STATE_SUPPRESSED:
            enter_suppressed(r, s, now_s, o)
    else:
        if share < 0:
            r.draws = push_draw(r.draws, won)
        learn_feedback(r, g, s, f, won, landed, now_s)
        judge(r, g, s, landed, r.reference_minor, won, share, event_s, now_s, o)
        if o.reason == REASON_NONE:
            held(o, hold_reason(r, now_s))


cdef inline void pause(Row* r, int flag, Outcome* o) noexcept nogil:
    r.flags |= <uint16_t>flag
    r.state = STATE_PAUSED
    r.deadline_s = 0
    held(o, REASON_PAUSED)


cdef inline void resume(Row* r, const Strategy* s, int flags, Outcome* o) noexcept nogil:
    if r.state != STATE_PAUSED:
        ignore(o, REASON_NOT_APPLICABLE)
        return
    r.flags &= <uint16_t>~flags
    if r.flags & PAUSE_FLAGS or pauses(s):
        held(o, REASON_PAUSED)
        return
    r.state = STATE_SEEKING
    r.draws = 1
    held(o, REASON_NEW)
