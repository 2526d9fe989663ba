"""PRICING_HEALTH notifications: the Buy Box lost because of the price."""

from __future__ import annotations

from engine.errors import InputError
from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire
from server.amazon import structs, words
from server.amazon.amounts import Amounts
from server.amazon.any_offer_changed import subject_of
from server.amazon.decoding import decoder
from server.amazon.envelope import Message
from server.amazon.results import Translated

_decode = decoder(structs.PricingHealth)
_DISQUALIFICATION = "BuyBoxDisqualification"
_NO_OFFER = structs.MerchantOffer()
_NO_REFERENCE = structs.ReferencePrice()


def translate_pricing_health(message: Message) -> Translated:
    """BuyBoxDisqualification as "lost" for the price of the merchant's offer. Raises InputError."""
    health = _decode(message.payload)
    if words.fold(health.issue_type) != words.fold(_DISQUALIFICATION):
        raise InputError(
            f"issue type {health.issue_type!r}: only {_DISQUALIFICATION} says something about "
            "the Buy Box",
            reason="ISSUE_TYPE_NOT_USED",
            field="IssueType",
        )
    subject = subject_of(message, health.seller_id, health.offer_change_trigger, wire.AUDIENCE_B2C)
    offer = health.merchant_offer or _NO_OFFER
    amounts = Amounts()
    price_minor = (
        amounts.minor(offer.listing_price, "MerchantOffer.ListingPrice")
        if offer.listing_price
        else 0
    )
    feedback = pricing_pb2.Feedback(
        asin=subject.asin.key(),
        kind=pricing_pb2.FEEDBACK_KIND_LOST,
        event_ms=subject.event_ms,
        price_minor=price_minor,
        competitive_price_minor=_competitive_minor(health, amounts),
        currency=amounts.currency,
        notification_id=message.notification_id,
        fulfilment=words.fulfilment(offer.fulfillment_type),
    )
    return Translated(
        notification_type=message.notification_type,
        notification_id=message.notification_id,
        event_ms=subject.event_ms,
        asin=subject.asin,
        kind=InputKind.FEEDBACK,
        row=pricing_pb2.ReportFeedbackRequest(feedback=[feedback]).SerializeToString(),
    )


def _competitive_minor(health: structs.PricingHealth, amounts: Amounts) -> int | None:
    reference = (health.summary and health.summary.reference_price) or _NO_REFERENCE
    threshold = reference.competitive_price_threshold
    if threshold is None:
        return None
    return amounts.minor(threshold, "Summary.ReferencePrice.CompetitivePriceThreshold")
