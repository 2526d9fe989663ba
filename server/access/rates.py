"""How much each caller asks for: calls a second, rows a second, calls at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.errors import LimitError
from server.access.caller import Caller

SOONEST_MS = 50
BUSY_RETRY_MS = 200


@dataclass(slots=True)
class Bucket:
    """A token bucket that holds one second's worth and can go into debt.

    Whoever has anything left may take all that a call needs, so that a batch above the rate is
    slowed down and not refused for ever.
    """

    rate: int
    level: float
    at: float

    def wait_s(self, now: float) -> float:
        """Seconds until something may be taken; 0: now."""
        self.level = min(float(self.rate), self.level + (now - self.at) * self.rate)
        self.at = now
        return 0.0 if self.level > 0 else (1 - self.level) / self.rate


@dataclass(slots=True)
class Use:
    """What one caller uses at this moment. Its rates are those of the last look."""

    calls: Bucket
    rows: Bucket
    open: int = 0


class Meter:
    """Uses by caller; any thread. Holds an entry per caller that was let in, never per attempt."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uses: dict[str, Use] = {}
        self._lock = threading.Lock()

    @contextmanager
    def call(self, caller: Caller) -> Iterator[None]:
        """A place for one call. Raises LimitError."""
        with self._lock:
            use = self._use(caller)
            limit = caller.rates.concurrent_calls
            if limit and use.open >= limit:
                raise LimitError(
                    f"caller {caller.name} has {use.open} calls open; allowed: {limit} at once",
                    reason="CALLER_CONCURRENCY",
                    retry_after_ms=BUSY_RETRY_MS,
                )
            self._take(use.calls, 1, f"caller {caller.name} calls too often", "calls")
            use.open += 1
        try:
            yield
        finally:
            with self._lock:
                use.open -= 1

    def rows(self, caller: Caller, count: int) -> None:
        """Takes the rows of a call. Raises LimitError."""
        with self._lock:
            use = self._use(caller)
            self._take(use.rows, count, f"caller {caller.name} sends too many rows", "rows")

    def _use(self, caller: Caller) -> Use:
        calls, rows = caller.rates.calls_per_second, caller.rates.rows_per_second
        use = self._uses.get(caller.name)
        if use is None:
            now = self._clock()
            use = Use(Bucket(calls, float(calls), now), Bucket(rows, float(rows), now))
            self._uses[caller.name] = use
        use.calls.rate, use.rows.rate = calls, rows
        return use

    def _take(self, bucket: Bucket, count: int, what: str, unit: str) -> None:
        if not bucket.rate:
            return
        wait_s = bucket.wait_s(self._clock())
        if wait_s > 0:
            raise LimitError(
                f"{what}; allowed: {bucket.rate} {unit} a second",
                reason="CALLER_RATE",
                retry_after_ms=max(SOONEST_MS, round(wait_s * 1000)),
            )
        bucket.level -= count
