"""Segment files: their names, their header of 64 bytes, and walking the frames in them.

offset  size
     0     8  magic
     8     4  format
    12    16  journal id, drawn when the journal was made
    28     8  sequence of the first frame
    36     8  now_ms of the last frame before this segment
    44     4  CRC-32C of the last frame's header before this segment
    48    12  zeros
    60     4  CRC-32C of the 60 bytes before
"""

from __future__ import annotations

import re
import struct
from array import array
from dataclasses import dataclass, field

from engine.errors import JournalDamagedError
from engine.journal.checksums import crc32c
from engine.journal.frames import HEADER_SIZE, Frame, Header, frame_of, unpack_header
from engine.journal.storage import StoredFile

SEGMENT_HEADER_SIZE = 64
JOURNAL_ID_SIZE = 16
FORMAT = 1
INDEX_EVERY = 64
"""Every so many frames the index notes an offset."""

_MAGIC = b"rprcJRNL"
_FIELDS = struct.Struct("<8sI16sQqI12x")
_CHECKSUM = struct.Struct("<I")
_NAME = re.compile(r"journal-(\d{20})\.log")
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment says of itself."""

    journal_id: bytes
    first_sequence: int
    last_ms: int
    previous_crc: int

    @property
    def name(self) -> str:
        """File name of the segment."""
        return f"journal-{self.first_sequence:020d}.log"

    @property
    def seed(self) -> int:
        """What the checksums of this segment's frames start from."""
        return crc32c(self.journal_id + self.first_sequence.to_bytes(8, "little"))

    def pack(self) -> bytes:
        """The header's bytes."""
        fields = _FIELDS.pack(
            _MAGIC,
            FORMAT,
            self.journal_id,
            self.first_sequence,
            self.last_ms,
            self.previous_crc,
        )
        return fields + _CHECKSUM.pack(crc32c(fields))


@dataclass(slots=True)
class Segment:
    """A segment as far as it holds committed frames; `size` is where they end."""

    header: SegmentHeader
    size: int
    last_sequence: int
    first_ms: int
    """`now_ms` of the first frame, as near as is known: not after it."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Offset of every INDEX_EVERY-th frame, as far as the segment was walked."""

    @property
    def name(self) -> str:
        """File name of the segment."""
        return self.header.name

    def note(self, sequence: int, offset: int) -> None:
        """Keeps the offset of a frame if it is the next that the index wants."""
        if sequence - self.header.first_sequence == len(self.offsets) * INDEX_EVERY:
            self.offsets.append(offset)


def damaged(name: str, offset: int, sequence: int, what: str) -> JournalDamagedError:
    """The error that stops a start, with the position."""
    return JournalDamagedError(
        f"{name}, byte {offset}, frame {sequence}: {what}", reason="JOURNAL_DAMAGED"
    )


def sequence_of(name: str) -> int | None:
    """First sequence in the name of a segment, or None for any other file."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def unpack_segment_header(data: bytes, name: str) -> SegmentHeader | None:
    """Header of a segment, or None if the bytes are none. Raises JournalDamagedError."""
    if len(data) < SEGMENT_HEADER_SIZE:
        return None
    fields = data[: _FIELDS.size]
    (crc,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    if not data.startswith(_MAGIC) or crc32c(fields) != crc:
        return None
    _, version, journal_id, first_sequence, last_ms, previous_crc = _FIELDS.unpack(fields)
    header = SegmentHeader(journal_id, first_sequence, last_ms, previous_crc)
    if version != FORMAT:
        raise damaged(name, 8, first_sequence, f"format {version} is unknown to this version")
    if header.name != name:
        raise damaged(name, 28, first_sequence, "the file's name contradicts its header")
    return header


class FrameWalker:
    """Reads the frames of one segment one after another, in chunks, up to `end`."""

    def __init__(self, file: StoredFile, header: SegmentHeader, end: int) -> None:
        self.offset = SEGMENT_HEADER_SIZE
        self.sequence = header.first_sequence
        self.end = end
        self._file = file
        self._name = header.name
        self._seed = header.seed
        self._data = b""
        self._data_offset = 0

    def header(self) -> Header | None:
        """Header of the frame at `offset`, if there is the whole frame of this sequence."""
        found = self.header_at(self.offset)
        if found is None or found.sequence != self.sequence:
            return None
        return found if self.offset + found.size <= self.end else None

    def header_at(self, offset: int) -> Header | None:
        """Header at any offset, whatever its sequence and length."""
        return unpack_header(self._bytes(offset, HEADER_SIZE), self._seed, offset)

    def body(self, header: Header) -> bytes | None:
        """Scope and payload of the frame at `offset`, or None if their checksum is wrong."""
        body = self._bytes(self.offset + HEADER_SIZE, header.size - HEADER_SIZE)
        return body if crc32c(body) == header.body_crc else None

    def step(self, header: Header) -> None:
        """Goes on behind the frame at `offset`."""
        self.offset += header.size
        self.sequence += 1

    def frame(self) -> Frame:
        """The frame at `offset`, which must be there; goes on behind it."""
        header = self.header()
        body = None if header is None else self.body(header)
        if header is None or body is None:
            raise damaged(self._name, self.offset, self.sequence, "a committed frame is invalid")
        frame = frame_of(header, body, f"{self._name}, byte {self.offset}")
        self.step(header)
        return frame

    def seek(self, segment: Segment, sequence: int) -> None:
        """Goes to a frame by the segment's index and the headers behind it, noting new entries."""
        first = segment.header.first_sequence
        entry = min((sequence - first) // INDEX_EVERY, len(segment.offsets) - 1)
        if entry >= 0:
            self.offset, self.sequence = segment.offsets[entry], first + entry * INDEX_EVERY
        while self.sequence < sequence:
            segment.note(self.sequence, self.offset)
            header = self.header()
            if header is None:
                raise damaged(self._name, self.offset, self.sequence, "a header is invalid")
            self.step(header)

    def find(self, needle: bytes, offset: int) -> int:
        """Offset of the next occurrence of `needle`, or -1."""
        while offset < self.end:
            chunk = self._read(offset, min(_CHUNK, self.end - offset))
            at = chunk.find(needle)
            if at >= 0:
                return offset + at
            if len(chunk) < len(needle):
                break
            offset += len(chunk) - len(needle) + 1
        return -1

    def _bytes(self, offset: int, size: int) -> bytes:
        begin = offset - self._data_offset
        if begin < 0 or begin + size > len(self._data):
            wanted = min(max(size, _CHUNK), max(self.end - offset, 0))
            self._data, self._data_offset, begin = self._read(offset, wanted), offset, 0
        return self._data[begin : begin + size]

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return self._file.read(offset, size)
        except OSError as error:
            what = f"it cannot be read: {error}"
            raise damaged(self._name, offset, self.sequence, what) from error
