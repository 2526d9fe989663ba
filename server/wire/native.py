"""Reprice, EvaluatePrice, ReportFeedback and ReportStock through the native codec.

The native codec decides which rows are good. A bad row, and only that, is read again with the
generated parser by the same checks that decode whole requests in `server.wire.reprice`,
`feedback` and `commands`: they name what is wrong, and they are the oracle of the native codec.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import wire
from engine.columns import FeedbackBatch, SnapshotBatch, StockBatch
from engine.errors import RowProblem
from repriced.v1 import pricing_pb2, types_pb2
from server.wire.commands import read_level
from server.wire.feedback import read_row
from server.wire.limits import (
    WireLimits,
    check_count,
    check_rows,
    check_size,
    malformed,
    request_id_of,
)
from server.wire.offers import fault_of, first_faults, read_columns
from server.wire.reprice import Snapshots, check_offer_count
from server.wire.rows import RowFault

PARSER_WORDS = {
    wire.WireError.CORRUPT: "Wire format was corrupt",
    wire.WireError.NOT_UTF8: "String field had bad UTF-8",
}
"""How the generated parser says it."""


def decoded(
    request: wire.Request, message_type: Any, field: str, payload: bytes, limits: WireLimits
) -> wire.Decoded:
    """Columns of a request that is usable as a whole. Raises InputError."""
    check_size(payload, limits)
    found = wire.decode(
        request,
        payload,
        limits.max_rows_per_call,
        limits.max_offers_per_snapshot,
        limits.max_offers_per_call,
    )
    if found.error or found.is_overfull:
        try:
            check_rows(message_type, payload, limits)
        except ValueError as error:
            raise malformed(message_type, error) from error
    if found.error:
        name = message_type.DESCRIPTOR.full_name
        words = PARSER_WORDS[found.error]
        raise malformed(message_type, f"Error parsing message with type '{name}': {words}")
    if request.id_field:
        found.request_id = request_id_of(found.request_id)
    check_count(field, found.row_count, "max_rows_per_call", limits)
    return found


def decode_reprice(payload: bytes, limits: WireLimits) -> SnapshotBatch:
    """Batch of a RepriceRequest. Pure. Raises InputError."""
    return snapshots(
        decoded(wire.REPRICE, pricing_pb2.RepriceRequest, "snapshots", payload, limits), limits
    )


def decode_evaluate(payload: bytes, limits: WireLimits) -> SnapshotBatch:
    """Batch of an EvaluatePriceRequest, which needs no request id. Pure. Raises InputError."""
    return snapshots(
        decoded(wire.EVALUATE, pricing_pb2.EvaluatePriceRequest, "snapshots", payload, limits),
        limits,
    )


def snapshots(found: wire.Decoded, limits: WireLimits) -> SnapshotBatch:
    """Batch of decoded snapshots. A bad offer fails its whole row."""
    return SnapshotBatch(
        request_id=found.request_id,
        row_count=found.row_count,
        rows=found.snapshots,
        addresses=found.addresses,
        currency=found.currency,
        item_minor=found.item_minor,
        offers=found.offers,
        skus=found.skus,
        problems=snapshot_problems(found, limits),
    )


def decode_feedback(payload: bytes, limits: WireLimits) -> FeedbackBatch:
    """Batch of a ReportFeedbackRequest. Pure. Raises InputError."""
    found = decoded(
        wire.FEEDBACK_REPORT, pricing_pb2.ReportFeedbackRequest, "feedback", payload, limits
    )
    return FeedbackBatch(
        request_id=found.request_id,
        row_count=found.row_count,
        rows=found.feedback,
        addresses=found.addresses,
        currency=found.currency,
        decision_ids=found.decision_ids,
        fulfilment=found.fulfilment,
        problems=row_problems(found, pricing_pb2.Feedback, read_row),
    )


def decode_stock(payload: bytes, limits: WireLimits) -> StockBatch:
    """Batch of a ReportStockRequest. Pure. Raises InputError."""
    found = decoded(wire.STOCK_REPORT, pricing_pb2.ReportStockRequest, "levels", payload, limits)
    return StockBatch(
        request_id=found.request_id,
        row_count=found.row_count,
        indices=found.indices,
        addresses=found.addresses,
        quantities=found.quantities,
        ages=found.ages,
        event_ms=found.event_ms,
        problems=row_problems(found, pricing_pb2.StockLevel, read_level),
    )


def row_problems(
    found: wire.Decoded, row_type: Any, read: Callable[[Any], object]
) -> list[RowProblem]:
    """What is wrong with each bad row, read again on its own."""
    problems = []
    for index, at, end in found.faults[["index", "at", "end"]].tolist():
        row = row_type.FromString(found.payload[at:end])
        problems.append(problem_of(index, partial(read, row)))
    return problems


def problem_of(index: int, read: Callable[[], object]) -> RowProblem:
    """The fault that reading a row leads to."""
    try:
        read()
    except RowFault as fault:
        return fault.problem(index)
    raise AssertionError(f"row {index} is bad for the native codec and good for the parser")


def snapshot_problems(found: wire.Decoded, limits: WireLimits) -> list[RowProblem]:
    """What is wrong with each bad snapshot."""
    faults = found.faults
    if len(faults) == 0:
        return []
    bad_offers = faults["kind"] == wire.FaultKind.OFFER
    problems = offer_problems(found.payload, faults[bad_offers])
    for fault in faults[~bad_offers]:
        index, count = int(fault["index"]), int(fault["count"])
        if fault["kind"] == wire.FaultKind.OFFER_COUNT:
            problems.append(problem_of(index, partial(check_offer_count, count, limits)))
            continue
        head = wire.head_of_snapshot(found.payload[fault["at"] : fault["end"]])
        row = pricing_pb2.OfferSnapshot.FromString(head)
        problems.append(problem_of(index, partial(Snapshots().read, index, row, limits)))
    problems.sort(key=lambda problem: problem.index)
    return problems


def offer_problems(payload: bytes, faults: NDArray[np.void]) -> list[RowProblem]:
    """What is wrong with the first bad offer of each of these rows."""
    offers = [types_pb2.Offer.FromString(payload[each["at"] : each["end"]]) for each in faults]
    checks = first_faults(read_columns(offers)).tolist()
    problems = []
    for fault, offer, check in zip(faults, offers, checks, strict=True):
        if check == 0:
            raise AssertionError(f"row {fault['index']} has an offer that is good for the parser")
        place, index = int(fault["count"]), int(fault["index"])
        problems.append(fault_of(offer, place, check).problem(index))
    return problems
