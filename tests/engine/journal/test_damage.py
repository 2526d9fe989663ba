"""Bytes that change, vanish or appear after they were written: refused, or the end is cut."""

from __future__ import annotations

import errno

import pytest
from disk import SimulatedDisk, SimulatedFile
from story import JOURNAL_ID, SEGMENT_BYTES, Record, answer, check, group, open_journal

from engine.errors import JournalDamagedError
from engine.journal import DirectoryStorage, FileJournal, Frame
from engine.journal.frames import HEADER_SIZE, Header, frame_of
from engine.journal.recovery import check_reach, examine
from engine.journal.segments import SEGMENT_HEADER_SIZE
from engine.schema import InputKind


def written() -> tuple[dict[str, bytes], list[Frame], int]:
    """Files of a journal of two segments, its frames, and how many of them are the last group."""
    disk, record = SimulatedDisk(), Record()
    journal = open_journal(disk)
    for count in (1, 2, 1, 2):
        group(journal, record, count)
        answer(journal, record)
    group(journal, record, 2)
    journal.close()
    assert len(journal.segments) == 2
    return disk.files, record.committed, 3


FILES, FRAMES, LAST_GROUP = written()
FIRST, SECOND = sorted(FILES)
GROUP_START = len(FILES[SECOND]) - sum(frame.size for frame in FRAMES[-LAST_GROUP:])


def found(files: dict[str, bytes]) -> list[Frame]:
    """Frames of a start with these files, which must be those that verifying counts."""
    disk = SimulatedDisk(files)
    count = examine(disk).frames
    assert disk.files == files, "verifying changed a byte"
    frames = list(open_journal(disk).read_from(0))
    assert len(frames) == count
    return frames


def changed(name: str, offset: int, data: bytes) -> dict[str, bytes]:
    content = FILES[name]
    return {**FILES, name: content[:offset] + data + content[offset + len(data) :]}


def test_sizes_and_offsets() -> None:
    assert (SEGMENT_HEADER_SIZE, HEADER_SIZE) == (64, 64)
    assert len(FILES[FIRST]) <= SEGMENT_BYTES
    assert sum(map(len, FILES.values())) == 2 * 64 + sum(
        64 + len(frame.scope) + len(frame.payload) for frame in FRAMES
    )


@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_a_flipped_bit_in_every_byte(name: str) -> None:
    for offset in range(len(FILES[name])):
        for bit in (offset % 8, (offset + 3) % 8):
            files = changed(name, offset, bytes([FILES[name][offset] ^ 1 << bit]))
            if name == SECOND and offset >= GROUP_START:
                kept = found(files)
                assert len(FRAMES) - LAST_GROUP <= len(kept) < len(FRAMES)
                assert kept == FRAMES[: len(kept)]
            else:
                with pytest.raises(JournalDamagedError, match=rf"{name}, byte \d+, frame \d+: "):
                    found(files)


def test_zeros_where_a_sector_was() -> None:
    for offset in range(0, GROUP_START, 16):
        with pytest.raises(JournalDamagedError):
            found(changed(SECOND, offset, bytes(min(16, GROUP_START - offset))))


def test_the_last_segment_cut_at_every_length() -> None:
    """Whole groups that vanish from the end leave no trace; a wrong frame never appears."""
    for length in range(len(FILES[SECOND])):
        kept = found({**FILES, SECOND: FILES[SECOND][:length]})
        assert kept == FRAMES[: len(kept)]
        lost = sum(frame.size for frame in FRAMES[len(kept) :])
        assert lost == 0 or length < len(FILES[SECOND])


def test_an_earlier_segment_cut_at_every_length() -> None:
    for length in range(len(FILES[FIRST])):
        with pytest.raises(JournalDamagedError):
            found({**FILES, FIRST: FILES[FIRST][:length]})


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000, 300_000])
def test_bytes_behind_the_end_are_cut_off_and_counted(size: int) -> None:
    whole = FILES[SECOND]
    for behind in (bytes(size), b"\xff" * size, (whole[64:] * 1000)[:size]):
        disk = SimulatedDisk({**FILES, SECOND: whole + behind})
        journal = open_journal(disk)
        assert journal.cut is not None
        assert (journal.cut.name, journal.cut.offset) == (SECOND, len(whole))
        assert journal.cut.size == size
        assert list(journal.read_from(0)) == FRAMES
        check(SimulatedDisk(disk.after_crash("synced")), Record(committed=FRAMES))


def test_a_missing_segment() -> None:
    disk, record = SimulatedDisk(), Record()
    journal = open_journal(disk)
    for _ in range(9):
        group(journal, record, 3)
    names = sorted(disk.files)
    assert len(names) > 3
    for name in names[1:-1]:
        files = {each: data for each, data in disk.files.items() if each != name}
        with pytest.raises(JournalDamagedError, match=r"frames \d+ to \d+ are missing"):
            found(files)


