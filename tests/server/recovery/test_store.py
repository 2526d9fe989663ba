"""The store of the server: what it says of damage, and what it lets go."""

from __future__ import annotations

from pathlib import Path

from engine.journal.snapshots import list_snapshots, snapshot_name
from engine.recovery import save
from engine.replay import Replayer
from server.metrics import Metrics
from server.store import open_engine
from server.wire import WireCodec
from server.writer import wall_ms
from tests.server.recovery.full_house import config_of

MINUTE_MS = 60_000


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
