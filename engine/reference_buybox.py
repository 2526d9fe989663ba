"""The Buy Box cycle in plain Python: the twin of `_buybox.pxd`.

`r` is the proposed row, `s` the compiled strategy, `m` the market summary, `o` the outcome; field
names are those of `engine.schema` and `engine.reference.Market`. docs/buybox-cycle.md describes
states and transitions for people.
"""

from __future__ import annotations

from typing import Any

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
    may_change,
    move_to,
    moved,
    offset_from,
    own_landed,
    premium_down,
    premium_up,
    push_draw,
    win_count,
)
from engine.schema import (
    CHANGE_BUCKET_S,
    CLASS_BITS,
    CLASS_SHIFT,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    Alone,
    BelowFloor,
    CycleState,
    Reason,
    RowFlag,
    StrategyKind,
    Suppressed,
)

# Evidence


def forget_brackets(r: Any) -> None:
    """Nothing is known about the threshold any more."""
    r.take_low_ppm = r.take_high_ppm = r.keep_low_ppm = r.keep_high_ppm = PREMIUM_UNKNOWN


def keep_class(r: Any, reference_class: int) -> None:
    """Brackets belong to one class of the reference; another class starts without evidence."""
    stored = r.flags >> CLASS_SHIFT & CLASS_BITS
    if reference_class == 0 or stored == reference_class:
        return
    if stored != 0:
        forget_brackets(r)
    r.flags = (r.flags & ~(CLASS_BITS << CLASS_SHIFT)) | reference_class << CLASS_SHIFT


def age_evidence(r: Any, s: Any, now_s: int) -> None:
    """Failures that are too old are tried again; what worked stays as the first guess."""
    if r.evidence_s != 0 and now_s > r.evidence_s + s.evidence_max_age_s:
        r.take_high_ppm = PREMIUM_UNKNOWN
        r.keep_high_ppm = PREMIUM_UNKNOWN


def learn_won(r: Any, ppm: int) -> None:
    """Raises the low ends; a high end at or below them is contradicted and forgotten."""
    if not r.flags & RowFlag.INCUMBENT:
        r.take_low_ppm = max(r.take_low_ppm, ppm)
        if known(r.take_high_ppm) and r.take_high_ppm <= r.take_low_ppm:
            r.take_high_ppm = PREMIUM_UNKNOWN
    r.keep_low_ppm = max(r.keep_low_ppm, ppm)
    if known(r.keep_high_ppm) and r.keep_high_ppm <= r.keep_low_ppm:
        r.keep_high_ppm = PREMIUM_UNKNOWN


def learn_lost(r: Any, ppm: int) -> None:
    """Lowers the high ends: what does not keep the Buy Box does not take it either."""
    if not known(r.take_high_ppm) or ppm < r.take_high_ppm:
        r.take_high_ppm = ppm
    if r.take_low_ppm >= r.take_high_ppm:
        r.take_low_ppm = PREMIUM_UNKNOWN
    if not r.flags & RowFlag.INCUMBENT:
        return
    if not known(r.keep_high_ppm) or ppm < r.keep_high_ppm:
        r.keep_high_ppm = ppm
    if r.keep_low_ppm >= r.keep_high_ppm:
        r.keep_low_ppm = r.take_low_ppm


def learn(r: Any, won: bool, landed: int, reference: int, event_s: int) -> None:
    """Puts a verdict into the bracket of our role, then changes the role."""
    if won:
        learn_won(r, premium_down(landed, reference))
        r.flags |= RowFlag.INCUMBENT
        r.good_price_minor = r.price_minor
    else:
        learn_lost(r, premium_up(landed, reference))
        r.flags &= ~RowFlag.INCUMBENT
    r.evidence_s = event_s


# Delivery


def mark_live(r: Any, s: Any, event_s: int, now_s: int) -> None:
    """The current price is seen in the marketplace: the clock of the state starts."""
    r.live_price_minor = r.price_minor
    if r.effective_s != 0:
        return
    r.effective_s = max(1, event_s)
    r.attempts = 0
    r.flags &= ~RowFlag.DISPLACED
    arm_live(r, s, now_s)


