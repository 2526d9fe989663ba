"""Candidates: what the rules' queries return, before anything is taken off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from engine.claims.rules import Rule

__all__ = ["Candidate", "candidates_of"]

DEFAULTS: dict[str, str] = {
    "sku": "''",
    "fnsku": "''",
    "asin": "''",
    "country": "''",
    "order_id": "''",
    "other_order_id": "''",
    "event_date": "NULL::DATE",
    "units": "0",
    "gross_units": "0",
    "settled_units": "0",
    "payments_from": "NULL::DATE",
    "payments_to": "NULL::DATE",
    "found_from": "NULL::DATE",
    "found_to": "NULL::DATE",
    "matched_on": "NULL::DATE",
    "not_before": "NULL::DATE",
    "uses_found": "true",
    "refund_known": "true",
    "only_matches": "false",
    "plan_id": "''",
    "shipment_id": "''",
    "disposition": "''",
    "fulfillment_center": "''",
    "extra_documents": "NULL::VARCHAR[]",
    "needless": "NULL::VARCHAR[]",
    "unit_minor": "NULL::BIGINT",
    "amount_minor": "NULL::BIGINT",
    "currency": "''",
    "grade": "'unknown'",
    "flags": "NULL::VARCHAR[]",
    "blocked": "NULL::VARCHAR[]",
    "review": "false",
}
WHOLE = {"units", "gross_units", "settled_units", "unit_minor", "amount_minor"}


@dataclass(slots=True)
class Candidate:
    """A row of a rule. `units` falls as payments and found units are taken off."""

    rule: Rule
    subject: dict[str, str]
    evidence: dict[str, Any]
    sku: str
    fnsku: str
    asin: str
    country: str
    order_id: str
    other_order_id: str
    event_date: date | None
    units: int
    gross_units: int
    settled_units: int
    payments_from: date | None
    payments_to: date | None
    found_from: date | None
    found_to: date | None
    matched_on: date | None
    not_before: date | None
    uses_found: bool
    refund_known: bool
    only_matches: bool
    plan_id: str
    shipment_id: str
    disposition: str
    fulfillment_center: str
    extra_documents: list[str]
    needless: list[str]
    unit_minor: int | None
    amount_minor: int | None
    currency: str
    grade: str
    flags: list[str]
    blocked: list[str]
    review: bool
    owed_units: int = 0
    paid_units: int = 0
    payments: list[dict[str, Any]] = field(default_factory=list)


def candidates_of(database: duckdb.DuckDBPyConnection, rule: Rule) -> list[Candidate]:
    """Rows of a rule, in the order of their events and subjects."""
    database.execute(f"CREATE OR REPLACE TEMP TABLE rule_rows AS {rule.sql}")
    known = {
        str(row[0])
        for row in database.execute("SELECT column_name FROM (DESCRIBE rule_rows)").fetchall()
    }
    columns = []
    for name, default in DEFAULTS.items():
        if name not in known:
            columns.append(f"{default} AS {name}")
        elif name in WHOLE:
            columns.append(f"CAST({name} AS BIGINT) AS {name}")
        else:
            columns.append(f"coalesce({name}, {default}) AS {name}")
    subject = ", ".join(f"CAST({name} AS VARCHAR)" for name in rule.subject)
    evidence = ", ".join(f"rule_rows.{name}" for name in rule.evidence)
    blocked = " OR blocked IS NOT NULL" if "blocked" in known else ""
    rows = database.execute(
        f"SELECT [{subject}], row({evidence}), {', '.join(columns)} FROM rule_rows"
        f" WHERE rule_rows.units > 0{blocked}"
        f" ORDER BY event_date, {', '.join(f'rule_rows.{name}' for name in rule.subject)}"
    ).fetchall()
    return [candidate(rule, row) for row in rows]


def candidate(rule: Rule, row: tuple[Any, ...]) -> Candidate:
    """One row of a rule as a candidate."""
    keys, evidence, *values = row
    found = evidence if isinstance(evidence, tuple) else tuple(evidence.values())
    made = Candidate(
        rule,
        {name: key or "" for name, key in zip(rule.subject, keys, strict=True)},
        dict(zip(rule.evidence, map(plain, found), strict=True)),
        *values,
    )
    for name in ("extra_documents", "needless", "flags", "blocked"):
        setattr(made, name, list(getattr(made, name) or []))
    made.units = made.units or 0
    made.gross_units = max(made.gross_units or 0, made.units)
    made.owed_units = made.units
    return made


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return value.isoformat() if isinstance(value, date) else value
