"""The demo's messages: shaped like Amazon's, with their omissions and odd spellings."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.money import minor_text
from server.demo.market import Rival, Stall

WRAPPED, LOWER_CAMEL, UNFLAGGED, UNSEEN, HEALTH = 0.1, 0.05, 0.1, 0.02, 0.1
"""Shares: in an SNS wrapper, in lower camel case, without winner flags, without our offer, and of
the stalls without the Buy Box those that get a PRICING_HEALTH message too."""


def messages_of(stall: Stall, event_ms: int, number: int, chance: random.Random) -> list[bytes]:
    """What the marketplace tells about a stall now."""
    told = [spelled(offer_changed(stall, event_ms, f"demo-{number}", chance), chance)]
    if not stall.winning and chance.random() < HEALTH:
        told.append(spelled(pricing_health(stall, event_ms + 1, f"health-{number}"), chance))
    return told


def spelled(body: dict[str, Any], chance: random.Random) -> bytes:
    """The JSON text of a message, in one of the ways in which messages come."""
    if chance.random() < LOWER_CAMEL:
        body = lower_camel(body)
    encoded = msgspec.json.encode(body)
    if chance.random() < WRAPPED:
        return msgspec.json.encode({"Type": "Notification", "Message": encoded.decode()})
    return encoded


def lower_camel(value: Any) -> Any:
    """The same with the first letter of every key in lower case; ASIN as a whole."""
    if isinstance(value, dict):
        return {
            "asin" if key == "ASIN" else key[0].lower() + key[1:]: lower_camel(each)
            for key, each in value.items()
        }
    return [lower_camel(each) for each in value] if isinstance(value, list) else value


def money(minor: int, currency: str) -> dict[str, Any]:
    """An amount as Amazon writes it; its digits are exact."""
    return {"Amount": msgspec.Raw(minor_text(minor, currency).encode()), "CurrencyCode": currency}


def time_text(event_ms: int) -> str:
    """An instant as Amazon writes it."""
    return datetime.fromtimestamp(event_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def envelope(kind: str, name: str, time: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The outside of a notification."""
    return {
        "NotificationVersion": "1.0",
        "NotificationType": kind,
        "PayloadVersion": "1.0",
        "EventTime": time,
        "NotificationMetadata": {
            "ApplicationId": "app",
            "SubscriptionId": "subscription",
            "PublishTime": time,
            "NotificationId": name,
        },
        "Payload": payload,
    }


def trigger(stall: Stall, time: str) -> dict[str, Any]:
    """What changed where."""
    return {
        "MarketplaceId": stall.item.key.marketplace_id,
        "ASIN": stall.item.asin,
        "ItemCondition": "new",
        "TimeOfOfferChange": time,
        "OfferChangeType": "Internal",
    }


def offer_changed(stall: Stall, event_ms: int, name: str, chance: random.Random) -> dict[str, Any]:
    """ANY_OFFER_CHANGED with all offers of a stall."""
    item, time = stall.item, time_text(event_ms)
    leading = min(stall.rivals, key=lambda rival: rival.price_minor)
    offers = [
        rival_offer(rival, rival is leading and not stall.winning, stall, chance)
        for rival in stall.rivals
    ]
    if chance.random() >= UNSEEN:
        offers.append(own_offer(stall))
    if chance.random() < UNFLAGGED:
        for each in offers:
            del each["IsBuyBoxWinner"]
    chance.shuffle(offers)
    price = money(stall.live_minor if stall.winning else leading.price_minor, item.currency)
    change = {
        "SellerId": item.key.seller_id,
        "OfferChangeTrigger": trigger(stall, time),
        "Summary": {
            "NumberOfOffers": [
                {"Condition": "new", "FulfillmentChannel": "Merchant", "OfferCount": len(offers)}
            ],
            "BuyBoxPrices": [
                {
                    "Condition": chance.choice(("New", "new")),
                    "LandedPrice": price,
                    "ListingPrice": price,
                    "Shipping": money(0, item.currency),
                }
            ],
        },
        "Offers": offers,
    }
    return envelope("ANY_OFFER_CHANGED", name, time, {"AnyOfferChangedNotification": change})


def pricing_health(stall: Stall, event_ms: int, name: str) -> dict[str, Any]:
    """PRICING_HEALTH: our price does not qualify for the Buy Box."""
    item, time = stall.item, time_text(event_ms)
    price = money(stall.live_minor, item.currency)
    payload = {
        "IssueType": "BuyBoxDisqualification",
        "SellerId": item.key.seller_id,
        "OfferChangeTrigger": trigger(stall, time),
        "MerchantOffer": {
            "Condition": "new",
            "FulfillmentType": "MFN" if item.merchant else "AFN",
            "ListingPrice": price,
            "Shipping": money(0, item.currency),
            "LandedPrice": price,
        },
        "Summary": {"ReferencePrice": {}},
    }
    return envelope("PRICING_HEALTH", name, time, payload)


def rival_offer(rival: Rival, wins: bool, stall: Stall, chance: random.Random) -> dict[str, Any]:
    """A competitor's offer; ShipsFrom and Prime are often left out."""
    offer: dict[str, Any] = {
        "SellerId": rival.seller_id,
        "SubCondition": chance.choice(("new", "New")),
        "SellerFeedbackRating": {
            "FeedbackCount": 1_000,
            "SellerPositiveFeedbackRating": chance.choice((97, 98.0, 92)),
        },
        "ShippingTime": {
            "MinimumHours": 0,
            "MaximumHours": 24,
            "AvailabilityType": chance.choice(("NOW", "now", "")),
            "AvailableDate": "",
        },
        "ListingPrice": money(rival.price_minor, stall.item.currency),
        "Shipping": money(0, stall.item.currency),
        "IsFulfilledByAmazon": rival.amazon_fulfilled,
        "IsBuyBoxWinner": wins,
        "IsFeaturedMerchant": True,
    }
    if chance.random() < 0.5:
        offer["ShipsFrom"] = {"Country": "DE", "State": ""}
    return offer


def own_offer(stall: Stall) -> dict[str, Any]:
    """Our offer as the marketplace shows it."""
    return {
        "SellerId": stall.item.key.seller_id,
        "SubCondition": "new",
        "SellerFeedbackRating": {"FeedbackCount": 500, "SellerPositiveFeedbackRating": 99},
        "ShippingTime": {"MinimumHours": 0, "MaximumHours": 24, "AvailabilityType": "NOW"},
        "ListingPrice": money(stall.live_minor, stall.item.currency),
        "Shipping": money(0, stall.item.currency),
        "IsFulfilledByAmazon": not stall.item.merchant,
        "IsBuyBoxWinner": stall.winning,
        "IsFeaturedMerchant": True,
    }
