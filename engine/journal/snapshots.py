"""Snapshots: raw columns in one file that is written beside, synced and then renamed.

    head       64 bytes: magic, format, zeros
    columns    each at a multiple of 64 bytes, zeros between
    directory  JSON: sequence, now_ms, rules_version, state_hash, and of each column its name,
               dtype, shape, offset, bytes and CRC-32C
    trailer    32 bytes: offset, length and CRC-32C of the directory, magic

The checksum of the directory covers those of the columns, so it is one over everything.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import JournalDamagedError, JournalFullError
from engine.journal.checksums import crc32c
from engine.journal.disk_errors import failed, full_or_failed
from engine.journal.storage import Buffer, Storage, StoredFile

ALIGNMENT = 64
FORMAT = 1
CHUNK = 1024 * 1024
"""Bytes read and hashed at a time, so that they are hashed while the cache still has them."""
READERS = 2
"""Threads that read a large snapshot: most of the time is the first touch of fresh memory."""
SHARED_FROM = 16 * CHUNK
"""Bytes of a snapshot from which on they share it."""

_MAGIC = b"rprcSNAP"
_HEAD = struct.Struct("<8sI52x")
_TRAILER = struct.Struct("<QQI4x8s")
_NAME = re.compile(r"snapshot-(\d{20})\.(snap|tmp)")


Place = Callable[[str, int], NDArray[np.uint8]]


class Column(msgspec.Struct, frozen=True):
    """Where a column lies and what it must hash to. `dtype` is numpy's description of it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int


