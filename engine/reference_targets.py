"""Where the Buy Box cycle goes next, in plain Python: the twin of `_targets.pxd`.

Landed targets, and what won and lost verdicts lead to. `r` is the proposed row, `s` the compiled
strategy, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_evidence import anchor_premium, arm, learn
from engine.reference_followers import came_down, leads, stands_here
from engine.reference_learner import UNKNOWN, Grids, choose, step_landed, step_of
from engine.reference_rules import (
    MILLION,
    clamp,
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
from engine.schema import (
    CLASS_BITS,
    CLASS_SHIFT,
    PREMIUM_LIMIT_PPM,
    BelowFloor,
    CycleState,
    Reason,
)

LOST = {
    CycleState.AWAITING: Reason.LOWER_AFTER_LOSS,
    CycleState.HOLDING: Reason.HOLD_LOST,
    CycleState.PROBING: Reason.PROBE_LOST,
}
"""Why a price goes down that lost in a state."""


def seek_target(r: Any, s: Any, reference: int) -> int:
    """Landed price to try first: what is known to take the Buy Box, else the offset."""
    if known(r.take_low_ppm):
        return landed_low(reference, r.take_low_ppm)
    return offset_from(s, reference, r.flags >> CLASS_SHIFT & CLASS_BITS)


def lower_target(r: Any, s: Any, reference: int) -> int:
    """Landed price below one that lost: between the ends of take, or halfway to the floor."""
    floor = own_landed(r, r.floor_minor)
    upper = own_landed(r, r.price_minor)
    if known(r.take_high_ppm):
        upper = min(upper, landed_high(reference, r.take_high_ppm))
    if known(r.take_low_ppm):
        lower = landed_low(reference, r.take_low_ppm)
        if floor <= lower < upper:
            middle = lower + (upper - lower) // 2
            return middle if upper - middle >= s.step_minor else lower
    return max(floor, upper - max(s.step_minor, (upper - floor) // 2))


def go_for(r: Any, s: Any, landed: int, reference: int, reason: int, now_s: int, o: Any) -> None:
    """Sets out for a landed target and awaits the marketplace's answer."""
    if landed < own_landed(r, r.floor_minor) and s.below_floor != BelowFloor.FLOOR:
        enter_floored(r, s, now_s, o)
        return
    r.premium_ppm = premium_down(landed, reference)
    r.state = CycleState.AWAITING
    if not move_to(r, s, item_for_landed(r, landed), reason, now_s, o):
        arm(r, s, now_s)


def seek(r: Any, g: Grids, s: Any, reference: int, now_s: int, o: Any) -> None:
    """SEEKING: the reference price is known."""
    step = choose(r, g, s, reference, 0, r.cooldown_until_s <= now_s)
    if step != UNKNOWN:
        landed = step_landed(r, reference, step)
        go_for(r, s, landed, reference, Reason.SEEK_TAKE, now_s, o)
        return
    reason = Reason.SEEK_TAKE if known(r.take_low_ppm) else Reason.SEEK_OFFSET
    go_for(r, s, seek_target(r, s, reference), reference, reason, now_s, o)


def retreat(r: Any, s: Any, reference: int, reason: int, now_s: int, o: Any) -> None:
    """The current price lost: back to what takes the Buy Box, and lower in any case."""
    if r.price_minor <= r.floor_minor:
        enter_floored(r, s, now_s, o)
        return
    landed = seek_target(r, s, reference)
    if reason == Reason.LOWER_AFTER_LOSS or item_for_landed(r, landed) >= r.price_minor:
        landed = lower_target(r, s, reference)
    go_for(r, s, landed, reference, reason, now_s, o)


def below_floor_price(r: Any, s: Any) -> int:
    """The strategy's choice of price where the floor is too high to win; 0: keep."""
    if s.below_floor == BelowFloor.CEILING:
        return highest(r)
    if s.below_floor == BelowFloor.STANDALONE:
        return int(s.standalone_minor)
    return int(r.floor_minor) if s.below_floor == BelowFloor.FLOOR else 0


