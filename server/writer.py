"""The one thread that owns the engine, and the bounded queues before it.

Requests wait in one queue per connection, served in turn; what does not fit is refused at once.
Reads have a queue of their own and run between groups of requests.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.errors import DrainingError, LimitError, RepricedError
from engine.pipeline import Answer, Engine, Input
from server.config import LimitsConfig
from server.logs import logger
from server.metrics import Metrics

T = TypeVar("T")

READ_TURN_S = 0.001
"""Reads between two groups take no longer than this, one read aside."""

RETRY_AFTER_MS = 200


class DeadlineError(RepricedError):
    """The caller's deadline passed before the request was applied; nothing was changed."""


@dataclass(slots=True)
class Work:
    """A request in the queue."""

    input: Input
    expires: float | None  # time.monotonic() value
    future: Future[Answer] = field(default_factory=Future)


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Writer:
    """Runs the engine. `submit` and `read` block their caller until the writer has answered."""

    def __init__(self, engine: Engine, limits: LimitsConfig, metrics: Metrics) -> None:
        self._engine = engine
        self._limits = limits
        self._metrics = metrics
        self._queues: OrderedDict[str, deque[Work]] = OrderedDict()
        self._reads: deque[tuple[Callable[[Engine], Any], Future[Any]]] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._draining = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def drain(self) -> None:
        """Refuses new requests; those admitted are still served."""
        with self._changed:
            self._draining = True

    def stop(self) -> None:
        """Serves what was admitted, then ends the thread."""
        with self._changed:
            self._draining = self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def depth(self) -> int:
        """Requests that wait."""
        return self._waiting

    def submit(self, each: Input, connection: str, timeout_s: float | None) -> Answer:
        """Applies a request and waits for its answer.

        Raises LimitError when the queue is full, DrainingError, DeadlineError, and what the
        engine raises.
        """
        expires = None if timeout_s is None else time.monotonic() + timeout_s
        work = Work(each, expires)
        with self._changed:
            self._admit(len(each.payload))
            self._queues.setdefault(connection, deque()).append(work)
            self._changed.notify()
        return work.future.result()

    def _admit(self, size: int) -> None:
        if self._draining:
            raise DrainingError("the server is stopping", reason="DRAINING")
        full = self._waiting >= self._limits.queue_requests
        if full or self._waiting_bytes + size > self._limits.queue_bytes:
            raise LimitError(
                f"{self._waiting} requests of {self._waiting_bytes} bytes wait; allowed:"
                f" {self._limits.queue_requests} of {self._limits.queue_bytes} bytes",
                reason="QUEUE_FULL",
                retry_after_ms=RETRY_AFTER_MS,
            )
        self._waiting += 1
        self._waiting_bytes += size

    def read(self, look: Callable[[Engine], T]) -> T:
        """Runs a read on the writer between groups. Raises LimitError, DrainingError."""
        future: Future[T] = Future()
        with self._changed:
            if self._stopped:
                raise DrainingError("the server is stopping", reason="DRAINING")
            if len(self._reads) >= self._limits.queue_reads:
                raise LimitError(
                    f"{len(self._reads)} reads wait; allowed: {self._limits.queue_reads}",
                    reason="READ_QUEUE_FULL",
                    retry_after_ms=RETRY_AFTER_MS,
                )
            self._reads.append((look, future))
            self._changed.notify()
        return future.result()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queues or self._reads or self._stopped)
                if self._stopped and not self._queues and not self._reads:
                    return
                group = self._take_group()
            if group:
                self._apply(group)
            self._run_reads()

    def _take_group(self) -> list[Work]:
        """One request of each connection in turn, up to the group's size."""
        group: list[Work] = []
        while self._queues and len(group) < self._limits.group_requests:
            connection, queue = self._queues.popitem(last=False)
            work = queue.popleft()
            if queue:
                self._queues[connection] = queue
            self._waiting -= 1
            self._waiting_bytes -= len(work.input.payload)
            group.append(work)
        return group

    def _apply(self, group: list[Work]) -> None:
        now = time.monotonic()
        due = []
        for work in group:
            if work.expires is not None and work.expires < now:
                error = DeadlineError("the deadline passed in the queue", reason="DEADLINE")
                work.future.set_exception(error)
            else:
                due.append(work)
        started = time.perf_counter()
        try:
            answers = self._engine.apply_group([work.input for work in due], wall_ms())
        except Exception as error:
            logger().error("apply_failed", exc_info=True)
            for work in due:
                work.future.set_exception(error)
            return
        self._metrics.tick_seconds.observe(time.perf_counter() - started)
        for work, answer in zip(due, answers, strict=True):
            if isinstance(answer, RepricedError):
                work.future.set_exception(answer)
            else:
                work.future.set_result(answer)

    def _run_reads(self) -> None:
        until = time.perf_counter() + READ_TURN_S
        while self._reads and time.perf_counter() < until:
            look, future = self._reads.popleft()
            try:
                future.set_result(look(self._engine))
            except Exception as error:
                future.set_exception(error)
