"""Offers of a message in wire form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.errors import InputError
from engine.schema import MAX_OFFERS
from repriced.v1 import types_pb2 as wire
from server.amazon import structs, words
from server.amazon.amounts import Amounts, rating_basis_points
from server.amazon.problems import within

_NO_RATING = structs.FeedbackRating()
_NO_SHIPPING_TIME = structs.ShippingTime()
_NO_PRIME = structs.PrimeInformation()
_NO_PLACE = structs.ShipsFrom()


class Setting(NamedTuple):
    """What a message says about all of its offers."""

    own_seller_id: str
    retail_seller_id: str
    condition: wire.Condition


def add_offers(
    rows: Any, offers: Sequence[structs.Offer], setting: Setting, amounts: Amounts
) -> None:
    """Adds every offer to the rows of a snapshot, in the message's order.

    Raises InputError naming the offer by position.
    """
    if len(offers) > MAX_OFFERS:
        raise InputError(
            f"{len(offers)} offers: at most {MAX_OFFERS} are allowed",
            reason="TOO_MANY_OFFERS",
            field="Offers",
        )
    for position, offer in enumerate(offers):
        try:
            _add_offer(rows, offer, setting, amounts)
        except InputError as error:
            raise within(f"Offers[{position}]", error) from error


def landed_minor(offer: wire.Offer) -> int:
    """What the buyer compares: item price, shipping on top, points off."""
    return offer.item_price_minor + offer.shipping_minor - offer.points_minor


def is_own_ambiguous(offers: Sequence[wire.Offer], own_seller_id: str) -> bool:
    """Several offers are the seller's own and their fulfilment does not tell them apart."""
    own = [offer.fulfilment for offer in offers if offer.seller_id == own_seller_id]
    if len(own) < 2:
        return False
    return len(set(own)) < len(own) or wire.FULFILMENT_UNSPECIFIED in own


def _add_offer(rows: Any, offer: structs.Offer, setting: Setting, amounts: Amounts) -> None:
    rating = offer.seller_feedback_rating or _NO_RATING
    time = offer.shipping_time or _NO_SHIPPING_TIME
    country = (offer.ships_from or _NO_PLACE).country or ""
    seller_id = _seller_id(offer, setting)
    rows.add(
        seller_id=seller_id,
        item_price_minor=_item_price(offer.listing_price, amounts),
        shipping_minor=_shipping(offer.shipping, amounts),
        points_minor=amounts.points_minor(offer.points),
        fulfilment=_fulfilment(offer.is_fulfilled_by_amazon),
        condition=setting.condition,
        sub_condition=words.sub_condition(offer.sub_condition),
        positive_rating_basis_points=rating_basis_points(
            bytes(rating.seller_positive_feedback_rating),
            "SellerFeedbackRating.SellerPositiveFeedbackRating",
        ),
        rating_count=rating.feedback_count or 0,
        handling_hours=time.maximum_hours or 0,
        availability=words.availability(time.availability_type),
        buy_box_winner=offer.is_buy_box_winner,
        featured_merchant=offer.is_featured_merchant,
        prime=_is_prime(offer.prime_information or _NO_PRIME),
        amazon=bool(seller_id) and seller_id == setting.retail_seller_id,
        ships_from=country.strip().upper(),
    )


def _seller_id(offer: structs.Offer, setting: Setting) -> str:
    """getItemOffers can hide sellers, but marks the caller's own offers."""
    seller_id = (offer.seller_id or "").strip()
    if not seller_id and offer.my_offer:
        return setting.own_seller_id
    return seller_id


def _item_price(price: structs.Money | None, amounts: Amounts) -> int:
    minor = 0 if price is None else amounts.minor(price, "ListingPrice")
    if minor > 0:
        return minor
    raise InputError(
        "price is missing or zero; allowed are prices above zero",
        reason="PRICE_NOT_POSITIVE",
        field="ListingPrice",
    )


def _shipping(price: structs.Money | None, amounts: Amounts) -> int:
    return 0 if price is None else amounts.minor(price, "Shipping")


def _fulfilment(by_amazon: bool | None) -> wire.Fulfilment:
    if by_amazon is None:
        return wire.FULFILMENT_UNSPECIFIED
    return wire.FULFILMENT_AMAZON if by_amazon else wire.FULFILMENT_MERCHANT


def _is_prime(prime: structs.PrimeInformation) -> bool:
    return bool(
        prime.is_offer_prime
        or prime.is_prime
        or prime.is_offer_national_prime
        or prime.is_national_prime
    )
