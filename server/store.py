"""The data directory of a server: opens the engine from it, and looks after what it keeps."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path

from engine.errors import JournalDamagedError, JournalFullError, LimitError
from engine.journal import DirectoryStorage, FileJournal, Journal, MemoryJournal
from engine.journal.retention import DAY_MS, KEPT_SNAPSHOTS, Limits, plan
from engine.journal.snapshots import delete_snapshot, list_snapshots, snapshot_name, verify_snapshot
from engine.pipeline import Codec, Engine
from engine.recovery import Recovered, newest_sequence, recover, save
from engine.replay import Replayer
from server.config import Config, JournalConfig
from server.logs import logger
from server.metrics import Metrics
from server.writer import wall_ms

JOURNAL_ID_BYTES = 16
PROGRESS_S = 1.0
RETRY_AFTER_MS = 10_000


class MeasuredJournal(FileJournal):
    """The journal on disk, its commits timed."""

    metrics: Metrics

    def commit(self) -> None:
        """Like that of FileJournal."""
        started = time.perf_counter()
        super().commit()
        self.metrics.journal_commit_seconds.observe(time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Names of files that nothing needs any more, oldest first."""

    segments: list[str]
    snapshots: list[str]


class Store:
    """What survives a restart. It belongs to the writer thread where nothing else is said."""

    def __init__(
        self, config: JournalConfig, storage: DirectoryStorage, journal: FileJournal
    ) -> None:
        self._config = config
        self._storage = storage
        self._journal = journal
        self._limits = Limits(config.keep_bytes, config.keep_days * DAY_MS)
        self._verified: set[int] = set()
        self._damaged: set[int] = set()
        self._saved_bytes = 0

    @property
    def directory(self) -> Path:
        """Where everything is."""
        return Path(self._config.data_directory)

    def committed(self, engine: Engine) -> int:
        """Sequence of the last frame on the disk, which a snapshot may include.

        Answers that waited are written first, and that time passed: what is kept by its age leaves
        in time although nothing else is journaled.
        """
        engine.pass_time(wall_ms())
        engine.journal.commit()
        return engine.journal.last_sequence

    def grown(self) -> int:
        """Bytes that the journal has grown by since the last snapshot."""
        return self._journal.bytes_on_disk - self._saved_bytes

    def saved(self, engine: Engine, sequence: int) -> Leftover:
        """Takes note of a verified snapshot; what need not be kept any more, for `remove`."""
        self._verified.add(sequence)
        self._saved_bytes = self._journal.bytes_on_disk
        return self.tidy(engine)

    def remove(self, left: Leftover) -> None:
        """Takes files away, which can take a disk long; any thread. Raises JournalFailedError."""
        self._journal.unlink(left.segments)
        for name in left.snapshots:
            delete_snapshot(self._storage, name)

    def verify(self) -> list[str]:
        """Verifies snapshots that were found; what is wrong with those that are damaged.

        Any thread, before the first of `saved`.
        """
        problems = []
        for each in list_snapshots(self._storage):
            if each.sequence in self._verified:
                continue
            try:
                verify_snapshot(self._storage, each.name)
                self._verified.add(each.sequence)
            except JournalDamagedError as error:
                self._damaged.add(each.sequence)
                problems.append(error.message)
        return problems

    def tidy(self, engine: Engine) -> Leftover:
        """Closes and lets go segments and snapshots as far as retention says; which ones."""
        todo = plan(self._journal.segments, self._verified, engine.now_ms, self._limits)
        # An answer that can still be asked for stays, whatever the limits say.
        oldest = engine.state.replies.oldest_output or todo.prune_before
        dropped = self._journal.drop(min(todo.prune_before, oldest))
        self._verified -= set(todo.snapshots_to_delete)
        covered = min(self._verified) if len(self._verified) >= KEPT_SNAPSHOTS else 0
        useless = {each for each in self._damaged if each < covered}
        self._damaged -= useless
        if todo.close_segment:
            self._journal.close_segment()
        freed = sum(each.size for each in dropped)
        self._saved_bytes = max(0, self._saved_bytes - freed)
        engine.refusal = at_limit(self._config) if todo.refuse_writes else None
        gone = sorted(useless.union(todo.snapshots_to_delete))
        names = [snapshot_name(sequence) for sequence in gone]
        return Leftover([each.name for each in dropped], names)

    def catch_up(self, engine: Engine, snapshot_sequence: int) -> None:
        """Writes a snapshot where a start had much to replay, before anybody is served.

        So a server that is killed again and again, each time before a snapshot was made, does not
        replay more at each start.
        """
        behind = (
            each.size for each in self._journal.segments if each.first_sequence > snapshot_sequence
        )
        if sum(behind) < self._config.snapshot_bytes:
            return
        try:
            self._save(engine)
        except JournalFullError as error:
            logger().error("snapshot_failed", error=error.message)

    def _save(self, engine: Engine) -> None:
        engine.journal.commit()
        name, hashed = save(self._storage, Replayer(engine), engine.journal.last_sequence)
        logger().info("snapshot", name=name, state_hash=hashed)

    def close(self, engine: Engine) -> None:
        """Writes a last snapshot, so that the next start replays nothing; gives up the files.

        Without room for it the next start replays, and makes the answers again that could not be
        written; only what was answered as pending is lost then.
        """
        try:
            engine.journal.commit()
            if engine.journal.last_sequence not in self._verified:
                self._save(engine)
            engine.journal.close()
        except JournalFullError as error:
            logger().error("stopped_without_room", error=error.message, pending_lost=engine.owed)
        self._storage.close()


def at_limit(config: JournalConfig) -> LimitError:
    """Why nothing is written although the disk has room."""
    return LimitError(
        f"the journal has reached journal.keep_bytes ({config.keep_bytes}) and no verified snapshot"
        " allows to prune it; nothing of this request was kept",
        reason="JOURNAL_LIMIT",
        retry_after_ms=RETRY_AFTER_MS,
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """A running engine and, in mode `always`, its store."""

    engine: Engine
    store: Store | None
    recovered: Recovered | None


def open_engine(config: Config, codec: Codec, metrics: Metrics) -> Opened:
    """Engine of the configured data directory, or an empty one in mode `off`.

    Raises ConfigError when the directory cannot be used, JournalDamagedError, ReplayError.
    """
    settings = config.journal
    if settings.mode == "off":
        journal: Journal = MemoryJournal(config.engine.keep_input_bytes)
        return Opened(Engine(codec, journal), None, None)
    storage = DirectoryStorage(Path(settings.data_directory))
    disk = MeasuredJournal.open(
        storage,
        os.urandom(JOURNAL_ID_BYTES),
        from_sequence=newest_sequence(storage, 2**63),
        segment_bytes=settings.segment_bytes,
    )
    assert isinstance(disk, MeasuredJournal)
    disk.metrics = metrics
    if disk.cut is not None:
        logger().warning("journal_cut", file=disk.cut.name, bytes=disk.cut.size)
    started = time.monotonic()
    replayer, recovered = recover(storage, disk, codec, progress=Lines())
    replayer.finish()
    gc.freeze()  # A full collection would walk every key and stop the writer meanwhile.
    metrics.replay_seconds.set(time.monotonic() - started)
    store = Store(settings, storage, disk)
    store.catch_up(replayer.engine, recovered.snapshot_sequence)
    return Opened(replayer.engine, store, recovered)


class Lines:
    """Logs how far a replay is, about once a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_S

    def __call__(self, done: int, total: int) -> None:
        """Reports that `done` of `total` frames were replayed."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_S
            logger().info("replaying", frames=done, of=total)
