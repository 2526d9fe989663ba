"""Journal and snapshots read through as a whole, and copied as a whole beside a running server."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import JournalDamagedError
from engine.journal.recovery import Examined, Tail, check_reach, examine
from engine.journal.segments import Segment
from engine.journal.snapshots import Listed, list_snapshots, verify_snapshot
from engine.journal.storage import Storage

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Whole:
    """A data directory of which every byte was checked; `snapshots` say what is wrong with them."""

    segments: tuple[Segment, ...]
    frames: int
    last_sequence: int
    last_ms: int
    tail: Tail | None
    snapshots: tuple[Listed, ...]

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest frame; one more than the last if there is none."""
        return self.segments[0].header.first_sequence if self.segments else self.last_sequence + 1

    @property
    def bytes_on_disk(self) -> int:
        """Size of segments and snapshots."""
        return sum(each.size for each in self.segments) + sum(each.size for each in self.snapshots)


def verify_whole(storage: Storage) -> Whole:
    """Reads and checks every frame and every snapshot. Raises JournalDamagedError for a frame.

    A snapshot that is damaged is noted: a start passes over it, if it can.
    """
    snapshots = []
    for each in list_snapshots(storage):
        problem = each.problem
        try:
            if not problem:
                verify_snapshot(storage, each.name)
        except JournalDamagedError as error:
            problem = error.message
        snapshots.append(Listed(each.name, each.sequence, each.size, problem))
    found = examine(storage)
    return Whole(
        tuple(found.segments),
        found.frames,
        found.last_sequence,
        found.last_ms,
        found.tail,
        tuple(snapshots),
    )


def check_startable(whole: Whole) -> None:
    """Raises JournalDamagedError if no server could start from a directory."""
    usable = [each.sequence for each in whole.snapshots if not each.problem]
    if whole.first_sequence > 1 or usable:
        newest = max(usable, default=0)
        check_reach(whole.first_sequence, whole.last_sequence, newest, newest)


def copy_whole(source: Storage, target: Storage) -> None:
    """Copies whole snapshots and all segments as far as they hold frames; all of it synced.

    Raises FileNotFoundError when the source's owner has let a file go meanwhile, OSError, and
    JournalDamagedError.
    """
    found: Examined = examine(source, 2**64)
    for listed in list_snapshots(source):
        if not listed.problem:
            copy_file(source, target, listed.name, listed.size)
    for segment in found.segments:
        copy_file(source, target, segment.name, segment.size)
    target.sync_names()


def copy_file(source: Storage, target: Storage, name: str, size: int) -> None:
    """Copies the first `size` bytes of a file."""
    read = source.open(name)
    try:
        written = target.create(name)
        try:
            for offset in range(0, size, CHUNK):
                written.write([read.read(offset, min(CHUNK, size - offset))], offset)
            written.sync()
        finally:
            written.close()
    finally:
        read.close()
