# PUSH and DAILY_PUSH: prices that follow sales. reference_push.py is the twin and says more.

from libc.stdint cimport int32_t, int64_t, uint32_t

from engine._endings cimport raised, with_ending
from engine._evidence cimport reemit
from engine._market cimport Market
from engine._match cimport settle
from engine._rules cimport (
    MILLION,
    clamp,
    divide_down,
    divide_up,
    held,
    highest,
    limit_step,
    move_to,
    moved,
)
from engine._schedule cimport is_scheduled
from engine._schema cimport (
    COUNT_CURRENT,
    KIND_DAILY_PUSH,
    KIND_PUSH,
    MAX_PUSH_STEPS,
    PREMIUM_UNKNOWN,
    REASON_AT_TARGET,
    REASON_COOLDOWN,
    REASON_NOT_APPLICABLE,
    REASON_PAUSED,
    REASON_PUSH_BACK,
    REASON_PUSH_PERIOD,
    REASON_PUSH_START,
    REASON_PUSH_STEP,
    REASON_PUSH_WAITS,
    REASON_QUIET,
    STATE_AWAITING,
    STATE_PAUSED,
    STATE_SEEKING,
    Command,
    Outcome,
    Row,
    Strategy,
)

cdef enum:
    STEP_SHIFT = 16
    TIMES_BITS = 0xFFFF
    MOST_UNITS = 1000000000


cdef inline bint pushes(const Strategy* s) noexcept nogil:
    return s.kind == KIND_PUSH or s.kind == KIND_DAILY_PUSH


cdef inline void forget_sales(Row* r) noexcept nogil:
    r.take_low_ppm = r.take_high_ppm = r.keep_low_ppm = r.keep_high_ppm = 0
    r.premium_ppm = PREMIUM_UNKNOWN
    r.evidence_s = r.cooldown_until_s = 0
    r.good_price_minor = -1


cdef inline void change_fields(Row* r, const Strategy* s) noexcept nogil:
    if pushes(s):
        forget_sales(r)
    elif r.premium_ppm == PREMIUM_UNKNOWN:
        r.take_low_ppm = r.take_high_ppm = PREMIUM_UNKNOWN
        r.keep_low_ppm = r.keep_high_ppm = PREMIUM_UNKNOWN
        r.premium_ppm = 0
        r.good_price_minor = max(<int64_t>0, r.good_price_minor)
        r.evidence_s = r.cooldown_until_s = 0


cdef inline int32_t units_sum(int32_t units, int64_t more) noexcept nogil:
    return <int32_t>max(-<int64_t>MOST_UNITS, min(units + more, <int64_t>MOST_UNITS))


cdef inline int64_t stepped(const Strategy* s, int64_t price, int at) noexcept nogil:
    cdef int64_t base = price if s.percent_of == COUNT_CURRENT else s.start_minor
    cdef int64_t product = base * s.push_ppm[at]
    cdef int64_t share = divide_down(product, MILLION)
    if product > 0:
        share = divide_up(product, MILLION)
    return price + s.push_minor[at] + share


cdef inline int step_of(const Row* r) noexcept nogil:
    return r.take_high_ppm >> STEP_SHIFT


cdef inline int64_t take_steps(Row* r, const Strategy* s) noexcept nogil:
    cdef int64_t price = r.price_minor
    cdef int at = step_of(r)
    cdef int times = r.take_high_ppm & TIMES_BITS
    if at < 0:
        return price
    while at < s.push_count and r.take_low_ppm >= <int32_t>s.push_units[at]:
        price = clamp(r, stepped(s, price, at))
        r.take_low_ppm -= <int32_t>s.push_units[at]
        times += 1
        if times >= s.push_times[at]:
            at += 1
            times = 0
    r.take_high_ppm = at << STEP_SHIFT | times
    return price


