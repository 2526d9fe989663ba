"""Competitors that answer our price, in plain Python: the twin of `_followers.pxd`.

A reference price that comes to ours, soon after ours went live, has answered it. What is known of
that is kept in the byte of the last draw: how many answers were seen (each counts for a seventh of
`evidence_max_age`), whether the price on trial leads, and whether leading found the top not long
ago. Nothing is said to anybody: these rules look at offers and set our own price. `r` is the
proposed row, `g` its grid, `s` the compiled strategy.
"""

from __future__ import annotations

from typing import Any

from engine.learner_tables import ANSWER, ANSWERS, DRAW, LEADING, TOPPED
from engine.reference_learner import Grids, knows
from engine.reference_rules import MILLION, draw_count, own_landed, win_count
from engine.schema import CycleState

NEAR_PART = 80
"""A price within an eightieth of ours has come to ours: bots stay within a per cent or so."""
WORTH_PART = 33
"""A lead that was answered by less than this part of the reference price found the top."""
ANSWER_S = 4_500
"""Bots look at least once an hour, and a message of it may take a quarter of an hour."""


def near(landed: int, reference: int) -> bool:
    """Whether the reference price stands at our landed price."""
    return abs(landed - reference) * NEAR_PART <= landed


def came_down(landed: int, reference: int) -> bool:
    """Whether the reference price stands at our landed price or below."""
    return (reference - landed) * NEAR_PART <= landed


def has_risen(s: Any, old: int, reference: int) -> bool:
    """Whether a price rose by `reanchor` or more."""
    return bool((reference - old) * MILLION >= s.reanchor_ppm * old)


def answers(g: Grids) -> bool:
    """Whether a competitor is known to answer our price: one answer may be chance, two are not."""
    return knows(g) and bool(g.peek().last & ANSWERS >= 2 * ANSWER)


def leads(r: Any, g: Grids) -> bool:
    """Whether the price on trial leads, and waits for the competitor's answer."""
    return r.state == CycleState.PROBING and knows(g) and bool(g.peek().last & LEADING)


def stands_here(r: Any, g: Grids, reference: int) -> bool:
    """Whether a competitor who answers stands at our price, and at least half of our draws won."""
    if not answers(g) or not near(own_landed(r, r.price_minor), reference):
        return False
    return 2 * win_count(r.draws) >= draw_count(r.draws)


def may_lead(r: Any, g: Grids, reference: int) -> bool:
    """Whether a much higher price is worth more than a probe: the competitor will come along."""
    return stands_here(r, g, reference) and not g.peek().last & TOPPED


def mark_lead(r: Any, g: Grids, leading: bool) -> None:
    """Notes whether the price on trial leads."""
    if knows(g):
        last = g.open(r).last
        g.open(r).last = last | LEADING if leading else last & ~LEADING


def note_answer(r: Any, g: Grids, s: Any, landed: int, old: int, reference: int, at_s: int) -> None:
    """Counts an answer: the reference price was elsewhere and has come to our live landed price.

    While we lead, every rise of it is one.
    """
    if old <= 0 or landed <= 0 or not knows(g) or near(landed, old):
        return
    if not has_risen(s, old, reference) and not has_risen(s, reference, old):
        return
    if r.effective_s != 0 and at_s - r.effective_s > ANSWER_S:
        return
    if near(landed, reference) or (leads(r, g) and reference > old):
        grid = g.open(r)
        grid.last = min(grid.last & ANSWERS, ANSWERS - ANSWER) + ANSWER | grid.last & ~ANSWERS


def end_lead(r: Any, g: Grids, old: int, reference: int) -> None:
    """The competitor came along: draws begin anew, and a small rise means that this is the top."""
    grid = g.open(r)
    grid.last &= ~LEADING
    if (reference - old) * WORTH_PART < old:
        grid.last |= TOPPED
    r.draws = 1


def nobody_follows(r: Any, g: Grids) -> None:
    """Nobody came along in time: what was known of answers is void."""
    g.open(r).last &= DRAW
