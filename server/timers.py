"""Drives the engine's clocks: every listing is looked at once per round, in slices."""

from __future__ import annotations

import threading

from engine.errors import RepricedError
from engine.pipeline import Engine
from server.logs import logger
from server.writer import Writer, wall_ms

SLICE = 50_000
"""Listings looked at in one turn; the look at one costs about a nanosecond unless it is due."""

PAUSE_S = 0.2
"""Between two turns: a million listings take four seconds a round."""


class Timers:
    """A thread that asks the writer to advance one slice after the other."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._stopped = threading.Event()
        self._next_id = 1
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE_S):
            try:
                self._next_id = self._writer.read(self._advance)
            except RepricedError:
                continue
            except Exception:
                logger().error("advance_failed", exc_info=True)

    def _advance(self, engine: Engine) -> int:
        first = self._next_id if self._next_id < engine.catalog.count else 1
        engine.advance(wall_ms(), first, first + SLICE)
        return first + SLICE
