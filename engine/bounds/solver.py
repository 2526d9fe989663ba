"""Every price that earns a goal, exactly, without trying every price.

Between two breakpoints of the fees the surplus is a straight line but for the rounding of fees and
points, which can move it by a known width at most. Where the line is further from zero than that,
its sign is certain; the few prices in between are evaluated one by one. Nothing is bisected: fees
that jump make the set of good prices fall apart, and a search would find one of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.bounds.fees import FULL_BP, divide_up
from engine.bounds.goals import Goal, UnitEconomics
from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR

MAX_EVALUATED = 200_000
"""Prices evaluated one by one for one goal; a goal that needs more is as good as flat."""

Interval = tuple[int, int]
"""Lowest and highest item price of a run of prices, both included."""
Gaps = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class ComputedFloor:
    """A floor, and the runs of prices over it that miss the goal.

    `floor_minor` None: no price up to the ceiling earns the goal.
    """

    floor_minor: int | None
    gaps: tuple[Interval, ...] = ()

    def snap(self, price_minor: int) -> int:
        """The price itself, or, in a gap, the highest good price under it."""
        return snapped(self.gaps, price_minor, 1, MAX_PRICE_MINOR)


def snapped(gaps: Gaps, price_minor: int, floor_minor: int, ceiling_minor: int) -> int:
    """The price itself, or, in a gap, the highest good price under it; where the floor forbids
    that, the lowest good one over it. 0: the bounds leave none."""
    for low, high in gaps:
        if low <= price_minor <= high:
            if low > floor_minor:
                return low - 1
            return high + 1 if high < ceiling_minor else 0
    return price_minor


def good_prices(economics: UnitEconomics, goal: Goal, ceiling_minor: int) -> list[Interval]:
    """All item prices from 1 to the ceiling that earn the goal, as rising, separate intervals.

    Raises InputError, reason GOAL_TOO_FLAT, if the profit changes so little with the price that
    more than MAX_EVALUATED prices would have to be looked at.
    """
    found: list[Interval] = []
    for low, high in pieces(economics, ceiling_minor):
        for start, end in piece_intervals(economics, goal, low, high):
            if found and found[-1][1] == start - 1:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def safe_floor(economics: UnitEconomics, goal: Goal, ceiling_minor: int) -> ComputedFloor:
    """The least price from which on every price up to the ceiling earns the goal."""
    good = good_prices(economics, goal, ceiling_minor)
    if not good or good[-1][1] < ceiling_minor:
        return ComputedFloor(None)
    return ComputedFloor(good[-1][0])


def lowest_floor(economics: UnitEconomics, goal: Goal, ceiling_minor: int) -> ComputedFloor:
    """The least price that earns the goal, with the gaps above it up to the ceiling."""
    good = good_prices(economics, goal, ceiling_minor)
    if not good:
        return ComputedFloor(None)
    starts = [start for start, _ in good[1:]] + [ceiling_minor + 1]
    gaps = ((end + 1, start - 1) for (_, end), start in zip(good, starts, strict=True))
    return ComputedFloor(good[0][0], tuple((low, high) for low, high in gaps if low <= high))


def pieces(economics: UnitEconomics, ceiling_minor: int) -> Iterator[Interval]:
    """Cuts 1 to the ceiling where a fee changes its line: tiers, bands, minimum referral fee."""
    fees, shipping = economics.fees, economics.shipping_minor
    ends = {ceiling_minor}
    ends.update(tier.up_to_minor - shipping for tier in fees.tiers if tier.up_to_minor is not None)
    ends.update(band.up_to_minor for band in fees.bands if band.up_to_minor is not None)
    low = 1
    for end in sorted(ends):
        high = min(end, ceiling_minor)
        if high < low:
            continue
        rate, extra = fees.referral_line(low + shipping)
        if rate:
            last = (fees.minimum_minor * FULL_BP - extra) // rate - shipping
            if low <= last < high:
                yield low, last
                low = last + 1
        yield low, high
        low = high + 1


def piece_intervals(
    economics: UnitEconomics, goal: Goal, low: int, high: int
) -> Iterator[Interval]:
    """The good prices of one piece: certain ones by the line, uncertain ones by evaluation."""
    slope, upper, width = line_of(economics, goal, low)
    first, last = low, high
    certain: Interval | None = None
    if slope > 0:
        first = max(low, divide_up(-upper, slope))
        sure = max(low, divide_up(width - upper, slope))
        certain, last = (sure, high), min(high, sure - 1)
    elif slope < 0:
        last = min(high, upper // -slope)
        sure = min(high, (upper - width) // -slope)
        certain, first = (low, sure), max(low, sure + 1)
    elif upper < 0 or upper >= width:
        certain, first = (low, high if upper >= width else low - 1), high + 1
    if certain is not None and slope <= 0 and certain[0] <= certain[1]:
        yield certain
    yield from evaluated(economics, goal, first, last)
    if certain is not None and slope > 0 and certain[0] <= certain[1]:
        yield certain


def line_of(economics: UnitEconomics, goal: Goal, item_minor: int) -> tuple[int, int, int]:
    """(slope, upper, width) of the piece that holds a price.

    The surplus at p, times scale * 10000 ** 2, is between slope * p + upper - width and
    slope * p + upper.
    """
    fees, unit = economics.fees, FULL_BP * FULL_BP
    gross = item_minor + economics.shipping_minor
    rate, extra = fees.referral_line(gross)
    if divide_up(rate * gross + extra, FULL_BP) <= fees.minimum_minor:
        rate, extra = 0, fees.minimum_minor * FULL_BP
    with_service = FULL_BP + fees.digital_services_bp
    goal_slope, goal_constant = economics.goal_line(goal)
    by_gross = (
        FULL_BP * (FULL_BP - economics.allowance_bp) - goal_slope
    ) * unit - economics.fee_weight * rate * with_service
    slope = by_gross - economics.scale * economics.points_bp * FULL_BP
    charged = fees.fulfilment_minor(item_minor) + fees.fixed_minor
    constant = (
        by_gross * economics.shipping_minor
        - economics.fee_weight * (extra * with_service + charged * unit)
        - economics.scale * (economics.cost_minor + economics.points_minor) * unit
        - goal_constant * unit
    )
    # Two fees are rounded up, the points down.
    points = economics.scale * unit
    width = economics.fee_weight * (with_service * FULL_BP + unit) + points
    return slope, constant + points, width


def evaluated(economics: UnitEconomics, goal: Goal, first: int, last: int) -> Iterator[Interval]:
    """The good prices from first to last, each evaluated exactly."""
    if last - first >= MAX_EVALUATED:
        raise InputError(
            f"computed_bounds.goal is {goal.kind.value} {goal.value}: between {first} and {last}"
            " profit hardly changes with the price, so no bound follows; allowed: another goal",
            reason="GOAL_TOO_FLAT",
            field="computed_bounds.goal",
        )
    start: int | None = None
    for price in range(first, last + 1):
        good = economics.surplus_scaled(goal, price) >= 0
        if good and start is None:
            start = price
        elif not good and start is not None:
            yield start, price - 1
            start = None
    if start is not None:
        yield start, last
