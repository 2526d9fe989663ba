"""One input for one row, in plain Python: the twin of `_steps.pxd`.

Offers and feedback, each routed to the rule that answers it. `r` is the proposed row, `s` the
compiled strategy, `m` the market summary, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_buybox import buybox_offers, enter_alone, enter_suppressed, hold_reason
from engine.reference_evidence import anchor_premium, displace, learn, mark_live, rest_after_probe
from engine.reference_follow import follow_sources
from engine.reference_learner import Grids, learn_feedback
from engine.reference_market import Market, summarise
from engine.reference_match import match_offers, settle
from engine.reference_position import position_offers
from engine.reference_push import push_offers, pushes
from engine.reference_rules import (
    clamp,
    held,
    limit_step,
    may_change,
    move_to,
    moved,
    own_landed,
    push_draw,
)
from engine.reference_schedule import follow_schedule, is_scheduled, pauses
from engine.reference_targets import hold_on, judge
from engine.schema import PAUSE_FLAGS, CycleState, FeedbackKind, Reason, RowFlag, StrategyKind

FEEDBACK_TO_PAUSE = {
    FeedbackKind.LISTING_SUPPRESSED: RowFlag.LISTING_SUPPRESSED,
    FeedbackKind.PRICING_ERROR: RowFlag.PRICING_ERROR,
}
ISSUE_FLAGS = RowFlag.LISTING_SUPPRESSED | RowFlag.PRICING_ERROR | RowFlag.TOO_MANY_REJECTIONS


def step_offers(
    r: Any, g: Grids, s: Any, pool: list[int], snapshot: Any, offers: Any, now_ms: int, o: Any
) -> None:
    """A snapshot of offers."""
    if snapshot.event_ms <= r.observed_ms:
        ignore(o, Reason.OLD_INPUT)
        return
    if now_ms - snapshot.event_ms > s.max_offer_age_ms:
        ignore(o, Reason.STALE_OFFERS)
        return
    now_s, event_s = now_ms // 1000, snapshot.event_ms // 1000
    m = summarise(r, s, pool, snapshot, offers)
    observe(r, m, snapshot)
    if r.state == CycleState.PAUSED:
        if m.reference_minor > 0 and s.kind != StrategyKind.FOLLOW:
            r.reference_minor = m.reference_minor
        held(o, Reason.PAUSED)
    else:
        watch_delivery(r, s, m, event_s, now_s, o)
        route_offers(r, g, s, pool, m, snapshot, offers, now_s, o)
        keep_bounds(r, s, now_s, o)
        rest_after_probe(r, s, now_s, o)
    o.reference_minor = m.reference_minor
    r.reason = o.reason


def observe(r: Any, m: Market, snapshot: Any) -> None:
    """Takes over what the snapshot says about the market, whatever the state."""
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


def watch_delivery(r: Any, s: Any, m: Market, event_s: int, now_s: int, o: Any) -> None:
    """Sees from our own offer whether the current price is live."""
    if m.own_price_minor == 0 or r.price_minor == 0:
        return
    if m.own_price_minor == r.price_minor:
        mark_live(r, s, event_s, now_s)
    elif r.effective_s != 0 and event_s > r.effective_s:
        displace(r, s, now_s, o)


def route_offers(
    r: Any,
    g: Grids,
    s: Any,
    pool: list[int],
    m: Market,
    snapshot: Any,
    offers: Any,
    now_s: int,
    o: Any,
) -> None:
    """Hands a snapshot to the strategy."""
    if is_scheduled(s):
        follow_schedule(r, s, now_s, o)
        return
    if s.kind == StrategyKind.BUY_BOX:
        event_s = snapshot.event_ms // 1000
        buybox_offers(r, g, s, m, event_s, now_s, o)
        return
    if pushes(s):
        push_offers(r, s, m, now_s, o)
        return
    if s.kind == StrategyKind.FOLLOW:
        follow_sources(r, s, now_s, o)
        return
    r.reference_minor = m.reference_minor
    if m.own_winner and m.own_price_minor > 0 and s.kind != StrategyKind.FIXED:
        r.good_price_minor = m.own_price_minor
    if s.kind == StrategyKind.MATCH:
        match_offers(r, s, m, now_s, o)
    elif s.kind == StrategyKind.POSITION:
        position_offers(r, s, pool, m, snapshot, offers, now_s, o)
    else:
        settle(r, s, s.fixed_minor, Reason.FIXED, now_s, o)


def keep_bounds(r: Any, s: Any, now_s: int, o: Any) -> None:
    """Bounds that changed during a pause hold from the first input after it."""
    if r.price_minor > 0 and clamp(r, r.price_minor) != r.price_minor:
        move_to(r, s, r.price_minor, Reason.BOUNDS, now_s, o)
        if r.state == CycleState.SEEKING:
            r.state = CycleState.AWAITING


def ignore(o: Any, reason: int) -> None:
    """Counted, and nothing of the row changes."""
    o.ignored = 1
    o.reason = reason


def step_feedback(r: Any, g: Grids, s: Any, f: Any, now_ms: int, o: Any) -> None:
    """What the marketplace did with a price."""
    now_s, event_s = now_ms // 1000, f.event_ms // 1000
    if f.kind in (FeedbackKind.ACCEPTED, FeedbackKind.REJECTED, FeedbackKind.EFFECTIVE):
        delivery_feedback(r, s, f, event_s, now_s, o)
    elif f.event_ms <= r.observed_ms:
        ignore(o, Reason.OLD_INPUT)
    elif f.kind in FEEDBACK_TO_PAUSE:
        r.observed_ms = f.event_ms
        pause(r, FEEDBACK_TO_PAUSE[f.kind], o)
    elif f.kind == FeedbackKind.LISTING_RESTORED:
        r.observed_ms = f.event_ms
        resume(r, s, ISSUE_FLAGS, o)
    else:
        verdict_feedback(r, g, s, f, event_s, now_s, o)
    rest_after_probe(r, s, now_s, o)
    if not o.ignored:
        r.reason = o.reason


def names_current(r: Any, f: Any) -> int:
    """1: the feedback names the current price, 0: it names none, -1: it names another."""
    if f.names_decision:
        return 1 if f.names_decision == 1 else -1
    if f.price_minor > 0:
        return 1 if f.price_minor == r.price_minor else -1
    return 0


def delivery_feedback(r: Any, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """ACCEPTED, REJECTED, EFFECTIVE: only what names the current price counts, once."""
    named = names_current(r, f)
    late = f.event_ms <= r.observed_ms
    if named != 1 or r.price_minor == 0:
        ignore(o, Reason.OTHER_PRICE)
    elif (late and (not f.names_decision or r.flags & RowFlag.DISPLACED)) or (
        f.kind == FeedbackKind.REJECTED and r.flags & RowFlag.REJECTED
    ):
        ignore(o, Reason.OLD_INPUT)
    elif r.effective_s != 0 or r.state == CycleState.SEEKING:
        ignore(o, Reason.NOT_APPLICABLE)
    elif f.kind == FeedbackKind.EFFECTIVE:
        note_time(r, f)
        mark_live(r, s, event_s, now_s)
        held(o, Reason.PAUSED if r.state == CycleState.PAUSED else hold_reason(r, now_s))
    elif r.state == CycleState.PAUSED or f.kind == FeedbackKind.ACCEPTED:
        ignore(o, Reason.ACCEPTED if f.kind == FeedbackKind.ACCEPTED else Reason.PAUSED)
    else:
        note_time(r, f)
        reject(r, s, now_s, o)


def note_time(r: Any, f: Any) -> None:
    """Feedback that names its price only by the amount is told from its repeat by its time."""
    if not f.names_decision:
        r.observed_ms = f.event_ms


def reject(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The marketplace refused the price: back to the last live one; too often: pause."""
    r.attempts += 16
    if r.attempts >> 4 >= s.max_rejections:
        r.attempts = 0
        pause(r, RowFlag.TOO_MANY_REJECTIONS, o)
        o.reason = Reason.MAX_REJECTIONS
        return
    live = r.live_price_minor
    near = limit_step(s, r.price_minor, live) == live and may_change(r, s, now_s)
    usable = 0 < live != r.price_minor and clamp(r, live) == live and near
    r.flags |= RowFlag.REJECTED
    r.state = CycleState.SEEKING
    r.deadline_s = 0
    held(o, Reason.WAITING_FOR_OFFERS)
    if usable:
        moved(r, s, live, Reason.REJECTED, now_s, o)
        r.state = CycleState.HOLDING if live == r.good_price_minor else CycleState.SEEKING
        anchor_premium(r)


