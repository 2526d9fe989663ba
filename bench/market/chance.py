"""Common random numbers: a draw depends on seed, purpose and tick, never on what a policy did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

TICK_MINUTES = 5
TICKS_A_DAY = 24 * 60 // TICK_MINUTES

Floats = NDArray[np.float64]


def generator(seed: int, purpose: str, block: int = 0) -> np.random.Generator:
    """Stream of its own for a seed, a purpose and a block of ticks."""
    key = np.array([seed, crc32(purpose.encode()) << 32 | block], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


class Chance:
    """Draws for all rows at a tick; rows of one seed stand together.

    A row's draws are the same whichever other seeds run beside its own.
    """

    def __init__(self, seeds: Sequence[int], rows_per_seed: int) -> None:
        self._seeds = seeds
        self._rows = rows_per_seed
        self._blocks: dict[str, tuple[int, NDArray[np.float32]]] = {}

    def uniform(self, purpose: str, tick: int, *shape: int) -> NDArray[np.float32]:
        """Array of shape (rows, *shape), each value in [0, 1)."""
        return self._draw(
            purpose, tick, shape, lambda draws, size: draws.random(size, dtype=np.float32)
        )

    def normal(self, purpose: str, tick: int, *shape: int) -> NDArray[np.float32]:
        """Array of shape (rows, *shape), standard normal."""
        return self._draw(
            purpose, tick, shape, lambda draws, size: draws.standard_normal(size, dtype=np.float32)
        )

    def _draw(
        self,
        purpose: str,
        tick: int,
        shape: tuple[int, ...],
        make: Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        block, at = divmod(tick, TICKS_A_DAY)
        held = self._blocks.get(purpose)
        if held is None or held[0] != block:
            size = (TICKS_A_DAY, self._rows, *shape)
            parts = [make(generator(seed, purpose, block), size) for seed in self._seeds]
            held = block, np.concatenate(parts, axis=1)
            self._blocks[purpose] = held
        return held[1][at]
