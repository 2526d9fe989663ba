"""The small layer of files that journal and snapshots stand on, so that faults can be put under it.

Everything that reaches a disk goes through `Storage` and `StoredFile`. `DirectoryStorage` is the
real one. Operating system errors pass through as OSError; the callers decide what they mean.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from engine.errors import ConfigError

Buffer = bytes | bytearray | memoryview

LOCK_NAME = "LOCK"
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
MAX_BUFFERS = min(1024, os.sysconf("SC_IOV_MAX"))
"""Buffers that one system call takes."""


class StoredFile(Protocol):
    """One open file."""

    def write(self, buffers: Sequence[Buffer], offset: int) -> None:
        """Writes all buffers one after another from `offset` on. May fail halfway: OSError."""

    def sync(self) -> None:
        """Returns when everything written, and the length of the file, is on the disk."""

    def truncate(self, size: int) -> None:
        """Cuts the file to `size` bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from `offset` on; fewer than `size` only at the end of the file."""

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fills `target` from `offset` on; fewer bytes only at the end of the file."""

    def size(self) -> int:
        """Length in bytes."""

    def close(self) -> None:
        """Gives the file back to the system."""


class Storage(Protocol):
    """One directory of files."""

    def lock(self) -> None:
        """Makes this process the owner of the directory, or raises ConfigError."""

    def create(self, name: str) -> StoredFile:
        """A new file, open for reading and writing; FileExistsError if there is one."""

    def open(self, name: str, *, writable: bool = False) -> StoredFile:
        """An existing file; FileNotFoundError if there is none."""

    def names(self) -> list[str]:
        """Names of all files, sorted."""

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, replacing what had it."""

    def unlink(self, name: str) -> None:
        """Removes a file."""

    def sync_names(self) -> None:
        """Returns when files made, renamed and removed so far are so on the disk too."""


def write_fully(
    pwritev: Callable[[int, Sequence[Buffer], int], int],
    descriptor: int,
    buffers: Sequence[Buffer],
    offset: int,
) -> None:
    """Writes all buffers with as few calls of `pwritev` as the system allows, without a copy."""
    for first in range(0, len(buffers), MAX_BUFFERS):
        batch: Sequence[Buffer] = buffers[first : first + MAX_BUFFERS]
        left = sum(map(len, batch))
        while left:
            written = pwritev(descriptor, batch, offset)
            offset += written
            left -= written
            if left:
                batch = _after(batch, written)


def _after(buffers: Sequence[Buffer], size: int) -> list[Buffer]:
    """What is left of some buffers of bytes behind their first `size` bytes."""
    rest: list[Buffer] = []
    for buffer in buffers:
        if size < len(buffer):
            rest.append(memoryview(buffer)[size:] if size else buffer)
        size = max(size - len(buffer), 0)
    return rest


class _DirectoryFile:
    """A file of a directory, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, buffers: Sequence[Buffer], offset: int) -> None:
        write_fully(os.pwritev, self._descriptor, buffers, offset)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        while 0 < len(data) < size:
            more = os.pread(self._descriptor, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def read_into(self, offset: int, target: memoryview) -> int:
        done = 0
        while done < len(target):
            count = os.preadv(self._descriptor, [target[done:]], offset + done)
            if not count:
                break
            done += count
        return done

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        os.close(self._descriptor)


class DirectoryStorage:
    """A directory of the file system, made (0700) if it is not there; its files are 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1
        if not path.is_dir():
            path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            self._sync_directory(path.parent)

    def lock(self) -> None:
        """Makes this process the owner until `close` or its end; ConfigError if another one is."""
        if self._lock >= 0:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path / LOCK_NAME, flags, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConfigError(
                f"the data directory {self.path} belongs to the running process {holder or '?'}; "
                "two processes cannot own one data directory",
                reason="DATA_DIRECTORY_IN_USE",
                field="data_directory",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def close(self) -> None:
        """Gives the directory up."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def create(self, name: str) -> StoredFile:
        return self._open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def open(self, name: str, *, writable: bool = False) -> StoredFile:
        return self._open(name, os.O_RDWR if writable else os.O_RDONLY)

    def _open(self, name: str, flags: int) -> _DirectoryFile:
        return _DirectoryFile(os.open(self.path / name, flags | os.O_CLOEXEC, FILE_MODE))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path))

    def rename(self, old: str, new: str) -> None:
        os.rename(self.path / old, self.path / new)

    def unlink(self, name: str) -> None:
        os.unlink(self.path / name)

    def sync_names(self) -> None:
        self._sync_directory(self.path)

    @staticmethod
    def _sync_directory(path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
