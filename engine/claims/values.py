"""What a unit is worth, and how sure that is."""

from __future__ import annotations

from datetime import date

import duckdb

from engine.claims.candidates import Candidate
from engine.claims.claim import Grade
from engine.claims.policy import Policy
from engine.claims.rules import shared_sql

__all__ = ["give_values", "worth"]

Question = tuple[str, str, str, date]


def give_values(
    database: duckdb.DuckDBPyConnection, policy: Policy, candidates: list[Candidate]
) -> None:
    """Fills in currency, unit value and grade of stock candidates."""
    asked: dict[Question, list[Candidate]] = {}
    for each in candidates:
        each.currency = each.currency or policy.currency(each.country)
        if each.rule.value != "pre_order":
            if each.rule.value == "given" and each.unit_minor is None:
                each.grade = Grade.UNKNOWN
            continue
        left = each.units or each.paid_units or each.blocked
        if left and each.event_date is not None and each.currency:
            key = (each.fnsku, each.sku, each.currency, each.event_date)
            asked.setdefault(key, []).append(each)
    database.execute(
        "CREATE OR REPLACE TEMP TABLE value_questions"
        " (fnsku VARCHAR, sku VARCHAR, currency VARCHAR, event_date DATE)"
    )
    if not asked:
        return
    columns = list(zip(*asked, strict=True))
    database.execute(
        "INSERT INTO value_questions SELECT unnest(?), unnest(?), unnest(?), unnest(?::DATE[])",
        [list(column) for column in columns],
    )
    for fnsku, sku, currency, day, minor, grade in database.execute(
        shared_sql("values")
    ).fetchall():
        for each in asked[fnsku, sku, currency, day]:
            each.unit_minor, each.grade = minor, grade


def worth(found: Candidate, units: int) -> int | None:
    """Minor units owed for so many units; None if the value is unknown."""
    if found.amount_minor is not None and found.owed_units:
        return found.amount_minor * units // found.owed_units
    return None if found.unit_minor is None else found.unit_minor * units
