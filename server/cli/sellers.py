"""`repriced sellers`: everything that is held of a seller, out to a file or out of the server."""

from __future__ import annotations

from typing import Any, TextIO

import click
from google.protobuf.json_format import MessageToJson

from repriced.v1 import catalog_pb2, catalog_pb2_grpc
from server.cli.connection import (
    Steps,
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
)

EXPORT_SECONDS = 3_600


@click.group("sellers")
def sellers_group() -> None:
    """Export or erase what the server holds of a seller."""


@sellers_group.command("export")
@click.argument("seller_id")
@click.option("--output", type=click.File("w", lazy=True), default="-", help="File; - is stdout.")
@target_option
def export_command(seller_id: str, output: TextIO, target: str) -> None:
    """Write everything held of SELLER_ID as JSON lines: seller, strategies, listings, decisions.

    Example: repriced sellers export A1EXAMPLE --output a1example.jsonl
    """
    request = catalog_pb2.ExportSellerRequest(seller_id=seller_id)
    with channel_to(target) as channel, Steps("exported", None) as steps:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        for held in stub.ExportSeller(request, timeout=EXPORT_SECONDS):
            line = MessageToJson(held, preserving_proto_field_name=True, indent=None)
            output.write(line + "\n")
            steps.advance(1)


@sellers_group.command("erase")
@click.argument("seller_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_option
@json_option
def erase_command(seller_id: str, yes: bool, target: str, as_json: bool) -> None:
    """Take SELLER_ID out of the server, with strategies, listings and decisions.

    Nothing answers for the seller any more at once. Files that hold it leave the disk within
    journal.keep_days, a day, and the time between two snapshots. It cannot be undone: export first.
    """
    if not yes:
        click.confirm(f"Erase everything held of {seller_id}?", abort=True)
    request = catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id=seller_id)
    with channel_to(target) as channel:
        answer: Any = patiently(catalog_pb2_grpc.CatalogServiceStub(channel).EraseSeller, request)
    if as_json:
        click.echo(MessageToJson(answer, preserving_proto_field_name=True))
    elif not answer.errors:
        click.echo(f"erased {seller_id} and {answer.erased_listings_count} listings")
    for error in answer.errors:
        raise click.ClickException(error.message)
