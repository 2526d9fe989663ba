"""The Buy Box cycle in plain Python: the twin of `_buybox.pxd`.

`r` is the proposed row, `s` the compiled strategy, `m` the market summary, `o` the outcome; field
names are those of `engine.schema` and `engine.reference_market.Market`. docs/buybox-cycle.md
describes states and transitions for people.
"""

from __future__ import annotations

from typing import Any

from engine.reference_endings import raised, with_ending
from engine.reference_evidence import (
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
from engine.reference_followers import (
    end_lead,
    has_moved,
    leads,
    nobody_follows,
    note_answer,
)
from engine.reference_learner import Grids, age_grid, choose, learn_draw, step_landed, step_of
from engine.reference_probe import probe, probe_limit
from engine.reference_rules import (
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
from engine.reference_targets import follow_reference, hold_on, judge, seek
from engine.schema import (
    CHANGE_BUCKET_S,
    Alone,
    CycleState,
    FeedbackKind,
    Reason,
    RowFlag,
    Suppressed,
)

# Situations


def hold_reason(r: Any, now_s: int) -> int:
    """Why the cycle leaves the price as it is."""
    if r.state == CycleState.HOLDING:
        if r.reason == Reason.NO_ROOM:
            return Reason.NO_ROOM
        return Reason.COOLDOWN if r.cooldown_until_s > now_s else Reason.HOLDING
    if r.state == CycleState.FLOORED:
        return Reason.FLOORED
    if r.state == CycleState.ALONE and r.effective_s != 0:
        return Reason.ALONE_AT_CAP if r.deadline_s == 0 else Reason.HOLDING
    return Reason.WAITING_FOR_LIVE if r.effective_s == 0 else Reason.WAITING_FOR_VERDICT


def alone_cap(r: Any, s: Any) -> int:
    """Highest item price without a competitor."""
    cap = highest(r)
    if s.alone == Alone.STANDALONE:
        cap = clamp(r, s.standalone_minor)
    if r.competitive_minor > 0:
        cap = min(cap, item_for_landed(r, r.competitive_minor))
    return clamp(r, cap)


def alone_step(r: Any, s: Any, cap: int, now_s: int, o: Any) -> None:
    """One step up to the cap, or down to it at once."""
    target = cap
    if 0 < r.price_minor < cap:
        target = min(cap, r.price_minor + probe_limit(s, r.price_minor, (cap - r.price_minor) // 2))
        target = raised(r, s, target, cap)
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
            wait_live(r, s, now_s)
        held(o, Reason.KEEP)
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


def enter_suppressed(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Offers are eligible and nobody is featured: come down to the competitive price."""
    if r.state != CycleState.SUPPRESSED:
        r.state = CycleState.SUPPRESSED
        wait_live(r, s, now_s)
    cap = r.competitive_minor
    if lower(cap, r.featured_minor):
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
    o.verdict = FeedbackKind.WON
    r.price_minor = m.own_price_minor
    r.flags |= RowFlag.INCUMBENT
    mark_live(r, s, event_s, now_s)
    r.draws = push_draw(1, 1)
    learn(r, True, m.own_landed_minor, m.reference_minor, event_s)
    hold_on(r, s, m.reference_minor, now_s, o)
    return True


def floored_offers(r: Any, g: Grids, s: Any, m: Any, now_s: int, o: Any) -> None:
    """FLOORED: a rise of the reference price from its lowest point is worth a new try."""
    anchor = r.reference_minor
    risen = (m.reference_minor - anchor) * MILLION >= s.reanchor_ppm * anchor
    if anchor > 0 and not risen:
        r.reference_minor = min(anchor, m.reference_minor)
        held(o, Reason.FLOORED)
        return
    r.reference_minor = m.reference_minor
    seek(r, g, s, m.reference_minor, now_s, o)


# Inputs


def disturb_probe(r: Any, g: Grids, s: Any, old: int, reference: int, now_s: int) -> None:
    """The reference price moved while a price was on trial: whether it won says nothing of the time
    before, so it rests. Where it led and the reference rose, the next draw judges it anew."""
    cool_down(r, s, now_s)
    if reference > old and leads(r, g):
        end_lead(r, g, old, reference)
        anchor_premium(r)


def competitor_offers(r: Any, g: Grids, s: Any, m: Any, event_s: int, now_s: int, o: Any) -> None:
    """Offers with a reference price."""
    old, won = r.reference_minor, False
    keep_class(r, m.reference_class)
    age_evidence(r, s, now_s)
    if r.state in (CycleState.ALONE, CycleState.SUPPRESSED):
        r.state = CycleState.SEEKING
    if r.state != CycleState.FLOORED:
        r.reference_minor = m.reference_minor
    if m.draw >= 0 and m.own_landed_minor > 0:
        learn_draw(r, g, s, m.draw == 1, m.own_landed_minor, m.reference_minor, now_s)
    note_answer(r, g, s, m.own_landed_minor, old, m.reference_minor, event_s)
    if r.state == CycleState.PROBING and old > 0 and has_moved(s, old, m.reference_minor):
        disturb_probe(r, g, s, old, m.reference_minor, now_s)
    if r.state == CycleState.SEEKING:
        if not adopt(r, s, m, event_s, now_s, o):
            seek(r, g, s, m.reference_minor, now_s, o)
        return
    if m.draw >= 0 and m.own_price_minor == r.price_minor:
        o.verdict = FeedbackKind.WON if m.draw == 1 else FeedbackKind.LOST
        r.draws = push_draw(r.draws, m.draw)
        won = m.draw == 1
        judge(r, g, s, m.own_landed_minor, m.reference_minor, won, -1, event_s, now_s, o)
    if r.state != CycleState.FLOORED:
        r.reference_minor = m.reference_minor
    elif o.changed == 0:
        floored_offers(r, g, s, m, now_s, o)
    if o.changed == 0:
        follow_reference(r, s, m.reference_minor, won, now_s, o)
    if o.reason == Reason.NONE:
        held(o, hold_reason(r, now_s))


def buybox_offers(r: Any, g: Grids, s: Any, m: Any, event_s: int, now_s: int, o: Any) -> None:
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
        competitor_offers(r, g, s, m, event_s, now_s, o)


def holding_timer(r: Any, g: Grids, s: Any, now_s: int, o: Any) -> None:
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
        probe(r, g, s, now_s, o)


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


def price_that_held(r: Any) -> int:
    """Price before the probe, lower where the reference price fell since, never a raise."""
    item = min(r.good_price_minor, r.price_minor)
    if r.reference_minor > 0 and known(r.keep_low_ppm):
        item = min(item, item_for_landed(r, landed_low(r.reference_minor, r.keep_low_ppm)))
    return int(item)


def price_after_silence(r: Any, g: Grids, s: Any, now_s: int) -> int:
    """Price that held before the probe; a higher one, up to the probe, where the learner, who saw
    that price, expects it to hold."""
    item, reference = price_that_held(r), r.reference_minor
    if reference <= 0:
        return item
    present = step_of(own_landed(r, item), reference)
    if present < 0:
        return item
    age_grid(r, g, s, now_s)
    step = choose(r, g, s, reference, 1, False)
    if step <= present:
        return item
    best = item_for_landed(r, step_landed(r, reference, step))
    return int(max(item, min(best, r.price_minor)))


def probing_timer(r: Any, g: Grids, s: Any, now_s: int, o: Any) -> None:
    """PROBING without a verdict in time: a price that holds, no evidence, and a rest."""
    if leads(r, g):
        item = int(min(r.good_price_minor, r.price_minor))
        nobody_follows(r, g)
    else:
        item = price_after_silence(r, g, s, now_s)
    r.state = CycleState.HOLDING
    cool_down(r, s, now_s)
    if r.reference_minor > 0:
        r.premium_ppm = premium_down(own_landed(r, item), r.reference_minor)
    if not move_to(r, s, item, Reason.PROBE_UNANSWERED, now_s, o):
        arm(r, s, now_s)


def alone_timer(r: Any, s: Any, now_s: int, o: Any) -> None:
    """ALONE: the next step up once the last one is live."""
    if r.effective_s == 0:
        reemit(r, s, now_s, o)
    elif s.alone == Alone.KEEP:
        r.deadline_s = 0
        held(o, Reason.KEEP)
    else:
        alone_step(r, s, with_ending(r, s, alone_cap(r, s)), now_s, o)


def cycle_timer(r: Any, g: Grids, s: Any, now_s: int, o: Any) -> None:
    """The deadline of the row has passed."""
    if r.state == CycleState.HOLDING:
        holding_timer(r, g, s, now_s, o)
    elif r.state == CycleState.AWAITING:
        awaiting_timer(r, s, now_s, o)
    elif r.state == CycleState.PROBING:
        probing_timer(r, g, s, now_s, o)
    elif r.state == CycleState.ALONE:
        alone_timer(r, s, now_s, o)
    elif r.state == CycleState.FLOORED and r.reference_minor > 0:
        seek(r, g, s, r.reference_minor, now_s, o)
    elif r.state == CycleState.SUPPRESSED and r.effective_s == 0:
        reemit(r, s, now_s, o)
    else:
        r.deadline_s = 0
        held(o, Reason.NOT_APPLICABLE)
