"""What the simulator knows of marketplaces, centres and Amazon's policy.

Written from the published policy and on purpose not from the product's `policy.toml`: two
independent readings of the same rules must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

POLICY_CHANGE = date(2024, 10, 23)
"""Since this day of filing a centre's loss is claimed within 60 days; before, within 18 months."""

SOURCING_VALUE_SINCE = date(2025, 3, 31)
"""Since this day a unit that was lost before an order is worth its sourcing cost."""

PROACTIVE_WAIT_DAYS = 30
REIMBURSEMENT_LAG_DAYS = 5
TIGHT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Market:
    """One marketplace: names, money and centres."""

    country: str
    name: str
    marketplace_id: str
    currency: str
    exponent: int
    region: str
    centres: tuple[str, ...]
    settlement_days: int

    def text(self, minor: int) -> str:
        """An amount as Amazon writes it."""
        if self.exponent == 0:
            return str(minor)
        sign, whole = ("-", -minor) if minor < 0 else ("", minor)
        return f"{sign}{whole // 100}.{whole % 100:02d}"


MARKETS = {
    each.country: each
    for each in (
        Market("US", "Amazon.com", "ATVPDKIKX0DER", "USD", 2, "US", ("PHX6", "MDW2"), 28),
        Market("DE", "Amazon.de", "A1PA6795UKMFR9", "EUR", 2, "EU", ("LEJ1", "DTM2"), 28),
        Market("FR", "Amazon.fr", "A13V1IB3VIYZZH", "EUR", 2, "EU", ("ORY1", "LIL1"), 28),
        Market("IT", "Amazon.it", "APJ6JRA9NG5V4", "EUR", 2, "EU", ("MXP5", "BLQ1"), 28),
        Market("JP", "Amazon.co.jp", "A1VC38T7YXB528", "JPY", 0, "JP", ("NRT1", "KIX2"), 28),
    )
}


@dataclass(frozen=True, slots=True)
class Window:
    """Days after the event in which one may file.

    `certain` None: the sources leave open whether the window, or what rests on it, is certain.
    """

    not_before: int
    not_after: int
    certain: bool | None = True
    after_open: int = 0

    @property
    def ready_from(self) -> int:
        """First day after the event on which a claim is ready to be filed."""
        day = max(self.not_before + self.after_open, PROACTIVE_WAIT_DAYS)
        if day > self.not_after - TIGHT_DAYS:
            day = max(self.not_before, self.not_after - TIGHT_DAYS)
        return day

    def state(self, age: int) -> str:
        """`waiting`, `ready` or `expired` for an event `age` days ago."""
        if age > self.not_after:
            return "expired"
        return "ready" if age >= self.ready_from else "waiting"

    def ages(self) -> dict[str, int]:
        """The days that tell a right window from a wrong one."""
        return {
            "before": self.ready_from - 1,
            "first": self.ready_from,
            "middle": (self.ready_from + self.not_after) // 2,
            "last": self.not_after,
            "after": self.not_after + 1,
        }


RETURN_WINDOWS = {"US": (60, 120), "EU": (45, 105)}

WINDOWS = {
    "removal_lost": Window(15, 75),
    "removal_incomplete": Window(0, 60),
    "refund_exceeds_price": Window(0, 60, certain=False),
    "refund_fee_not_returned": Window(0, 90, certain=None),
    "inbound_short": Window(0, 180, certain=False),
    "fee_dimensions": Window(0, 90, certain=False),
    "referral_fee_overcharge": Window(0, 90, certain=None),
    "storage_fee_overcharge": Window(0, 90, certain=None),
    "reimbursement_underpaid": Window(0, 60),
    "reimbursement_reversed": Window(0, 60, certain=False),
    "reimbursement_missing": Window(0, 60),
}


def window(rule: str, country: str, filing: date) -> Window:
    """The window of a rule in a marketplace on the day of filing."""
    if rule in {"warehouse_lost", "warehouse_damaged", "disposed_without_request"}:
        return Window(0, 60 if filing >= POLICY_CHANGE else 545)
    if rule in {"return_missing", "return_damaged_by_amazon", "replacement_not_returned"}:
        days = RETURN_WINDOWS.get(MARKETS[country].region)
        if days is None:
            return Window(60, 120, certain=False)
        return Window(*days, after_open=7 if rule == "return_missing" else 0)
    if rule == "return_not_restocked":
        return Window(0, 60, certain=False)
    return WINDOWS[rule]
