"""The whole picture of a store's claims: by rule, by state, by currency, and what to do next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.claims.lifecycle import AUDITED, KeptClaim
from engine.claims.policy import load_policy

__all__ = ["OPEN_STATES", "Line", "Summary", "summarise"]

MOST_VALUABLE = 5
CLOSED_STATES = {"expired", "paid_proactively", "paid", "withdrawn"}
OPEN_STATES = (
    "found", "blocked", "needs_documents", "needs_confirmation", "ready", "filed", "in_progress",
    "approved", "denied", "appealed", "partly_paid",
)  # fmt: skip


@dataclass(slots=True)
class Line:
    """Claims of one rule and state. Amounts are minor units by currency; unknown ones in none."""

    rule: str
    state: str
    claims: int = 0
    units: int = 0
    unknown: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    first_close: str = ""


@dataclass(slots=True)
class Summary:
    """Claims in figures. `due_soon` close within the days that policy warns ahead."""

    lines: list[Line]
    best: list[KeptClaim]
    due_soon: list[KeptClaim]
    blocked_by: Counter[str]


def summarise(claims: Iterable[KeptClaim], today: date) -> Summary:
    """Figures of claims. The most valuable are those not yet closed, of any currency."""
    lines: dict[tuple[str, str], Line] = defaultdict(lambda: Line("", ""))
    summary = Summary([], [], [], Counter())
    warn = (today + timedelta(days=load_policy().days("warn_days"))).isoformat()
    every = list(claims)
    for each in every:
        facts = each.facts
        line = lines[facts["rule"], each.state]
        line.rule, line.state = facts["rule"], each.state
        line.claims += 1
        line.units += facts["units"]
        if facts["amount_minor"] is None:
            line.unknown += 1
        else:
            line.amounts[facts["currency"]] += facts["amount_minor"]
        if not line.first_close or facts["close_date"] < line.first_close:
            line.first_close = facts["close_date"]
        if each.state == "blocked":
            summary.blocked_by.update(facts["blocked_by"])
        if each.state in AUDITED - CLOSED_STATES and facts["close_date"] <= warn:
            summary.due_soon.append(each)
    summary.lines = [lines[key] for key in sorted(lines)]
    summary.best = sorted(
        (c for c in every if c.state not in CLOSED_STATES and c.facts["amount_minor"]),
        key=lambda c: (-c.facts["amount_minor"], c.claim_id),
    )[:MOST_VALUABLE]
    return summary
