"""A story that uses everything of the journal, and the record of what it was promised."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.errors import JournalFullError
from engine.journal import FileJournal, Frame
from engine.journal.snapshots import list_snapshots, verify_snapshot, write_snapshot
from engine.journal.storage import Storage
from engine.schema import InputKind

JOURNAL_ID = bytes(range(16))
SEGMENT_BYTES = 900


@dataclass
class Record:
    """What the journal answered. A frame is committed, refused, or, at the end, still open."""

    committed: list[Frame] = field(default_factory=list)
    open: list[Frame] = field(default_factory=list)
    refused: list[Frame] = field(default_factory=list)
    pruned_before: int = 1
    snapshots: list[int] = field(default_factory=list)


def open_journal(storage: Storage) -> FileJournal:
    return FileJournal.open(storage, JOURNAL_ID, segment_bytes=SEGMENT_BYTES)


def group(journal: FileJournal, record: Record, count: int) -> bool:
    """Appends and commits a group of inputs behind the answers that wait; whether it went well."""
    inputs = [
        journal.append(
            InputKind.REPRICE, bytes([count, at]) * 31, journal.last_ms + at, b"caller", bytes(16)
        )
        for at in range(count)
    ]
    record.open += inputs
    try:
        journal.commit()
    except JournalFullError:
        record.refused += inputs
        record.open = record.open[: -len(inputs)]
        return False
    record.committed += record.open
    record.open = []
    return True


def answer(journal: FileJournal, record: Record) -> None:
    """Adds an answer to the last input, to be written later."""
    record.open.append(journal.append_output(journal.last_sequence, b"answer"))


def snapshot(storage: Storage, journal: FileJournal, record: Record) -> None:
    columns = {"rows": np.arange(20), "names": b"names"}
    try:
        write_snapshot(storage, journal.last_sequence, journal.last_ms, 1, "hash", columns)
    except JournalFullError:
        return
    record.snapshots.append(journal.last_sequence)


def finish(journal: FileJournal, record: Record) -> None:
    """Closes the journal; waiting answers that found no room may be lost."""
    try:
        journal.close()
    except JournalFullError:
        return
    record.committed += record.open
    record.open = []


def play(storage: Storage, record: Record) -> None:
    """Groups of all sizes over several segments, answers, snapshots, a prune and a restart."""
    journal = open_journal(storage)
    for count in (1, 3, 2):
        group(journal, record, count)
        answer(journal, record)
    snapshot(storage, journal, record)
    group(journal, record, 4)
    finish(journal, record)
    record.open = []
    journal = open_journal(storage)
    group(journal, record, 2)
    snapshot(storage, journal, record)
    record.pruned_before = min(record.snapshots, default=1)
    journal.prune(record.pruned_before)
    answer(journal, record)
    answer(journal, record)
    group(journal, record, 3)
    finish(journal, record)


def check(storage: Storage, record: Record) -> None:
    """After a restart everything promised is there, nothing refused, and the journal goes on."""
    journal = open_journal(storage)
    found = list(journal.read_from(0))
    kept = [each for each in record.committed if each.sequence >= journal.first_sequence]
    assert journal.first_sequence <= max(record.pruned_before, 1)
    assert found[: len(kept)] == kept, "a committed frame is lost or another one"
    rest = found[len(kept) :]
    assert rest == record.open[: len(rest)], "a frame was invented, or refused and kept"
    for sequence in record.snapshots:
        if any(each.sequence == sequence for each in list_snapshots(storage)):
            verify_snapshot(storage, f"snapshot-{sequence:020d}.snap")
        else:
            raise AssertionError(f"snapshot {sequence} is lost")
    after = Record(committed=found)
    assert group(journal, after, 2)
    assert group(journal, after, 1)
    assert list(journal.read_from(0)) == after.committed
    journal.close()
    assert list(open_journal(storage).read_from(0)) == after.committed
