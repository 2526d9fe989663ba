"""Reading a journal that another process may own, or that nobody may change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import JournalFailedError
from engine.journal.frames import NO_REQUEST, Frame
from engine.journal.recovery import examine
from engine.journal.segments import FrameWalker, Segment
from engine.journal.storage import Buffer, Storage
from engine.schema import RULES_VERSION, InputKind


def frames_from(storage: Storage, segments: Sequence[Segment], sequence: int) -> Iterator[Frame]:
    """The frames of segments, oldest first, from `sequence` on; files in chunks.

    Raises JournalDamagedError at a frame that is no longer as it was written.
    """
    for segment in list(segments):
        if segment.last_sequence < sequence:
            continue
        file = storage.open(segment.name)
        try:
            walker = FrameWalker(file, segment.header, segment.size)
            walker.seek(segment, sequence)
            while walker.sequence <= segment.last_sequence and walker.offset < walker.end:
                yield walker.frame()
        finally:
            file.close()


class JournalReader:
    """A journal as it lay on the disk when this was made; changes no byte."""

    durable = True

    def __init__(self, storage: Storage, from_sequence: int = 0) -> None:
        """Checks frames from the segment on that holds `from_sequence`. Raises
        JournalDamagedError."""
        self._storage = storage
        found = examine(storage, from_sequence)
        self._segments = found.segments
        self.tail = found.tail
        self.last_sequence = found.last_sequence
        self.last_ms = found.last_ms

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest frame on the disk; one more than the last if there is none."""
        if not self._segments:
            return self.last_sequence + 1
        return self._segments[0].header.first_sequence

    @property
    def bytes_on_disk(self) -> int:
        """Size of all segments, as far as they hold frames."""
        return sum(segment.size for segment in self._segments)

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments, oldest first."""
        return tuple(self._segments)

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is not there."""
        if not self.first_sequence <= sequence <= self.last_sequence:
            return None
        return next(frames_from(self._storage, self._segments, sequence), None)

    def read_aside(self, sequence: int) -> Frame | None:
        """The same."""
        return self.read(sequence)

    def read_from(self, sequence: int) -> Iterator[Frame]:
        """The frames from `sequence` on, in order."""
        return frames_from(self._storage, self._segments, sequence)

    def append(
        self,
        kind: InputKind,
        payload: Buffer,
        now_ms: int,
        scope: bytes = b"",
        request_key: bytes = NO_REQUEST,
        rules_version: int = RULES_VERSION,
    ) -> Frame:
        """Refused."""
        raise read_only()

    def append_output(self, answered: int, answer: bytes) -> Frame:
        """Refused."""
        raise read_only()

    def commit(self) -> None:
        """Refused."""
        raise read_only()

    def prune(self, before_sequence: int) -> int:
        """Refused."""
        raise read_only()

    def close(self) -> None:
        """Nothing is open."""


def read_only() -> JournalFailedError:
    """What every change is answered with."""
    return JournalFailedError("this journal was opened for reading only", reason="READ_ONLY")
