"""Which listings and ASINs are sources of FOLLOW strategies, and of which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.follow_checks import SourceKey, source_key
from engine.named import Named

if TYPE_CHECKING:
    from engine.strategies import StrategyDefinition

Watcher = tuple[int, int]
"""Index of a strategy, and the place of a source in it."""


class Watched(Named):
    """The part of the catalogue that knows who follows what; derived from the strategies."""

    strategies: list[StrategyDefinition]

    def _init_watched(self) -> None:
        self.watched: dict[SourceKey, list[Watcher]] = {}
        self._watched_ids: set[int] = set()
        self._watched_column: NDArray[np.uint32] | None = None

    def watch_sources(self, strategies: Iterable[int]) -> None:
        """Enters what strategies follow."""
        for index in strategies:
            definition = self.strategies[index]
            if not definition.has_sources:
                continue
            for place, source in enumerate(definition.follow_sources):
                key = source_key(definition.seller_id, source)
                self.watched.setdefault(key, []).append((index, place))
                self._watch_ids(self.find(key, None))

    def watch(self, listing_id: int) -> None:
        """Notes a listing that was entered, if any strategy follows it or its ASIN."""
        if self.watchers(listing_id):
            self._watch_ids([listing_id])

    def _watch_ids(self, listing_ids: list[int]) -> None:
        self._watched_ids.update(listing_ids)
        self._watched_column = None

    def watchers(self, listing_id: int) -> list[Watcher]:
        """Who follows a listing or its ASIN."""
        if not self.watched:
            return []
        by_key = self.watched.get(self.key_of(listing_id), [])
        return by_key + self.watched.get(self.asin_key(listing_id), [])

    def are_watched(self, listing_ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these listings may have watchers; all that have are among them."""
        if self._watched_column is None:
            self._watched_column = np.array(sorted(self._watched_ids), np.uint32)
        found: NDArray[np.bool_] = np.isin(listing_ids, self._watched_column)
        return found
