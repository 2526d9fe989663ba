"""How the whole picture of the claims, and what is missing for it, looks on a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from itertools import groupby
from typing import Any

import click
from rich.table import Table

from engine.claims.advice import Advice, BlindRule
from engine.claims.alerts import Alert, AlertKind
from engine.claims.audit import AuditResult
from engine.claims.rules import load_rules
from engine.claims.specs import REPORTS
from engine.claims.store import Coverage
from engine.claims.summary import Line, Summary
from engine.money import format_minor
from server.cli.claims_show import amount, facts_of, out

SHOWN_BLOCKS = 5
SHOWN_ALERTS = 3


def show_coverage(rows: list[Coverage], advice: list[Advice], today: date, as_json: bool) -> None:
    """What is imported, and which report to fetch next."""
    if as_json:
        facts = {
            "imported": [asdict(each) for each in rows],
            "fetch_next": [asdict(each) | {"title": each.title} for each in advice],
            "missing": [kind for kind in REPORTS if kind not in {each.report for each in rows}],
        }
        click.echo(json.dumps(facts, default=str))
        return
    table = Table("report", "scope", "from", "to", "as of", box=None)
    for each in rows:
        table.add_row(
            REPORTS[each.report].title, each.scope, str(each.first), str(each.last),
            f"{each.as_of} ({(today - each.as_of).days} days old)",
        )  # fmt: skip
    out().print(table)
    for one in advice:
        click.echo(f"fetch next: {advice_text(one)}")
    for kind, spec in REPORTS.items():
        if kind not in {each.report for each in rows}:
            click.echo(f"never imported: {spec.title}")


def advice_text(advice: Advice) -> str:
    """One report to fetch, in a sentence."""
    parts = [advice.lacks]
    if advice.fetch_by:
        parts.append(f"Amazon is believed to hand out {advice.first} until {advice.fetch_by}")
    elif advice.reaches_back:
        parts.append(f"Amazon is believed to hand it out back to {advice.reaches_back}")
    if advice.claims:
        worth = money(advice.amounts, advice.unknown)
        parts.append(f"it would unlock {advice.claims} claims ({worth}), the first closes"
                     f" {advice.closes}")  # fmt: skip
    if advice.rules:
        parts.append(f"without it nothing is seen by {', '.join(advice.rules)}")
    return "; ".join(parts)


def money(amounts: Counter[str], unknown: int) -> str:
    """Sums by currency, and how many are in none."""
    texts = [format_minor(minor, code) for code, minor in amounts.items()]
    if unknown:
        texts.append(f"{unknown} of unknown value")
    return " + ".join(texts) or "-"


def show_summary(
    summary: Summary, blind: list[BlindRule], found: AuditResult | None, today: date, as_json: bool
) -> None:
    """By type, amount and deadline; the whole by state; the five most valuable; the next steps."""
    if as_json:
        click.echo(json.dumps(summary_facts(summary, blind, found, today)))
        return
    for text in rule_lines(summary.lines):
        click.echo(text)
    click.echo("\nAll together:")
    for text in total_lines(summary.totals, found):
        click.echo(f"  {text}")
    if blind:
        click.echo("\nWhat could not be seen:")
    for each in blind:
        click.echo(f"  {each.seller_id} {each.rule}: {'; '.join(map(plain, each.lacks))}")
    if found and found.alerts:
        click.echo("\nNew alerts:")
        for text in alert_lines(found.alerts):
            click.echo(f"  {text}")
    if summary.best:
        click.echo("\nThe most valuable:")
    for claim in summary.best:
        click.echo(
            f"  {claim.claim_id}  {amount(claim.facts):>14}  {claim.facts['rule']}, {claim.state},"
            f" closes {claim.facts['close_date']}"
        )
    click.echo("\nNext steps:")
    for text in next_steps(summary, found):
        click.echo(f"  - {text}")


def rule_lines(lines: list[Line]) -> Iterator[str]:
    """Every rule with its states, amounts and first deadlines."""
    hints = {each.name for each in load_rules() if each.candidate}
    for rule, group in groupby(lines, key=lambda line: line.rule):
        yield f"{rule} (hints: look before you ask)" if rule in hints else rule
        for line in group:
            yield f"  {figures(line)}; first deadline {line.first_close}"


def figures(line: Line) -> str:
    """Claims, units and money of one state."""
    name = line.state.replace("_", " ")
    worth = money(line.amounts, line.unknown)
    return f"{name:18} {line.claims:>5} claims {line.units:>6} units  {worth}"


def plain(lack: str) -> str:
    """What is missing, without the short name of the report."""
    return lack.partition(": ")[2]


def alert_lines(alerts: list[Alert]) -> Iterator[str]:
    """Alerts, of a kind with many only how many; deadlines are among the next steps."""
    for kind, group in groupby(
        sorted(alerts, key=lambda each: each.kind), key=lambda each: each.kind
    ):
        told = list(group)
        if kind == AlertKind.DEADLINE_NEAR:
            continue
        yield from (each.message for each in told[:SHOWN_ALERTS])
        if len(told) > SHOWN_ALERTS:
            yield f"and {len(told) - SHOWN_ALERTS} more of kind {kind.replace('_', ' ')}"


def total_lines(totals: list[Line], found: AuditResult | None) -> Iterator[str]:
    """Every state in a line, and what others filed."""
    yield from map(figures, totals)
    if found and found.already_filed:
        yield f"{'filed elsewhere':18} {found.already_filed:>5} claims, left to whoever filed them"


def next_steps(summary: Summary, found: AuditResult | None) -> list[str]:
    """What to do, most urgent first."""
    states = Counter({line.state: line.claims for line in summary.totals})
    steps = []
    if summary.due_soon:
        first = min(each.facts["close_date"] for each in summary.due_soon)
        steps.append(
            f"{len(summary.due_soon)} claims close soon, the first on {first}: `list` shows them"
            " on top"
        )
    if states["ready"]:
        steps.append(f"file {states['ready']} ready claims: `case CLAIM` prints the text")
    if states["needs_documents"]:
        steps.append(f"{states['needs_documents']} claims need documents: `show CLAIM` names them")
    if states["needs_confirmation"]:
        steps.append(f"check {states['needs_confirmation']} claims before you file them")
    if states["denied"] or states["partly_paid"]:
        steps.append(
            f"{states['denied'] + states['partly_paid']} claims were answered with less than is"
            " owed: `case CLAIM` prints an appeal where the reports contradict the answer"
        )
    for reason, count in summary.blocked_by.most_common(SHOWN_BLOCKS):
        are = "claim is" if count == 1 else "claims are"
        steps.append(f"{count} {are} blocked for want of {plain(reason)}")
    if found and found.without_cost:
        steps.append(
            f"declare the sourcing cost of {len(found.without_cost)} SKUs before the next loss,"
            f" such as {found.without_cost[0]}; a cost declared later does not count"
        )
    return steps or ["nothing; import newer reports when you have them"]


def summary_facts(
    summary: Summary, blind: list[BlindRule], found: AuditResult | None, today: date
) -> dict[str, Any]:
    """A summary for programs."""
    return {
        "today": today.isoformat(),
        "lines": [line_facts(line) for line in summary.lines],
        "totals": [line_facts(line) for line in summary.totals],
        "blind": [asdict(each) for each in blind],
        "best": [facts_of(each) for each in summary.best],
        "due_soon": [each.claim_id for each in summary.due_soon],
        "blocked_by": dict(summary.blocked_by.most_common()),
        "already_filed": found.already_filed if found else 0,
        "without_cost": found.without_cost if found else [],
        "alerts": [
            {
                "kind": each.kind,
                "seller_id": each.seller_id,
                "claim_id": each.claim_id,
                "message": each.message,
            }
            for each in (found.alerts if found else ())
        ],
    }


def line_facts(line: Line) -> dict[str, Any]:
    """A line of the summary for programs."""
    return {
        "rule": line.rule, "state": line.state, "claims": line.claims, "units": line.units,
        "amounts_minor": dict(line.amounts), "unknown_amounts": line.unknown,
        "first_close": line.first_close,
    }  # fmt: skip
