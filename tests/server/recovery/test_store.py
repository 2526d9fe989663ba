"""The store of the server: what it says of damage, and what it lets go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.journal.snapshots import list_snapshots, snapshot_name
from engine.recovery import save
from engine.replay import Replayer
from server.config import Config, JournalConfig
from server.metrics import Metrics
from server.store import Opened, open_engine
from server.wire import WireCodec
from server.writer import wall_ms
from tests.server.recovery.full_house import config_of

MINUTE_MS = 60_000
SMALL = JournalConfig(segment_bytes=65_536, snapshot_bytes=65_536, keep_bytes=1 << 20)


def test_every_damaged_snapshot_is_told_and_leaves_with_its_time(tmp_path: Path) -> None:
    opened = open_engine(config_of(tmp_path), WireCodec(), Metrics())
    engine, store = opened.engine, opened.store
    assert store is not None
    made = []
    for at in range(5):
        engine.pass_time(wall_ms() + at * MINUTE_MS)
        engine.journal.commit()
        made.append(engine.journal.last_sequence)
        if at < 3:
            save(store._storage, Replayer(engine), made[-1])
    first, second, third = (tmp_path / snapshot_name(each) for each in made[:3])
    for path, at in ((first, -1), (second, 20)):
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1
        path.write_bytes(raw)
    problems = store.verify()
    assert [name in " ".join(problems) for name in (first.name, second.name)] == [True, True]
    assert len(problems) == 2
    for sequence, gone in ((made[3], [first, second]), (made[4], [third])):
        save(store._storage, Replayer(engine), sequence)
        left = store.saved(engine, sequence)
        assert left.snapshots == [each.name for each in gone]
        store.remove(left)
    kept = [snapshot_name(each) for each in (made[4], made[3])]
    assert [each.name for each in list_snapshots(store._storage)] == kept
    store.close(engine)


def small(directory: Path) -> Config:
    """Segments, snapshots and journal of few bytes."""
    return Config(journal=replace(SMALL, data_directory=str(directory)))


def live(directory: Path, kilobytes: int) -> Opened:
    """A life in which no snapshot is made, until its journal has grown by so much."""
    opened = open_engine(small(directory), WireCodec(), Metrics())
    engine, store = opened.engine, opened.store
    assert store is not None
    before, at = store.grown(), 0
    while store.grown() < before + kilobytes * 1024:
        for _ in range(50):
            at += 1
            engine.pass_time(wall_ms() + at * MINUTE_MS)
        engine.journal.commit()
    return opened


def kill(opened: Opened) -> None:
    """Gives the directory up as a killed process does."""
    assert opened.store is not None
    opened.store._storage.close()


def test_a_start_with_much_to_replay_leaves_a_snapshot(tmp_path: Path) -> None:
    """So lives that are too short for a snapshot do not make each start longer."""
    for _ in range(3):
        kill(live(tmp_path, 300))
    opened = live(tmp_path, 0)
    assert opened.recovered is not None
    first = opened.recovered
    assert first.snapshot_sequence > 0
    kill(opened)
    opened = live(tmp_path, 0)
    assert opened.recovered is not None
    assert opened.recovered.snapshot_sequence == first.last_sequence
    assert opened.recovered.inputs <= 1
    kill(opened)


def test_what_a_killed_life_left_is_let_go_after_the_next_start(tmp_path: Path) -> None:
    for _ in range(4):
        kill(live(tmp_path, 500))
    opened = live(tmp_path, 0)
    store = opened.store
    assert store is not None
    assert not store.verify()
    left = store.tidy(opened.engine)
    assert left.segments
    assert opened.engine.refusal is None
    store.remove(left)
    assert store.grown() < SMALL.keep_bytes
    kill(opened)
    kill(live(tmp_path, 0))


def test_a_start_without_two_whole_snapshots_refuses_to_grow_further(tmp_path: Path) -> None:
    kill(live(tmp_path, 1_500))
    opened = live(tmp_path, 0)
    assert opened.store is not None
    assert not opened.store.verify()
    opened.store.tidy(opened.engine)
    refusal = opened.engine.refusal
    assert refusal is not None
    assert refusal.reason == "JOURNAL_LIMIT"
    kill(opened)
