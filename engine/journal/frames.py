"""One frame of the journal: a header of 64 bytes, the caller's scope, the payload.

    offset  size
         0     4  magic
         4     1  format
         5     1  kind: schema.InputKind, or OUTPUT
         6     2  length of the scope
         8     8  sequence, rises by one
        16     8  now_ms, never falls
        24     4  rules_version
        28     4  place in its group: how many frames were written before it in the same commit
        32     4  length of the payload
        36     4  CRC-32C of the previous frame's header
        40     4  CRC-32C of scope and payload
        44    16  request key: XXH3-128 of the request id, or zeros
        60     4  CRC-32C of the 60 bytes before, seeded with the journal's id, the segment and the
                  frame's offset

All little-endian. The header's checksum covers the body's, so a chain of header checksums is one
over everything. A header can be trusted alone, before a length in it is believed; and bytes that
pass for a frame anywhere else, inside a payload even, do not pass for one where they are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from engine.errors import JournalDamagedError
from engine.journal.checksums import crc32c
from engine.schema import RULES_VERSION, InputKind

MAGIC = b"\xff\xf8rJ"
"""Its first two bytes occur in no UTF-8 text."""
FORMAT = 1
HEADER_SIZE = 64
MAX_SCOPE = 2**16 - 1
MAX_PAYLOAD = 2**32 - 1
NO_REQUEST = bytes(16)

_FIELDS = struct.Struct("<4sBBHQqIIIII16s")
_WHOLE = struct.Struct(_FIELDS.format + "I")
_CHECKSUM = struct.Struct("<I")
_ANSWERED = struct.Struct("<Q")
_OFFSET = struct.Struct("<Q")


class FrameKind(IntEnum):
    """Frames that are no input, beside `schema.InputKind`."""

    OUTPUT = 64


_KINDS: dict[int, InputKind | FrameKind] = {int(kind): kind for kind in (*InputKind, *FrameKind)}


@dataclass(frozen=True, slots=True)
class Frame:
    """One input as it came, or the answer to one.

    `scope` is who sent it, opaque here; `request_key` the hash of its request id, zeros for none.
    """

    sequence: int
    kind: InputKind | FrameKind
    now_ms: int
    payload: bytes
    scope: bytes = b""
    request_key: bytes = NO_REQUEST
    rules_version: int = RULES_VERSION

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return HEADER_SIZE + len(self.scope) + len(self.payload)


class Header(NamedTuple):
    """A header as it stands in a file; its checksum was right."""

    format: int
    kind: int
    scope_length: int
    sequence: int
    now_ms: int
    rules_version: int
    place: int
    payload_length: int
    previous_crc: int
    body_crc: int
    request_key: bytes
    crc: int

    @property
    def size(self) -> int:
        """Bytes of the whole frame."""
        return HEADER_SIZE + self.scope_length + self.payload_length

    @property
    def group(self) -> int:
        """Sequence of the first frame of its commit."""
        return self.sequence - self.place


def checked(frame: Frame) -> Frame:
    """The frame, or ValueError if it does not fit the layout."""
    if len(frame.scope) > MAX_SCOPE or len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(
            f"scope of {len(frame.scope)} and payload of {len(frame.payload)} bytes: at most "
            f"{MAX_SCOPE} and {MAX_PAYLOAD} fit a frame"
        )
    if len(frame.request_key) != len(NO_REQUEST):
        raise ValueError(f"request key of {len(frame.request_key)} bytes, not {len(NO_REQUEST)}")
    return frame


def pack_header(frame: Frame, place: int, previous_crc: int, seed: int, offset: int) -> bytes:
    """Header of a frame at `offset` of the segment that `seed` belongs to."""
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT,
        frame.kind,
        len(frame.scope),
        frame.sequence,
        frame.now_ms,
        frame.rules_version,
        place,
        len(frame.payload),
        previous_crc,
        crc32c(frame.payload, crc32c(frame.scope)),
        frame.request_key,
    )
    return fields + _CHECKSUM.pack(crc32c(fields, _seed_at(seed, offset)))


def unpack_header(data: bytes, seed: int, offset: int) -> Header | None:
    """Header of the frame at `offset`, or None if these 64 bytes are none."""
    if len(data) != HEADER_SIZE or not data.startswith(MAGIC):
        return None
    header = Header._make(_WHOLE.unpack(data)[1:])
    if crc32c(data[: _FIELDS.size], _seed_at(seed, offset)) != header.crc:
        return None
    return header


def frame_of(header: Header, body: bytes, where: str) -> Frame:
    """The frame of a checked header and its checked body; `where` is for the error message."""
    kind = _KINDS.get(header.kind)
    if header.format != FORMAT or kind is None:
        raise JournalDamagedError(
            f"{where}: frame {header.sequence} has format {header.format} and kind {header.kind}, "
            "which this version does not know; start the version that wrote it",
            reason="JOURNAL_UNKNOWN_FRAME",
        )
    return Frame(
        header.sequence,
        kind,
        header.now_ms,
        body[header.scope_length :],
        body[: header.scope_length],
        header.request_key,
        header.rules_version,
    )


def output_payload(answered: int, answer: bytes) -> bytes:
    """Payload of an OUTPUT frame: the sequence of the input, then the answer's bytes."""
    return b"".join((_ANSWERED.pack(answered), answer))


def split_output(payload: bytes) -> tuple[int, bytes]:
    """Sequence of the answered input and the answer of an OUTPUT frame's payload."""
    (answered,) = _ANSWERED.unpack_from(payload)
    return answered, payload[_ANSWERED.size :]


def last_crc(header: bytes) -> int:
    """The checksum at the end of a packed header."""
    (crc,) = _CHECKSUM.unpack_from(header, _FIELDS.size)
    return int(crc)


def _seed_at(seed: int, offset: int) -> int:
    return crc32c(_OFFSET.pack(offset), seed)
