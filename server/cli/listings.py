"""`repriced listings`: the catalogue as CSV, in and out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from engine.errors import RepricedError
from engine.money import exponent, minor_text, parse_minor
from repriced.v1 import catalog_pb2, catalog_pb2_grpc, types_pb2
from server.cli.connection import (
    CALL_SECONDS,
    Steps,
    channel_to,
    json_option,
    request_id,
    target_option,
)

COLUMNS = (
    "seller_id", "marketplace_id", "sku", "audience", "asin", "condition", "fulfilment", "currency",
    "floor", "ceiling", "shipping", "points", "points_basis_points", "strategy_id", "price",
)  # fmt: skip
MANDATORY = ("seller_id", "marketplace_id", "sku", "currency", "floor", "ceiling")
AMOUNTS = {
    "floor": "floor_minor",
    "ceiling": "ceiling_minor",
    "shipping": "shipping_minor",
    "points": "points_minor",
    "price": "price_minor",
}
ENUMS = {
    "audience": types_pb2.Audience,
    "condition": types_pb2.Condition,
    "fulfilment": types_pb2.Fulfilment,
}
BATCH = 1_000


class RowError(Exception):
    """A line that cannot be used."""


@click.group("listings")
def listings_group() -> None:
    """Bring listings in and out as CSV.

    Columns: seller_id, marketplace_id, sku, audience (B2C, B2B), asin, condition (NEW, USED, ...),
    fulfilment (AMAZON, MERCHANT), currency, floor, ceiling, shipping, points,
    points_basis_points, strategy_id, price. Amounts are decimal numbers such as 12.95.
    """


@listings_group.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the file only; nothing is sent.")
@target_option
@json_option
def import_command(path: Path, dry_run: bool, target: str, as_json: bool) -> None:
    """Create or replace the listings of a CSV file.

    A bad line is reported by its number and column; the others go on. Exit code 1 if any was bad.

    Example: repriced listings import catalogue.csv
    """
    problems: list[str] = []
    warnings: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(read_listings(file, problems))
    count = len(lines) if dry_run else send_all(lines, target, problems, warnings, as_json)
    if as_json:
        facts = {"imported": count, "problems": problems, "warnings": warnings, "dry_run": dry_run}
        click.echo(json.dumps(facts))
    else:
        for text in [*problems, *warnings]:
            click.echo(text, err=True)
        verb = "would be imported" if dry_run else "imported"
        click.echo(f"{count} listings {verb}, {len(problems)} lines refused")
    if problems:
        raise click.exceptions.Exit(1)


def read_listings(file: TextIO, problems: list[str]) -> Iterator[tuple[int, catalog_pb2.Listing]]:
    """Usable lines with their numbers; the others go to `problems`."""
    reader = csv.DictReader(file)
    missing = [each for each in MANDATORY if each not in (reader.fieldnames or ())]
    unknown = [each for each in reader.fieldnames or () if each not in COLUMNS]
    if missing or unknown:
        raise click.UsageError(
            "the header line lacks " + ", ".join(missing)
            if missing
            else f"unknown columns {', '.join(map(repr, unknown))}; known: {', '.join(COLUMNS)}"
        )
    for row in reader:
        try:
            yield reader.line_num, listing_of(row)
        except RowError as error:
            problems.append(f"line {reader.line_num}: {error}")


def listing_of(row: dict[str, Any]) -> catalog_pb2.Listing:
    """One line as a message. Raises RowError naming the column."""
    if None in row or None in row.values():
        raise RowError(f"wants as many fields as the header line ({len(row) - (None in row)})")
    row = {name: value.strip() for name, value in row.items()}
    for name in MANDATORY:
        if not row[name]:
            raise RowError(f"{name} is blank; it is mandatory")
    listing = catalog_pb2.Listing(
        key=types_pb2.ListingKey(
            seller_id=row["seller_id"], marketplace_id=row["marketplace_id"], sku=row["sku"]
        ),
        asin=row.get("asin", ""),
        currency=row["currency"],
        strategy_id=row.get("strategy_id", ""),
    )
    listing.key.audience = choice(row, "audience")
    listing.condition = choice(row, "condition")
    listing.fulfilment = choice(row, "fulfilment")
    for column, name in AMOUNTS.items():
        if row.get(column):
            setattr(listing, name, amount(column, row[column], row["currency"]))
    if row.get("points_basis_points"):
        if not row["points_basis_points"].isdigit():
            raise RowError(
                f"points_basis_points is {row['points_basis_points']!r}; allowed: 0-9000"
            )
        listing.points_basis_points = int(row["points_basis_points"])
    return listing


def choice(row: dict[str, str], name: str) -> Any:
    """Number of an enum's word; blank is unspecified."""
    word = row.get(name, "")
    enum, prefix = ENUMS[name], name.upper()
    if not word:
        return 0
    try:
        return enum.Value(f"{prefix}_{word.upper()}")
    except ValueError as error:
        known = ", ".join(each.removeprefix(f"{prefix}_") for each in enum.keys()[1:])
        raise RowError(f"{name} is {word!r}; allowed: {known}") from error


