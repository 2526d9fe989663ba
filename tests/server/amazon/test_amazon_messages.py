"""Each message that is used, with the exact values that it becomes."""

from __future__ import annotations

import json

import pytest
from amazon_messages import OBSERVED_MS, OWN_SELLER, accepted, load, refused, snapshot_of

from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire
from server.amazon import Refused, translate


def test_any_offer_changed() -> None:
    result = accepted(load("any_offer_changed"))
    assert (result.notification_type, result.notification_id) == ("ANY_OFFER_CHANGED", "note-0001")
    assert result.feedback is None
    snapshot = result.snapshot
    assert snapshot is not None
    assert snapshot.asin == wire.AsinKey(
        seller_id=OWN_SELLER,
        marketplace_id="A1PA6795UKMFR9",
        asin="B0TEST0001",
        condition=wire.CONDITION_NEW,
        audience=wire.AUDIENCE_B2C,
    )
    assert (snapshot.currency, snapshot.notification_id) == ("EUR", "note-0001")
    assert snapshot.competitive_price_minor == 2750
    assert snapshot.featured_price_minor == 2499
    assert snapshot.buy_box_status == wire.BUY_BOX_STATUS_FEATURED
    assert [offer.amazon for offer in snapshot.offers] == [False, True, False]
    assert snapshot.offers[0] == wire.Offer(
        seller_id="ARIVAL00000001",
        item_price_minor=2399,
        shipping_minor=250,
        fulfilment=wire.FULFILMENT_MERCHANT,
        condition=wire.CONDITION_NEW,
        sub_condition=wire.SUB_CONDITION_NEW,
        positive_rating_basis_points=9700,
        rating_count=1402,
        handling_hours=24,
        availability=wire.AVAILABILITY_NOW,
        buy_box_winner=False,
        featured_merchant=True,
        ships_from="DE",
    )


def test_business_message_uses_the_single_unit_price() -> None:
    snapshot = snapshot_of(load("b2b_any_offer_changed"))
    assert snapshot.asin.audience == wire.AUDIENCE_B2B
    assert snapshot.featured_price_minor == 125500
    assert [offer.item_price_minor for offer in snapshot.offers] == [124995, 126000]
    assert [offer.shipping_minor for offer in snapshot.offers] == [505, 0]
    assert [offer.positive_rating_basis_points for offer in snapshot.offers] == [9166, 9875]
    assert [offer.prime for offer in snapshot.offers] == [True, False]


def test_business_price_is_preferred_over_the_consumer_price() -> None:
    content = load("b2b_any_offer_changed")
    prices = content["payload"]["b2bAnyOfferChangedNotification"]["summary"]["buyBoxPrices"]
    prices.insert(0, {**prices[1], "offerType": "B2C", "landedPrice": prices[0]["listingPrice"]})
    assert snapshot_of(content).featured_price_minor == 125500


def test_quantity_discounts_alone_do_not_prove_a_featured_single_unit() -> None:
    content = load("b2b_any_offer_changed")
    change = content["payload"]["b2bAnyOfferChangedNotification"]
    change["summary"]["buyBoxPrices"].pop()
    for offer in change["offers"]:
        offer["isBuyBoxWinner"] = False
    snapshot = snapshot_of(content)
    assert not snapshot.HasField("featured_price_minor")
    assert snapshot.buy_box_status == wire.BUY_BOX_STATUS_UNSPECIFIED


def test_points_lower_the_landed_price_in_japan() -> None:
    snapshot = snapshot_of(load("any_offer_changed_japan"))
    assert snapshot.currency == "JPY"
    assert [offer.item_price_minor for offer in snapshot.offers] == [2980, 3200]
    assert [offer.points_minor for offer in snapshot.offers] == [30, 32]
    assert snapshot.featured_price_minor == 2980 + 350 - 30


def test_points_outside_japan_are_not_money() -> None:
    content = load("any_offer_changed")
    offers = content["Payload"]["AnyOfferChangedNotification"]["Offers"]
    offers[0]["Points"] = {"PointsNumber": 500}
    assert snapshot_of(content).offers[0].points_minor == 0


