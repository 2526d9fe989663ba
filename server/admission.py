"""Who may wait: bounds on what is admitted and not yet answered. Safe from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.errors import DrainingError, LimitError
from server.config import LimitsConfig

RETRY_AFTER_MS = 200
STREAM_RETRY_AFTER_MS = 1_000


@dataclass(slots=True)
class Held:
    """What is admitted at this moment, in all or for one caller."""

    requests: int = 0
    size: int = 0

    def check(self, whose: str, size: int, requests: int, size_limit: int) -> None:
        """Raises LimitError when one more request does not fit."""
        if self.requests < requests and self.size + size <= size_limit:
            return
        raise LimitError(
            f"{self.requests} requests with {self.size} bytes {whose} wait and this one has"
            f" {size} bytes; allowed: {requests} requests with {size_limit} bytes",
            reason="QUEUE_FULL",
            retry_after_ms=RETRY_AFTER_MS,
        )

    def add(self, requests: int, size: int) -> None:
        """Takes up room, or gives it back where negative."""
        self.requests += requests
        self.size += size


class Admission:
    """Places for requests, reads and streams. A full or draining server refuses at once."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits
        self._all = Held()
        self._callers: dict[str, Held] = {}
        self._reads = 0
        self._streams = 0
        self._changed = threading.Condition()
        self.draining = threading.Event()

    def depth(self) -> int:
        """Requests that are admitted and not yet answered."""
        return self._all.requests

    @contextmanager
    def request(self, caller: str, size: int) -> Iterator[None]:
        """A place for a request of `size` bytes; `caller` is whose queue it waits in.

        Raises LimitError, DrainingError.
        """
        limits = self._limits
        with self._changed:
            self.check_open()
            mine = self._callers.get(caller, Held())
            mine.check("of this caller", size, limits.caller_requests, limits.caller_bytes)
            self._all.check("of all callers", size, limits.queue_requests, limits.queue_bytes)
            self._callers[caller] = mine
            mine.add(1, size)
            self._all.add(1, size)
        try:
            yield
        finally:
            with self._changed:
                mine.add(-1, -size)
                self._all.add(-1, -size)
                if mine.requests == 0:
                    self._callers.pop(caller, None)
                self._changed.notify_all()

    @contextmanager
    def read(self) -> Iterator[None]:
        """A place for a read. Raises LimitError, DrainingError."""
        with self._changed:
            self.check_open()
            if self._reads >= self._limits.queue_reads:
                raise LimitError(
                    f"{self._reads} reads wait; allowed: {self._limits.queue_reads}",
                    reason="READ_QUEUE_FULL",
                    retry_after_ms=RETRY_AFTER_MS,
                )
            self._reads += 1
        try:
            yield
        finally:
            with self._changed:
                self._reads -= 1
                self._changed.notify_all()

    @contextmanager
    def stream(self) -> Iterator[None]:
        """A place for a stream. Raises LimitError, DrainingError."""
        with self._changed:
            self.check_open()
            if self._streams >= self._limits.streams:
                raise LimitError(
                    f"{self._streams} streams are open; allowed: {self._limits.streams}",
                    reason="TOO_MANY_STREAMS",
                    retry_after_ms=STREAM_RETRY_AFTER_MS,
                )
            self._streams += 1
        try:
            yield
        finally:
            with self._changed:
                self._streams -= 1

    def check_open(self) -> None:
        """Raises DrainingError when the server is stopping."""
        if self.draining.is_set():
            raise DrainingError(
                "the server is stopping and takes no new work; another one, or this one in a"
                " moment, will",
                reason="DRAINING",
            )

    def drain(self, seconds: float) -> bool:
        """Refuses from now on; False when admitted work was not answered in time.

        Streams are not waited for: their next request is refused.
        """
        with self._changed:
            self.draining.set()
            return self._changed.wait_for(
                lambda: not self._all.requests and not self._reads, seconds
            )
