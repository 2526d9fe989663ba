"""Calendars, sales and minimum advertised prices come back bit by bit."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.recovery import save
from engine.replay import Replayer
from engine.schema import InputKind, Reason
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.wire.schedules import with_zones
from tests.server.recovery.shards import Opened, apply, open_shard, same

# 1 July 2026, 12:00 in Berlin.
NOON_MS = 1_782_900_000_000
HOUR_MS = 3_600_000
SELLER, MARKETPLACE = "A1SHOP", "A1PA6795UKMFR9"


def request_id() -> str:
    return str(uuid.uuid4())


def key(sku: str) -> types_pb2.ListingKey:
    return types_pb2.ListingKey(seller_id=SELLER, marketplace_id=MARKETPLACE, sku=sku)


def strategies() -> bytes:
    """A night's rest and a dear evening for MATCH, steps for PUSH and DAILY_PUSH."""
    named = {"seller_id": SELLER, "currency": "EUR"}
    match = catalog_pb2.Strategy(strategy_id="match", **named)  # type: ignore[arg-type]
    match.match.targets.append(catalog_pb2.MATCH_TARGET_LOWEST)
    match.limits.endings.digits = 1
    match.limits.endings.endings.append(9)
    match.schedule.time_zone = "Europe/Berlin"
    match.schedule.calendar.add(
        name="night", begin="2026-01-01T22:00", end="2026-01-02T06:00", hold={},
        repeat=catalog_pb2.REPEAT_DAILY,
    )  # fmt: skip
    match.schedule.calendar.add(
        name="evening", begin="2026-07-01T18:00", end="2026-07-01T20:00",
        bounds={"floor_minor": 1400, "ceiling_minor": 1600},
    )  # fmt: skip
    push = catalog_pb2.Strategy(strategy_id="push", **named)  # type: ignore[arg-type]
    push.push.start_price_minor = 1000
    push.push.steps.add(units=5, delta={"amount_minor": 50}, times=3)
    daily = catalog_pb2.Strategy(strategy_id="daily", **named)  # type: ignore[arg-type]
    daily.daily_push.start_price_minor = 1000
    daily.daily_push.steps.add(units=4, delta={"basis_points": 500})
    daily.schedule.time_zone = "Europe/Berlin"
    request = catalog_pb2.BatchUpsertStrategiesRequest(
        request_id=request_id(), strategies=[match, push, daily]
    )
    return with_zones(request.SerializeToString(), NOON_MS)


def offers(event_ms: int, price_minor: int) -> bytes:
    offer = types_pb2.Offer(seller_id="A2RIVAL", item_price_minor=price_minor)
    snapshot = pricing_pb2.OfferSnapshot(
        key=key("match"), event_ms=event_ms, currency="EUR", offers=[offer], total_offer_count=7
    )
    request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[snapshot])
    return request.SerializeToString()


def sales(hour_ms: int, units: int) -> bytes:
    request = pricing_pb2.ReportSalesRequest(request_id=request_id())
    for sku in ("push", "daily"):
        request.sales.add(key=key(sku), hour_ms=hour_ms, units=units, source="orders")
    return request.SerializeToString()


def lived(path: Path) -> Opened:
    """A shard after a day and a half."""
    shard = open_shard(path, NOON_MS)
    listings = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id())
    for sku in ("match", "push", "daily"):
        listings.listings.add(
            key=key(sku), currency="EUR", floor_minor=800, ceiling_minor=1500, strategy_id=sku,
            map_minor=900 if sku == "match" else 0,
        )  # fmt: skip
    definitions = [
        (InputKind.STRATEGIES, strategies()), (InputKind.LISTINGS, listings.SerializeToString()),
    ]  # fmt: skip
    for answer in apply(shard.engine, NOON_MS, *definitions):
        assert isinstance(answer, bytes)
    for hour in range(36):
        now_ms = NOON_MS + hour * HOUR_MS
        given: list[Any] = [
            (InputKind.REPRICE, offers(now_ms, 850 + 20 * hour)),
            (InputKind.SALES, sales(now_ms - now_ms % HOUR_MS, hour % 5)),
        ]
        apply(shard.engine, now_ms, *given)
        shard.engine.advance(now_ms + 1_000, 0, 10)
    return shard


def test_a_day_and_a_half(tmp_path: Path) -> None:
    shard = lived(tmp_path)
    decided = shard.engine.decisions.dump()
    reasons = {int(each) for each in decided["reason"]}
    assert {Reason.MATCH, Reason.PUSH_START, Reason.PUSH_STEP, Reason.BOUNDS} <= reasons
    match = decided[decided["listing_id"] == 1]
    local_hours = (match["decided_ms"] // HOUR_MS + 2) % 24
    assert not ((local_hours >= 22) | (local_hours < 6)).any()
    evening = match[(local_hours >= 18) & (local_hours < 20)]
    assert (evening["price_minor"] >= 1400).all()
    daily = decided[decided["listing_id"] == 3]
    midnight = daily[(daily["decided_ms"] // HOUR_MS + 2) % 24 == 0]
    assert midnight["price_minor"].tolist() == [1000]
    shard.stop()


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_it_comes_back(tmp_path: Path, with_snapshot: bool) -> None:
    shard = lived(tmp_path)
    engine = shard.engine
    if with_snapshot:
        engine.journal.commit()
        save(shard.storage, Replayer(engine), engine.journal.last_sequence)
    shard.stop()
    again = open_shard(tmp_path, NOON_MS + 36 * HOUR_MS)
    same(engine.state, again.engine.state)
    assert again.engine.catalog.strategy_records.tobytes() == (
        engine.catalog.strategy_records.tobytes()
    )
    again.stop()
