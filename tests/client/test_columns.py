"""Columns become the bytes of the messages that they stand for, and say what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repriced import reprice_request
from repriced.v1 import pricing_pb2

NOW_MS = 1_790_000_000_000
ID = "0e0f8a3a-9d2c-4b5e-8f61-3f6d5a1c2b7e"
TEXT = st.text(max_size=200).map(lambda text: text.replace("\0", ""))
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
OFFER = st.fixed_dictionaries(
    {
        "seller_id": TEXT,
        "item_price_minor": INT64,
        "shipping_minor": INT64,
        "fulfilment": st.integers(0, 3),
        "positive_rating_basis_points": UINT32,
        "rating_count": UINT32,
        "buy_box_winner": st.sampled_from([None, False, True]),
        "featured_merchant": st.sampled_from([None, False, True]),
        "prime": st.booleans(),
        "amazon": st.booleans(),
        "ships_from": st.sampled_from(["", "DE", "é"]),
    }
)
SNAPSHOT = st.fixed_dictionaries(
    {
        "event_ms": INT64,
        "currency": st.sampled_from(["", "EUR", "JPY"]),
        "competitive_price_minor": st.none() | INT64,
        "buy_box_status": st.integers(0, 3),
        "offers": st.lists(OFFER, max_size=4),
    }
)
KEYS = {
    "listing_id": {"listing_id": UINT32},
    "key": {"seller_id": TEXT, "marketplace_id": TEXT, "sku": TEXT, "audience": UINT32.map(
        lambda each: each % 3)},
    "asin": {"seller_id": TEXT, "asin": TEXT, "condition": st.integers(0, 5)},
}  # fmt: skip


def parsed(snapshots: Any, offers: Any) -> list[Any]:
    request = pricing_pb2.RepriceRequest.FromString(reprice_request(snapshots, offers, ID))
    assert request.request_id == ID
    return list(request.snapshots)


def numpy_column(values: list[Any]) -> Any:
    """Texts as objects; what may be absent as a masked array."""
    if any(isinstance(each, str) for each in values):
        return np.array(values, object)
    if None in values:
        return np.ma.masked_array(
            np.array([each or 0 for each in values]), [each is None for each in values]
        )
    return np.array(values) if values else np.zeros(0, np.int64)


def columns(rows: list[dict[str, Any]], names: Any, make: Any) -> dict[str, Any]:
    return {name: make([row[name] for row in rows]) for name in names}


def wanted(rows: list[dict[str, Any]], key: str) -> list[Any]:
    """The same through generated messages."""
    made = []
    for row in rows:
        snapshot = pricing_pb2.OfferSnapshot()
        if key == "listing_id":
            snapshot.listing_id = row["listing_id"]
        else:
            nested = getattr(snapshot, key)
            nested.SetInParent()
            for name in KEYS[key]:
                setattr(nested, name, row[name])
            if key == "asin":
                nested.audience = 1
        for name in ("event_ms", "currency", "competitive_price_minor", "buy_box_status"):
            if row[name] is not None:
                setattr(snapshot, name, row[name])
        for each in row["offers"]:
            snapshot.offers.add(
                **{name: value for name, value in each.items() if value is not None}
            )
        made.append(snapshot)
    return made


@pytest.mark.parametrize("key", list(KEYS))
@pytest.mark.parametrize("make", [numpy_column, pa.array], ids=["numpy", "arrow"])
@given(data=st.data())
def test_any_columns_are_the_messages_they_stand_for(key: str, make: Any, data: Any) -> None:
    rows = data.draw(st.lists(SNAPSHOT, min_size=1, max_size=5))
    for row in rows:
        row |= {name: data.draw(values) for name, values in KEYS[key].items()}
    names = ["event_ms", "currency", "competitive_price_minor", "buy_box_status", *KEYS[key]]
    listings = columns(rows, names, make)
    listings["offer_count"] = np.array([len(row["offers"]) for row in rows])
    offered = [each for row in rows for each in row["offers"]]
    names = list(offered[0]) if offered else []
    assert parsed(listings, columns(offered, names, make)) == wanted(rows, key)


def test_one_value_stands_for_all_rows_and_texts_come_in_every_form() -> None:
    listings = {
        "seller_id": "A1SHOP",
        "marketplace_id": np.array(["M1", "MARKET2"]),
        "sku": np.array([b"A", b"LONGER"]),
        "event_ms": NOW_MS,
        "currency": "EUR",
        "offer_count": np.array([0, 1]),
    }
    first, second = parsed(listings, {"seller_id": ["A2é"], "item_price_minor": [5]})
    assert (first.key.seller_id, first.key.marketplace_id, first.key.sku) == ("A1SHOP", "M1", "A")
    assert (second.key.marketplace_id, second.key.sku, second.key.audience) == (
        "MARKET2", "LONGER", 1,
    )  # fmt: skip
    assert {each.event_ms for each in (first, second)} == {NOW_MS}
    assert [(each.seller_id, each.item_price_minor) for each in second.offers] == [("A2é", 5)]
    assert not first.offers


def test_arrow_tables_in_pieces() -> None:
    table = pa.table(
        {
            "listing_id": pa.chunked_array([[1], [2, 3]]),
            "event_ms": pa.array([NOW_MS] * 3),
            "currency": pa.chunked_array([["EUR", "USD"], ["JPY"]]),
            "offer_count": [1, 1, 1],
        }
    ).slice(1)
    offers = pa.table({"seller_id": pa.array(["X", "Y", None])}).slice(1)
    found = parsed(table, offers)
    assert [(each.listing_id, each.currency) for each in found] == [(2, "USD"), (3, "JPY")]
    assert [each.offers[0].seller_id for each in found] == ["Y", ""]


def test_a_large_message_has_its_length_moved() -> None:
    """Lengths of one, two and three bytes."""
    for size in (1, 200, 20_000):
        (found,) = parsed(
            {"listing_id": [7], "notification_id": ["x" * size], "offer_count": [1]},
            {"seller_id": ["y" * size]},
        )
        assert (len(found.notification_id), len(found.offers[0].seller_id)) == (size, size)


def test_without_an_id_each_request_has_one_of_its_own() -> None:
    empty = {"listing_id": np.zeros(0, np.int64), "offer_count": np.zeros(0, np.int64)}
    made = {pricing_pb2.RepriceRequest.FromString(reprice_request(empty, {})).request_id
            for _ in range(3)}  # fmt: skip
    assert len(made) == 3
    assert all(len(each) == 36 for each in made)


GOOD = {"listing_id": [1, 2], "event_ms": [1, 1], "offer_count": [1, 0]}


@pytest.mark.parametrize(
    ("change", "offers", "message"),
    [
        ({"offer_count": None}, {"prime": [True]}, "offer_count: 0 dimensions"),
        ({"offer_count": [2, 0]}, {"prime": [True]}, "offers.prime: 1 values; allowed: 2"),
        ({"offer_count": [-1, 2]}, {"prime": [True]}, "offer_count has -1"),
        ({"event_ms": [1.5, 2.0]}, {"prime": [True]}, "snapshots.event_ms: 1 dimensions of float"),
        ({"event_ms": [1, 2, 3]}, {"prime": [True]}, "snapshots.event_ms: 3 values; allowed: 2"),
        ({"currency": [1, 2]}, {"prime": [True]}, "snapshots.currency: type int64"),
        ({"currency": ["EUR"]}, {"prime": [True]}, "snapshots.currency: 1 values; allowed: 2"),
        ({"price": [1, 2]}, {"prime": [True]}, "snapshots has a column 'price'"),
        ({}, {"cheap": [True]}, "offers has a column 'cheap'"),
        ({"event_ms": np.array([2**63, 1], np.uint64)}, {"prime": [True]}, "9223372036854775808"),
    ],
)
def test_what_is_wrong_is_named(change: Any, offers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reprice_request(GOOD | change, offers)


def test_a_row_needs_a_name_and_a_count() -> None:
    with pytest.raises(ValueError, match="no column that names a listing"):
        reprice_request({"event_ms": [1], "offer_count": [0]}, {})
    with pytest.raises(ValueError, match="no column offer_count"):
        reprice_request({"listing_id": [1]}, {})
