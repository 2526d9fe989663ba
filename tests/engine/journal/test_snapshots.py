"""Snapshots: what is written comes back typed and aligned; any changed byte is found."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from disk import SimulatedDisk

from engine.errors import JournalDamagedError
from engine.journal import DirectoryStorage
from engine.journal.checksums import crc32c
from engine.journal.snapshots import (
    CHUNK,
    list_snapshots,
    read_snapshot,
    remove_unfinished,
    snapshot_name,
    verify_snapshot,
    write_snapshot,
)
from engine.journal.storage import Storage
from engine.schema import ROW


def write(storage: Storage, sequence: int = 7) -> str:
    rows = np.zeros(5, ROW)
    rows["price_minor"] = range(5)
    columns = {
        "rows": rows,
        "grid": np.arange(12, dtype=np.int16).reshape(3, 4),
        "names": b"a\0bc",
        "nothing": b"",
        "every_other": np.arange(10, dtype=np.uint32)[::2],
    }
    return write_snapshot(storage, sequence, 1234, 3, "c0ffee", columns)


def test_columns_come_back(tmp_path: Path) -> None:
    storage = DirectoryStorage(tmp_path)
    name = write(storage)
    assert name == "snapshot-00000000000000000007.snap"
    directory, columns = read_snapshot(storage, name)
    assert (directory.sequence, directory.now_ms, directory.rules_version) == (7, 1234, 3)
    assert directory.state_hash == "c0ffee"
    assert columns["rows"].dtype == ROW
    assert columns["rows"]["price_minor"].tolist() == [0, 1, 2, 3, 4]
    assert columns["grid"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert columns["grid"].dtype == np.int16
    assert columns["names"].tobytes() == b"a\0bc"
    assert columns["nothing"].shape == (0,)
    assert columns["every_other"].tolist() == [0, 2, 4, 6, 8]
    assert all(column.ctypes.data % 64 == 0 for column in columns.values() if column.size)
    columns["rows"]["price_minor"] = 9
    assert verify_snapshot(storage, name) == directory
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_column_larger_than_a_chunk() -> None:
    disk = SimulatedDisk()
    values = np.arange(CHUNK // 4 + 77, dtype=np.int64)
    name = write_snapshot(disk, 1, 1, 1, "", {"values": values})
    assert np.array_equal(read_snapshot(disk, name)[1]["values"], values)
    verify_snapshot(disk, name)


def test_a_flipped_bit_in_every_byte() -> None:
    disk = SimulatedDisk()
    name = write(disk)
    content = disk.files[name]
    for at in range(len(content)):
        flipped = bytes([content[at] ^ 1 << at % 8])
        damaged = SimulatedDisk({name: content[:at] + flipped + content[at + 1 :]})
        with pytest.raises(JournalDamagedError, match=rf"{name}, byte \d+: "):
            verify_snapshot(damaged, name)
        with pytest.raises(JournalDamagedError):
            read_snapshot(damaged, name)


def test_every_shorter_file_and_a_longer_one() -> None:
    disk = SimulatedDisk()
    name = write(disk)
    content = disk.files[name]
    for other in [content[:size] for size in range(len(content))] + [content + b"\0"]:
        with pytest.raises(JournalDamagedError):
            verify_snapshot(SimulatedDisk({name: other}), name)


def test_the_list_is_newest_first_and_names_what_is_bad() -> None:
    disk = SimulatedDisk()
    names = [write(disk, sequence) for sequence in (5, 100, 20)]
    files = {**disk.files, names[2]: b"no snapshot", "snapshot-x.snap": b"", "LOCK": b""}
    listed = list_snapshots(SimulatedDisk(files))
    assert [each.sequence for each in listed] == [100, 20, 5]
    assert [bool(each.problem) for each in listed] == [False, True, False]
    assert "11 bytes are no snapshot" in listed[1].problem


def test_a_renamed_snapshot_is_found_out() -> None:
    disk = SimulatedDisk()
    disk.rename(write(disk, 5), snapshot_name(6))
    with pytest.raises(JournalDamagedError, match="the file is of sequence 5"):
        verify_snapshot(disk, snapshot_name(6))


def test_what_was_interrupted_is_removed() -> None:
    disk = SimulatedDisk({"snapshot-00000000000000000003.tmp": b"half"})
    assert list_snapshots(disk) == []
    name = write(disk)
    assert disk.names() == [name]
    disk.create("snapshot-00000000000000000009.tmp")
    remove_unfinished(disk)
    assert disk.names() == [name]


def test_python_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="column bad holds Python objects"):
        write_snapshot(SimulatedDisk(), 1, 1, 1, "", {"bad": np.array([object()])})


def forged(directory: bytes) -> Storage:
    """A snapshot whose checksums are right and whose directory is somebody's invention."""
    content = bytes(64)
    trailer = struct.pack("<QQI4x8s", 128, len(directory), crc32c(directory), b"rprcSNAP")
    head = struct.pack("<8sI52x", b"rprcSNAP", 1)
    return SimulatedDisk({snapshot_name(7): head + content + directory + trailer})


COLUMN = {"name": "a", "dtype": "'|u1'", "shape": [64], "offset": 64, "size": 64}
COLUMN["crc"] = crc32c(bytes(64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": 0}, "out of place"),
        ({"size": 2**60}, "out of place"),
        ({"size": -64}, "out of place"),
        ({"size": 65}, "out of place"),
        ({"shape": [65]}, "column a: cannot reshape"),
        ({"dtype": "'|O'"}, "column a: "),
        ({"dtype": "__import__('os')"}, "column a: malformed"),
        ({"dtype": "("}, "column a: "),
        ({"crc": "x"}, "the directory is unreadable"),
    ],
)
def test_a_forged_directory(change: dict[str, object], message: str) -> None:
    directory = {"sequence": 7, "now_ms": 1, "rules_version": 1, "state_hash": ""}
    whole = msgspec.json.encode({**directory, "columns": [COLUMN]})
    assert read_snapshot(forged(whole), snapshot_name(7))[1]["a"].tolist() == [0] * 64
    bad = msgspec.json.encode({**directory, "columns": [{**COLUMN, **change}]})
    with pytest.raises(JournalDamagedError, match=message):
        read_snapshot(forged(bad), snapshot_name(7))
