"""The audit: a seller's reports in, claims out. The composition root of the rules.

1 tables   the seller's reports as views, shared definitions over them
2 rules    each rule's candidates
3 units    payments and found units are consumed once
4 value    what a unit is worth, and how sure that is
5 judge    coverage, window, documents: the state of each claim
6 keep     claims enter the store, whose lifecycle goes on from there
7 alert    what a person should hear of without asking
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from engine.claims.advice import BlindRule, blind_rules
from engine.claims.alerts import Alert, look_around, raise_alerts
from engine.claims.candidates import Candidate, candidates_of
from engine.claims.claim import Claim
from engine.claims.coverage import CoverageBook
from engine.claims.judging import Desk, judged
from engine.claims.lifecycle import Ledger
from engine.claims.merging import PaidCases, merge
from engine.claims.policy import Policy, load_policy
from engine.claims.policy_tables import show_policy
from engine.claims.rules import load_rules, shared_sql
from engine.claims.stocks import fill_stocks
from engine.claims.store import Store
from engine.claims.units import consume
from engine.claims.values import give_values
from engine.claims.warehouse import connect, show_reports

__all__ = ["AuditResult", "blind_rules_of", "run"]

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class AuditResult:
    """Claims of an audit in order of seller, rule and event.

    `already_filed` counts claims that the seller says were filed elsewhere; they are not in
    `claims`. `blind` are rules that miss a report, with or without claims. `without_cost` are
    SKUs that moved lately and whose sourcing cost is not declared: the value of their next loss is
    not sure. `alerts` were not raised before.
    """

    today: date
    claims: list[Claim] = field(default_factory=list)
    blind: list[BlindRule] = field(default_factory=list)
    already_filed: int = 0
    without_cost: list[str] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


@dataclass(slots=True)
class Said:
    """What the audit of one seller says; `filed` are claims that a listed case names."""

    found: list[Claim] = field(default_factory=list)
    filed: list[Claim] = field(default_factory=list)
    paid_cases: PaidCases = field(default_factory=dict)


def run(
    store_path: Path,
    today: date,
    *,
    sellers: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Audits the imported reports as of `today` and keeps the claims in the store.

    `sellers`: only these; by default every seller of the store. The same audit twice changes
    nothing. Raises LimitError while another process writes to the store.
    """
    policy, result = load_policy(), AuditResult(today)
    with Store(store_path) as store, store.writing():
        ledger = Ledger(store)
        for seller in sellers if sellers is not None else store.sellers():
            attached = ledger.attached(seller)
            said = audit_seller(ledger, store, seller, today, policy, result, attached, progress)
            result.claims += said.found
            result.already_filed += len(said.filed)
    return result


def audit_seller(
    ledger: Ledger,
    store: Store,
    seller: str,
    today: date,
    policy: Policy,
    result: AuditResult,
    attached: dict[str, set[str]],
    progress: Progress | None,
) -> Said:
    """The claims of one seller."""
    rules = load_rules()
    steps = len(rules) + 2
    with connect(store.path / "spill") as database:
        report(progress, "reading reports", 0, steps)
        show_reports(database, store, seller)
        show_policy(database, policy, today)
        database.execute(shared_sql("macros"))
        database.execute(shared_sql("shared"))
        candidates: list[Candidate] = []
        for number, rule in enumerate(rules, 1):
            report(progress, rule.name, number, steps)
            candidates += candidates_of(database, rule)
        report(progress, "weighing", steps - 1, steps)
        stocks = fill_stocks(database)
        for hints in (False, True):
            # Hints take what is left: they must not take a payment from a claim.
            consume([each for each in candidates if each.rule.candidate == hints], stocks)
        give_values(database, policy, candidates)
        book = CoverageBook(store.coverage(seller), policy, today)
        blind = list(blind_rules(seller, book))
        result.blind += blind
        desk = Desk(
            seller, today, policy, book,
            filed_subjects(database), documents(database) | attached,
        )  # fmt: skip
        said = Said()
        for each in candidates:
            if (claim := judged(desk, each)) is not None:
                (said.filed if desk.filed_elsewhere(claim) else said.found).append(claim)
        result.without_cost += without_cost(database)
        said.paid_cases = {
            (str(case), str(fnsku)): int(minor)
            for case, fnsku, minor in database.execute(
                "SELECT case_id, fnsku, sum(total_minor) FROM reimbursements WHERE case_id <> ''"
                " GROUP BY ALL"
            ).fetchall()
        }
        merge(ledger, seller, said.found, said.filed, said.paid_cases, today)
        alerts = look_around(ledger, seller, database, book, blind, policy, today)
        result.alerts += raise_alerts(store, alerts, today)
        report(progress, "", steps, steps)
    return said


def blind_rules_of(store: Store, today: date, sellers: Iterable[str]) -> list[BlindRule]:
    """Rules that see nothing of a seller, as of `today`."""
    policy = load_policy()
    return [
        each
        for seller in sellers
        for each in blind_rules(seller, CoverageBook(store.coverage(seller), policy, today))
    ]


def report(progress: Progress | None, step: str, done: int, total: int) -> None:
    """Tells the caller how far it is."""
    if progress is not None:
        progress(step, done, total)


WITHOUT_COST = """
SELECT sku FROM ledger
WHERE date > today() - 90 AND is_own(sku) AND sku <> ''
  AND sku NOT IN (SELECT sku FROM costs WHERE declared_on <= today() AND from_date <= today()
                  AND today() <= coalesce(to_date, DATE '9999-12-31'))
GROUP BY sku ORDER BY count(*) DESC, sku
"""


def without_cost(database: duckdb.DuckDBPyConnection) -> list[str]:
    """SKUs of the last 90 days whose sourcing cost nobody declared, those that move most first."""
    return [str(row[0]) for row in database.execute(WITHOUT_COST).fetchall()]


def filed_subjects(database: duckdb.DuckDBPyConnection) -> set[str]:
    """Ids that cases filed elsewhere name."""
    return {str(row[0]) for row in database.execute("SELECT subject_key FROM cases").fetchall()}


def documents(database: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Kinds of documents at hand, by the id that they belong to."""
    found: dict[str, set[str]] = {}
    for key, kind in database.execute("SELECT case_key, lower(kind) FROM documents").fetchall():
        found.setdefault(str(key), set()).add(str(kind))
    return found
