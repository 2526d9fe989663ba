"""Quantity prices of B2B listings: what is wanted, checked when it comes, and what goes out.

A buyer of more pays less a piece: quantities rise, and each price is lower than the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.schema import MAX_PRICE_MINOR, MAX_TIERS, Audience
from engine.timetable_checks import refuse

FULL_BP = 10_000
MAX_QUANTITY = 1_000_000

TierPrices = tuple[tuple[int, int], ...]
"""Quantity from which on a price holds, and that price, minor units."""


@dataclass(frozen=True, slots=True)
class Tier:
    """From `quantity` on: a price (minor units), or so many basis points below the base price."""

    quantity: int
    price_minor: int = 0
    discount_bp: int = 0


def check_tiers(tiers: tuple[Tier, ...], audience: int) -> None:
    """Raises InputError for the first tier that is not allowed."""
    if not tiers:
        return
    if audience != Audience.B2B:
        raise refuse("quantity_tiers", len(tiers), "none but for a B2B listing", "TIERS_INVALID")
    if len(tiers) > MAX_TIERS:
        raise refuse("quantity_tiers", len(tiers), f"at most {MAX_TIERS}", "TIERS_INVALID")
    fixed = tiers[0].price_minor != 0
    before = Tier(1, MAX_PRICE_MINOR + 1, 0)
    for place, tier in enumerate(tiers):
        check_tier(f"quantity_tiers[{place}]", tier, before, fixed)
        before = tier


def check_tier(path: str, tier: Tier, before: Tier, fixed: bool) -> None:
    """One tier beside the one before it. Raises InputError."""
    if not before.quantity < tier.quantity <= MAX_QUANTITY:
        allowed = f"{before.quantity + 1} to {MAX_QUANTITY}: quantities rise"
        raise refuse(f"{path}.quantity", tier.quantity, allowed, "TIER_INVALID")
    if fixed:
        if tier.discount_bp:
            allowed = "none where the tiers have prices"
            raise refuse(f"{path}.discount_basis_points", tier.discount_bp, allowed, "TIER_INVALID")
        if not 0 < tier.price_minor < before.price_minor:
            allowed = f"1 to {before.price_minor - 1}: prices fall"
            raise refuse(f"{path}.price_minor", tier.price_minor, allowed, "TIER_INVALID")
        return
    if tier.price_minor:
        allowed = "none where the tiers have discounts"
        raise refuse(f"{path}.price_minor", tier.price_minor, allowed, "TIER_INVALID")
    if not before.discount_bp < tier.discount_bp < FULL_BP:
        allowed = f"{before.discount_bp + 1} to {FULL_BP - 1}: discounts rise"
        raise refuse(f"{path}.discount_basis_points", tier.discount_bp, allowed, "TIER_INVALID")


def tier_prices(tiers: tuple[Tier, ...], base_minor: int, floor_minor: int) -> TierPrices:
    """What goes out with a base price: each price lower than the one before.

    A tier that would not be lower is left out. One below the floor is left out with all after it;
    it is never lifted, since equal prices are refused by the marketplace.
    """
    found: list[tuple[int, int]] = []
    before = base_minor
    for tier in tiers:
        price = tier.price_minor or base_minor * (FULL_BP - tier.discount_bp) // FULL_BP
        if price < max(1, floor_minor):
            break
        if price < before:
            found.append((tier.quantity, price))
            before = price
    return tuple(found)
