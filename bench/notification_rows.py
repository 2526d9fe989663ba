"""The row of the table about marketplace messages: JSON text to columns.

notification_vs_msgspec  translating ANY_OFFER_CHANGED messages, writing their wire form and
                         decoding it to columns, against msgspec decoding the same bytes into the
                         same typed structs, amounts raw
"""

from __future__ import annotations

import random
import uuid
from typing import Any

import msgspec

from bench import requests
from bench.ratios import Side, measure
from bench.report import OVER_FLOOR, Result, result
from engine.columns import SnapshotBatch
from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from server.amazon import Translated, structs, translate
from server.wire import WireCodec

MESSAGES, OFFERS = 200, 20
EVENT_TIME = "2026-06-01T10:00:00.000Z"


def money(minor: int) -> dict[str, Any]:
    """An amount as Amazon writes it."""
    digits = f"{minor // 100}.{minor % 100:02d}".encode()
    return {"Amount": msgspec.Raw(digits), "CurrencyCode": requests.CURRENCY}


def offer(at: int, chance: random.Random) -> dict[str, Any]:
    """An offer with all that Amazon documents."""
    return {
        "SellerId": requests.seller_id(chance.randrange(requests.COMPETITORS)),
        "SubCondition": "new",
        "SellerFeedbackRating": {
            "FeedbackCount": chance.randrange(20_000),
            "SellerPositiveFeedbackRating": chance.randrange(70, 101),
        },
        "ShippingTime": {
            "MinimumHours": 0,
            "MaximumHours": chance.choice((0, 24, 48)),
            "AvailabilityType": "NOW",
            "AvailableDate": "",
        },
        "ListingPrice": money(chance.randrange(1_000, 20_000)),
        "Shipping": money(chance.choice((0, 399))),
        "ShipsFrom": {"Country": chance.choice(requests.COUNTRIES), "State": ""},
        "IsFulfilledByAmazon": chance.random() < 0.5,
        "PrimeInformation": {"IsOfferPrime": chance.random() < 0.5, "IsOfferNationalPrime": False},
        "IsExpeditedShippingAvailable": False,
        "IsBuyBoxWinner": at == 3,
        "IsFeaturedMerchant": chance.random() < 0.8,
        "ShipsDomestically": True,
    }


def notification(number: int) -> bytes:
    """An ANY_OFFER_CHANGED message with twenty offers, about 14 KB."""
    chance = random.Random(number)
    condition = {"Condition": "new", "FulfillmentChannel": "Amazon"}
    change = {
        "SellerId": requests.OWN[number % requests.SELLERS],
        "OfferChangeTrigger": {
            "MarketplaceId": requests.MARKETPLACE,
            "ASIN": f"B{number:09d}",
            "ItemCondition": "new",
            "TimeOfOfferChange": EVENT_TIME,
            "OfferChangeType": "External",
        },
        "Summary": {
            "NumberOfOffers": [condition | {"OfferCount": OFFERS}],
            "NumberOfBuyBoxEligibleOffers": [condition | {"OfferCount": OFFERS}],
            "LowestPrices": [
                condition | {"LandedPrice": money(1_000), "ListingPrice": money(1_000),
                             "Shipping": money(0)}
            ],
            "BuyBoxPrices": [
                {"Condition": "New", "LandedPrice": money(1_500), "ListingPrice": money(1_500),
                 "Shipping": money(0)}
            ],
            "CompetitivePriceThreshold": money(1_600),
            "SalesRankings": [{"ProductCategoryId": "kitchen", "Rank": 12_345}],
        },
        "Offers": [offer(at, chance) for at in range(OFFERS)],
    }  # fmt: skip
    return msgspec.json.encode(
        {
            "NotificationVersion": "1.0",
            "NotificationType": "ANY_OFFER_CHANGED",
            "PayloadVersion": "1.0",
            "EventTime": EVENT_TIME,
            "NotificationMetadata": {
                "ApplicationId": "application",
                "SubscriptionId": "subscription",
                "PublishTime": EVENT_TIME,
                "NotificationId": str(uuid.UUID(int=number)),
            },
            "Payload": {"AnyOfferChangedNotification": change},
        }
    )


def to_columns(messages: list[bytes], codec: WireCodec) -> SnapshotBatch:
    """What the server does with messages before their request is queued."""
    request = [pricing_pb2.RepriceRequest(request_id=str(uuid.UUID(int=1))).SerializeToString()]
    for each in messages:
        found = translate(each)
        assert isinstance(found, Translated)
        request.append(found.row)
    batch: SnapshotBatch = codec.decode(InputKind.REPRICE, b"".join(request))
    return batch


def notification_vs_msgspec(pairs: int, tiny: bool) -> Result:
    """What does a message cost over decoding its JSON?"""
    count = 5 if tiny else MESSAGES
    messages = [notification(at) for at in range(count)]
    codec = WireCodec()
    batch = to_columns(messages, codec)
    if batch.problems or len(batch.offers) != count * OFFERS:
        raise RuntimeError(f"{len(batch.offers)} offers, problems: {batch.problems[:1]}")
    envelope = msgspec.json.Decoder(structs.Envelope).decode
    payload = msgspec.json.Decoder(structs.OfferChangePayload).decode

    def decoded(_: None) -> None:
        for each in messages:
            payload(envelope(each).payload)

    found = measure(
        Side(lambda: None, lambda _: to_columns(messages, codec)),
        Side(lambda: None, decoded),
        pairs,
    )
    conditions = {
        "messages": count,
        "offers_each": OFFERS,
        "message_bytes": len(messages[0]),
        "msgspec": msgspec.__version__,
    }
    return result("notification_vs_msgspec", found, OVER_FLOOR, count, conditions)
