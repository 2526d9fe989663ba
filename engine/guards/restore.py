"""The log of live prices, so that a person can go back to those of an earlier time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LIVE_CHANGES_KEPT = 1_048_576

LIVE_CHANGE = np.dtype(
    [
        ("at_ms", "<i8"),
        ("price_minor", "<i8"),
        ("previous_minor", "<i8"),  # 0: none was known
        ("listing_id", "<u4"),
        ("padding", "u1", (4,)),
    ]
)


class LiveLog:
    """The newest changes of live prices in order of time. `reaches_ms` is how far back it says
    everything."""

    def __init__(self) -> None:
        self.reaches_ms = 0
        self._changes = np.zeros(1_024, LIVE_CHANGE)
        self._count = 0  # ever noted; the newest of them are kept

    def note(
        self, at_ms: int, ids: NDArray[np.uint32], before: NDArray[np.int64],
        after: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Appends changes of live prices, of each listing at most one."""
        if len(ids) == 0:
            return
        if self._count + len(ids) > len(self._changes) < LIVE_CHANGES_KEPT:
            wanted = max(self._count + len(ids), 2 * len(self._changes))
            grown = np.zeros(min(LIVE_CHANGES_KEPT, wanted), LIVE_CHANGE)
            grown[: self._count] = self._changes[: self._count]
            self._changes = grown
        places = (self._count + np.arange(len(ids))) % len(self._changes)
        overwritten = self._count + len(ids) - len(self._changes)
        if overwritten > 0:
            lost = self._changes["at_ms"][places[-min(overwritten, len(ids)) :]]
            self.reaches_ms = max(self.reaches_ms, int(lost.max()))
        self._changes["at_ms"][places] = at_ms
        self._changes["listing_id"][places] = ids
        self._changes["previous_minor"][places] = before
        self._changes["price_minor"][places] = after
        self._count += len(ids)

    def changes(self) -> NDArray[np.void]:
        """What is kept, oldest first."""
        if self._count <= len(self._changes):
            return self._changes[: self._count]
        return np.roll(self._changes, -(self._count % len(self._changes)))

    def prices_at(
        self, at_ms: int, ids: NDArray[np.uint32], live: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Live price of each listing at a time that the log reaches back to; `live` is today's.

        It is what the first change after that time changed; 0 where none was known.
        """
        later = self.changes()
        later = later[np.searchsorted(later["at_ms"], at_ms, "right") :]
        changed, first = np.unique(later["listing_id"], return_index=True)
        if len(changed) == 0:
            return live.copy()
        at = np.minimum(np.searchsorted(changed, ids), len(changed) - 1)
        return np.where(changed[at] == ids, later["previous_minor"][first[at]], live)

    def forget(self, ids: NDArray[np.int64]) -> None:
        """Drops all changes of these listings."""
        changes = self.changes()
        self.load(changes[~np.isin(changes["listing_id"], ids)], self.reaches_ms)

    def load(self, changes: NDArray[np.void], reaches_ms: int) -> None:
        """Replaces everything."""
        self._changes = np.zeros(max(1_024, len(changes)), LIVE_CHANGE)
        self._changes[: len(changes)] = changes
        self._count = len(changes)
        self.reaches_ms = reaches_ms
