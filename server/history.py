"""Looks at every listing once every quarter of an hour, and adds what it sees to the history; with
the first look of a day it notices which reviews are due.

Looks are read on the writer in slices of about half a millisecond, and written beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.insights.history import History
from engine.insights.look import DAY_MS, LOOK_MS, Look, look_at
from engine.insights.notices import raise_notices
from engine.pipeline import Engine
from server.logs import logger
from server.writer import Writer, wall_ms

SLICE = 500


class Looks:
    """A thread that looks. `look` is what it does each time."""

    def __init__(self, writer: Writer, history: History) -> None:
        self._writer, self._history = writer, history
        self._noticed_day = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looks", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._thread.join()

    def look(self, now_ms: int) -> None:
        """Looks at every listing, unless this quarter of an hour had its look already."""
        if now_ms // LOOK_MS <= self._history.looked_ms // LOOK_MS:
            return
        self._history.begin_look(now_ms)
        first, count = 1, 2
        while first < count and not self._stopped.is_set():
            # Under the lock from the read to the write: a seller who leaves between is not added.
            with self._history.reading():
                seen, count = self._writer.read(looking(first, now_ms)).result()
                self._history.add(seen, now_ms)
            first += SLICE
        if now_ms // DAY_MS != self._noticed_day:
            raise_notices(self._history, now_ms)
            self._noticed_day = now_ms // DAY_MS

    def _run(self) -> None:
        while not self._stopped.wait((LOOK_MS - wall_ms() % LOOK_MS) / 1000):
            try:
                self.look(wall_ms())
            except Exception:
                logger().error("look_failed", exc_info=True)


def looking(first: int, now_ms: int) -> Callable[[Engine], tuple[Look, int]]:
    """Reads one slice, and how many listings there are."""
    return lambda engine: (
        look_at(engine.state, first, first + SLICE, now_ms),
        engine.catalog.count,
    )
