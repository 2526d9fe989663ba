"""What days of listings come to together: share, price, units, revenue and profit.

An unknown cost makes an unknown profit, which is in no sum; currencies are never added up, so all
listings of one `Figures` share theirs. Averages and amounts are rounded down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.bounds.goals import UnitEconomics
from engine.insights.history import Day
from engine.insights.look import Counts

FULL_BP = 10_000


@dataclass(slots=True)
class Figures:
    """Totals of some listings over some days. Amounts in minor units; None: nothing is known."""

    listings: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    counts: Counts = field(default_factory=Counts)
    units: int | None = None
    revenue_minor: int | None = None
    profit_minor: int | None = None
    units_unpriced: int = 0
    """Units of days on which no live price was seen: in no revenue and no profit."""
    units_without_profit: int = 0
    """Units whose cost or fees are not known, or that were not priced."""

    @property
    def share_bp(self) -> int | None:
        """Looks at which we were featured, of those at which it was known who was."""
        return part_bp(self.counts.ours, self.counts.known)

    @property
    def price_minor(self) -> int | None:
        """Mean live price over the looks that saw one."""
        counts = self.counts
        return counts.price_sum_minor // counts.priced if counts.priced else None

    def add(self, day: Day, economics: UnitEconomics | None) -> None:
        """Adds a listing's day."""
        self.listings.add(day.listing_id)
        self.days.add(day.day)
        self.counts += day.counts
        if day.units is not None:
            self._sell(day, day.units, economics)

    def _sell(self, day: Day, units: int, economics: UnitEconomics | None) -> None:
        """Units at the mean live price of their day."""
        self.units = (self.units or 0) + units
        counts = day.counts
        if counts.priced == 0:
            self.units_unpriced += units
            self.units_without_profit += units
            return
        price = counts.price_sum_minor // counts.priced
        self.revenue_minor = (self.revenue_minor or 0) + units * price
        if economics is None:
            self.units_without_profit += units
            return
        profit = units * economics.profit_scaled(price) // economics.scale
        self.profit_minor = (self.profit_minor or 0) + profit


def figures_of(days: Iterable[Day], economics: Mapping[int, UnitEconomics | None]) -> Figures:
    """Totals of days whose listings share a currency; costs and fees are those of now."""
    found = Figures()
    for day in days:
        found.add(day, economics.get(day.listing_id))
    return found


def part_bp(part: int, whole: int) -> int | None:
    """A part in basis points, rounded down; None of nothing."""
    return part * FULL_BP // whole if whole else None
