"""Bounds proposed for a listing that comes without them, and why.

Nothing here puts a price into force: a listing with proposed bounds runs dry until a person states
bounds. The rule is careful in both directions, since a floor that is too low sells at a loss and a
ceiling that is too high loses the Buy Box (docs/decisions/0250).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from engine.bounds.ceiling import ceiling_of
from engine.bounds.definitions import ComputedBounds
from engine.bounds.fees import FULL_BP, divide_up
from engine.bounds.goals import Goal, GoalKind, UnitEconomics
from engine.bounds.solver import good_prices, lowest_floor, safe_floor
from engine.errors import InputError
from engine.money import format_minor
from engine.schema import MAX_PRICE_MINOR

USUAL_GOAL = Goal(GoalKind.MARGIN_NET, 1_000)
"""What a floor earns where the seller names no goal: 10 % of the net price."""
HIGHER_GOAL = Goal(GoalKind.MARGIN_NET, 3_000)
"""What a ceiling earns where the seller names none: 30 % of the net price."""
DOWN_BP = 1_000
"""Without fees a floor is at most so far below the seller's own price."""
UP_BP = 2_500
"""A ceiling is so far above the price that it comes from."""
MOST_UP_BP = 5_000
"""And at most so far, where the Buy Box stands higher."""


class ProposalSource(IntEnum):
    """What proposed bounds come from."""

    COST_AND_FEES = 1
    OWN_PRICE = 2
    MARKET = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What bounds are proposed from. Amounts in minor units of the currency, 0: not known."""

    currency: str
    floor_minor: int = 0
    """As the seller stated it; so for the ceiling. What is stated stays."""
    ceiling_minor: int = 0
    price_minor: int = 0
    """The seller's own."""
    featured_minor: int = 0
    """Item price with which the listing would cost what the featured offer costs."""
    rival_minor: int = 0
    """The same for the competitor whom strategies go by."""
    cost_minor: int = 0
    map_minor: int = 0
    """Lowest price that may be advertised."""
    economics: UnitEconomics | None = None
    """None: cost or fees are not known; else `wanted` has a goal."""
    wanted: ComputedBounds | None = None

    def shown(self, minor: int) -> str:
        """An amount for people."""
        return format_minor(minor, self.currency)


@dataclass(frozen=True, slots=True)
class ProposedBounds:
    """Proposed bounds, whole sentences for people, and what the seller stated itself (0: not)."""

    floor_minor: int
    ceiling_minor: int
    source: ProposalSource
    reasons: tuple[str, ...]
    stated_floor_minor: int = 0
    stated_ceiling_minor: int = 0


def propose(known: Known) -> ProposedBounds:
    """Bounds from the best that is known. Raises InputError where nothing is."""
    reasons: list[str] = []
    found = from_fees(known, reasons)
    source = ProposalSource.COST_AND_FEES
    if found is None and known.price_minor > 0:
        found, source = from_price(known, reasons), ProposalSource.OWN_PRICE
    elif found is None and (known.featured_minor or known.rival_minor) > 0:
        found, source = from_market(known, reasons), ProposalSource.MARKET
    if found is None:
        raise InputError(
            "floor_minor: no bounds can be proposed, because neither cost and fees nor a price is"
            " known; allowed: cost_minor with computed_bounds, or price_minor, or state both"
            " bounds",
            reason="NOTHING_TO_PROPOSE_FROM",
            field="floor_minor",
        )
    floor, ceiling = found
    if known.floor_minor:
        floor = known.floor_minor
        reasons.append("The floor is the one that you stated.")
    if known.ceiling_minor:
        ceiling = known.ceiling_minor
        reasons.append("The ceiling is the one that you stated.")
    elif ceiling < known.map_minor:
        ceiling = known.map_minor
        reasons.append("The ceiling is the lowest price that you may advertise.")
    if ceiling < floor:
        reasons.append("The ceiling would be below the floor; the floor wins.")
        ceiling = floor
    tell_price(known, floor, ceiling, reasons)
    floor, ceiling = (min(each, MAX_PRICE_MINOR) for each in (floor, ceiling))
    return ProposedBounds(
        floor, ceiling, source, tuple(reasons), known.floor_minor, known.ceiling_minor
    )


