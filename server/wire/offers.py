"""Offers of a batch, from messages to columns, checked column by column."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import attrgetter, contains
from typing import cast

import numpy as np
from numpy.typing import NDArray

from engine.checks import MAX_TEXT
from engine.columns import OfferColumns
from engine.schema import (
    AVAILABILITY_SHIFT,
    CONDITION_SHIFT,
    FULFILMENT_SHIFT,
    MAX_PRICE_MINOR,
    SUB_CONDITION_SHIFT,
    OfferBit,
)
from engine.strategies import seller_hash
from engine.strategy_checks import ANY_HANDLING
from repriced.v1 import types_pb2
from server.wire.rows import RowFault, choices, price_range, refused

Columns = dict[str, NDArray[np.int64]]
"""Fields of the offers by their proto names; of seller_id the length."""

LONGEST_HANDLING = ANY_HANDLING - 1
SELLERS_CACHED = 65_536
MAX_RATING_BP = 10_000

NUMBERS = (
    "item_price_minor",
    "shipping_minor",
    "points_minor",
    "fulfilment",
    "condition",
    "sub_condition",
    "positive_rating_basis_points",
    "rating_count",
    "handling_hours",
    "availability",
    "buy_box_winner",
    "featured_merchant",
    "prime",
    "amazon",
)
MAYBE_ABSENT = ("buy_box_winner", "featured_merchant")

ENUMS = {
    "fulfilment": (types_pb2.Fulfilment, FULFILMENT_SHIFT),
    "condition": (types_pb2.Condition, CONDITION_SHIFT),
    "sub_condition": (types_pb2.SubCondition, SUB_CONDITION_SHIFT),
    "availability": (types_pb2.Availability, AVAILABILITY_SHIFT),
}
"""Enums of an offer and where their bits begin in `schema.OfferBit`."""

ENUM_BITS = {
    name: np.array([0] + [1 << (shift + value) for value in enum.values()[1:]], np.uint32)
    for name, (enum, shift) in ENUMS.items()
}

# Absent, false, true.
WINNER_BITS = np.array([0, OfferBit.NOT_WINNER, OfferBit.WINNER], np.uint32)
FEATURED_BITS = np.array([0, OfferBit.NOT_FEATURED, OfferBit.FEATURED], np.uint32)
PRIME_BITS = np.array([0, OfferBit.PRIME], np.uint32)
AMAZON_BITS = np.array([0, OfferBit.AMAZON], np.uint32)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with an offer."""

    field: str
    reason: str
    allowed: str
    fails: Callable[[Columns], NDArray[np.bool_]]


def outside(field: str, high: int) -> Callable[[Columns], NDArray[np.bool_]]:
    """Fails below zero and above `high`."""

    def fails(columns: Columns) -> NDArray[np.bool_]:
        values = columns[field]
        return (values < 0) | (values > high)

    return fails


def landed(columns: Columns) -> NDArray[np.int64]:
    """Landed prices; they have a meaning only where the three amounts are within limits."""
    return columns["item_price_minor"] + columns["shipping_minor"] - columns["points_minor"]


