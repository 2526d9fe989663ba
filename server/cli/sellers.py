"""`repriced sellers`: everything that is held of a seller, out to a file or out of the server."""

from __future__ import annotations

from typing import Any, TextIO

import click
from google.protobuf.json_format import MessageToJson

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

EXPORT_SECONDS = 3_600


@click.group("sellers")
def sellers_group() -> None:
    """Export or erase what the server holds of a seller, or let it run dry."""


@sellers_group.command("export")
@click.argument("seller_id")
@click.option("--output", type=click.File("w", lazy=True), default="-", help="File; - is stdout.")
@target_option
def export_command(seller_id: str, output: TextIO, target: str) -> None:
    """Write everything held of SELLER_ID as JSON lines, a file that programs can read.

    Seller, strategies, listings, decisions; and of the claims audit: claims, timelines, imports,
    every row of the reports, and the documents (base64, in pieces of 1 MiB).

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
    """Take SELLER_ID out of the server: catalogue, prices, claims, reports, documents, tokens.

    Nothing answers for the seller any more at once. Claims, their files and the access file are
    without it when the command ends; the audit log has a mark in its place. Journal and snapshots
    that hold it leave the disk within journal.keep_days, a day, and the time between two snapshots.
    Backups keep what they have. It cannot be undone: export first.
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


@sellers_group.command("dry-run")
@click.argument("seller_id")
@click.argument("switch", type=click.Choice(["on", "off"]))
@target_option
@json_option
def dry_run_command(seller_id: str, switch: str, target: str, as_json: bool) -> None:
    """Let SELLER_ID run dry, or for real: dry decisions are made and shown, but never emitted.

    Example: repriced sellers dry-run A1EXAMPLE on
    """
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        known = known_seller(stub, seller_id)
        known.dry_run = switch == "on"
        request = catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=[known])
        answer: Any = patiently(stub.BatchUpsertSellers, request)
    for error in answer.errors:
        raise click.ClickException(error.message)
    if as_json:
        click.echo(MessageToJson(known, preserving_proto_field_name=True))
    else:
        click.echo(f"{seller_id} {'runs dry' if known.dry_run else 'runs for real'}")


def known_seller(stub: Any, seller_id: str) -> Any:
    """A seller as the server has it, so that a change of one thing keeps the others."""
    request = catalog_pb2.ListSellersRequest(page_size=1_000)
    while True:
        answer = stub.ListSellers(request, timeout=CALL_SECONDS)
        for each in answer.sellers:
            if each.seller_id == seller_id:
                return each
        request.page_token = answer.next_page_token
        if not request.page_token:
            raise click.ClickException(f"seller {seller_id!r} is not known")