def enter_floored(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Even the floor loses."""
    r.state = CycleState.FLOORED
    choice = below_floor_price(r, s)
    if choice == 0:
        held(o, Reason.KEEP)
    else:
        move_to(r, s, choice, Reason.BELOW_FLOOR_CHOICE, now_s, o)
    if o.reason == Reason.AT_TARGET:
        held(o, Reason.FLOORED)
    r.deadline_s = now_s + s.retry_s


def won_hold(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """Won while awaiting: hold, at once at the highest premium known to keep the Buy Box."""
    r.state = CycleState.HOLDING
    keep = item_for_landed(r, landed_low(reference, r.keep_low_ppm))
    if keep > r.price_minor:
        r.premium_ppm = r.keep_low_ppm
        if move_to(r, s, keep, Reason.RAISE_TO_KEEP, now_s, o):
            return
    hold_on(r, s, reference, now_s, o)


def hold_on(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """Holds the present price from now on."""
    r.state = CycleState.HOLDING
    r.premium_ppm = premium_down(own_landed(r, r.price_minor), reference)
    arm(r, s, now_s)
    held(o, Reason.HOLDING)


def verdict_won(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """The Buy Box is ours at the current price."""
    if r.state == CycleState.AWAITING:
        won_hold(r, s, reference, now_s, o)
    elif r.state in (CycleState.PROBING, CycleState.FLOORED):
        hold_on(r, s, reference, now_s, o)


def verdict_lost(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """The Buy Box is not ours at the current price."""
    if r.state in LOST:
        retreat(r, s, reference, LOST[r.state], now_s, o)


def draw_won(r: Any, s: Any, step: int, reference: int, now_s: int, o: Any) -> None:
    """The current price won a draw: hold, at once at a higher price that is known to keep it."""
    r.good_price_minor = r.price_minor
    if r.state == CycleState.AWAITING and step > step_of(own_landed(r, r.price_minor), reference):
        r.state = CycleState.HOLDING
        landed = step_landed(r, reference, step)
        r.premium_ppm = premium_down(landed, reference)
        if move_to(r, s, item_for_landed(r, landed), Reason.RAISE_TO_KEEP, now_s, o):
            return
    hold_on(r, s, reference, now_s, o)


def draw_lost(r: Any, g: Grids, s: Any, step: int, reference: int, now_s: int, o: Any) -> None:
    """The current price lost a draw: down to the step, or wait where that is not lower.

    It stays beside a competitor who would answer a cut.
    """
    state = r.state
    if state == CycleState.FLOORED:
        return
    if state != CycleState.PROBING and stands_here(r, g, reference):
        held(o, Reason.FOLLOWED)
        return
    landed = step_landed(r, reference, step)
    if r.price_minor <= r.floor_minor:
        enter_floored(r, s, now_s, o)
    elif item_for_landed(r, landed) < r.price_minor:
        go_for(r, s, landed, reference, LOST[state], now_s, o)
    else:
        r.state = CycleState.AWAITING
        if state != CycleState.AWAITING:
            arm(r, s, now_s)
        held(o, Reason.WAITING_FOR_VERDICT)


def verdict_of(r: Any, s: Any, share_bp: int) -> int:
    """1 won, 0 lost by the share given or that of the recent draws, -1 where these are too few."""
    draws = draw_count(r.draws)
    if share_bp < 0:
        if draws == 0 or draws < s.min_samples:
            return -1
        share_bp = win_count(r.draws) * 10_000 // draws
    return int(share_bp >= s.share_target_bp)


def judge(
    r: Any,
    g: Grids,
    s: Any,
    landed: int,
    reference: int,
    won: bool,
    share_bp: int,
    event_s: int,
    now_s: int,
    o: Any,
) -> None:
    """Answers a draw at the current price, or a share: the learner at once, the brackets once
    the verdict is complete."""
    if not won and leads(r, g):
        held(o, Reason.WAITING_FOR_VERDICT)
        return
    verdict = verdict_of(r, s, share_bp)
    if verdict >= 0:
        learn(r, verdict == 1, landed, reference, event_s)
    if won and r.state == CycleState.HOLDING:
        return
    may_try = not won and r.state != CycleState.PROBING and r.cooldown_until_s <= now_s
    step = choose(r, g, s, reference, int(won), may_try)
    if step != UNKNOWN and won:
        draw_won(r, s, step, reference, now_s, o)
    elif step != UNKNOWN:
        draw_lost(r, g, s, step, reference, now_s, o)
    elif verdict < 0:
        held(o, Reason.WAITING_FOR_VERDICT)
    elif verdict == 1:
        verdict_won(r, s, reference, now_s, o)
    else:
        verdict_lost(r, s, reference, now_s, o)


def follow_reference(r: Any, s: Any, reference: int, won: bool, now_s: int, o: Any) -> None:
    """Moves with the reference price, and catches up where an earlier limit cut a move short.

    A price below the reference that `won` again now that the reference has come down to it stays.
    """
    if r.state not in (CycleState.AWAITING, CycleState.HOLDING, CycleState.PROBING):
        return
    if abs(r.premium_ppm) == PREMIUM_LIMIT_PPM:
        return
    item = clamp(r, item_for_landed(r, landed_low(reference, r.premium_ppm)))
    if abs(item - r.price_minor) * MILLION < s.reanchor_ppm * r.price_minor:
        return
    landed = own_landed(r, r.price_minor)
    if won and r.state == CycleState.HOLDING and r.premium_ppm < 0 and came_down(landed, reference):
        anchor_premium(r)
        held(o, Reason.FOLLOWED)
        return
    higher = item > r.price_minor
    state = r.state
    if higher:
        r.state = CycleState.AWAITING
    if not move_to(r, s, item, Reason.REANCHOR, now_s, o):
        r.state = state
