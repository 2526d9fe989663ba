"""The parts of Amazon's messages that are read, as typed structs; all else is skipped.

Amazon's schemas mark nearly everything as required and its messages leave most of it out, so
every field is optional here and the translators say what they cannot do without. Amounts stay raw
number text: a float would lose what was written.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw

from server.amazon.spelling import ABSENT, either_case

Text = Annotated[str, Meta(max_length=256)]
"""An id, name or time; far longer than any that exists."""

Count = Annotated[int, Meta(ge=0, le=2**32 - 1)]


@either_case
class Money:
    amount: Raw = ABSENT
    currency_code: Text | None = None


@either_case
class Points:
    points_number: Count | None = None
    points_monetary_value: Money | None = None


@either_case
class FeedbackRating:
    feedback_count: Count | None = None
    seller_positive_feedback_rating: Raw = ABSENT


@either_case
class ShippingTime:
    maximum_hours: Count | None = None
    availability_type: Text | None = None


@either_case
class ShipsFrom:
    country: Text | None = None


@either_case
class PrimeInformation:
    """ANY_OFFER_CHANGED has the first two keys, the B2B message and getItemOffers the others."""

    is_offer_prime: bool | None = None
    is_offer_national_prime: bool | None = None
    is_prime: bool | None = None
    is_national_prime: bool | None = None


@either_case
class Offer:
    """`my_offer` and `offer_type` come in getItemOffers only."""

    seller_id: Text | None = None
    my_offer: bool | None = None
    offer_type: Text | None = None
    sub_condition: Text | None = None
    seller_feedback_rating: FeedbackRating | None = None
    shipping_time: ShippingTime | None = None
    listing_price: Money | None = None
    shipping: Money | None = None
    points: Points | None = None
    ships_from: ShipsFrom | None = None
    is_fulfilled_by_amazon: bool | None = None
    is_buy_box_winner: bool | None = None
    is_featured_merchant: bool | None = None
    prime_information: PrimeInformation | None = None


@either_case
class BuyBoxPrice:
    condition: Text | None = None
    offer_type: Text | None = None
    quantity_tier: Count | None = None
    landed_price: Money | None = None
    listing_price: Money | None = None
    shipping: Money | None = None
    points: Points | None = None


@either_case
class OfferCount:
    condition: Text | None = None
    offer_count: Count | None = None


@either_case
class Summary:
    """The eligible offers have two names, one in ANY_OFFER_CHANGED and one elsewhere."""

    buy_box_prices: list[BuyBoxPrice] | None = None
    competitive_price_threshold: Money | None = None
    number_of_offers: list[OfferCount] | None = None
    total_offer_count: Count | None = None
    number_of_buy_box_eligible_offers: list[OfferCount] | None = None
    buy_box_eligible_offers: list[OfferCount] | None = None
    total_buy_box_eligible_offers: Count | None = None


@either_case
class OfferChangeTrigger:
    marketplace_id: Text | None = None
    asin: Text | None = None
    item_condition: Text | None = None
    time_of_offer_change: Text | None = None


@either_case
class OfferChange:
    seller_id: Text | None = None
    offer_change_trigger: OfferChangeTrigger | None = None
    summary: Summary | None = None
    offers: list[Offer] | None = None


@either_case
class OfferChangePayload:
    any_offer_changed_notification: OfferChange | None = None
    b2b_any_offer_changed_notification: OfferChange | None = None


@either_case
class MerchantOffer:
    fulfillment_type: Text | None = None
    listing_price: Money | None = None


@either_case
class ReferencePrice:
    competitive_price_threshold: Money | None = None


@either_case
class HealthSummary:
    reference_price: ReferencePrice | None = None


@either_case
class PricingHealth:
    issue_type: Text | None = None
    seller_id: Text | None = None
    offer_change_trigger: OfferChangeTrigger | None = None
    merchant_offer: MerchantOffer | None = None
    summary: HealthSummary | None = None


@either_case
class ItemIdentifier:
    marketplace_id: Text | None = None
    asin: Text | None = None
    item_condition: Text | None = None


@either_case
class ItemOffers:
    """The identity is stated twice, and each copy can be incomplete.

    The outer copy spells its key MarketplaceID, in recorded responses MarketplaceId too.
    """

    status: Text | None = None
    marketplace_id: Text | None = None
    marketplace_capital_id: Text | None = None
    asin: Text | None = None
    item_condition: Text | None = None
    identifier: ItemIdentifier | None = None
    summary: Summary | None = None
    offers: list[Offer] | None = None


@either_case
class NotificationMetadata:
    notification_id: Text | None = None


@either_case
class ApiError:
    code: Text | None = None
    message: str | None = None


@either_case
class Envelope:
    """The outermost object: a notification, an SP-API response, or a queue's wrapper of one.

    `message` is the text inside an SNS wrapper, `body` that inside an SQS message.
    """

    notification_type: Text | None = None
    notification_metadata: NotificationMetadata | None = None
    payload: Raw = ABSENT
    errors: list[ApiError] | None = None
    message: Raw = ABSENT
    body: Raw = ABSENT
