"""The terms of listings: bounds as stated, and what changes them for a time or by other prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from engine.keys import text_hash
from engine.promotions import Promotion, changes, promoted, running
from engine.schema import Audience
from engine.stock import narrowed, rule_in_force
from engine.strategy_table import StrategyTable
from engine.terms import Terms
from engine.tiers import Tier, TierPrices, tier_prices


class ListingTerms(StrategyTable):
    """Belongs to the catalogue."""

    coupled: NDArray[np.uint32]
    stock: NDArray[np.void]
    definition_hashes: NDArray[np.uint64]
    fixed_points: dict[int, int]

    def _init_terms(self) -> None:
        self.terms: dict[int, Terms] = {}  # of listings whose row holds other bounds
        self.tiers: dict[int, tuple[Tier, ...]] = {}  # of B2B listings
        self.promotions: dict[int, tuple[Promotion, ...]] = {}  # by listing
        self.next_promotion_ms = 0  # when one begins or ends next; 0: none

    def _hash_definition(self, listing_id: int) -> None:
        points = self.fixed_points.get(listing_id, 0)
        terms = self.terms.get(listing_id, ())
        more = self.tiers.get(listing_id, ()) + self.promotions.get(listing_id, ())
        parts = [part for each in more for part in astuple(each)]
        names = (*self.key_of(listing_id), self.asins[listing_id])
        self.definition_hashes[listing_id] = text_hash(*names, points, *terms, *parts)

    def put_terms(self, listing_id: int, terms: Terms, strategy: int) -> tuple[int, int]:
        """Keeps the seller's own bounds; the bounds that the row is to hold."""
        in_force = self.schedules.bounds_in_force(terms, strategy)
        rules = self.strategies[strategy].stock_rules
        if rules:
            in_force = narrowed(rule_in_force(rules, self.stock[listing_id]), *in_force)
        promotion = self.promotion(listing_id)
        if promotion is not None:
            price = int(self.rows["price_minor"][listing_id])
            in_force = promoted(promotion, terms, in_force, price)
        cap = self.b2c_price(listing_id)
        if cap:
            in_force = in_force[0], min(in_force[1], cap)
        self.terms.pop(listing_id, None)
        if terms.map_minor or in_force != terms[:2]:
            self.terms[listing_id] = terms
        self._hash_definition(listing_id)
        return in_force

    def promotion(self, listing_id: int) -> Promotion | None:
        """The promotion of a listing that is in force."""
        return running(self.promotions.get(listing_id, ()), self.schedules.at_ms)

    def _put_promotions(self, listing_id: int, promotions: tuple[Promotion, ...]) -> None:
        if promotions or listing_id in self.promotions:
            self.promotions.pop(listing_id, None)
            if promotions:
                self.promotions[listing_id] = promotions
                self._note_next(promotions)

    def _note_next(self, promotions: Iterable[Promotion]) -> None:
        next_ms = self.next_promotion_ms
        instants = [each for each in changes(promotions) if each > self.schedules.at_ms]
        self.next_promotion_ms = min([*instants, next_ms] if next_ms else instants, default=0)

    def find_next_promotion(self) -> None:
        """Looks for the next instant at which a promotion begins or ends."""
        self.next_promotion_ms = 0
        for each in self.promotions.values():
            self._note_next(each)

    def promotions_changed(self, after_ms: int) -> list[int]:
        """Listings of which a promotion began or ended after an instant, up to now."""
        now_ms = self.schedules.at_ms
        if not 0 < self.next_promotion_ms <= now_ms:
            return []
        self.find_next_promotion()
        return [
            listing_id
            for listing_id, each in self.promotions.items()
            if any(after_ms < instant <= now_ms for instant in changes(each))
        ]

    def b2c_price(self, listing_id: int) -> int:
        """Price of the B2C listing beside a B2B one; 0: there is none, or it is not B2B."""
        if self.records["audience"][listing_id] != Audience.B2B or not self.coupled[listing_id]:
            return 0
        return int(self.rows["price_minor"][self.coupled[listing_id]])

    def tier_prices(self, listing_id: int, price_minor: int) -> TierPrices:
        """Quantity prices that go out with a price of a listing."""
        tiers = self.tiers.get(listing_id, ())
        return tier_prices(tiers, price_minor, int(self.rows["floor_minor"][listing_id]))
