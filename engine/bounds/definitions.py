"""What callers say of fees, and of how a listing's bounds are to be computed."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bounds.fees import FeeSchedule
from engine.bounds.goals import Goal


@dataclass(frozen=True, slots=True)
class FeeScheduleDefinition:
    """What Amazon charges for the listings that name it. Amounts in minor units of `currency`."""

    seller_id: str
    fee_schedule_id: str
    currency: str
    fees: FeeSchedule


@dataclass(frozen=True, slots=True)
class ComputedBounds:
    """How a listing's bounds are computed. Rates in basis points."""

    fee_schedule_id: str
    goal: Goal | None
    vat_bp: int = 0
    fee_vat_lost: bool = False
    allowance_bp: int = 0
    ceiling_goal: Goal | None = None
    """The ceiling is the first price that earns this; None: it does not come from a goal."""
    ceiling_over_floor_bp: int = 0
    """The ceiling is so much over the floor; 0: it does not follow the floor."""
    lowest_floor: bool = False
    """The floor is the least good price; prices above it that are not good are gaps."""
    list_price_minor: int = 0
    """The ceiling is the list price (MSRP); 0: it does not come from one."""

    @property
    def has_ceiling(self) -> bool:
        """Whether the ceiling is computed too."""
        return bool(self.ceiling_goal or self.ceiling_over_floor_bp or self.list_price_minor)
