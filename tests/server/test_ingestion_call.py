"""IngestNotifications over real gRPC: every message is applied or reported with a reason."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repriced.v1 import ingestion_pb2
from tests.server.conftest import MARKETPLACE, SELLER, Running, listing, now_ms, request_id

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


def ingest(server: Running, *messages: bytes, **fields: Any) -> Any:
    """Sends messages as they are."""
    request = ingestion_pb2.IngestNotificationsRequest(
        request_id=request_id(),
        notifications=[ingestion_pb2.Notification(json=each, **fields) for each in messages],
    )
    return server.ingestion.IngestNotifications(request, timeout=20)


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
        (offer_changed("B0INGEST2", "n6", "-3.00"), "PRICE_NOT_POSITIVE"),
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
    first = ingest(server, offer_changed("B0INGEST3", "n8"))
    again = ingest(server, offer_changed("B0INGEST3", "n8"))
    assert (first.applied_count, again.applied_count) == (1, 0)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real messages is absent")
def test_real_messages_are_applied_or_reported(server: Running) -> None:
    files = sorted(SAMPLES.glob("*.json"))
    messages = [file.read_bytes() for file in files]
    answer = ingest(server, *messages, seller_id=SELLER, observed_ms=now_ms())
    assert answer.applied_count + len(answer.unapplied) == len(files)
    assert all(each.reason and each.message for each in answer.unapplied)
