"""Limits of one request, and what makes a request unusable as a whole.

A parsed row takes a hundred bytes and more where it may have brought two, so rows are counted in
the bytes, and refused there, before the parser allocates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from engine import _prescan
from engine.errors import InputError
from engine.schema import MAX_OFFERS, InputKind
from repriced.v1 import catalog_pb2, fees_pb2, ingestion_pb2, pricing_pb2
from server.wire.rows import shown

M = TypeVar("M", bound=Message)

OFFERS = pricing_pb2.OfferSnapshot.OFFERS_FIELD_NUMBER

COUNTED: dict[Any, tuple[str, int, str]] = {
    pricing_pb2.RepriceRequest: ("snapshots", OFFERS, "max_rows_per_call"),
    pricing_pb2.EvaluatePriceRequest: ("snapshots", OFFERS, "max_rows_per_call"),
    pricing_pb2.ReportFeedbackRequest: ("feedback", 0, "max_rows_per_call"),
    pricing_pb2.ReportStockRequest: ("levels", 0, "max_rows_per_call"),
    pricing_pb2.ReportSalesRequest: ("sales", 0, "max_rows_per_call"),
    pricing_pb2.PauseRepricingRequest: ("listings", 0, "max_rows_per_call"),
    pricing_pb2.ResumeRepricingRequest: ("listings", 0, "max_rows_per_call"),
    pricing_pb2.StopRepricingRequest: ("listings", 0, "max_rows_per_call"),
    pricing_pb2.RestartRepricingRequest: ("listings", 0, "max_rows_per_call"),
    catalog_pb2.BatchDeleteListingsRequest: ("listings", 0, "max_rows_per_call"),
    catalog_pb2.BatchUpsertSellersRequest: ("sellers", 0, "max_definitions_per_call"),
    catalog_pb2.BatchUpsertStrategiesRequest: ("strategies", 0, "max_definitions_per_call"),
    fees_pb2.BatchUpsertFeeSchedulesRequest: ("fee_schedules", 0, "max_definitions_per_call"),
    fees_pb2.BatchUpsertExchangeRatesRequest: ("exchange_rates", 0, "max_definitions_per_call"),
    fees_pb2.ReportFeePreviewsRequest: ("previews", 0, "max_rows_per_call"),
    catalog_pb2.BatchUpsertListingsRequest: ("listings", 0, "max_definitions_per_call"),
    ingestion_pb2.IngestNotificationsRequest: (
        "notifications", 0, "max_notifications_per_call"
    ),
}  # fmt: skip
"""Rows of a request, the field of a row that repeats, and the limit that holds the rows."""

HOLDING_LISTS = frozenset(
    {InputKind.STRATEGIES, InputKind.FEE_SCHEDULES, InputKind.STOP, InputKind.RESTART}
)
"""Kinds whose requests hold lists beside their rows, or inside them."""

REQUESTS: dict[InputKind, type[Message]] = {
    InputKind.REPRICE: pricing_pb2.RepriceRequest,
    InputKind.FEEDBACK: pricing_pb2.ReportFeedbackRequest,
    InputKind.STOCK: pricing_pb2.ReportStockRequest,
    InputKind.SALES: pricing_pb2.ReportSalesRequest,
    InputKind.PAUSE: pricing_pb2.PauseRepricingRequest,
    InputKind.RESUME: pricing_pb2.ResumeRepricingRequest,
    InputKind.STOP: pricing_pb2.StopRepricingRequest,
    InputKind.RESTART: pricing_pb2.RestartRepricingRequest,
    InputKind.DELETE: catalog_pb2.BatchDeleteListingsRequest,
    InputKind.SELLERS: catalog_pb2.BatchUpsertSellersRequest,
    InputKind.STRATEGIES: catalog_pb2.BatchUpsertStrategiesRequest,
    InputKind.FEE_SCHEDULES: fees_pb2.BatchUpsertFeeSchedulesRequest,
    InputKind.FEE_PREVIEWS: fees_pb2.ReportFeePreviewsRequest,
    InputKind.EXCHANGE_RATES: fees_pb2.BatchUpsertExchangeRatesRequest,
    InputKind.LISTINGS: catalog_pb2.BatchUpsertListingsRequest,
}

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Largest request that is taken; counts are rows of one call."""

    max_rows_per_call: int = 100_000
    max_offers_per_snapshot: int = MAX_OFFERS
    max_definitions_per_call: int = 10_000
    max_request_bytes: int = 8 * 1024 * 1024
    max_offers_per_call: int = 400_000
    max_notifications_per_call: int = 10_000


def parse(message_type: type[M], payload: bytes, limits: WireLimits) -> M:
    """Request of these bytes.

    Raises InputError: REQUEST_TOO_LARGE, TOO_MANY_ROWS, TOO_MANY_OFFERS or MALFORMED_REQUEST.
    """
    check_size(payload, limits)
    try:
        check_rows(message_type, payload, limits)
        return message_type.FromString(payload)
    except (DecodeError, ValueError) as error:
        raise malformed(message_type, error) from error


