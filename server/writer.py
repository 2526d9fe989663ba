"""The one thread that owns the engine, and the queues before it.

Requests wait in one queue per connection, served in turn; reads have a queue of their own and run
between groups of requests. How much may wait is decided before, in `server.admission`.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.errors import ApplyError, DeadlineError, JournalFailedError, RepricedError
from engine.pipeline import Engine, Input
from engine.results import Answer
from server.config import LimitsConfig
from server.logs import logger
from server.metrics import Metrics

T = TypeVar("T")

EXIT_WRITER_FAILED = 70
EXIT_JOURNAL_FAILED = 74
TURN_BYTES = 1 << 20
"""A turn of one request ends at the input that reaches this size."""
READ_TURN_S = 0.001
"""Reads between two groups take no longer than this, one read aside."""


@dataclass(slots=True, eq=False)
class Work:
    """Inputs of one request, applied one after the other.

    A turn takes at least one of them and no more than TURN_BYTES; what is left has its next turn
    when all others have had theirs.
    """

    inputs: Sequence[Input]
    expires: float = math.inf  # time.monotonic()
    is_wanted: Callable[[], bool] = lambda: True  # whether its caller still waits
    future: Future[list[Answer]] = field(default_factory=Future)
    answers: list[Answer | RepricedError] = field(default_factory=list)
    taken: int = 0

    def take(self) -> Turn:
        """The inputs of the next turn."""
        first, size = self.taken, 0
        while self.left and (self.taken == first or size < TURN_BYTES):
            size += len(self.inputs[self.taken].payload)
            self.taken += 1
        return Turn(self, self.inputs[first : self.taken], size)

    @property
    def left(self) -> int:
        """How many inputs still wait."""
        return len(self.inputs) - self.taken

    def drop(self) -> None:
        """Applies no more of it."""
        self.taken = len(self.inputs)


@dataclass(frozen=True, slots=True)
class Turn:
    """Inputs of a request that are applied together."""

    work: Work
    inputs: Sequence[Input]
    size: int

    def is_due(self, now: float) -> bool:
        """Whether it is to be applied; a request that was begun always is."""
        work = self.work
        return bool(work.answers) or (work.expires > now and work.is_wanted())

    def done(self, answers: list[Answer | RepricedError]) -> None:
        """Takes the answers in, and tells the caller after the last of them.

        After a refusal nothing more is applied: parts are known by their number, without a gap. A
        fault of ours has its number.
        """
        work = self.work
        work.answers += answers
        if any(isinstance(e, RepricedError) and not isinstance(e, ApplyError) for e in answers):
            work.drop()
        if not work.left:
            settle(work.future, first_error(work.answers))


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Writer:
    """Runs the engine. Whoever asks waits on the future that it gets.

    What goes wrong inside an input is that input's answer. What goes wrong around the inputs leaves
    memory and journal in doubt: then the process ends at once, and the next start replays.
    """

    def __init__(
        self,
        engine: Engine,
        limits: LimitsConfig,
        metrics: Metrics,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._engine = engine
        self._end = end
        self._limits = limits
        self._metrics = metrics
        self._queues: OrderedDict[str, deque[Work]] = OrderedDict()
        self._reads: deque[tuple[Callable[[Engine], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Serves what is queued, then ends the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def apply(self, work: Work, connection: str) -> Future[list[Answer]]:
        """Queues a request, whose inputs are applied in order, in one group or in several.

        Its future fails with a DeadlineError when it expired or its caller went before that, or
        with what the engine answers for the first input that it refuses.
        """
        with self._changed:
            self._queues.setdefault(connection, deque()).append(work)
            self._changed.notify()
        return work.future

    def read(self, look: Callable[[Engine], T]) -> Future[T]:
        """Queues `look`, which runs on the writer between groups of requests."""
        future: Future[T] = Future()
        with self._changed:
            self._reads.append((look, future))
            self._changed.notify()
        return future

    def _run(self) -> None:
        try:
            self._serve()
        except JournalFailedError as error:
            logger().critical("journal_failed", error=error.message)
            self._end(EXIT_JOURNAL_FAILED)
        except Exception:
            logger().critical("writer_failed", exc_info=True)
            self._end(EXIT_WRITER_FAILED)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queues or self._reads or self._stopped)
                if self._stopped and not self._queues and not self._reads:
                    return
                group = self._take_group()
            if group:
                self._apply(group)
            self._run_reads()

    def _take_group(self) -> list[Turn]:
        """One turn of each connection after the other, until the group has its size. A connection
        whose request has more turns waits for the next group."""
        group: list[Turn] = []
        size = 0
        begun: dict[str, deque[Work]] = {}
        while self._queues and len(group) < self._limits.group_requests:
            connection, queue = self._queues.popitem(last=False)
            if queue[0].left:
                group.append(queue[0].take())
                size += group[-1].size
            if queue[0].left:
                begun[connection] = queue
            else:
                queue.popleft()
                if queue:
                    self._queues[connection] = queue
            if size >= self._limits.group_bytes:
                break
        self._queues.update(begun)
        return group

    def _apply(self, group: list[Turn]) -> None:
        now = time.monotonic()
        due: list[Turn] = []
        for turn in group:
            if turn.is_due(now):
                due.append(turn)
            else:
                turn.work.drop()
                turn.work.future.set_exception(too_late())
        started = time.perf_counter()
        outcomes = self._outcomes(due)
        self._metrics.evaluate_seconds.observe(time.perf_counter() - started)
        for turn, outcome in zip(due, outcomes, strict=True):
            turn.done(outcome)

    def _outcomes(self, group: list[Turn]) -> list[list[Answer | RepricedError]]:
        """Answers of each turn. A failure inside one of them is not the others' failure."""
        inputs = [each for turn in group for each in turn.inputs]
        given = self._engine.apply_group(inputs, wall_ms())
        for each in given:
            if isinstance(each, ApplyError) and each.__cause__ is not None:
                logger().error("apply_failed", exc_info=each.__cause__)
        answers = iter(given)
        return [[next(answers) for _ in turn.inputs] for turn in group]

    def _run_reads(self) -> None:
        until = time.perf_counter() + READ_TURN_S
        while self._reads and time.perf_counter() < until:
            look, future = self._reads.popleft()
            try:
                outcome = look(self._engine)
            except JournalFailedError:
                raise
            except Exception as error:
                outcome = error
            settle(future, outcome)


def settle(future: Future[Any], outcome: Any) -> None:
    """Hands a result, or an exception, to the one who waits."""
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def too_late() -> DeadlineError:
    """Answer to a request that waited too long."""
    return DeadlineError(
        "the deadline passed before the request was applied; nothing was changed",
        reason="DEADLINE_EXCEEDED",
    )


def first_error(answers: list[Answer | RepricedError]) -> list[Answer] | Exception:
    """The answers of a request, or the first refusal among them."""
    good: list[Answer] = []
    for each in answers:
        if isinstance(each, RepricedError):
            return each
        good.append(each)
    return good
