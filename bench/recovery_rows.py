"""Rows of the table about starting again: from a snapshot, and from the journal.

start_vs_read   opening a data directory with a snapshot of 1,000,000 listings, its state hash
                verified, against reading and hashing the same file
replay_vs_live  replaying a journal of requests against applying the same requests one after
                another, decoded, journaled and synced, without gRPC
"""

from __future__ import annotations

import gc
import time
from pathlib import Path

import numpy as np

from bench import requests
from bench.journal_floor import read_and_hash
from bench.places import folder
from bench.ratios import Side, measure
from bench.report import FASTER, OVER_FLOOR, Result, result
from engine.catalog import Catalog
from engine.columns import SellerDefinition
from engine.journal import DirectoryStorage, FileJournal
from engine.journal.reader import JournalReader
from engine.money import currency_index
from engine.pipeline import Engine
from engine.recovery import newest_sequence, recover, save
from engine.replay import Replayer
from engine.results import Answer
from engine.schema import PREMIUM_UNKNOWN, CycleState, InputKind, Reason, RowFlag
from engine.settings import EngineSettings
from engine.state import State
from server.wire import WireCodec

SELLERS, ASINS_EACH = 10, 4
REQUESTS, ROWS = 50, 200
START_MS = 1_790_000_000_000
JOURNAL_ID = bytes(16)


def state_of(listings: int) -> State:
    """A catalogue of so many active listings with twenty-character SKUs, written as columns.

    One seller has at most four of an ASIN.
    """
    state = State(EngineSettings(), now_ms=START_MS)
    catalog = state.catalog = Catalog(listings + 1)
    catalog.count = listings + 1
    for at in range(SELLERS):
        catalog.put_seller(SellerDefinition(f"A{at:013d}"))
    ids = np.arange(listings + 1)
    catalog.marketplace("A1PA6795UKMFR9")
    rows, records = catalog.rows, catalog.records
    rows["floor_minor"], rows["ceiling_minor"], rows["price_minor"] = 800, 20_000, 1_000
    rows["state"], rows["flags"] = CycleState.SEEKING, int(RowFlag.ACTIVE)
    rows["draws"], rows["reason"] = 1, Reason.NEW
    for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
        rows[name] = PREMIUM_UNKNOWN
    rows[0] = np.zeros(1, rows.dtype)[0]
    records["seller"], records["audience"], records["condition"] = ids % SELLERS, 1, 1
    records["currency"] = currency_index("EUR")
    catalog.definition_hashes[:] = ids
    names, raw = catalog.names, catalog.record_bytes
    for at in range(1, listings + 1):
        names.skus.append(f"SKU-{at:016d}")
        names.asins.append(f"B{at // SELLERS // ASINS_EACH:09d}")
        names.enter_key(raw, at)
        names.join_asin(raw, at)
    return state


def make_directory(path: Path, state: State) -> Path:
    """A data directory with a snapshot of a state and nothing behind it; the snapshot."""
    storage = DirectoryStorage(path)
    journal = FileJournal.open(storage, JOURNAL_ID)
    engine = Engine(WireCodec(), journal, state)
    assert state.settings is not None
    journal.append(InputKind.CONFIG, state.settings.pack(), state.now_ms)
    journal.commit()
    name, _ = save(storage, Replayer(engine), journal.last_sequence)
    journal.close()
    storage.close()
    return path / name


def start_vs_read(pairs: int, tiny: bool) -> Result:
    """What does a start cost over the bytes it reads?"""
    listings = 1_000 if tiny else 1_000_000
    with folder() as path:
        snapshot = make_directory(path / "data", state_of(listings))

        def ours(_: None) -> None:
            storage = DirectoryStorage(path / "data")
            journal = FileJournal.open(
                storage, JOURNAL_ID, from_sequence=newest_sequence(storage, 2**63)
            )
            replayer, _recovered = recover(storage, journal, WireCodec())
            assert replayer.engine.catalog.count == listings + 1
            storage.close()

        floor = Side(lambda: None, lambda _: read_and_hash([snapshot]))
        # A server starts once: states of earlier runs, which refer to themselves, go first.
        found = measure(Side(lambda: gc.collect(), ours), floor, pairs, warm_ups=1)
        size = snapshot.stat().st_size
    return result("start_vs_read", found, OVER_FLOOR, listings, {"snapshot_bytes": size})


def replay_vs_live(pairs: int, tiny: bool) -> Result:
    """Is a journal replayed at least as fast as it was written?"""
    count, rows = (4, 20) if tiny else (REQUESTS, ROWS)
    bodies = [
        requests.Body(requests.reference_request(range(rows), variant=at)).fresh(START_MS + at)
        for at in range(count)
    ]
    with folder() as path:
        play(path / "journal", rows, bodies)

        def replayed(_: None) -> None:
            storage = DirectoryStorage(path / "journal")
            _, recovered = recover(storage, JournalReader(storage), WireCodec())
            assert recovered.compared >= count

        def fresh() -> Path:
            return path / f"live-{time.monotonic_ns()}"

        live = Side(fresh, lambda place: play(place, rows, bodies))
        found = measure(Side(lambda: None, replayed), live, pairs, warm_ups=1)
    conditions = {"requests": count, "rows_each": rows, "offers_each": requests.OFFERS_EACH}
    return result("replay_vs_live", found, FASTER, count * rows, conditions)


def play(path: Path, listings: int, bodies: list[bytes]) -> None:
    """Applies a catalogue and requests, each a group of its own, to a new directory."""
    storage = DirectoryStorage(path)
    engine = Engine(WireCodec(), FileJournal.open(storage, JOURNAL_ID))
    engine.configure(EngineSettings(), START_MS)
    opening = [
        (InputKind.SELLERS, requests.sellers()),
        (InputKind.STRATEGIES, requests.strategies()),
        (InputKind.LISTINGS, requests.definitions(0, listings)),
    ]
    inputs = [(kind, request.SerializeToString()) for kind, request in opening]
    for at, (kind, body) in enumerate(inputs + [(InputKind.REPRICE, each) for each in bodies]):
        (answer,) = engine.apply_group([engine.shape(kind, body)], START_MS + at)
        assert isinstance(answer, Answer)
    engine.journal.close()
    storage.close()
