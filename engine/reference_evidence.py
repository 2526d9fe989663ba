"""Evidence and delivery of the Buy Box cycle in plain Python: the twin of `_evidence.pxd`.

What a verdict teaches, whether the current price is live, and the clock that waits for both.
`r` is the proposed row, `s` the compiled strategy, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_rules import held, known, landed_low, own_landed, premium_down, premium_up
from engine.schema import (
    CLASS_BITS,
    CLASS_SHIFT,
    PREMIUM_UNKNOWN,
    CycleState,
    Reason,
    RowFlag,
    StrategyKind,
)

PROBE_GOES_ON = (CycleState.PROBING, CycleState.HOLDING)

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


def under_lost(low: int, landed: int, reference: int) -> int:
    """A low end whose price, rounded at this reference price, is not the one that has just lost.

    Learned at another reference price it can be a fraction of a minor unit too high, and would
    lead back to that price for ever.
    """
    if not known(low) or landed_low(reference, low) < landed:
        return low
    return premium_down(landed - 1, reference)


def learn(r: Any, won: bool, landed: int, reference: int, event_s: int) -> None:
    """Puts a verdict into the bracket of our role, then changes the role."""
    if won:
        learn_won(r, premium_down(landed, reference))
        r.flags |= RowFlag.INCUMBENT
        r.good_price_minor = r.price_minor
    else:
        learn_lost(r, premium_up(landed, reference))
        r.take_low_ppm = under_lost(r.take_low_ppm, landed, reference)
        if r.flags & RowFlag.INCUMBENT:
            r.keep_low_ppm = under_lost(r.keep_low_ppm, landed, reference)
        r.flags &= ~RowFlag.INCUMBENT
    r.evidence_s = event_s


# Rest after a probe


def cool_down(r: Any, s: Any, now_s: int) -> None:
    """No further probe before the cooldown has passed."""
    r.cooldown_until_s = now_s + s.cooldown_s


def rest_after_probe(r: Any, s: Any, now_s: int, o: Any) -> None:
    """A probe that an input ends, other than by holding its price, is taken for lost."""
    if o.state_before == CycleState.PROBING and r.state not in PROBE_GOES_ON:
        cool_down(r, s, now_s)


# Delivery


def mark_live(r: Any, s: Any, event_s: int, now_s: int) -> None:
    """The current price is seen in the marketplace: the clock of the state starts."""
    r.live_price_minor = r.price_minor
    if r.effective_s != 0:
        return
    r.effective_s = max(1, event_s)
    r.attempts = 0
    r.flags &= ~(RowFlag.DISPLACED | RowFlag.WITHDRAWN)
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
    """Our price was live and is not any more: it waits to be live again.

    A probe stays one, so that silence leads back to the price that held and not to a second try;
    whether it lost before it was displaced is not known, so it rests as if it had.
    """
    r.effective_s = 0
    r.flags |= RowFlag.DISPLACED
    if r.state == CycleState.HOLDING:
        r.state = CycleState.AWAITING
    elif r.state == CycleState.PROBING:
        cool_down(r, s, now_s)
    if r.state != CycleState.FLOORED:
        r.deadline_s = now_s + s.live_wait_s
    held(o, Reason.DISPLACED)


def wait_live(r: Any, s: Any, now_s: int) -> None:
    """Sets the clock of a price that only has to become live; no price, no clock."""
    waits = r.price_minor > 0 and r.effective_s == 0
    r.deadline_s = now_s + s.live_wait_s if waits else 0


def anchor_premium(r: Any) -> None:
    """The premium wanted is that of the price we have."""
    if r.reference_minor > 0:
        r.premium_ppm = premium_down(own_landed(r, r.price_minor), r.reference_minor)


def reemit(r: Any, s: Any, now_s: int, o: Any) -> None:
    """The price did not go live in time: the same again, a bounded number of times."""
    if r.attempts & 15 >= s.max_reemits:
        give_up(r, o)
        return
    r.attempts += 1
    r.flags &= ~(RowFlag.DISPLACED | RowFlag.REJECTED | RowFlag.WITHDRAWN)
    r.deadline_s = now_s + s.live_wait_s
    o.reason = Reason.REEMIT
    o.changed = 1


def give_up(r: Any, o: Any) -> None:
    """Quiet until the next offers."""
    r.state = CycleState.SEEKING
    r.deadline_s = 0
    r.attempts &= 0xF0
    held(o, Reason.REEMITS_EXHAUSTED)
