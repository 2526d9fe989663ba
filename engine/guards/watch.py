"""What the guards remember of every listing: one record beside each row, found by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.catalog import Catalog

WATCH = np.dtype(
    [
        ("cost_minor", "<i8"),  # 0: unknown
        ("group", "<u4"),  # index of seller and marketplace; 0: not yet given
        ("seen_s", "<u4"),  # last evaluation
        ("changed_s", "<u4"),  # when `fall_ppm` was counted last
        ("mover", "<u4"),  # slot of the spiral guard; 0: none
        ("fall_ppm", "<u4", (2,)),  # how far the price fell in each window of the breaker
    ]
)


class WatchTable:
    """Grows with the catalogue; a listing that nothing is known of has a record of zeros."""

    def __init__(self) -> None:
        self.records = np.zeros(0, WATCH)
        self.bytes = self.records.view(np.uint8)
        """The same memory."""
        self._group_at: dict[tuple[int, int], int] = {}
        self.groups: list[tuple[int, int]] = [(-1, -1)]
        """(seller index, marketplace index) by group; group 0 does not exist."""

    def cover(self, count: int) -> None:
        """Makes room for listing ids below `count`."""
        if count > len(self.records):
            grown = np.zeros(max(count, 2 * len(self.records)), WATCH)
            grown[: len(self.records)] = self.records
            self.records, self.bytes = grown, grown.view(np.uint8)

    def groups_of(self, catalog: Catalog, ids: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Group of each listing, given out where it has none yet."""
        self.cover(catalog.count)
        groups = self.records["group"][ids].astype(np.int64)
        if not groups.all():
            self._give(catalog, ids[groups == 0])
            groups = self.records["group"][ids].astype(np.int64)
        return groups

    def _give(self, catalog: Catalog, ids: NDArray[np.uint32]) -> None:
        sellers = catalog.records["seller"][ids].astype(np.int64)
        pairs = sellers << 16 | catalog.records["marketplace"][ids]
        found, first, at = np.unique(pairs, return_index=True, return_inverse=True)
        given = np.zeros(len(found), np.uint32)
        for place in np.argsort(first).tolist():
            pair = int(found[place])
            given[place] = self.group(pair >> 16, pair & 0xFFFF)
        self.records["group"][ids] = given[at]

    def group(self, seller: int, marketplace: int) -> int:
        """Index of a seller in a marketplace."""
        index = self._group_at.setdefault((seller, marketplace), len(self.groups))
        if index == len(self.groups):
            self.groups.append((seller, marketplace))
        return index

    def known_group(self, seller: int, marketplace: int) -> int:
        """Index of a seller in a marketplace; 0: none was given yet. For reads: nothing changes."""
        return self._group_at.get((seller, marketplace), 0)

    def load(self, records: NDArray[np.void], groups: list[list[int]]) -> None:
        """Replaces everything."""
        self.records = records.copy()
        self.bytes = self.records.view(np.uint8)
        self.groups = [(seller, marketplace) for seller, marketplace in groups]
        self._group_at = {each: at for at, each in enumerate(self.groups) if at}
