"""Checks of PUSH and DAILY_PUSH: every refusal names field, value and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import MAX_PRICE_MINOR, MAX_PUSH_STEPS, PercentOf, StrategyKind
from engine.timetable_checks import refuse

if TYPE_CHECKING:
    from engine.columns import ListingDefinition
    from engine.strategies import PushStep, StrategyDefinition
    from engine.strategy_table import StrategyTable

COUNTED_WITH = (
    "start_minor", "push_steps", "period_ms", "push_rules", "percent_of", "keep_buy_box",
    "count_by",
)  # fmt: skip
MAX_UNITS = 1_000_000
MAX_TIMES = 10_000
HOUR_MS, LONGEST_PERIOD_MS = 3_600_000, 365 * 24 * 3_600_000
MAX_DELTA_BP = 10_000


def check_push(definition: StrategyDefinition) -> None:
    """Raises InputError for the first field of the kind that is not allowed."""
    daily = definition.kind == StrategyKind.DAILY_PUSH
    name = "daily_push" if daily else "push"
    if not 0 < definition.start_minor <= MAX_PRICE_MINOR:
        raise refuse(
            f"{name}.start_price_minor", definition.start_minor, f"1 to {MAX_PRICE_MINOR}",
            "PRICE_NOT_POSITIVE",
        )  # fmt: skip
    steps, rules = definition.push_steps, definition.push_rules
    if len(steps) > MAX_PUSH_STEPS:
        raise refuse(
            f"{name}.steps", f"{len(steps)} steps", f"at most {MAX_PUSH_STEPS}", "STEPS_INVALID"
        )
    for place, step in enumerate(steps):
        check_step(f"{name}.steps[{place}]", step, 1)
    if daily:
        units = [step.units for step in steps]
        if units != sorted(set(units)):
            raise refuse("daily_push.steps", units, "units that rise", "STEPS_INVALID")
        return
    if definition.percent_of not in set(PercentOf):
        raise refuse("push.percent_of", definition.percent_of, "CURRENT or START", "PERCENT_OF")
    if len(rules) > MAX_PUSH_STEPS:
        raise refuse(
            "push.rules", f"{len(rules)} rules", f"at most {MAX_PUSH_STEPS}", "RULES_INVALID"
        )
    for place, rule in enumerate(rules):
        check_step(f"push.rules[{place}]", rule, 0)
    low = HOUR_MS if rules else 0
    if not low <= definition.period_ms <= LONGEST_PERIOD_MS:
        raise refuse(
            "push.period_ms", definition.period_ms, f"{low} to {LONGEST_PERIOD_MS}",
            "PERIOD_INVALID",
        )  # fmt: skip
    if not steps and not rules:
        raise refuse("push.steps", [], "at least one step or rule", "STEPS_INVALID")


def check_step(path: str, step: PushStep, least_units: int) -> None:
    """One step, threshold or rule."""
    if not least_units <= step.units <= MAX_UNITS:
        raise refuse(f"{path}.units", step.units, f"{least_units} to {MAX_UNITS}", "UNITS_INVALID")
    if not 1 <= step.times <= MAX_TIMES:
        raise refuse(f"{path}.times", step.times, f"1 to {MAX_TIMES}", "TIMES_INVALID")
    delta = step.delta
    if abs(delta.amount_minor) > MAX_PRICE_MINOR or abs(delta.basis_points) > MAX_DELTA_BP:
        raise refuse(
            f"{path}.delta", delta.basis_points or delta.amount_minor,
            f"up to {MAX_DELTA_BP} basis points or {MAX_PRICE_MINOR} either way", "DELTA_INVALID",
        )  # fmt: skip
    if not delta.amount_minor and not delta.basis_points:
        raise refuse(f"{path}.delta", 0, "a change other than zero", "DELTA_INVALID")


def check_start(listing: ListingDefinition, strategy: StrategyDefinition) -> None:
    """A listing has room for the start price of its strategy. Raises InputError."""
    if strategy.kind not in (StrategyKind.PUSH, StrategyKind.DAILY_PUSH):
        return
    floor, ceiling = listing.floor_minor or 0, listing.ceiling_minor or 0
    if not floor <= strategy.start_minor <= max(floor, ceiling):
        raise refuse(
            "strategy_id", listing.strategy_id,
            f"a strategy whose start_price_minor, now {strategy.start_minor}, lies within"
            f" {floor} to {max(floor, ceiling)}", "START_OUTSIDE_BOUNDS",
        )  # fmt: skip


def check_in_use(catalog: StrategyTable, index: int, wanted: StrategyDefinition) -> None:
    """What listings count with changes only where they begin again, and all have room for the
    start price. Raises InputError."""
    if wanted.kind not in (StrategyKind.PUSH, StrategyKind.DAILY_PUSH):
        return
    name = "daily_push" if wanted.kind == StrategyKind.DAILY_PUSH else "push"
    users = catalog.listings_using({index}).tolist()
    if not users:
        return
    present = catalog.strategies[index]
    same = all(getattr(present, each) == getattr(wanted, each) for each in COUNTED_WITH)
    if name == "push" and not same and not wanted.restart:
        raise refuse(
            "push.restart", False,
            f"true, to let the {len(users)} listings of the strategy begin again at its start"
            " price", "PUSH_IN_USE",
        )  # fmt: skip
    for listing_id in users:
        floor, ceiling, _ = catalog.own_terms(listing_id)
        if not floor <= wanted.start_minor <= max(floor, ceiling):
            raise refuse(
                f"{name}.start_price_minor", wanted.start_minor,
                f"a price within the bounds of listing {listing_id}, {floor} to"
                f" {max(floor, ceiling)}", "START_OUTSIDE_BOUNDS",
            )  # fmt: skip
