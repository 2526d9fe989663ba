"""Listings as lines of CSV, both ways."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

import click

from engine.errors import RepricedError
from engine.money import exponent, minor_text, parse_minor
from repriced.v1 import catalog_pb2, fees_pb2, types_pb2

COLUMNS = (
    "seller_id", "marketplace_id", "sku", "audience", "asin", "condition", "fulfilment", "currency",
    "floor", "ceiling", "shipping", "points", "points_basis_points", "strategy_id", "price", "map",
    "cost", "cost_currency", "fee_schedule_id", "vat_basis_points", "margin_basis_points",
)  # fmt: skip
KEY = ("seller_id", "marketplace_id", "sku")
BOUNDS = ("floor", "ceiling")
MOST_BP = {"points_basis_points": 9_000, "vat_basis_points": 10_000, "margin_basis_points": 10_000}
MANDATORY = (*KEY, "currency", *BOUNDS)
AMOUNTS = {
    "floor": "floor_minor",
    "ceiling": "ceiling_minor",
    "shipping": "shipping_minor",
    "points": "points_minor",
    "price": "price_minor",
    "map": "map_minor",
    "cost": "cost_minor",
}
ENUMS = {
    "audience": types_pb2.Audience,
    "condition": types_pb2.Condition,
    "fulfilment": types_pb2.Fulfilment,
}
COLUMN_OF = {name: column for column, name in AMOUNTS.items()} | {
    f"key.{each}": each for each in KEY
}


class ColumnError(Exception):
    """A line that cannot be used: the column and what is wrong with it."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class Remark:
    """What its sender should know of one line of the file."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.message}"


def remark(line: int, told: Any) -> Remark:
    """An error or warning of the server about a line; its field becomes the column."""
    return Remark(line, COLUMN_OF.get(told.field, told.field), told.message)


@dataclass(slots=True)
class Sheet:
    """A file: its usable listings with their line numbers, and what is wrong with the others."""

    lines: list[tuple[int, catalog_pb2.Listing]] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)


def read_sheet(file: TextIO, propose: bool = False) -> Sheet:
    """Reads a whole file. With `propose`, bounds that are blank are to be proposed.

    Raises UsageError where it is not CSV or its header is wrong.
    """
    mandatory = tuple(each for each in MANDATORY if not propose or each not in BOUNDS)
    sheet, first_line = Sheet(), dict[bytes, int]()
    try:
        reader = csv.DictReader(file, strict=True)
        check_header(list(reader.fieldnames or ()), mandatory)
        for row in reader:
            try:
                listing = listing_of(row, mandatory)
                same = first_line.setdefault(listing.key.SerializeToString(), reader.line_num)
                if same != reader.line_num:
                    raise ColumnError("sku", f"the same listing as in line {same}")
                sheet.lines.append((reader.line_num, listing))
            except ColumnError as error:
                sheet.problems.append(Remark(reader.line_num, error.column, error.message))
    except csv.Error as error:
        raise click.UsageError(f"line {reader.line_num + 1}: not CSV ({error})") from error
    except UnicodeDecodeError as error:
        raise click.UsageError("the file is not UTF-8; save it as CSV UTF-8") from error
    return sheet


PROPOSED = dict.fromkeys(("floor", "ceiling"), ", unless --propose is given")


def check_header(names: list[str], mandatory: tuple[str, ...] = MANDATORY) -> None:
    """Raises UsageError for a header line that lacks, repeats or invents columns."""
    missing = [each for each in mandatory if each not in names]
    if missing:
        found = ", ".join(names) or "nothing"
        raise click.UsageError(f"the header line lacks {', '.join(missing)}; it has: {found}")
    wrong = [each for each in names if each not in COLUMNS or names.count(each) > 1]
    if wrong:
        shown = ", ".join(map(repr, wrong))
        raise click.UsageError(f"unknown or repeated columns {shown}; known: {', '.join(COLUMNS)}")


def listing_of(row: dict[Any, Any], mandatory: tuple[str, ...]) -> catalog_pb2.Listing:
    """One line as a message; bounds that it may lack are to be proposed. Raises ColumnError."""
    if None in row or None in row.values():
        raise ColumnError("", "wants as many fields as the header line")
    row = {name: value.strip() for name, value in row.items()}
    for name in mandatory:
        if not row[name]:
            raise ColumnError(name, "is blank; it is mandatory" + PROPOSED.get(name, ""))
    listing = catalog_pb2.Listing(
        key=types_pb2.ListingKey(**{each: row[each] for each in KEY}),
        asin=row.get("asin", ""),
        currency=row["currency"],
        cost_currency=row.get("cost_currency", ""),
        strategy_id=row.get("strategy_id", ""),
    )
    listing.key.audience = choice(row, "audience") or types_pb2.AUDIENCE_B2C
    listing.condition = choice(row, "condition")
    listing.fulfilment = choice(row, "fulfilment")
    if row.get("points") and row.get("points_basis_points"):
        raise ColumnError("points", "allowed: points or points_basis_points, not both")
    for column, name in AMOUNTS.items():
        if row.get(column):
            currency = row.get("cost_currency") if column == "cost" else ""
            setattr(listing, name, amount(column, row[column], currency or row["currency"]))
    if row.get("points_basis_points"):
        listing.points_basis_points = basis_points("points_basis_points", row)
    listing.propose_bounds = not all(row.get(each) for each in BOUNDS)
    put_fees(listing, row)
    return listing


def put_fees(listing: catalog_pb2.Listing, row: dict[str, str]) -> None:
    """Lets bounds follow from cost and fees. Raises ColumnError."""
    if row.get("fee_schedule_id"):
        listing.computed_bounds.fee_schedule_id = row["fee_schedule_id"]
    for column in ("vat_basis_points", "margin_basis_points"):
        if not row.get(column):
            continue
        if not row.get("fee_schedule_id"):
            raise ColumnError(column, "needs fee_schedule_id beside it")
        holder: Any = listing.computed_bounds
        if column == "margin_basis_points":
            holder = holder.goal
        setattr(holder, column, basis_points(column, row))


def choice(row: dict[str, str], name: str) -> Any:
    """Number of an enum's word; blank is unspecified."""
    word = row.get(name, "")
    enum, prefix = ENUMS[name], name.upper()
    if not word:
        return 0
    known = [each.removeprefix(f"{prefix}_") for each in enum.keys()[1:]]
    if word.upper() not in known:
        raise ColumnError(name, f"{word!r}; allowed: {', '.join(known)}")
    return enum.Value(f"{prefix}_{word.upper()}")


