"""Which report to fetch next: what is missing, until when it can be had, what it would unlock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.claims.coverage import CoverageBook
from engine.claims.lifecycle import KeptClaim
from engine.claims.policy import Policy
from engine.claims.rules import load_rules
from engine.claims.specs import REPORTS

__all__ = ["Advice", "BlindRule", "advise", "blind_rules"]


@dataclass(frozen=True, slots=True)
class BlindRule:
    """A rule that could not see all of a seller's year; `lacks` are reports, in words for people.

    Without the report that shows an event there is no claim to say so.
    """

    seller_id: str
    rule: str
    lacks: tuple[str, ...]


@dataclass(slots=True)
class Advice:
    """One report to fetch.

    `lacks` says what is missing; `fetch_by` is the last day on which the oldest needed row can
    still be had and `reaches_back` the oldest day that can be had today, as far as policy knows;
    `closes` is the first close of a claim that it blocks. `rules` are those that see nothing
    without it. Amounts are minor units by currency.
    """

    report: str
    lacks: str = ""
    first: date | None = None
    fetch_by: date | None = None
    reaches_back: date | None = None
    closes: date | None = None
    claims: int = 0
    unknown: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    rules: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What Amazon calls the report."""
        return REPORTS[self.report].title


def blind_rules(seller: str, book: CoverageBook) -> Iterator[BlindRule]:
    """Rules of which a needed report is missing or too old for the whole account.

    Rules that only give hints are left out.
    """
    for rule in load_rules():
        if rule.candidate:
            continue
        lacks = dict.fromkeys(book.absent(need) for need in rule.needs)
        lacks.pop("", None)
        if lacks:
            yield BlindRule(seller, rule.name, tuple(lacks))


def advise(
    claims: Iterable[KeptClaim], blind: Iterable[BlindRule], policy: Policy, today: date
) -> list[Advice]:
    """Reports to fetch, those that unlock most claims first.

    A claim that misses several reports counts for each of them.
    """
    found: dict[str, Advice] = {}
    for claim in claims:
        if claim.state == "blocked":
            for text in claim.facts["blocked_by"]:
                note_claim(found, claim, text, policy)
    for each in blind:
        for text in each.lacks:
            advice = found.setdefault(report_of(text), Advice(report_of(text)))
            advice.lacks = advice.lacks or words_of(text)
            advice.rules.append(each.rule)
    for advice in found.values():
        kept = policy.data["report_kept_days"].get(advice.report)
        advice.reaches_back = today - timedelta(days=kept) if kept else None
    return sorted(found.values(), key=lambda each: (-each.claims, -len(each.rules), each.report))


def note_claim(found: dict[str, Advice], claim: KeptClaim, text: str, policy: Policy) -> None:
    """Adds a blocked claim to the advice about the report that it misses."""
    report, facts = report_of(text), claim.facts
    advice = found.setdefault(report, Advice(report))
    event, close = (date.fromisoformat(facts[name]) for name in ("event_date", "close_date"))
    advice.claims += 1
    advice.closes = min(advice.closes or close, close)
    if advice.first is None or event < advice.first:
        advice.first, advice.lacks = event, words_of(text)
        kept = policy.data["report_kept_days"].get(report)
        advice.fetch_by = event + timedelta(days=kept) if kept else None
    if facts["amount_minor"] is None:
        advice.unknown += 1
    else:
        advice.amounts[facts["currency"]] += facts["amount_minor"]


def report_of(text: str) -> str:
    """Kind of report that a sentence about a lack begins with."""
    return text.partition(":")[0]


def words_of(text: str) -> str:
    """The sentence without the kind."""
    return text.partition(": ")[2]
