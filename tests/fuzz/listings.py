"""The CSV file of listings. Oracle: what was read is read again from what is written of it."""

from __future__ import annotations

import csv
import io

import click

from engine.checks import check_definition
from engine.errors import RepricedError
from repriced.v1 import catalog_pb2
from server.cli.listing_rows import COLUMNS, read_sheet, rows_of
from server.wire import listing_definition

SMALL = """\
seller_id,marketplace_id,sku,currency,floor,ceiling,asin,condition,fulfilment,price,audience
A1SHOP,A1PA6795UKMFR9,MUG-1,EUR,8.50,15,B01,new,AMAZON,,B2B
A1SHOP,A1PA6795UKMFR9,"MUG, ""blue""\n2",EUR,1e1,12.95,,USED,merchant,11.2,
A1SHOP,A1VC38T7YXB528,CUP,JPY,850,1500,,,,,
"""
POINTS = """\
seller_id,marketplace_id,sku,currency,floor,ceiling,shipping,points,points_basis_points,strategy_id
A1SHOP,A1VC38T7YXB528,CUP,JPY,850,1500,199,,100,match
A1SHOP,A1VC38T7YXB528,MUG,JPY,850,1500,,12,,
"""


def seeds() -> list[bytes]:
    """Files with every column."""
    return [SMALL.encode(), ("\ufeff" + POINTS).encode()]


def one(data: bytes) -> str:
    """A usage error, or lines of which each is a listing or has a problem."""
    file = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    try:
        sheet = read_sheet(file)
    except click.UsageError as error:
        return type(error).__name__
    listings = [each for _, each in sheet.lines if is_usable(each)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows_of(iter(listings)))
    out.seek(0)
    again = read_sheet(out)
    assert not again.problems, again.problems
    same = [listing_definition(each) for _, each in again.lines]
    assert same == [listing_definition(each) for each in listings]
    return "problems" if sheet.problems else "taken" if listings else "empty"


def is_usable(listing: catalog_pb2.Listing) -> bool:
    """Whether the server would take it."""
    try:
        check_definition(listing_definition(listing))
    except RepricedError:
        return False
    return True
