"""What the marketplace did with earlier prices: bytes of ReportFeedback to a batch."""

from __future__ import annotations

import numpy as np

from engine.columns import Address, FeedbackBatch
from engine.errors import RowProblem
from engine.schema import FEEDBACK, MAX_PRICE_MINOR, FeedbackKind
from repriced.v1 import pricing_pb2, types_pb2
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.rows import (
    RowFault,
    address_of,
    choices,
    currency,
    event_time,
    member,
    missing,
    optional_price,
    price_range,
    refused,
)

MAX_SHARE_BP = 10_000
JUDGES_A_PRICE = {FeedbackKind.ACCEPTED, FeedbackKind.REJECTED, FeedbackKind.EFFECTIVE}

HEAD = ("event_ms", "price_minor", "competitive_minor", "kind", "share_bp", "listing_id", "index")
"""Fields of `schema.FEEDBACK` that a row states by itself."""


def decode_feedback(payload: bytes, limits: WireLimits) -> FeedbackBatch:
    """Batch of a ReportFeedbackRequest. Pure. Raises InputError."""
    request = parse(pricing_pb2.ReportFeedbackRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    check_count("feedback", len(request.feedback), "max_rows_per_call", limits)
    heads: list[tuple[int, ...]] = []
    besides: list[tuple[int, int, int]] = []
    addresses: list[Address] = []
    problems: list[RowProblem] = []
    for index, feedback in enumerate(request.feedback):
        try:
            address, head, beside = read_row(feedback)
        except RowFault as fault:
            problems.append(fault.problem(index))
            continue
        listing_id = address if isinstance(address, int) else 0
        heads.append((*head, listing_id, index))
        besides.append(beside)
        addresses.append(address)
    rows = np.zeros(len(heads), FEEDBACK)
    columns = np.array(heads, np.int64).reshape(-1, len(HEAD))
    for place, name in enumerate(HEAD):
        rows[name] = columns[:, place]
    return FeedbackBatch(
        request_id=request_id,
        row_count=len(request.feedback),
        rows=rows,
        addresses=addresses,
        currency=np.array([each[0] for each in besides], np.uint8),
        decision_ids=np.array([each[1] for each in besides], np.uint64),
        fulfilment=np.array([each[2] for each in besides], np.uint8),
        problems=problems,
    )


def read_row(
    feedback: pricing_pb2.Feedback,
) -> tuple[Address, tuple[int, ...], tuple[int, int, int]]:
    """Address, first fields of HEAD, and (currency, decision id, fulfilment). Raises RowFault."""
    address = address_of(feedback)
    kind = member("kind", feedback.kind, pricing_pb2.FeedbackKind)
    if kind == 0:
        raise missing("kind", choices(pricing_pb2.FeedbackKind), "KIND_MISSING")
    event_ms = event_time(feedback)
    price = judged_price(feedback, kind)
    competitive = optional_price(feedback, "competitive_price_minor")
    code = currency(feedback.currency) if price or competitive or feedback.currency else 0
    share = feedback.share_basis_points
    if share > MAX_SHARE_BP:
        raise refused("share_basis_points", share, f"0 to {MAX_SHARE_BP}", "SHARE_OUT_OF_RANGE")
    fulfilment = member("fulfilment", feedback.fulfilment, types_pb2.Fulfilment)
    if not price and not competitive:
        code = 0
    head = (event_ms, price, competitive, kind, share)
    return address, head, (code, feedback.decision_id, fulfilment)


def judged_price(feedback: pricing_pb2.Feedback, kind: int) -> int:
    """The item price that is judged, 0 where it is not said. Raises RowFault."""
    price = feedback.price_minor
    if price < 0:
        raise refused("price_minor", price, price_range(0), "PRICE_NOT_POSITIVE")
    if price > MAX_PRICE_MINOR:
        raise refused("price_minor", price, price_range(0), "PRICE_OUT_OF_RANGE")
    if price == 0 and feedback.decision_id == 0 and kind in JUDGES_A_PRICE:
        raise missing(
            "price_minor",
            f"a decision_id or the item price that is judged, as {FeedbackKind(kind).name} says"
            " something about one price",
            "JUDGED_PRICE_MISSING",
        )
    return price
