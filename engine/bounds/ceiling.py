"""Computed ceilings: by a higher goal, by a distance over the floor, or by the list price."""

from __future__ import annotations

from engine.bounds.definitions import ComputedBounds
from engine.bounds.fees import FULL_BP, check_range
from engine.bounds.goals import UnitEconomics
from engine.bounds.solver import good_prices
from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR


def ceiling_of(unit: UnitEconomics, wanted: ComputedBounds, floor_minor: int, top: int) -> int:
    """Computed ceiling; `top` where none is wanted or no price earns its goal. Raises InputError.

    Amazon's competitive price is no ceiling: it only limits how far a listing without competitors
    climbs.
    """
    given = (wanted.ceiling_goal is not None, wanted.ceiling_over_floor_bp, wanted.list_price_minor)
    if sum(map(bool, given)) > 1:
        raise InputError(
            "computed_bounds.ceiling: allowed is one of a goal, a distance over the floor and a"
            " list price",
            reason="CEILING_INVALID",
            field="computed_bounds.ceiling",
        )
    if wanted.ceiling_over_floor_bp:
        check_range("computed_bounds.ceiling", wanted.ceiling_over_floor_bp, 100 * FULL_BP)
        return floor_minor * (FULL_BP + wanted.ceiling_over_floor_bp) // FULL_BP
    if wanted.list_price_minor:
        check_range("computed_bounds.list_price_minor", wanted.list_price_minor, MAX_PRICE_MINOR)
        return wanted.list_price_minor
    if wanted.ceiling_goal is None:
        return top
    wanted.ceiling_goal.check("computed_bounds.ceiling_goal")
    good = good_prices(unit, wanted.ceiling_goal, top)
    return good[0][0] if good else top
