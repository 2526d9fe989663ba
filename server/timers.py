"""Drives the engine's clocks: every listing is looked at once per round, in slices.

A slice is small enough that the writer is held about a millisecond even when all of it is due, and
slices follow each other so that a round stays well inside the ten seconds that are promised.
"""

from __future__ import annotations

import threading
import time

from engine.errors import LimitError
from engine.pipeline import Engine
from server.logs import logger
from server.writer import Writer, wall_ms

SLICE = 2_000
ROUND_S = 5.0
LONGEST_PAUSE_S = 0.2
REFUSED_PAUSE_S = 1.0


class Timers:
    """A thread that asks the writer to advance one slice after the other."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._next_id = 1
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            pause = LONGEST_PAUSE_S
            try:
                pause = pause_between(self._writer.read(self._advance).result())
            except LimitError as error:
                # Nothing is lost: what is due stays due until there is room.
                logger().warning("advance_refused", reason=error.reason, error=error.message)
                pause = REFUSED_PAUSE_S
            except Exception:
                logger().error("advance_failed", first_id=self._next_id, exc_info=True)
            # A turn that came late shortens the pauses after it, but never piles up over a round.
            due = max(due + pause, time.monotonic() - ROUND_S)

    def _advance(self, engine: Engine) -> int:
        """Runs one slice and returns how many listings there are."""
        first = self._next_id if self._next_id < engine.catalog.count else 1
        self._next_id = first + SLICE
        engine.advance(wall_ms(), first, first + SLICE)
        return engine.catalog.count


def pause_between(count: int) -> float:
    """Seconds from one slice to the next with so many listings."""
    slices = -(-count // SLICE)
    return min(LONGEST_PAUSE_S, ROUND_S / max(1, slices))