def arm_live(r: Any, s: Any, now_s: int) -> None:
    """Sets the next timer of a live price."""
    if s.kind != StrategyKind.BUY_BOX and r.state == CycleState.AWAITING:
        r.state = CycleState.HOLDING
    if r.state in (CycleState.AWAITING, CycleState.PROBING):
        r.deadline_s = now_s + s.verdict_wait_s
    elif r.state == CycleState.ALONE:
        r.deadline_s = now_s + s.hold_s
    elif r.state == CycleState.HOLDING:
        r.deadline_s = now_s + s.hold_s if s.kind == StrategyKind.BUY_BOX else 0
    elif r.state != CycleState.FLOORED:
        r.deadline_s = 0


def arm(r: Any, s: Any, now_s: int) -> None:
    """Sets the next timer of an unchanged price."""
    if r.effective_s != 0:
        arm_live(r, s, now_s)
    else:
        r.deadline_s = now_s + s.live_wait_s


def displace(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Our price was live and is not any more: it waits to be live again."""
    r.effective_s = 0
    r.flags |= RowFlag.DISPLACED
    if r.state in (CycleState.HOLDING, CycleState.PROBING):
        r.state = CycleState.AWAITING
    if r.state != CycleState.FLOORED:
        r.deadline_s = now_s + s.live_wait_s
    held(o, Reason.DISPLACED)


def reemit(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The price did not go live in time: the same again, a bounded number of times."""
    if r.attempts & 15 >= s.max_reemits:
        give_up(r, o)
        return
    r.attempts += 1
    r.deadline_s = now_s + s.live_wait_s
    o.reason = Reason.REEMIT
    o.changed = 1


def give_up(r: Any, o: Any) -> None:
    """Quiet until the next offers."""
    r.state = CycleState.SEEKING
    r.deadline_s = 0
    r.attempts &= 0xF0
    held(o, Reason.REEMITS_EXHAUSTED)


# Targets


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
    elif not move_to(r, s, choice, Reason.BELOW_FLOOR_CHOICE, now_s, o):
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
        r.cooldown_until_s = now_s + s.cooldown_s
        retreat(r, s, reference, Reason.PROBE_LOST, now_s, o)


def judge(
    r: Any, s: Any, landed: int, reference: int, share_bp: int, event_s: int, now_s: int, o: Any
) -> None:
    """Takes the share over the recent draws (or the given one) as verdict once it is complete."""
    draws = draw_count(r.draws)
    if share_bp < 0:
        if draws < s.min_samples:
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


# Situations


def hold_reason(r: Any, now_s: int) -> int:
    """Why the cycle leaves the price as it is."""
    if r.state == CycleState.HOLDING:
        if r.reason == Reason.NO_ROOM:
            return Reason.NO_ROOM
        return Reason.COOLDOWN if r.cooldown_until_s > now_s else Reason.HOLDING
    if r.state == CycleState.FLOORED:
        return Reason.FLOORED
    if r.state == CycleState.ALONE:
        return Reason.ALONE_AT_CAP if r.deadline_s == 0 else Reason.WAITING_FOR_LIVE
    return Reason.WAITING_FOR_LIVE if r.effective_s == 0 else Reason.WAITING_FOR_VERDICT


def alone_cap(r: Any, s: Any) -> int:
    """Highest item price without a competitor."""
    cap = highest(r)
    if s.alone == Alone.STANDALONE:
        cap = clamp(r, s.standalone_minor)
    if r.competitive_minor > 0:
        cap = min(cap, item_for_landed(r, r.competitive_minor))
    return clamp(r, cap)


def probe_limit(s: Any, price: int, raise_by: int) -> int:
    """A raise no larger than one probe may be, and at least one step."""
    if s.max_probe_ppm > 0:
        raise_by = min(raise_by, price * s.max_probe_ppm // MILLION)
    return max(int(s.step_minor), raise_by)


def alone_step(r: Any, s: Any, cap: int, now_s: int, o: Any) -> None:
    """One step up to the cap, or down to it at once."""
    target = cap
    if 0 < r.price_minor < cap:
        target = min(cap, r.price_minor + probe_limit(s, r.price_minor, (cap - r.price_minor) // 2))
    if move_to(r, s, target, Reason.ALONE, now_s, o):
        return
    if r.price_minor == cap and r.effective_s != 0:
        r.deadline_s = 0
    else:
        arm(r, s, now_s)
    if o.reason == Reason.AT_TARGET:
        held(o, Reason.ALONE_AT_CAP)


def enter_alone(r: Any, s: Any, nobody_featured: bool, now_s: int, o: Any) -> None:
    """No competitor at all, or none eligible and no other winner.

    If not even we are featured, the price that was featured last is the competitive price.
    """
    entering = r.state != CycleState.ALONE
    r.state = CycleState.ALONE
    if s.alone == Alone.KEEP:
        if entering:
            r.deadline_s = 0
        held(o, Reason.KEEP)
        return
    if nobody_featured and 0 < r.featured_minor:
        if r.competitive_minor == 0 or r.featured_minor < r.competitive_minor:
            r.competitive_minor = r.featured_minor
    cap = alone_cap(r, s)
    if entering or r.price_minor > cap or r.price_minor == 0:
        alone_step(r, s, cap, now_s, o)
    elif r.deadline_s == 0 and r.price_minor < cap:
        arm(r, s, now_s)
        held(o, Reason.WAITING_FOR_LIVE)
    else:
        held(o, hold_reason(r, now_s))


def enter_suppressed(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Offers are eligible and nobody is featured: come down to the competitive price."""
    if r.state != CycleState.SUPPRESSED:
        r.state = CycleState.SUPPRESSED
        r.deadline_s = 0 if r.effective_s != 0 else now_s + s.live_wait_s
    cap = r.competitive_minor
    if r.featured_minor > 0 and (cap == 0 or r.featured_minor < cap):
        cap = r.featured_minor
    if s.suppressed == Suppressed.KEEP:
        held(o, Reason.KEEP)
    elif cap == 0:
        held(o, Reason.SUPPRESSED_UNKNOWN)
    elif cap < own_landed(r, r.floor_minor):
        held(o, Reason.SUPPRESSED_BELOW_FLOOR)
    else:
        item = item_for_landed(r, cap)
        if r.price_minor > 0:
            item = min(item, r.price_minor)
        move_to(r, s, item, Reason.SUPPRESSED, now_s, o)


def adopt(r: Any, s: Any, m: Any, event_s: int, now_s: int, o: Any) -> bool:
    """Seeking, and a snapshot shows that our price already wins: hold it."""
    if m.draw != 1 or clamp(r, m.own_price_minor) != m.own_price_minor:
        return False
    if r.price_minor != 0 and r.price_minor != m.own_price_minor:
        return False
    r.price_minor = m.own_price_minor
    r.flags |= RowFlag.INCUMBENT
    mark_live(r, s, event_s, now_s)
    r.draws = push_draw(1, 1)
    learn(r, True, m.own_landed_minor, m.reference_minor, event_s)
    hold_on(r, s, m.reference_minor, now_s, o)
    return True


def floored_offers(r: Any, s: Any, m: Any, now_s: int, o: Any) -> None:
    """FLOORED: a rise of the reference price from its lowest point is worth a new try."""
    anchor = r.reference_minor
    risen = (m.reference_minor - anchor) * MILLION >= s.reanchor_ppm * anchor
    if anchor > 0 and not risen:
        r.reference_minor = min(anchor, m.reference_minor)
        held(o, Reason.FLOORED)
        return
    r.reference_minor = m.reference_minor
    seek(r, s, m.reference_minor, now_s, o)


# Inputs


def competitor_offers(r: Any, s: Any, m: Any, event_s: int, now_s: int, o: Any) -> None:
    """Offers with a reference price."""
    keep_class(r, m.reference_class)
    age_evidence(r, s, now_s)
    if r.state in (CycleState.ALONE, CycleState.SUPPRESSED):
        r.state = CycleState.SEEKING
    if r.state != CycleState.FLOORED:
        r.reference_minor = m.reference_minor
    if r.state == CycleState.SEEKING:
        if not adopt(r, s, m, event_s, now_s, o):
            seek(r, s, m.reference_minor, now_s, o)
        return
    if m.draw >= 0 and m.own_price_minor == r.price_minor:
        o.verdict = m.draw + 1
        r.draws = push_draw(r.draws, m.draw)
        judge(r, s, m.own_landed_minor, m.reference_minor, -1, event_s, now_s, o)
    if o.changed == 0 and r.state == CycleState.FLOORED:
        floored_offers(r, s, m, now_s, o)
    if o.changed == 0:
        follow_reference(r, s, m.reference_minor, now_s, o)
    if o.reason == Reason.NONE:
        held(o, hold_reason(r, now_s))


def buybox_offers(r: Any, s: Any, m: Any, event_s: int, now_s: int, o: Any) -> None:
    """One snapshot of offers for a listing that is not paused."""
    if m.alone:
        r.reference_minor = 0
        if m.draw == 1 and m.own_price_minor == r.price_minor:
            r.flags |= RowFlag.INCUMBENT
            r.good_price_minor = r.price_minor
        enter_alone(r, s, m.nobody_featured, now_s, o)
    elif m.nobody_featured and m.eligible_count > 0:
        r.reference_minor = m.reference_minor
        enter_suppressed(r, s, now_s, o)
    elif m.reference_minor == 0:
        held(o, Reason.NO_REFERENCE)
    else:
        competitor_offers(r, s, m, event_s, now_s, o)


def probe(r: Any, s: Any, now_s: int, o: Any) -> None:
    """HOLDING long enough: halfway to the lowest premium known to lose, at least one step."""
    reference = r.reference_minor
    age_evidence(r, s, now_s)
    landed = own_landed(r, r.price_minor)
    limit = own_landed(r, highest(r)) + 1
    if known(r.keep_high_ppm) and reference > 0:
        limit = min(limit, landed_high(reference, r.keep_high_ppm))
    if reference == 0 or limit - landed <= s.step_minor:
        r.deadline_s = now_s + s.hold_s
        held(o, Reason.NO_ROOM if reference > 0 else Reason.NO_REFERENCE)
        return
    target = landed + probe_limit(s, landed, (limit - landed) // 2)
    item = item_for_landed(r, min(target, limit - 1))
    if not move_to(r, s, item, Reason.PROBE_UP, now_s, o):
        r.deadline_s = now_s + s.hold_s
        return
    r.state = CycleState.PROBING
    r.premium_ppm = premium_down(own_landed(r, r.price_minor), reference)


def holding_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """HOLDING: re-emit, wait for the cooldown, or probe."""
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif r.cooldown_until_s > now_s:
        r.deadline_s = r.cooldown_until_s
        held(o, Reason.COOLDOWN)
    elif not may_change(r, s, now_s):
        r.deadline_s = now_s + CHANGE_BUCKET_S
        held(o, Reason.CHANGES_PER_HOUR)
    else:
        probe(r, s, now_s, o)


def awaiting_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """AWAITING: not live, or no verdict, in time."""
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif r.attempts & 15 >= s.max_reemits:
        give_up(r, o)
    else:
        r.attempts += 1
        r.deadline_s = now_s + s.verdict_wait_s
        held(o, Reason.WAITING_FOR_VERDICT)


def probing_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """PROBING without a verdict in time: the last price that held, and no evidence."""
    r.state = CycleState.HOLDING
    if r.reference_minor > 0:
        landed = own_landed(r, r.good_price_minor)
        r.premium_ppm = premium_down(landed, r.reference_minor)
    if not move_to(r, s, r.good_price_minor, Reason.PROBE_UNANSWERED, now_s, o):
        arm(r, s, now_s)


def alone_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """ALONE: the next step up once the last one is live."""
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        alone_step(r, s, alone_cap(r, s), now_s, o)


def cycle_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The deadline of the row has passed."""
    if r.state == CycleState.HOLDING:
        holding_timer(r, s, now_s, o)
    elif r.state == CycleState.AWAITING:
        awaiting_timer(r, s, now_s, o)
    elif r.state == CycleState.PROBING:
        probing_timer(r, s, now_s, o)
    elif r.state == CycleState.ALONE:
        alone_timer(r, s, now_s, o)
    elif r.state == CycleState.FLOORED and r.reference_minor > 0:
        seek(r, s, r.reference_minor, now_s, o)
    elif r.state == CycleState.SUPPRESSED and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, Reason.NOT_APPLICABLE)
