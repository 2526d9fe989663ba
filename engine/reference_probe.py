"""Which higher price to try, in plain Python: the twin of `_probe.pxd`.

`r` is the proposed row, `g` its grid, `s` the compiled strategy, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_endings import raised
from engine.reference_evidence import age_evidence
from engine.reference_followers import mark_lead, may_lead
from engine.reference_learner import (
    UNKNOWN,
    Grids,
    age_grid,
    choose,
    has_lost,
    landed_cap,
    step_landed,
    step_of,
)
from engine.reference_rules import (
    MILLION,
    held,
    highest,
    item_for_landed,
    known,
    landed_high,
    move_to,
    own_landed,
    premium_down,
)
from engine.schema import CycleState, Reason

FREE_STEPS = 4
"""How far a probe goes beyond what was learned while no price has lost."""


def losing_from(r: Any, reference: int) -> int:
    """Lowest landed price that is known to lose or is above what the bounds allow."""
    limit = own_landed(r, highest(r)) + 1
    if known(r.keep_high_ppm):
        limit = min(limit, landed_high(reference, r.keep_high_ppm))
    return limit


def probe_limit(s: Any, price: int, raise_by: int) -> int:
    """A raise no larger than one probe may be, and at least one step."""
    if s.max_probe_ppm > 0:
        raise_by = min(raise_by, price * s.max_probe_ppm // MILLION)
    return max(int(s.step_minor), raise_by)


def probe_goal(r: Any, g: Grids, s: Any, reference: int, landed: int, now_s: int) -> int:
    """Landed price to try; `landed` where none above it is worth a try.

    While no price has lost, the next cells are tried though nothing promises them. Where the
    learner has no word, halfway to the lowest premium known to lose, at least one step.
    """
    age_grid(r, g, s, now_s)
    step, present = choose(r, g, s, reference, 1, True), step_of(landed, reference)
    if step != UNKNOWN:
        free = not known(r.keep_high_ppm) and not has_lost(g)
        if step <= present and not free:
            return landed
        step = step if step > present else present + FREE_STEPS
        more = step_landed(r, reference, step) - landed
        if more <= 0 or (more < s.step_minor and not free):
            return landed
        return min(landed + probe_limit(s, landed, more), landed_cap(r))
    limit = losing_from(r, reference)
    if limit - landed <= s.step_minor:
        return landed
    return min(landed + probe_limit(s, landed, (limit - landed) // 2), limit - 1)


def probe(r: Any, g: Grids, s: Any, now_s: int, o: Any) -> None:
    """HOLDING long enough: a higher price is tried, the highest where a competitor comes along."""
    reference, held_minor = r.reference_minor, r.price_minor
    landed = own_landed(r, held_minor)
    leading = reference > 0 and may_lead(r, g, reference)
    age_evidence(r, s, now_s)
    goal = landed
    if leading:
        goal = landed + probe_limit(s, landed, max(0, landed_cap(r) - landed))
        goal = min(goal, landed_cap(r))
    elif reference > 0:
        goal = probe_goal(r, g, s, reference, landed, now_s)
    item = min(item_for_landed(r, goal), highest(r))
    if item > held_minor:
        most = max(goal, losing_from(r, reference) - 1)
        item = raised(r, s, item, min(item_for_landed(r, most), highest(r)))
    if item <= held_minor:
        r.deadline_s = now_s + s.hold_s
        held(o, Reason.NO_ROOM if reference > 0 else Reason.NO_REFERENCE)
        return
    reason = Reason.LEAD_UP if leading else Reason.PROBE_UP
    if not move_to(r, s, item, reason, now_s, o):
        r.deadline_s = now_s + s.hold_s
        return
    r.good_price_minor = held_minor
    mark_lead(r, g, leading)
    r.state = CycleState.PROBING
    r.premium_ppm = premium_down(own_landed(r, r.price_minor), reference)
