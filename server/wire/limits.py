"""Limits of one request, and what makes a request unusable as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from engine.errors import InputError
from engine.schema import MAX_OFFERS
from server.wire.rows import shown

M = TypeVar("M", bound=Message)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Largest request that is taken; counts are rows of one call."""

    max_rows_per_call: int = 100_000
    max_offers_per_snapshot: int = MAX_OFFERS
    max_definitions_per_call: int = 10_000
    max_request_bytes: int = 8 * 1024 * 1024


def check_size(payload: bytes, limits: WireLimits) -> None:
    """Raises InputError, REQUEST_TOO_LARGE."""
    if len(payload) > limits.max_request_bytes:
        raise InputError(
            f"the request has {len(payload)} bytes; allowed: at most {limits.max_request_bytes}"
            " (max_request_bytes)",
            reason="REQUEST_TOO_LARGE",
        )


def parse(message_type: type[M], payload: bytes, limits: WireLimits) -> M:
    """Request of these bytes. Raises InputError, REQUEST_TOO_LARGE or MALFORMED_REQUEST."""
    check_size(payload, limits)
    try:
        return message_type.FromString(payload)
    except DecodeError as error:
        raise malformed(message_type.DESCRIPTOR.full_name, str(error)) from error


def malformed(full_name: str, why: str) -> InputError:
    """Error about bytes that are no message of this type."""
    return InputError(
        f"the request is not a {full_name}: {why}; allowed: its protobuf encoding, texts in UTF-8",
        reason="MALFORMED_REQUEST",
    )


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
        raise InputError(
            f"{field} has {count} rows; allowed: at most {limit} a call ({limit_name})",
            reason="TOO_MANY_ROWS",
            field=field,
        )
