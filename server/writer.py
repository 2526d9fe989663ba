"""The one thread that owns the engine, and the queues before it.

Requests wait in one queue per connection, served in turn; reads have a queue of their own and run
between groups of requests. How much may wait is decided before, in `server.admission`.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.errors import RepricedError
from engine.pipeline import Answer, Engine, Input
from server.config import LimitsConfig
from server.logs import logger
from server.metrics import Metrics

T = TypeVar("T")

READ_TURN_S = 0.001
"""Reads between two groups take no longer than this, one read aside."""


class DeadlineError(RepricedError):
    """The caller's deadline passed before the request was applied; nothing was changed."""


@dataclass(slots=True, eq=False)
class Work:
    """Inputs of one request, applied one after the other in one group."""

    inputs: Sequence[Input]
    future: asyncio.Future[list[Answer]]
    expires: float = math.inf  # time.monotonic()
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(len(each.payload) for each in self.inputs)


Settled = tuple[asyncio.Future[Any], Any]
"""A future of the event loop with its result, or with an exception."""


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


def settle(done: Sequence[Settled]) -> None:
    """Hands results to those who wait; runs on the event loop."""
    for future, outcome in done:
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


class Writer:
    """Runs the engine. Futures belong to the event loop that `start` was called on."""

    def __init__(self, engine: Engine, limits: LimitsConfig, metrics: Metrics) -> None:
        self._engine = engine
        self._limits = limits
        self._metrics = metrics
        self._queues: OrderedDict[str, deque[Work]] = OrderedDict()
        self._reads: deque[tuple[Callable[[Engine], Any], asyncio.Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._news = asyncio.Event()

    def start(self) -> None:
        """Starts the thread; on the event loop that will ask it."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Serves what is queued, then ends the thread. Not on the event loop."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    async def apply(
        self, inputs: Sequence[Input], connection: str, expires: float = math.inf
    ) -> list[Answer]:
        """Applies the inputs of one request in order and answers each.

        Raises DeadlineError when `expires` (time.monotonic()) passes before, and what the engine
        answers for the first input that it refuses. A cancelled wait withdraws the request if it
        is still queued.
        """
        work = Work(inputs, self._loop.create_future(), expires)
        with self._changed:
            self._queues.setdefault(connection, deque()).append(work)
            self._changed.notify()
        return await work.future

    async def read(self, look: Callable[[Engine], T]) -> T:
        """What `look` returns; it runs on the writer, between groups of requests."""
        future: asyncio.Future[T] = self._loop.create_future()
        with self._changed:
            self._reads.append((look, future))
            self._changed.notify()
        return await future

    async def news(self, seconds: float) -> None:
        """Waits until something was applied, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queues or self._reads or self._stopped)
                if self._stopped and not self._queues and not self._reads:
                    return
                group = self._take_group()
            done = self._apply(group) if group else []
            done += self._run_reads()
            self._loop.call_soon_threadsafe(self._tell, done)

    def _tell(self, done: Sequence[Settled]) -> None:
        settle(done)
        self._news.set()
        self._news.clear()

    def _take_group(self) -> list[Work]:
        """One request of each connection in turn, until the group has its size."""
        group: list[Work] = []
        size = 0
        while self._queues and len(group) < self._limits.group_requests:
            connection, queue = self._queues.popitem(last=False)
            work = queue.popleft()
            if queue:
                self._queues[connection] = queue
            group.append(work)
            size += work.size
            if size >= self._limits.group_bytes:
                break
        return group

    def _apply(self, group: list[Work]) -> list[Settled]:
        now = time.monotonic()
        late = DeadlineError(
            "the deadline passed before the request was applied; nothing was changed",
            reason="DEADLINE_EXCEEDED",
        )
        waited = [work for work in group if not work.future.cancelled()]
        due = [work for work in waited if work.expires > now]
        done: list[Settled] = [(work.future, late) for work in waited if work.expires <= now]
        started = time.perf_counter()
        outcomes = self._outcomes(due)
        self._metrics.evaluate_seconds.observe(time.perf_counter() - started)
        return done + [(work.future, each) for work, each in zip(due, outcomes, strict=True)]

    def _outcomes(self, group: list[Work]) -> list[list[Answer] | Exception]:
        """Answers of each request. A failure inside one of them is not the others' failure."""
        try:
            return self._together(group)
        except Exception as error:
            logger().error("apply_failed", requests=len(group), exc_info=True)
            if len(group) == 1:
                return [error]
        # Those that were applied before the failure are repeats now and get their first answer.
        return [self._outcomes([work])[0] for work in group]

    def _together(self, group: list[Work]) -> list[list[Answer] | Exception]:
        inputs = [each for work in group for each in work.inputs]
        answers = iter(self._engine.apply_group(inputs, wall_ms()))
        return [first_error([next(answers) for _ in work.inputs]) for work in group]

    def _run_reads(self) -> list[Settled]:
        until = time.perf_counter() + READ_TURN_S
        done: list[Settled] = []
        while self._reads and time.perf_counter() < until:
            look, future = self._reads.popleft()
            if future.cancelled():
                continue
            try:
                done.append((future, look(self._engine)))
            except Exception as error:
                done.append((future, error))
        return done


def first_error(answers: list[Answer | RepricedError]) -> list[Answer] | Exception:
    """The answers of a request, or the first refusal among them."""
    good: list[Answer] = []
    for each in answers:
        if isinstance(each, RepricedError):
            return each
        good.append(each)
    return good
