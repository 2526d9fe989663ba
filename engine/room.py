"""Memory of tables that grow without being copied: address space is set aside, pages come when
they are touched. docs/decisions/0120-tables-grow-in-place.md.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESERVED = 1 << 24
"""Records that a table has address space for; one with more is copied when it grows."""
LARGE = 4 * 1024 * 1024
"""Bytes from which on memory comes in large pages, which random reads need fewer look-ups for."""
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (0x4000 if sys.platform == "linux" else 0)
"""0x4000 is MAP_NORESERVE, which `mmap` of Python 3.11 has no name for."""


class Room:
    """Records of one type, zero until written, in memory that begins at a page."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._large = False
        self._set_aside(RESERVED)

    def _set_aside(self, count: int) -> None:
        self._memory = mmap.mmap(-1, count * self.dtype.itemsize, flags=FLAGS)
        self._bytes = np.frombuffer(self._memory, np.uint8)

    def raw(self, size: int) -> NDArray[np.uint8]:
        """The first `size` bytes; earlier results stay what they are."""
        if size > len(self._bytes):
            before = self._bytes
            self._set_aside(2 * -(-size // self.dtype.itemsize))
            self._bytes[: len(before)] = before
        if size >= LARGE and not self._large and hasattr(mmap, "MADV_HUGEPAGE"):
            self._memory.madvise(mmap.MADV_HUGEPAGE)
            self._large = True
        return self._bytes[:size]

    def records(self, count: int) -> NDArray[Any]:
        """The first `count` records."""
        return self.raw(count * self.dtype.itemsize).view(self.dtype)
