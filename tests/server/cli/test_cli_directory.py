"""Commands on a data directory: replay, journal, snapshot, backup and restore."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.journal import DirectoryStorage
from engine.journal.snapshots import read_directory, read_snapshot, write_snapshot
from engine.recovery import save
from engine.replay import Replayer
from engine.state_columns import state_hash
from server.cli import main
from tests.server.recovery.shards import apply, open_shard
from tests.server.recovery.workload import START_MS, Workload

HASH = "state_hash"


def repriced(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def facts(*words: str | Path, code: int = 0) -> dict[str, Any]:
    result = repriced(*words, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A directory with several segments and two snapshots, its state hash and last time."""
    path = tmp_path_factory.mktemp("made") / "data"
    work = Workload(11)
    shard = open_shard(path, START_MS, segment_bytes=1 << 14)
    apply(shard.engine, START_MS, *((kind, payload) for _, kind, payload in work.opening()))
    for at, (_, kind, payload) in enumerate(work.steps(120)):
        apply(shard.engine, work.now_ms, (kind, payload))
        shard.engine.advance(work.now_ms, 1, 1_000)
        if at in (40, 80):
            shard.engine.journal.commit()
            save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
    shard.engine.journal.commit()
    shard.stop()
    return path, state_hash(shard.engine.state), work.now_ms


@pytest.fixture
def data(made: tuple[Path, str, int], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made[0], tmp_path / "data"))


def segments(path: Path) -> list[Path]:
    return sorted(path.glob("journal-*.log"))


def snapshots(path: Path) -> list[Path]:
    return sorted(path.glob("snapshot-*.snap"))


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def content(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.iterdir()}


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, which no mode of a file holds back."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)


# replay --verify


def test_a_whole_journal_is_equal(made: tuple[Path, str, int]) -> None:
    path, hashed, _ = made
    before = content(path)
    found = facts("replay", path, "--verify")
    assert found["equal"]
    assert found[HASH] == hashed
    assert (found["first_sequence"], found["start"]) == (1, "")
    assert found["snapshots_compared"] == 2
    assert found["answers_compared"] == found["inputs"] - 1, "all but the settings are answered"
    assert content(path) == before
    plain = repriced("replay", path, "--verify")
    assert "0 differences" in plain.stdout
    assert "frames replayed" in plain.stderr


def test_a_pruned_journal_is_replayed_from_its_oldest_snapshot(data: Path) -> None:
    oldest = int(snapshots(data)[0].name[9:29])
    kept = [each for each in segments(data) if int(each.name[8:28]) <= oldest + 1][-1]
    for each in segments(data):
        if each < kept:
            each.unlink()
    found = facts("replay", data, "--verify")
    assert found["start"] == snapshots(data)[0].name
    assert found["snapshots_compared"] == 1
    for each in snapshots(data):
        each.unlink()
    result = repriced("replay", data, "--verify")
    assert result.exit_code == 1
    assert "no whole snapshot reaches there" in result.stderr


def test_a_snapshot_of_another_state_differs(data: Path) -> None:
    storage = DirectoryStorage(data)
    name = snapshots(data)[1].name
    told = read_directory(storage, name)
    _, columns = read_snapshot(storage, name)
    snapshots(data)[1].unlink()
    write_snapshot(storage, told.sequence, told.now_ms, told.rules_version, "0" * 16, columns)
    found = facts("replay", data, "--verify", code=1)
    assert not found["equal"]
    assert f"the snapshot of frame {told.sequence} has state {'0' * 16}" in found["differences"][0]


def test_an_answer_that_differs(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.wire.answers.DECISION_VALID_MS", 1)
    found = facts("replay", data, "--verify", code=1)
    assert "leads to another answer" in found["differences"][0]


# replay --until


def test_the_state_at_a_frame_and_at_a_time(made: tuple[Path, str, int], tmp_path: Path) -> None:
    path, hashed, last_ms = made
    last = facts("journal", "verify", path)["last_sequence"]
    there = facts("replay", path, "--until", str(last), "--prices", tmp_path / "prices.csv")
    assert there[HASH] == hashed
    lines = list(csv.DictReader((tmp_path / "prices.csv").open(encoding="utf-8")))
    assert len(lines) == there["listings"] == sum(there["listings_by_state"].values())
    assert any(each["price"] for each in lines)
    in_an_hour = "2100-01-01T00:00:00+01:00"
    assert facts("replay", path, "--until", in_an_hour)[HASH] == hashed
    early = facts("replay", path, "--until", "1")
    assert (early["sequence"], early["strategies"]) == (1, 0)
    assert early[HASH] != hashed
    assert last_ms > START_MS


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say either --verify or --until"),
        (["--verify", "--until", "3"], "say either --verify or --until"),
        (["--verify", "--prices", "x.csv"], "--prices needs --until"),
        (["--until", "0"], "neither the number of a frame, 1 or more, nor a time"),
        (["--until", "2026-01-01T00:00:00"], "nor a time with its zone"),
        (["--until", "1999-01-01T00:00:00Z"], "the journal begins at 2026"),
        (["--until", "99999999"], "is not in the journal, which holds 1 to"),
    ],
)
def test_wrong_words_of_replay(made: tuple[Path, str, int], words: list[str], told: str) -> None:
    result = repriced("replay", made[0], *words)
    assert result.exit_code == 2
    assert told in result.stderr


# journal


