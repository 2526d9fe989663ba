"""One life of a real server after the other: started, watched, and killed at a chosen moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOCK = Path(__file__).parent / "clock"
SPEED = 20
"""Minutes of a journal that pass in three seconds: ten minutes of repeats end after half one."""
SNAPSHOT_S, SEGMENT_S, PRUNE_S = 8.0, 4.0, 8.0
START_S = STOP_S = 600.0
"""Only a server that hangs takes so long, however loaded the machine is."""
LOOK_S = 0.001

CONFIG = """
[server]
listen = "127.0.0.1:0"
metrics_listen = "127.0.0.1:0"
drain_seconds = 5
[engine]
decisions_kept = 2000
[journal]
data_directory = "{directory}"
segment_bytes = 65536
snapshot_bytes = 65536
keep_bytes = 1048576
keep_days = 1
"""

SERVER = (sys.executable, "-m", "server.cli")
"""What is under test; a test puts a broken server in its place."""


class LifeError(Exception):
    """A server that did what it should not do."""


class Clock:
    """The wall clock that the servers and their callers share."""

    def __init__(self, speed: int = SPEED) -> None:
        self._since_ns = time.time_ns()
        self._speed = speed
        self.env = {"SOAK_CLOCK": f"{self._since_ns} {speed}", "PYTHONPATH": str(CLOCK)}

    def now_ms(self) -> int:
        """Milliseconds as the servers see them."""
        return (self._since_ns + (time.time_ns() - self._since_ns) * self._speed) // 1_000_000

    def seconds_until(self, at_ms: int) -> float:
        """Seconds of the real clock until then."""
        return (at_ms - self.now_ms()) / 1000 / self._speed


class Life:
    """One server process. It has a session of its own, so that its helpers can be killed too.

    `faults` are lines of its log that are errors, or are no line of its log at all."""

    def __init__(self, command: tuple[str, ...], config: Path, env: dict[str, str]) -> None:
        self.port = self.metrics_port = 0
        self.faults: list[str] = []
        self.serving = threading.Event()
        self.log: deque[str] = deque(maxlen=40)
        self._process = subprocess.Popen(
            [*command, "serve", "--config", str(config)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **env},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._process.poll()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip())
            if '"serving"' in line:
                told = json.loads(line)
                self.port = int(told["listen"].rpartition(":")[2])
                self.metrics_port = int(told["metrics"].rpartition(":")[2])
                self.serving.set()
            elif '"level":"error"' in line.replace(" ", "") or not line.startswith("{"):
                self.faults.append(line.rstrip())

    def wait_serving(self) -> None:
        """Returns when it serves. Raises LifeError when it does not."""
        until = time.monotonic() + START_S
        while not self.serving.wait(0.02):
            if self.code is not None or time.monotonic() > until:
                raise LifeError(f"no start, exit code {self.code}: " + "\n".join(self.log))

    def kill(self, whole_session: bool) -> None:
        """SIGKILL, to the server alone or to its helpers too."""
        if self.code is not None:
            raise LifeError(f"it ended by itself with {self.code}: " + "\n".join(self.log))
        if whole_session:
            os.killpg(self.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def end(self) -> int:
        """Exit code of a graceful stop."""
        self.terminate()
        code = self._process.wait(STOP_S)
        self._reader.join(STOP_S)
        return code


class Moments:
    """When to kill: each method returns when its moment has come, or says that it did not."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self._directory = directory
        self._chance = chance
        self._start_s = 1.0
        self.kinds: dict[str, Callable[[Life], bool]] = {
            "serving": self.serving,
            "starting": self.starting,
            "recovering": self.recovering,
            "snapshot": self.snapshot,
            "segment": self.segment,
            "prune": self.prune,
            "stopping": self.stopping,
        }

    def choose(self, before: str) -> str:
        """The next moment; callers get through at least in every other life."""
        weights = {
            "serving": 5, "starting": 2, "recovering": 3, "snapshot": 4, "segment": 2,
            "prune": 3 if self._journal_bytes() > 1 << 20 else 0, "stopping": 2,
        }  # fmt: skip
        if before in {"starting", "recovering"}:
            weights |= {"starting": 0, "recovering": 0}
        return self._chance.choices(list(weights), list(weights.values()))[0]

    def _journal_bytes(self) -> int:
        return sum(self._size(each) for each in self._names("journal-", ".log"))

    def _size(self, name: str) -> int:
        try:
            return (self._directory / name).stat().st_size
        except FileNotFoundError:
            return 0

    def _names(self, begin: str, end: str) -> set[str]:
        names = os.listdir(self._directory) if self._directory.exists() else []
        return {each for each in names if each.startswith(begin) and each.endswith(end)}

    def _sleep(self, most_s: float) -> bool:
        time.sleep(self._chance.random() * most_s)
        return True

    def _until(self, life: Life, seen: Callable[[], bool], wait_s: float, after_s: float) -> bool:
        until = time.monotonic() + wait_s
        while not seen():
            if time.monotonic() > until or life.code is not None:
                return False
            time.sleep(LOOK_S)
        return self._sleep(after_s)

    def serving(self, life: Life) -> bool:
        """While it serves, which is mid-commit as a rule."""
        begun = time.monotonic()
        life.wait_serving()
        self._start_s = time.monotonic() - begun
        return self._sleep(0.6)

    def starting(self, life: Life) -> bool:
        """Anywhere in a start."""
        return self._sleep(self._start_s * 1.1)

    def recovering(self, life: Life) -> bool:
        """From when it owns the directory on."""
        lock = self._directory / "LOCK"

        def owned() -> bool:
            return lock.exists() and lock.read_text() == str(life.pid)

        return self._until(life, owned, START_S, 0.15)

    def snapshot(self, life: Life) -> bool:
        """While a snapshot is written, or right after."""
        life.wait_serving()
        return self._until(life, lambda: bool(self._names("snapshot-", ".tmp")), SNAPSHOT_S, 0.003)

    def segment(self, life: Life) -> bool:
        """When a segment has just been made."""
        life.wait_serving()
        before = self._names("journal-", ".log")
        return self._until(
            life, lambda: bool(self._names("journal-", ".log") - before), SEGMENT_S, 0.002
        )

    def prune(self, life: Life) -> bool:
        """When the first of several segments has just been unlinked."""
        life.wait_serving()
        seen = self._names("journal-", ".log")

        def pruned() -> bool:
            nonlocal seen
            before, seen = seen, self._names("journal-", ".log")
            return bool(before - seen)

        return self._until(life, pruned, PRUNE_S, 0.001)

    def stopping(self, life: Life) -> bool:
        """During a graceful stop."""
        life.wait_serving()
        self._sleep(0.3)
        life.terminate()
        return self._sleep(0.5)
