"""The power goes, or the disk fails, at every operation of a story in turn."""

from __future__ import annotations

import errno

import pytest
from disk import CrashError, Fault, SimulatedDisk
from story import Record, check, group, open_journal, play

from engine.errors import JournalFailedError, JournalFullError
from engine.schema import InputKind


def operations() -> list[str]:
    """What the story does to a disk without a fault."""
    disk, record = SimulatedDisk(), Record()
    play(disk, record)
    check(SimulatedDisk(disk.after_crash("synced")), record)
    assert disk.open_files == 0
    return disk.operations


OPERATIONS = operations()
ALL = list(enumerate(OPERATIONS))


def parts(operation: str) -> range | tuple[int, ...]:
    """How much of an operation is done when it is interrupted."""
    return range(9) if operation == "write" else (0, 8)


def test_the_story_holds_every_operation() -> None:
    assert set(OPERATIONS) == {"create", "write", "sync", "sync_names", "rename", "unlink"}


@pytest.mark.parametrize(("at", "operation"), ALL)
def test_crash(at: int, operation: str) -> None:
    for part in parts(operation):
        disk, record = SimulatedDisk(fault=Fault(at, part)), Record()
        with pytest.raises(CrashError):
            play(disk, record)
        ways = [("synced", 0), ("all", 0)] + [("torn", seed) for seed in range(6)]
        for how, seed in ways:
            check(SimulatedDisk(disk.after_crash(how, seed)), record)


@pytest.mark.parametrize(("at", "operation"), ALL)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room(at: int, operation: str, error: int) -> None:
    """The story goes on without what was refused; a sync that fails ends it."""
    for part in parts(operation):
        disk, record = SimulatedDisk(fault=Fault(at, part, error)), Record()
        if operation in ("write", "create"):
            play_to_the_end(disk, record)
        else:
            with pytest.raises(JournalFailedError):
                play(disk, record)
        for how, seed in [("synced", 0), ("all", 0), ("torn", 1), ("torn", 2)]:
            check(SimulatedDisk(disk.after_crash(how, seed)), record)


def play_to_the_end(disk: SimulatedDisk, record: Record) -> None:
    """Only at the very first start is there nothing to go on with."""
    assert disk.fault is not None
    if disk.fault.at < OPERATIONS.index("sync"):
        with pytest.raises(JournalFullError):
            play(disk, record)
    else:
        play(disk, record)
        assert len(disk.operations) > disk.fault.at + 1


@pytest.mark.parametrize(("at", "operation"), ALL)
def test_any_other_error_ends_it(at: int, operation: str) -> None:
    for part in parts(operation):
        disk, record = SimulatedDisk(fault=Fault(at, part, errno.EIO)), Record()
        with pytest.raises(JournalFailedError, match=r"must end|failed earlier"):
            play(disk, record)
        for how, seed in [("synced", 0), ("all", 0), ("torn", 1), ("torn", 2)]:
            check(SimulatedDisk(disk.after_crash(how, seed)), record)


@pytest.mark.parametrize(("at", "operation"), ALL)
def test_the_process_is_killed_and_later_the_power_goes(at: int, operation: str) -> None:
    """What a start has read must be on the disk, not only in the memory of the system."""
    for part in parts(operation):
        disk, record = SimulatedDisk(fault=Fault(at, part)), Record()
        with pytest.raises(CrashError):
            play(disk, record)
        disk.fault = None
        found = Record(committed=list(open_journal(disk).read_from(0)))
        found.pruned_before = record.pruned_before
        for how, seed in [("synced", 0), ("torn", 1), ("torn", 2)]:
            check(SimulatedDisk(disk.after_crash(how, seed)), found)


@pytest.mark.parametrize(("at", "operation"), ALL)
def test_the_power_goes_again_while_starting(at: int, operation: str) -> None:
    for part in parts(operation):
        disk, record = SimulatedDisk(fault=Fault(at, part)), Record()
        with pytest.raises(CrashError):
            play(disk, record)
        for how, seed in [("synced", 0), ("torn", 1), ("torn", 2), ("torn", 3)]:
            files = disk.after_crash(how, seed)
            for again in range(6):
                second = SimulatedDisk(files, Fault(again, 4))
                try:
                    open_journal(second)
                except CrashError:
                    check(SimulatedDisk(second.after_crash("torn", again)), record)
                else:
                    break


@pytest.mark.parametrize("part", range(9))
def test_what_was_refused_does_not_come_back(part: int) -> None:
    disk, record = SimulatedDisk(), Record()
    journal = open_journal(disk)
    group(journal, record, 2)
    disk.fault = Fault(len(disk.operations), part, errno.ENOSPC)
    assert not group(journal, record, 3)
    for how, seed in [("synced", 0), ("all", 0)] + [("torn", seed) for seed in range(20)]:
        check(SimulatedDisk(disk.after_crash(how, seed)), record)
    assert group(journal, record, 3), "there is room again"
    check(SimulatedDisk(disk.after_crash("synced")), record)


def test_after_a_failure_everything_is_refused() -> None:
    disk, record = SimulatedDisk(), Record()
    journal = open_journal(disk)
    group(journal, record, 1)
    disk.fault = Fault(len(disk.operations) + 1, 0, errno.EIO)
    with pytest.raises(JournalFailedError, match="Input/output error; the process must end"):
        group(journal, record, 1)
    for use in (
        lambda: journal.append(InputKind.PAUSE, b"", 9),
        lambda: journal.append_output(1, b""),
        lambda: journal.read(1),
        lambda: next(journal.read_from(1)),
        lambda: journal.prune(1),
        journal.commit,
        journal.close_segment,
    ):
        with pytest.raises(JournalFailedError, match="failed earlier"):
            use()
    journal.close()
    assert disk.open_files == 0
