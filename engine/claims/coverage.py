"""Coverage: absence is evidence only where the report that would show the thing is imported.

The union of imported ranges per report and scope, asked by the rules' needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.claims.policy import Policy
from engine.claims.rules import Need
from engine.claims.specs import REPORTS
from engine.claims.store import Coverage

__all__ = ["CoverageBook", "Span"]

DAY = timedelta(days=1)
SETTLEMENT_PERIOD = timedelta(days=14)


@dataclass(slots=True)
class Span:
    """Days without a gap, both inclusive."""

    first: date
    last: date


@dataclass(slots=True)
class Known:
    """What is known of a report in one scope."""

    spans: list[Span] = field(default_factory=list)
    as_of: date = date.min


class CoverageBook:
    """Answers whether a need of a claim is met."""

    def __init__(self, rows: list[Coverage], policy: Policy, today: date) -> None:
        self._policy, self._today = policy, today
        self._known: dict[tuple[str, str], Known] = {}
        for row in sorted(rows, key=lambda each: each.first):
            known = self._known.setdefault((row.report, row.scope), Known())
            known.as_of = max(known.as_of, row.as_of)
            if known.spans and row.first <= known.spans[-1].last + DAY:
                known.spans[-1].last = max(known.spans[-1].last, row.last)
            else:
                known.spans.append(Span(row.first, row.last))

    def reports(self) -> dict[tuple[str, str], Known]:
        """Everything known, by report and scope."""
        return self._known

    def missing(self, need: Need, event: date, marketplace: str, currency: str) -> str:
        """What a need lacks, in words for people; "" if it is met."""
        title = REPORTS[need.report].title
        known = self._find(need.report, marketplace, currency)
        if not known:
            return f"{need.report}: {title} is not imported"
        newest, fresh = max(each.as_of for each in known), self._fresh(need.report)
        if newest < fresh:
            return f"{need.report}: {title} is of {newest}, too old"
        if need.snapshot:
            return ""
        first = (event if need.first_from_event else self._today) + need.first_days * DAY
        last = (event if need.last_from_event else self._today) + need.last_days * DAY
        if not need.last_from_event:
            last = fresh
            if need.report == "settlement":
                last -= SETTLEMENT_PERIOD
        last = max(first, min(last, self._today))
        if any(holds(each, first, last) for each in known):
            return ""
        return f"{need.report}: {title} is not complete from {first} to {last}"

    def absent(self, need: Need) -> str:
        """What a need lacks whatever the event: a report never imported, or none fresh enough."""
        title = REPORTS[need.report].title
        found = [known.as_of for key, known in self._known.items() if key[0] == need.report]
        if not found:
            return f"{need.report}: {title} is not imported"
        if max(found) < self._fresh(need.report):
            return f"{need.report}: {title} is of {max(found)}, too old"
        return ""

    def _find(self, report: str, marketplace: str, currency: str) -> list[Known]:
        """What is known for the part of the account that a claim belongs to."""
        spec = REPORTS[report]
        if not spec.scope:
            wanted = {""}
        elif report == "settlement":
            wanted = {"", currency or self._policy.currency(marketplace)}
        else:
            wanted = {"", self._policy.region(marketplace)}
        found = [self._known[key] for key in self._known if key[0] == report and key[1] in wanted]
        if found or (marketplace and report != "settlement"):
            return found
        every = [known for key, known in self._known.items() if key[0] == report]
        return every if len(every) == 1 else []

    def _fresh(self, report: str) -> date:
        """The oldest day of a download that counts as fresh; the seller's own lists do not age."""
        if REPORTS[report].seller_import:
            return date.min
        name = "settlement_fresh_days" if report == "settlement" else "fresh_days"
        return self._today - timedelta(days=self._policy.days(name))


def holds(known: Known, first: date, last: date) -> bool:
    """Whether one span reaches from the first to the last day."""
    return any(span.first <= first and last <= span.last for span in known.spans)
