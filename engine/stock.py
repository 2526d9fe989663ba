"""What is in stock, and the rules by which bounds follow it.

A rule only narrows the seller's bounds: it raises the floor, for what is nearly sold out, or lowers
the ceiling, for what lies too long. The first rule that fits decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from engine.timetable_checks import refuse

STOCK = np.dtype([("event_ms", "<i8"), ("quantity", "<u4"), ("age_days", "<u4")])
"""What was reported last of a listing; `event_ms` 0: nothing yet."""

AGE_UNKNOWN = 2**32 - 1
"""`age_days` of a report that says nothing of it."""

MAX_RULES = 8
FULL_BP = 10_000
MAX_RAISE_BP = 100_000
MAX_NUMBER = 1_000_000


class StockMeasure(IntEnum):
    """What a rule looks at."""

    QUANTITY_AT_MOST = 1
    QUANTITY_AT_LEAST = 2
    AGE_DAYS_AT_LEAST = 3


@dataclass(frozen=True, slots=True)
class StockRule:
    """Either rate is zero. A raised floor rounds up, a lowered ceiling down."""

    measure: int
    number: int
    raise_floor_bp: int = 0
    lower_ceiling_bp: int = 0


def check_rules(rules: tuple[StockRule, ...]) -> None:
    """Raises InputError for the first rule that is not allowed."""
    if len(rules) > MAX_RULES:
        raise refuse("stock_rules", f"{len(rules)} rules", f"at most {MAX_RULES}", "STOCK_RULES")
    for place, rule in enumerate(rules):
        path = f"stock_rules[{place}]"
        if rule.measure not in set(StockMeasure):
            names = ", ".join(each.name.lower() for each in StockMeasure)
            raise refuse(f"{path}.when", "", f"one of {names}", "STOCK_RULE_INVALID")
        name = f"{path}.{StockMeasure(rule.measure).name.lower()}"
        least = 0 if rule.measure == StockMeasure.AGE_DAYS_AT_LEAST else 1
        if not least <= rule.number <= MAX_NUMBER:
            raise refuse(name, rule.number, f"{least} to {MAX_NUMBER}", "STOCK_RULE_INVALID")
        name, rate, most = f"{path}.raise_floor_basis_points", rule.raise_floor_bp, MAX_RAISE_BP
        if rule.lower_ceiling_bp:
            name, rate, most = f"{path}.lower_ceiling_basis_points", rule.lower_ceiling_bp, FULL_BP
        if not 1 <= rate <= most:
            raise refuse(name, rate, f"1 to {most}", "STOCK_RULE_INVALID")


def rule_in_force(rules: tuple[StockRule, ...], stock: np.void) -> StockRule | None:
    """The first rule that fits what was reported of a listing (`STOCK`)."""
    if stock["event_ms"] == 0:
        return None
    quantity, age = int(stock["quantity"]), int(stock["age_days"])
    for rule in rules:
        if rule.measure == StockMeasure.AGE_DAYS_AT_LEAST:
            fits = age != AGE_UNKNOWN and age >= rule.number
        elif rule.measure == StockMeasure.QUANTITY_AT_MOST:
            fits = quantity <= rule.number
        else:
            fits = quantity >= rule.number
        if fits:
            return rule
    return None


def narrowed(rule: StockRule | None, floor: int, ceiling: int) -> tuple[int, int]:
    """Bounds with a rule in force: neither below the floor nor above the ceiling as they were."""
    if rule is None or ceiling <= floor:
        return floor, ceiling
    if rule.raise_floor_bp:
        return min(ceiling, floor + -(-floor * rule.raise_floor_bp // FULL_BP)), ceiling
    return floor, max(floor, ceiling * (FULL_BP - rule.lower_ceiling_bp) // FULL_BP)
