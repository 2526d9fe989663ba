"""Reading a journal as it lies on the disk: what opening, verifying and inspecting share.

Nothing here changes a byte, so all of it can be done while another process owns the directory.

Each group is on the disk before the next one is written. So invalid bytes with a valid frame of
a later group behind them, or a later segment, are damage. Without either they can be what a crash
left of the last group, and are cut off when the journal is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.errors import JournalDamagedError
from engine.journal.frames import MAGIC, Header
from engine.journal.segments import (
    SEGMENT_HEADER_SIZE,
    FrameWalker,
    Segment,
    SegmentHeader,
    damaged,
    sequence_of,
    unpack_segment_header,
)
from engine.journal.storage import Storage

LAST_ONLY = 2**64
"""As `from_sequence`: only the last segment's frames are checked."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes at the very end that are no valid frame."""

    name: str
    offset: int
    sequence: int
    size: int


@dataclass(slots=True)
class Examined:
    """A journal as it lies on the disk. `last_crc` is that of the last frame's header."""

    segments: list[Segment] = field(default_factory=list)
    last_sequence: int = 0
    last_ms: int = 0
    last_crc: int = 0
    frames: int = 0
    tail: Tail | None = None
    unfinished: str | None = None
    """A segment whose making was interrupted; it holds nothing."""


def examine(storage: Storage, from_sequence: int = 0) -> Examined:
    """Checks the journal from the segment on that holds `from_sequence`.

    Earlier segments have only their headers checked. Raises JournalDamagedError with file, offset
    and sequence for anything that a crash cannot have left.
    """
    names = [name for name in storage.names() if sequence_of(name) is not None]
    found = Examined()
    for at, name in enumerate(names):
        is_last = at + 1 == len(names)
        following = None if is_last else sequence_of(names[at + 1])
        try:
            header, size = _open_segment(storage, name, is_last, found)
        except FileNotFoundError:
            if found.segments:
                raise
            continue  # The owner has pruned it meanwhile.
        if header is None:
            found.unfinished = name
            break
        _check_chain(found, header)
        if following is not None and following <= from_sequence:
            found.segments.append(Segment(header, size, following - 1, header.last_ms))
            found.last_sequence, found.last_crc = following - 1, -1
            continue
        _walk(storage, header, size, is_last, found)
    return found


def headers(storage: Storage, from_sequence: int = 0) -> Iterator[tuple[str, int, Header]]:
    """File, offset and header of each frame; bodies are not read but in the last segment.

    Raises JournalDamagedError at the first header that is not as it was written.
    """
    for segment in examine(storage, LAST_ONLY).segments:
        if segment.last_sequence < from_sequence:
            continue
        file = storage.open(segment.name)
        try:
            walker = FrameWalker(file, segment.header, segment.size)
            while (header := walker.header()) is not None:
                if header.sequence >= from_sequence:
                    yield segment.name, walker.offset, header
                walker.step(header)
            if walker.offset < segment.size:
                raise damaged(segment.name, walker.offset, walker.sequence, "it is invalid")
        finally:
            file.close()


def _open_segment(
    storage: Storage, name: str, is_last: bool, found: Examined
) -> tuple[SegmentHeader | None, int]:
    """Header and size; no header if the segment is the last one and its making was interrupted."""
    sequence = sequence_of(name) or 0
    file = storage.open(name)
    try:
        size = file.size()
        header = unpack_segment_header(file.read(0, SEGMENT_HEADER_SIZE), name)
    except OSError as error:
        raise damaged(name, 0, sequence, f"it cannot be read: {error}") from error
    finally:
        file.close()
    if header is None:
        expected = found.last_sequence + 1 if found.segments else 1
        if not is_last or size > SEGMENT_HEADER_SIZE or sequence != expected:
            raise damaged(name, 0, sequence, "the segment's header is invalid")
    return header, size


def _check_chain(found: Examined, header: SegmentHeader) -> None:
    """Whether a segment follows the one before it."""
    if not found.segments:
        found.last_sequence, found.last_ms = header.first_sequence - 1, header.last_ms
        found.last_crc = header.previous_crc
        return
    first = header.first_sequence
    if header.journal_id != found.segments[0].header.journal_id:
        raise damaged(header.name, 12, first, "the segment belongs to another journal")
    if first != found.last_sequence + 1:
        raise damaged(
            header.name, 28, first, f"frames {found.last_sequence + 1} to {first - 1} are missing"
        )
    if found.last_crc not in (-1, header.previous_crc):
        raise damaged(header.name, 44, first, "the segment does not continue the one before it")
    found.last_ms, found.last_crc = header.last_ms, header.previous_crc


def _walk(
    storage: Storage, header: SegmentHeader, size: int, is_last: bool, found: Examined
) -> None:
    """Checks every frame of a segment and adds the segment."""
    segment = Segment(header, size, header.first_sequence - 1, header.last_ms)
    file = storage.open(header.name)
    try:
        walker = FrameWalker(file, header, size)
        while walker.offset < size:
            frame = walker.header()
            if frame is None or walker.body(frame) is None:
                break
            if frame.previous_crc != found.last_crc or frame.now_ms < found.last_ms:
                raise damaged(
                    header.name,
                    walker.offset,
                    frame.sequence,
                    "it does not continue the one before",
                )
            if frame.sequence == header.first_sequence:
                segment.first_ms = frame.now_ms
            segment.note(frame.sequence, walker.offset)
            walker.step(frame)
            found.last_crc, found.last_ms = frame.crc, frame.now_ms
            found.frames += 1
        if walker.offset < size:
            _check_tail(walker, header.name, is_last)
            found.tail = Tail(header.name, walker.offset, walker.sequence, size - walker.offset)
    finally:
        file.close()
    segment.size, segment.last_sequence = walker.offset, walker.sequence - 1
    found.last_sequence = segment.last_sequence
    found.segments.append(segment)


def _check_tail(walker: FrameWalker, name: str, is_last: bool) -> None:
    """Raises JournalDamagedError unless a crash can have left the invalid bytes at the walker."""
    expected = walker.sequence
    if not is_last:
        raise damaged(name, walker.offset, expected, "it is invalid and a later segment follows")
    here = walker.header_at(walker.offset)
    if here is not None and here.sequence != expected:
        raise damaged(name, walker.offset, expected, f"frame {here.sequence} is in its place")
    at = walker.find(MAGIC, walker.offset + 1)
    while at >= 0:
        later = walker.header_at(at)
        if later is not None and later.group > expected:
            raise damaged(
                name, walker.offset, expected, f"it is invalid and frame {later.sequence} follows"
            )
        at = walker.find(MAGIC, at + 1)


def check_reach(
    first_sequence: int, last_sequence: int, start: int, newest: int, problems: Sequence[str] = ()
) -> None:
    """Whether a journal continues snapshots. Raises JournalDamagedError for a gap on either side.

    `start` is the sequence of the snapshot to go on from and `newest` that of the newest whole one,
    0 for none; `problems` says what is wrong with those that were passed over. Frames are synced
    before a snapshot includes them, so a journal that ends before one has lost its end.
    """
    if start + 1 < first_sequence:
        raise JournalDamagedError(
            f"the journal begins at frame {first_sequence} and no whole snapshot reaches there; the"
            f" newest usable one ends at {start}: " + ("; ".join(problems) or "none is there"),
            reason="SNAPSHOT_MISSING",
        )
    if newest > last_sequence:
        raise JournalDamagedError(
            f"the snapshot of frame {newest} is ahead of the journal, which ends at frame"
            f" {last_sequence}: the end of the journal is missing",
            reason="JOURNAL_END_MISSING",
        )
