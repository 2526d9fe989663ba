"""Random offers and the kernel's table, for benchmarks that work below the wire."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import kernel
from engine.columns import OfferColumns
from engine.counters import new_counters
from engine.evaluator import SLICE
from engine.room import Room
from engine.schema import GRID, OUTCOME, ROW, SNAPSHOT, OfferBit

OFFERS_EACH = 10
SELLERS = 5_000

Records = NDArray[np.void]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Tick:
    """Snapshots of a batch, as the decoder and the resolution hand them to the kernel."""

    snapshots: Records
    offers: OfferColumns
    now_ms: int

    def __len__(self) -> int:
        return len(self.snapshots)


def seller_pool() -> NDArray[np.uint64]:
    """Keys of the sellers that compete with each other everywhere."""
    return np.random.default_rng(1).integers(1, 2**63, SELLERS, dtype=np.uint64)


POOL = seller_pool()


def random_offers(
    rng: np.random.Generator, base: Ints, other_conditions: float = 0.0
) -> OfferColumns:
    """Ten competitors' offers around the price `base` of each listing.

    `other_conditions` is the share of offers in another condition than NEW.
    """
    shape = (len(base), OFFERS_EACH)
    total = len(base) * OFFERS_EACH

    def flag(share: float, bit: int, otherwise: int = 0) -> NDArray[np.uint32]:
        return np.where(rng.random(shape) < share, bit, otherwise).astype(np.uint32)

    bits = flag(1 - other_conditions, OfferBit.CONDITION_NEW, OfferBit.CONDITION_USED)
    bits |= flag(
        0.55, OfferBit.FULFILLED_BY_AMAZON | OfferBit.PRIME, OfferBit.FULFILLED_BY_MERCHANT
    )
    bits |= flag(0.9, OfferBit.AVAILABLE_NOW, OfferBit.AVAILABLE_WITH_DATE)
    bits |= flag(0.85, OfferBit.FEATURED, OfferBit.NOT_FEATURED)
    bits |= flag(0.03, OfferBit.AMAZON) | np.uint32(OfferBit.SUB_NEW | OfferBit.NOT_WINNER)
    winner = rng.integers(0, OFFERS_EACH, len(base))
    bits[np.arange(len(base)), winner] ^= np.uint32(OfferBit.WINNER | OfferBit.NOT_WINNER)
    spread = rng.integers(90, 125, shape)
    return OfferColumns(
        np.maximum(base[:, None] * spread // 100 + rng.integers(0, 40, shape), 1).ravel(),
        POOL[rng.integers(0, SELLERS, total)],
        bits.ravel(),
        rng.integers(0, 20_000, total, dtype=np.uint32),
        rng.integers(6_000, 10_001, total, dtype=np.uint16),
        rng.integers(0, 73, total, dtype=np.uint16),
    )


def snapshots_of(listing_ids: Ints, event_ms: int) -> Records:
    """Snapshots of listings whose offers stand one after another; own offers unknown."""
    snapshots = np.zeros(len(listing_ids), SNAPSHOT)
    snapshots["event_ms"] = event_ms
    snapshots["listing_id"] = listing_ids
    snapshots["offer_begin"] = np.arange(len(listing_ids)) * OFFERS_EACH
    snapshots["offer_end"] = snapshots["offer_begin"] + OFFERS_EACH
    snapshots["own_offer"] = -1
    snapshots["index"] = np.arange(len(listing_ids))
    return snapshots


def show_own(tick: Tick, rows: Records, shown: NDArray[np.bool_], won: NDArray[np.bool_]) -> None:
    """Makes the first offer of some snapshots ours, at the price its row has; it wins or not."""
    mine = rows[tick.snapshots["listing_id"]]
    shown = shown & (mine["price_minor"] > 0)
    at = tick.snapshots["offer_begin"][shown]
    price = mine["price_minor"][shown]
    landed = price + mine["landed_offset_minor"][shown] - price * mine["points_bp"][shown] // 10_000
    tick.snapshots["own_offer"][shown] = at
    tick.snapshots["own_price_minor"][shown] = price
    tick.offers.landed_minor[at] = landed
    own = OfferBit.OWN_ACCOUNT | OfferBit.CONDITION_NEW | OfferBit.SUB_NEW | OfferBit.AVAILABLE_NOW
    own |= OfferBit.FULFILLED_BY_AMAZON | OfferBit.FEATURED
    verdict = np.where(won[shown], OfferBit.WINNER, OfferBit.NOT_WINNER).astype(np.uint32)
    tick.offers.bits[at] = verdict | np.uint32(own)
    # One snapshot has one winner.
    rest = (at[won[shown]][:, None] + np.arange(1, OFFERS_EACH)).ravel()
    tick.offers.bits[rest] &= ~np.uint32(OfferBit.WINNER)
    tick.offers.bits[rest] |= np.uint32(OfferBit.NOT_WINNER)


class Bench:
    """The kernel with its table and its scratch, as the pipeline holds them."""

    def __init__(self, rows: Records, strategies: Records, pool: NDArray[np.uint64]) -> None:
        self.kernel = kernel.load()
        self._module: Any = import_module(f"engine.{kernel.MODULES[self.kernel.level]}")
        self.rows, self.strategies, self.pool = rows, strategies, pool
        self.grids = Room(GRID).records(len(rows))
        self.out = (np.zeros(SLICE, ROW), np.zeros(SLICE, GRID), np.zeros(SLICE, OUTCOME))
        self.accepted = np.ones(SLICE, np.uint8)
        self.counters = new_counters()
        self._copied: OfferColumns | None = None

    def evaluate(self, tick: Tick) -> None:
        """Evaluates and commits a batch, slice by slice."""
        first, total = 0, len(tick)
        while first < total:
            count = self.kernel.evaluate_offers(
                self.rows, self.grids, self.strategies, self.pool, tick.snapshots, first,
                min(first + SLICE, total), tick.offers, tick.now_ms, *self.out,
            )  # fmt: skip
            self.kernel.commit(
                self.rows, self.grids, *self.out, self.accepted, self.strategies,
                self.counters, count,
            )  # fmt: skip
            first += count

    def advance(self, now_ms: int) -> None:
        """Runs the due timers of all listings."""
        first, total = 0, len(self.rows)
        while first < total:
            count, first = self.kernel.evaluate_timers(
                self.rows, self.grids, self.strategies, first, total, now_ms, *self.out
            )
            self.kernel.commit(
                self.rows, self.grids, *self.out, self.accepted, self.strategies,
                self.counters, count,
            )  # fmt: skip

    def copy(self, tick: Tick) -> None:
        """The floor: the same rows out and back and the same offers copied, slice by slice."""
        if self._copied is None or len(self._copied) < len(tick.offers):
            self._copied = OfferColumns.empty(len(tick.offers))
        copied = [getattr(self._copied, name) for name in kernel.COLUMN_TYPES]
        for first in range(0, len(tick), SLICE):
            self._module.copy_floor(
                self.rows.view(np.uint8), tick.snapshots.view(np.uint8), first,
                min(first + SLICE, len(tick)),
                *(getattr(tick.offers, name) for name in kernel.COLUMN_TYPES),
                self.out[0].view(np.uint8), *copied,
            )  # fmt: skip
