"""Segment files of a journal.

The first byte says whether checksums are made right, or else no change would ever get past them.
Where a segment's magic occurs, the next file begins. Oracle is a reader that does no more than the
layout says: what it finds whole must be taken, and what is taken must be what it finds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from engine.errors import JournalDamagedError
from engine.journal import FileJournal
from engine.journal.checksums import crc32c
from engine.journal.reader import JournalReader
from engine.schema import InputKind
from tests.engine.journal.disk import SimulatedDisk

JOURNAL_ID = b"0123456789abcdef"
MAGIC, FRAME_MAGIC = b"rprcJRNL", b"\xff\xf8rJ"
HEAD = struct.Struct("<8sI16sQqI12xI")
FRAME = struct.Struct("<4sBBHQqIIIII16sI")
MENDED, GROWS = 1, 2

Seen = tuple[int, int, int, bytes, bytes]
"""Sequence, kind, now_ms, payload and scope of a frame."""


def seeds() -> list[bytes]:
    """One segment, several, and one with a torn end."""
    found = []
    for segment_bytes in (1 << 20, 400):
        disk = SimulatedDisk()
        journal = FileJournal.open(disk, JOURNAL_ID, segment_bytes=segment_bytes)
        for at in range(3):
            journal.append(InputKind.REPRICE, b"payload %d" % at, 1_000 + at, b"scope")
            journal.append(InputKind.FEEDBACK, b"", 1_000 + at)
            journal.commit()
            journal.append_output(journal.last_sequence, b"answer")
        journal.close()
        whole = b"".join(disk.files[each] for each in disk.names())
        found += [bytes([MENDED]) + whole, bytes([GROWS]) + whole, bytes([GROWS]) + whole[:-9]]
    return found


def one(data: bytes) -> str:
    """JournalDamagedError, or the frames that the naive reader finds, also after a restart."""
    how, parts = data[0] if data else 0, split(data[1:])
    naive = Naive([mended(each) for each in parts] if how & MENDED else parts)
    disk = SimulatedDisk(dict(naive.files))
    try:
        seen = content(disk)
    except JournalDamagedError as error:
        if naive.whole and error.reason != "JOURNAL_UNKNOWN_FRAME":
            raise AssertionError("refuses what is whole") from error
        return error.reason
    assert seen == naive.frames, (seen, naive.frames)
    assert disk.files == dict(naive.files), "reading changes nothing"
    if how & GROWS:
        grows(disk, seen)
    return "taken" if seen else "empty"


def grows(disk: SimulatedDisk, seen: list[Seen]) -> None:
    """Opened, written to and opened again, it holds what it held and what was written."""
    journal = FileJournal.open(disk, JOURNAL_ID)
    last, last_ms = journal.last_sequence, journal.last_ms
    assert last == (seen[-1][0] if seen else last)
    journal.append(InputKind.STOCK, b"one more", last_ms)
    journal.commit()
    journal.close()
    assert content(disk) == [*seen, (last + 1, int(InputKind.STOCK), last_ms, b"one more", b"")]


def content(disk: SimulatedDisk) -> list[Seen]:
    """What the engine reads. Raises JournalDamagedError."""
    return [
        (each.sequence, int(each.kind), each.now_ms, each.payload, each.scope)
        for each in JournalReader(disk).read_from(0)
    ]


def split(data: bytes) -> list[bytes]:
    """Files: each but perhaps the first begins with the magic of a segment."""
    found = []
    begin = 0
    while (at := data.find(MAGIC, begin + 1)) >= 0:
        found.append(data[begin:at])
        begin = at
    return [*found, data[begin:]]


def mended(data: bytes) -> bytes:
    """The file with every checksum made right, as far as frames follow one another."""
    if len(data) < HEAD.size:
        return data
    out = bytearray(data)
    struct.pack_into("<I", out, 60, crc32c(bytes(out[:60])))
    journal_id, first = HEAD.unpack_from(out)[2:4]
    seed = crc32c(journal_id + first.to_bytes(8, "little"))
    previous: int = HEAD.unpack_from(out)[5]
    at = HEAD.size
    while at + FRAME.size <= len(out):
        scope_length, payload_length = FRAME.unpack_from(out, at)[3], FRAME.unpack_from(out, at)[8]
        end = at + FRAME.size + scope_length + payload_length
        if end > len(out):
            break
        struct.pack_into("<II", out, at + 36, previous, crc32c(bytes(out[at + FRAME.size : end])))
        previous = crc32c(bytes(out[at : at + 60]), crc32c(at.to_bytes(8, "little"), seed))
        struct.pack_into("<I", out, at + 60, previous)
        at = end
    return bytes(out)


@dataclass
class Naive:
    """What the layout says of some files. `whole`: there is nothing but frames that follow one
    another."""

    parts: list[bytes]
    files: dict[str, bytes] = field(default_factory=dict)
    frames: list[Seen] = field(default_factory=list)
    whole: bool = True

    def __post_init__(self) -> None:
        for part in self.parts:
            first = HEAD.unpack_from(part)[3] if len(part) >= HEAD.size else 1
            self.files[f"journal-{first % 10**20:020d}.log"] = part
        chain: tuple[bytes, int, int, int] | None = None
        for name in sorted(self.files):
            chain = self._segment(name, self.files[name], chain)
            if chain is None:
                self.whole = False
                break

    def _segment(
        self, name: str, data: bytes, chain: tuple[bytes, int, int, int] | None
    ) -> tuple[bytes, int, int, int] | None:
        """Journal id, sequence, time and checksum of the last frame; None where it is broken."""
        if len(data) < HEAD.size or crc32c(data[:60]) != HEAD.unpack_from(data)[6]:
            return None
        magic, version, journal_id, first, last_ms, previous, _ = HEAD.unpack_from(data)
        last = first - 1
        fine = magic == MAGIC and version == 1 and name == f"journal-{first:020d}.log"
        if not fine:
            return None
        if chain is not None and (chain[0], chain[1], chain[3]) != (journal_id, last, previous):
            return None
        seed = crc32c(journal_id + first.to_bytes(8, "little"))
        at = HEAD.size
        while at < len(data):
            found = naive_frame(data, at, seed)
            if found is None:
                return None
            sequence, now_ms, previous_crc, crc, size, seen = found
            if (sequence, previous_crc) != (last + 1, previous) or now_ms < last_ms:
                return None
            self.frames.append(seen)
            last, last_ms, previous, at = sequence, now_ms, crc, at + size
        return journal_id, last, last_ms, previous


def naive_frame(data: bytes, at: int, seed: int) -> tuple[int, int, int, int, int, Seen] | None:
    """Sequence, time, checksums before and of it, size and content of a whole frame."""
    if len(data) - at < FRAME.size or not data.startswith(FRAME_MAGIC, at):
        return None
    _, _, kind, scope, sequence, now_ms, _, _, payload, previous, body, _, crc = FRAME.unpack_from(
        data, at
    )
    end = at + FRAME.size + scope + payload
    content = data[at + FRAME.size : end]
    if end > len(data) or crc32c(content) != body:
        return None
    if crc32c(data[at : at + 60], crc32c(at.to_bytes(8, "little"), seed)) != crc:
        return None
    seen = (sequence, kind, now_ms, content[scope:], content[:scope])
    return sequence, now_ms, previous, crc, end - at, seen
