"""Offers are read natively; a naive reading of the same JSON gives the same messages and bytes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from amazon_messages import OWN_SELLER, Json, camel_key, load
from hypothesis import given
from hypothesis import strategies as st

from engine.schema import MAX_PRICE_MINOR
from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire
from server.amazon import Translated, structs, translate
from server.amazon._offers import OfferRows
from server.amazon.amounts import Amounts
from server.amazon.words import availability, sub_condition

CENTS = st.integers(1, MAX_PRICE_MINOR)
SELLERS = st.sampled_from(
    [OWN_SELLER, f" {OWN_SELLER}\t", "ATVPDKIKX0DER", "A1", "Verkäufer", "\u3000A2\u3000", "", None]
)
WORDS = st.sampled_from(["new", "New", "very_good", "Very Good", "refurbished", "odd", "", None])
FLAGS = st.sampled_from([True, False, None])
COUNTRIES = st.sampled_from(["US", "de", " gb ", "Österreich", "ß", "", None])


def money(cents: int) -> Json:
    return {"Amount": float(Decimal(cents) / 100), "CurrencyCode": "USD"}


def spelled(value: Any, camel: bool) -> Any:
    """The same with keys as Amazon's newer messages write them, or as it is."""
    if not camel or not isinstance(value, dict):
        return value
    return {camel_key(key): spelled(each, camel) for key, each in value.items()}


@st.composite
def offers(draw: st.DrawFn) -> Json:
    """An offer of which anything but the price may be missing."""
    count = st.one_of(st.none(), st.integers(0, 2**32 - 1))
    parts: Json = {
        "SellerId": draw(SELLERS),
        "SubCondition": draw(WORDS),
        "SellerFeedbackRating": {
            "FeedbackCount": draw(count),
            "SellerPositiveFeedbackRating": draw(
                st.sampled_from([0, 7, 97, 100, 97.5, 99.999, 0.001, 1e1, None])
            ),
        },
        "ShippingTime": {
            "MaximumHours": draw(count),
            "AvailabilityType": draw(st.sampled_from(["NOW", "now", "FUTURE_WITH_DATE", "", None])),
        },
        "Shipping": money(draw(CENTS)),
        "ShipsFrom": {"Country": draw(COUNTRIES)},
        "IsFulfilledByAmazon": draw(FLAGS),
        "IsBuyBoxWinner": draw(FLAGS),
        "IsFeaturedMerchant": draw(FLAGS),
        "PrimeInformation": {"IsOfferPrime": draw(FLAGS), "IsOfferNationalPrime": draw(FLAGS)},
    }
    for missing in draw(st.sets(st.sampled_from(sorted(parts)))):
        parts[missing] = draw(st.sampled_from([None, ...]))
    parts["ListingPrice"] = money(draw(CENTS))
    return {key: value for key, value in parts.items() if value is not ...}


def naive(offer: Json) -> wire.Offer:
    """The offer as the guide of the wire schema describes it, by nothing but the JSON."""
    rating = offer.get("SellerFeedbackRating") or {}
    time = offer.get("ShippingTime") or {}
    prime = offer.get("PrimeInformation") or {}
    per_cent = Decimal(str(rating.get("SellerPositiveFeedbackRating") or 0))
    seller_id = (offer.get("SellerId") or "").strip()
    row = wire.Offer(
        seller_id=seller_id,
        item_price_minor=round(offer["ListingPrice"]["Amount"] * 100),
        shipping_minor=round((offer.get("Shipping") or {"Amount": 0})["Amount"] * 100),
        condition=wire.CONDITION_NEW,
        sub_condition=sub_condition(offer.get("SubCondition")),
        positive_rating_basis_points=int(per_cent * 100),
        rating_count=rating.get("FeedbackCount") or 0,
        handling_hours=time.get("MaximumHours") or 0,
        availability=availability(time.get("AvailabilityType")),
        buy_box_winner=offer.get("IsBuyBoxWinner"),
        featured_merchant=offer.get("IsFeaturedMerchant"),
        prime=bool(prime.get("IsOfferPrime") or prime.get("IsOfferNationalPrime")),
        amazon=seller_id == "ATVPDKIKX0DER",
        ships_from=((offer.get("ShipsFrom") or {}).get("Country") or "").strip().upper(),
    )
    if offer.get("IsFulfilledByAmazon") is not None:
        amazon = offer["IsFulfilledByAmazon"]
        row.fulfilment = wire.FULFILMENT_AMAZON if amazon else wire.FULFILMENT_MERCHANT
    return row


@given(st.lists(offers(), max_size=8), st.booleans())
def test_native_offers_equal_naive_ones(drawn: list[Json], camel: bool) -> None:
    message = load("any_offer_changed")
    change = message["Payload"]["AnyOfferChangedNotification"]
    change["Offers"] = [spelled(each, camel) for each in drawn]
    change["Summary"] = {}
    change["OfferChangeTrigger"]["MarketplaceId"] = "ATVPDKIKX0DER"
    found = translate(json.dumps(message).encode())
    assert isinstance(found, Translated), found
    assert found.snapshot is not None
    expected = [naive(each) for each in drawn]
    assert list(found.snapshot.offers) == expected
    request = pricing_pb2.RepriceRequest.FromString(found.row)
    assert request.SerializeToString() == found.row
    own = [each.fulfilment for each in expected if each.seller_id == change["SellerId"].strip()]
    assert found.ambiguous_own == (len(own) > 1 and (0 in own or len(set(own)) < len(own)))


def test_a_long_offer_has_a_long_length() -> None:
    message = load("any_offer_changed")
    change = message["Payload"]["AnyOfferChangedNotification"]
    for each in change["Offers"]:
        each["SellerId"] = "Ä" * 256
    found = translate(json.dumps(message).encode())
    assert isinstance(found, Translated), found
    assert pricing_pb2.RepriceRequest.FromString(found.row).SerializeToString() == found.row


@pytest.mark.parametrize("wrong", [structs.Money(), None, 7])
def test_only_structs_of_offers_are_read(wrong: Any) -> None:
    rows = OfferRows([wrong], Amounts(), wire.CONDITION_NEW, "A1", "")
    with pytest.raises(TypeError, match="is no Offer"):
        rows.read()


def test_only_structs_of_the_right_kind_are_read_inside_an_offer() -> None:
    offer = structs.Offer(pascal_listing_price=structs.Points())  # type: ignore[call-arg]
    rows = OfferRows([offer], Amounts(), wire.CONDITION_NEW, "A1", "")
    with pytest.raises(TypeError, match="is no Money"):
        rows.read()
