"""Hidden parameters of the ASINs of several seeds, drawn once; every seed is one seller's shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bench.market.buybox import REFERRAL
from bench.market.chance import TICKS_A_DAY, Floats, generator
from bench.market.regimes import Regime

SELLERS = 20
"""Seats of an ASIN; seat 0 is ours, the last one is kept for Amazon where Amazon can enter."""
OURS, AMAZONS = 0, SELLERS - 1
MEAN_RIVALS = 5.0
HUMAN, UNDERCUTTER, RATIO, MATCHER = range(4)
BOTS = {"undercut": UNDERCUTTER, "ratio": RATIO, "matcher": MATCHER}
FBA_BONUS = 0.035
PRIME_EXTRA = 0.012
AMAZON_BONUS = 0.03
RATING_WEIGHT = 0.15
DAY_WEIGHT = 0.004


@dataclass(slots=True)
class World:
    """Arrays over rows (ASINs of all seeds), sellers and segments. Money in minor units."""

    seed: NDArray[np.int64]
    place: NDArray[np.int64]  # of the ASIN in its shop
    base: NDArray[np.int64]
    cost: Floats
    floor: NDArray[np.int64]
    ceiling: NDArray[np.int64]
    start: NDArray[np.int64]
    units_a_tick: Floats
    elasticity: Floats
    buy_box_part: Floats
    segment_part: Floats
    seated: NDArray[np.bool_]
    featured: NDArray[np.bool_]
    fba: NDArray[np.bool_]
    amazon: NDArray[np.bool_]
    rating_bp: NDArray[np.int64]
    handling_hours: NDArray[np.int64]
    shipping: NDArray[np.int64]
    bonus: Floats  # (rows, sellers, segments), shares of the base price
    home: Floats  # (rows, sellers), landed price a competitor comes back to, in base prices
    cap: Floats  # (rows,)
    bot: NDArray[np.int64]
    bot_floor: Floats
    bot_ceiling: Floats
    bot_ratio: Floats
    bot_period: NDArray[np.int64]
    amazon_from: NDArray[np.int64]  # tick; (rows,)
    amazon_until: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.base)


def draw_world(regime: Regime, seeds: Sequence[int], rows: int, ticks: int) -> World:
    """`rows` ASINs for each seed; the same ASINs whichever seeds are drawn together."""
    parts = [draw_shop(regime, seed, rows, ticks) for seed in seeds]
    return World(
        *(np.concatenate([getattr(each, name.name) for each in parts]) for name in fields(World))
    )


def draw_shop(regime: Regime, seed: int, rows: int, ticks: int) -> World:
    """The ASINs of one seed. Each group of parameters has a stream of its own."""
    sellers = draw_sellers(regime, seed, rows)
    money = draw_money(seed, rows)
    bots = draw_bots(regime, seed, rows, sellers)
    draws = generator(seed, "amazon")
    enters = (draws.random(rows) < 0.6) & regime.amazon_enters
    begins = (draws.uniform(0.15, 0.6, rows) * ticks).astype(np.int64)
    stays = (draws.uniform(0.15, 0.4, rows) * ticks).astype(np.int64)
    low, high = regime.cap
    return World(
        seed=np.full(rows, seed),
        place=np.arange(rows),
        **money,
        **sellers,
        cap=generator(seed, "cap").uniform(low, high, rows),
        **bots,
        amazon_from=np.where(enters, begins, ticks + 1),
        amazon_until=np.where(enters, begins + stays, ticks + 1),
    )


def draw_money(seed: int, rows: int) -> dict[str, NDArray]:
    """Prices, costs, bounds and demand."""
    draws = generator(seed, "money")
    base = draws.integers(1_000, 4_000, rows)
    margin = draws.uniform(0.15, 0.32, rows)
    cost = base * (1 - REFERRAL - margin)
    prime = draws.uniform(0.6, 0.8, rows)
    return {
        "base": base,
        "cost": cost,
        "floor": np.ceil((cost + 0.03 * base) / (1 - REFERRAL)).astype(np.int64),
        "ceiling": (base * 1.35).astype(np.int64),
        "start": (base * draws.uniform(0.97, 1.12, rows)).astype(np.int64),
        "units_a_tick": draws.uniform(2, 8, rows) / TICKS_A_DAY,
        "elasticity": draws.uniform(0.5, 2.0, rows),
        "buy_box_part": draws.uniform(0.82, 0.90, rows),
        "segment_part": np.stack([prime, 1 - prime], axis=1),
    }


def draw_sellers(regime: Regime, seed: int, rows: int) -> dict[str, NDArray]:
    """Who sells: 2 to 20 offers an ASIN, FBA and FBM, some of them not featured."""
    draws = generator(seed, "sellers")
    size = (rows, SELLERS)
    rivals = np.minimum(1 + draws.exponential(MEAN_RIVALS, rows), SELLERS - 1).astype(np.int64)
    seated = np.arange(SELLERS) <= rivals[:, None]
    fba = draws.random(size) < np.where(np.arange(SELLERS) == OURS, 0.7, 0.45)
    featured = (draws.random(size) < 0.9) | (np.arange(SELLERS) == OURS)
    rating = 1 - 0.15 * draws.random(size) ** 2
    rating[:, OURS] = 0.96 + 0.03 * draws.random(rows)
    days = np.where(fba, 1, draws.integers(1, 5, size))
    shipping = np.where(fba | (draws.random(size) < 0.5), 0, draws.integers(1, 4, size) * 100 - 1)
    amazon = np.zeros(size, np.bool_)
    if regime.amazon_enters:
        amazon[:, AMAZONS] = True
        seated[:, AMAZONS] = False
        fba[:, AMAZONS], featured[:, AMAZONS] = True, True
        shipping[:, AMAZONS], days[:, AMAZONS], rating[:, AMAZONS] = 0, 1, 0.99
    fba_bonus = FBA_BONUS * draws.uniform(0.6, 1.4, rows)
    extra = PRIME_EXTRA * draws.random(rows)
    quality = RATING_WEIGHT * (rating - 0.95) - DAY_WEIGHT * (days - 1) + AMAZON_BONUS * amazon
    by_segment = np.stack([fba_bonus + extra, fba_bonus], axis=1)
    return {
        "seated": seated,
        "featured": featured,
        "fba": fba,
        "amazon": amazon,
        "rating_bp": (rating * 10_000).astype(np.int64),
        "handling_hours": days * 24,
        "shipping": shipping,
        "bonus": quality[:, :, None] + fba[:, :, None] * by_segment[:, None, :],
        "home": np.minimum(0.98 + 0.10 * draws.exponential(1.0, size), 1.5),
    }


def draw_bots(
    regime: Regime, seed: int, rows: int, sellers: dict[str, NDArray]
) -> dict[str, NDArray]:
    """Bots take the first seats after ours; the others stay well above them."""
    draws = generator(seed, "bots")
    size = (rows, SELLERS)
    bot = np.zeros(size, np.int64)
    for seat, name in enumerate(regime.bots, 1):
        bot[:, seat] = BOTS[name]
    sellers["seated"] |= bot != HUMAN
    sellers["featured"] |= bot != HUMAN
    if regime.bots:
        sellers["home"] = np.where(bot == HUMAN, 1.02 + sellers["home"] - 0.98, sellers["home"])
    ratio = np.where(draws.random(size) < 0.5, draws.uniform(0.985, 0.999, size), 1.01)
    return {
        "bot": bot,
        "bot_floor": draws.uniform(0.82, 0.95, size),
        "bot_ceiling": draws.uniform(1.15, 1.3, size),
        "bot_ratio": np.where(bot == RATIO, ratio, 1.0),
        "bot_period": draws.integers(3, 13, size),
    }
