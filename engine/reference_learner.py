"""The learner in plain Python: the twin of `_learner.pxd`.

A grid of hypotheses about the premium at which we lose the Buy Box, one for taking it and one for
keeping it. Half a byte holds how many bits less likely than the best a hypothesis is. Every draw at
a known price updates it; the price is the highest one whose chance reaches the share target, or a
higher one that is worth a try. Where the thresholds lie outside the grid the brackets decide, and
where a strategy takes one draw for a verdict. `r` is the proposed row, `s` the compiled strategy,
`g` its grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.learner_tables import (
    AGES,
    ANSWER,
    ANSWERS,
    BITS_IF_LOST,
    BITS_IF_WON,
    DRAW,
    HORIZON,
    LEADING,
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
from engine.schema import GRID_CELLS, FeedbackKind, LastDraw, RowFlag

Hypotheses = list[list[int]]

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


def weighs(s: Any) -> bool:
    """Whether draws are weighed: where one is a verdict, the brackets say all there is to say."""
    return bool(s.min_samples > 1)


# The grid in its column


class Grids:
    """The grid of a row: `kept` stands in the table, `proposed` is a changed one.

    A grid is an object with the fields of `schema.GRID`; it is read at its first use.
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self.proposed: Any = None

    def peek(self) -> Any:
        """The grid as it is now."""
        if self.proposed is None:
            self.kept = self._read()
        return self.kept if self.proposed is None else self.proposed

    def open(self, r: Any) -> Any:
        """The grid, to be changed and proposed with its row."""
        if self.proposed is None:
            self.proposed = self._read()
            r.flags |= RowFlag.IN_SLICE
        return self.proposed


def last_draw(grid: Any) -> int:
    """`LastDraw` of a grid; the byte has room for what is known of answers."""
    return int(grid.last & DRAW)


def knows(g: Grids) -> bool:
    """Whether anything was learned."""
    return last_draw(g.peek()) != LastDraw.NONE


def note_draw(grid: Any, won: bool) -> None:
    """Keeps the last draw."""
    grid.last = grid.last & ~DRAW | (LastDraw.WON if won else LastDraw.LOST)


def unpack(grid: Any, holds: int) -> Hypotheses:
    """Bits less likely than the best, by kind and cell; a taker's market is always soft."""
    if holds:
        return [[each & 15 for each in grid.keep_bits], [each >> 4 for each in grid.keep_bits]]
    soft = [half for each in grid.take_bits for half in (each & 15, each >> 4)]
    return [[RULED_OUT] * GRID_CELLS, soft]


def pack(grid: Any, holds: int, bits: Hypotheses) -> None:
    """Writes hypotheses back."""
    sharp, soft = bits
    if holds:
        grid.keep_bits = [high << 4 | low for low, high in zip(sharp, soft, strict=True)]
    else:
        pairs = zip(soft[::2], soft[1::2], strict=True)
        grid.take_bits = [odd << 4 | even for even, odd in pairs]


# Evidence


def forget_grid(grid: Any, now_s: int) -> None:
    """Only the prior is left."""
    prior = [abs(cell - PRIOR_CELL) >> PRIOR_SHIFT for cell in range(GRID_CELLS)]
    for holds in (0, 1):
        pack(grid, holds, [prior, prior])
    grid.aged_s, grid.best, grid.last = now_s, 0, LastDraw.NONE


def age_grid(r: Any, g: Grids, s: Any, now_s: int) -> None:
    """Hypotheses come back bit by bit; after fifteen periods without a draw nothing is known."""
    if not knows(g):
        return
    grid = g.open(r)
    period = s.evidence_max_age_s // AGES + 1
    passed = (now_s - grid.aged_s) // period
    if passed < 1:
        return
    if passed >= RULED_OUT:
        forget_grid(grid, now_s)
        return
    grid.aged_s += passed * period
    answers = max(0, (grid.last & ANSWERS) - ANSWER * passed)
    grid.last = grid.last & (DRAW | LEADING) | answers
    for name in ("keep_bits", "take_bits"):
        aged = [
            max(0, (each >> 4) - passed) << 4 | max(0, (each & 15) - passed)
            for each in getattr(grid, name)
        ]
        setattr(grid, name, aged)


def learn_draw(
    r: Any, g: Grids, s: Any, won: bool, landed: int, reference: int, now_s: int
) -> None:
    """One draw: our landed price over the reference price, and whether it won.

    A challenger's draw tells about taking, an incumbent's about keeping; a lost one also about
    taking, and a won one also about keeping.
    """
    step = step_of(landed, reference)
    if not weighs(s) or (step < 0 and won) or (step >= STEPS and not won):
        return
    step = max(0, min(step, STEPS - 1))
    age_grid(r, g, s, now_s)
    grid = g.open(r)
    if last_draw(grid) == LastDraw.NONE:
        forget_grid(grid, now_s)
    held = last_draw(grid) == LastDraw.WON
    if not (held and won):
        add_draw(grid, 0, won, step)
    if held or won:
        add_draw(grid, 1, won, step)
    note_draw(grid, won)


