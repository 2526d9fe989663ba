"""`repriced listings`: the catalogue as CSV, in and out."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path

import click

from engine.checks import ceiling_warning, check_definition
from engine.errors import RepricedError
from repriced.v1 import catalog_pb2, catalog_pb2_grpc
from server.cli.connection import (
    CALL_SECONDS,
    Steps,
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
)
from server.cli.listing_rows import COLUMNS, Remark, Sheet, read_sheet, remark, rows_of
from server.cli.proposals import accept_command, proposals_command
from server.wire import listing_definition

BATCH = 1_000


@click.group("listings")
def listings_group() -> None:
    """Bring listings in and out as CSV, UTF-8, separated by commas.

    \b
    Mandatory  seller_id, marketplace_id, sku, currency, floor, ceiling
    Optional   audience (B2C, B2B), asin, condition (NEW, USED, ...),
               fulfilment (AMAZON, MERCHANT), shipping, points or
               points_basis_points, strategy_id, price, map, cost,
               cost_currency, and fee_schedule_id with vat_basis_points and
               margin_basis_points

    Amounts are decimal numbers of the listing's currency, such as 12.95 or, in JPY, 1295.
    """


listings_group.add_command(proposals_command)
listings_group.add_command(accept_command)


@listings_group.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the file only; nothing is sent.")
@click.option("--propose", is_flag=True, help="Propose bounds where a line has none.")
@target_option
@json_option
def import_command(path: Path, dry_run: bool, propose: bool, target: str, as_json: bool) -> None:
    """Create or replace the listings of a CSV file.

    A bad line is reported by its number and column and the others go on. Exit code 1 if any
    line was refused. --dry-run knows no strategies: only the server can say whether they exist.

    With --propose floor and ceiling may be blank. The server proposes them, from cost and fees
    where it knows both, else from the price. The listing runs dry until its bounds are accepted:
    see `repriced listings proposals` and `accept`. Listings that have bounds keep them.

    \b
    Examples:
      repriced listings import --dry-run catalogue.csv
      repriced listings import catalogue.csv
      repriced listings import --propose first.csv
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        sheet = read_sheet(file, propose)
    warnings: list[Remark] = []
    count = check_all(sheet, warnings) if dry_run else send_all(sheet, warnings, target, as_json)
    sheet.problems.sort(key=lambda each: each.line)
    report(sheet.problems, warnings, count, dry_run, as_json)
    if sheet.problems:
        raise click.exceptions.Exit(1)


def report(
    problems: list[Remark], warnings: list[Remark], count: int, dry_run: bool, as_json: bool
) -> None:
    """Prints what became of the file."""
    if as_json:
        facts = {
            "imported": 0 if dry_run else count,
            "dry_run": dry_run,
            "usable": count,
            "problems": [asdict(each) for each in problems],
            "warnings": [asdict(each) for each in warnings],
        }
        click.echo(json.dumps(facts))
        return
    for each in problems:
        click.echo(str(each), err=True)
    for each in warnings:
        click.echo(f"{each} (warning)", err=True)
    verb = "would be imported" if dry_run else "imported"
    click.echo(f"{count} listings {verb}, {len(problems)} lines refused")


def check_all(sheet: Sheet, warnings: list[Remark]) -> int:
    """Checks listings as the server does, without one; how many are usable."""
    count = 0
    for line, message in sheet.lines:
        definition = listing_definition(message)
        try:
            check_definition(definition)
        except RepricedError as error:
            sheet.problems.append(remark(line, error))
            continue
        count += 1
        warning = ceiling_warning(0, definition)
        if warning is not None:
            warnings.append(remark(line, warning))
    return count


def send_all(sheet: Sheet, warnings: list[Remark], target: str, quiet: bool) -> int:
    """Sends listings in batches and returns how many the server took."""
    count, lines = 0, sheet.lines
    with Steps("listings", len(lines), quiet) as steps, channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            request = catalog_pb2.BatchUpsertListingsRequest(
                request_id=request_id(), listings=[each for _, each in batch]
            )
            answer = patiently(stub.BatchUpsertListings, request)
            count += len(answer.upserted)
            sheet.problems += [remark(batch[each.index][0], each) for each in answer.errors]
            warnings += [remark(batch[each.index][0], each) for each in answer.warnings]
            steps.advance(len(batch))
    return count


@listings_group.command("export")
@click.option("--seller", default="", help="Only this seller's listings.")
@target_option
def export_command(seller: str, target: str) -> None:
    """Print all listings as CSV that `import` reads back; the price is the one that is live.

    Example: repriced listings export > catalogue.csv
    """
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        rows = rows_of(listings_of(stub, seller))
        first = list(islice(rows, 1))  # Nothing is printed before the server has answered.
        writer.writeheader()
        writer.writerows(chain(first, rows))


def listings_of(
    stub: catalog_pb2_grpc.CatalogServiceStub, seller: str
) -> Iterator[catalog_pb2.Listing]:
    """All listings, page by page."""
    token = ""
    while True:
        request = catalog_pb2.ListListingsRequest(
            seller_id=seller, page_size=1_000, page_token=token
        )
        answer = stub.ListListings(request, timeout=CALL_SECONDS)
        yield from (each.listing for each in answer.listings)
        token = answer.next_page_token
        if not token:
            return
