"""Calendars and sales over gRPC: zones are looked up at the door, units move prices."""

from __future__ import annotations

from typing import Any

import pytest

from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.wire.schedules import with_zones, zone_offsets
from server.writer import wall_ms
from tests.server.conftest import Running, request_id

JULY_2026_MS = 1_783_000_000_000
HOUR_MS = 3_600_000


def test_offsets_of_a_zone() -> None:
    offsets = zone_offsets("Europe/Berlin", 2026)
    assert offsets[0] == (0, 3600)
    # 29 March and 25 October 2026, 01:00 UTC.
    assert (1_774_746_000_000, 7200) in offsets
    assert (1_792_890_000_000, 3600) in offsets
    assert 20 < len(offsets) < 30
    assert zone_offsets("Asia/Tokyo", 2026) == ((0, 32_400),)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "x" * 300])
def test_an_unknown_zone_has_none(name: str) -> None:
    assert zone_offsets(name, 2026) == ()


def strategy(**given: object) -> catalog_pb2.Strategy:
    fields: Any = given
    return catalog_pb2.Strategy(seller_id="A1TESTSELLER", strategy_id="s", currency="EUR", **fields)


def test_what_a_caller_says_of_offsets_is_replaced() -> None:
    plain = strategy(buy_box=catalog_pb2.BuyBoxStrategy())
    zoned = strategy(fixed=catalog_pb2.FixedStrategy(price_minor=900))
    zoned.schedule.time_zone = "Asia/Tokyo"
    zoned.schedule.zone_offsets.add(from_ms=5, offset_seconds=6)
    request = catalog_pb2.BatchUpsertStrategiesRequest(strategies=[plain, zoned])
    payload = with_zones(request.SerializeToString(), JULY_2026_MS)
    read = catalog_pb2.BatchUpsertStrategiesRequest.FromString(payload)
    assert [each.offset_seconds for each in read.strategies[1].schedule.zone_offsets] == [32_400]
    assert read.strategies[0] == plain
    assert with_zones(payload, JULY_2026_MS + 86_400_000) == payload
    assert with_zones(b"\xff", JULY_2026_MS) == b"\xff"


def upsert(
    server: Running, each: catalog_pb2.Strategy
) -> catalog_pb2.BatchUpsertStrategiesResponse:
    request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[each])
    return server.catalog.BatchUpsertStrategies(request)


def test_a_bad_zone_is_refused_by_name(server: Running) -> None:
    zoned = strategy(fixed=catalog_pb2.FixedStrategy(price_minor=900))
    zoned.schedule.time_zone = "Europe/Nowhere"
    (error,) = upsert(server, zoned).errors
    assert (error.field, error.reason) == ("schedule.time_zone", "TIME_ZONE_UNKNOWN")


def test_a_repeat_after_new_year_gets_the_first_answer(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offsets that are written into a request are others then."""
    zoned = strategy(fixed=catalog_pb2.FixedStrategy(price_minor=900))
    zoned.schedule.time_zone = "Europe/Berlin"
    request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[zoned])
    first = server.catalog.BatchUpsertStrategies(request)
    monkeypatch.setattr(
        "server.services.calls.with_zones",
        lambda payload, now_ms: with_zones(payload, now_ms + 366 * 24 * HOUR_MS),
    )
    assert server.catalog.BatchUpsertStrategies(request) == first


def test_units_move_a_price(server: Running) -> None:
    push = catalog_pb2.PushStrategy(start_price_minor=1000)
    push.steps.add(units=10, delta=catalog_pb2.Offset(amount_minor=50))
    assert not upsert(server, strategy(push=push)).errors
    mine = types_pb2.ListingKey(
        seller_id="A1TESTSELLER", marketplace_id="A1PA6795UKMFR9", sku="PUSHED"
    )
    listing = catalog_pb2.Listing(
        key=mine, currency="EUR", floor_minor=800, ceiling_minor=1500, strategy_id="s"
    )
    listings = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=[listing])
    (start,) = server.catalog.BatchUpsertListings(listings).decisions
    assert (start.price_minor, start.reason) == (1000, types_pb2.REASON_PUSH_START)
    hour = wall_ms() // HOUR_MS * HOUR_MS
    sold = pricing_pb2.SoldUnits(key=mine, hour_ms=hour, units=12, source="orders")
    report = pricing_pb2.ReportSalesRequest(request_id=request_id(), sales=[sold])
    answer = server.pricing.ReportSales(report)
    assert (answer.applied_count, len(answer.errors)) == (1, 0)
    (decision,) = answer.decisions
    assert (decision.price_minor, decision.reason) == (1050, types_pb2.REASON_PUSH_STEP)
    assert server.pricing.ReportSales(report) == answer
