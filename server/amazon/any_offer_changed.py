"""ANY_OFFER_CHANGED and B2B_ANY_OFFER_CHANGED notifications."""

from __future__ import annotations

from engine.errors import InputError
from repriced.v1 import types_pb2 as wire
from server.amazon import structs, words
from server.amazon.decoding import decoder
from server.amazon.envelope import Message
from server.amazon.problems import required
from server.amazon.results import Asin, Translated
from server.amazon.snapshots import Subject, translated_snapshot
from server.amazon.times import parse_ms

_decode = decoder(structs.OfferChangePayload)
_NO_TRIGGER = structs.OfferChangeTrigger()


def translate_consumer(message: Message) -> Translated:
    """ANY_OFFER_CHANGED as a snapshot of the consumer listings. Raises InputError."""
    change = _decode(message.payload).any_offer_changed_notification
    return _translated(message, change, wire.AUDIENCE_B2C)


def translate_business(message: Message) -> Translated:
    """B2B_ANY_OFFER_CHANGED as a snapshot of the business listings. Raises InputError."""
    change = _decode(message.payload).b2b_any_offer_changed_notification
    return _translated(message, change, wire.AUDIENCE_B2B)


def subject_of(
    message: Message,
    seller_id: str | None,
    trigger: structs.OfferChangeTrigger | None,
    audience: wire.Audience,
) -> Subject:
    """Whom and what a notification is about, all of it required. Raises InputError."""
    trigger = trigger or _NO_TRIGGER
    path = "OfferChangeTrigger"
    time_field = f"{path}.TimeOfOfferChange"
    return Subject(
        notification_type=message.notification_type,
        notification_id=message.notification_id,
        asin=Asin(
            required(seller_id, "SellerId", "SELLER_ID_MISSING"),
            required(trigger.marketplace_id, f"{path}.MarketplaceId", "MARKETPLACE_ID_MISSING"),
            required(trigger.asin, f"{path}.ASIN", "ASIN_MISSING"),
            words.condition(trigger.item_condition, f"{path}.ItemCondition"),
            audience,
        ),
        condition_word=trigger.item_condition or "",
        event_ms=parse_ms(
            required(trigger.time_of_offer_change, time_field, "TIME_MISSING"), time_field
        ),
    )


def _translated(
    message: Message, change: structs.OfferChange | None, audience: wire.Audience
) -> Translated:
    if change is None:
        raise InputError(
            f"holds no {message.notification_type} object",
            reason="PAYLOAD_MISSING",
            field="Payload",
        )
    subject = subject_of(message, change.seller_id, change.offer_change_trigger, audience)
    return translated_snapshot(subject, change.offers, change.summary)
