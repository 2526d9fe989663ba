"""Brings in a listing, shows the server a competitor's offer, prints the price it answers."""

import os
import sys
import time
from uuid import uuid4

import grpc

from repriced.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc, types_pb2

channel = grpc.insecure_channel(os.environ.get("REPRICED_TARGET", "127.0.0.1:50051"))
catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
pricing = pricing_pb2_grpc.PricingServiceStub(channel)

key = types_pb2.ListingKey(seller_id="A1SHOP", marketplace_id="A1PA6795UKMFR9", sku="MUG-PY")
mug = catalog_pb2.Listing(key=key, currency="EUR", floor_minor=900, ceiling_minor=1500)
upsert = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid4()), listings=[mug])
catalog.BatchUpsertListings(upsert)

rival = types_pb2.Offer(seller_id="A2RIVAL", item_price_minor=1299, buy_box_winner=True)
seen = pricing_pb2.OfferSnapshot(key=key, event_ms=time.time_ns() // 10**6, currency="EUR")
seen.offers.append(rival)
answer = pricing.Reprice(pricing_pb2.RepriceRequest(request_id=str(uuid4()), snapshots=[seen]))
for decision in answer.decisions:
    sys.stdout.write(f"MUG-PY now costs {decision.price_minor} cents\n")
