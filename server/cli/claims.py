"""`repriced claims`: reports in, claims out, on a folder of this machine; no server is needed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from engine.claims import audit as auditing
from engine.claims.advice import advise
from engine.claims.cases import update_case
from engine.claims.export import archive, as_csv
from engine.claims.imports import ImportResult, import_paths
from engine.claims.letters import letter_of
from engine.claims.lifecycle import FOLLOWS, KeptClaim, Ledger
from engine.claims.policy import load_policy
from engine.claims.specs import REPORTS
from engine.claims.store import Store
from engine.claims.summary import summarise
from server.cli.claims_show import show_claim, show_claims, show_import
from server.cli.claims_summary import show_coverage, show_summary
from server.cli.connection import Steps, json_option, plain_errors

DAY = click.DateTime(["%Y-%m-%d"])
store_option = click.option(
    "--store", envvar="REPRICED_CLAIMS", default="repriced-claims", show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds reports and claims; also REPRICED_CLAIMS.",
)  # fmt: skip
seller_option = click.option("--seller", default="SELLER", show_default=True, help="Seller id.")
today_option = click.option("--today", type=DAY, help="Day of the audit; by default today, UTC.")
first_option = click.option(
    "--from", "first", type=DAY, help="First day that the reports were requested for."
)
last_option = click.option(
    "--to", "last", type=DAY, help="Last day that the reports were requested for."
)
PATHS = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@click.group("claims")
def claims_group() -> None:
    """Find what Amazon owes: import FBA reports, audit them, prepare cases.

    Begin with: repriced claims audit FOLDER-OF-REPORTS
    """


def day_of(given: datetime | None) -> date:
    """The stated day, or today."""
    return given.date() if given else datetime.now(UTC).date()


def covers_of(first: datetime | None, last: datetime | None) -> tuple[date, date] | None:
    """The days that reports were requested for, if stated."""
    if (first is None) != (last is None):
        raise click.UsageError("--from and --to go together")
    return (first.date(), last.date()) if first and last else None


def do_import(
    store: Path, seller: str, paths: tuple[Path, ...], as_of: date, quiet: bool, **more: Any
) -> ImportResult:
    """Imports with a progress bar."""
    with Steps("files", None, quiet) as steps:
        done = 0

        def progress(_: str, at: int, __: int) -> None:
            nonlocal done
            steps.advance(at - done)
            done = at

        return import_paths(store, seller, paths, as_of, progress=progress, **more)


@claims_group.command("import")
@PATHS
@seller_option
@store_option
@click.option("--as-of", type=DAY, help="Day of the download; by default today, UTC.")
@first_option
@last_option
@click.option("--kind", type=click.Choice(list(REPORTS)), help="Insist on one kind of report.")
@json_option
@plain_errors
def import_command(
    paths: tuple[Path, ...], seller: str, store: Path, as_of: datetime | None,
    first: datetime | None, last: datetime | None, kind: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Import report files, folders and zip archives. Exit code 1 if anything was refused.

    Example: repriced claims import downloads/ --seller A1SELLER --from 2025-01-01 --to 2025-12-31
    """
    covers = covers_of(first, last)
    result = do_import(store, seller, paths, day_of(as_of), as_json, covers=covers, kind=kind)
    show_import(result, as_json)
    if result.refused or result.rejected:
        raise click.exceptions.Exit(1)


@claims_group.command("coverage")
@seller_option
@store_option
@today_option
@json_option
@plain_errors
def coverage_command(seller: str, store: Path, today: datetime | None, as_json: bool) -> None:
    """Say what is imported, for which days, and which report to fetch next."""
    day = day_of(today)
    with Store(store) as opened:
        blind = auditing.blind_rules_of(opened, day, [seller])
        advice = advise(Ledger(opened).all(seller), blind, load_policy(), day)
        show_coverage(opened.coverage(seller), advice, day, as_json)


@claims_group.command("audit")
@PATHS
@seller_option
@store_option
@today_option
@first_option
@last_option
@json_option
@plain_errors
def audit_command(
    paths: tuple[Path, ...], seller: str, store: Path, today: datetime | None,
    first: datetime | None, last: datetime | None, as_json: bool,
) -> None:  # fmt: skip
    """Audit the imported reports; PATHS are imported first.

    Example: repriced claims audit downloads/
    """
    day = day_of(today)
    if paths:
        result = do_import(store, seller, paths, day, as_json, covers=covers_of(first, last))
        if not as_json:
            show_import(result, as_json)
    with Steps("rules", None, as_json) as steps:
        found = auditing.run(store, day, progress=lambda _, at, __: steps.advance(min(at, 1)))
    with Store(store) as opened:
        summary = summarise(Ledger(opened).all(), day)
    show_summary(summary, found.blind, found, day, as_json)


