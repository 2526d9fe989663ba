"""The journal on disk: segments of frames, one write and one sync a group.

    append, append, ...   frames gather in the open group
    commit                headers are packed, one write, one fdatasync: the group is durable
    append_output         answers gather for the next group

A group never straddles two segments, and a segment is made (header synced, directory synced) before
its first group. No room on the disk: the group is cut away again and the journal goes on. Any other
failure of a write, and every failure of a sync, ends the journal for good.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from engine.errors import JournalFailedError, JournalFullError
from engine.journal.disk_errors import NO_ROOM, failed, full, full_or_failed
from engine.journal.frames import (
    NO_REQUEST,
    Frame,
    FrameKind,
    checked,
    last_crc,
    output_payload,
    pack_header,
)
from engine.journal.open_files import OpenFiles
from engine.journal.reader import frames_from
from engine.journal.recovery import Examined, Tail, examine
from engine.journal.retention import SegmentInfo
from engine.journal.segments import (
    JOURNAL_ID_SIZE,
    SEGMENT_HEADER_SIZE,
    FrameWalker,
    Segment,
    SegmentHeader,
)
from engine.journal.storage import Buffer, Storage, StoredFile
from engine.schema import RULES_VERSION, InputKind

SEGMENT_BYTES = 64 * 1024 * 1024


class FileJournal:
    """A journal in a directory. One thread uses it."""

    durable = True

    def __init__(
        self, storage: Storage, new_journal_id: bytes, from_sequence: int, segment_bytes: int
    ) -> None:
        if len(new_journal_id) != JOURNAL_ID_SIZE:
            raise ValueError(f"a journal id has {JOURNAL_ID_SIZE} bytes, not {len(new_journal_id)}")
        storage.lock()
        self._storage = storage
        self._segment_bytes = segment_bytes
        self._files = OpenFiles(storage)
        self._open_group: list[Frame] = []
        self._outputs = 0
        self._failure = ""
        found = examine(storage, from_sequence)
        self.cut: Tail | None = found.tail
        """Bytes at the end of the last segment that were cut off when it was opened."""
        self._segments = found.segments
        self._last_crc = found.last_crc
        self.last_sequence = found.last_sequence
        self.last_ms = found.last_ms
        self.journal_id = self._segments[0].header.journal_id if self._segments else new_journal_id
        self._active = self._recover(found)

    @classmethod
    def open(
        cls,
        storage: Storage,
        new_journal_id: bytes,
        *,
        from_sequence: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> FileJournal:
        """Opens the journal of a directory, or makes one with `new_journal_id` (16 random bytes).

        Frames are checked from the segment that holds `from_sequence` on. Raises ConfigError if
        another process owns the directory, JournalDamagedError for damage, JournalFullError and
        JournalFailedError like `commit`.
        """
        return cls(storage, new_journal_id, from_sequence, segment_bytes)

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest frame on the disk; one more than the last if there is none."""
        return self._segments[0].header.first_sequence

    @property
    def bytes_on_disk(self) -> int:
        """Size of all segments."""
        return sum(segment.size for segment in self._segments)

    @property
    def segments(self) -> list[SegmentInfo]:
        """What retention needs to know of each segment, oldest first."""
        ends = [each.header.last_ms for each in self._segments[1:]] + [self.last_ms]
        return [
            SegmentInfo(
                each.header.first_sequence, each.last_sequence, each.size, each.first_ms, last_ms
            )
            for each, last_ms in zip(self._segments, ends, strict=True)
        ]

    # Writing

    def append(
        self,
        kind: InputKind,
        payload: bytes,
        now_ms: int,
        scope: bytes = b"",
        request_key: bytes = NO_REQUEST,
        rules_version: int = RULES_VERSION,
    ) -> Frame:
        """Takes one input into the open group."""
        self._refuse_after_failure()
        before, last_ms = self._newest()
        if now_ms < last_ms:
            raise ValueError(f"now_ms {now_ms} is before the last frame's {last_ms}")
        frame = Frame(before + 1, kind, now_ms, payload, scope, request_key, rules_version)
        self._open_group.append(checked(frame))
        return frame

    def append_output(self, answered: int, answer: bytes) -> Frame:
        """Takes the answer to input `answered`, to be written with the next group or at the end."""
        self._refuse_after_failure()
        if len(self._open_group) != self._outputs:
            raise ValueError("an answer belongs between two groups, not into an open one")
        before, last_ms = self._newest()
        payload = output_payload(answered, answer)
        frame = checked(Frame(before + 1, FrameKind.OUTPUT, last_ms, payload))
        self._open_group.append(frame)
        self._outputs += 1
        return frame

    def commit(self) -> None:
        """One write and one sync of the open group.

        Raises JournalFullError when the disk has no room: the group's inputs are gone, answers wait
        for the next group. Raises JournalFailedError for any other error: the process must end.
        """
        self._refuse_after_failure()
        if not self._open_group:
            return
        try:
            self._write_group()
        except JournalFullError:
            del self._open_group[self._outputs :]
            raise
        self._open_group.clear()
        self._outputs = 0

    def _write_group(self) -> None:
        size = sum(frame.size for frame in self._open_group)
        if self._last.size > SEGMENT_HEADER_SIZE and self._last.size + size > self._segment_bytes:
            self._active = self._make_segment()
        segment = self._last
        buffers, offsets, crc = self._packed(segment)
        try:
            self._active.write(buffers, segment.size)
        except OSError as error:
            self._give_back(self._active, segment.size, error)
            raise full(error, "the journal") from error
        self._sync(self._active)
        if segment.size == SEGMENT_HEADER_SIZE:
            segment.first_ms = self._open_group[0].now_ms
        for frame, offset in zip(self._open_group, offsets, strict=True):
            segment.note(frame.sequence, offset)
        segment.size += size
        self._last_crc = crc
        self.last_sequence, self.last_ms = self._newest()
        segment.last_sequence = self.last_sequence

    def close_segment(self) -> None:
        """Lets the next group begin a new segment, so that this one can be pruned in time.

        Between groups only. Raises like `commit`.
        """
        self._refuse_after_failure()
        if self._last.size > SEGMENT_HEADER_SIZE:
            self._active = self._make_segment()

    def _packed(self, segment: Segment) -> tuple[list[Buffer], list[int], int]:
        """Buffers of the open group at the end of a segment, offsets of its frames, last CRC."""
        buffers: list[Buffer] = []
        offsets: list[int] = []
        seed, offset, crc = segment.header.seed, segment.size, self._last_crc
        for place, frame in enumerate(self._open_group):
            header = pack_header(frame, place, crc, seed, offset)
            buffers += (header, frame.scope, frame.payload)
            offsets.append(offset)
            crc = last_crc(header)
            offset += frame.size
        return buffers, offsets, crc

    def _make_segment(self) -> StoredFile:
        """Makes the segment of the next frame, so that it is there after a crash."""
        header = SegmentHeader(
            self.journal_id, self.last_sequence + 1, self.last_ms, self._last_crc
        )
        try:
            file = self._storage.create(header.name)
        except OSError as error:
            raise self._full_or_failed(error) from error
        try:
            file.write([header.pack()], 0)
        except OSError as error:
            file.close()
            failure = self._full_or_failed(error)
            self._unlink(header.name)
            raise failure from error
        self._sync(file)
        self._sync_names()
        if self._segments:
            self._active.close()
        self._segments.append(
            Segment(header, SEGMENT_HEADER_SIZE, self.last_sequence, self.last_ms)
        )
        return file

    @property
    def _last(self) -> Segment:
        return self._segments[-1]

    def _newest(self) -> tuple[int, int]:
        """Sequence and time of the newest frame, also in the open group."""
        if self._open_group:
            return self._open_group[-1].sequence, self._open_group[-1].now_ms
        return self.last_sequence, self.last_ms

    # Reading

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is pruned or not yet there.

        Raises JournalDamagedError if it is no longer as it was written.
        """
        self._refuse_after_failure()
        waiting = sequence - self.last_sequence - 1
        if waiting >= 0:
            return self._open_group[waiting] if waiting < self._outputs else None
        if sequence < self.first_sequence:
            return None
        segment = self._segments[self._segment_at(sequence)]
        walker = FrameWalker(self._files.get(segment.name), segment.header, segment.size)
        walker.seek(segment, sequence)
        return walker.frame()

    def read_aside(self, sequence: int) -> Frame | None:
        """Like `read`, of committed frames, from any thread.

        Raises JournalDamagedError if it is no longer as it was written.
        """
        for segment in reversed(tuple(self._segments)):
            if segment.header.first_sequence <= sequence <= segment.last_sequence:
                break
        else:
            return None
        # The index is the writer's; a copy may be noted in while the writer notes too.
        own = replace(segment, offsets=segment.offsets[:])
        try:
            file = self._storage.open(own.name)
        except FileNotFoundError:
            return None
        try:
            walker = FrameWalker(file, own.header, own.size)
            walker.seek(own, sequence)
            return walker.frame()
        finally:
            file.close()

    def read_from(self, sequence: int) -> Iterator[Frame]:
        """The frames from `sequence` on that are committed now, in order; files in chunks.

        Raises JournalDamagedError at a frame that is no longer as it was written.
        """
        self._refuse_after_failure()
        return frames_from(self._storage, self._segments, sequence)

    def _segment_at(self, sequence: int) -> int:
        return bisect_right(self._segments, sequence, key=lambda s: s.header.first_sequence) - 1

    # Leaving

    def prune(self, before_sequence: int) -> int:
        """Lets segments go whose frames all are before `before_sequence`; bytes given back."""
        dropped = self.drop(before_sequence)
        self.unlink([each.name for each in dropped])
        return sum(each.size for each in dropped)

    def drop(self, before_sequence: int) -> list[Segment]:
        """Reads those segments no more; their files are there until `unlink`, or the next drop."""
        self._refuse_after_failure()
        dropped = []
        while len(self._segments) > 1 and self._segments[0].last_sequence < before_sequence:
            dropped.append(self._segments.pop(0))
            self._files.forget(dropped[-1].name)
        return dropped

    def unlink(self, names: list[str]) -> None:
        """Unlinks dropped segments, oldest first; any thread. Raises JournalFailedError.

        The directory is synced after each, so that a crash leaves no gap.
        """
        for name in names:
            self._unlink(name)

    def close(self) -> None:
        """Commits waiting answers and closes the files. Inputs of an open group are not kept."""
        del self._open_group[self._outputs :]
        try:
            if not self._failure:
                self.commit()
        finally:
            self._files.close()
            self._active.close()

    # Failing

    def _recover(self, found: Examined) -> StoredFile:
        """Removes what a crash left and returns the file to go on in."""
        if found.unfinished is not None:
            self._unlink(found.unfinished)
        if not self._segments:
            return self._make_segment()
        try:
            file = self._storage.open(self._last.name, writable=True)
            if found.tail is not None:
                file.truncate(self._last.size)
        except OSError as error:
            raise self._failed(error) from error
        # What was read may have been in memory only, if the process ended and the system did not.
        self._sync(file)
        self._sync_names()
        return file

    def _give_back(self, file: StoredFile, size: int, error: OSError) -> None:
        """Cuts a partly written group away for good, or fails."""
        if error.errno not in NO_ROOM:
            raise self._failed(error) from error
        try:
            file.truncate(size)
            file.sync()
        except OSError as second:
            raise self._failed(second) from second

    def _unlink(self, name: str) -> None:
        try:
            self._storage.unlink(name)
        except OSError as error:
            raise self._failed(error) from error
        self._sync_names()

    def _sync(self, file: StoredFile) -> None:
        try:
            file.sync()
        except OSError as error:
            raise self._failed(error) from error

    def _sync_names(self) -> None:
        try:
            self._storage.sync_names()
        except OSError as error:
            raise self._failed(error) from error

    def _full_or_failed(self, error: OSError) -> JournalFullError | JournalFailedError:
        return (
            full_or_failed(error, "the journal") if error.errno in NO_ROOM else self._failed(error)
        )

    def _failed(self, error: OSError) -> JournalFailedError:
        self._failure = str(error)
        return failed(error)

    def _refuse_after_failure(self) -> None:
        if self._failure:
            raise JournalFailedError(
                f"the journal failed earlier: {self._failure}", reason="JOURNAL_FAILED"
            )
