"""Messages that cannot be used: each has its own reason, names the field, and is never fatal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amazon_messages import (
    NAMES,
    OBSERVED_MS,
    OWN_SELLER,
    Json,
    camel_key,
    load,
    pascal_key,
    refused,
    send,
)
from hypothesis import given
from hypothesis import strategies as st

from server.amazon import Refused, translate


def offer_change() -> tuple[Json, Json]:
    content = load("any_offer_changed")
    return content, content["Payload"]["AnyOfferChangedNotification"]


def set_path(content: Any, path: list[str | int], value: object) -> None:
    for step in path[:-1]:
        content = content[step]
    content[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "reason", "field"),
    [
        (["SellerId"], None, "SELLER_ID_MISSING", "SellerId"),
        (["SellerId"], "  ", "SELLER_ID_MISSING", "SellerId"),
        (
            ["OfferChangeTrigger"],
            None,
            "MARKETPLACE_ID_MISSING",
            "OfferChangeTrigger.MarketplaceId",
        ),
        (["OfferChangeTrigger", "ASIN"], "", "ASIN_MISSING", "OfferChangeTrigger.ASIN"),
        (
            ["OfferChangeTrigger", "ItemCondition"],
            "",
            "CONDITION_MISSING",
            "OfferChangeTrigger.ItemCondition",
        ),
        (
            ["OfferChangeTrigger", "ItemCondition"],
            "Broken",
            "CONDITION_UNKNOWN",
            "OfferChangeTrigger.ItemCondition",
        ),
        (
            ["OfferChangeTrigger", "TimeOfOfferChange"],
            None,
            "TIME_MISSING",
            "OfferChangeTrigger.TimeOfOfferChange",
        ),
        (
            ["OfferChangeTrigger", "TimeOfOfferChange"],
            "yesterday",
            "TIME_INVALID",
            "OfferChangeTrigger.TimeOfOfferChange",
        ),
        (["Offers", 1, "ListingPrice"], None, "PRICE_NOT_POSITIVE", "Offers[1].ListingPrice"),
        (
            ["Offers", 1, "ListingPrice", "Amount"],
            0,
            "PRICE_NOT_POSITIVE",
            "Offers[1].ListingPrice",
        ),
        (
            ["Offers", 1, "ListingPrice", "Amount"],
            -1.5,
            "AMOUNT_NEGATIVE",
            "Offers[1].ListingPrice.Amount",
        ),
        (
            ["Offers", 1, "ListingPrice", "Amount"],
            None,
            "AMOUNT_MISSING",
            "Offers[1].ListingPrice.Amount",
        ),
        (
            ["Offers", 1, "ListingPrice", "Amount"],
            "24.99",
            "AMOUNT_NOT_A_NUMBER",
            "Offers[1].ListingPrice.Amount",
        ),
        (
            ["Offers", 1, "Shipping", "Amount"],
            0.001,
            "AMOUNT_TOO_MANY_DECIMALS",
            "Offers[1].Shipping.Amount",
        ),
        (
            ["Offers", 1, "Shipping", "Amount"],
            10**13,
            "AMOUNT_OUT_OF_RANGE",
            "Offers[1].Shipping.Amount",
        ),
        (
            ["Offers", 1, "Shipping", "CurrencyCode"],
            "GBP",
            "CURRENCY_MIXED",
            "Offers[1].Shipping.CurrencyCode",
        ),
        (
            ["Offers", 0, "ListingPrice", "CurrencyCode"],
            "ZZZ",
            "CURRENCY_UNKNOWN",
            "Offers[0].ListingPrice.CurrencyCode",
        ),
        (
            ["Offers", 0, "ListingPrice", "CurrencyCode"],
            None,
            "CURRENCY_MISSING",
            "Offers[0].ListingPrice.CurrencyCode",
        ),
        (
            ["Summary", "CompetitivePriceThreshold", "CurrencyCode"],
            "USD",
            "CURRENCY_MIXED",
            "Summary.CompetitivePriceThreshold.CurrencyCode",
        ),
        (
            ["Offers", 0, "SellerFeedbackRating", "SellerPositiveFeedbackRating"],
            101,
            "RATING_OUT_OF_RANGE",
            "Offers[0].SellerFeedbackRating.SellerPositiveFeedbackRating",
        ),
        (
            ["Offers", 2, "ShippingTime", "MaximumHours"],
            -4,
            "FIELD_INVALID",
            "AnyOfferChangedNotification.Offers[2].ShippingTime.MaximumHours",
        ),
        (
            ["Offers", 2, "IsBuyBoxWinner"],
            "true",
            "FIELD_INVALID",
            "AnyOfferChangedNotification.Offers[2].IsBuyBoxWinner",
        ),
    ],
)
def test_a_bad_field_is_named(
    path: list[str | int], value: object, reason: str, field: str
) -> None:
    content, change = offer_change()
    set_path(change, path, value)
    result = refused(content)
    assert (result.reason, result.field) == (reason, field)
    assert result.message.startswith(field)
    assert (result.notification_type, result.notification_id) == ("ANY_OFFER_CHANGED", "note-0001")


def test_a_number_that_would_take_seconds_is_refused_with_its_offer() -> None:
    text = (
        json.dumps(load("any_offer_changed"))
        .replace('"Amount": 23.99', '"Amount": 1e300000')
        .encode()
    )
    result = translate(text)
    assert isinstance(result, Refused)
    assert (result.reason, result.field) == (
        "AMOUNT_OUT_OF_RANGE",
        "Offers[0].ListingPrice.Amount",
    )
    assert "1e300000" in result.message


def test_too_many_offers() -> None:
    content, change = offer_change()
    change["Offers"] = change["Offers"] * 34
    assert (refused(content).reason, refused(content).field) == ("TOO_MANY_OFFERS", "Offers")


def test_payload_of_another_type() -> None:
    content = load("any_offer_changed")
    content["NotificationType"] = "B2B_ANY_OFFER_CHANGED"
    assert refused(content).reason == "PAYLOAD_MISSING"


@pytest.mark.parametrize(
    ("notification_type", "reason"),
    [
        ("ITEM_SALES_EVENT_CHANGE", "NOTIFICATION_TYPE_NOT_USED"),
        ("ORDER_CHANGE", "NOTIFICATION_TYPE_NOT_USED"),
        ("FEE_PROMOTION", "NOTIFICATION_TYPE_NOT_USED"),
        ("LISTINGS_ITEM_STATUS_CHANGE", "NOTIFICATION_TYPE_NOT_USED"),
        ("LISTINGS_ITEM_ISSUES_CHANGE", "NOTIFICATION_TYPE_NOT_USED"),
        ("REPORT_PROCESSING_FINISHED", "NOTIFICATION_TYPE_NOT_USED"),
        ("FEED_PROCESSING_FINISHED", "NOTIFICATION_TYPE_NOT_USED"),
        ("SOMETHING_NEW", "UNKNOWN_NOTIFICATION_TYPE"),
    ],
)
def test_other_types_are_reported(notification_type: str, reason: str) -> None:
    content = {
        "notificationType": notification_type,
        "notificationMetadata": {"notificationId": "note-9"},
        "payload": {},
    }
    result = refused(content)
    assert (result.reason, result.field) == (reason, "NotificationType")
    assert (result.notification_type, result.notification_id) == (notification_type, "note-9")
    assert notification_type in result.message


def test_other_health_issues_are_reported() -> None:
    content = load("pricing_health")
    content["payload"]["issueType"] = "SomethingElse"
    assert (refused(content).reason, refused(content).field) == ("ISSUE_TYPE_NOT_USED", "IssueType")


def test_item_offers_need_the_caller_to_say_who_and_when() -> None:
    text = json.dumps(load("get_item_offers")).encode()
    without_seller = translate(text, observed_ms=OBSERVED_MS)
    assert isinstance(without_seller, Refused)
    assert (without_seller.reason, without_seller.field) == ("SELLER_ID_MISSING", "seller_id")
    without_time = translate(text, seller_id=OWN_SELLER)
    assert isinstance(without_time, Refused)
    assert (without_time.reason, without_time.field) == ("TIME_MISSING", "observed_ms")
    in_seconds = translate(text, seller_id=OWN_SELLER, observed_ms=OBSERVED_MS // 1000)
    assert isinstance(in_seconds, Refused)
    assert in_seconds.reason == "TIME_OUT_OF_RANGE"


def test_responses_that_carry_no_offers() -> None:
    content = load("get_item_offers")
    content["payload"]["status"] = "NoBuyableOffers"
    assert refused(content).reason == "STATUS_NOT_SUCCESS"
    errors = refused({"errors": [{"code": "QuotaExceeded", "message": "slow down"}]})
    assert errors.reason == "RESPONSE_HAS_ERRORS"
    assert "QuotaExceeded: slow down" in errors.message
    assert refused({"payload": [{"status": "Success"}]}).reason == "RESPONSE_TYPE_NOT_USED"


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        (b"", "BROKEN_JSON", "(byte 0)"),
        (b'{"NotificationType": }', "BROKEN_JSON", "(byte 21)"),
        (b'{"NotificationType": "ANY_OFFER', "BROKEN_JSON", "(byte 31)"),
        (b'{"Message": "{broken"}', "BROKEN_JSON", "Message: "),
        (b'{"NotificationType": "\xff"}', "NOT_UTF8", "at byte 22"),
        (b"[" * 100_000, "FIELD_INVALID", "Expected `object`"),
        (b'{"x": ' * 100_000, "NESTED_TOO_DEEP", "nested too deep"),
        (b"[]", "FIELD_INVALID", "Expected `object`"),
        (b"{}", "NOT_A_MESSAGE", "NotificationType"),
        (b'{"header": {}, "messages": []}', "NOT_A_MESSAGE", "NotificationType"),
        (b'{"NotificationType": 7}', "FIELD_INVALID", "NotificationType"),
        (b'{"NotificationType": "ANY_OFFER_CHANGED"}', "PAYLOAD_MISSING", "Payload"),
    ],
)
def test_broken_text(text: bytes, reason: str, hint: str) -> None:
    result = translate(text)
    assert isinstance(result, Refused)
    assert result.reason == reason
    assert hint in result.message


def test_wrappers_end() -> None:
    content: Json = load("any_offer_changed")
    for _ in range(3):
        content = {"Message": json.dumps(content)}
    assert refused(content).reason == "NOT_A_MESSAGE"


@given(st.binary(max_size=200))
def test_never_raises_for_any_bytes(text: bytes) -> None:
    assert isinstance(translate(text), Refused)


@given(st.sampled_from(NAMES), st.data())
def test_never_raises_for_damaged_messages(name: str, data: st.DataObject) -> None:
    text = bytearray(json.dumps(load(name)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(text) - 1))
        text[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(text), len(text) // 2]))
    translate(bytes(text[:end]), seller_id=OWN_SELLER, observed_ms=OBSERVED_MS)


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just({"Amount": 1}),
)


@given(st.sampled_from(NAMES), st.data())
def test_never_raises_for_odd_values(name: str, data: st.DataObject) -> None:
    content = load(name)
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 5)) == 0:
            place[key] = data.draw(ODD_VALUES)
            break
        place = inner
    send(content)


@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_any_mixture_of_spellings_means_the_same(name: str, chance: Any) -> None:
    def respelled(value: Any) -> Any:
        if isinstance(value, list):
            return [respelled(item) for item in value]
        if isinstance(value, dict):
            return {
                chance.choice([camel_key, pascal_key])(key): respelled(item)
                for key, item in value.items()
            }
        return value

    content = load(name)
    assert send(respelled(content)) == send(content)
