"""The learner in plain Python: the twin of `_learner.pxd`.

A grid of hypotheses about the premium at which we lose the Buy Box, one for taking it and one for
keeping it. A byte holds how many bits less likely than the best a hypothesis is, in the low half
for a sharp market and in the high half for a soft one. Every draw at a known price updates it; the
price is the highest one whose chance reaches the share target, or a higher one that is worth a
try. Where the thresholds lie outside the grid the brackets decide. `r` is the proposed row, `s`
the compiled strategy.
"""

from __future__ import annotations

from typing import Any

from engine.learner_tables import (
    AGES,
    BITS_IF_LOST,
    BITS_IF_WON,
    HORIZON,
    KINDS,
    LOWEST_PPM,
    PRIOR_CELL,
    PRIOR_SHIFT,
    REACH,
    RULED_OUT,
    STEP_PPM,
    STEPS,
    WHOLE,
    WINS,
)
from engine.reference_rules import MILLION, highest, landed_low, own_landed
from engine.schema import GRID_CELLS, FeedbackKind

UNKNOWN = -1
SHARE_ONE = 10_000
SHARE_DRAWS = 4
LOST_BITS = 7
STAYS = 2
"""Steps by which a better price must be higher before it replaces the one chosen before."""


def distance_at(step: int, cell: int) -> int:
    """Index into the tables: half cells of a price above the threshold in a cell."""
    return max(0, min(REACH + step - 2 * cell - 1, 2 * REACH))