def check_size(payload: bytes, limits: WireLimits) -> None:
    """Raises InputError, REQUEST_TOO_LARGE."""
    if len(payload) > limits.max_request_bytes:
        raise InputError(
            f"the request has {len(payload)} bytes; allowed: at most {limits.max_request_bytes}"
            " (max_request_bytes)",
            reason="REQUEST_TOO_LARGE",
        )


def malformed(message_type: type[Message], error: object) -> InputError:
    """Error about bytes that are no request of this type."""
    return InputError(
        f"the request is not a {message_type.DESCRIPTOR.full_name}: {error}; allowed: its"
        " protobuf encoding, texts in UTF-8",
        reason="MALFORMED_REQUEST",
    )


def part_of(message_type: type[Message], field: str, payload: bytes, limits: WireLimits) -> bytes:
    """The bytes of a message inside another one, neither of them parsed. Raises InputError."""
    check_size(payload, limits)
    try:
        return _prescan.joined(payload, message_type.DESCRIPTOR.fields_by_name[field].number)
    except ValueError as error:
        raise malformed(message_type, error) from error


def check_rows(message_type: type[Message], payload: bytes, limits: WireLimits) -> None:
    """Raises InputError for too many rows, ValueError for bytes that are no protobuf message."""
    if message_type not in COUNTED:
        return
    name, inner, limit_name = COUNTED[message_type]
    field = message_type.DESCRIPTOR.fields_by_name[name].number
    rows, offers = _prescan.count(payload, field, inner)
    limit: int = getattr(limits, limit_name)
    if rows > limit:
        raise too_many(name, rows, limit, limit_name)
    if offers > limits.max_offers_per_call:
        raise InputError(
            f"{name} have {offers} offers together; allowed: at most {limits.max_offers_per_call}"
            " a call (max_offers_per_call)",
            reason="TOO_MANY_OFFERS",
            field=name,
        )


def check_nested(message_type: type[Message], payload: bytes, limits: WireLimits) -> None:
    """Raises InputError where everything that repeats in a request is too much together.

    For requests whose rows hold lists, before anything is parsed: an empty entry has two bytes.
    """
    check_size(payload, limits)
    try:
        check_rows(message_type, payload, limits)
        entries = entries_of(message_type.DESCRIPTOR, payload, limits.max_rows_per_call)
    except ValueError as error:
        raise malformed(message_type, error) from error
    if entries > limits.max_rows_per_call:
        raise InputError(
            f"the lists of the request have {entries} entries together, or more; allowed: at most"
            f" {limits.max_rows_per_call} a call (max_rows_per_call)",
            reason="TOO_MANY_ENTRIES",
        )


def entries_of(descriptor: Any, payload: bytes, most: int) -> int:
    """Entries of all lists in a message, at every depth; a count above `most` may be too low."""
    entries = 0
    for field in descriptor.fields:
        if field.is_repeated:
            entries += _prescan.count(payload, field.number, 0)[0]
        if entries > most:
            break
        if field.message_type is not None:
            inside = _prescan.joined(payload, field.number)
            entries += entries_of(field.message_type, inside, most - entries) if inside else 0
    return entries


def rows_of(message_type: type[Message], payload: bytes) -> int:
    """Rows of a request, unparsed; 0 for bytes that are no protobuf message."""
    field = message_type.DESCRIPTOR.fields_by_name[COUNTED[message_type][0]].number
    try:
        return _prescan.count(payload, field, 0)[0]
    except ValueError:
        return 0


def request_id_of(text: str) -> str:
    """The request id in lower case. Raises InputError, REQUEST_ID_MISSING or _INVALID."""
    if not text:
        raise InputError(
            "request_id is missing; allowed: a UUID, new for each request and the same for each"
            " repeat of it",
            reason="REQUEST_ID_MISSING",
            field="request_id",
        )
    lowered = text.lower()
    if UUID.fullmatch(lowered) is None:
        raise InputError(
            f"request_id is {shown(text)}; allowed: a UUID such as"
            " 123e4567-e89b-42d3-a456-426614174000",
            reason="REQUEST_ID_INVALID",
            field="request_id",
        )
    return lowered


def check_count(field: str, count: int, limit_name: str, limits: WireLimits) -> None:
    """Raises InputError, EMPTY_BATCH or TOO_MANY_ROWS, for the repeated field of a request."""
    limit: int = getattr(limits, limit_name)
    if count == 0:
        raise InputError(
            f"{field} is empty; allowed: 1 to {limit} rows a call",
            reason="EMPTY_BATCH",
            field=field,
        )
    if count > limit:
        raise too_many(field, count, limit, limit_name)


def too_many(field: str, rows: int, limit: int, limit_name: str) -> InputError:
    """Error about a request with too many rows."""
    return InputError(
        f"{field} has {rows} rows; allowed: at most {limit} a call ({limit_name})",
        reason="TOO_MANY_ROWS",
        field=field,
    )
