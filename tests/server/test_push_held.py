"""Strategies that count sales while a guard holds prices: nothing that was sold is forgotten."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.schema import PREMIUM_UNKNOWN, InputKind
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from tests.server.recovery.shards import Opened, apply, open_shard
from tests.server.recovery.workload import selling

HOUR_MS = 3_600_000
START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
MUG = types_pb2.ListingKey(seller_id="A1SHOP", marketplace_id="A1PA6795UKMFR9", sku="MUG")


class Shop:
    """An engine with one listing."""

    def __init__(self, path: Path) -> None:
        self.shard: Opened = open_shard(path, START_MS)
        self.now_ms = START_MS
        request = catalog_pb2.BatchUpsertStrategiesRequest(strategies=selling("A1SHOP"))
        self.send(InputKind.STRATEGIES, request)

    def send(self, kind: InputKind, request: Any) -> bytes:
        request.request_id = str(uuid.uuid4())
        self.now_ms += 1_000
        payload: bytes = apply(self.shard.engine, self.now_ms, (kind, request.SerializeToString()))[
            0
        ]
        return payload

    def listing(self, strategy_id: str) -> None:
        made = catalog_pb2.Listing(
            key=MUG, currency="EUR", floor_minor=800, ceiling_minor=1500, strategy_id=strategy_id
        )
        request = catalog_pb2.BatchUpsertListingsRequest(listings=[made])
        answer = catalog_pb2.BatchUpsertListingsResponse.FromString(
            self.send(InputKind.LISTINGS, request)
        )
        assert [each.reason for each in answer.errors] in ([], ["REPRICING_STOPPED"])

    def stop(self) -> None:
        self.send(InputKind.STOP, pricing_pb2.StopRepricingRequest(everything=True))

    def restart(self) -> None:
        self.send(InputKind.RESTART, pricing_pb2.RestartRepricingRequest(everything=True))

    def dry_run(self, on: bool) -> None:
        seller = catalog_pb2.Seller(seller_id="A1SHOP", dry_run=on)
        self.send(InputKind.SELLERS, catalog_pb2.BatchUpsertSellersRequest(sellers=[seller]))

    def sell(self, units: int, hour: int = 0) -> None:
        sold = pricing_pb2.SoldUnits(
            key=MUG, hour_ms=START_MS - hour * HOUR_MS, units=units, source="orders"
        )
        self.send(InputKind.SALES, pricing_pb2.ReportSalesRequest(sales=[sold]))

    @property
    def row(self) -> Any:
        return self.shard.engine.catalog.rows[1]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "data")


@pytest.mark.parametrize("strategy_id", ["push", "daily"])
def test_a_stopped_listing_that_gets_the_strategy_begins_to_count(
    shop: Shop, strategy_id: str
) -> None:
    """Its brackets would be read as units and steps otherwise."""
    shop.listing("")
    shop.stop()
    shop.listing(strategy_id)
    fields = [int(shop.row[name]) for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm")]
    assert fields == [0, 0, 0]
    shop.sell(1)
    shop.restart()
    shop.listing(strategy_id)
    assert shop.row["price_minor"] == 900


def test_a_stopped_listing_that_leaves_the_strategy_has_brackets_again(shop: Shop) -> None:
    shop.listing("push")
    shop.sell(3)
    shop.stop()
    shop.listing("")
    assert shop.row["take_high_ppm"] == PREMIUM_UNKNOWN
    assert shop.row["premium_ppm"] == 0


@pytest.mark.parametrize("hold", ["stop", "dry_run"])
def test_units_that_are_sold_meanwhile_move_the_price_afterwards(shop: Shop, hold: str) -> None:
    shop.listing("push")
    if hold == "stop":
        shop.stop()
    else:
        shop.dry_run(True)
    shop.sell(2)
    shop.sell(3, hour=1)
    assert shop.row["price_minor"] == 900 or hold == "dry_run"
    assert shop.row["take_low_ppm"] == 5
    if hold == "stop":
        shop.restart()
    else:
        shop.dry_run(False)
    shop.sell(1, hour=2)
    assert shop.row["price_minor"] == 900 + 3 * 25
