"""The file of a snapshot. The first byte says whether checksums are made right.

Oracles: bytes that were not made right are taken only as they were written; reading and verifying
say the same; and what is taken is written again to the same bytes.
"""

from __future__ import annotations

import struct

import msgspec

from engine.errors import JournalDamagedError, ReplayError
from engine.journal.checksums import crc32c
from engine.journal.snapshots import (
    Column,
    Directory,
    read_snapshot,
    snapshot_name,
    verify_snapshot,
    write_snapshot,
)
from engine.schema import RULES_VERSION
from engine.state_columns import dump, load, state_hash
from tests.engine.journal.disk import SimulatedDisk
from tests.fuzz.calls import Shop

TRAILER = struct.Struct("<QQI4x8s")
MENDED = 1
SEQUENCE = 7


def written() -> bytes:
    """A snapshot of a small shop."""
    state = Shop().engine.state
    disk = SimulatedDisk()
    name = write_snapshot(
        disk, SEQUENCE, state.now_ms, RULES_VERSION, state_hash(state), dump(state)
    )
    return disk.files[name]


def seeds() -> list[bytes]:
    """It, with and without checksums made right."""
    return [bytes([how]) + written() for how in (0, MENDED)]


def one(data: bytes) -> str:
    """JournalDamagedError or ReplayError, or a state that is written again as it was."""
    how, content = data[0] if data else 0, data[1:]
    name = snapshot_name(SEQUENCE)
    disk = SimulatedDisk({name: mended(content) if how & MENDED else content})
    try:
        directory = verify_snapshot(disk, name)
    except JournalDamagedError as error:
        refused(disk, name)
        return error.reason
    try:
        columns = read_snapshot(disk, name)[1]
        state = load(columns)
    except (JournalDamagedError, ReplayError) as error:
        return error.reason
    if state_hash(state) != directory.state_hash:
        return "STATE_HASH"
    again = SimulatedDisk()
    write_snapshot(
        again, SEQUENCE, directory.now_ms, directory.rules_version, directory.state_hash,
        dump(load({name: each.copy() for name, each in dump(state).items()})),
    )  # fmt: skip
    assert load(read_snapshot(again, name)[1]).now_ms == state.now_ms
    return "taken"


def refused(disk: SimulatedDisk, name: str) -> None:
    """What is not verified is not read either."""
    try:
        read_snapshot(disk, name)
    except JournalDamagedError:
        return
    raise AssertionError("reads what it does not verify")


def mended(data: bytes) -> bytes:
    """The file with the checksums of directory and columns made right, where it has them."""
    if len(data) < TRAILER.size:
        return data
    offset, length, _, magic = TRAILER.unpack(data[-TRAILER.size :])
    begin = len(data) - TRAILER.size - length
    if length > len(data) - TRAILER.size or begin != offset:
        return data
    raw = data[begin : begin + length]
    try:
        directory = msgspec.json.decode(raw, type=Directory)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data
    columns = [
        Column(
            each.name, each.dtype, each.shape, each.offset, each.size,
            crc32c(data[each.offset : each.offset + each.size])
            if min(each.offset, each.size) >= 0 else 0,
        )
        for each in directory.columns
    ]  # fmt: skip
    raw = msgspec.json.encode(msgspec.structs.replace(directory, columns=tuple(columns)))
    return b"".join((data[:begin], raw, TRAILER.pack(begin, len(raw), crc32c(raw), magic)))
