"""Random stories with several faults; and frames of any content come back as they were."""

from __future__ import annotations

import errno

from disk import CrashError, Fault, SimulatedDisk
from hypothesis import given, settings
from hypothesis import strategies as st
from story import JOURNAL_ID, Record, answer, check, finish, group, open_journal, snapshot

from engine.errors import JournalFailedError, JournalFullError
from engine.journal import FileJournal, FrameKind
from engine.journal.frames import (
    HEADER_SIZE,
    NO_REQUEST,
    Frame,
    frame_of,
    output_payload,
    pack_header,
    split_output,
    unpack_header,
)
from engine.schema import InputKind

ACTIONS = st.lists(
    st.one_of(
        st.integers(1, 9),
        st.sampled_from(["answer", "snapshot", "prune", "restart", "close segment"]),
    ),
    min_size=1,
    max_size=25,
)
FAULTS = st.builds(
    Fault,
    st.integers(0, 60),
    st.integers(0, 8),
    st.sampled_from([0, errno.ENOSPC, errno.EDQUOT, errno.EIO]),
)


def act(action: object, disk: SimulatedDisk, journal: FileJournal, record: Record) -> FileJournal:
    """One action of a random story; the journal to go on with."""
    if isinstance(action, int):
        group(journal, record, action)
    elif action == "answer":
        answer(journal, record)
    elif action == "snapshot":
        snapshot(disk, journal, record)
    elif action == "prune":
        record.pruned_before = max([record.pruned_before, *record.snapshots])
        journal.prune(record.pruned_before)
    elif action == "close segment" and not record.open:
        journal.close_segment()
    elif action == "restart":
        finish(journal, record)
        record.open = []
        return open_journal(disk)
    return journal


def live(actions: list[object], disk: SimulatedDisk, record: Record) -> None:
    """Plays until the end, or until a fault ends the process."""
    try:
        journal = open_journal(disk)
        for action in actions:
            try:
                journal = act(action, disk, journal, record)
            except JournalFullError:
                continue
        finish(journal, record)
    except (CrashError, JournalFailedError, JournalFullError):
        return


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(ACTIONS, FAULTS, st.sampled_from(["synced", "all", "torn"])), max_size=4),
    st.integers(0, 2**32),
)
def test_no_story_loses_or_invents_a_frame(
    lives: list[tuple[list[object], Fault, str]], seed: int
) -> None:
    files: dict[str, bytes] = {}
    record = Record()
    for actions, fault, how in lives:
        disk = SimulatedDisk(files, fault)
        live(actions, disk, record)
        files = disk.after_crash(how, seed)
        check(SimulatedDisk(files), record)
        record.committed = list(open_journal(SimulatedDisk(files)).read_from(0))
        record.open = []


FRAMES = st.builds(
    Frame,
    st.integers(1, 2**64 - 1),
    st.sampled_from([*InputKind, *FrameKind]),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=300),
    st.binary(max_size=100),
    st.one_of(st.just(NO_REQUEST), st.binary(min_size=16, max_size=16)),
    st.integers(0, 2**32 - 1),
)
U32 = st.integers(0, 2**32 - 1)


@given(FRAMES, U32, U32, U32, st.integers(0, 2**40))
def test_a_frame_comes_back(frame: Frame, place: int, crc: int, seed: int, offset: int) -> None:
    packed = pack_header(frame, place, crc, seed, offset)
    assert len(packed) == HEADER_SIZE
    header = unpack_header(packed, seed, offset)
    assert header is not None
    assert (header.place, header.previous_crc, header.size) == (place, crc, frame.size)
    assert frame_of(header, frame.scope + frame.payload, "") == frame
    assert unpack_header(packed, seed, offset + 1) is None
    assert unpack_header(packed, seed ^ 1, offset) is None
    assert unpack_header(packed[:-1], seed, offset) is None


@given(st.integers(0, 2**64 - 1), st.binary(max_size=300))
def test_an_answer_comes_back(answered: int, payload: bytes) -> None:
    assert split_output(output_payload(answered, payload)) == (answered, payload)


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=8))
def test_any_payload_comes_back(payloads: list[bytes]) -> None:
    disk = SimulatedDisk()
    journal = FileJournal.open(disk, JOURNAL_ID, segment_bytes=2000)
    frames = []
    for payload in payloads:
        frames.append(journal.append(InputKind.STOCK, payload, 5, payload[:9]))
        journal.commit()
    assert list(FileJournal.open(disk, JOURNAL_ID).read_from(0)) == frames
