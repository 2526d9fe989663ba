"""Has snapshots made by a second process that replays the journal: the writer never stops for it.

Each snapshot is a check of the replay as well: the process compares every answer in the journal
with what it computes itself, and its snapshot counts only when all are equal.
docs/decisions/0025-snapshots-by-replay.md has the measurement.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from engine.errors import RepricedError
from engine.pipeline import Engine
from server.config import JournalConfig
from server.logs import logger
from server.metrics import Metrics
from server.store import Store
from server.writer import Writer

T = TypeVar("T")

LOOK_S = 1.0
RETRY_S = 60.0
DAY_S = 86_400.0
QUIET_BYTES = 4_096
"""A journal that grew by less has seen nothing but the passing of time."""


class Snapshots:
    """A thread that starts the process when one is due, and reports what came of it."""

    def __init__(
        self, config: JournalConfig, store: Store, writer: Writer, metrics: Metrics
    ) -> None:
        self._config = config
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._stopped = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._last_s = self._next_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._next_s = time.monotonic() + self._config.snapshot_minutes * 60
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, and the process if it runs; an unfinished snapshot is no snapshot."""
        self._stopped.set()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join()

    def age_s(self) -> float:
        """Seconds since the last snapshot, or since the start."""
        return time.monotonic() - self._last_s

    def _run(self) -> None:
        for problem in self._store.verify():
            logger().error("snapshot_damaged", error=problem)
        self._try(self._tidy)
        while not self._stopped.wait(LOOK_S):
            if self._due(time.monotonic()):
                self._try(self._once)

    def _due(self, now_s: float) -> bool:
        """A quiet server has one a day, so that what has been erased leaves the disk there too."""
        grown = self._store.grown()
        if now_s < self._next_s:
            return grown >= self._config.snapshot_bytes
        return grown > QUIET_BYTES or now_s >= self._last_s + DAY_S

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except RepricedError as error:
            self._metrics.snapshot_failures.inc()
            logger().error("snapshot_failed", error=error.message)
            self._stopped.wait(RETRY_S)

    def _once(self) -> None:
        sequence = self._on_writer("commit", self._store.committed)
        done = self._made(sequence)
        wait_s = self._config.snapshot_minutes * 60 if done else RETRY_S
        self._next_s = time.monotonic() + wait_s
        if done:
            self._last_s = time.monotonic()
            self._store.remove(
                self._on_writer("tidy", lambda engine: self._store.saved(engine, sequence))
            )
        elif not self._stopped.is_set():
            self._metrics.snapshot_failures.inc()
            self._stopped.wait(RETRY_S)

    def _tidy(self) -> None:
        """What the life before left to be let go; and no writes where nothing may be."""
        self._store.remove(self._on_writer("tidy", self._store.tidy))

    def _on_writer(self, step: str, work: Callable[[Engine], T]) -> T:
        """Runs a step of a snapshot on the writer, and notes for how long that stops it."""

        def timed(engine: Engine) -> T:
            with self._metrics.snapshot_pause_seconds.labels(step).time():
                return work(engine)

        return self._writer.read(timed).result()

    def _made(self, sequence: int) -> bool:
        """Whether the second process made and verified the snapshot of `sequence`."""
        command = [sys.executable, "-m", "server.cli", "snapshot", "--json"]
        command += ["--server", str(os.getpid()), "--until", str(sequence)]
        command.append(str(self._store.directory))
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        out, err = self._process.communicate()
        if self._process.returncode == 0:
            logger().info("snapshot", **json.loads(out))
            return True
        if not self._stopped.is_set():
            logger().error("snapshot_failed", error=err.strip(), exit=self._process.returncode)
        return False
