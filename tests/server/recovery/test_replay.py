"""A state is a pure function of its journal: replayed, snapshotted or never stopped."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from engine.errors import JournalDamagedError, ReplayError
from engine.guards import Guard
from engine.journal import DirectoryStorage, Frame
from engine.journal.reader import JournalReader
from engine.journal.snapshots import list_snapshots
from engine.recovery import recover, save
from engine.replay import Replayer
from engine.replies import WINDOW_MS
from engine.schema import RULES_VERSION, InputKind
from engine.state_columns import state_hash
from server.wire import WireCodec
from tests.server.recovery.shards import Opened, apply, guarded, open_shard, same
from tests.server.recovery.workload import START_MS, Workload

STEPS = 160
TRIPPED = (
    Guard.STOP, Guard.BREAKER, Guard.PLAUSIBILITY, Guard.WITHDRAWAL, Guard.RESTORE, Guard.DRY_RUN,
)  # fmt: skip


def play(shard: Opened, work: Workload, chance: random.Random, count: int) -> None:
    """Applies steps in groups of one to three, with timers in between."""
    group: list[tuple[InputKind, bytes]] = []
    for _, kind, payload in work.steps(count):
        group.append((kind, payload))
        if chance.random() < 0.6:
            apply(shard.engine, work.now_ms, *group)
            group = []
        if chance.random() < 0.5:
            shard.engine.advance(work.now_ms, 1, 1_000)
    if group:
        apply(shard.engine, work.now_ms, *group)


def begun(path: Path, seed: int) -> tuple[Opened, Workload]:
    """A new directory with sellers, strategies and listings."""
    work = Workload(seed)
    shard = open_shard(path, START_MS, segment_bytes=1 << 16)
    apply(shard.engine, START_MS, *((kind, payload) for _, kind, payload in work.opening()))
    return shard, work


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_and_replayed_shard_is_the_one_that_never_stopped(
    tmp_path: Path, seed: int
) -> None:
    steady, work = begun(tmp_path / "steady", seed)
    chance = random.Random(seed)
    for _ in range(4):
        play(steady, work, chance, STEPS // 4)
    shard, work = begun(tmp_path / "killed", seed)
    chance, ends = random.Random(seed), random.Random(-seed)
    for _ in range(4):
        play(shard, work, chance, STEPS // 4)
        before = shard.engine.state
        if ends.random() < 0.5:
            shard.engine.journal.commit()
        if ends.random() < 0.5:
            shard.engine.journal.commit()
            save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
        shard.stop()
        shard = open_shard(tmp_path / "killed", work.now_ms, segment_bytes=1 << 16)
        assert state_hash(before) == state_hash(shard.engine.state)
        assert guarded(before) == guarded(shard.engine.state)
        assert shard.recovered.compared <= shard.recovered.inputs
    assert state_hash(shard.engine.state) == state_hash(steady.engine.state)
    assert guarded(shard.engine.state) == guarded(steady.engine.state)
    kept, made = (each.engine.decisions.dump() for each in (shard, steady))
    assert np.array_equal(kept, made[-len(kept) :])
    assert shard.engine.state.next_decision_id > STEPS // 4
    steady.stop()
    shard.stop()


def test_the_workload_trips_the_guards_and_never_the_last_look(tmp_path: Path) -> None:
    """Else the tests here would compare guards that remember nothing."""
    trips = np.zeros(len(Guard) + 1, np.int64)
    for seed in range(6):
        shard, work = begun(tmp_path / str(seed), seed)
        play(shard, work, random.Random(seed), STEPS)
        trips += shard.engine.state.guards.trips
        shard.stop()
    assert all(trips[each] for each in TRIPPED), trips
    assert trips[Guard.BOUNDS] == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_between_any_two_frames_leads_to_the_same_state(
    tmp_path: Path, seed: int
) -> None:
    """Also where answers are still to be read from the journal."""
    shard, work = begun(tmp_path, seed)
    play(shard, work, random.Random(seed), 60)
    shard.engine.journal.commit()
    last = shard.engine.journal.last_sequence
    for until in range(1, last, 7):
        reader = JournalReader(shard.storage)
        replayer, _ = recover(shard.storage, reader, WireCodec(), until)
        save(shard.storage, replayer, until)
    assert len(list_snapshots(shard.storage)) == len(range(1, last, 7))
    reader = JournalReader(shard.storage)
    replayer, recovered = recover(shard.storage, reader, WireCodec())
    assert recovered.snapshot_sequence == max(range(1, last, 7))
    same(shard.engine.state, replayer.engine.state)
    shard.stop()


def test_repeats_get_their_first_answer_after_a_kill(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 7)
    given = []
    for _, kind, payload in work.steps(30):
        answer = apply(shard.engine, work.now_ms, (kind, payload))[0]
        given.append((work.now_ms, kind, payload, answer))
    recent = [each[1:] for each in given if each[0] >= work.now_ms - WINDOW_MS]
    assert recent
    for snapshot in (False, True):
        if snapshot:
            shard.engine.journal.commit()
            save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
        shard.stop()
        shard = open_shard(tmp_path, work.now_ms)
        shard.engine.journal.commit()  # answers that the kill took away
        frames = shard.engine.journal.last_sequence
        hashed = state_hash(shard.engine.state)
        again = apply(shard.engine, work.now_ms, *((kind, payload) for kind, payload, _ in recent))
        assert again == [answer for _, _, answer in recent]
        assert state_hash(shard.engine.state) == hashed
        assert shard.engine.journal.last_sequence == frames
    shard.stop()


def test_a_damaged_snapshot_is_passed_over(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 3)
    play(shard, work, random.Random(3), 20)
    shard.engine.journal.commit()
    name, hashed = save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
    shard.stop()
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    shard = open_shard(tmp_path, work.now_ms)
    assert shard.recovered.snapshot == ""
    assert name in shard.recovered.problems[0]
    assert state_hash(shard.engine.state) == hashed
    shard.stop()


def test_a_snapshot_ahead_of_the_journal_stops_the_start(tmp_path: Path) -> None:
    shard, _ = begun(tmp_path, 3)
    shard.engine.journal.commit()
    save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence + 1)
    shard.stop()
    with pytest.raises(JournalDamagedError, match="the end of the journal is missing"):
        open_shard(tmp_path, START_MS)


def test_another_rules_version_must_be_drained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard, work = begun(tmp_path, 3)
    play(shard, work, random.Random(3), 5)
    shard.engine.journal.commit()
    shard.stop()
    monkeypatch.setattr("engine.replay.RULES_VERSION", 99)
    words = f"rules version {RULES_VERSION} and this build decides by version 99"
    with pytest.raises(ReplayError, match=words):
        open_shard(tmp_path, work.now_ms)
    monkeypatch.undo()
    shard = open_shard(tmp_path, work.now_ms)
    shard.engine.journal.commit()
    save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
    shard.stop()
    monkeypatch.setattr("engine.replay.RULES_VERSION", 99)
    open_shard(tmp_path, work.now_ms).stop()


def test_an_answer_that_differs_stops_the_replay(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 3)
    play(shard, work, random.Random(3), 10)
    shard.engine.journal.commit()
    reader = JournalReader(shard.storage)
    replayer, _ = recover(DirectoryStorage(tmp_path / "none"), reader, WireCodec(), until=0)
    kept = [each for each in reader.read_from(1) if each.kind != InputKind.STRATEGIES]
    with pytest.raises(ReplayError, match="another answer"):
        feed_all(replayer, kept)
    shard.stop()


def feed_all(replayer: Replayer, frames: list[Frame]) -> None:
    """Replays these frames."""
    for frame in frames:
        replayer.feed(frame)
