"""PUSH and DAILY_PUSH in plain Python: the twin of `_push.pxd`.

A listing of these strategies has no brackets; their fields in the row count sales instead:

| field | PUSH | DAILY_PUSH |
|---|---|---|
| take_low_ppm | units carried towards the next step | |
| take_high_ppm | step in the upper half, times it was taken in the lower 16 bits | |
| keep_low_ppm | units of the present period | units of the day |
| keep_high_ppm | number of the present period since the start | |
| evidence_s | when counting started; 0: not yet | when the day began |
| premium_ppm | PREMIUM_UNKNOWN: these fields count sales | the same |

`r` is the proposed row, `s` the compiled strategy, `m` the market summary, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_endings import raised, with_ending
from engine.reference_evidence import reemit
from engine.reference_market import Market
from engine.reference_match import settle
from engine.reference_rules import (
    MILLION,
    clamp,
    divide_up,
    held,
    highest,
    limit_step,
    move_to,
    moved,
)
from engine.reference_schedule import is_scheduled
from engine.schema import (
    MAX_PUSH_STEPS,
    PREMIUM_UNKNOWN,
    CycleState,
    PercentOf,
    Reason,
    StrategyKind,
)

STEP_SHIFT = 16
TIMES_BITS = 0xFFFF
MOST_UNITS = 1_000_000_000


def pushes(s: Any) -> bool:
    """Whether a strategy counts sales."""
    return s.kind in (StrategyKind.PUSH, StrategyKind.DAILY_PUSH)


def forget_sales(r: Any) -> None:
    """The fields of the brackets begin to count sales, from nothing."""
    r.take_low_ppm = r.take_high_ppm = r.keep_low_ppm = r.keep_high_ppm = 0
    r.premium_ppm = PREMIUM_UNKNOWN
    r.evidence_s = r.cooldown_until_s = 0
    r.good_price_minor = -1  # The strategy has not begun.


def change_fields(r: Any, s: Any) -> None:
    """A listing got another strategy: its fields mean something else, or the same as before."""
    if pushes(s):
        forget_sales(r)
    elif r.premium_ppm == PREMIUM_UNKNOWN:
        r.take_low_ppm = r.take_high_ppm = PREMIUM_UNKNOWN
        r.keep_low_ppm = r.keep_high_ppm = PREMIUM_UNKNOWN
        r.premium_ppm = 0
        r.good_price_minor = max(0, r.good_price_minor)
        r.evidence_s = r.cooldown_until_s = 0


def units_sum(units: int, more: int) -> int:
    """Units with more of them, within what the field holds."""
    return max(-MOST_UNITS, min(units + more, MOST_UNITS))


def stepped(s: Any, price: int, at: int) -> int:
    """Price after one step; a rise rounds up, a fall down."""
    base = price if s.percent_of == PercentOf.CURRENT else s.start_minor
    product = base * s.push_ppm[at]
    share = divide_up(product, MILLION) if product > 0 else product // MILLION
    return int(price + s.push_minor[at] + share)


def step_of(r: Any) -> int:
    """Step of the first part that is worked on."""
    return int(r.take_high_ppm >> STEP_SHIFT)


def take_steps(r: Any, s: Any) -> int:
    """Price after every step that the carried units pay for; a step that a bound eats counts."""
    price, at, times = r.price_minor, step_of(r), r.take_high_ppm & TIMES_BITS
    if at < 0:
        return int(price)
    while at < s.push_count and r.take_low_ppm >= s.push_units[at]:
        price = clamp(r, stepped(s, price, at))
        r.take_low_ppm -= s.push_units[at]
        times += 1
        if times >= s.push_times[at]:
            at, times = at + 1, 0
    r.take_high_ppm = at << STEP_SHIFT | times
    return int(price)


def period_of(r: Any, s: Any, now_s: int) -> int:
    """Number of the period that a moment is in, counted from the start."""
    return int((now_s - r.evidence_s) // s.period_s)


def counts_periods(r: Any, s: Any) -> bool:
    """Whether the second part is on."""
    return bool(
        s.kind == StrategyKind.PUSH
        and s.period_s > 0
        and r.evidence_s != 0
        and step_of(r) >= s.push_count
    )


def begin_period(r: Any, s: Any, now_s: int) -> None:
    """Counts from zero in the present period."""
    r.keep_high_ppm, r.keep_low_ppm = period_of(r, s, now_s), 0


def arm_push(r: Any, s: Any, now_s: int) -> None:
    """Sets the clock to the end of the period, or of the wait for the price to be live."""
    due = 0
    if r.price_minor > 0 and r.effective_s == 0:
        due = now_s + s.live_wait_s
    if counts_periods(r, s):
        period_end = r.evidence_s + (r.keep_high_ppm + 1) * s.period_s
        due = period_end if due == 0 else min(due, period_end)
    r.deadline_s = due & 0xFFFFFFFF


def daily_price(r: Any, s: Any) -> int:
    """DAILY_PUSH: a function of the day's units alone, but for a Buy Box lost to its last step."""
    price = s.start_minor
    for at in range(s.push_count):
        if r.keep_low_ppm >= s.push_units[at]:
            price += s.push_minor[at] + s.start_minor * s.push_ppm[at] // MILLION
    if r.cooldown_until_s != 0 and r.good_price_minor > 0:
        price = min(price, r.good_price_minor)
    return int(price)


