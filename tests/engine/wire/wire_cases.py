"""What both decoders make of the same bytes, and bytes that are worth a look."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.addresses import Skus
from engine.columns import OfferColumns
from engine.errors import InputError
from engine.schema import InputKind
from repriced.v1 import pricing_pb2, types_pb2
from server.wire import commands, feedback, native, reprice
from server.wire.limits import WireLimits

LIMITS = WireLimits(
    max_rows_per_call=4, max_offers_per_snapshot=3, max_offers_per_call=12, max_request_bytes=4_096
)
REQUEST_ID = "8c1d2f30-5b6a-4e7f-9a01-23456789abcd"

Decoder = Callable[[bytes, WireLimits], Any]

DECODERS: dict[str, tuple[Decoder, Decoder]] = {
    "reprice": (native.decode_reprice, reprice.decode_reprice),
    "evaluate": (native.decode_evaluate, reprice.decode_evaluate),
    "feedback": (native.decode_feedback, feedback.decode_feedback),
    "stock": (native.decode_stock, commands.decode_stock),
}
"""The native decoder of each request and its oracle, which uses the generated parser."""

MESSAGES: dict[str, Any] = {
    "reprice": pricing_pb2.RepriceRequest,
    "evaluate": pricing_pb2.EvaluatePriceRequest,
    "feedback": pricing_pb2.ReportFeedbackRequest,
    "stock": pricing_pb2.ReportStockRequest,
}

KINDS = {
    "reprice": InputKind.REPRICE,
    "feedback": InputKind.FEEDBACK,
    "stock": InputKind.STOCK,
}


def plain(value: Any) -> Any:
    """A field of a batch as something that compares by value."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, Skus):
        return value.by_offer()
    if isinstance(value, OfferColumns):
        return [plain(getattr(value, name)) for name in OfferColumns.__slots__]
    if isinstance(value, dict | str | int):
        return value
    return list(value)


def outcome(decode: Decoder, payload: bytes, limits: WireLimits = LIMITS) -> Any:
    """All that a decoder says: the batch field by field, or the refusal."""
    try:
        batch = decode(payload, limits)
    except InputError as error:
        if error.reason == "MALFORMED_REQUEST":
            return error.reason, error.field, ""  # of two things wrong, either may be told first
        return error.reason, error.field, error.message
    return {name: plain(getattr(batch, name)) for name in type(batch).__slots__}


def check(name: str, payload: bytes, limits: WireLimits = LIMITS) -> Any:
    """Asserts that both decoders say the same; returns it."""
    ours, theirs = DECODERS[name]
    found, wanted = outcome(ours, payload, limits), outcome(theirs, payload, limits)
    assert found == wanted, f"{name} {payload.hex()}: {found} instead of {wanted}"
    return found


def varint(value: int, length: int = 1) -> bytes:
    """A number as the wire has it, in at least `length` bytes."""
    out = bytearray()
    while value >= 128 or len(out) + 1 < length:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int, length: int = 1) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value & (2**64 - 1), length)


def part(field: int, content: bytes | str, length: int = 1) -> bytes:
    """A length-delimited field, its length in at least `length` bytes."""
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw), length) + raw


def group(field: int, content: bytes = b"") -> bytes:
    """A group."""
    return varint(field << 3 | 3) + content + varint(field << 3 | 4)


def corpus(rng: random.Random) -> list[tuple[str, bytes]]:
    """Good requests of every kind, small, to be spoilt."""
    keys = [
        {"listing_id": 7},
        {"key": types_pb2.ListingKey(seller_id="AOWN", marketplace_id="M1", sku="MUG", audience=2)},
        {"asin": types_pb2.AsinKey(seller_id="AOWN", marketplace_id="M1", asin="B0", condition=1)},
    ]
    found: list[tuple[str, bytes]] = []
    for key in keys:
        offers = [
            types_pb2.Offer(
                seller_id=rng.choice(["", "ARIVAL", "É\u3000"]),
                item_price_minor=rng.choice([1, 1_999, 10**12]),
                shipping_minor=rng.choice([0, 399]),
                fulfilment=rng.randrange(3),
                condition=rng.randrange(6),
                sub_condition=rng.randrange(14),
                positive_rating_basis_points=rng.choice([0, 9_900, 10_000]),
                rating_count=rng.choice([0, 2**32 - 1]),
                handling_hours=rng.choice([24, 70_000]),
                availability=rng.randrange(4),
                buy_box_winner=rng.choice([None, True, False]),
                featured_merchant=rng.choice([None, True, False]),
                prime=rng.random() < 0.5,
                sku=rng.choice(["", "MUG"]),
                amazon=rng.random() < 0.5,
                ships_from=rng.choice(["", "DE"]),
            )
            for _ in range(rng.randrange(3))
        ]
        row = pricing_pb2.OfferSnapshot(
            **key, event_ms=1_700_000_000_000, currency="EUR", offers=offers,
            competitive_price_minor=rng.choice([None, 1_500]), buy_box_status=rng.randrange(3),
        )  # fmt: skip
        judged = pricing_pb2.Feedback(
            **key, kind=rng.randrange(1, 10), event_ms=5, decision_id=3, price_minor=900,
            currency="EUR", share_basis_points=500, fulfilment=1,
        )  # fmt: skip
        snapshots = [row] * rng.randrange(1, 3)
        messages: dict[str, Any] = {
            "reprice": pricing_pb2.RepriceRequest(request_id=REQUEST_ID, snapshots=snapshots),
            "evaluate": pricing_pb2.EvaluatePriceRequest(snapshots=snapshots),
            "feedback": pricing_pb2.ReportFeedbackRequest(request_id=REQUEST_ID, feedback=[judged]),
        }
        if "asin" not in key:
            level = pricing_pb2.StockLevel(**key, event_ms=5, quantity=rng.randrange(300))
            if rng.random() < 0.5:
                level.age_days = rng.randrange(400)
            messages["stock"] = pricing_pb2.ReportStockRequest(
                request_id=REQUEST_ID, levels=[level] * 2
            )
        found += [(name, message.SerializeToString()) for name, message in messages.items()]
    return found
