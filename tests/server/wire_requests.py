"""Requests that the wire tests start from: good ones, to be spoilt in one place each."""

from __future__ import annotations

from typing import Any

from engine.errors import RowProblem
from repriced.v1 import pricing_pb2, types_pb2
from server.wire import WireLimits, decode_feedback, decode_reprice

REQUEST_ID = "8c1d2f30-5b6a-4e7f-9a01-23456789abcd"
LIMITS = WireLimits()
KEY = types_pb2.ListingKey(
    seller_id="AOWN1", marketplace_id="A1PA6795UKMFR9", sku="mug-blue", audience=2
)
ASIN = types_pb2.AsinKey(
    seller_id="AOWN1", marketplace_id="A1PA6795UKMFR9", asin="B0MUG00001", condition=1
)


def offer(**changes: Any) -> types_pb2.Offer:
    values: dict[str, Any] = {"seller_id": "ARIVAL", "item_price_minor": 1_990}
    return types_pb2.Offer(**(values | changes))


def snapshot(*offers: types_pb2.Offer, **changes: Any) -> pricing_pb2.OfferSnapshot:
    values: dict[str, Any] = {"event_ms": 1_700_000_000_000, "currency": "EUR"}
    if not changes.keys() & {"listing_id", "asin", "key"}:
        values["key"] = KEY
    return pricing_pb2.OfferSnapshot(**(values | changes), offers=offers or [offer()])


def reprice(*snapshots: pricing_pb2.OfferSnapshot, request_id: str = REQUEST_ID) -> bytes:
    request = pricing_pb2.RepriceRequest(request_id=request_id, snapshots=snapshots)
    return request.SerializeToString()


def feedback(**changes: Any) -> pricing_pb2.Feedback:
    values: dict[str, Any] = {"key": KEY, "kind": 4, "event_ms": 1_700_000_000_000}
    return pricing_pb2.Feedback(**(values | changes))


def report(*rows: pricing_pb2.Feedback) -> bytes:
    request = pricing_pb2.ReportFeedbackRequest(request_id=REQUEST_ID, feedback=rows)
    return request.SerializeToString()


def problem_of(bad: pricing_pb2.OfferSnapshot) -> RowProblem:
    """The problem of a bad row between two good ones, which both go on."""
    batch = decode_reprice(reprice(snapshot(), bad, snapshot()), LIMITS)
    assert batch.rows["index"].tolist() == [0, 2]
    assert len(batch.addresses) == len(batch.currency) == 2
    assert len(batch.offers) == len(batch.item_minor) == 2
    (problem,) = batch.problems
    assert problem.index == 1
    return problem


def feedback_problem_of(bad: pricing_pb2.Feedback) -> RowProblem:
    """The same for feedback."""
    batch = decode_feedback(report(feedback(), bad, feedback()), LIMITS)
    assert batch.rows["index"].tolist() == [0, 2]
    assert len(batch.addresses) == len(batch.currency) == len(batch.decision_ids) == 2
    (problem,) = batch.problems
    assert problem.index == 1
    return problem
