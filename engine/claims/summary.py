"""The whole picture of a store's claims: by rule, by state, by currency, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.claims.lifecycle import AUDITED, KeptClaim
from engine.claims.policy import load_policy

__all__ = ["ALWAYS_SHOWN", "OPEN_STATES", "Line", "Summary", "summarise", "totals_of"]

MOST_VALUABLE = 5
CLOSED_STATES = {"expired", "paid_proactively", "paid", "withdrawn"}
OPEN_STATES = (
    "found", "blocked", "needs_documents", "needs_confirmation", "ready", "filed", "in_progress",
    "approved", "denied", "appealed", "partly_paid",
)  # fmt: skip
ALWAYS_SHOWN = ("ready", "blocked", "expired", "paid_proactively")
"""States that every picture of the claims shows, also when they hold none."""


@dataclass(slots=True)
class Line:
    """Claims of one rule and state, or of one state with rule "".

    Amounts are minor units by currency; unknown ones are in none.
    """

    rule: str
    state: str
    claims: int = 0
    units: int = 0
    unknown: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    first_close: str = ""

    def add(self, claim: KeptClaim) -> None:
        """Counts a claim."""
        facts = claim.facts
        self.claims += 1
        self.units += facts["units"]
        if facts["amount_minor"] is None:
            self.unknown += 1
        else:
            self.amounts[facts["currency"]] += facts["amount_minor"]
        if not self.first_close or facts["close_date"] < self.first_close:
            self.first_close = facts["close_date"]


@dataclass(slots=True)
class Summary:
    """Claims in figures, by rule and state. `due_soon` close within the days of policy's warning.

    `totals` are all rules together by state; those of ALWAYS_SHOWN are always there.
    """

    lines: list[Line]
    totals: list[Line]
    best: list[KeptClaim]
    due_soon: list[KeptClaim]
    blocked_by: Counter[str]


def summarise(claims: Iterable[KeptClaim], today: date) -> Summary:
    """Figures of claims. The most valuable are those not yet closed, of any currency."""
    lines: dict[tuple[str, str], Line] = {}
    summary = Summary([], [], [], [], Counter())
    warn = (today + timedelta(days=load_policy().days("warn_days"))).isoformat()
    every = list(claims)
    for each in every:
        facts = each.facts
        key = facts["rule"], each.state
        lines.setdefault(key, Line(*key)).add(each)
        if each.state == "blocked":
            summary.blocked_by.update(facts["blocked_by"])
        if each.state in AUDITED - CLOSED_STATES and facts["close_date"] <= warn:
            summary.due_soon.append(each)
    summary.lines = [lines[key] for key in sorted(lines)]
    summary.totals = totals_of(every)
    summary.best = sorted(
        (c for c in every if c.state not in CLOSED_STATES and c.facts["amount_minor"]),
        key=lambda c: (-c.facts["amount_minor"], c.claim_id),
    )[:MOST_VALUABLE]
    return summary


def totals_of(claims: Iterable[KeptClaim]) -> list[Line]:
    """Claims by state, in the order of a claim's life."""
    found = {state: Line("", state) for state in ALWAYS_SHOWN}
    for each in claims:
        found.setdefault(each.state, Line("", each.state)).add(each)
    order = [*OPEN_STATES, *sorted(CLOSED_STATES)]
    return [found[state] for state in order if state in found]
