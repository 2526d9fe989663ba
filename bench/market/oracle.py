"""The oracle: it knows every hidden parameter and every present price, and no future draw.

It has the same actions, delays and quota as the others, and sets the price that earns most in the
next interval if nobody else moves. The same arithmetic says what another policy's price could have
earned at the same moment, which is how losses are attributed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.market.buybox import Contest, Demand, list_share, own_share, profit, thresholds
from bench.market.chance import Floats
from bench.market.world import World

COARSE = np.linspace(0.0, 1.0, 33)
NEAR = np.array([-12, -8, -6, -5, -4, -3.5, -3, -2.5, -2, -1.5, -1, 0])
"""Candidates below each threshold, in scales of the noise."""
BAND_RIVALS = 6
"""Rivals whose edges of the band are looked at, best first."""
GAIN = 1.0005
"""A move must promise this much more than staying."""


@dataclass(slots=True)
class Best:
    """The best item price of each row and what it can expect to earn in a tick."""

    item: NDArray[np.int64]
    value: Floats


def candidates(
    world: World, contest: Contest, bonus: Floats, shipping: Floats
) -> NDArray[np.int64]:
    """Item prices worth looking at, (rows, candidates), inside the bounds."""
    base = world.base[:, None]
    floor, ceiling = world.floor[:, None], world.ceiling[:, None]
    even = np.minimum(thresholds(contest, bonus), 9.0)
    near = (even[:, :, None] + NEAR * contest.noise).reshape(len(base), -1)
    edges = [near, contest.cap[:, None]]
    if contest.band:
        worth = np.sort(contest.capped()[:, 1:], axis=1)[:, -BAND_RIVALS:]
        for shift in (-contest.band, contest.band):
            edges.append((bonus[:, None, :] - worth + shift).reshape(len(base), -1))
    landed = np.clip(np.concatenate(edges, axis=1), 0.0, 9.0) * base
    item = np.floor(landed - shipping[:, None] + 1e-6)
    grid = floor + (ceiling - floor) * COARSE
    return np.clip(np.concatenate([item, item - 1, grid], axis=1), floor, ceiling).astype(np.int64)


def value_of(
    world: World, contest: Contest, demand: Demand, bonus: Floats, shipping: Floats,
    item: NDArray[np.int64],
) -> Floats:  # fmt: skip
    """Expected profit of a tick at these item prices, (rows, candidates)."""
    landed = (item + shipping[:, None]) / world.base[:, None]
    share = own_share(contest, landed, bonus)
    return profit(demand, share, list_share(contest, landed), landed)


def best_price(
    world: World, contest: Contest, demand: Demand, bonus: Floats, shipping: Floats,
    present: NDArray[np.int64],
) -> Best:  # fmt: skip
    """The best price now; the present one unless another is clearly better."""
    item = np.concatenate([present[:, None], candidates(world, contest, bonus, shipping)], axis=1)
    value = value_of(world, contest, demand, bonus, shipping, item)
    rows = np.arange(len(item))
    best = np.argmax(value, axis=1)
    better = value[rows, best] > value[:, 0] * GAIN
    chosen = np.where(better, best, 0)
    return Best(item[rows, chosen], value[rows, best])
