"""A seller leaves: nothing answers for it at once, and after the retention no file holds it."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.errors import InputError
from engine.guards import Guards
from engine.journal.retention import DAY_MS, Limits, plan
from engine.journal.snapshots import delete_snapshot, snapshot_name
from engine.keys import ListingKey
from engine.recovery import save
from engine.replay import Replayer
from engine.schema import InputKind
from engine.state_columns import GUARDS, state_hash
from repriced.v1 import catalog_pb2, fees_pb2, types_pb2
from server.services.export import definitions
from server.wire import WireCodec
from tests.server.recovery.shards import Opened, apply, facts, open_shard
from tests.server.recovery.test_replay import begun, play
from tests.server.recovery.workload import MARKETPLACES

GONE, STAYS = "ASELLER1", "ASELLER2"
WEEK = Limits(max_bytes=1 << 30)


def erase(shard: Opened, seller_id: str = GONE) -> catalog_pb2.EraseSellerResponse:
    """Erases a seller."""
    request = catalog_pb2.EraseSellerRequest(request_id=str(uuid.uuid4()), seller_id=seller_id)
    wanted = InputKind.ERASE, request.SerializeToString()
    return catalog_pb2.EraseSellerResponse.FromString(apply(shard.engine, 0, wanted)[0])


def delete(shard: Opened, sku: str) -> None:
    """Deletes a listing of the seller in its first marketplace."""
    key = types_pb2.ListingKey(seller_id=GONE, marketplace_id=MARKETPLACES[0], sku=sku)
    request = catalog_pb2.BatchDeleteListingsRequest(request_id=str(uuid.uuid4()))
    request.listings.add(key=key)
    apply(shard.engine, 0, (InputKind.DELETE, request.SerializeToString()))


def traces(shard: Opened) -> list[str]:
    """What of the state still names the seller or one of its SKUs."""
    skus = [f"SKU-{at}" for at in range(1, 60, 3)]
    texts = {name: raw for name, raw in facts(shard.engine.state).items() if name in TEXTS}
    assert set(texts) == set(TEXTS)
    held = shard.engine.catalog.skus
    found = [name for name, raw in texts.items() if GONE.encode() in raw]
    return found + [sku for sku in skus if sku in held]


TEXTS = ("definitions", "skus", "asins", GUARDS + "plain", GUARDS + "proposal_inputs")


def listings(catalog: Catalog) -> dict[ListingKey, bytes]:
    """Rows of the listings that exist, by their keys."""
    active = np.flatnonzero(catalog.active).tolist()
    return {catalog.key_of(at): catalog.rows[at].tobytes() for at in active}


def test_rows_go_at_once_and_the_others_stay(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 5)
    play(shard, work, random.Random(5), 60)
    catalog = shard.engine.catalog
    delete(shard, "SKU-1")
    seller = catalog.seller_at[GONE]
    mine = catalog.listings_of(seller)
    others = {key: row for key, row in listings(catalog).items() if key.seller_id != GONE}
    active = int(catalog.active[mine].sum())
    guards = shard.engine.state.guards
    assert traces(shard)
    assert guards.live_log.changes()["listing_id"].tolist()
    assert any(key[0] == GONE for key in guards.plausibility.buried)
    answer = erase(shard)
    assert (answer.erased_listings_count, len(answer.errors)) == (active, 0)
    assert traces(shard) == []
    assert listings(catalog) == others
    assert not set(shard.engine.decisions.dump()["listing_id"].tolist()) & set(mine.tolist())
    assert_guards_forgot(guards, seller, mine)
    assert sum(shard.engine.shard.state_counts()) == len(others)
    assert [each.reason for each in erase(shard).errors] == ["UNKNOWN_SELLER"]
    shard.stop()


def assert_guards_forgot(guards: Guards, seller: int, mine: NDArray[np.int64]) -> None:
    """No table of the guards has a row for one of the listings, or a count of the seller."""
    ids = set(mine.tolist())
    held = guards.plausibility
    for table in (held.held, held.earlier, guards.proposals.by_listing):
        assert not ids & set(table)
    assert seller not in held.lowered
    assert seller not in guards.switch.sellers
    assert not ids & set(guards.switch.listings.tolist())
    assert not ids & set(guards.live_log.changes()["listing_id"].tolist())
    assert not ids & set(guards.spirals.movers["listing_id"].tolist())
    assert not guards.watch.records[mine].view(np.uint8).any()
    groups = [at for at, each in enumerate(guards.watch.groups) if each[0] == seller]
    assert groups
    for group in groups:
        assert group not in guards.breaker.tripped | guards.breaker.reset_s | guards.stale_told_s
        assert not any(window.counts[group].any() for window in guards.breaker.windows)


def test_a_seller_that_comes_back_begins_anew(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 5)
    play(shard, work, random.Random(5), 30)
    before = shard.engine.catalog.count
    erase(shard)
    for _, kind, payload in type(work)(99).opening():
        apply(shard.engine, work.now_ms, (kind, payload))
    catalog = shard.engine.catalog
    again = catalog.listings_of(catalog.seller_at[GONE])
    assert min(again) >= before
    assert not catalog.rows["live_price_minor"][again].any()
    play(shard, work, random.Random(6), 30)
    shard.stop()


def test_a_shard_with_empty_places_replays_and_snapshots(tmp_path: Path) -> None:
    shard, work = begun(tmp_path, 5)
    chance = random.Random(5)
    play(shard, work, chance, 30)
    erase(shard)
    for _, kind, payload in work.steps(40):
        if kind not in (InputKind.LISTINGS, InputKind.STRATEGIES, InputKind.SELLERS):
            apply(shard.engine, work.now_ms, (kind, payload))
    hashed = state_hash(shard.engine.state)
    for _ in range(2):
        shard.engine.journal.commit()
        save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
        shard.stop()
        shard = open_shard(tmp_path, work.now_ms)
        assert state_hash(shard.engine.state) == hashed
        assert traces(shard) == []
    shard.stop()
    for each in tmp_path.glob("snapshot-*"):
        each.unlink()
    shard = open_shard(tmp_path, work.now_ms)
    assert state_hash(shard.engine.state) == hashed
    shard.stop()


def test_nothing_is_left_on_disk_after_the_retention(tmp_path: Path) -> None:
    """Snapshots and housekeeping every six hours: gone after eight days and one more round."""
    shard, work = begun(tmp_path, 5)
    play(shard, work, random.Random(5), 40)
    verified: list[int] = []
    keep_house(shard, verified)
    erase(shard)
    for _ in range(8 * 4 + 1):
        assert any(GONE.encode() in each.read_bytes() for each in tmp_path.glob("*-*"))
        work.now_ms += DAY_MS // 4
        shard.engine.pass_time(work.now_ms)
        keep_house(shard, verified)
    names = [GONE.encode(), b"SKU-1\x12", *(f"SKU-{at}".encode() for at in range(10, 60, 3))]
    for each in sorted(tmp_path.glob("*-*")):
        mine = [name for name in names if name in each.read_bytes()]
        assert mine == [], each.name
    shard.stop()


def keep_house(shard: Opened, verified: list[int]) -> None:
    """A snapshot, and what retention says; the store of the server does the same."""
    journal = shard.engine.journal
    journal.commit()
    save(shard.storage, Replayer(shard.engine), journal.last_sequence)
    verified.append(journal.last_sequence)
    todo = plan(journal.segments, verified, shard.engine.now_ms, WEEK)  # type: ignore[attr-defined]
    journal.prune(todo.prune_before)
    for sequence in todo.snapshots_to_delete:
        delete_snapshot(shard.storage, snapshot_name(sequence))
        verified.remove(sequence)
    if todo.close_segment:
        journal.close_segment()  # type: ignore[attr-defined]


def test_a_seller_must_be_named() -> None:
    request = catalog_pb2.EraseSellerRequest(request_id=str(uuid.uuid4()), seller_id=" ")
    with pytest.raises(InputError) as caught:
        WireCodec().decode(InputKind.ERASE, request.SerializeToString())
    assert caught.value.reason == "SELLER_ID_MISSING"


def test_a_seller_of_strategies_and_fees_alone_leaves_too(tmp_path: Path) -> None:
    shard = open_shard(tmp_path, 1)
    strategies = catalog_pb2.BatchUpsertStrategiesRequest(request_id=str(uuid.uuid4()))
    strategies.strategies.add(
        seller_id=GONE, strategy_id="s", currency="EUR", buy_box=catalog_pb2.BuyBoxStrategy()
    )
    fees = fees_pb2.BatchUpsertFeeSchedulesRequest(request_id=str(uuid.uuid4()))
    schedule = fees.fee_schedules.add(seller_id=GONE, fee_schedule_id="f", currency="EUR")
    schedule.referral_tiers.add(rate_basis_points=1_500)
    apply(shard.engine, 1, (InputKind.STRATEGIES, strategies.SerializeToString()))
    apply(shard.engine, 1, (InputKind.FEE_SCHEDULES, fees.SerializeToString()))
    assert traces(shard) != []
    exported, listing_ids = definitions(shard.engine, GONE, None)
    assert [each.WhichOneof("held") for each in exported] == ["strategy", "fee_schedule"]
    assert listing_ids == []
    assert definitions(shard.engine, GONE, frozenset({STAYS})) == ([], [])
    assert not erase(shard).errors
    assert traces(shard) == []
    assert [each.reason for each in erase(shard).errors] == ["UNKNOWN_SELLER"]
    shard.stop()
