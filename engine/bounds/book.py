"""Which listings have computed bounds, from which costs and fees, and what follows from them.

A seller's stated bounds are never widened: the floor in force is the higher of the stated and the
computed one, the ceiling the lower of the two, and the floor wins (strategies.md sections 0 and 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.bounds.ceiling import ceiling_of
from engine.bounds.definitions import ComputedBounds, FeeScheduleDefinition
from engine.bounds.fees import FULL_BP, check_range
from engine.bounds.goals import UnitEconomics
from engine.bounds.proposed import ProposedBounds
from engine.bounds.rates import Rates
from engine.bounds.solver import Gaps, lowest_floor, safe_floor
from engine.checks import check_text, value_error
from engine.errors import InputError, LimitError
from engine.money import currency_index

MAX_FEE_SCHEDULES = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """What bounds of one listing are computed from. Amounts in minor units of its currency."""

    seller_id: str
    currency: str
    wanted: ComputedBounds
    floor_minor: int
    """As the seller stated it."""
    ceiling_minor: int
    cost_minor: int
    shipping_minor: int = 0
    points_minor: int = 0
    points_bp: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds in force. `reachable` False: no price up to the ceiling earns the goal."""

    floor_minor: int
    ceiling_minor: int
    reachable: bool = True
    gaps: Gaps = ()
    """Prices between them that miss the goal."""


