"""`repriced fees`: Amazon's fee preview report against the fee schedules of computed bounds."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from engine.errors import RepricedError
from engine.money import exponent, parse_minor
from repriced.v1 import catalog_pb2_grpc, fees_pb2, types_pb2
from server.amazon.marketplaces import MARKETPLACES, UNKNOWN_MARKETPLACE
from server.cli.connection import channel_to, json_option, patiently, request_id, target_option

BATCH = 10_000
REFERRAL = ("estimated-referral-fee-per-unit",)
FULFILMENT = (
    "expected-fulfillment-fee-per-unit",
    "expected-domestic-fulfilment-fee-per-unit",
)
PRICES = ("sales-price", "your-price")
"""The price that is asked now; the second where there is no sale."""


@click.group("fees")
def fees_group() -> None:
    """Check what fee schedules say against what Amazon expects to charge."""


@fees_group.command("check")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seller", "seller_id", required=True, help="Whose report it is.")
@click.option("--marketplace", "marketplace_id", required=True, help="The marketplace's id.")
@click.option("--currency", default="", help="Other lines are left out; default: its own.")
@target_option
@json_option
def check_command(
    path: Path, seller_id: str, marketplace_id: str, currency: str, target: str, as_json: bool
) -> None:
    """Compare a fee preview report with the fee schedules of its listings; change no price.

    The report is Amazon's "Fee Preview", tab-separated or CSV, of Europe or America. A referral or
    fulfilment fee that is more than 2 % off is printed with both figures, and an event tells those
    who watch. Listings without computed bounds have nothing to compare with.

    \b
    Example:
      repriced fees check fees.txt --seller A1SHOP --marketplace A1PA6795UKMFR9
    """
    currency = currency or MARKETPLACES.get(marketplace_id, UNKNOWN_MARKETPLACE).currency
    if not currency:
        raise click.UsageError(f"--currency: that of marketplace {marketplace_id!r} is not known")
    lines = previews_of(path, seller_id, marketplace_id, currency)
    checked, differing, left_out = 0, list[dict[str, str]](), Counter(lines.left_out)
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        for start in range(0, len(lines.previews), BATCH):
            part = lines.previews[start : start + BATCH]
            request = fees_pb2.ReportFeePreviewsRequest(request_id=request_id(), previews=part)
            answer = patiently(stub.ReportFeePreviews, request)
            checked += answer.checked_count
            left_out.update(each.reason for each in answer.errors)
            differing += [
                {"sku": part[each.index].key.sku, "message": each.message}
                for each in answer.warnings
            ]
    if as_json:
        facts = {"checked": checked, "differing": differing, "left_out": dict(left_out)}
        click.echo(json.dumps(facts))
        return
    for each in differing:
        click.echo(f"{each['sku']}: {each['message']}")
    for reason, count in sorted(left_out.items()):
        click.echo(f"{count} lines left out: {reason}", err=True)
    click.echo(f"{checked} fee previews checked, {len(differing)} differ")


class Previews:
    """What is in a report: rows that can be compared, and why the others cannot."""

    def __init__(self) -> None:
        self.previews: list[fees_pb2.FeePreview] = []
        self.left_out: list[str] = []


def previews_of(path: Path, seller_id: str, marketplace_id: str, currency: str) -> Previews:
    """Reads a report. Raises UsageError where it is none."""
    found = Previews()
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in header else ",")
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    if not {"sku", "currency"} <= names.keys() or not names.keys() & {*REFERRAL, *FULFILMENT}:
        raise click.UsageError(
            f"{path.name} is no fee preview report: it needs the columns sku, currency,"
            f" {REFERRAL[0]} and {FULFILMENT[0]}"
        )
    for line in reader:
        row = {name: (line[raw_name] or "").strip() for name, raw_name in names.items()}
        if row["currency"] != currency:
            found.left_out.append("OTHER_CURRENCY")
            continue
        price = first_amount(row, PRICES, currency)
        fees = {
            "referral_fee_minor": first_amount(row, REFERRAL, currency),
            "fulfilment_fee_minor": first_amount(row, FULFILMENT, currency),
        }
        if price is None or not any(each is not None for each in fees.values()):
            found.left_out.append("NO_PRICE_OR_FEE")
            continue
        key = types_pb2.ListingKey(
            seller_id=seller_id, marketplace_id=marketplace_id, sku=row["sku"]
        )
        given: dict[str, Any] = {name: fee for name, fee in fees.items() if fee is not None}
        found.previews.append(
            fees_pb2.FeePreview(key=key, currency=currency, price_minor=price, **given)
        )
    return found


def first_amount(row: dict[str, str], columns: tuple[str, ...], currency: str) -> int | None:
    """The first of some columns that holds an amount, in minor units; None: none does."""
    for each in columns:
        try:
            return parse_minor(row.get(each, "").encode(), exponent(currency))
        except RepricedError:
            continue
    return None