def verdict_feedback(r: Any, g: Grids, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """WON, LOST, SHARE: counts for the price it judges, or if later than that price went live."""
    named = names_current(r, f)
    if f.competitive_minor > 0:
        r.competitive_minor = f.competitive_minor
    if r.state == CycleState.PAUSED:
        r.observed_ms = f.event_ms
        ignore(o, Reason.PAUSED)
    elif named == -1 or (named == 0 and (r.effective_s == 0 or event_s <= r.effective_s)):
        r.observed_ms = f.event_ms
        ignore(o, Reason.OTHER_PRICE)
    elif is_scheduled(s):
        r.observed_ms = f.event_ms
        ignore(o, Reason.QUIET)
    elif s.kind != StrategyKind.BUY_BOX or r.price_minor == 0 or r.state == CycleState.SEEKING:
        r.observed_ms = f.event_ms
        ignore(o, Reason.NOT_APPLICABLE)
    else:
        r.observed_ms = f.event_ms
        mark_live(r, s, event_s, now_s)
        count_verdict(r, g, s, f, event_s, now_s, o)


def count_verdict(r: Any, g: Grids, s: Any, f: Any, event_s: int, now_s: int, o: Any) -> None:
    """A verdict on the current price of a BUY_BOX listing."""
    measured = f.kind == FeedbackKind.SHARE
    won = f.kind == FeedbackKind.WON or (measured and f.share_bp >= s.share_target_bp)
    landed = own_landed(r, r.price_minor)
    o.verdict = f.kind
    if r.state == CycleState.ALONE:
        if won:
            r.flags |= RowFlag.INCUMBENT
            r.good_price_minor = r.price_minor
        enter_alone(r, s, False, now_s, o)
    elif r.state == CycleState.SUPPRESSED and won and r.reference_minor > 0:
        r.draws = push_draw(1, 1)
        learn(r, True, landed, r.reference_minor, event_s)
        hold_on(r, s, r.reference_minor, now_s, o)
    elif r.state == CycleState.SUPPRESSED or r.reference_minor == 0:
        held(o, Reason.NOT_APPLICABLE)
        if r.state == CycleState.SUPPRESSED:
            enter_suppressed(r, s, now_s, o)
    else:
        share = f.share_bp if measured else -1
        if share < 0:
            r.draws = push_draw(r.draws, int(won))
        learn_feedback(r, g, s, f, won, landed, now_s)
        judge(r, g, s, landed, r.reference_minor, won, share, event_s, now_s, o)
        if o.reason == Reason.NONE:
            held(o, hold_reason(r, now_s))


def pause(r: Any, flag: int, o: Any) -> None:
    """Stops repricing for one more cause."""
    r.flags |= flag
    r.state = CycleState.PAUSED
    r.deadline_s = 0
    held(o, Reason.PAUSED)


def resume(r: Any, s: Any, flags: int, o: Any) -> None:
    """Takes causes away; the last one gone, the cycle seeks again with its brackets."""
    if r.state != CycleState.PAUSED:
        ignore(o, Reason.NOT_APPLICABLE)
        return
    r.flags &= ~flags
    if r.flags & PAUSE_FLAGS or pauses(s):
        held(o, Reason.PAUSED)
        return
    r.state = CycleState.SEEKING
    r.draws = 1
    held(o, Reason.NEW)