def amount(column: str, text: str, currency: str) -> int:
    """Minor units of a decimal number."""
    try:
        return parse_minor(text.encode(), exponent(currency))
    except RepricedError as error:
        raise RowError(f"{column} is {text!r}: {error.message}") from error


def send_all(
    lines: list[tuple[int, catalog_pb2.Listing]],
    target: str,
    problems: list[str],
    warnings: list[str],
    quiet: bool,
) -> int:
    """Sends listings in batches and returns how many the server took."""
    count = 0
    steps = Steps("listings", len(lines), quiet)
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            request = catalog_pb2.BatchUpsertListingsRequest(
                request_id=request_id(), listings=[each for _, each in batch]
            )
            answer = stub.BatchUpsertListings(request, timeout=CALL_SECONDS)
            count += len(answer.upserted)
            problems += [f"line {batch[each.index][0]}: {each.message}" for each in answer.errors]
            warnings += [
                f"line {batch[each.index][0]}: warning: {each.message}" for each in answer.warnings
            ]
            steps.advance(len(batch))
    steps.close()
    return count


@listings_group.command("export")
@click.option("--seller", default="", help="Only this seller's listings.")
@target_option
def export_command(seller: str, target: str) -> None:
    """Print all listings as CSV that `import` reads back.

    Example: repriced listings export > catalogue.csv
    """
    writer = csv.DictWriter(click.get_text_stream("stdout"), COLUMNS, lineterminator="\n")
    writer.writeheader()
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        token = ""
        while True:
            request = catalog_pb2.ListListingsRequest(
                seller_id=seller, page_size=1_000, page_token=token
            )
            answer = stub.ListListings(request, timeout=CALL_SECONDS)
            writer.writerows(row_of(each.listing) for each in answer.listings)
            token = answer.next_page_token
            if not token:
                return


def row_of(listing: catalog_pb2.Listing) -> dict[str, Any]:
    """One listing as a CSV line."""
    key = listing.key
    row: dict[str, Any] = {
        "seller_id": key.seller_id,
        "marketplace_id": key.marketplace_id,
        "sku": key.sku,
        "audience": types_pb2.Audience.Name(key.audience).removeprefix("AUDIENCE_"),
        "asin": listing.asin,
        "currency": listing.currency,
        "strategy_id": listing.strategy_id,
    }
    for name in ("condition", "fulfilment"):
        number = getattr(listing, name)
        word = ENUMS[name].Name(number).removeprefix(f"{name.upper()}_")
        row[name] = word if number else ""
    for column, name in AMOUNTS.items():
        minor = getattr(listing, name)
        row[column] = minor_text(minor, listing.currency) if minor else ""
    row["points_basis_points"] = listing.points_basis_points or ""
    return row
