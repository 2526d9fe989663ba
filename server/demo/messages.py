"""The demo's notifications: shaped like Amazon's, with their omissions and odd spellings."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.money import minor_text
from server.demo.market import Rival, Stall


def money(minor: int, currency: str) -> dict[str, Any]:
    """An amount as Amazon writes it; its digits are exact."""
    return {"Amount": msgspec.Raw(minor_text(minor, currency).encode()), "CurrencyCode": currency}


def offer_changed(stall: Stall, event_ms: int, number: int, chance: random.Random) -> bytes:
    """An ANY_OFFER_CHANGED notification of a stall."""
    item = stall.item
    time = datetime.fromtimestamp(event_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    leading = min(stall.rivals, key=lambda rival: rival.price_minor)
    offers = [
        rival_offer(rival, rival is leading and not stall.winning, stall, chance)
        for rival in stall.rivals
    ]
    offers.append(own_offer(stall))
    chance.shuffle(offers)
    winner = stall.live_minor if stall.winning else leading.price_minor
    price = money(winner, item.currency)
    body = {
        "NotificationVersion": "1.0",
        "NotificationType": "ANY_OFFER_CHANGED",
        "PayloadVersion": "1.0",
        "EventTime": time,
        "NotificationMetadata": {
            "ApplicationId": "app",
            "SubscriptionId": "subscription",
            "PublishTime": time,
            "NotificationId": f"demo-{number}",
        },
        "Payload": {
            "AnyOfferChangedNotification": {
                "SellerId": item.key.seller_id,
                "OfferChangeTrigger": {
                    "MarketplaceId": item.key.marketplace_id,
                    "ASIN": item.asin,
                    "ItemCondition": chance.choice(("New", "new")),
                    "TimeOfOfferChange": time,
                    "OfferChangeType": "Internal",
                },
                "Summary": {
                    "NumberOfOffers": [
                        {
                            "Condition": "new",
                            "FulfillmentChannel": "Merchant",
                            "OfferCount": len(offers),
                        }
                    ],
                    "BuyBoxPrices": [
                        {
                            "Condition": "New",
                            "LandedPrice": price,
                            "ListingPrice": price,
                            "Shipping": money(0, item.currency),
                        }
                    ],
                },
                "Offers": offers,
            }
        },
    }
    encoded = msgspec.json.encode(body)
    if chance.random() < 0.1:
        return msgspec.json.encode({"Type": "Notification", "Message": encoded.decode()})
    return encoded


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
