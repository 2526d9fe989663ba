"""The newest decisions, for those who watch them. Safe to read from any thread."""

from __future__ import annotations

from collections import deque
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from engine.errors import NotFoundError
from engine.schema import DECISION
from engine.settings import DECISIONS_KEPT


class DecisionLog:
    """Keeps at most about `limit` decisions, oldest out first, whole batches at a time."""

    def __init__(self, limit: int = DECISIONS_KEPT) -> None:
        self.limit = limit
        self._batches: deque[NDArray[np.void]] = deque()
        self._kept = 0
        self._changed = Condition()
        self.last_id = 0
        self.kept_from = 1
        """Every decision from this one on is kept, but those of erased sellers."""

    def append(self, decisions: NDArray[np.void]) -> None:
        """Adds decisions (`schema.DECISION`) in order of their ids."""
        if len(decisions) == 0:
            return
        with self._changed:
            self._batches.append(decisions)
            self._kept += len(decisions)
            while self._kept > self.limit and len(self._batches) > 1:
                oldest = self._batches.popleft()
                self._kept -= len(oldest)
                self.kept_from = int(oldest["decision_id"][-1]) + 1
            self.last_id = int(decisions["decision_id"][-1])
            self._changed.notify_all()

    def after(self, decision_id: int, limit: int) -> NDArray[np.void]:
        """At most `limit` decisions with a higher id, oldest first.

        Raises NotFoundError when some of them are no longer kept.
        """
        with self._changed:
            batches, kept_from = list(self._batches), self.kept_from
        if decision_id + 1 < kept_from:
            raise NotFoundError(
                f"after_decision_id is {decision_id}; kept are decisions from {kept_from} on",
                reason="CURSOR_TOO_OLD",
                field="after_decision_id",
            )
        newer: list[NDArray[np.void]] = []
        for each in reversed(batches):
            if int(each["decision_id"][-1]) <= decision_id:
                break
            newer.insert(0, each[each["decision_id"] > decision_id])
        return np.concatenate(newer or [np.zeros(0, DECISION)])[:limit]

    def wait(self, after_id: int, timeout_s: float) -> bool:
        """Waits until a decision with a higher id exists; False when none came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.last_id > after_id, timeout_s)

    def forget(self, listing_ids: NDArray[np.int64]) -> None:
        """Drops what was decided for these listings; cursors stay valid."""
        with self._changed:
            kept = [each[~np.isin(each["listing_id"], listing_ids)] for each in self._batches]
            self._batches = deque(each for each in kept if len(each))
            self._kept = sum(len(each) for each in self._batches)

    def load(self, decisions: NDArray[np.void], kept_from: int, last_id: int) -> None:
        """Takes over what another log held; the last decisions can be those of erased sellers."""
        self.append(decisions)
        self.kept_from, self.last_id = kept_from, last_id

    def dump(self) -> NDArray[np.void]:
        """Every kept decision (`schema.DECISION`), oldest first."""
        with self._changed:
            return np.concatenate([np.zeros(0, DECISION), *self._batches])
