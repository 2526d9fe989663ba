"""Where the Buy Box cycle goes next, in plain Python: the twin of `_targets.pxd`.

Landed targets, and what won and lost verdicts lead to. `r` is the proposed row, `s` the compiled
strategy, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_evidence import arm, learn
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


def seek(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """SEEKING: the reference price is known."""
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
    if r.state == CycleState.AWAITING:
        retreat(r, s, reference, Reason.LOWER_AFTER_LOSS, now_s, o)
    elif r.state == CycleState.HOLDING:
        retreat(r, s, reference, Reason.HOLD_LOST, now_s, o)
    elif r.state == CycleState.PROBING:
        retreat(r, s, reference, Reason.PROBE_LOST, now_s, o)


def judge(
    r: Any, s: Any, landed: int, reference: int, share_bp: int, event_s: int, now_s: int, o: Any
) -> None:
    """Takes the share over the recent draws (or the given one) as verdict once it is complete."""
    draws = draw_count(r.draws)
    if share_bp < 0:
        if draws == 0 or draws < s.min_samples:
            held(o, Reason.WAITING_FOR_VERDICT)
            return
        share_bp = win_count(r.draws) * 10_000 // draws
    won = share_bp >= s.share_target_bp
    learn(r, won, landed, reference, event_s)
    if won:
        verdict_won(r, s, reference, now_s, o)
    else:
        verdict_lost(r, s, reference, now_s, o)


def follow_reference(r: Any, s: Any, reference: int, now_s: int, o: Any) -> None:
    """Moves with the reference price, and catches up where an earlier limit cut a move short."""
    if r.state not in (CycleState.AWAITING, CycleState.HOLDING, CycleState.PROBING):
        return
    if abs(r.premium_ppm) == PREMIUM_LIMIT_PPM:
        return
    item = clamp(r, item_for_landed(r, landed_low(reference, r.premium_ppm)))
    if abs(item - r.price_minor) * MILLION < s.reanchor_ppm * r.price_minor:
        return
    higher = item > r.price_minor
    state = r.state
    if higher:
        r.state = CycleState.AWAITING
    if not move_to(r, s, item, Reason.REANCHOR, now_s, o):
        r.state = state
