"""How claims, coverage and imports look on a terminal, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from engine.claims.audit import AuditResult
from engine.claims.imports import ImportResult
from engine.claims.lifecycle import Event, KeptClaim
from engine.claims.specs import REPORTS
from engine.claims.store import Coverage
from engine.claims.summary import Summary
from engine.money import format_minor

SHOWN_REJECTS = 5
SHOWN_BLOCKS = 5


def out() -> Console:
    """Standard output as it is at this moment."""
    return Console(highlight=False, soft_wrap=True)


def show_import(result: ImportResult, as_json: bool) -> None:
    """What became of an import."""
    if as_json:
        facts = {
            "reports": [asdict(each) for each in result.reports],
            "refused": [asdict(each) for each in result.refused],
            "rejected": len(result.rejected),
            "rejects_file": str(result.rejects_path or ""),
            "unknown_codes": {f"{k}:{c}": n for (k, c), n in result.unknown_codes.items()},
        }
        click.echo(json.dumps(facts, default=str))
        return
    for report in result.reports:
        click.echo(
            f"{report.name}: {REPORTS[report.kind].title}, {report.rows} rows,"
            f" {report.first} to {report.last}, {report.rejected} refused,"
            f" {report.replaced} replaced"
        )
    for refused in result.refused:
        click.echo(refused.message, err=True)
    for row in result.rejected[:SHOWN_REJECTS]:
        click.echo(f"{row.file}:{row.line}: {row.column} {row.message}", err=True)
    if result.rejects_path:
        click.echo(f"{len(result.rejected)} rows refused: {result.rejects_path}", err=True)
    for (kind, code), count in result.unknown_codes.items():
        click.echo(f"{REPORTS[kind].title}: unknown code {code!r} in {count} rows, kept", err=True)


def show_coverage(rows: list[Coverage], blocked: Counter[str], today: date, as_json: bool) -> None:
    """What is imported and what is missing."""
    if as_json:
        facts = {
            "imported": [asdict(each) for each in rows],
            "blocking": dict(blocked.most_common()),
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
    for reason, count in blocked.most_common():
        click.echo(f"fetch next: {reason}; it would unlock {count} claims")
    for kind, spec in REPORTS.items():
        if kind not in {each.report for each in rows}:
            click.echo(f"never imported: {spec.title}")


def show_claims(claims: list[KeptClaim], as_json: bool) -> None:
    """A list of claims."""
    if as_json:
        click.echo(json.dumps([facts_of(each) for each in claims]))
        return
    table = Table("claim", "rule", "state", "units", "amount", "close", "subject", box=None)
    for each in claims:
        facts = each.facts
        table.add_row(
            each.claim_id, facts["rule"], each.state, str(facts["units"]), amount(facts),
            facts["close_date"], " ".join(v for v in facts["subject_key"].values() if v),
        )  # fmt: skip
    out().print(table)


def show_claim(claim: KeptClaim, timeline: list[Event], as_json: bool) -> None:
    """One claim, whole."""
    if as_json:
        click.echo(json.dumps(facts_of(claim) | {"timeline": [asdict(each) for each in timeline]}))
        return
    for name, value in facts_of(claim).items():
        if name not in {"evidence", "payments"} and value not in ("", [], None):
            click.echo(f"{name:16} {value}")
    click.echo(f"{'amount':16} {amount(claim.facts)}")
    for name, value in claim.facts["evidence"].items():
        click.echo(f"  {name:22} {'' if value is None else value}")
    for event in timeline:
        click.echo(f"{event.day}  {event.state}: {event.note}")


def show_summary(summary: Summary, found: AuditResult | None, today: date, as_json: bool) -> None:
    """By type, amount and deadline; the five most valuable; the next steps."""
    if as_json:
        click.echo(json.dumps(summary_facts(summary, found, today)))
        return
    table = Table("rule", "state", "claims", "units", "amount", "first deadline", box=None)
    for line in summary.lines:
        amounts = ", ".join(format_minor(minor, code) for code, minor in line.amounts.items())
        if line.unknown:
            amounts += f"{' + ' if amounts else ''}{line.unknown} of unknown value"
        table.add_row(
            line.rule, line.state, str(line.claims), str(line.units), amounts, line.first_close
        )
    out().print(table)
    if summary.best:
        click.echo("\nThe most valuable:")
    for each in summary.best:
        click.echo(
            f"  {each.claim_id}  {amount(each.facts):>14}  {each.facts['rule']}, {each.state},"
            f" closes {each.facts['close_date']}"
        )
    click.echo("\nNext steps:")
    for text in next_steps(summary, found):
        click.echo(f"  - {text}")


def next_steps(summary: Summary, found: AuditResult | None) -> list[str]:
    """What to do, most urgent first."""
    states: Counter[str] = Counter()
    for line in summary.lines:
        states[line.state] += line.claims
    steps = []
    if summary.due_soon:
        steps.append(f"{len(summary.due_soon)} claims close within days: see `list`")
    if states["ready"]:
        steps.append(f"file {states['ready']} ready claims: `case CLAIM` prints the text")
    if states["needs_documents"]:
        steps.append(f"{states['needs_documents']} claims need documents: `show CLAIM` names them")
    if states["needs_confirmation"]:
        steps.append(f"check {states['needs_confirmation']} claims before you file them")
    for reason, count in summary.blocked_by.most_common(SHOWN_BLOCKS):
        steps.append(f"{count} claims are blocked: {reason}")
    if found and found.without_cost:
        steps.append(
            f"declare the sourcing cost of {len(found.without_cost)} SKUs before the next loss,"
            f" such as {found.without_cost[0]}; a cost declared later does not count"
        )
    return steps or ["nothing; import newer reports when you have them"]


def summary_facts(summary: Summary, found: AuditResult | None, today: date) -> dict[str, Any]:
    """A summary for programs."""
    return {
        "today": today.isoformat(),
        "lines": [
            {
                "rule": line.rule, "state": line.state, "claims": line.claims,
                "units": line.units, "amounts_minor": dict(line.amounts),
                "unknown_amounts": line.unknown, "first_close": line.first_close,
            }
            for line in summary.lines
        ],
        "best": [facts_of(each) for each in summary.best],
        "due_soon": [each.claim_id for each in summary.due_soon],
        "blocked_by": dict(summary.blocked_by.most_common()),
        "already_filed": found.already_filed if found else 0,
        "without_cost": found.without_cost if found else [],
    }  # fmt: skip


def facts_of(claim: KeptClaim) -> dict[str, Any]:
    """A claim for programs."""
    return claim.facts | {
        "state": claim.state, "case_id": claim.case_id, "paid_minor": claim.paid_minor,
        "next_action": claim.next_action,
    }  # fmt: skip


def amount(facts: dict[str, Any]) -> str:
    """Amount with currency, or that it is unknown."""
    if facts["amount_minor"] is None or not facts["currency"]:
        return "unknown"
    return format_minor(facts["amount_minor"], facts["currency"])