def test_no_offers_at_all_is_a_snapshot_in_the_marketplace_currency() -> None:
    content = load("any_offer_changed")
    change = content["Payload"]["AnyOfferChangedNotification"]
    change.update(Offers=[], Summary={})
    snapshot = snapshot_of(content)
    assert (len(snapshot.offers), snapshot.currency) == (0, "EUR")

    change["OfferChangeTrigger"]["MarketplaceId"] = "ANEWMARKETPLACE"
    assert refused(content).reason == "CURRENCY_MISSING"


def test_amounts_are_read_from_their_number_text() -> None:
    text = json.dumps(load("any_offer_changed")).replace('"Amount": 23.99', '"Amount": 2.399E1')
    result = translate(text.encode())
    assert not isinstance(result, Refused), result
    assert result.snapshot is not None
    assert result.snapshot.offers[0].item_price_minor == 2399


def test_pricing_health_is_lost_for_the_price_of_the_offer() -> None:
    result = accepted(load("pricing_health"))
    assert result.snapshot is None
    assert result.event_ms == 1_714_730_398_007
    assert result.feedback == pricing_pb2.Feedback(
        asin=wire.AsinKey(
            seller_id=OWN_SELLER,
            marketplace_id="A1F83G8C2ARO7P",
            asin="B0TEST0003",
            condition=wire.CONDITION_NEW,
            audience=wire.AUDIENCE_B2C,
        ),
        kind=pricing_pb2.FEEDBACK_KIND_LOST,
        event_ms=1_714_730_398_007,
        price_minor=4999,
        currency="GBP",
        competitive_price_minor=4550,
        notification_id="note-0003",
        fulfilment=wire.FULFILMENT_AMAZON,
    )


def test_pricing_health_without_offer_and_reference_price() -> None:
    content = load("pricing_health")
    del content["payload"]["merchantOffer"], content["payload"]["summary"]
    feedback = accepted(content).feedback
    assert feedback is not None
    assert (feedback.price_minor, feedback.currency, feedback.fulfilment) == (0, "", 0)
    assert not feedback.HasField("competitive_price_minor")


def test_item_offers_take_seller_and_time_from_the_caller() -> None:
    result = accepted(load("get_item_offers"))
    snapshot = result.snapshot
    assert snapshot is not None
    assert (result.notification_type, result.notification_id) == ("getItemOffers", "")
    assert (snapshot.asin.seller_id, snapshot.event_ms) == (OWN_SELLER, OBSERVED_MS)
    assert (snapshot.asin.asin, snapshot.asin.marketplace_id) == ("B0TEST0004", "A1F83G8C2ARO7P")
    assert snapshot.featured_price_minor == 3120
    assert snapshot.competitive_price_minor == 3310
    assert [offer.amazon for offer in snapshot.offers] == [True, False]
    assert [offer.seller_id for offer in snapshot.offers] == ["A3P5ROKL5A1OLE", ""]
    assert [offer.handling_hours for offer in snapshot.offers] == [0, 72]


@pytest.mark.parametrize("place", ["Identifier", None])
def test_item_offers_identity_is_read_from_either_place(place: str | None) -> None:
    content = load("get_item_offers")
    whole = snapshot_of(content)
    if place:
        del content["payload"][place]
    else:
        for key in ("ASIN", "ItemCondition", "marketplaceId"):
            del content["payload"][key]
    assert snapshot_of(content) == whole


@pytest.mark.parametrize("spelling", ["MarketplaceID", "MarketplaceId"])
def test_item_offers_marketplace_in_every_spelling(spelling: str) -> None:
    content = load("get_item_offers")
    whole = snapshot_of(content)
    del content["payload"]["Identifier"]
    content["payload"][spelling] = content["payload"].pop("marketplaceId")
    assert snapshot_of(content) == whole


def test_item_offers_mark_own_offers_whose_seller_is_hidden() -> None:
    content = load("get_item_offers")
    content["payload"]["Offers"][1]["MyOffer"] = True
    assert snapshot_of(content).offers[1].seller_id == OWN_SELLER


def test_item_offers_for_business_buyers() -> None:
    content = load("get_item_offers")
    content["payload"]["Offers"][0]["offerType"] = "B2B"
    assert snapshot_of(content).asin.audience == wire.AUDIENCE_B2B
