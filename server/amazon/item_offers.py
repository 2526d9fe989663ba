"""getItemOffers responses: a snapshot that was asked for rather than notified."""

from __future__ import annotations

from engine.errors import InputError
from repriced.v1 import types_pb2 as wire
from server.amazon import structs, words
from server.amazon.decoding import decoder
from server.amazon.envelope import Message
from server.amazon.problems import required
from server.amazon.results import Asin, Translated
from server.amazon.snapshots import Subject, translated_snapshot
from server.amazon.times import checked_ms

_decode = decoder(structs.ItemOffers)
_NO_IDENTIFIER = structs.ItemIdentifier()


def translate_item_offers(message: Message, seller_id: str, observed_ms: int) -> Translated:
    """The response as a snapshot. It names neither whose listings it is for nor its time, so the
    caller gives both. Raises InputError."""
    response = _decode(message.payload)
    if words.fold(response.status) not in ("", "success"):
        raise InputError(
            f"status {response.status!r}: only responses with status Success have offers",
            reason="STATUS_NOT_SUCCESS",
            field="Status",
        )
    subject = _subject(message, response, seller_id, observed_ms)
    return translated_snapshot(subject, response.offers, response.summary)


def _subject(
    message: Message, response: structs.ItemOffers, seller_id: str, observed_ms: int
) -> Subject:
    """The identity is read from either of its two places in the response."""
    named = response.identifier or _NO_IDENTIFIER
    condition_word = response.item_condition or named.item_condition
    if observed_ms == 0:
        raise InputError(
            "the response has no time of its own; the time it was fetched has to be given",
            reason="TIME_MISSING",
            field="observed_ms",
        )
    return Subject(
        notification_type=message.notification_type,
        notification_id="",
        asin=Asin(
            required(seller_id, "seller_id", "SELLER_ID_MISSING"),
            required(
                named.marketplace_id or response.marketplace_id or response.marketplace_capital_id,
                "Identifier.MarketplaceId",
                "MARKETPLACE_ID_MISSING",
            ),
            required(response.asin or named.asin, "ASIN", "ASIN_MISSING"),
            words.condition(condition_word, "ItemCondition"),
            _audience(response.offers or []),
        ),
        condition_word=condition_word or "",
        event_ms=checked_ms(observed_ms, "observed_ms"),
    )


def _audience(offers: list[structs.Offer]) -> wire.Audience:
    """A response made for business buyers marks its business offers; others mark nothing."""
    is_business = any(words.fold(offer.offer_type) == "b2b" for offer in offers)
    return wire.AUDIENCE_B2B if is_business else wire.AUDIENCE_B2C
