"""What is to be earned on a unit, and by how much a price misses or beats it.

With item price p, shipping s paid by the buyer, gross g = p + s and value-added tax v:

    net     = g / (1 + v)
    profit  = net - f * (referral(g) + fulfilment(p) + fixed) - cost - k * net - points(p)

f is 1, or 1 + v where the tax on Amazon's fees is not recovered. All amounts here are multiplied by
(10000 + v) * 10000, so that nothing is divided and nothing is rounded but the fees themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from engine.bounds.fees import FULL_BP, FeeSchedule
from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR

MAX_MARKUP_BP = 1_000_000


@unique
class GoalKind(Enum):
    """What a goal is measured by."""

    AMOUNT = "amount"
    """Profit of at least so many minor units."""
    MARGIN_NET = "margin_net"
    """Profit of at least so many basis points of the net revenue."""
    MARGIN_GROSS = "margin_gross"
    """Profit of at least so many basis points of the gross price."""
    MARKUP = "markup"
    """Profit of at least so many basis points of the cost."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be earned. `value` is minor units for AMOUNT, else basis points.

    A negative AMOUNT allows a loss.
    """

    kind: GoalKind
    value: int

    def check(self, name: str = "goal") -> None:
        """Raises InputError for a value outside its range."""
        most = {GoalKind.AMOUNT: MAX_PRICE_MINOR, GoalKind.MARKUP: MAX_MARKUP_BP}
        least = -MAX_PRICE_MINOR if self.kind is GoalKind.AMOUNT else 0
        if not least <= self.value <= most.get(self.kind, FULL_BP):
            raise InputError(
                f"{name} is {self.value}: allowed for {self.kind.value} are {least} to"
                f" {most.get(self.kind, FULL_BP)}",
                reason="GOAL_INVALID",
                field=name,
            )


@dataclass(frozen=True, slots=True)
class UnitEconomics:
    """One listing's costs. Amounts in minor units of its currency, cost without recoverable tax."""

    fees: FeeSchedule
    cost_minor: int
    """Goods, freight, duty and preparation up to the fulfilment centre."""
    shipping_minor: int = 0
    """What the buyer pays for shipping."""
    vat_bp: int = 0
    """Value-added tax that the price includes; 0 where prices are shown without tax."""
    fee_vat_lost: bool = False
    """The tax on Amazon's fees is not recovered."""
    allowance_bp: int = 0
    """Set aside for returns and advertising, of the net revenue."""
    points_minor: int = 0
    points_bp: int = 0
    """Points given to the buyer, of the item price, rounded down as in the landed price."""

    @property
    def scale(self) -> int:
        """What amounts are multiplied by."""
        return (FULL_BP + self.vat_bp) * FULL_BP

    @property
    def fee_weight(self) -> int:
        """What a minor unit of fees takes from the profit, scaled."""
        return self.scale + (self.scale * self.vat_bp // FULL_BP if self.fee_vat_lost else 0)

    def profit_scaled(self, item_minor: int) -> int:
        """Profit of a sale at an item price, times `scale`; exact."""
        gross = item_minor + self.shipping_minor
        fees = self.fees.referral_minor(gross) + self.fees.fulfilment_minor(item_minor)
        points = self.points_minor + item_minor * self.points_bp // FULL_BP
        return (
            gross * FULL_BP * (FULL_BP - self.allowance_bp)
            - self.fee_weight * (fees + self.fees.fixed_minor)
            - self.scale * (self.cost_minor + points)
        )

    def surplus_scaled(self, goal: Goal, item_minor: int) -> int:
        """Profit over the goal at an item price, times `scale`; negative: the goal is missed."""
        slope, constant = self.goal_line(goal)
        gross = item_minor + self.shipping_minor
        return self.profit_scaled(item_minor) - slope * gross - constant

    def goal_line(self, goal: Goal) -> tuple[int, int]:
        """(slope, constant): the goal, scaled, is slope * gross + constant."""
        if goal.kind is GoalKind.AMOUNT:
            return 0, goal.value * self.scale
        if goal.kind is GoalKind.MARKUP:
            return 0, goal.value * self.cost_minor * (FULL_BP + self.vat_bp)
        if goal.kind is GoalKind.MARGIN_NET:
            return goal.value * FULL_BP, 0
        return goal.value * (FULL_BP + self.vat_bp), 0