@dataclass(slots=True)
class BoundsBook:
    """Fee schedules by (seller id, schedule id) and computed bounds by listing id."""

    schedules: dict[tuple[str, str], FeeScheduleDefinition] = field(default_factory=dict)
    listings: dict[int, Listed] = field(default_factory=dict)
    due: dict[int, None] = field(default_factory=dict)
    """Listings whose fee schedule or exchange rate has changed since their bounds were computed,
    oldest first."""
    gaps: dict[int, Gaps] = field(default_factory=dict)
    """Prices within the bounds of a listing that it never has."""
    proposed: dict[int, ProposedBounds] = field(default_factory=dict)
    """Of listings that nobody has stated bounds for yet; they run dry."""
    rates: Rates = field(default_factory=Rates)

    def put_schedule(self, definition: FeeScheduleDefinition) -> int:
        """Creates or replaces a schedule; its listings become due. The number of those.

        Raises InputError for a bad definition, LimitError when there are too many.
        """
        check_text("seller_id", definition.seller_id)
        check_text("fee_schedule_id", definition.fee_schedule_id)
        if currency_index(definition.currency) == 0:
            raise value_error("currency", definition.currency, "an ISO 4217 code", "CURRENCY")
        definition.fees.check()
        name = (definition.seller_id, definition.fee_schedule_id)
        present = self.schedules.get(name)
        if present is None and len(self.schedules) >= MAX_FEE_SCHEDULES:
            raise LimitError(
                f"fee schedules are limited to {MAX_FEE_SCHEDULES} a server",
                reason="TOO_MANY_FEE_SCHEDULES",
                field="fee_schedule_id",
            )
        users = [] if present is None else self._users(name)
        if present is not None and users and present.currency != definition.currency:
            raise value_error(
                "currency", definition.currency, f"{present.currency}, that of its listings",
                "CURRENCY",
            )  # fmt: skip
        self.schedules[name] = definition
        if definition == present:
            return 0
        self.due.update(dict.fromkeys(users))
        return len(users)

    def bounds_of(self, listed: Listed) -> Bounds:
        """Bounds that follow. Raises InputError for anything that cannot be computed with."""
        wanted, unit = listed.wanted, self.economics_of(listed)
        assert wanted.goal is not None
        top = max(listed.floor_minor, listed.ceiling_minor)
        solve = lowest_floor if wanted.lowest_floor else safe_floor
        solved = solve(unit, wanted.goal, top)
        computed = solved.floor_minor
        floor = max(listed.floor_minor, top if computed is None else computed)
        ceiling = max(floor, min(listed.ceiling_minor, ceiling_of(unit, wanted, floor, top)))
        gaps = tuple(each for each in solved.gaps if each[1] >= floor and each[0] <= ceiling)
        return Bounds(floor, ceiling, computed is not None, gaps)

    def economics_of(self, listed: Listed) -> UnitEconomics:
        """What a unit earns at a price. Raises InputError where fees, goal or cost are missing or
        out of range."""
        wanted, fees = listed.wanted, self._schedule_of(listed).fees
        if wanted.goal is None:
            raise missing("goal", "one of amount_minor, margin and markup")
        if listed.cost_minor <= 0:
            raise InputError(
                "cost_minor is missing: computed_bounds needs what a unit costs, 1 or more",
                reason="COST_MISSING",
                field="cost_minor",
            )
        wanted.goal.check("computed_bounds.goal")
        for name in ("vat_bp", "allowance_bp"):
            shown = f"computed_bounds.{name.removesuffix('bp')}basis_points"
            check_range(shown, getattr(wanted, name), FULL_BP)
        return UnitEconomics(
            fees, listed.cost_minor, listed.shipping_minor, wanted.vat_bp, wanted.fee_vat_lost,
            wanted.allowance_bp, listed.points_minor, listed.points_bp,
        )  # fmt: skip

    def put_gaps(self, listing_id: int, gaps: Gaps) -> None:
        """Keeps the gaps of a listing; most have none."""
        self.gaps.pop(listing_id, None)
        if gaps:
            self.gaps[listing_id] = gaps

    def clear(self, listing_id: int) -> None:
        """Forgets how the bounds of a listing were computed."""
        self.listings.pop(listing_id, None)
        self.gaps.pop(listing_id, None)
        self.due.pop(listing_id, None)

    def forget(self, listing_id: int) -> None:
        """Takes a listing out."""
        self.clear(listing_id)
        self.proposed.pop(listing_id, None)
        self.rates.costs.pop(listing_id, None)

    def erase(self, seller_id: str) -> None:
        """Takes a seller's schedules and rates out; its listings are gone already."""
        self.rates.erase(seller_id)
        for name in [each for each in self.schedules if each[0] == seller_id]:
            del self.schedules[name]

    def take_due(self, limit: int) -> list[int]:
        """At most `limit` due listings, oldest first; they are due no longer."""
        taken = [listing_id for listing_id, _ in zip(self.due, range(limit), strict=False)]
        for listing_id in taken:
            del self.due[listing_id]
        return taken

    def _schedule_of(self, listed: Listed) -> FeeScheduleDefinition:
        name = (listed.seller_id, listed.wanted.fee_schedule_id)
        schedule = self.schedules.get(name)
        if schedule is None:
            raise InputError(
                f"computed_bounds.fee_schedule_id is {name[1]!r}; allowed: a fee schedule of seller"
                f" {name[0]!r}, made with BatchUpsertFeeSchedules",
                reason="UNKNOWN_FEE_SCHEDULE",
                field="computed_bounds.fee_schedule_id",
            )
        if schedule.currency != listed.currency:
            raise value_error(
                "computed_bounds.fee_schedule_id", name[1],
                f"a schedule in {listed.currency}, that of the listing; this one is in"
                f" {schedule.currency}", "CURRENCY",
            )  # fmt: skip
        return schedule

    def _users(self, name: tuple[str, str]) -> Sequence[int]:
        return [
            listing_id
            for listing_id, each in self.listings.items()
            if (each.seller_id, each.wanted.fee_schedule_id) == name
        ]


def missing(name: str, allowed: str) -> InputError:
    """Error about a part of computed bounds that is not given."""
    return InputError(
        f"computed_bounds.{name} is missing; allowed: {allowed}",
        reason=f"{name.upper()}_MISSING",
        field=f"computed_bounds.{name}",
    )