AMOUNT = price_range(0)
CHECKS = (
    Check(
        "seller_id",
        "SELLER_ID_TOO_LONG",
        f"at most {MAX_TEXT} characters",
        outside("seller_id", MAX_TEXT),
    ),
    Check(
        "item_price_minor",
        "PRICE_NOT_POSITIVE",
        price_range(1),
        lambda columns: columns["item_price_minor"] < 1,
    ),
    Check(
        "item_price_minor",
        "PRICE_OUT_OF_RANGE",
        price_range(1),
        outside("item_price_minor", MAX_PRICE_MINOR),
    ),
    Check(
        "shipping_minor",
        "SHIPPING_OUT_OF_RANGE",
        AMOUNT,
        outside("shipping_minor", MAX_PRICE_MINOR),
    ),
    Check("points_minor", "POINTS_OUT_OF_RANGE", AMOUNT, outside("points_minor", MAX_PRICE_MINOR)),
    Check(
        "points_minor",
        "LANDED_NOT_POSITIVE",
        "less than item price and shipping together",
        lambda columns: landed(columns) < 1,
    ),
    Check(
        "shipping_minor",
        "LANDED_OUT_OF_RANGE",
        f"a landed price of at most {MAX_PRICE_MINOR} minor units",
        lambda columns: landed(columns) > MAX_PRICE_MINOR,
    ),
    Check(
        "positive_rating_basis_points",
        "RATING_OUT_OF_RANGE",
        f"0 to {MAX_RATING_BP}",
        outside("positive_rating_basis_points", MAX_RATING_BP),
    ),
    *(
        Check(name, "ENUM_UNKNOWN", choices(enum), outside(name, len(ENUM_BITS[name]) - 1))
        for name, (enum, _) in ENUMS.items()
    ),
)
"""In the order in which a bad offer is told; the first one counts."""


@lru_cache(SELLERS_CACHED)
def seller_key(seller_id: str) -> int:
    """Key of a seller in the offer columns; 0 where none is named."""
    return seller_hash(seller_id) if seller_id else 0


def read_columns(offers: Sequence[types_pb2.Offer]) -> Columns:
    """Numbers of the offers as int64, unchecked. `has_...` says which flags were reported."""
    count = len(offers)
    columns = {
        name: np.fromiter(map(attrgetter(name), offers), np.int64, count) for name in NUMBERS
    }
    for name in MAYBE_ABSENT:
        present = map(contains, cast("Sequence[Container[str]]", offers), repeat(name))
        columns[f"has_{name}"] = np.fromiter(present, np.int64, count)
    lengths = map(len, map(attrgetter("seller_id"), offers))
    columns["seller_id"] = np.fromiter(lengths, np.int64, count)
    return columns


def first_faults(columns: Columns) -> NDArray[np.int64]:
    """For each offer 0, or one more than the place in CHECKS of the first check that fails."""
    failed = [check.fails(columns) for check in CHECKS]
    return np.select(failed, list(range(1, len(CHECKS) + 1)), 0).astype(np.int64)


def fault_of(offer: types_pb2.Offer, place: int, fault: int) -> RowFault:
    """What `first_faults` found in the offer at `place` of its snapshot."""
    check = CHECKS[fault - 1]
    value = getattr(offer, check.field)
    return refused(f"offers[{place}].{check.field}", value, check.allowed, check.reason)


def offer_bits(columns: Columns) -> NDArray[np.uint32]:
    """`schema.OfferBit` of checked offers."""
    bits = PRIME_BITS[columns["prime"]] | AMAZON_BITS[columns["amazon"]]
    for name, table in ENUM_BITS.items():
        bits |= table[columns[name]]
    bits |= WINNER_BITS[columns["has_buy_box_winner"] + columns["buy_box_winner"]]
    bits |= FEATURED_BITS[columns["has_featured_merchant"] + columns["featured_merchant"]]
    return bits


def offer_columns(offers: Sequence[types_pb2.Offer], columns: Columns) -> OfferColumns:
    """The engine's columns of checked offers."""
    keys = map(seller_key, map(attrgetter("seller_id"), offers))
    return OfferColumns(
        landed_minor=landed(columns),
        seller=np.fromiter(keys, np.uint64, len(offers)),
        bits=offer_bits(columns),
        rating_count=columns["rating_count"].astype(np.uint32),
        rating_bp=columns["positive_rating_basis_points"].astype(np.uint16),
        handling_hours=np.minimum(columns["handling_hours"], LONGEST_HANDLING).astype(np.uint16),
    )


def named_skus(offers: Sequence[types_pb2.Offer]) -> dict[int, str]:
    """SKUs of the offers that name one, by place."""
    skus = map(attrgetter("sku"), offers)
    return {place: sku for place, sku in enumerate(skus) if sku}
