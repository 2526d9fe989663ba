"""Who changed bounds, strategies and switches: written down after the engine applied it.

The caller's own thread hands a line over; a thread of its own writes. The writer of the engine
never waits for this disk. Where the lines come faster than the disk takes them, callers wait, so
that none is lost; those of the last moment before a crash are (docs/security.md).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine.pipeline import Input
from engine.results import Result
from engine.schema import InputKind
from server.access.caller import Caller
from server.access.store import Store, now_ms
from server.logs import logger

Line = tuple[int, str, str, str]
"""Time in ms, caller, action, detail as JSON."""

ACTIONS = {
    InputKind.SELLERS: "define sellers",
    InputKind.STRATEGIES: "define strategies",
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


class Audit:
    """The audit log of a running server. Without an access file nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: queue.Queue[Line | None] = queue.Queue(QUEUE_LINES)
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

    def _run(self) -> None:
        store: Store | None = None
        more = True
        while more:
            lines, more = self._take()
            while lines:
                try:
                    store = store or Store(self._path or Path())
                    store.note(lines)
                    lines = []
                except (apsw.Error, OSError) as error:
                    logger().error("audit_failed", lines=len(lines), error=str(error))
                    if self._stopping.wait(RETRY_S):
                        break
        if store is not None:
            store.close()

    def _take(self) -> tuple[list[Line], bool]:
        """Lines that wait, at least one unless the end is near; whether more may come."""
        lines: list[Line] = []
        line = self._lines.get()
        while line is not None:
            lines.append(line)
            if len(lines) == BATCH_LINES or self._lines.empty():
                return lines, True
            line = self._lines.get()
        return lines, False


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
    elif given.kind == InputKind.SELLERS:
        rows = ([each.seller_id, each.account_group] for _, each in batch.rows)
    elif given.kind == InputKind.ERASE:
        rows = ([batch.seller_id],)
    elif given.kind in (InputKind.RELEASE, InputKind.DISCARD):
        rows = batch.hold_ids or ([batch.seller_id, batch.marketplace_id],)
    elif given.kind == InputKind.RESTORE:
        rows = ([batch.seller_id, batch.marketplace_id, batch.at_ms],)
    elif given.kind in (InputKind.STOP, InputKind.RESTART):
        rows = (["everything"] * batch.everything, batch.sellers, *named(batch))
        rows = (each for each in rows if each)
    else:
        rows = named(batch)
    return iter(rows)


def named(batch: Any) -> Iterator[Any]:
    """How a batch names its listings."""
    return (each if isinstance(each, int) else [*each] for each in batch.addresses)
