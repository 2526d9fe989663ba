"""A simulated disk under `Storage`: what is not synced can be lost, torn and reordered by a crash,
and any operation can fail."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.journal.storage import Buffer, StoredFile

SECTOR = 64
"""Bytes that reach the disk together; small, so that small files are torn in many ways."""


class CrashError(BaseException):
    """The power is gone. No `except Exception` of the code under test stops it."""


@dataclass(frozen=True)
class Fault:
    """What happens at operation number `at`. A write first does `part` of 8 parts of its bytes,
    or all but one byte when `part` is 7. With an `error` it then fails, else the power goes."""

    at: int
    part: int = 0
    error: int = 0


@dataclass
class Inode:
    """A file: what is on the disk for sure, and what happened to it since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) of a write, (size, None) of a truncation."""


class SimulatedDisk:
    """A directory in memory. `operations` counts and names everything that can fail."""

    def __init__(self, files: dict[str, bytes] | None = None, fault: Fault | None = None) -> None:
        inodes = {
            name: Inode(bytearray(data), bytearray(data)) for name, data in (files or {}).items()
        }
        self.fault = fault
        self.operations: list[str] = []
        self.open_files = 0
        self._names = dict(inodes)
        self._synced_names = dict(inodes)
        self._since: list[tuple[str, Inode | None]] = []
        self._unlucky_sync = False

    @property
    def files(self) -> dict[str, bytes]:
        """What a process sees now."""
        return {name: bytes(inode.seen) for name, inode in self._names.items()}

    def step(self, what: str, act: Callable[[int], None] = lambda part: None) -> None:
        """One operation: `act(8)` does all of it, fewer parts of 8 a part."""
        at = len(self.operations)
        self.operations.append(what)
        if self.fault is None or self.fault.at != at:
            act(8)
            return
        if what == "write":
            act(self.fault.part)
        elif self.fault.part and not (what == "create" and self.fault.error):
            act(8)
        if self.fault.error:
            raise OSError(self.fault.error, os.strerror(self.fault.error))
        raise CrashError

    # Storage

    def lock(self) -> None:
        """The disk belongs to the test."""

    def create(self, name: str) -> StoredFile:
        inode = Inode()

        def act(part: int) -> None:
            if part and self._names.setdefault(name, inode) is not inode:
                raise FileExistsError(name)
            if part:
                self._since.append((name, inode))

        self.step("create", act)
        return SimulatedFile(self, inode)

    def open(self, name: str, *, writable: bool = False) -> StoredFile:
        if name not in self._names:
            raise FileNotFoundError(name)
        return SimulatedFile(self, self._names[name])

    def names(self) -> list[str]:
        return sorted(self._names)

    def rename(self, old: str, new: str) -> None:
        def act(part: int) -> None:
            if part:
                self._names[new] = self._names.pop(old)
                self._since.append((new, self._names[new]))
                self._since.append((old, None))

        self.step("rename", act)

    def unlink(self, name: str) -> None:
        def act(part: int) -> None:
            if part:
                del self._names[name]
                self._since.append((name, None))

        self.step("unlink", act)

    def sync_names(self) -> None:
        def act(part: int) -> None:
            if part == 8 and not self._fails():
                self._synced_names = dict(self._names)
                self._since.clear()

        self.step("sync_names", act)

    def _fails(self) -> bool:
        """Whether the operation under way will report an error: then nothing is promised."""
        return self.fault is not None and len(self.operations) - 1 == self.fault.at

    # Crash

    def after_crash(self, how: str, seed: int = 0) -> dict[str, bytes]:
        """Files as a new start finds them.

        `how`: "synced" only what was synced, "all" everything, "torn" any sectors and any names.
        """
        if how == "all":
            return self.files
        chance = random.Random(seed)
        names = dict(self._synced_names)
        for name, inode in self._since:
            if how == "torn" and chance.random() < 0.5:
                if inode is None:
                    names.pop(name, None)
                else:
                    names[name] = inode
        return {
            name: bytes(inode.synced if how == "synced" else torn(inode, chance))
            for name, inode in names.items()
        }


class SimulatedFile:
    """An open file of the simulated disk."""

    def __init__(self, disk: SimulatedDisk, inode: Inode) -> None:
        self._disk = disk
        self._inode = inode
        disk.open_files += 1

    def write(self, buffers: Sequence[Buffer], offset: int) -> None:
        data = b"".join(bytes(each) for each in buffers)

        def act(part: int) -> None:
            size = len(data) if part == 8 else len(data) - 1 if part == 7 else len(data) * part // 8
            if size > 0:
                put(self._inode.seen, offset, data[:size])
                self._inode.since.append((offset, data[:size]))

        self._disk.step("write", act)

    def sync(self) -> None:
        def act(part: int) -> None:
            if part == 8 and not self._disk._fails():
                self._inode.synced = bytearray(self._inode.seen)
                self._inode.since.clear()

        self._disk.step("sync", act)

    def truncate(self, size: int) -> None:
        def act(part: int) -> None:
            if part:
                del self._inode.seen[size:]
                self._inode.since.append((size, None))

        self._disk.step("truncate", act)

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self._inode.seen[offset : offset + size])

    def read_into(self, offset: int, target: memoryview) -> int:
        data = self.read(offset, len(target))
        target[: len(data)] = data
        return len(data)

    def size(self) -> int:
        return len(self._inode.seen)

    def close(self) -> None:
        self._disk.open_files -= 1


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Writes into a file's bytes; a hole becomes zeros."""
    content.extend(bytes(max(offset - len(content), 0)))
    content[offset : offset + len(data)] = data


def torn(inode: Inode, chance: random.Random) -> bytearray:
    """A file after a crash: of everything since the last sync any sectors, in any mixture."""
    content = bytearray(inode.synced)
    for offset, data in inode.since:
        if data is None:
            if chance.random() < 0.5:
                del content[offset:]
            continue
        begin = 0
        while begin < len(data):
            end = min(begin + SECTOR - (offset + begin) % SECTOR, len(data))
            if chance.random() < 0.5:
                put(content, offset + begin, data[begin:end])
            begin = end
    return content
