"""Who gets the Buy Box, and what a price can expect to earn.

A logit in shares of the base price: an offer's worth to a segment is minus its landed price plus
its bonus for fulfilment, rating and delivery, plus stickiness for the incumbent. Offers above the
hidden competitive price are never featured; when nobody is left the Buy Box is suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.market.chance import Floats

NOBODY = -1
SEGMENTS = 2
LIST_SPREAD = 0.04
"""How far two offers lie apart in the list of all offers when chance decides between them."""
SUPPRESSED_PART = 0.3
"""Part of the Buy Box demand that still buys from the list when nobody is featured."""
REFERRAL = 0.15
NEVER = -1e9


@dataclass(slots=True)
class Contest:
    """Offers of all rows at one moment; seat 0 of the sellers is ours.

    `worth` (rows, sellers, segments) is NEVER for those who cannot be featured because they are
    absent, sold out or not featured merchants; `landed` (rows, sellers) is in shares of the base
    price; `listed` (rows, sellers) says who has an offer; `cap` (rows) is the competitive price.
    """

    worth: Floats
    landed: Floats
    listed: NDArray[np.bool_]
    cap: Floats
    noise: float
    band: float

    def capped(self) -> Floats:
        """Worth with offers above the cap taken out."""
        return np.where((self.landed <= self.cap[:, None])[:, :, None], self.worth, NEVER)


def chances(contest: Contest) -> Floats:
    """Chance of each seller in each segment, (rows, sellers, segments); all zero: suppressed."""
    worth = contest.capped()
    best = worth.max(axis=1, keepdims=True)
    if contest.band:
        weight = ((worth >= best - contest.band) & (worth > NEVER / 2)).astype(float)
    else:
        weight = np.exp(np.maximum((worth - best) / contest.noise, -60.0))
        weight[worth <= NEVER / 2] = 0.0
    total = weight.sum(axis=1, keepdims=True)
    return weight / np.maximum(total, 1e-300)


def draw_winners(chance: Floats, uniform: NDArray[np.float32]) -> NDArray[np.int64]:
    """Winner of each row and segment; `uniform` is (rows, segments). Ours comes first, so our
    own luck depends on our own chance alone."""
    passed = (uniform[:, None, :] >= np.cumsum(chance, axis=1)).sum(axis=1)
    return np.where(chance.sum(axis=1) > 0, np.minimum(passed, chance.shape[1] - 1), NOBODY)


@dataclass(slots=True)
class Demand:
    """Buyers of one tick: units at the base price, and what they do."""

    units: Floats
    buy_box_part: Floats
    segment_part: Floats  # (rows, segments)
    elasticity: Floats
    base: Floats
    cost: Floats  # minor units

    def per_unit(self, landed: Floats) -> Floats:
        """Profit of one unit in minor units; `landed` in shares of the base price."""
        shape = (-1,) + (1,) * (landed.ndim - 1)
        base, cost = self.base.reshape(shape), self.cost.reshape(shape)
        return landed * base * (1 - REFERRAL) - cost


def list_share(contest: Contest, landed: Floats) -> Floats:
    """Our part of the buyers in the list of offers at landed prices (rows, candidates)."""
    others = np.where(contest.listed, np.exp(-contest.landed / LIST_SPREAD), 0.0)[:, 1:].sum(axis=1)
    own = np.exp(-landed / LIST_SPREAD)
    return own / (own + others[:, None])


def profit(demand: Demand, share: Floats, listed: Floats, landed: Floats) -> Floats:
    """Expected profit of a tick, (rows, candidates).

    `share` (rows, candidates, segments) is our part of the Buy Box and is NaN where it is
    suppressed; `listed` and `landed` (rows, candidates).
    """
    suppressed = np.isnan(share[:, :, 0])
    boxed = (np.nan_to_num(share) * demand.segment_part[:, None, :]).sum(axis=2)
    part = demand.buy_box_part[:, None]
    bought = part * boxed + (1 - part + np.where(suppressed, SUPPRESSED_PART, 0) * part) * listed
    reacts = landed ** -demand.elasticity[:, None]
    return demand.units[:, None] * reacts * bought * demand.per_unit(landed)


def own_share(contest: Contest, landed: Floats, bonus: Floats) -> Floats:
    """Our chance of the Buy Box at other landed prices, everybody else as he is.

    `landed` is (rows, candidates); `bonus` (rows, segments) is what our offer has beyond its
    price. The result is (rows, candidates, segments), NaN where the Buy Box would be suppressed.
    """
    others = contest.capped()[:, 1:]
    best = others.max(axis=1)
    anybody = best[:, 0] > NEVER / 2
    own = bonus[:, None, :] - landed[:, :, None]
    allowed = (landed <= contest.cap[:, None])[:, :, None]
    if contest.band:
        top = np.maximum(best[:, None, :], np.where(allowed, own, NEVER))
        cut = np.maximum(top - contest.band, NEVER / 2)
        among = np.ones_like(cut)
        for seat in range(others.shape[1]):
            among += others[:, None, seat] >= cut
        share = np.where(own >= top - contest.band, 1.0 / among, 0.0)
    else:
        spread = np.exp(np.maximum((others - best[:, None]) / contest.noise, -60.0))
        spread[others <= NEVER / 2] = 0.0
        rival = best + contest.noise * np.log(np.maximum(spread.sum(axis=1), 1e-300))
        gap = np.clip((own - rival[:, None]) / contest.noise, -60.0, 60.0)
        share = 1.0 / (1.0 + np.exp(-gap))
    share = np.where(allowed, share, 0.0)
    share = np.where(allowed & ~anybody[:, None, None], 1.0, share)
    return np.where(~allowed & ~anybody[:, None, None], np.nan, share)


def thresholds(contest: Contest, bonus: Floats) -> Floats:
    """Landed price at which our chance is even, (rows, segments); infinite without a rival."""
    others = contest.capped()[:, 1:]
    best = others.max(axis=1)
    return np.where(best > NEVER / 2, bonus - best, np.inf)
