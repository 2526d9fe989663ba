"""How claims and imports look on a terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from engine.claims.imports import ImportResult
from engine.claims.lifecycle import Event, KeptClaim
from engine.claims.specs import REPORTS
from engine.money import format_minor

SHOWN_REJECTS = 5


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
        click.echo("their days count as missing until the file is imported whole", err=True)
    for (kind, code), count in result.unknown_codes.items():
        click.echo(f"{REPORTS[kind].title}: unknown code {code!r} in {count} rows, kept", err=True)


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
