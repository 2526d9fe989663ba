"""The eleven traps of real ANY_OFFER_CHANGED messages, one test each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amazon_messages import Json, accepted, camel_key, load, snapshot_of

from repriced.v1 import types_pb2 as wire
from server.amazon import SeenNotifications, Translated, translate

SUPPRESSED = wire.BUY_BOX_STATUS_SUPPRESSED
UNSPECIFIED = wire.BUY_BOX_STATUS_UNSPECIFIED
FEATURED = wire.BUY_BOX_STATUS_FEATURED


def body(content: Json) -> Json:
    found: Json = content["Payload"]["AnyOfferChangedNotification"]
    return found


def winners(result: Translated) -> list[bool | None]:
    assert result.snapshot is not None
    return [
        offer.buy_box_winner if offer.HasField("buy_box_winner") else None
        for offer in result.snapshot.offers
    ]


def test_trap_01_only_the_identity_is_required() -> None:
    change = load("any_offer_changed")
    change.pop("NotificationMetadata")
    change.pop("EventTime")
    notification = body(change)
    notification.pop("Summary")
    notification["OfferChangeTrigger"].pop("OfferChangeType")
    notification["Offers"] = [
        {"ListingPrice": offer["ListingPrice"]} for offer in notification["Offers"]
    ]
    result = accepted(change)
    snapshot = result.snapshot
    assert snapshot is not None
    assert result.notification_id == ""
    assert [offer.item_price_minor for offer in snapshot.offers] == [2399, 2499, 2549]
    assert not snapshot.HasField("competitive_price_minor")
    assert not snapshot.HasField("featured_price_minor")
    assert snapshot.buy_box_status == UNSPECIFIED
    offer = snapshot.offers[0]
    assert offer == wire.Offer(
        item_price_minor=2399,
        condition=wire.CONDITION_NEW,
        fulfilment=wire.FULFILMENT_UNSPECIFIED,
    )


def test_trap_02_absent_winner_flag_is_not_lost() -> None:
    change = load("any_offer_changed")
    notification = body(change)
    for offer in notification["Offers"]:
        offer.pop("IsBuyBoxWinner")
    assert winners(accepted(change)) == [False, True, False]  # Only one is at 24.99 landed.

    notification["Offers"][0]["ListingPrice"]["Amount"] = 22.49  # 24.99 landed as well.
    assert winners(accepted(change)) == [None, None, None]

    notification["Offers"][0]["ListingPrice"]["Amount"] = 23.99
    notification["Summary"]["BuyBoxPrices"].pop(0)  # Only the entry of "used" is left.
    result = accepted(change)
    assert winners(result) == [None, None, None]
    assert result.snapshot is not None
    assert result.snapshot.buy_box_status == UNSPECIFIED


def test_trap_03_words_differ_in_case_and_separator() -> None:
    change = load("any_offer_changed")
    notification = body(change)
    notification["OfferChangeTrigger"]["ItemCondition"] = "uSeD"
    spellings = ["Very Good", "very_good", "VERYGOOD"]
    for offer, word in zip(notification["Offers"], spellings, strict=True):
        offer["SubCondition"] = word
    snapshot = snapshot_of(change)
    assert snapshot.asin.condition == wire.CONDITION_USED
    assert snapshot.featured_price_minor == 1575
    assert {offer.sub_condition for offer in snapshot.offers} == {wire.SUB_CONDITION_VERY_GOOD}
    assert {offer.condition for offer in snapshot.offers} == {wire.CONDITION_USED}


@pytest.mark.parametrize(
    ("word", "availability"),
    [
        ("NOW", wire.AVAILABILITY_NOW),
        ("now", wire.AVAILABILITY_NOW),
        ("Future_Without_Date", wire.AVAILABILITY_FUTURE_WITHOUT_DATE),
        ("futureWithDate", wire.AVAILABILITY_FUTURE_WITH_DATE),
        ("available", wire.AVAILABILITY_UNSPECIFIED),
        ("", wire.AVAILABILITY_UNSPECIFIED),
        (None, wire.AVAILABILITY_UNSPECIFIED),
    ],
)
def test_trap_04_available_date_and_type_may_be_empty(word: str | None, availability: int) -> None:
    change = load("any_offer_changed")
    body(change)["Offers"][0]["ShippingTime"].update(AvailabilityType=word, AvailableDate="")
    snapshot = snapshot_of(change)
    assert snapshot.offers[0].availability == availability


@pytest.mark.parametrize(
    ("number", "basis_points"),
    [
        ("97", 9700),
        ("0.0", 0),
        ("100.0", 10000),
        ("98.75", 9875),
        ("91.66666666666667", 9166),
        ("99.99999999999999", 9999),
        ("9.5e1", 9500),
        ("null", 0),
    ],
)
def test_trap_05_rating_is_integer_or_double(number: str, basis_points: int) -> None:
    change = load("any_offer_changed")
    rating = body(change)["Offers"][0]["SellerFeedbackRating"]
    rating["SellerPositiveFeedbackRating"] = "RATING"
    result = translate(json.dumps(change).replace('"RATING"', number).encode())
    assert isinstance(result, Translated), result
    assert result.snapshot is not None
    assert result.snapshot.offers[0].positive_rating_basis_points == basis_points


def test_trap_06_own_offer_may_be_missing_or_there_twice() -> None:
    change = load("any_offer_changed")
    offers = body(change)["Offers"]
    own = offers.pop()
    assert not accepted(change).ambiguous_own

    merchant = {**own, "IsFulfilledByAmazon": False}
    body(change)["Offers"] = [*offers, own, merchant]
    assert not accepted(change).ambiguous_own

    body(change)["Offers"] = [*offers, own, own]
    assert accepted(change).ambiguous_own

    unknown = {key: value for key, value in own.items() if key != "IsFulfilledByAmazon"}
    body(change)["Offers"] = [*offers, own, unknown]
    assert accepted(change).ambiguous_own


@pytest.mark.parametrize(
    "keys",
    [
        {"IsOfferPrime": True, "IsOfferNationalPrime": False},
        {"IsPrime": True, "IsNationalPrime": False},
        {"isPrime": True},
        {"isOfferNationalPrime": True},
    ],
)
def test_trap_07_prime_has_two_pairs_of_keys(keys: dict[str, bool]) -> None:
    change = load("any_offer_changed")
    first, second = body(change)["Offers"][:2]
    first["PrimeInformation"] = keys
    second["PrimeInformation"] = dict.fromkeys(keys, False)
    snapshot = snapshot_of(change)
    assert [offer.prime for offer in snapshot.offers[:2]] == [True, False]


def test_trap_08_envelopes_come_in_both_cases() -> None:
    change = load("any_offer_changed")
    assert accepted(camel(change)) == accepted(change)


def camel(value: Any) -> Any:
    """The same message with every key in lower camel case."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {camel_key(key): camel(item) for key, item in value.items()}
    return value


