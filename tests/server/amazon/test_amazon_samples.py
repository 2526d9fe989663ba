"""Every message of a folder of real samples is translated or refused for a sensible reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire
from server.amazon import Refused, Translated, translate

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "samples"
FOLDER = Path(os.environ.get("REPRICED_SAMPLES", BESIDE))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no samples in {FOLDER}")

NOT_NOTIFICATIONS = ("schema.json", "listings-feed", "SOURCES")


def result_of(name: str) -> Translated | Refused:
    text = (FOLDER / name).read_bytes()
    return translate(text, seller_id="AOURSHOP000001", observed_ms=1_726_000_000_000)


def snapshot_of(name: str) -> pricing_pb2.OfferSnapshot:
    result = result_of(name)
    assert isinstance(result, Translated), result
    assert result.snapshot is not None
    return result.snapshot


def test_every_sample_is_translated_or_refused_with_a_reason() -> None:
    used = {"any_offer_changed", "anyofferchanged", "pricinghealth", "getitemoffers"}
    for path in sorted(FOLDER.iterdir()):
        result = result_of(path.name)
        if any(mark in path.name for mark in NOT_NOTIFICATIONS):
            assert isinstance(result, Refused)
            assert result.reason in {"NOT_A_MESSAGE", "BROKEN_JSON"}
        elif any(mark in path.name.lower() for mark in used):
            assert isinstance(result, Translated), result
        else:
            assert isinstance(result, Refused)
            not_used = {"NOTIFICATION_TYPE_NOT_USED", "RESPONSE_TYPE_NOT_USED"}
            assert result.reason in not_used, path.name
            assert result.notification_type


def test_any_offer_changed() -> None:
    snapshot = snapshot_of("AnyOfferChangedNotification.example0.json")
    assert snapshot.currency == "USD"
    assert snapshot.event_ms == 1_594_669_324_284
    assert snapshot.competitive_price_minor == 2200
    assert snapshot.featured_price_minor == 1000
    assert snapshot.buy_box_status == wire.BUY_BOX_STATUS_FEATURED
    (offer,) = snapshot.offers
    assert (offer.item_price_minor, offer.shipping_minor, offer.points_minor) == (2300, 11000, 0)
    assert not offer.HasField("buy_box_winner")


def test_business_message_in_lower_camel_case() -> None:
    snapshot = snapshot_of("docs-guide.B2B_ANY_OFFER_CHANGED.0.json")
    assert snapshot.asin.audience == wire.AUDIENCE_B2B
    assert snapshot.featured_price_minor == 818872
    (offer,) = snapshot.offers
    assert (offer.item_price_minor, offer.shipping_minor) == (818423, 449)
    assert offer.buy_box_winner


def test_recorded_item_offers_response() -> None:
    snapshot = snapshot_of("getItemOffers.recorded-eu.json")
    assert snapshot.currency == "GBP"
    assert snapshot.competitive_price_minor == 68500
    (offer,) = snapshot.offers
    assert offer.item_price_minor == 68100
    assert offer.amazon
    assert offer.handling_hours == 0
    assert offer.availability == wire.AVAILABILITY_NOW


def test_pricing_health() -> None:
    result = result_of("PricingHealthNotification.example0.json")
    assert isinstance(result, Translated)
    feedback = result.feedback
    assert feedback is not None
    assert feedback.kind == pricing_pb2.FEEDBACK_KIND_LOST
    assert (feedback.price_minor, feedback.competitive_price_minor) == (818423, 800000)
