"""Frames of the journal as documents that people and other programs can read."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from engine.journal.frames import NO_REQUEST, Frame, FrameKind, split_output
from engine.pipeline import SLICE_OF_LISTINGS
from engine.schema import DECISION, InputKind
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2
from server.cli.directory import time_text
from server.wire import decision_messages

MESSAGES: dict[InputKind, tuple[Any, Any]] = {
    InputKind.REPRICE: (pricing_pb2.RepriceRequest, pricing_pb2.RepriceResponse),
    InputKind.REPRICE_PART: (pricing_pb2.RepriceRequest, pricing_pb2.RepriceResponse),
    InputKind.FEEDBACK: (pricing_pb2.ReportFeedbackRequest, pricing_pb2.ReportFeedbackResponse),
    InputKind.STOCK: (pricing_pb2.ReportStockRequest, pricing_pb2.ReportStockResponse),
    InputKind.SALES: (pricing_pb2.ReportSalesRequest, pricing_pb2.ReportSalesResponse),
    InputKind.PAUSE: (pricing_pb2.PauseRepricingRequest, pricing_pb2.PauseRepricingResponse),
    InputKind.RESUME: (pricing_pb2.ResumeRepricingRequest, pricing_pb2.ResumeRepricingResponse),
    InputKind.STOP: (pricing_pb2.StopRepricingRequest, pricing_pb2.StopRepricingResponse),
    InputKind.RESTART: (pricing_pb2.RestartRepricingRequest, pricing_pb2.RestartRepricingResponse),
    InputKind.RELEASE: (pricing_pb2.ReleaseHeldRequest, pricing_pb2.ReleaseHeldResponse),
    InputKind.DISCARD: (pricing_pb2.DiscardHeldRequest, pricing_pb2.DiscardHeldResponse),
    InputKind.RESTORE: (pricing_pb2.RestorePricesRequest, pricing_pb2.RestorePricesResponse),
    InputKind.SELLERS: (
        catalog_pb2.BatchUpsertSellersRequest,
        catalog_pb2.BatchUpsertSellersResponse,
    ),
    InputKind.STRATEGIES: (
        catalog_pb2.BatchUpsertStrategiesRequest,
        catalog_pb2.BatchUpsertStrategiesResponse,
    ),
    InputKind.ERASE: (catalog_pb2.EraseSellerRequest, catalog_pb2.EraseSellerResponse),
    InputKind.LISTINGS: (
        catalog_pb2.BatchUpsertListingsRequest,
        catalog_pb2.BatchUpsertListingsResponse,
    ),
    InputKind.FEE_SCHEDULES: (
        fees_pb2.BatchUpsertFeeSchedulesRequest,
        fees_pb2.BatchUpsertFeeSchedulesResponse,
    ),
    InputKind.FEE_PREVIEWS: (fees_pb2.ReportFeePreviewsRequest, fees_pb2.ReportFeePreviewsResponse),
    InputKind.EXCHANGE_RATES: (
        fees_pb2.BatchUpsertExchangeRatesRequest,
        fees_pb2.BatchUpsertExchangeRatesResponse,
    ),
    InputKind.DELETE: (
        catalog_pb2.BatchDeleteListingsRequest,
        catalog_pb2.BatchDeleteListingsResponse,
    ),
}
"""Request and answer of each kind that a caller sends."""


class Exporter:
    """Turns frames, in the order of the journal, into documents."""

    def __init__(self) -> None:
        self._unanswered: dict[int, InputKind] = {}

    def document(self, frame: Frame) -> dict[str, Any]:
        """One frame. Money and ids are as the JSON form of protobuf writes them."""
        facts: dict[str, Any] = {
            "sequence": frame.sequence,
            "kind": frame.kind.name,
            "now_ms": frame.now_ms,
            "time": time_text(frame.now_ms),
            "rules_version": frame.rules_version,
        }
        if frame.scope:
            facts["caller"] = frame.scope.decode("utf-8", "backslashreplace")
        if frame.request_key != NO_REQUEST:
            facts["request_key"] = frame.request_key.hex()
        if isinstance(frame.kind, FrameKind):
            sequence, payload = split_output(frame.payload)
            kind = self._unanswered.pop(sequence, None)
            return facts | {"answers": sequence, **answer_of(kind, payload)}
        self._unanswered[frame.sequence] = frame.kind
        return facts | request_of(frame.kind, frame.payload)


def request_of(kind: InputKind, payload: bytes) -> dict[str, Any]:
    """An input."""
    if kind == InputKind.ADVANCE:
        first_id, last_id = SLICE_OF_LISTINGS.unpack(payload)
        return {"first_listing_id": first_id, "before_listing_id": last_id}
    if kind == InputKind.CONFIG:
        return {"settings": json.loads(payload)}
    return message_of("request", MESSAGES[kind][0] if kind in MESSAGES else None, payload)


def answer_of(kind: InputKind | None, payload: bytes) -> dict[str, Any]:
    """What an input was answered; the kind is unknown if the input is not among the frames."""
    if kind == InputKind.ADVANCE:
        records = np.frombuffer(payload, DECISION)
        return {"decisions": [as_dict(each) for each in decision_messages(records)]}
    return message_of("answer", MESSAGES[kind][1] if kind in MESSAGES else None, payload)


def message_of(name: str, message_type: Any, payload: bytes) -> dict[str, Any]:
    """A message by its fields, or its bytes."""
    try:
        if message_type is not None:
            return {name: as_dict(message_type.FromString(payload))}
    except DecodeError:
        pass
    return {f"{name}_base64": base64.b64encode(payload).decode()}


def as_dict(message: Any) -> dict[str, Any]:
    """A message with the names of its .proto file."""
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found