def amount(column: str, text: str, currency: str) -> int:
    """Minor units of a decimal number."""
    try:
        return parse_minor(text.encode(), exponent(currency))
    except RepricedError as error:
        raise ColumnError(
            error.field if error.field == "currency" else column,
            error.message.replace("a JSON number", "a decimal number"),
        ) from error


def basis_points(column: str, row: dict[str, str]) -> int:
    """A whole number of basis points that fits the message; the server knows the limit."""
    text = row[column]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ColumnError(column, f"{text!r}; allowed: a whole number, 0 to {MOST_BP[column]}")
    return int(text)


def rows_of(listings: Iterator[catalog_pb2.Listing]) -> Iterator[dict[str, Any]]:
    """Listings as lines that `read_sheet` reads back."""
    for listing in listings:
        key = listing.key
        row: dict[str, Any] = {each: getattr(key, each) for each in KEY}
        for name in ("asin", "currency", "strategy_id", "cost_currency"):
            row[name] = getattr(listing, name)
        row["audience"] = word_of("audience", key.audience)
        for name in ("condition", "fulfilment"):
            row[name] = word_of(name, getattr(listing, name))
        for column, name in AMOUNTS.items():
            minor = getattr(listing, name)
            currency = listing.cost_currency if column == "cost" else ""
            row[column] = minor_text(minor, currency or listing.currency) if minor else ""
        row["points_basis_points"] = listing.points_basis_points or ""
        row |= fees_of(listing.computed_bounds)
        yield row


def fees_of(bounds: fees_pb2.ComputedBounds) -> dict[str, Any]:
    """Columns of computed bounds; blank where the columns cannot say them."""
    row = {
        "fee_schedule_id": bounds.fee_schedule_id,
        "vat_basis_points": str(bounds.vat_basis_points or ""),
        "margin_basis_points": str(bounds.goal.margin_basis_points or ""),
    }
    again = catalog_pb2.Listing()
    put_fees(again, row)
    return row if again.computed_bounds == bounds else dict.fromkeys(row, "")


def word_of(name: str, number: int) -> str:
    """An enum's word in the file; unspecified is blank."""
    return str(ENUMS[name].Name(number)).removeprefix(f"{name.upper()}_") if number else ""
