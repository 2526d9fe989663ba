"""Calls of IngestNotifications, and the inputs that the journal must hold of each."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

from repriced.v1 import ingestion_pb2
from server.amazon import Translated, translate
from server.services.ingestion import in_order
from tests.server.recovery.workload import CURRENCIES, MARKETPLACES, RIVALS, SELLERS

LISTINGS = 60
BROKEN = b'{"NotificationType": "ANY_OFFER_CHANGED"'


def call(chance: random.Random, now_ms: int) -> bytes:
    """A call with a few messages: snapshots, Buy Box feedback, and now and then a broken one.

    Each message has an id of its own: whether one came before is not known after a restart.
    """
    messages = [message(chance, now_ms) for _ in range(chance.randrange(1, 5))]
    if chance.random() < 0.2:
        messages.append(BROKEN)
    request = ingestion_pb2.IngestNotificationsRequest(
        request_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        notifications=[ingestion_pb2.Notification(json=each) for each in messages],
    )
    return request.SerializeToString()


def inputs_of(payload: bytes) -> list[bytes]:
    """Payloads of the inputs that a call becomes, in their order."""
    request = ingestion_pb2.IngestNotificationsRequest.FromString(payload)
    found = [translate(each.json) for each in request.notifications]
    usable = [(at, each) for at, each in enumerate(found) if isinstance(each, Translated)]
    return [part.payload(request.request_id) for part in in_order(usable)]


def message(chance: random.Random, now_ms: int) -> bytes:
    """One message about a listing of the workload, as the marketplace spells it."""
    at = chance.randrange(LISTINGS)
    marketplace = MARKETPLACES[at % 5 == 0]
    trigger = {"MarketplaceId": marketplace, "ASIN": f"B0{at // 2}", "ItemCondition": "new"}
    trigger["TimeOfOfferChange"] = datetime.fromtimestamp(
        (now_ms - chance.randrange(20_000)) / 1000, UTC
    ).isoformat()
    money = {"CurrencyCode": CURRENCIES[marketplace], "Amount": chance.randrange(4, 18)}
    said: dict[str, Any] = {"SellerId": SELLERS[at % len(SELLERS)], "OfferChangeTrigger": trigger}
    if chance.random() < 0.6:
        offer = {"SellerId": chance.choice(RIVALS), "ListingPrice": money}
        offer["IsBuyBoxWinner"] = chance.random() < 0.5
        kind, payload = "ANY_OFFER_CHANGED", {"AnyOfferChangedNotification": said}
        said["Offers"] = [offer]
    else:
        kind, payload = "PRICING_HEALTH", said
        said["IssueType"] = "BuyBoxDisqualification"
        said["MerchantOffer"] = {"Condition": "new", "ListingPrice": money}
    name = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    envelope = {
        "NotificationType": kind, "NotificationMetadata": {"NotificationId": name},
        "Payload": payload,
    }  # fmt: skip
    return json.dumps(envelope).encode()