def start_push(r: Any, s: Any, now_s: int, o: Any) -> None:
    """To the start price; counting starts now, or with the Buy Box where that must be kept."""
    if s.kind == StrategyKind.DAILY_PUSH:
        r.evidence_s, r.keep_low_ppm, r.cooldown_until_s = s.day_begin_s, 0, 0
    elif not s.keep_buy_box:
        begin_sales(r, s, now_s)
    restart_price(r, s, now_s, o)
    arm_push(r, s, now_s)


def begin_sales(r: Any, s: Any, now_s: int) -> None:
    """Counting starts."""
    r.evidence_s = now_s
    r.take_low_ppm = r.take_high_ppm = 0
    if s.period_s > 0:
        begin_period(r, s, now_s)


def is_too_small(r: Any, s: Any, target: int) -> bool:
    """Whether a change inside the bounds is below the least one that is made."""
    price = r.price_minor
    return bool(0 < price == clamp(r, price) and abs(target - price) < s.min_change_minor)


def restart_price(r: Any, s: Any, now_s: int, o: Any) -> None:
    """To the start price, however many changes the hour has seen."""
    target = with_ending(r, s, clamp(r, s.start_minor))
    if r.price_minor > 0:
        target = clamp(r, limit_step(s, clamp(r, r.price_minor), target))
    if target != r.price_minor and not is_too_small(r, s, target):
        moved(r, s, target, Reason.PUSH_START, now_s, o)
        r.state = CycleState.AWAITING
    else:
        settle(r, s, target, Reason.PUSH_START, now_s, o)


def note_sales(r: Any, s: Any, c: Any, now_s: int, o: Any) -> None:
    """More or fewer units sold than known before, and the units of the day. They are counted in a
    pause and while a calendar entry is in force too; what they pay for is taken afterwards."""
    if not pushes(s):
        o.ignored, o.reason = 1, Reason.NOT_APPLICABLE
        return
    daily = s.kind == StrategyKind.DAILY_PUSH
    if daily:
        r.keep_low_ppm = units_sum(0, c.units_today)
    elif r.evidence_s != 0:
        r.take_low_ppm = units_sum(r.take_low_ppm, c.units)
        r.keep_low_ppm = units_sum(r.keep_low_ppm, c.units)
    if r.state == CycleState.PAUSED:
        held(o, Reason.PAUSED)
    elif is_scheduled(s):
        held(o, Reason.QUIET)
    elif daily:
        settle_push(r, s, daily_price(r, s), Reason.PUSH_STEP, now_s, o)
    elif r.evidence_s == 0:
        held(o, Reason.PUSH_WAITS)
    else:
        go_on(r, s, now_s, o)


