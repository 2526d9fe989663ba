"""Who changed bounds, strategies and switches: written down after the engine applied it.

The caller's own thread hands a line over; a thread of its own writes. The writer of the engine
never waits for this disk. Where the lines come faster than the disk takes them, callers wait, so
that none is lost; those of the last moment before a crash are (docs/security.md).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine.errors import RepricedError
from engine.pipeline import Input
from engine.results import Result
from engine.schema import InputKind
from server.access.caller import Caller
from server.access.forgetting import Forgotten
from server.access.store import Store, now_ms
from server.logs import logger

Line = tuple[int, str, str, str]
"""Time in ms, caller, action, detail as JSON."""

ACTIONS = {
    InputKind.SELLERS: "define sellers",
    InputKind.STRATEGIES: "define strategies",
    InputKind.FEE_SCHEDULES: "define fee schedules",
    InputKind.EXCHANGE_RATES: "define exchange rates",
    InputKind.LISTINGS: "define listings",
    InputKind.DELETE: "delete listings",
    InputKind.ERASE: "erase seller",
    InputKind.PAUSE: "pause",
    InputKind.RESUME: "resume",
    InputKind.STOP: "stop",
    InputKind.RESTART: "restart",
    InputKind.RELEASE: "release held",
    InputKind.DISCARD: "discard held",
    InputKind.RESTORE: "restore prices",
}
"""Kinds of input that are written down."""
FIRST_ROWS = 20
"""Rows told one by one; all of them stand in the journal under the line's sequence number."""
QUEUE_LINES = 10_000
BATCH_LINES = 500
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Leaving:
    """A seller whom the access file is to forget; `done` is who of its callers went with it."""

    seller_id: str
    sequence: int
    done: Future[frozenset[str]] = field(default_factory=Future)


class Audit:
    """The audit log of a running server. Without an access file nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: queue.Queue[Line | Leaving | None] = queue.Queue(QUEUE_LINES)
        self._forgotten: list[Forgotten] = []
        self._store: Store | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Starts the writing."""
        if self._path is not None:
            self._thread.start()

    def stop(self) -> None:
        """Writes what is left, once, then ends the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join()

    def applied(self, caller: Caller, given: Input, result: Result | None) -> None:
        """Notes an input that was applied, if it is one of ACTIONS. Any thread but the writer.

        A repeat has no result and was noted the first time.
        """
        if self._path is None or result is None or given.kind not in ACTIONS:
            return
        detail = {
            "sequence": result.sequence,
            "request_id": given.batch.request_id,
            "rows": given.batch.row_count,
            "refused": len(result.problems),
            "first": [*islice(told(given), FIRST_ROWS)],
        }
        text = msgspec.json.encode(detail).decode()
        self._lines.put((now_ms(), caller.name, ACTIONS[given.kind], text))

    def forget(self, seller_id: str, sequence: int) -> frozenset[str]:
        """Takes a seller that the input `sequence` erased out of the access file.

        It waits until the lines before it are written; lines of inputs before it that come later
        are changed on their way. Which callers went with the seller. Raises RepricedError,
        OSError, apsw.Error; then it can be tried again.
        """
        if self._path is None:
            return frozenset()
        leaving = Leaving(seller_id, sequence)
        self._lines.put(leaving)
        return leaving.done.result()

    def _run(self) -> None:
        more = True
        while more:
            lines, then = self._take()
            self._write(lines)
            if isinstance(then, Leaving):
                self._forget(then)
            more = then is not None
        if self._store is not None:
            self._store.close()

    def _opened(self) -> Store:
        """The access file, opened by this thread. Raises ConfigError."""
        if self._store is None:
            self._store = Store(self._path or Path())
        return self._store

    def _write(self, lines: list[Line]) -> None:
        """Writes lines; waits for a disk that is full, unless the server stops."""
        while lines:
            try:
                self._opened().note([self._without(each) for each in lines])
                return
            except (RepricedError, apsw.Error, OSError) as error:
                logger().error("audit_failed", lines=len(lines), error=str(error))
                if self._stopping.wait(RETRY_S):
                    return

    def _forget(self, leaving: Leaving) -> None:
        try:
            forgotten = self._opened().forget(leaving.seller_id, leaving.sequence)
        except Exception as error:
            leaving.done.set_exception(error)
            return
        self._forgotten.append(forgotten)
        leaving.done.set_result(forgotten.callers)

    def _without(self, line: Line) -> Line:
        """A line as it is written: without sellers that are erased since."""
        at_ms, caller, action, detail = line
        for each in self._forgotten:
            if caller in each.callers or any(name in detail for name in each.names()):
                caller, detail = each.late(caller, detail)
        return at_ms, caller, action, detail

    def _take(self) -> tuple[list[Line], Leaving | bool | None]:
        """Lines that wait, and what comes after them: a seller to forget, more, or the end."""
        lines: list[Line] = []
        while True:
            line = self._lines.get()
            if line is None or isinstance(line, Leaving):
                return lines, line
            lines.append(line)
            if len(lines) == BATCH_LINES or self._lines.empty():
                return lines, True


def told(given: Input) -> Iterator[Any]:
    """The rows of an input in a few words each."""
    batch = given.batch
    if given.kind == InputKind.LISTINGS:
        rows: Iterable[Any] = (
            {
                "listing": [*each.key],
                "floor_minor": each.floor_minor,
                "ceiling_minor": each.ceiling_minor,
                "currency": each.currency,
                "strategy_id": each.strategy_id,
            }
            for _, each in batch.rows
        )
    elif given.kind == InputKind.STRATEGIES:
        rows = ([each.seller_id, each.strategy_id] for _, each in batch.rows)
    elif given.kind == InputKind.FEE_SCHEDULES:
        rows = ([each.seller_id, each.fee_schedule_id] for _, each in batch.rows)
    elif given.kind == InputKind.EXCHANGE_RATES:
        rows = ([*each.pair, each.rate_billionths, each.day] for _, each in batch.rows)
    elif given.kind == InputKind.SELLERS:
        rows = ([each.seller_id, each.account_group] for _, each in batch.rows)
    elif given.kind == InputKind.ERASE:
        rows = ([batch.seller_id],)
    elif given.kind in (InputKind.RELEASE, InputKind.DISCARD):
        rows = batch.hold_ids or ([batch.seller_id, batch.marketplace_id],)
    elif given.kind == InputKind.RESTORE:
        rows = ([batch.seller_id, batch.marketplace_id, batch.at_ms],)
    elif given.kind in (InputKind.STOP, InputKind.RESTART):
        rows = (*["everything"] * batch.everything, *batch.sellers, *named(batch))
    else:
        rows = named(batch)
    return iter(rows)


def named(batch: Any) -> Iterator[Any]:
    """How a batch names its listings."""
    return (each if isinstance(each, int) else [*each] for each in batch.addresses)
