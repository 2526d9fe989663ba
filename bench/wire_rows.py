"""Rows of the table about decoding: reference request to columns, against the generated parser.

Ours is all that the server does with a request before it is queued: limits, request id, every byte
checked, columns filled. The parser alone only builds its messages; walking reads every field of
them once, which is the least that a Python server does before it can use them.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from bench import requests
from bench.ratios import Side, measure
from bench.report import FASTER, Result, result
from repriced.v1 import pricing_pb2
from server.wire.limits import WireLimits
from server.wire.native import decode_reprice

TINY_LISTINGS = 50
LIMITS = WireLimits()
SNAPSHOT_FIELDS = (
    "listing_id",
    "event_ms",
    "currency",
    "competitive_price_minor",
    "featured_price_minor",
    "buy_box_status",
    "notification_id",
)
OFFER_FIELDS = tuple(
    field.name for field in pricing_pb2.OfferSnapshot().offers.add().DESCRIPTOR.fields
)


def parse(payload: bytes) -> Any:
    """The generated parser alone."""
    return pricing_pb2.RepriceRequest.FromString(payload)


def walk(payload: bytes) -> int:
    """The parser, then every field of every message once; how many were read."""
    request = parse(payload)
    read = 1
    for snapshot in request.snapshots:
        key = snapshot.key
        values = [getattr(snapshot, name) for name in SNAPSHOT_FIELDS]
        values += (key.seller_id, key.marketplace_id, key.sku, key.audience)
        read += len(values)
        for offer in snapshot.offers:
            read += len([getattr(offer, name) for name in OFFER_FIELDS])
    return read


PEERS = {"decode_vs_parser": parse, "decode_vs_walk": walk}


def decode_row(id: str, pairs: int, tiny: bool) -> Result:
    """One of the two rows."""
    listings = TINY_LISTINGS if tiny else requests.LISTINGS
    body = requests.Body(requests.reference_request(range(listings)))
    payload = body.fresh(requests.PLACEHOLDER_MS)
    batch = decode_reprice(payload, LIMITS)
    if batch.problems or len(batch.rows) != listings:
        raise RuntimeError(
            f"{len(batch.rows)} of {listings} listings decoded: {batch.problems[:1]}"
        )
    peer = PEERS[id]
    found = measure(
        Side(lambda: payload, lambda body: decode_reprice(body, LIMITS)),
        Side(lambda: payload, peer),
        pairs,
    )
    conditions: dict[str, Any] = {
        "listings": listings,
        "offers_each": requests.OFFERS_EACH,
        "request_bytes": len(payload),
        "protobuf": version("protobuf"),
        "fields_read": walk(payload) if peer is walk else 0,
    }
    return result(id, found, FASTER, listings, conditions)
