"""IngestNotifications over real gRPC: every message is applied or reported with a reason."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from repriced.v1 import ingestion_pb2, types_pb2
from tests.server.conftest import MARKETPLACE, SELLER, Running, listing, now_ms, request_id, run

SAMPLES = Path(os.environ.get("REPRICED_SAMPLES", Path(__file__).parents[3] / "shared/samples"))


def offer_changed(asin: str, name: str, amount: str = "11.49", event_ms: int = 0) -> bytes:
    """A small ANY_OFFER_CHANGED with one rival; `amount` is the text of his price."""
    time = datetime.fromtimestamp((event_ms or now_ms()) / 1000, UTC).isoformat()
    body: dict[str, Any] = {
        "NotificationType": "ANY_OFFER_CHANGED",
        "NotificationMetadata": {"NotificationId": name},
        "Payload": {
            "AnyOfferChangedNotification": {
                "SellerId": SELLER,
                "OfferChangeTrigger": {
                    "MarketplaceId": MARKETPLACE,
                    "ASIN": asin,
                    "ItemCondition": "new",
                    "TimeOfOfferChange": time,
                },
                "Offers": [
                    {
                        "SellerId": "A2RIVAL",
                        "ListingPrice": {"Amount": "AMOUNT", "CurrencyCode": "EUR"},
                        "IsFeaturedMerchant": True,
                    }
                ],
            }
        },
    }
    return json.dumps(body).replace('"AMOUNT"', amount).encode()


def batch(*messages: bytes, **fields: Any) -> ingestion_pb2.IngestNotificationsRequest:
    """A call with messages as they are."""
    return ingestion_pb2.IngestNotificationsRequest(
        request_id=request_id(),
        notifications=[ingestion_pb2.Notification(json=each, **fields) for each in messages],
    )


def ingest(server: Running, *messages: bytes, **fields: Any) -> Any:
    """Sends messages as they are."""
    return server.ingestion.IngestNotifications(batch(*messages, **fields), timeout=20)


def price_lost(asin: str, name: str, event_ms: int, amount: str) -> bytes:
    """A PRICING_HEALTH that says our own price is not eligible for the Buy Box."""
    time = datetime.fromtimestamp(event_ms / 1000, UTC).isoformat()
    price = {"amount": "AMOUNT", "currencyCode": "EUR"}
    body = {
        "notificationType": "PRICING_HEALTH",
        "notificationMetadata": {"notificationId": name},
        "payload": {
            "issueType": "BuyBoxDisqualification",
            "sellerId": SELLER,
            "offerChangeTrigger": {
                "marketplaceId": MARKETPLACE,
                "asin": asin,
                "itemCondition": "new",
                "timeOfOfferChange": time,
            },
            "merchantOffer": {
                "condition": "new",
                "fulfillmentType": "AFN",
                "listingPrice": price,
                "shipping": {"amount": 0, "currencyCode": "EUR"},
                "landedPrice": price,
            },
        },
    }
    return json.dumps(body).replace('"AMOUNT"', amount).encode()


def test_a_message_becomes_a_price(server: Running) -> None:
    server.upsert(listing("INGEST1", asin="B0INGEST1"))
    answer = ingest(server, offer_changed("B0INGEST1", "n1"))
    assert answer.applied_count == 1
    assert [each.price_minor for each in answer.decisions] == [1148]


def test_what_cannot_be_used_is_reported_and_the_rest_goes_on(server: Running) -> None:
    server.upsert(listing("INGEST2", asin="B0INGEST2"))
    good = offer_changed("B0INGEST2", "n2")
    cases = [
        (b'{"NotificationType": "ANY', "BROKEN_JSON"),
        (b'{"NotificationType": "MADE_UP"}', "UNKNOWN_NOTIFICATION_TYPE"),
        (b'{"NotificationType": "ORDER_CHANGE"}', "NOTIFICATION_TYPE_NOT_USED"),
        (offer_changed("B0NOBODY", "n3"), "UNKNOWN_LISTING"),
        (offer_changed("B0INGEST2", "n4", "11.499"), "AMOUNT_TOO_MANY_DECIMALS"),
        (offer_changed("B0INGEST2", "n5", "1e300000"), "AMOUNT"),
        (offer_changed("B0INGEST2", "n6", "-3.00"), "AMOUNT_NEGATIVE"),
        (offer_changed("B0INGEST2", "n7", event_ms=now_ms() + 3_600_000), "EVENT_IN_FUTURE"),
        (good, "REPEATED"),
    ]
    answer = ingest(server, good, *(message for message, _ in cases))
    assert answer.applied_count == 1
    found = {each.index: each.reason for each in answer.unapplied}
    for index, (_, reason) in enumerate(cases, 1):
        assert found[index].startswith(reason), (index, found[index])
    assert ingest(server, good).unapplied[0].reason == "REPEATED"


def test_the_same_call_again_is_not_applied_again(server: Running) -> None:
    server.upsert(listing("INGEST3", asin="B0INGEST3"))
    message = offer_changed("B0INGEST3", "n8")
    first = ingest(server, message)
    again = ingest(server, message)
    assert (first.applied_count, again.applied_count) == (1, 0)
    assert [each.reason for each in again.unapplied] == ["REPEATED"]


def test_a_repeated_request_gets_its_first_answer(server: Running) -> None:
    server.upsert(listing("INGEST4", asin="B0INGEST4"))
    call = server.ingestion.IngestNotifications
    request = batch(offer_changed("B0INGEST4", "n9"), b"[]")
    first = call(request, timeout=10)
    assert first.applied_count == 1
    assert len(first.decisions) == 1
    assert call(request, timeout=10) == first
    request.notifications[1].json = b"{}"
    with pytest.raises(grpc.RpcError) as refused:
        call(request, timeout=10)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_events_of_an_asin_are_applied_in_their_order(server: Running) -> None:
    """Snapshot, verdict on its price, snapshot: sent backwards, with another ASIN in between."""
    fulfilment = types_pb2.FULFILMENT_AMAZON
    server.upsert(
        listing("ORDER1", asin="B0ORDER1", fulfilment=fulfilment),
        listing("ORDER2", asin="B0ORDER2", fulfilment=fulfilment),
    )
    at = now_ms() - 60_000
    answer = ingest(
        server,
        offer_changed("B0ORDER1", "o3", "12.00", at + 2),
        price_lost("B0ORDER1", "o2", at + 1, "11.48"),
        offer_changed("B0ORDER2", "o4", "11.00", at + 3),
        offer_changed("B0ORDER1", "o1", "11.49", at),
    )
    assert answer.applied_count == 4, answer.unapplied
    made = [(each.index, each.reference_price_minor) for each in answer.decisions]
    assert made[0] == (3, 1149)
    assert made.index((2, 1100)) < made.index((0, 1200))
    assert {each for each, _ in made} >= {0, 2, 3}


def test_too_many_messages_are_refused() -> None:
    for server in run("[limits]\nmax_notifications_per_call = 2"):
        with pytest.raises(grpc.RpcError) as refused:
            ingest(server, b"{}", b"{}", b"{}")
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "notifications has 3 rows; allowed: at most 2" in (refused.value.details() or "")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real messages is absent")
def test_real_messages_are_applied_or_reported(server: Running) -> None:
    files = sorted(SAMPLES.glob("*.json"))
    messages = [file.read_bytes() for file in files]
    answer = ingest(server, *messages, seller_id=SELLER, observed_ms=now_ms())
    assert answer.applied_count + len(answer.unapplied) == len(files)
    assert all(each.reason and each.message for each in answer.unapplied)