def from_fees(known: Known, reasons: list[str]) -> tuple[int, int] | None:
    """The floor that earns the goal, and the ceiling that earns the higher one; None where cost
    and fees are not known or no price earns the goal."""
    unit, wanted = known.economics, known.wanted
    if unit is None or wanted is None or wanted.goal is None:
        return None
    solve = lowest_floor if wanted.lowest_floor else safe_floor
    floor = solve(unit, wanted.goal, MAX_PRICE_MINOR).floor_minor
    if floor is None:
        reasons.append(f"With this cost and these fees no price earns {goal_text(wanted.goal)}.")
        return None
    reasons.append(f"From this floor on a sale earns {goal_text(wanted.goal)}.")
    if wanted.has_ceiling:
        ceiling = ceiling_of(unit, wanted, floor, MAX_PRICE_MINOR)
        if ceiling < MAX_PRICE_MINOR:
            reasons.append("The ceiling is the one that computed_bounds.ceiling asks for.")
            return floor, ceiling
    higher = good_or_none(unit, HIGHER_GOAL)
    if higher is None:
        reasons.append(f"The ceiling is {UP_BP // 100} % above the floor.")
        return floor, raised(floor, UP_BP)
    if higher < known.price_minor:
        reasons.append("The ceiling is your price.")
    else:
        reasons.append(f"At the ceiling a sale earns {goal_text(HIGHER_GOAL)}.")
    return floor, max(floor, higher, known.price_minor)


def good_or_none(unit: UnitEconomics, goal: Goal) -> int | None:
    """The first price that earns a goal; None where none does, or where all hardly differ."""
    try:
        good = good_prices(unit, goal, MAX_PRICE_MINOR)
    except InputError:
        return None
    return good[0][0] if good else None


def from_price(known: Known, reasons: list[str]) -> tuple[int, int]:
    """Around the price at which the seller sells now."""
    price = known.price_minor
    floor = divide_up(price * (FULL_BP - DOWN_BP), FULL_BP)
    reasons.append(
        f"The floor is {DOWN_BP // 100} % below your price of {known.shown(price)}: what a sale"
        " earns is not known without cost and fees, so it stays near a price that you chose."
    )
    ceiling = raised(price, UP_BP)
    if known.featured_minor > ceiling:
        ceiling = min(known.featured_minor, raised(price, MOST_UP_BP))
        reasons.append(
            f"The ceiling follows the featured offer of {known.shown(known.featured_minor)}, at"
            f" most {MOST_UP_BP // 100} % above your price."
        )
    else:
        reasons.append(f"The ceiling is {UP_BP // 100} % above your price.")
    lowest = min(each for each in (known.featured_minor, known.rival_minor, price) if each)
    if lowest < floor:
        reasons.append(
            f"Others ask {known.shown(lowest)}, which is below this floor: whether you can follow"
            " depends on your cost."
        )
    return not_below_cost(known, floor, reasons), ceiling


def from_market(known: Known, reasons: list[str]) -> tuple[int, int]:
    """From what others ask, where the seller has no price: never below it."""
    price = known.featured_minor or known.rival_minor
    whose = "featured offer" if known.featured_minor else "cheapest competitor"
    reasons.append(
        f"Neither cost nor a price of yours is known; the floor is the price of the {whose},"
        f" {known.shown(price)}, and the ceiling is {UP_BP // 100} % above it. Compare the floor"
        " with your cost before you accept."
    )
    return not_below_cost(known, price, reasons), raised(price, UP_BP)


def not_below_cost(known: Known, floor: int, reasons: list[str]) -> int:
    """The floor, at least the cost."""
    if known.cost_minor <= floor:
        return floor
    reasons.append(f"The floor is at least your cost of {known.shown(known.cost_minor)}.")
    return known.cost_minor


def tell_price(known: Known, floor: int, ceiling: int, reasons: list[str]) -> None:
    """Says what accepting would do to the present price."""
    if 0 < known.price_minor < floor:
        reasons.append(f"Accepting raises your price from {known.shown(known.price_minor)}.")
    elif known.price_minor > ceiling:
        reasons.append(f"Accepting lowers your price from {known.shown(known.price_minor)}.")


def raised(price_minor: int, by_bp: int) -> int:
    """A price raised by basis points, rounded down."""
    return price_minor * (FULL_BP + by_bp) // FULL_BP


def goal_text(goal: Goal) -> str:
    """A goal in words that follow "earns"."""
    if goal.kind is GoalKind.AMOUNT:
        return "the amount that you named"
    per_cent = f"{goal.value // 100}.{goal.value % 100:02}".removesuffix(".00")
    base = {
        GoalKind.MARGIN_NET: "the net price",
        GoalKind.MARGIN_GROSS: "the price",
        GoalKind.MARKUP: "the cost",
    }[goal.kind]
    return f"at least {per_cent} % of {base}"


def lowest_of(prices: Sequence[int]) -> int:
    """The lowest price; 0 where there is none."""
    return min((each for each in prices if each > 0), default=0)
