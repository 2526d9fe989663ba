"""What a message's summary says about the Buy Box of one condition."""

from __future__ import annotations

from repriced.v1 import types_pb2 as wire
from server.amazon import structs
from server.amazon._offers import OfferRows
from server.amazon.amounts import Amounts
from server.amazon.words import fold


class BuyBoxSummary:
    """The summary's Buy Box entries of one condition and audience."""

    def __init__(
        self, summary: structs.Summary, condition_word: str, audience: wire.Audience
    ) -> None:
        self._summary = summary
        self._condition = fold(condition_word)
        self._entries = [
            entry
            for entry in summary.buy_box_prices or ()
            if fold(entry.condition) == self._condition
        ]
        self._entry = self._single_unit_entry("b2b" if audience == wire.AUDIENCE_B2B else "b2c")

    def featured_minor(self, amounts: Amounts) -> int | None:
        """Landed price of the featured offer, for a single unit; computed where not stated."""
        entry = self._entry
        if entry is None:
            return None
        field = "Summary.BuyBoxPrices"
        if entry.landed_price is not None:
            return amounts.minor(entry.landed_price, f"{field}.LandedPrice")
        if entry.listing_price is None:
            return None
        landed = amounts.minor(entry.listing_price, f"{field}.ListingPrice")
        if entry.shipping is not None:
            landed += amounts.minor(entry.shipping, f"{field}.Shipping")
        return max(0, landed - amounts.points_minor(entry.points))

    def competitive_minor(self, amounts: Amounts) -> int | None:
        """Amazon's competitive price, landed."""
        threshold = self._summary.competitive_price_threshold
        if threshold is None:
            return None
        return amounts.minor(threshold, "Summary.CompetitivePriceThreshold")

    def status(self, offers: OfferRows) -> wire.BuyBoxStatus:
        """SUPPRESSED needs proof: every offer says it did not win, the summary has no Buy Box
        price of the condition, and it does not say that no offer was eligible."""
        if self._entry is not None or offers.has_winner:
            return wire.BUY_BOX_STATUS_FEATURED
        if offers.all_tell and not self._entries and self._eligible_count() != 0:
            return wire.BUY_BOX_STATUS_SUPPRESSED
        return wire.BUY_BOX_STATUS_UNSPECIFIED

    def _single_unit_entry(self, offer_type: str) -> structs.BuyBoxPrice | None:
        """The entry without a quantity discount, of this audience where the entries tell."""
        entries = [entry for entry in self._entries if entry.quantity_tier in (None, 0, 1)]
        entries.sort(key=lambda entry: fold(entry.offer_type) not in ("", offer_type))
        return entries[0] if entries else None

    def offer_total(self) -> int:
        """Offers that there are, of any condition, shown or not; 0 where the summary has none."""
        if self._summary.total_offer_count is not None:
            return self._summary.total_offer_count
        return sum(entry.offer_count or 0 for entry in self._summary.number_of_offers or ())

    def _eligible_count(self) -> int | None:
        """Offers of the condition that may be featured; None where the summary does not say."""
        summary = self._summary
        counts = summary.number_of_buy_box_eligible_offers
        if counts is None:
            counts = summary.buy_box_eligible_offers
        if counts is None:
            return summary.total_buy_box_eligible_offers
        return sum(
            entry.offer_count or 0 for entry in counts if fold(entry.condition) == self._condition
        )
