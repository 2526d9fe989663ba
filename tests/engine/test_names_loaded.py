"""Names that a snapshot held: taken over as they are, used and grown like any others."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from test_names import LISTINGS, Model, definition, enter, forget, same

from engine import room
from engine._tables import HashTable, Texts
from engine.catalog import Catalog
from engine.errors import ReplayError
from engine.room import Room
from engine.schema import ROW
from engine.state import State
from engine.state_columns import dump, load, state_hash

TEXTS = 30_000  # some three chunks


def copied(state: State) -> dict[str, Any]:
    return {name: each.copy() for name, each in dump(state).items()}


def test_a_loaded_catalogue_goes_on_like_the_one_it_was() -> None:
    rng = random.Random(8)
    state, model = State(), Model()
    for at in range(LISTINGS):
        enter(state.catalog, model, definition(rng, at))
    for _ in range(2):
        loaded = load(copied(state))
        assert state_hash(loaded) == state_hash(state)
        assert np.array_equal(loaded.catalog.shares_asin, state.catalog.shares_asin)
        state = loaded
        for own in rng.sample(list(model.ids), 300):
            forget(state.catalog, model, own)
        for _ in range(2_000):
            enter(state.catalog, model, definition(rng, rng.randrange(2 * LISTINGS)))
        keys = [definition(rng, at).key for at in range(0, 2 * LISTINGS, 7)]
        same(state.catalog, model, [*keys, *list(set(model.asins.values()))[::5]])
    assert state_hash(load(dump(state))) == state_hash(state)


def test_loaded_texts_are_kept_replaced_and_dumped_again() -> None:
    texts, wanted = Texts(), []
    for at in range(TEXTS):
        wanted.append(f"{'é' * (at % 45)} {at}")
        texts.append(wanted[-1])
    for _ in range(2):
        loaded = Texts()
        loaded.load(*texts.dump())
        assert list(loaded) == wanted
        assert [each.tolist() for each in loaded.dump()] == [each.tolist() for each in texts.dump()]
        for at in range(0, len(wanted), 11):
            loaded[at] = wanted[at] = "z" * (at % 120)
            loaded.append(f"more {at}")
            wanted.append(f"more {at}")
        assert list(loaded) == wanted
        texts = loaded
    with pytest.raises(ValueError, match="kept already"):
        texts.load(*texts.dump())


def test_memory_between_texts_is_empty() -> None:
    """What a text left when it was replaced, or memory had before, does not reach a snapshot."""
    texts = Texts()
    for at in range(1_000):
        texts.append(f"secret {at}")
    for at in range(1_000):
        texts[at] = "x" * (at % 30)
    raw, _ = texts.dump()
    assert set(raw.tobytes()) <= {0, *b"x", *range(30)}


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        ([2, 0, 65, 66], [1]),
        ([3, 0, 65, 66], [0]),
        ([2, 0, 65, 66], [2**32 - 1]),
        ([2, 0, 65], [0]),
        ([], [0]),
        ([0] * 1_048_572 + [8, 0, 65, 66, 0, 0, 0, 0, 0, 0, 0, 0], [262_143]),
    ],
)
def test_places_outside_the_texts_are_refused(raw: list[int], places: list[int]) -> None:
    texts = Texts()
    with pytest.raises(ValueError, match="within"):
        texts.load(np.array(raw, np.uint8), np.array(places, np.uint32))
    texts.load(np.array([2, 0, 65, 66], np.uint8), np.array([0], np.uint32))
    assert list(texts) == ["AB"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (np.zeros(2 * 1_000, np.uint32), "power of two"),
        (np.zeros(2 * 512, np.uint32), "power of two"),
        (np.zeros(2 * 1_024 + 1, np.uint32), "power of two"),
        (np.full(2 * 1_024, 5, np.uint32), "too full"),
        (np.array([7, 9] + [0] * 2_046, np.uint32), "not there"),
    ],
)
def test_slots_that_are_no_table_are_refused(words: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HashTable().load(words, 9)


@pytest.mark.parametrize("name", ["skus", "sku_places", "keys", "following", "records"])
def test_a_snapshot_that_contradicts_itself_is_refused(name: str) -> None:
    state, model = State(), Model()
    for at in range(50):
        enter(state.catalog, model, definition(random.Random(at), at))
    columns = copied(state)
    columns[name] = columns[name][:-1]
    with pytest.raises(ReplayError, match=r"incomplete|contradicts"):
        load(columns)
    del columns[name]
    with pytest.raises(ReplayError, match=name):
        load(columns)


@pytest.mark.parametrize(
    ("column", "field"),
    [("records", "seller"), ("records", "marketplace"), ("rows", "strategy")],
)
def test_a_listing_that_leads_nowhere_is_refused(column: str, field: str) -> None:
    state, model = State(), Model()
    for at in range(50):
        enter(state.catalog, model, definition(random.Random(at), at))
    columns = copied(state)
    columns[column][field][37] = 999
    with pytest.raises(ReplayError, match=f"has a {field} beyond the"):
        load(columns)


def test_tables_grow_where_they_are() -> None:
    catalog = Catalog(4)
    before = catalog.rows.ctypes.data
    rng, model = random.Random(1), Model()
    for at in range(5_000):
        enter(catalog, model, definition(rng, at))
    assert len(catalog.rows) > 5_000
    assert catalog.rows.ctypes.data == before


def test_a_table_beyond_its_room_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "RESERVED", 64)
    rows = Room(ROW)
    first = rows.records(64)
    first["price_minor"] = 1 + np.arange(64)
    more = rows.records(200)
    assert more["price_minor"][:64].tolist() == first["price_minor"].tolist()
    assert not more["price_minor"][64:].any()
    assert more.ctypes.data % 64 == 0
    assert rows.records(150).ctypes.data == more.ctypes.data


def test_large_tables_are_zero_until_written() -> None:
    rows = Room(ROW)
    rows.records(10)["price_minor"] = 5
    large = rows.records(100_000)
    assert large["price_minor"][:10].tolist() == [5] * 10
    assert not large["price_minor"][10:].any()


def test_where_address_space_is_scarce_a_table_begins_small() -> None:
    """In a process of its own, as the limit cannot be taken back."""
    program = """
import resource
from engine import room
from engine.schema import ROW
free = 64 * 2**20
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + free
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rows = room.Room(ROW)
rows.records(100_000)["price_minor"] = 7
assert int(rows.records(150_000)["price_minor"].sum()) == 700_000
try:
    rows.records(room.RESERVED)
except MemoryError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert told.stdout == f"{room.RESERVED} records of 128 bytes\n"