def test_inspect(data: Path) -> None:
    found = facts("journal", "inspect", data)
    assert len(found["segments"]) == len(segments(data)) > 2
    assert [each["problem"] for each in found["snapshots"]] == ["", ""]
    assert found["frames"]["REPRICE"] > 10
    assert found["frames"]["CONFIG"] == 1
    with segments(data)[-1].open("ab") as file:
        file.write(b"torn")
    assert facts("journal", "inspect", data)["tail_bytes"] == 4
    assert "4 bytes behind the last whole frame" in repriced("journal", "inspect", data).stdout


def test_export_decodes_every_frame(made: tuple[Path, str, int]) -> None:
    result = repriced("journal", "export", made[0])
    assert result.exit_code == 0
    frames = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["sequence"] for each in frames] == list(range(1, len(frames) + 1))
    assert not [each for each in frames if any("base64" in name for name in each)]
    requests = [each for each in frames if each["kind"] == "REPRICE"]
    assert requests[0]["request"]["snapshots"]
    assert len(requests[0]["request_key"]) == 32
    answers = {each["answers"]: each for each in frames if each["kind"] == "OUTPUT"}
    assert "journal_mode" in answers[requests[0]["sequence"]]["answer"]
    timers = [each for each in frames if each["kind"] == "ADVANCE"]
    assert any(answers[each["sequence"]]["decisions"] for each in timers)
    some = repriced("journal", "export", made[0], "--from", "5", "--to", "7").stdout.splitlines()
    assert [json.loads(each)["sequence"] for each in some] == [5, 6, 7]
    none = repriced("journal", "export", made[0], "--from", "999999")
    assert none.exit_code == 2
    assert "the journal holds 1 to" in none.stderr


# Files that are not as they should be


@pytest.mark.parametrize(
    "words", [["journal", "verify"], ["replay", "--verify"], ["journal", "export"], ["snapshot"]]
)
def test_damage_is_named_with_its_place(data: Path, words: list[str]) -> None:
    for each in snapshots(data):
        each.unlink()
    flip(segments(data)[1], 2_000)
    result = repriced(*words, data)
    assert result.exit_code == 1
    assert f"{segments(data)[1].name}, byte " in result.stderr


@pytest.mark.parametrize("words", [["backup"], ["restore"]])
def test_a_damaged_directory_is_neither_backed_up_nor_restored(
    data: Path, tmp_path: Path, words: list[str]
) -> None:
    flip(segments(data)[0], 5_000)
    result = repriced(*words, data, tmp_path / "copy")
    assert result.exit_code == 1
    assert f"{segments(data)[0].name}, byte " in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["data"], "nothing half-made is left"


def test_a_damaged_snapshot_is_named(data: Path, tmp_path: Path) -> None:
    flip(snapshots(data)[1], 200)
    found = facts("journal", "verify", data, code=1)
    assert snapshots(data)[1].name in found["damaged_snapshots"][0]
    assert repriced("restore", data, tmp_path / "copy").exit_code == 1


def test_a_segment_cut_short(data: Path) -> None:
    first = segments(data)[0]
    first.write_bytes(first.read_bytes()[:-10])
    result = repriced("journal", "verify", data)
    assert result.exit_code == 1
    assert first.name in result.stderr


@pytest.mark.parametrize(
    "words", [["journal", "verify"], ["journal", "inspect"], ["replay", "--verify"]]
)
def test_a_folder_of_other_things_is_no_data_directory(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    result = repriced(*words, tmp_path)
    assert result.exit_code == 2
    assert "holds no journal" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_foreign_file_with_the_name_of_a_segment(data: Path) -> None:
    (data / f"journal-{99_999:020d}.log").write_bytes(b"x" * 5_000)
    result = repriced("journal", "verify", data)
    assert result.exit_code == 1
    assert "the segment's header is invalid" in result.stderr


def test_files_that_may_not_be_read(data: Path) -> None:
    closed = [each for each in (data, *data.parents) if each.stat().st_mode & 0o005 != 5]
    for folder in closed if os.geteuid() == 0 else []:
        folder.chmod(0o755)
    for each in data.iterdir():
        each.chmod(0)
    with nobody():
        result = repriced("journal", "verify", data)
    assert result.exit_code == 2
    assert "Permission denied" in result.stderr
    assert str(data) in result.stderr


# backup and restore


def test_a_restored_backup_is_the_same_state(data: Path, tmp_path: Path) -> None:
    hashed = facts("replay", data, "--verify")[HASH]
    (data / "LOCK").write_text("1")
    with segments(data)[-1].open("ab") as file:
        file.write(b"a group that is being written")
    told = facts("backup", data, tmp_path / "backup")
    assert told["snapshots"] == 2
    assert "LOCK" not in content(tmp_path / "backup")
    (tmp_path / "empty").mkdir()
    facts("restore", tmp_path / "backup", tmp_path / "empty")
    assert facts("replay", tmp_path / "empty", "--verify")[HASH] == hashed
    shard = open_shard(tmp_path / "empty", START_MS + 10**9)
    assert shard.recovered.snapshot == snapshots(data)[1].name
    assert state_hash(shard.engine.state) == hashed
    shard.stop()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_nothing_is_overwritten(data: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    for place in (tmp_path / "full", tmp_path / "full" / "mine"):
        result = repriced(command, data, place)
        assert result.exit_code == 2
        assert "is there already" in result.stderr
    assert (tmp_path / "full" / "mine").read_text() == "kept"


def test_one_snapshot_at_a_time(data: Path) -> None:
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    result = repriced("snapshot", data)
    os.close(descriptor)
    assert result.exit_code == 2
    assert "another process is making a snapshot" in result.stderr
    assert facts("snapshot", data)["inputs"] > 0
