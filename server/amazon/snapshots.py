"""The common end of every message that carries offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import InputError
from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire
from server.amazon import structs
from server.amazon.amounts import Amounts
from server.amazon.buy_box import BuyBoxSummary, mark_winner
from server.amazon.marketplaces import MARKETPLACES, UNKNOWN_MARKETPLACE, Marketplace
from server.amazon.offers import Setting, add_offers, is_own_ambiguous
from server.amazon.results import Translated

_NO_SUMMARY = structs.Summary()


class Subject(NamedTuple):
    """Whose offers of what a message shows, and when the marketplace saw them."""

    notification_type: str
    notification_id: str
    seller_id: str
    marketplace_id: str
    asin: str
    condition_word: str
    condition: wire.Condition
    audience: wire.Audience
    event_ms: int


def translated_snapshot(
    subject: Subject, offers: Sequence[structs.Offer] | None, summary: structs.Summary | None
) -> Translated:
    """The snapshot of the subject. Raises InputError naming what cannot be used."""
    amounts = Amounts()
    marketplace = MARKETPLACES.get(subject.marketplace_id, UNKNOWN_MARKETPLACE)
    setting = Setting(subject.seller_id, marketplace.retail_seller_id, subject.condition)
    snapshot = pricing_pb2.OfferSnapshot(
        asin=asin_key(subject),
        event_ms=subject.event_ms,
        notification_id=subject.notification_id,
    )
    rows = snapshot.offers
    add_offers(rows, offers or (), setting, amounts)
    buy_box = BuyBoxSummary(summary or _NO_SUMMARY, subject.condition_word, subject.audience)
    snapshot.total_offer_count = buy_box.offer_total()
    featured_minor = buy_box.featured_minor(amounts)
    mark_winner(rows, featured_minor)
    competitive_minor = buy_box.competitive_minor(amounts)
    if competitive_minor is not None:
        snapshot.competitive_price_minor = competitive_minor
    if featured_minor is not None:
        snapshot.featured_price_minor = featured_minor
    snapshot.buy_box_status = buy_box.status(rows)
    snapshot.currency = amounts.currency or _currency_without_amounts(marketplace, subject)
    return Translated(
        notification_type=subject.notification_type,
        notification_id=subject.notification_id,
        event_ms=subject.event_ms,
        snapshot=snapshot,
        ambiguous_own=is_own_ambiguous(rows, subject.seller_id),
    )


def asin_key(subject: Subject) -> wire.AsinKey:
    return wire.AsinKey(
        seller_id=subject.seller_id,
        marketplace_id=subject.marketplace_id,
        asin=subject.asin,
        condition=subject.condition,
        audience=subject.audience,
    )


def _currency_without_amounts(marketplace: Marketplace, subject: Subject) -> str:
    if marketplace.currency:
        return marketplace.currency
    raise InputError(
        f"marketplace {subject.marketplace_id!r} is not known and no amount states a currency",
        reason="CURRENCY_MISSING",
        field="Offers",
    )