class Directory(msgspec.Struct, frozen=True):
    """What a snapshot says of itself. `sequence` is the last input that it includes."""

    sequence: int
    now_ms: int
    rules_version: int
    state_hash: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot file; `problem` is empty if its directory is whole."""

    name: str
    sequence: int
    size: int
    problem: str


def snapshot_name(sequence: int) -> str:
    """File name of the snapshot that includes inputs up to `sequence`."""
    return f"snapshot-{sequence:020d}.snap"


def write_snapshot(
    storage: Storage,
    sequence: int,
    now_ms: int,
    rules_version: int,
    state_hash: str,
    columns: Mapping[str, Buffer | NDArray[Any]],
) -> str:
    """Writes a snapshot and returns its name. Bytes come back as an array of uint8.

    Raises JournalFullError when the disk has no room, JournalFailedError for any other error.
    """
    name = snapshot_name(sequence)
    unfinished = name.removesuffix("snap") + "tmp"
    remove_unfinished(storage)
    try:
        file = storage.create(unfinished)
    except OSError as error:
        raise full_or_failed(error, "the snapshot") from error
    try:
        _write_all(file, sequence, now_ms, rules_version, state_hash, columns)
    except OSError as error:
        failure = full_or_failed(error, "the snapshot")
        if isinstance(failure, JournalFullError):
            remove_unfinished(storage)
        raise failure from error
    else:
        _sync_and_rename(storage, file, unfinished, name)
    finally:
        file.close()
    return name


def read_snapshot(
    storage: Storage, name: str, place: Place = lambda _, size: aligned(size)
) -> tuple[Directory, dict[str, NDArray[Any]]]:
    """Directory and columns of a snapshot: own, writable arrays that begin at a cache line.

    `place` gives the memory of each column, by its name and bytes. Everything is verified on the
    way. Raises JournalDamagedError with file and offset.
    """
    file = storage.open(name)
    try:
        directory = _read_directory(file, name)

        def read(column: Column) -> NDArray[np.uint8]:
            raw = place(column.name, column.size)
            _check_column(file, name, column, raw)
            return raw

        with ThreadPoolExecutor(READERS) as pool:
            each = pool.map if file.size() >= SHARED_FROM else map
            found = list(each(read, directory.columns))
        return directory, {
            column.name: _typed(raw, column, name)
            for column, raw in zip(directory.columns, found, strict=True)
        }
    finally:
        file.close()


def verify_snapshot(storage: Storage, name: str) -> Directory:
    """Reads and checks every byte of a snapshot. Raises JournalDamagedError."""
    file = storage.open(name)
    try:
        directory = _read_directory(file, name)
        for column in directory.columns:
            _check_column(file, name, column, None)
        return directory
    finally:
        file.close()


def read_directory(storage: Storage, name: str) -> Directory:
    """What a snapshot says of itself; its columns are not read. Raises JournalDamagedError."""
    file = storage.open(name)
    try:
        return _read_directory(file, name)
    finally:
        file.close()


def list_snapshots(storage: Storage) -> list[Listed]:
    """All snapshots, newest first; only their directories are checked."""
    found = []
    for name in storage.names():
        match = _NAME.fullmatch(name)
        if match is None or match[2] == "tmp":
            continue
        try:
            file = storage.open(name)
        except FileNotFoundError:
            continue  # The owner has deleted it meanwhile.
        try:
            size, problem = file.size(), ""
            _read_directory(file, name)
        except JournalDamagedError as error:
            problem = error.message
        finally:
            file.close()
        found.append(Listed(name, int(match[1]), size, problem))
    return found[::-1]


def delete_snapshot(storage: Storage, name: str) -> None:
    """Removes a snapshot for good. Raises JournalFailedError."""
    try:
        storage.unlink(name)
        storage.sync_names()
    except OSError as error:
        raise failed(error) from error


def remove_unfinished(storage: Storage) -> None:
    """Removes what interrupted writes left."""
    for name in storage.names():
        match = _NAME.fullmatch(name)
        if match is not None and match[2] == "tmp":
            delete_snapshot(storage, name)


def aligned(size: int) -> NDArray[np.uint8]:
    """An array of `size` bytes, not set to anything, that begins at a multiple of ALIGNMENT."""
    raw = np.empty(size + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    return raw[begin : begin + size]


def _write_all(
    file: StoredFile,
    sequence: int,
    now_ms: int,
    rules_version: int,
    state_hash: str,
    columns: Mapping[str, Buffer | NDArray[Any]],
) -> None:
    file.write([_HEAD.pack(_MAGIC, FORMAT)], 0)
    offset = _HEAD.size
    described = []
    for name, values in columns.items():
        column, raw = _describe(name, values, offset)
        padding = -column.size % ALIGNMENT
        file.write([raw, bytes(padding)], offset)
        described.append(column)
        offset += column.size + padding
    directory = msgspec.json.encode(
        Directory(sequence, now_ms, rules_version, state_hash, tuple(described))
    )
    trailer = _TRAILER.pack(offset, len(directory), crc32c(directory), _MAGIC)
    file.write([directory, trailer], offset)


def _describe(name: str, values: Buffer | NDArray[Any], offset: int) -> tuple[Column, memoryview]:
    array = values if isinstance(values, np.ndarray) else np.frombuffer(values, np.uint8)
    if array.dtype.hasobject:
        raise ValueError(f"column {name} holds Python objects")
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    dtype = repr(np.lib.format.dtype_to_descr(array.dtype))
    crc = crc32c(raw.data)
    return Column(name, dtype, array.shape, offset, raw.nbytes, crc), raw.data


def _sync_and_rename(storage: Storage, file: StoredFile, old: str, new: str) -> None:
    try:
        file.sync()
        storage.rename(old, new)
        storage.sync_names()
    except OSError as error:
        raise failed(error) from error


def _read_directory(file: StoredFile, name: str) -> Directory:
    """The checked directory; every byte that is in no column is checked too."""
    size = file.size()
    if size < _HEAD.size + _TRAILER.size:
        raise _damaged(name, 0, f"{size} bytes are no snapshot")
    magic, version = _HEAD.unpack(file.read(0, _HEAD.size))
    if magic != _MAGIC or version != FORMAT or file.read(12, 52) != bytes(52):
        raise _damaged(name, 0, "the head is invalid or of an unknown format")
    trailer = file.read(size - _TRAILER.size, _TRAILER.size)
    offset, length, crc, magic = _TRAILER.unpack(trailer)
    if trailer != _TRAILER.pack(offset, length, crc, _MAGIC) or offset + length != (
        size - _TRAILER.size
    ):
        raise _damaged(name, size - _TRAILER.size, "the trailer is invalid")
    raw = file.read(offset, length)
    if crc32c(raw) != crc:
        raise _damaged(name, offset, "the directory's checksum is wrong")
    try:
        directory = msgspec.json.decode(raw, type=Directory)
    except msgspec.DecodeError as error:
        raise _damaged(name, offset, f"the directory is unreadable: {error}") from error
    if snapshot_name(directory.sequence) != name:
        raise _damaged(name, offset, f"the file is of sequence {directory.sequence}")
    _check_places(file, name, directory, offset)
    return directory


def _check_places(file: StoredFile, name: str, directory: Directory, end: int) -> None:
    """Whether the columns lie one behind another up to the directory, with zeros between."""
    offset = _HEAD.size
    for column in directory.columns:
        padding = -column.size % ALIGNMENT
        if column.offset != offset or not 0 <= column.size <= end - offset - padding:
            raise _damaged(name, column.offset, f"column {column.name} is out of place")
        if file.read(offset + column.size, padding) != bytes(padding):
            raise _damaged(name, offset, f"bytes behind column {column.name} are not zero")
        offset += column.size + padding
    if offset != end:
        raise _damaged(name, offset, "bytes belong to no column")


def _check_column(
    file: StoredFile, name: str, column: Column, target: NDArray[np.uint8] | None
) -> None:
    """Reads a column, into `target` if there is one, and compares its checksum."""
    buffer = np.empty(min(CHUNK, column.size), np.uint8)
    crc = 0
    for begin in range(0, column.size, CHUNK):
        length = min(CHUNK, column.size - begin)
        chunk = buffer[:length] if target is None else target[begin : begin + length]
        if file.read_into(column.offset + begin, chunk.data) != length:
            raise _damaged(name, column.offset + begin, f"column {column.name} is cut short")
        crc = crc32c(chunk.data, crc)
    if crc != column.crc:
        raise _damaged(name, column.offset, f"the checksum of column {column.name} is wrong")


def _typed(raw: NDArray[np.uint8], column: Column, name: str) -> NDArray[Any]:
    """A column's bytes as what they were; only a forged directory can contradict itself here."""
    try:
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(column.dtype))
        return raw.view(dtype).reshape(column.shape)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise _damaged(name, column.offset, f"column {column.name}: {error}") from error


def _damaged(name: str, offset: int, what: str) -> JournalDamagedError:
    return JournalDamagedError(f"{name}, byte {offset}: {what}", reason="SNAPSHOT_DAMAGED")