def add_draw(grid: Any, holds: int, won: bool, step: int) -> None:
    """Makes the hypotheses less likely that did not expect the draw."""
    tables = BITS_IF_WON if won else BITS_IF_LOST
    bits = [
        [each + tables[kind][distance_at(step, cell)] for cell, each in enumerate(cells)]
        for kind, cells in enumerate(unpack(grid, holds))
    ]
    least = min(map(min, bits))
    pack(grid, holds, [[min(each - least, RULED_OUT) for each in cells] for cells in bits])


def learn_feedback(r: Any, g: Grids, s: Any, f: Any, won: bool, landed: int, now_s: int) -> None:
    """A result is one draw, a share is four, of which the last says whether the target is met."""
    if f.kind != FeedbackKind.SHARE:
        learn_draw(r, g, s, won, landed, r.reference_minor, now_s)
        return
    wins = (f.share_bp * SHARE_DRAWS + 5_000) // 10_000
    for at in range(SHARE_DRAWS):
        learn_draw(r, g, s, at >= SHARE_DRAWS - wins, landed, r.reference_minor, now_s)
    if knows(g):
        note_draw(g.open(r), won)


# Choice


def weighted(bits: Hypotheses) -> Iterator[tuple[int, int, int]]:
    """Kind, cell and weight of the hypotheses that have one."""
    for kind, cells in enumerate(bits):
        for cell, each in enumerate(cells):
            if each != RULED_OUT:
                yield kind, cell, 1 << RULED_OUT - 1 - each


def whole_weight(bits: Hypotheses) -> int:
    """Weight of all hypotheses together."""
    return sum(weight for _, _, weight in weighted(bits))


def chances(bits: Hypotheses) -> list[int]:
    """Chance of the Buy Box at each step in parts of WHOLE; none where nothing has weight."""
    sums, whole = [0] * STEPS, whole_weight(bits)
    for kind, cell, weight in weighted(bits):
        for step in range(STEPS):
            sums[step] += weight * WINS[kind][distance_at(step, cell)]
    return [each // whole for each in sums] if whole else sums


def outside(r: Any, bits: Hypotheses, reference: int, holds: int) -> bool:
    """Whether the first or the last cell is as likely as any, or a price outside holds."""
    if holds and not 0 <= step_of(own_landed(r, r.price_minor), reference) < STEPS:
        return True
    return any(cells[0] == 0 or cells[-1] == 0 for cells in bits)


def has_lost(g: Grids) -> bool:
    """Whether a price that held lost, not long ago: then the last cell is all but ruled out."""
    return bool(g.peek().keep_bits[-1] & 15 >= LOST_BITS)


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


def reaches(s: Any, chance: int) -> bool:
    """Whether a chance meets the share target."""
    return bool(chance * SHARE_ONE >= s.share_target_bp * WHOLE)


def choose(r: Any, g: Grids, s: Any, reference: int, holds: int, may_try: bool) -> int:
    """Step of the price to go to, UNKNOWN where the brackets decide; notes the best one.

    A step above the best one comes back only if it `may_try`. The brackets decide where nothing
    is known or weighed, where even the lowest price would rather lose, and where the threshold
    may well lie outside the grid.
    """
    if not weighs(s) or not knows(g):
        return UNKNOWN
    low = max(0, step_of(own_landed(r, r.floor_minor), reference))
    high = min(STEPS - 1, step_of(landed_cap(r), reference))
    if low > high:
        return UNKNOWN
    grid = g.open(r)
    bits = unpack(grid, holds)
    chance = chances(bits)
    if 2 * chance[low] < WHOLE or outside(r, bits, reference, holds):
        return UNKNOWN
    best = best_step(grid.best - 1, chance, low, high, s)
    grid.best = best + 1
    return tried_step(bits, chance, best, high) if may_try else best


def best_step(old: int, chance: list[int], low: int, high: int, s: Any) -> int:
    """Highest step that reaches the share target, else the one worth most.

    The step chosen before stays while it is as good and another one is hardly higher.
    """
    best, most = low, 0
    reached = False
    for step in range(low, high + 1):
        here = reaches(s, chance[step])
        if here or (not reached and worth(chance[step], step) > most):
            best, most = step, worth(chance[step], step)
        reached |= here
    if not low <= old <= high or best - old > STAYS:
        return best
    if reached:
        return old if reaches(s, chance[old]) else best
    return old if 100 * (most - worth(chance[old], old)) <= most else best


def gain_of(bits: Hypotheses, best: int, step: int) -> int:
    """What a step would add where a hypothesis holds and it is better, weighed over all."""
    gain = 0
    for kind, cell, weight in weighted(bits):
        more = worth(WINS[kind][distance_at(step, cell)], step)
        more -= worth(WINS[kind][distance_at(best, cell)], best)
        gain += max(0, more) * weight
    return gain


def tried_step(bits: Hypotheses, chance: list[int], best: int, high: int) -> int:
    """The step whose possible gain outweighs most what a try may cost; `best` where none does."""
    found, most, whole = best, 0, whole_weight(bits)
    for step in range(best + 1, high + 1):
        risk = worth(chance[best], best) - worth(chance[step], step)
        gain = gain_of(bits, best, step) * HORIZON - max(0, risk) * whole
        if gain > most:
            found, most = step, gain
    return found