def follow_day(r: Any, s: Any, now_s: int, o: Any) -> bool:
    """Begins where a listing has just got the strategy, and with each day of DAILY_PUSH."""
    new_day = s.kind == StrategyKind.DAILY_PUSH and r.evidence_s != s.day_begin_s
    if r.price_minor > 0 and r.good_price_minor >= 0 and not new_day:
        return False
    r.good_price_minor = 0
    start_push(r, s, now_s, o)
    return True


def join_periods(r: Any, s: Any, now_s: int) -> None:
    """After a pause, the rest of its period is counted with the next: no sales were no signal."""
    if counts_periods(r, s):
        r.keep_high_ppm, r.keep_low_ppm = period_of(r, s, now_s) + 1, 0


def go_on(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Takes the steps that are paid for, unless a lost Buy Box blocks them."""
    first_part = step_of(r) < s.push_count
    if r.state == CycleState.SEEKING and r.price_minor == 0:
        held(o, Reason.PUSH_WAITS)
        return
    if r.cooldown_until_s > now_s:
        held(o, Reason.COOLDOWN)
        arm_push(r, s, now_s)
        return
    price = take_steps(r, s)
    if first_part and s.period_s > 0 and step_of(r) >= s.push_count:
        begin_period(r, s, now_s)
    if price > r.price_minor:
        price = raised(r, s, price, highest(r))
    settle_push(r, s, price, Reason.PUSH_STEP, now_s, o)


def settle_push(r: Any, s: Any, price: int, reason: int, now_s: int, o: Any) -> None:
    """Moves, and sets the clock."""
    settle(r, s, price, reason, now_s, o)
    arm_push(r, s, now_s)


def end_period(r: Any, s: Any, now_s: int, o: Any) -> None:
    """A period is over: the first rule that fits its units decides. One that was not watched as a
    whole, because of a pause, says nothing."""
    whole = period_of(r, s, now_s) == r.keep_high_ppm + 1
    units = r.keep_low_ppm
    begin_period(r, s, now_s)
    if not whole or r.cooldown_until_s > now_s:
        held(o, Reason.AT_TARGET if whole else Reason.PUSH_WAITS)
        return
    for at in range(MAX_PUSH_STEPS, MAX_PUSH_STEPS + s.rule_count):
        if (units >= s.push_units[at]) == (s.push_times[at] == 0):
            move_to(r, s, stepped(s, r.price_minor, at), Reason.PUSH_PERIOD, now_s, o)
            return
    held(o, Reason.AT_TARGET)


def push_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The end of a period, or a price that is not live in time."""
    if counts_periods(r, s) and period_of(r, s, now_s) > r.keep_high_ppm:
        end_period(r, s, now_s, o)
    elif r.effective_s == 0 and r.price_minor > 0:
        reemit(r, s, now_s, o)
    else:
        held(o, Reason.AT_TARGET)
    arm_push(r, s, now_s)


def push_offers(r: Any, s: Any, m: Market, now_s: int, o: Any) -> None:
    """Offers tell whether we hold the Buy Box. Where it must be kept and our own step lost it,
    since no competitor moved, the price goes back to the last that held it."""
    still = m.reference_minor == r.reference_minor
    live = 0 < m.own_price_minor == r.price_minor
    if follow_day(r, s, now_s, o):
        return
    if live and m.own_winner:
        r.good_price_minor = r.price_minor
        r.reference_minor = m.reference_minor
        if s.kind == StrategyKind.PUSH and r.evidence_s == 0:
            begin_sales(r, s, now_s)
    elif (
        s.keep_buy_box and live and m.draw == 0 and still and 0 < r.good_price_minor < r.price_minor
    ):
        r.cooldown_until_s = now_s + s.cooldown_s
        settle_push(r, s, r.good_price_minor, Reason.PUSH_BACK, now_s, o)
        return
    if s.kind == StrategyKind.DAILY_PUSH:
        settle_push(r, s, daily_price(r, s), Reason.PUSH_STEP, now_s, o)
    elif r.evidence_s == 0:
        settle_push(r, s, s.start_minor, Reason.PUSH_START, now_s, o)
        if o.reason == Reason.AT_TARGET:
            held(o, Reason.PUSH_WAITS)
    else:
        go_on(r, s, now_s, o)
