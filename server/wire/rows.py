"""What the rows of several requests have in common: how they name a listing, times and prices."""

from __future__ import annotations

from functools import cache
from typing import Any

from engine.columns import Address, AsinKey, ListingKey
from engine.errors import RowProblem
from engine.money import currency_index
from engine.schema import MAX_PRICE_MINOR, Audience
from repriced.v1 import types_pb2

LONGEST_SHOWN = 60

AUDIENCES = types_pb2.Audience
CONDITIONS = types_pb2.Condition


class RowFault(Exception):
    """The first thing wrong with a row; ends the reading of that row only."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.reason = reason
        self.message = message

    def problem(self, index: int) -> RowProblem:
        """The same, told of row `index`."""
        return RowProblem(index, self.field, self.reason, self.message)


def shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return f"{value[:LONGEST_SHOWN]!r}... ({len(value)} characters)"
    return repr(value)


def refused(field: str, value: object, allowed: str, reason: str) -> RowFault:
    """Fault of a value that is not allowed."""
    return RowFault(field, reason, f"{field} is {shown(value)}; allowed: {allowed}")


def missing(field: str, allowed: str, reason: str) -> RowFault:
    """Fault of a value that must be given."""
    return RowFault(field, reason, f"{field} is missing; allowed: {allowed}")


def address_of(row: Any) -> Address:
    """How a row with the oneof `listing` names its listing. Raises RowFault."""
    given = row.WhichOneof("listing")
    if given == "key":
        return listing_key(row.key)
    if given == "asin":
        return asin_key(row.asin)
    if given == "listing_id" and row.listing_id:
        return int(row.listing_id)
    raise missing(
        "listing",
        "a listing_id from 1 on, a key with seller, marketplace and sku or, in snapshots and"
        " feedback, an asin",
        "LISTING_MISSING",
    )


def listing_key(key: types_pb2.ListingKey) -> ListingKey:
    """Natural key with all its parts. Raises RowFault."""
    return ListingKey(
        text("key.seller_id", key.seller_id),
        text("key.marketplace_id", key.marketplace_id),
        text("key.sku", key.sku),
        audience("key.audience", key.audience),
    )


def asin_key(key: types_pb2.AsinKey) -> AsinKey:
    """ASIN with seller, marketplace and condition. Raises RowFault."""
    condition = member("asin.condition", key.condition, CONDITIONS)
    parts = (
        text("asin.seller_id", key.seller_id),
        text("asin.marketplace_id", key.marketplace_id),
        text("asin.asin", key.asin),
    )
    if condition == 0:
        raise missing("asin.condition", choices(CONDITIONS), "CONDITION_MISSING")
    return AsinKey(*parts, condition, audience("asin.audience", key.audience))


def text(field: str, value: str) -> str:
    """A part of a key, not blank; the reason names the part. Raises RowFault."""
    if not value.strip():
        part = field.rpartition(".")[2].upper()
        raise refused(field, value, "a text that is not blank", f"{part}_MISSING")
    return value


def audience(field: str, value: int) -> int:
    """Audience, B2C where it is not said. Raises RowFault."""
    return member(field, value, AUDIENCES) or int(Audience.B2C)


def choices(enum: Any) -> str:
    """Names of an enum's values that say something."""
    return ", ".join(enum.keys()[1:])


@cache
def known_values(enum: Any) -> frozenset[int]:
    """Numbers of a proto enum."""
    return frozenset(enum.values())


def member(field: str, value: int, enum: Any) -> int:
    """A value of a proto enum, the unspecified one too. Raises RowFault, ENUM_UNKNOWN."""
    if value not in known_values(enum):
        raise refused(field, value, choices(enum), "ENUM_UNKNOWN")
    return value


def event_time(row: Any) -> int:
    """When the marketplace saw what the row tells. Raises RowFault."""
    event_ms = int(row.event_ms)
    if event_ms <= 0:
        raise refused(
            "event_ms",
            event_ms,
            "milliseconds since 1970-01-01 UTC, from 1 on",
            "EVENT_TIME_MISSING",
        )
    return event_ms


def currency(code: str) -> int:
    """`money.currency_index` of a code that must be given. Raises RowFault."""
    index = currency_index(code)
    if index == 0:
        raise refused(
            "currency",
            code,
            "an ISO 4217 code such as EUR",
            "CURRENCY_UNKNOWN" if code else "CURRENCY_MISSING",
        )
    return index


def optional_price(row: Any, field: str) -> int:
    """A price that may be absent (0) but if given is positive. Raises RowFault."""
    value = int(getattr(row, field))
    if value == 0 and not row.HasField(field):
        return 0
    if value < 1:
        raise refused(field, value, price_range(1), "PRICE_NOT_POSITIVE")
    if value > MAX_PRICE_MINOR:
        raise refused(field, value, price_range(1), "PRICE_OUT_OF_RANGE")
    return value


def price_range(lowest: int) -> str:
    """The allowed amounts, for messages."""
    return f"{lowest} to {MAX_PRICE_MINOR} minor units"
