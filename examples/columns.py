"""Many listings in one call from columns, without a message object per row."""

import os
import sys
import time
from uuid import uuid4

import numpy as np

from repriced import Client
from repriced.v1 import catalog_pb2, types_pb2

skus = np.array([f"CUP-{at}" for at in range(1_000)])
names = {"seller_id": "A1SHOP", "marketplace_id": "A1PA6795UKMFR9"}
cups = [
    catalog_pb2.Listing(key=types_pb2.ListingKey(**names, sku=sku), currency="EUR",
                        floor_minor=900, ceiling_minor=1500) for sku in skus
]  # fmt: skip
with Client(os.environ.get("REPRICED_TARGET", "127.0.0.1:50051")) as client:
    upsert = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid4()), listings=cups)
    client.catalog.BatchUpsertListings(upsert)
    seen = {**names, "sku": skus, "event_ms": time.time_ns() // 10**6, "currency": "EUR"}
    two_each = {**seen, "offer_count": np.full(len(skus), 2)}
    prices = np.random.default_rng(1).integers(1_000, 1_400, 2 * len(skus))
    winners = np.arange(2 * len(skus)) % 2 == 0
    offers = {"seller_id": "A2RIVAL", "item_price_minor": prices, "buy_box_winner": winners}
    answer = client.reprice(two_each, offers)
sys.stdout.write(f"{len(answer.decisions)} of {len(skus)} cups have a new price\n")
