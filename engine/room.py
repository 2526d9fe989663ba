"""Memory of tables that grow without being copied: address space is set aside, pages come when
they are touched. docs/decisions/0120-tables-grow-in-place.md.
"""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESERVED = 1 << 24
"""Records that a table has address space for; one with more is copied when it grows."""
LEAST = 1024
"""Records to begin with where the system counts address space as if it were memory."""
LARGE = 4 * 1024 * 1024
"""Bytes from which on memory comes in large pages, which random reads need fewer look-ups for."""
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (0x4000 if sys.platform == "linux" else 0)
"""0x4000 is MAP_NORESERVE, which `mmap` of Python 3.11 has no name for."""


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Memory of a contiguous array. For records it is a third of what `view` costs."""
    return np.frombuffer(array, np.uint8)


class Room:
    """Records of one type, zero until written, in memory that begins at a page."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._set_aside(RESERVED, LEAST)

    def _set_aside(self, wanted: int, least: int) -> None:
        """Address space for so many records, or for fewer where the system allows no more."""
        try:
            self._memory = mmap.mmap(-1, wanted * self.dtype.itemsize, flags=FLAGS)
        except OSError as error:
            if wanted <= least:
                raise MemoryError(f"{wanted} records of {self.dtype.itemsize} bytes") from error
            self._set_aside(max(least, wanted // 2), least)
            return
        self._bytes = np.frombuffer(self._memory, np.uint8)
        self._large = False

    def raw(self, size: int) -> NDArray[np.uint8]:
        """The first `size` bytes; earlier results stay what they are."""
        if size > len(self._bytes):
            before = self._bytes
            needed = -(-size // self.dtype.itemsize)
            self._set_aside(2 * needed, needed)
            self._bytes[: len(before)] = before
        if size >= LARGE and not self._large:
            self._large = True
            with suppress(AttributeError, OSError):  # A system need not have large pages.
                self._memory.madvise(mmap.MADV_HUGEPAGE)
        return self._bytes[:size]

    def records(self, count: int) -> NDArray[Any]:
        """The first `count` records."""
        return self.raw(count * self.dtype.itemsize).view(self.dtype)
