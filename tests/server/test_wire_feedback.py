"""Feedback, stock levels and named listings to batches."""

from __future__ import annotations

from typing import Any

import pytest
from wire_requests import (
    ASIN,
    KEY,
    LIMITS,
    REQUEST_ID,
    feedback,
    feedback_problem_of,
    report,
)

from engine.columns import AsinKey, ListingKey
from engine.money import currency_index
from engine.schema import MAX_PRICE_MINOR, FeedbackKind, InputKind
from engine.stock import AGE_UNKNOWN
from repriced.v1 import catalog_pb2, pricing_pb2
from server.wire import WireCodec, decode_feedback

OWN = ListingKey("AOWN1", "A1PA6795UKMFR9", "mug-blue", 2)


def test_rows() -> None:
    batch = decode_feedback(
        report(
            feedback(kind=FeedbackKind.WON, share_basis_points=0),
            pricing_pb2.Feedback(
                listing_id=9,
                kind="FEEDBACK_KIND_REJECTED",
                event_ms=77,
                decision_id=2**63 + 1,
                price_minor=1_500,
                currency="GBP",
                fulfilment="FULFILMENT_MERCHANT",
            ),
            pricing_pb2.Feedback(
                asin=ASIN,
                kind="FEEDBACK_KIND_SHARE",
                event_ms=78,
                share_basis_points=10_000,
                competitive_price_minor=1_600,
                currency="EUR",
            ),
        ),
        LIMITS,
    )
    rows = batch.rows
    assert list(batch.addresses) == [OWN, 9, AsinKey("AOWN1", "A1PA6795UKMFR9", "B0MUG00001", 1, 1)]
    assert rows["kind"].tolist() == [FeedbackKind.WON, FeedbackKind.REJECTED, FeedbackKind.SHARE]
    assert rows["event_ms"].tolist() == [1_700_000_000_000, 77, 78]
    assert rows["price_minor"].tolist() == [0, 1_500, 0]
    assert rows["competitive_minor"].tolist() == [0, 0, 1_600]
    assert rows["listing_id"].tolist() == [0, 9, 0]
    assert rows["index"].tolist() == [0, 1, 2]
    assert rows["share_bp"].tolist() == [0, 0, 10_000]
    assert rows["names_decision"].tolist() == [0, 0, 0]
    assert batch.currency.tolist() == [0, currency_index("GBP"), currency_index("EUR")]
    assert batch.decision_ids.tolist() == [0, 2**63 + 1, 0]
    assert batch.fulfilment.tolist() == [0, 2, 0]


REFUSED = [
    ({"key": None}, "listing", "LISTING_MISSING"),
    ({"kind": 0}, "kind", "KIND_MISSING"),
    ({"kind": 10}, "kind", "ENUM_UNKNOWN"),
    ({"event_ms": 0}, "event_ms", "EVENT_TIME_MISSING"),
    ({"kind": FeedbackKind.ACCEPTED}, "price_minor", "JUDGED_PRICE_MISSING"),
    ({"kind": FeedbackKind.REJECTED}, "price_minor", "JUDGED_PRICE_MISSING"),
    ({"kind": FeedbackKind.EFFECTIVE}, "price_minor", "JUDGED_PRICE_MISSING"),
    ({"price_minor": -1, "currency": "EUR"}, "price_minor", "PRICE_NOT_POSITIVE"),
    ({"price_minor": MAX_PRICE_MINOR + 1}, "price_minor", "PRICE_OUT_OF_RANGE"),
    ({"price_minor": 5}, "currency", "CURRENCY_MISSING"),
    ({"price_minor": 5, "currency": "EURO"}, "currency", "CURRENCY_UNKNOWN"),
    ({"currency": "EURO"}, "currency", "CURRENCY_UNKNOWN"),
    ({"competitive_price_minor": 5}, "currency", "CURRENCY_MISSING"),
    ({"competitive_price_minor": 0}, "competitive_price_minor", "PRICE_NOT_POSITIVE"),
    (
        {"competitive_price_minor": MAX_PRICE_MINOR + 1},
        "competitive_price_minor",
        "PRICE_OUT_OF_RANGE",
    ),
    (
        {"kind": FeedbackKind.SHARE, "share_basis_points": 10_001},
        "share_basis_points",
        "SHARE_OUT_OF_RANGE",
    ),
    ({"fulfilment": 3}, "fulfilment", "ENUM_UNKNOWN"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), REFUSED)
def test_refused_rows(fields: dict[str, Any], field: str, reason: str) -> None:
    problem = feedback_problem_of(feedback(**fields))
    assert (problem.field, problem.reason) == (field, reason)
    assert problem.message.startswith(f"{field} is ")
    assert "; allowed: " in problem.message


@pytest.mark.parametrize("kind", [FeedbackKind.ACCEPTED, FeedbackKind.REJECTED])
@pytest.mark.parametrize("judged", [{"decision_id": 4}, {"price_minor": 900, "currency": "EUR"}])
def test_a_decision_or_a_price_is_enough(kind: FeedbackKind, judged: dict[str, Any]) -> None:
    assert decode_feedback(report(feedback(kind=kind, **judged)), LIMITS).problems == []


def test_stock() -> None:
    levels = [
        pricing_pb2.StockLevel(key=KEY, event_ms=5, quantity=0),
        pricing_pb2.StockLevel(key=KEY, quantity=1),
        pricing_pb2.StockLevel(event_ms=5, quantity=2),
        pricing_pb2.StockLevel(listing_id=4, event_ms=6, quantity=2**32 - 1, age_days=0),
    ]
    request = pricing_pb2.ReportStockRequest(request_id=REQUEST_ID, levels=levels)
    batch = WireCodec().decode(InputKind.STOCK, request.SerializeToString())
    assert batch.indices.tolist() == [0, 3]
    assert list(batch.addresses) == [OWN, 4]
    assert batch.quantities.tolist() == [0, 2**32 - 1]
    assert batch.ages.tolist() == [AGE_UNKNOWN, 0]
    assert batch.event_ms.tolist() == [5, 6]
    problems = [(each.index, each.field, each.reason) for each in batch.problems]
    assert problems == [
        (1, "event_ms", "EVENT_TIME_MISSING"),
        (2, "listing", "LISTING_MISSING"),
    ]


@pytest.mark.parametrize(
    ("kind", "request_type"),
    [
        (InputKind.DELETE, catalog_pb2.BatchDeleteListingsRequest),
        (InputKind.PAUSE, pricing_pb2.PauseRepricingRequest),
        (InputKind.RESUME, pricing_pb2.ResumeRepricingRequest),
    ],
)
def test_named_listings(kind: InputKind, request_type: Any) -> None:
    refs = [
        catalog_pb2.ListingRef(listing_id=3),
        catalog_pb2.ListingRef(),
        catalog_pb2.ListingRef(key=KEY),
    ]
    request = request_type(request_id=REQUEST_ID, listings=refs)
    batch = WireCodec().decode(kind, request.SerializeToString())
    assert batch.indices == [0, 2]
    assert list(batch.addresses) == [3, OWN]
    assert [(each.index, each.reason) for each in batch.problems] == [(1, "LISTING_MISSING")]