def test_a_segment_of_another_journal() -> None:
    disk, record = SimulatedDisk(), Record()
    journal = FileJournal.open(disk, bytes(16), segment_bytes=SEGMENT_BYTES)
    for count in (1, 2, 1, 2, 2):
        group(journal, record, count)
        answer(journal, record)
    assert sorted(disk.files)[1] == SECOND
    with pytest.raises(JournalDamagedError, match="belongs to another journal"):
        found({FIRST: FILES[FIRST], SECOND: disk.files[SECOND]})


def test_a_segment_of_the_same_journal_with_another_past() -> None:
    disk, record = SimulatedDisk(), Record()
    journal = open_journal(disk)
    journal.append(InputKind.PAUSE, b"another past" * 5, 0)
    journal.commit()
    while len(disk.files) < 2 or sorted(disk.files)[1] != SECOND:
        group(journal, record, 1)
        assert journal.last_sequence < 20
        if journal.last_sequence + 1 == int(SECOND[8:28]):
            journal.close_segment()
    with pytest.raises(JournalDamagedError, match="does not continue the one before"):
        found({FIRST: disk.files[FIRST], SECOND: FILES[SECOND]})


def test_a_file_under_another_name() -> None:
    with pytest.raises(JournalDamagedError, match="name contradicts its header"):
        found({FIRST: FILES[FIRST], "journal-00000000000000000099.log": FILES[SECOND]})


def test_other_files_do_not_matter() -> None:
    others = {"LOCK": b"17", "notes.txt": b"", "journal-1.log.bak": b"x", "journal-1.log": b"y"}
    assert found({**FILES, **others}) == FRAMES


@pytest.mark.parametrize("segment_bytes", [SEGMENT_BYTES, 10_000])
def test_frames_inside_a_payload_are_never_frames(segment_bytes: int) -> None:
    """The whole journal, as it lies on the disk, is the payload of a write that is torn."""
    disk = SimulatedDisk(FILES)
    journal = FileJournal.open(disk, JOURNAL_ID, segment_bytes=segment_bytes)
    journal.append(InputKind.REPRICE, FILES[SECOND][64:] + FILES[FIRST], journal.last_ms)
    journal.commit()
    name = max(disk.files)
    content = disk.files[name]
    begin = len(FILES[SECOND]) if name == SECOND else SEGMENT_HEADER_SIZE
    for offset in range(begin, len(content) - 64, 37):
        torn = content[:offset] + bytes(64) + content[offset + 64 :]
        assert found({**disk.files, name: torn}) == FRAMES
        assert found({**disk.files, name: content[:offset]}) == FRAMES


def test_damage_is_found_while_reading_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal")
    journal = FileJournal.open(DirectoryStorage(path), JOURNAL_ID, segment_bytes=SEGMENT_BYTES)
    record = Record()
    for _ in range(4):
        group(journal, record, 3)
    file = path / FIRST
    content = bytearray(file.read_bytes())
    content[SEGMENT_HEADER_SIZE + HEADER_SIZE + 20] ^= 1
    file.write_bytes(content)
    with pytest.raises(JournalDamagedError, match="a committed frame is invalid"):
        journal.read(1)
    assert journal.read(2) == record.committed[1]
    with pytest.raises(JournalDamagedError, match="byte 64, frame 1"):
        list(journal.read_from(1))


class BadSectorFile(SimulatedFile):
    """A file of which one byte cannot be read."""

    def read(self, offset: int, size: int) -> bytes:
        if offset <= BAD_BYTE < offset + size:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(offset, size)


class BadSectorDisk(SimulatedDisk):
    def open(self, name: str, *, writable: bool = False) -> SimulatedFile:
        kind = BadSectorFile if name == FIRST else SimulatedFile
        return kind(self, self._names[name])


BAD_BYTE = 200


def test_what_cannot_be_read() -> None:
    with pytest.raises(JournalDamagedError, match=rf"{FIRST}, byte \d+, .* Input/output error"):
        open_journal(BadSectorDisk(FILES))


def test_a_frame_of_a_newer_version() -> None:
    header = Header(2, 99, 0, 7, 1, 1, 0, 0, 0, 0, bytes(16), 0)
    with pytest.raises(JournalDamagedError, match="here: frame 7 has format 2 and kind 99"):
        frame_of(header, b"", "here")


def test_a_snapshot_gives_away_that_the_end_is_lost() -> None:
    for sequence in (10, 11, 20):
        check_reach(11, 20, sequence, sequence)
    check_reach(1, 0, 0, 0)
    with pytest.raises(JournalDamagedError, match="snapshot of frame 21 is ahead of the journal"):
        check_reach(11, 20, 15, 21)


def test_a_journal_that_begins_behind_every_snapshot() -> None:
    with pytest.raises(JournalDamagedError, match=r"usable one ends at 9: x\.snap is damaged"):
        check_reach(11, 20, 9, 9, ["x.snap is damaged"])
