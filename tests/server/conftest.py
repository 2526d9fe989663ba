"""A real server on loopback for the tests of this folder."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from repriced.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    ingestion_pb2_grpc,
    insights_pb2_grpc,
    pricing_pb2,
    pricing_pb2_grpc,
    types_pb2,
)
from server.app import App
from server.config import parse

LOOPBACK = """
[server]
listen = "127.0.0.1:0"
metrics_listen = "127.0.0.1:0"
drain_seconds = 2
"""
MEMORY = LOOPBACK + '[journal]\nmode = "off"\n'
SELLER, MARKETPLACE = "A1TESTSELLER", "A1PA6795UKMFR9"


def request_id() -> str:
    """A new request id."""
    return str(uuid.uuid4())


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def key(sku: str, seller_id: str = SELLER) -> types_pb2.ListingKey:
    """Natural key of a test listing."""
    return types_pb2.ListingKey(seller_id=seller_id, marketplace_id=MARKETPLACE, sku=sku)


def listing(sku: str, **fields: Any) -> catalog_pb2.Listing:
    """A listing from 8 to 15 EUR."""
    values: dict[str, Any] = {
        "currency": "EUR", "floor_minor": 800, "ceiling_minor": 1500, "asin": f"B0{sku}",
        "condition": types_pb2.CONDITION_NEW,
    }  # fmt: skip
    return catalog_pb2.Listing(key=key(sku), **(values | fields))


def rival(price_minor: int, **fields: Any) -> types_pb2.Offer:
    """A competitor's offer."""
    return types_pb2.Offer(seller_id="A2RIVAL", item_price_minor=price_minor, **fields)


def snapshot(sku: str, *offers: types_pb2.Offer, **fields: Any) -> pricing_pb2.OfferSnapshot:
    """Offers of a test listing, seen now."""
    values: dict[str, Any] = {"key": key(sku), "currency": "EUR", "event_ms": now_ms()}
    return pricing_pb2.OfferSnapshot(offers=offers, **(values | fields))


@dataclass
class Running:
    """A server and its stubs."""

    app: App
    channel: grpc.Channel

    def __post_init__(self) -> None:
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self.channel)
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self.channel)
        self.ingestion = ingestion_pb2_grpc.IngestionServiceStub(self.channel)
        self.insights = insights_pb2_grpc.InsightsServiceStub(self.channel)

    def upsert(self, *listings: catalog_pb2.Listing) -> catalog_pb2.BatchUpsertListingsResponse:
        """Brings listings in."""
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=listings)
        return self.catalog.BatchUpsertListings(request, timeout=10)

    def reprice(self, *snapshots: pricing_pb2.OfferSnapshot) -> pricing_pb2.RepriceResponse:
        """Evaluates snapshots."""
        request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=snapshots)
        return self.pricing.Reprice(request, timeout=10)


def run(text: str = "", directory: Path | None = None) -> Iterator[Running]:
    """A server with further settings; stopped at the end. Without a directory it keeps nothing."""
    kept = f'data_directory = "{directory}"' if directory else 'mode = "off"'
    app = App(parse(f"{LOOPBACK}[journal]\n{kept}\n{text}"))
    app.start()
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{app.port}", options=options) as channel:
        yield Running(app, channel)
    app.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests of a module, with a journal on disk."""
    yield from run(directory=tmp_path_factory.mktemp("data"))
