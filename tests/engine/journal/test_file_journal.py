"""The journal in a real directory: what is appended comes back, across segments and restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.journal import DirectoryStorage, FileJournal, Frame, FrameKind, split_output
from engine.journal.frames import HEADER_SIZE
from engine.journal.recovery import examine, headers
from engine.journal.segments import SEGMENT_HEADER_SIZE
from engine.schema import InputKind

JOURNAL_ID = bytes(range(16))
KEY = bytes(range(100, 116))


def opened(path: Path, segment_bytes: int = 4096) -> FileJournal:
    return FileJournal.open(DirectoryStorage(path), JOURNAL_ID, segment_bytes=segment_bytes)


def fill(journal: FileJournal, groups: int, size: int = 100) -> list[Frame]:
    """Commits groups of one to three frames; all frames."""
    frames = []
    for group in range(groups):
        for place in range(group % 3 + 1):
            payload = bytes([group % 256]) * (size + place)
            now_ms = journal.last_ms + 7
            frames.append(journal.append(InputKind.REPRICE, payload, now_ms, b"scope", KEY, 3))
        journal.commit()
    return frames


def closed(journal: FileJournal) -> None:
    """Closes a journal and gives its directory up."""
    journal.close()
    storage = journal._storage
    assert isinstance(storage, DirectoryStorage)
    storage.close()


def test_frames_come_back_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path / "data")
    frames = fill(journal, 200)
    assert len(journal.segments) > 3
    assert list(journal.read_from(1)) == frames
    closed(journal)
    again = opened(tmp_path / "data")
    assert again.cut is None
    assert (again.first_sequence, again.last_sequence) == (1, len(frames))
    assert again.last_ms == frames[-1].now_ms
    assert list(again.read_from(1)) == frames
    assert list(again.read_from(300)) == frames[299:]
    assert [again.read(each.sequence) for each in frames] == frames
    more = fill(again, 3)
    assert more[0].sequence == len(frames) + 1
    assert list(again.read_from(0)) == frames + more
    assert again.read(0) is None
    assert again.read(more[-1].sequence + 1) is None
    assert again.bytes_on_disk == sum(
        each.stat().st_size for each in (tmp_path / "data").glob("journal-*.log")
    )


def test_what_is_not_committed_is_not_there(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 2)
    journal.append(InputKind.PAUSE, b"open", journal.last_ms)
    assert journal.last_sequence == 3
    assert journal.read(4) is None
    assert len(list(journal.read_from(1))) == 3
    closed(journal)
    assert opened(tmp_path).last_sequence == 3


def test_answers_wait_for_the_next_group(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 1)
    size = journal.bytes_on_disk
    output = journal.append_output(1, b"answer")
    assert journal.bytes_on_disk == size
    assert journal.read(output.sequence) == output
    journal.append(InputKind.PAUSE, b"", journal.last_ms)
    with pytest.raises(ValueError, match="between two groups"):
        journal.append_output(1, b"too late")
    journal.commit()
    last = journal.append_output(3, b"last")
    closed(journal)
    again = opened(tmp_path)
    kept = list(again.read_from(2))
    assert [each.kind for each in kept] == [FrameKind.OUTPUT, InputKind.PAUSE, FrameKind.OUTPUT]
    assert split_output(kept[0].payload) == (1, b"answer")
    assert kept[-1] == last


def test_pruning_unlinks_whole_segments(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    frames = fill(journal, 100)
    segments = journal.segments
    assert journal.prune(segments[2][1]) == segments[0][2] + segments[1][2]
    assert journal.first_sequence == segments[2][0]
    assert journal.read(segments[1][1]) is None
    assert list(journal.read_from(1)) == frames[segments[2][0] - 1 :]
    journal.prune(10**9)
    assert len(journal.segments) == 1
    closed(journal)
    again = opened(tmp_path)
    assert again.segments == journal.segments
    fill(again, 1)


def test_a_restart_may_check_the_end_only(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    frames = fill(journal, 100)
    closed(journal)
    storage = DirectoryStorage(tmp_path)
    again = FileJournal.open(storage, JOURNAL_ID, from_sequence=150, segment_bytes=4096)
    assert list(again.read_from(1)) == frames
    assert [again.read(each.sequence) for each in reversed(frames)] == frames[::-1]


def test_inspecting_shows_every_header(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    frames = fill(journal, 60)
    shown = list(headers(DirectoryStorage(tmp_path)))
    assert [header.sequence for _, _, header in shown] == [each.sequence for each in frames]
    first_name, first_offset, first = shown[0]
    assert (first_name, first_offset) == ("journal-00000000000000000001.log", SEGMENT_HEADER_SIZE)
    assert first.size == HEADER_SIZE + len(b"scope") + 100
    assert (first.rules_version, first.request_key) == (3, KEY)
    assert next(h.sequence for _, _, h in headers(DirectoryStorage(tmp_path), 50)) == 50
    found = examine(DirectoryStorage(tmp_path))
    assert (found.frames, found.tail, found.unfinished) == (len(frames), None, None)


def test_one_process_owns_the_directory(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ConfigError, match=r"belongs to the running process \d+; two processes"):
        opened(tmp_path)
    closed(journal)
    closed(opened(tmp_path))


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    closed(opened(tmp_path / "new"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "new").iterdir()} == {0o600}


def test_time_never_falls(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(InputKind.PAUSE, b"", 10)
    with pytest.raises(ValueError, match="now_ms 9 is before the last frame's 10"):
        journal.append(InputKind.PAUSE, b"", 9)
    journal.commit()
    with pytest.raises(ValueError, match="now_ms 9 is before"):
        journal.append(InputKind.PAUSE, b"", 9)


def test_a_group_larger_than_a_segment_has_its_own(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    fill(journal, 1)
    big = journal.append(InputKind.REPRICE, bytes(10_000), journal.last_ms)
    journal.commit()
    fill(journal, 1)
    assert [each.first_sequence for each in journal.segments] == [1, 2, 3]
    assert journal.read(2) == big


def test_what_does_not_fit_a_frame_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ValueError, match="scope of 65536"):
        journal.append(InputKind.PAUSE, b"", 1, bytes(65536))
    with pytest.raises(ValueError, match="request key of 5 bytes"):
        journal.append(InputKind.PAUSE, b"", 1, b"", b"short")
    with pytest.raises(ValueError, match="a journal id has 16 bytes"):
        FileJournal.open(DirectoryStorage(tmp_path), b"short")
