"""Rules: one `.sql` file each, whose header says what it finds and what it needs.

A rule's query returns one row per candidate. Columns that have a meaning of their own are those of
`Candidate`; `rank` is the order in which rules consume units, lowest first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Need", "Rule", "load_rules", "shared_sql"]

HEADER = re.compile(r"-- ([a-z_]+): (.*(?:\n--   .*)*)")
NEED = re.compile(r"(\w+) (?:(event|today)([+-]\d+)?\.\.(event|today)([+-]\d+)?|(now))")


@dataclass(frozen=True, slots=True)
class Need:
    """A report and the dates for which it must be imported: offsets from the event or today."""

    report: str
    first_from_event: bool
    first_days: int
    last_from_event: bool
    last_days: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its file states it. `subject` and `evidence` name columns of its query."""

    name: str
    finds: str
    rank: int
    subject: tuple[str, ...]
    policy: str
    window: str
    window_without_refund: str
    needs: tuple[Need, ...]
    consumes: tuple[str, ...]
    value: str
    certainty: str
    confidence: str
    extra_wait: bool
    documents: tuple[str, ...]
    candidate: bool
    evidence: tuple[str, ...]
    sql: str


def parse(name: str, text: str) -> Rule:
    """A rule from its file's text."""
    facts = {match[1]: match[2].replace("\n--  ", "").strip() for match in HEADER.finditer(text)}
    return Rule(
        name=name,
        finds=facts["finds"],
        rank=int(facts["rank"]),
        subject=names(facts["subject"]),
        policy=facts["policy"],
        window=facts["window"],
        window_without_refund=facts.get("window_without_refund", ""),
        needs=tuple(need(name, each) for each in facts["needs"].split(";")),
        consumes=tuple(each.strip() for each in facts.get("consumes", "").split(";") if each),
        value=facts["value"],
        certainty=facts.get("certainty", "sure"),
        confidence=facts.get("confidence", "sure"),
        extra_wait="wait" in facts,
        documents=names(facts.get("documents", "")),
        candidate=facts.get("status", "") == "candidate",
        evidence=names(facts["evidence"]),
        sql=text,
    )


def names(text: str) -> tuple[str, ...]:
    """Names of a list with commas."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


def need(rule: str, text: str) -> Need:
    """One need, such as `ledger event-2..today`."""
    match = NEED.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{rule}.sql: cannot read the need {text.strip()!r}")
    report, first, first_days, last, last_days, now = match.groups()
    if now:
        return Need(report, False, 0, False, 0, snapshot=True)
    return Need(
        report, first == "event", int(first_days or 0), last == "event", int(last_days or 0)
    )


@cache
def load_rules() -> tuple[Rule, ...]:
    """All rules in the order in which they consume units."""
    folder = resources.files("engine.claims") / "rules"
    found = [
        parse(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda rule: (rule.rank, rule.name)))


@cache
def shared_sql(name: str) -> str:
    """Text of a shared SQL file."""
    return (resources.files("engine.claims") / f"{name}.sql").read_text(encoding="utf-8")
