"""The common end of every message that carries offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import InputError
from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from server.amazon import structs
from server.amazon.amounts import Amounts
from server.amazon.buy_box import BuyBoxSummary
from server.amazon.marketplaces import MARKETPLACES, UNKNOWN_MARKETPLACE, Marketplace
from server.amazon.offers import Setting, read_offers
from server.amazon.results import Asin, Translated

_NO_SUMMARY = structs.Summary()


class Subject(NamedTuple):
    """Whose offers of what a message shows, and when the marketplace saw them."""

    notification_type: str
    notification_id: str
    asin: Asin
    condition_word: str
    event_ms: int


def translated_snapshot(
    subject: Subject, offers: Sequence[structs.Offer] | None, summary: structs.Summary | None
) -> Translated:
    """The snapshot of the subject. Raises InputError naming what cannot be used."""
    amounts = Amounts()
    asin = subject.asin
    marketplace = MARKETPLACES.get(asin.marketplace_id, UNKNOWN_MARKETPLACE)
    setting = Setting(asin.seller_id, marketplace.retail_seller_id, asin.condition)
    rows = read_offers(offers or (), setting, amounts)
    buy_box = BuyBoxSummary(summary or _NO_SUMMARY, subject.condition_word, asin.audience)
    featured_minor = buy_box.featured_minor(amounts)
    if featured_minor is not None:
        rows.mark_winner(featured_minor)
    after = pricing_pb2.OfferSnapshot(
        competitive_price_minor=buy_box.competitive_minor(amounts),
        featured_price_minor=featured_minor,
        buy_box_status=buy_box.status(rows),
        notification_id=subject.notification_id,
        total_offer_count=buy_box.offer_total(),
    )
    before = pricing_pb2.OfferSnapshot(
        asin=asin.key(),
        event_ms=subject.event_ms,
        currency=amounts.currency or _currency_without_amounts(marketplace, asin),
    )
    return Translated(
        notification_type=subject.notification_type,
        notification_id=subject.notification_id,
        event_ms=subject.event_ms,
        asin=asin,
        kind=InputKind.REPRICE,
        row=rows.wire(before.SerializeToString(), after.SerializeToString()),
        ambiguous_own=rows.is_own_ambiguous,
    )


def _currency_without_amounts(marketplace: Marketplace, asin: Asin) -> str:
    if marketplace.currency:
        return marketplace.currency
    raise InputError(
        f"marketplace {asin.marketplace_id!r} is not known and no amount states a currency",
        reason="CURRENCY_MISSING",
        field="Offers",
    )