def step_of(landed: int, reference: int) -> int:
    """Nearest step of a landed price; below 0 or above the last one outside the grid."""
    ppm = (landed - reference) * MILLION // reference
    return (ppm - LOWEST_PPM + STEP_PPM // 2) // STEP_PPM


def step_premium(step: int) -> int:
    """Premium of a step in parts per million."""
    return LOWEST_PPM + STEP_PPM * step


def bits_of(cell: int, kind: int) -> int:
    """One half of a byte of the grid."""
    return cell >> 4 * kind & 15


# Evidence


def forget_grid(r: Any, now_s: int) -> None:
    """Only the prior is left."""
    for cell in range(GRID_CELLS):
        bits = abs(cell - PRIOR_CELL) >> PRIOR_SHIFT
        r.grid[cell] = r.grid[GRID_CELLS + cell] = bits << 4 | bits
    r.grid_aged_s = now_s
    r.grid_best = r.grid_draws = r.grid_holds = 0


def age_grid(r: Any, s: Any, now_s: int) -> None:
    """Hypotheses come back bit by bit; after fifteen periods without a draw nothing is known."""
    if r.grid_draws == 0:
        return
    period = s.evidence_max_age_s // AGES + 1
    passed = (now_s - r.grid_aged_s) // period
    if passed < 1:
        return
    if passed >= RULED_OUT:
        forget_grid(r, now_s)
        return
    r.grid_aged_s += passed * period
    for at, cell in enumerate(r.grid):
        sharp, soft = max(0, bits_of(cell, 0) - passed), max(0, bits_of(cell, 1) - passed)
        r.grid[at] = soft << 4 | sharp


def learn_draw(r: Any, s: Any, won: bool, landed: int, reference: int, now_s: int) -> None:
    """One draw: our landed price over the reference price, and whether it won.

    A challenger's draw tells about taking, an incumbent's about keeping; a lost one also about
    taking, and a won one also about keeping.
    """
    step = step_of(landed, reference)
    if (step < 0 and won) or (step >= STEPS and not won):
        return
    step = max(0, min(step, STEPS - 1))
    age_grid(r, s, now_s)
    if r.grid_draws == 0:
        forget_grid(r, now_s)
    if not (r.grid_holds and won):
        add_draw(r.grid, 0, won, step)
    if r.grid_holds or won:
        add_draw(r.grid, GRID_CELLS, won, step)
    r.grid_holds = int(won)
    r.grid_draws = min(255, r.grid_draws + 1)


def add_draw(grid: list[int], first: int, won: bool, step: int) -> None:
    """Makes the hypotheses from `first` on less likely that did not expect the draw."""
    tables = BITS_IF_WON if won else BITS_IF_LOST
    bits = [
        bits_of(grid[first + cell], kind) + tables[kind][distance_at(step, cell)]
        for cell in range(GRID_CELLS)
        for kind in range(KINDS)
    ]
    least = min(bits)
    for cell in range(GRID_CELLS):
        sharp = min(bits[KINDS * cell] - least, RULED_OUT)
        soft = min(bits[KINDS * cell + 1] - least, RULED_OUT)
        grid[first + cell] = soft << 4 | sharp


def learn_feedback(r: Any, s: Any, f: Any, won: bool, landed: int, now_s: int) -> None:
    """A result is one draw, a share is four, of which the last says whether the target is met."""
    if f.kind != FeedbackKind.SHARE:
        learn_draw(r, s, won, landed, r.reference_minor, now_s)
        return
    wins = (f.share_bp * SHARE_DRAWS + 5_000) // 10_000
    for at in range(SHARE_DRAWS):
        learn_draw(r, s, at >= SHARE_DRAWS - wins, landed, r.reference_minor, now_s)
    r.grid_holds = int(won)


# Choice


def whole_weight(r: Any, holds: int) -> int:
    """Weight of all hypotheses together."""
    first = GRID_CELLS if holds else 0
    bits = [
        bits_of(cell, kind)
        for cell in r.grid[first : first + GRID_CELLS]
        for kind in range(KINDS)
    ]  # fmt: skip
    return sum(1 << RULED_OUT - 1 - each for each in bits if each != RULED_OUT)


def chances(r: Any, holds: int) -> list[int]:
    """Chance of the Buy Box at each step in parts of WHOLE; empty where nothing has weight."""
    first = GRID_CELLS if holds else 0
    sums, whole = [0] * STEPS, whole_weight(r, holds)
    for cell in range(GRID_CELLS):
        for kind in range(KINDS):
            bits = bits_of(r.grid[first + cell], kind)
            if bits == RULED_OUT:
                continue
            weight = 1 << RULED_OUT - 1 - bits
            for step in range(STEPS):
                sums[step] += weight * WINS[kind][distance_at(step, cell)]
    return [each // whole for each in sums] if whole else []


def outside(r: Any, reference: int, holds: int) -> bool:
    """Whether the first or the last cell is as likely as any, or a price outside holds."""
    if holds and not 0 <= step_of(own_landed(r, r.price_minor), reference) < STEPS:
        return True
    first = r.grid[GRID_CELLS if holds else 0]
    last = r.grid[2 * GRID_CELLS - 1 if holds else GRID_CELLS - 1]
    return any(bits_of(cell, kind) == 0 for cell in (first, last) for kind in range(KINDS))


def has_lost(r: Any) -> bool:
    """Whether a price that held lost, not long ago: then the last cell is all but ruled out."""
    return bits_of(r.grid[2 * GRID_CELLS - 1], 0) >= LOST_BITS


def worth(chance: int, step: int) -> int:
    """Expected price of a draw, in parts of the reference price."""
    return chance * (MILLION + step_premium(step))


def landed_cap(r: Any) -> int:
    """Highest landed price that may be featured: the ceiling's, or the competitive price."""
    cap = own_landed(r, highest(r))
    if r.competitive_minor > 0:
        cap = min(cap, r.competitive_minor)
    return max(cap, own_landed(r, r.floor_minor))


def step_landed(r: Any, reference: int, step: int) -> int:
    """Landed price of a step, within what the bounds and the competitive price allow."""
    landed = min(landed_low(reference, step_premium(step)), landed_cap(r))
    return max(landed, own_landed(r, r.floor_minor))


def choose(r: Any, s: Any, reference: int, holds: int, may_try: bool) -> int:
    """Step of the price to go to, UNKNOWN where the brackets decide; notes the best one.

    A step above the best one comes back only if it `may_try`. The brackets decide where nothing
    is known, where even the lowest price would rather lose, and where the threshold
    may well lie outside the grid.
    """
    if r.grid_draws == 0:
        return UNKNOWN
    low = max(0, step_of(own_landed(r, r.floor_minor), reference))
    high = min(STEPS - 1, step_of(landed_cap(r), reference))
    chance = chances(r, holds) if low <= high else []
    if not chance or 2 * chance[low] < WHOLE or outside(r, reference, holds):
        return UNKNOWN
    best = best_step(r.grid_best - 1, chance, low, high, s.share_target_bp)
    r.grid_best = best + 1
    return tried_step(r, holds, chance, best, high) if may_try else best


def best_step(old: int, chance: list[int], low: int, high: int, share_target_bp: int) -> int:
    """Highest step that reaches the share target, else the one worth most.

    The step chosen before stays while it is as good and another one is hardly higher.
    """
    best, most = low, 0
    reached = False
    for step in range(low, high + 1):
        reaches = chance[step] * SHARE_ONE >= share_target_bp * WHOLE
        if reaches or (not reached and worth(chance[step], step) > most):
            best, most = step, worth(chance[step], step)
        reached |= reaches
    if not low <= old <= high or best - old > STAYS:
        return best
    if reached:
        good = chance[old] * SHARE_ONE >= share_target_bp * WHOLE
    else:
        good = 100 * (most - worth(chance[old], old)) <= most
    return old if good else best


def gain_of(r: Any, holds: int, best: int, step: int) -> int:
    """What a step would add where a hypothesis holds and it is better, weighed over all."""
    first = GRID_CELLS if holds else 0
    gain = 0
    for cell in range(GRID_CELLS):
        for kind in range(KINDS):
            bits = bits_of(r.grid[first + cell], kind)
            if bits == RULED_OUT:
                continue
            wins = WINS[kind]
            more = worth(wins[distance_at(step, cell)], step)
            more -= worth(wins[distance_at(best, cell)], best)
            gain += max(0, more) << RULED_OUT - 1 - bits
    return gain


def tried_step(r: Any, holds: int, chance: list[int], best: int, high: int) -> int:
    """The step whose possible gain outweighs most what a try may cost; `best` where none does."""
    found, most, whole = best, 0, whole_weight(r, holds)
    for step in range(best + 1, high + 1):
        risk = worth(chance[best], best) - worth(chance[step], step)
        gain = gain_of(r, holds, best, step) * HORIZON - max(0, risk) * whole
        if gain > most:
            found, most = step, gain
    return found
