"""What Amazon charges for a sale at a price.

A referral fee comes in tiers of the gross price, a fulfilment fee in bands of the item price. Each
fee is rounded up to the minor unit, so that a computed bound never promises more than is earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, unique

from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR

FULL_BP = 10_000
MAX_TIERS = 20
MAX_BANDS = 20


@unique
class TierKind(Enum):
    """How the tiers of a referral fee add up."""

    PORTION = "portion"
    """Each slice of the price is charged at the rate of its own tier."""
    WHOLE = "whole"
    """The whole price is charged at the rate of the tier that it falls into."""


@dataclass(frozen=True, slots=True)
class ReferralTier:
    """A rate up to and including a gross price. `up_to_minor` None: every price above."""

    up_to_minor: int | None
    rate_bp: int


@dataclass(frozen=True, slots=True)
class FulfilmentBand:
    """A fee up to and including an item price. `up_to_minor` None: every price above."""

    up_to_minor: int | None
    fee_minor: int


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Everything that Amazon charges for one unit, in minor units of the listing's currency."""

    tiers: tuple[ReferralTier, ...]
    kind: TierKind | None = TierKind.PORTION
    """None: a kind that is not known, which `check` refuses."""
    minimum_minor: int = 0
    """The least referral fee of a sale."""
    digital_services_bp: int = 0
    """Digital services fee, on top of the referral fee, as a part of it."""
    bands: tuple[FulfilmentBand, ...] = field(default=(FulfilmentBand(None, 0),))
    """FBA fee by price band, or what the seller pays for shipping."""
    fixed_minor: int = 0
    """Everything else per unit."""

    def check(self) -> None:
        """Raises InputError, with the field's name, for tiers or bands that do not rise or that
        leave prices without a fee, and for amounts and rates outside their range."""
        if self.kind is None:
            raise InputError(
                "tier_kind is not known; allowed: PORTION, WHOLE",
                reason="FEES_INVALID",
                field="tier_kind",
            )
        check_steps("referral_tiers", [tier.up_to_minor for tier in self.tiers], MAX_TIERS)
        check_steps("fulfilment_bands", [band.up_to_minor for band in self.bands], MAX_BANDS)
        for place, tier in enumerate(self.tiers):
            check_range(f"referral_tiers[{place}].rate_basis_points", tier.rate_bp, FULL_BP)
        for place, band in enumerate(self.bands):
            check_range(f"fulfilment_bands[{place}].fee_minor", band.fee_minor, MAX_PRICE_MINOR)
        check_range("minimum_referral_minor", self.minimum_minor, MAX_PRICE_MINOR)
        check_range("digital_services_basis_points", self.digital_services_bp, FULL_BP)
        check_range("fixed_minor", self.fixed_minor, MAX_PRICE_MINOR)

    def referral_minor(self, gross_minor: int) -> int:
        """Referral fee of a gross price, with its minimum and the digital services fee on it."""
        rate, extra = self.referral_line(gross_minor)
        fee = max(self.minimum_minor, divide_up(rate * gross_minor + extra, FULL_BP))
        return fee + divide_up(fee * self.digital_services_bp, FULL_BP)

    def referral_line(self, gross_minor: int) -> tuple[int, int]:
        """(rate, extra): within its tier the fee is (rate * gross + extra) / 10000, unrounded."""
        extra = below = 0
        for tier in self.tiers:
            if tier.up_to_minor is None or gross_minor <= tier.up_to_minor:
                return tier.rate_bp, extra - below * tier.rate_bp
            if self.kind is TierKind.PORTION:
                extra += (tier.up_to_minor - below) * tier.rate_bp
                below = tier.up_to_minor
        raise AssertionError("the last tier covers every price")

    def fulfilment_minor(self, item_minor: int) -> int:
        """Fulfilment fee of an item price."""
        for band in self.bands:
            if band.up_to_minor is None or item_minor <= band.up_to_minor:
                return band.fee_minor
        raise AssertionError("the last band covers every price")


@dataclass(frozen=True, slots=True)
class FeePreview:
    """What Amazon expects to charge at an item price, in minor units; None: not said."""

    currency: str
    price_minor: int
    referral_minor: int | None
    fulfilment_minor: int | None


def check_steps(name: str, ends: Sequence[int | None], most: int) -> None:
    """Ends rise strictly and only the last is open. Raises InputError."""
    if not 1 <= len(ends) <= most:
        raise InputError(
            f"{name} has {len(ends)} entries: allowed are 1 to {most}",
            reason="FEES_INVALID",
            field=name,
        )
    before = 0
    for place, end in enumerate(ends[:-1]):
        if end is None or not before < end <= MAX_PRICE_MINOR:
            raise InputError(
                f"{name}[{place}].up_to_minor is {end}: must be over {before}, the end of the one"
                f" before, and at most {MAX_PRICE_MINOR}",
                reason="FEES_INVALID",
                field=f"{name}[{place}].up_to_minor",
            )
        before = end
    if ends[-1] is not None:
        raise InputError(
            f"{name}[{len(ends) - 1}].up_to_minor is {ends[-1]}: prices above have no fee; the last"
            " entry must be open",
            reason="FEES_INVALID",
            field=f"{name}[{len(ends) - 1}].up_to_minor",
        )


def check_range(name: str, value: int, most: int) -> None:
    """0 <= value <= most. Raises InputError with the field's name."""
    if not 0 <= value <= most:
        raise InputError(
            f"{name} is {value}: allowed are 0 to {most}", reason="FEES_INVALID", field=name
        )


def divide_up(numerator: int, denominator: int) -> int:
    """Quotient rounded towards plus infinity; the denominator is positive."""
    return -(-numerator // denominator)
