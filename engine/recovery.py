"""From a data directory to a state: the newest valid snapshot and the journal behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.catalog import rooms
from engine.errors import JournalDamagedError
from engine.journal import Journal
from engine.journal.snapshots import aligned, list_snapshots, read_snapshot, write_snapshot
from engine.journal.storage import Storage
from engine.pipeline import Codec, Engine
from engine.replay import Replayer
from engine.room import Room
from engine.schema import RULES_VERSION
from engine.state import State
from engine.state_columns import Columns, dump, load, state_hash

EVERY = 256
"""Frames between two reports of progress."""

Progress = Callable[[int, int], None]
"""Called with the frames replayed and those there are."""


@dataclass(slots=True)
class Start:
    """A snapshot that was read: the state after input `sequence`."""

    state: State
    sequence: int
    name: str
    problems: list[str]
    """Snapshots that were passed over, with what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did."""

    snapshot: str
    snapshot_sequence: int
    last_sequence: int
    inputs: int
    compared: int
    problems: tuple[str, ...]


def newest_sequence(storage: Storage, until: int) -> int:
    """Sequence that a start from the newest whole snapshot would go on from; 0 without any."""
    found = [each.sequence for each in list_snapshots(storage) if not each.problem]
    return max((each for each in found if each <= until), default=0)


def read_start(storage: Storage, until: int) -> tuple[Start, Columns]:
    """The newest snapshot of at most `until` that is as it was written, or an empty state."""
    problems: list[str] = []
    for each in list_snapshots(storage):
        if each.sequence > until:
            continue
        try:
            if each.problem:
                raise JournalDamagedError(each.problem, reason="SNAPSHOT_DAMAGED")
            memory = rooms()
            directory, columns = read_snapshot(storage, each.name, partial(place, memory))
            state = load(columns, memory)
            if state_hash(state) != directory.state_hash:
                raise JournalDamagedError(
                    f"{each.name}: its state does not hash to {directory.state_hash}",
                    reason="SNAPSHOT_DAMAGED",
                )
            return Start(state, each.sequence, each.name, problems), columns
        except JournalDamagedError as error:
            problems.append(error.message)
    return Start(State(), 0, "", problems), {}


def place(memory: dict[str, Room], name: str, size: int) -> NDArray[np.uint8]:
    """Where a column of a snapshot is read to: its room in the catalogue, or memory of its own."""
    return memory[name].raw(size) if name in memory else aligned(size)


def oldest_sequence(storage: Storage, journal: Journal) -> int:
    """Sequence from which a journal can be replayed furthest: 0, or that of a whole snapshot."""
    first = journal.first_sequence
    whole = [each.sequence for each in list_snapshots(storage) if not each.problem]
    return 0 if first == 1 else min((each for each in whole if each >= first - 1), default=0)


def begin(
    storage: Storage, journal: Journal, codec: Codec, start: Start, columns: Columns
) -> Replayer:
    """A replay that goes on from `start`. Raises JournalDamagedError where the journal does not."""
    check_reach(storage, journal, start)
    engine = Engine(codec, journal, start.state)
    if start.state.settings is not None:
        engine.adopt(start.state.settings)
    replayer = Replayer(engine)
    if columns:
        replayer.load(columns["unanswered"], columns["unanswered_payloads"])
    return replayer


def recover(
    storage: Storage,
    journal: Journal,
    codec: Codec,
    until: int | None = None,
    progress: Progress | None = None,
) -> tuple[Replayer, Recovered]:
    """Engine of a data directory after input or answer `until`, by default the last one.

    Raises JournalDamagedError where snapshots and journal do not reach each other, and ReplayError.
    """
    last = journal.last_sequence if until is None else min(until, journal.last_sequence)
    start, columns = read_start(storage, last)
    replayer = begin(storage, journal, codec, start, columns)
    total = last - start.sequence
    for done, frame in enumerate(journal.read_from(start.sequence + 1)):
        if frame.sequence > last:
            break
        replayer.feed(frame)
        if progress is not None and done % EVERY == 0:
            progress(done, total)
    if progress is not None:
        progress(total, total)
    replayer.engine.shard.forget_counts()
    recovered = Recovered(
        start.name, start.sequence, last, replayer.inputs, replayer.compared, tuple(start.problems)
    )
    return replayer, recovered


def check_reach(storage: Storage, journal: Journal, start: Start) -> None:
    """Raises JournalDamagedError for a gap between snapshot and journal, on either side."""
    if start.sequence + 1 < journal.first_sequence:
        raise JournalDamagedError(
            f"the journal begins at frame {journal.first_sequence} and no whole snapshot reaches"
            f" there; the newest usable one ends at {start.sequence}: "
            + ("; ".join(start.problems) or "none is there"),
            reason="SNAPSHOT_MISSING",
        )
    ahead = [each for each in list_snapshots(storage) if each.sequence > journal.last_sequence]
    if ahead and not ahead[0].problem:
        raise JournalDamagedError(
            f"{ahead[0].name} is ahead of the journal, which ends at frame"
            f" {journal.last_sequence}: the end of the journal is missing",
            reason="JOURNAL_END_MISSING",
        )


def save(storage: Storage, replayer: Replayer, sequence: int) -> tuple[str, str]:
    """Writes the state after frame `sequence` as a snapshot; its name and state hash."""
    state = replayer.engine.state
    hashed = state_hash(state)
    columns = {**dump(state), **replayer.dump()}
    name = write_snapshot(storage, sequence, state.now_ms, RULES_VERSION, hashed, columns)
    return name, hashed