@claims_group.command("list")
@click.option("--seller", default="", help="Only this seller's claims.")
@store_option
@click.option("--state", "states", multiple=True, help="Only claims in this state; repeatable.")
@click.option("--rule", "rules", multiple=True, help="Only claims of this rule; repeatable.")
@click.option("--search", default="", help="Text in ids, SKUs, orders or evidence.")
@json_option
@plain_errors
def list_command(
    seller: str, store: Path, states: tuple[str, ...], rules: tuple[str, ...], search: str,
    as_json: bool,
) -> None:  # fmt: skip
    """List claims, those that close first first."""
    with Store(store) as opened:
        show_claims(chosen(Ledger(opened), seller, states, rules, search), as_json)


def chosen(
    ledger: Ledger, seller: str, states: tuple[str, ...], rules: tuple[str, ...], search: str
) -> list[KeptClaim]:
    """Claims that pass every filter."""
    wanted = search.casefold()
    return [
        each
        for each in ledger.all(seller)
        if (not states or each.state in states)
        and (not rules or each.facts["rule"] in rules)
        and (not wanted or wanted in json.dumps(each.facts, ensure_ascii=False).casefold())
    ]


@claims_group.command("show")
@click.argument("claim_id")
@store_option
@json_option
@plain_errors
def show_command(claim_id: str, store: Path, as_json: bool) -> None:
    """Show one claim with its evidence and timeline; the beginning of its id is enough."""
    with Store(store) as opened:
        ledger = Ledger(opened)
        claim = ledger.get(claim_id)
        show_claim(claim, ledger.timeline(claim.claim_id), as_json)


@claims_group.command("case")
@click.argument("claim_id")
@store_option
@today_option
@json_option
@plain_errors
def case_command(claim_id: str, store: Path, today: datetime | None, as_json: bool) -> None:
    """Print the case of a claim, in the language of its marketplace.

    It holds every claim that belongs into the same case. For one that was denied or paid in part:
    an appeal, where the reports contradict the answer.
    """
    with Store(store) as opened:
        ledger = Ledger(opened)
        letter = letter_of(ledger, ledger.get(claim_id), day_of(today))
    if as_json:
        click.echo(json.dumps(asdict(letter), ensure_ascii=False))
        return
    if letter.warning:
        click.echo(letter.warning, err=True)
    if len(letter.claims) > 1:
        click.echo(f"this case holds {len(letter.claims)} claims", err=True)
    if letter.documents:
        click.echo(f"attach: {', '.join(letter.documents)}", err=True)
    click.echo(f"{letter.subject}\n\n{letter.body}")


@claims_group.command("update")
@click.argument("claim_id")
@click.argument("state", type=click.Choice(list(FOLLOWS)))
@click.option("--case", "case_id", default="", help="Case id that Amazon gave.")
@click.option("--note", default="", help="What was said.")
@store_option
@today_option
@plain_errors
def update_command(
    claim_id: str, state: str, case_id: str, note: str, store: Path, today: datetime | None
) -> None:
    """Note what was done or answered: filed, denied, approved, ...

    `filed` is noted for every claim that `case` puts into the same case.

    Example: repriced claims update 0874588b filed --case 12345678901
    """
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        claims = update_case(
            ledger, ledger.get(claim_id), state, day_of(today), case_id=case_id, note=note
        )
    for claim in claims:
        click.echo(f"{claim.claim_id} is {claim.state}; next: {claim.next_action}")


@claims_group.command("attach")
@click.argument("claim_id")
@click.argument("kind")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@today_option
@plain_errors
def attach_command(
    claim_id: str, kind: str, path: Path, store: Path, today: datetime | None
) -> None:
    """Keep a document with a claim; `export` puts it into the folder of the case.

    Example: repriced claims attach 0874588b invoice bill.pdf
    """
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        full = ledger.get(claim_id).claim_id
        ledger.attach(full, kind, path.name, path.read_bytes(), day_of(today))
    click.echo(f"{full} has {kind}: {path.name}; audit again to see what is still missing")


@claims_group.command("export")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seller", default="", help="Only this seller's claims.")
@store_option
@today_option
@plain_errors
def export_command(path: Path, seller: str, store: Path, today: datetime | None) -> None:
    """Write claims to PATH: a table if it ends in .csv, else a ZIP with a folder per case."""
    with Store(store) as opened:
        ledger = Ledger(opened)
        claims = list(ledger.all(seller))
        if path.suffix.lower() == ".csv":
            path.write_text(as_csv(claims), encoding="utf-8")
        else:
            path.write_bytes(archive(ledger, claims, day_of(today)))
    click.echo(f"{len(claims)} claims written to {path}")


@claims_group.command("stats")
@store_option
@today_option
@json_option
@plain_errors
def stats_command(store: Path, today: datetime | None, as_json: bool) -> None:
    """Summarise all claims of the store."""
    day = day_of(today)
    with Store(store) as opened:
        summary = summarise(Ledger(opened).all(), day)
        blind = auditing.blind_rules_of(opened, day, opened.sellers())
    show_summary(summary, blind, None, day, as_json)
