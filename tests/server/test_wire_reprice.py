"""Snapshots to columns: what each field becomes, and each way a row can be refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_requests import ASIN, KEY, LIMITS, offer, problem_of, reprice, snapshot

from engine.columns import AsinKey, ListingKey
from engine.money import currency_index
from engine.schema import MAX_OFFERS, MAX_PRICE_MINOR, OfferBit
from engine.strategies import seller_hash
from repriced.v1 import types_pb2
from server.wire import WireLimits, decode_reprice

LARGEST = 2**63 - 1


def key(**changes: Any) -> dict[str, Any]:
    changed = types_pb2.ListingKey()
    changed.CopyFrom(KEY)
    for name, value in changes.items():
        setattr(changed, name, value)
    return {"key": changed}


def asin(**changes: Any) -> dict[str, Any]:
    changed = types_pb2.AsinKey()
    changed.CopyFrom(ASIN)
    for name, value in changes.items():
        setattr(changed, name, value)
    return {"asin": changed}


def test_rows() -> None:
    batch = decode_reprice(
        reprice(
            snapshot(offer(), offer(), competitive_price_minor=2_100, featured_price_minor=2_050),
            snapshot(listing_id=7, currency="JPY", buy_box_status=2),
            snapshot(asin=ASIN, event_ms=5),
        ),
        LIMITS,
    )
    rows = batch.rows
    assert list(batch.addresses) == [
        ListingKey("AOWN1", "A1PA6795UKMFR9", "mug-blue", 2),
        7,
        AsinKey("AOWN1", "A1PA6795UKMFR9", "B0MUG00001", 1, 1),
    ]
    assert rows["index"].tolist() == [0, 1, 2]
    assert rows["listing_id"].tolist() == [0, 7, 0]
    assert rows["event_ms"].tolist() == [1_700_000_000_000, 1_700_000_000_000, 5]
    assert rows["competitive_minor"].tolist() == [2_100, 0, 0]
    assert rows["featured_minor"].tolist() == [2_050, 0, 0]
    assert rows["buy_box_status"].tolist() == [0, 2, 0]
    assert rows["offer_begin"].tolist() == [0, 2, 3]
    assert rows["offer_end"].tolist() == [2, 3, 4]
    assert rows["own_offer"].tolist() == [-1, -1, -1]
    assert rows["own_price_minor"].tolist() == [0, 0, 0]
    assert batch.currency.tolist() == [currency_index(code) for code in ("EUR", "JPY", "EUR")]
    assert batch.row_count == 3


def test_a_market_without_offers_is_a_row() -> None:
    empty = snapshot()
    del empty.offers[:]
    batch = decode_reprice(reprice(empty, snapshot()), LIMITS)
    assert batch.rows["offer_begin"].tolist() == [0, 0]
    assert batch.rows["offer_end"].tolist() == [0, 1]


def test_offer_columns() -> None:
    full = offer(
        shipping_minor=400,
        points_minor=15,
        positive_rating_basis_points=9_700,
        rating_count=12_345,
        handling_hours=48,
        sku="mug-blue-2",
    )
    bare = types_pb2.Offer(item_price_minor=3, handling_hours=65_535)
    batch = decode_reprice(reprice(snapshot(bare, full)), LIMITS)
    offers = batch.offers
    assert offers.landed_minor.tolist() == [3, 1_990 + 400 - 15]
    assert batch.item_minor.tolist() == [3, 1_990]
    assert offers.seller.tolist() == [0, seller_hash("ARIVAL")]
    assert offers.rating_count.tolist() == [0, 12_345]
    assert offers.rating_bp.tolist() == [0, 9_700]
    assert offers.handling_hours.tolist() == [65_534, 48]
    assert batch.skus.by_offer() == {1: "mug-blue-2"}
    types = [getattr(offers, name).dtype for name in offers.__slots__]
    assert types == [np.int64, np.uint64, np.uint32, np.uint32, np.uint16, np.uint16]


BITS = [
    ({}, OfferBit(0)),
    ({"fulfilment": 1}, OfferBit.FULFILLED_BY_AMAZON),
    ({"fulfilment": 2}, OfferBit.FULFILLED_BY_MERCHANT),
    ({"condition": 1}, OfferBit.CONDITION_NEW),
    ({"condition": 5}, OfferBit.CONDITION_CLUB),
    ({"sub_condition": 1}, OfferBit.SUB_NEW),
    ({"sub_condition": 13}, OfferBit.SUB_OTHER),
    ({"availability": 1}, OfferBit.AVAILABLE_NOW),
    ({"availability": 2}, OfferBit.AVAILABLE_WITHOUT_DATE),
    ({"availability": 3}, OfferBit.AVAILABLE_WITH_DATE),
    ({"buy_box_winner": True}, OfferBit.WINNER),
    ({"buy_box_winner": False}, OfferBit.NOT_WINNER),
    ({"featured_merchant": True}, OfferBit.FEATURED),
    ({"featured_merchant": False}, OfferBit.NOT_FEATURED),
    ({"prime": True}, OfferBit.PRIME),
    ({"amazon": True}, OfferBit.AMAZON),
    (
        {"fulfilment": 2, "condition": 2, "sub_condition": 3, "prime": True},
        OfferBit.FULFILLED_BY_MERCHANT
        | OfferBit.CONDITION_USED
        | OfferBit.SUB_VERY_GOOD
        | OfferBit.PRIME,
    ),
]


@pytest.mark.parametrize(("fields", "bits"), BITS)
def test_offer_bits(fields: dict[str, Any], bits: OfferBit) -> None:
    batch = decode_reprice(reprice(snapshot(offer(**fields))), LIMITS)
    assert batch.offers.bits.tolist() == [bits]


REFUSED_ROWS = [
    ({"listing_id": 0}, "listing", "LISTING_MISSING"),
    (key(seller_id=""), "key.seller_id", "SELLER_ID_MISSING"),
    (key(seller_id="  "), "key.seller_id", "SELLER_ID_MISSING"),
    (key(marketplace_id=""), "key.marketplace_id", "MARKETPLACE_ID_MISSING"),
    (key(sku=""), "key.sku", "SKU_MISSING"),
    (key(audience=3), "key.audience", "ENUM_UNKNOWN"),
    (asin(seller_id=""), "asin.seller_id", "SELLER_ID_MISSING"),
    (asin(marketplace_id=""), "asin.marketplace_id", "MARKETPLACE_ID_MISSING"),
    (asin(asin=" "), "asin.asin", "ASIN_MISSING"),
    (asin(condition=0), "asin.condition", "CONDITION_MISSING"),
    (asin(condition=6), "asin.condition", "ENUM_UNKNOWN"),
    (asin(audience=-1), "asin.audience", "ENUM_UNKNOWN"),
    ({"event_ms": 0}, "event_ms", "EVENT_TIME_MISSING"),
    ({"event_ms": -5}, "event_ms", "EVENT_TIME_MISSING"),
    ({"currency": ""}, "currency", "CURRENCY_MISSING"),
    ({"currency": "eur"}, "currency", "CURRENCY_UNKNOWN"),
    ({"buy_box_status": 3}, "buy_box_status", "ENUM_UNKNOWN"),
    ({"competitive_price_minor": 0}, "competitive_price_minor", "PRICE_NOT_POSITIVE"),
    ({"competitive_price_minor": -1}, "competitive_price_minor", "PRICE_NOT_POSITIVE"),
    (
        {"competitive_price_minor": MAX_PRICE_MINOR + 1},
        "competitive_price_minor",
        "PRICE_OUT_OF_RANGE",
    ),
    ({"featured_price_minor": 0}, "featured_price_minor", "PRICE_NOT_POSITIVE"),
    ({"featured_price_minor": LARGEST}, "featured_price_minor", "PRICE_OUT_OF_RANGE"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), REFUSED_ROWS)
def test_refused_rows(fields: dict[str, Any], field: str, reason: str) -> None:
    problem = problem_of(snapshot(**fields))
    assert (problem.field, problem.reason) == (field, reason)
    assert problem.message.startswith(f"{field} is ")
    assert "; allowed: " in problem.message


def test_a_row_without_a_listing() -> None:
    unnamed = snapshot()
    unnamed.ClearField("key")
    problem = problem_of(unnamed)
    assert (problem.field, problem.reason) == ("listing", "LISTING_MISSING")


def test_long_values_are_cut_in_messages() -> None:
    assert len(problem_of(snapshot(currency="EUR" * 1_000)).message) < 200


REFUSED_OFFERS = [
    ({"seller_id": "A" * 101}, "seller_id", "SELLER_ID_TOO_LONG"),
    ({"item_price_minor": 0}, "item_price_minor", "PRICE_NOT_POSITIVE"),
    ({"item_price_minor": -(2**63)}, "item_price_minor", "PRICE_NOT_POSITIVE"),
    ({"item_price_minor": MAX_PRICE_MINOR + 1}, "item_price_minor", "PRICE_OUT_OF_RANGE"),
    ({"item_price_minor": LARGEST}, "item_price_minor", "PRICE_OUT_OF_RANGE"),
    ({"shipping_minor": -1}, "shipping_minor", "SHIPPING_OUT_OF_RANGE"),
    ({"shipping_minor": LARGEST}, "shipping_minor", "SHIPPING_OUT_OF_RANGE"),
    ({"points_minor": -1}, "points_minor", "POINTS_OUT_OF_RANGE"),
    ({"points_minor": LARGEST}, "points_minor", "POINTS_OUT_OF_RANGE"),
    ({"points_minor": 1_990}, "points_minor", "LANDED_NOT_POSITIVE"),
    ({"shipping_minor": MAX_PRICE_MINOR}, "shipping_minor", "LANDED_OUT_OF_RANGE"),
    (
        {"positive_rating_basis_points": 10_001},
        "positive_rating_basis_points",
        "RATING_OUT_OF_RANGE",
    ),
    ({"fulfilment": 3}, "fulfilment", "ENUM_UNKNOWN"),
    ({"condition": 6}, "condition", "ENUM_UNKNOWN"),
    ({"sub_condition": -1}, "sub_condition", "ENUM_UNKNOWN"),
    ({"availability": 2**31 - 1}, "availability", "ENUM_UNKNOWN"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), REFUSED_OFFERS)
def test_a_bad_offer_fails_its_snapshot(fields: dict[str, Any], field: str, reason: str) -> None:
    bad = snapshot(offer(), offer(**fields), offer(), offer(item_price_minor=-1))
    problem = problem_of(bad)
    assert (problem.field, problem.reason) == (f"offers[1].{field}", reason)
    assert problem.message.startswith(f"offers[1].{field} is ")
    assert "; allowed: " in problem.message


@pytest.mark.parametrize(
    "fields",
    [
        {"seller_id": "A" * 100},
        {"item_price_minor": 1},
        {"item_price_minor": MAX_PRICE_MINOR},
        {"points_minor": 1_989},
        {"shipping_minor": MAX_PRICE_MINOR - 1_990},
        {"positive_rating_basis_points": 10_000},
        {"rating_count": 2**32 - 1},
        {"handling_hours": 2**32 - 1},
    ],
)
def test_the_ends_of_the_ranges_are_taken(fields: dict[str, Any]) -> None:
    assert decode_reprice(reprice(snapshot(offer(**fields))), LIMITS).problems == []


def test_too_many_offers() -> None:
    assert decode_reprice(reprice(snapshot(*[offer()] * MAX_OFFERS)), LIMITS).problems == []
    problem = problem_of(snapshot(*[offer()] * (MAX_OFFERS + 1)))
    assert (problem.field, problem.reason) == ("offers", "TOO_MANY_OFFERS")
    assert "offers has 101 offers; allowed: at most 100" in problem.message
    few = WireLimits(max_offers_per_snapshot=1)
    assert decode_reprice(reprice(snapshot(offer(), offer())), few).problems


def test_only_bad_rows() -> None:
    batch = decode_reprice(
        reprice(snapshot(offer(item_price_minor=0)), snapshot(event_ms=0)), LIMITS
    )
    assert [problem.index for problem in batch.problems] == [0, 1]
    assert len(batch.rows) == len(batch.offers) == len(batch.currency) == 0


OFFERS = st.lists(st.builds(offer, item_price_minor=st.integers(-1, 8)), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1]), OFFERS), min_size=1, max_size=8))
def test_rows_keep_their_own_offers(markets: list[tuple[int, list[types_pb2.Offer]]]) -> None:
    snapshots = [snapshot(event_ms=event_ms) for event_ms, _ in markets]
    for message, (_, offers) in zip(snapshots, markets, strict=True):
        del message.offers[:]
        message.offers.extend(offers)
    batch = decode_reprice(reprice(*snapshots), LIMITS)
    prices = [[each.item_price_minor for each in offers] for _, offers in markets]
    good = [
        index
        for index, (event_ms, _) in enumerate(markets)
        if event_ms and all(price > 0 for price in prices[index])
    ]
    assert batch.rows["index"].tolist() == good
    read = [batch.item_minor[row["offer_begin"] : row["offer_end"]].tolist() for row in batch.rows]
    assert read == [prices[index] for index in good]
    assert sorted(good + [problem.index for problem in batch.problems]) == list(range(len(markets)))
    for problem in batch.problems:
        if problem.reason == "PRICE_NOT_POSITIVE":
            first = next(at for at, price in enumerate(prices[problem.index]) if price < 1)
            assert problem.field == f"offers[{first}].item_price_minor"