cdef inline int64_t period_of(const Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    return (now_s - r.evidence_s) // s.period_s


cdef inline bint counts_periods(const Row* r, const Strategy* s) noexcept nogil:
    return (
        s.kind == KIND_PUSH and s.period_s > 0 and r.evidence_s != 0
        and step_of(r) >= s.push_count
    )


cdef inline void begin_period(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    r.keep_high_ppm = <int32_t>period_of(r, s, now_s)
    r.keep_low_ppm = 0


cdef inline void arm_push(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    cdef int64_t due = 0
    cdef int64_t period_end
    if r.price_minor > 0 and r.effective_s == 0:
        due = now_s + s.live_wait_s
    if counts_periods(r, s):
        period_end = r.evidence_s + (<int64_t>r.keep_high_ppm + 1) * s.period_s
        due = period_end if due == 0 else min(due, period_end)
    r.deadline_s = <uint32_t>due


cdef inline int64_t daily_price(const Row* r, const Strategy* s) noexcept nogil:
    cdef int64_t price = s.start_minor
    cdef int at
    for at in range(s.push_count):
        if r.keep_low_ppm >= <int32_t>s.push_units[at]:
            price += s.push_minor[at] + divide_down(s.start_minor * s.push_ppm[at], MILLION)
    if r.cooldown_until_s != 0 and r.good_price_minor > 0:
        price = min(price, r.good_price_minor)
    return price


cdef inline void start_push(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.kind == KIND_DAILY_PUSH:
        r.evidence_s = s.day_begin_s
        r.keep_low_ppm = 0
        r.cooldown_until_s = 0
    elif not s.keep_buy_box:
        begin_sales(r, s, now_s)
    restart_price(r, s, now_s, o)
    arm_push(r, s, now_s)


cdef inline void begin_sales(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    r.evidence_s = <uint32_t>now_s
    r.take_low_ppm = r.take_high_ppm = 0
    if s.period_s > 0:
        begin_period(r, s, now_s)


cdef inline bint is_too_small(const Row* r, const Strategy* s, int64_t target) noexcept nogil:
    cdef int64_t change = target - r.price_minor
    if r.price_minor <= 0 or clamp(r, r.price_minor) != r.price_minor:
        return False
    return -s.min_change_minor < change < s.min_change_minor


cdef inline void restart_price(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef int64_t target = with_ending(r, s, clamp(r, s.start_minor))
    if r.price_minor > 0:
        target = clamp(r, limit_step(s, clamp(r, r.price_minor), target))
    if target != r.price_minor and not is_too_small(r, s, target):
        moved(r, s, target, REASON_PUSH_START, now_s, o)
        r.state = STATE_AWAITING
    else:
        settle(r, s, target, REASON_PUSH_START, now_s, o)


cdef inline void note_sales(
    Row* r, const Strategy* s, const Command* c, int64_t now_s, Outcome* o
) noexcept nogil:
    if not pushes(s):
        o.ignored = 1
        o.reason = REASON_NOT_APPLICABLE
        return
    if s.kind == KIND_DAILY_PUSH:
        r.keep_low_ppm = units_sum(0, c.units_today)
    elif r.evidence_s != 0:
        r.take_low_ppm = units_sum(r.take_low_ppm, c.units)
        r.keep_low_ppm = units_sum(r.keep_low_ppm, c.units)
    if r.state == STATE_PAUSED:
        held(o, REASON_PAUSED)
    elif is_scheduled(s):
        held(o, REASON_QUIET)
    elif s.kind == KIND_DAILY_PUSH:
        settle_push(r, s, daily_price(r, s), REASON_PUSH_STEP, now_s, o)
    elif r.evidence_s == 0:
        held(o, REASON_PUSH_WAITS)
    else:
        go_on(r, s, now_s, o)


cdef inline bint follow_day(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    cdef bint new_day = s.kind == KIND_DAILY_PUSH and r.evidence_s != s.day_begin_s
    if r.price_minor > 0 and r.good_price_minor >= 0 and not new_day:
        return False
    r.good_price_minor = 0
    start_push(r, s, now_s, o)
    return True


cdef inline void join_periods(Row* r, const Strategy* s, int64_t now_s) noexcept nogil:
    if counts_periods(r, s):
        r.keep_high_ppm = <int32_t>period_of(r, s, now_s) + 1
        r.keep_low_ppm = 0


cdef inline bint above_good(const Row* r) noexcept nogil:
    return 0 < r.good_price_minor < r.price_minor


cdef inline void go_on(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    cdef bint first_part = step_of(r) < s.push_count
    cdef int64_t price
    if r.state == STATE_SEEKING and r.price_minor == 0:
        held(o, REASON_PUSH_WAITS)
        return
    if r.cooldown_until_s > now_s:
        held(o, REASON_COOLDOWN)
        arm_push(r, s, now_s)
        return
    price = take_steps(r, s)
    if first_part and s.period_s > 0 and step_of(r) >= s.push_count:
        begin_period(r, s, now_s)
    if price > r.price_minor:
        price = raised(r, s, price, highest(r))
    settle_push(r, s, price, REASON_PUSH_STEP, now_s, o)


cdef inline void settle_push(
    Row* r, const Strategy* s, int64_t price, int reason, int64_t now_s, Outcome* o
) noexcept nogil:
    settle(r, s, price, reason, now_s, o)
    arm_push(r, s, now_s)


cdef inline void end_period(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    cdef bint whole = period_of(r, s, now_s) == r.keep_high_ppm + 1
    cdef int32_t units = r.keep_low_ppm
    cdef int at
    begin_period(r, s, now_s)
    if not whole or r.cooldown_until_s > now_s:
        held(o, REASON_AT_TARGET if whole else REASON_PUSH_WAITS)
        return
    for at in range(MAX_PUSH_STEPS, MAX_PUSH_STEPS + s.rule_count):
        if (units >= <int32_t>s.push_units[at]) == (s.push_times[at] == 0):
            move_to(r, s, stepped(s, r.price_minor, at), REASON_PUSH_PERIOD, now_s, o)
            return
    held(o, REASON_AT_TARGET)


cdef inline void push_timer(Row* r, const Strategy* s, int64_t now_s, Outcome* o) noexcept nogil:
    if counts_periods(r, s) and period_of(r, s, now_s) > r.keep_high_ppm:
        end_period(r, s, now_s, o)
    elif r.effective_s == 0 and r.price_minor > 0:
        reemit(r, s, now_s, o)
    else:
        held(o, REASON_AT_TARGET)
    arm_push(r, s, now_s)


cdef inline void push_offers(
    Row* r, const Strategy* s, const Market* m, int64_t now_s, Outcome* o
) noexcept nogil:
    cdef bint still = m.reference_minor == r.reference_minor
    cdef bint live = m.own_price_minor > 0 and m.own_price_minor == r.price_minor
    if follow_day(r, s, now_s, o):
        return
    if live and m.own_winner:
        r.good_price_minor = r.price_minor
        r.reference_minor = m.reference_minor
        if s.kind == KIND_PUSH and r.evidence_s == 0:
            begin_sales(r, s, now_s)
    elif s.keep_buy_box and live and m.draw == 0 and still and above_good(r):
        r.cooldown_until_s = <uint32_t>(now_s + s.cooldown_s)
        settle_push(r, s, r.good_price_minor, REASON_PUSH_BACK, now_s, o)
        return
    if s.kind == KIND_DAILY_PUSH:
        settle_push(r, s, daily_price(r, s), REASON_PUSH_STEP, now_s, o)
    elif r.evidence_s == 0:
        settle_push(r, s, s.start_minor, REASON_PUSH_START, now_s, o)
        if o.reason == REASON_AT_TARGET:
            held(o, REASON_PUSH_WAITS)
    else:
        go_on(r, s, now_s, o)