def test_trap_09_order_is_time_of_change_and_repeats_are_known() -> None:
    change = load("any_offer_changed")
    result = accepted(change)
    assert result.snapshot is not None
    assert result.event_ms == result.snapshot.event_ms == 1_714_566_601_250  # Not EventTime.

    seen = SeenNotifications(limit=2)
    assert result.notification_id not in seen
    seen.add(result.notification_id)
    assert accepted(change).notification_id in seen


def test_trap_10_queue_bodies_are_raw_or_wrapped() -> None:
    change = load("any_offer_changed")
    plain = accepted(change)
    sns = {"Type": "Notification", "MessageId": "m-1", "Message": json.dumps(change)}
    sqs = {"MessageId": "q-1", "ReceiptHandle": "r", "Body": json.dumps(change)}
    sqs_of_sns = {"MessageId": "q-2", "Body": json.dumps(sns)}
    assert accepted(sns) == accepted(sqs) == accepted(sqs_of_sns) == plain


def test_trap_11_nobody_featured_though_eligible_is_suppressed() -> None:
    change = load("any_offer_changed")

    def status() -> int:
        return snapshot_of(change).buy_box_status

    notification = body(change)
    assert status() == FEATURED
    for offer in notification["Offers"]:
        offer["IsBuyBoxWinner"] = False
    assert status() == FEATURED  # The summary still has a Buy Box price of the condition.
    notification["Summary"]["BuyBoxPrices"].pop(0)
    assert status() == SUPPRESSED
    notification["Offers"][0].pop("IsBuyBoxWinner")
    assert status() == UNSPECIFIED
    notification["Offers"][0]["IsBuyBoxWinner"] = False
    for entry in notification["Summary"]["NumberOfBuyBoxEligibleOffers"]:
        entry["OfferCount"] = 0
    assert status() == UNSPECIFIED  # Nobody was eligible: no price would have helped.
    notification["Summary"].pop("NumberOfBuyBoxEligibleOffers")
    assert status() == SUPPRESSED
    notification["Summary"]["TotalBuyBoxEligibleOffers"] = 0
    assert status() == UNSPECIFIED

    notification["Offers"][0]["IsBuyBoxWinner"] = True
    notification["Offers"][2]["IsBuyBoxWinner"] = True
    assert winners(accepted(change)) == [True, False, True]  # Several can win, by region.
