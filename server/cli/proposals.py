"""`repriced listings proposals` and `accept`: bounds that nobody has stated yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from google.protobuf.json_format import MessageToDict

from engine.money import format_minor
from repriced.v1 import catalog_pb2, catalog_pb2_grpc, fees_pb2
from server.cli.connection import (
    CALL_SECONDS,
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
)

BATCH = 1_000
SOURCES = {
    name.removeprefix("PROPOSAL_SOURCE_").lower().replace("_", "-"): value
    for name, value in fees_pb2.ProposalSource.items()
    if value
}
SOURCE_NAMES = {value: name for name, value in SOURCES.items()}

source_option = click.option(
    "--from",
    "source",
    type=click.Choice(list(SOURCES)),
    help="Only those that come from cost and fees, from the own price, or from others' offers.",
)
marketplace_option = click.option("--marketplace", default="", help="Only this marketplace id.")


@click.command("proposals")
@click.argument("seller_id")
@source_option
@marketplace_option
@target_option
@json_option
def proposals_command(
    seller_id: str, source: str | None, marketplace: str, target: str, as_json: bool
) -> None:
    """Show the bounds that are proposed for SELLER_ID, why, and the prices that would follow.

    Listings that `import --propose` brought in without bounds run dry: their prices are worked out
    and shown here, and nothing is sent before `accept`, or before an import with both bounds. To
    import them with --propose again proposes anew, with what has been seen of the market since.

    \b
    Example:
      repriced listings proposals A1SHOP
      repriced listings proposals A1SHOP --from own-price
    """
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        found = list(proposals_of(stub, seller_id, source, marketplace))
    if as_json:
        for each in found:
            click.echo(json.dumps(MessageToDict(each, preserving_proto_field_name=True)))
        return
    for each in found:
        show(each)
    click.echo(f"{len(found)} listings wait for their bounds to be accepted")


@click.command("accept")
@click.argument("seller_id")
@click.option("--sku", "skus", multiple=True, help="This listing; repeat for several.")
@click.option("--all", "everything", is_flag=True, help="All that the other options leave.")
@source_option
@marketplace_option
@target_option
@json_option
def accept_command(
    seller_id: str, skus: tuple[str, ...], everything: bool, source: str | None, marketplace: str,
    target: str, as_json: bool,
) -> None:  # fmt: skip
    """Accept proposed bounds of SELLER_ID as they are; prices go out from then on.

    Look at `proposals` first. To put other bounds into force, import the listing with both bounds.
    Bounds that look like a slip are held like any others (repriced held).

    \b
    Example:
      repriced listings accept A1SHOP --sku MUG-01 --sku MUG-02
      repriced listings accept A1SHOP --all --from cost-and-fees
      repriced listings accept A1SHOP --all --marketplace A1PA6795UKMFR9
    """
    if bool(skus) == everything:
        raise click.UsageError("say which listings: --sku, or --all")
    accepted, refused = 0, []
    with channel_to(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        found = [
            each
            for each in proposals_of(stub, seller_id, source, marketplace)
            if everything or each.listing.key.sku in skus
        ]
        missing = sorted(set(skus) - {each.listing.key.sku for each in found})
        if missing:
            raise click.ClickException(f"nothing is proposed for {', '.join(missing)}")
        for start in range(0, len(found), BATCH):
            part = [stated(each) for each in found[start : start + BATCH]]
            request = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=part)
            answer = patiently(stub.BatchUpsertListings, request)
            accepted += len(answer.upserted)
            refused += [f"{part[each.index].key.sku}: {each.message}" for each in answer.errors]
    if as_json:
        click.echo(json.dumps({"accepted": accepted, "refused": refused}))
    else:
        click.echo(f"{accepted} listings have their proposed bounds, {len(refused)} refused")
    for line in refused:
        click.echo(line, err=True)
    if refused:
        raise click.exceptions.Exit(1)


def proposals_of(
    stub: Any, seller_id: str, source: str | None, marketplace: str
) -> Iterator[catalog_pb2.ListingState]:
    """Listings with proposed bounds, page by page."""
    request = catalog_pb2.ListListingsRequest(
        seller_id=seller_id, page_size=BATCH, only_proposed=True
    )
    while True:
        answer = stub.ListListings(request, timeout=CALL_SECONDS)
        for each in answer.listings:
            wanted = source is None or each.proposed_bounds.source == SOURCES[source]
            if wanted and marketplace in ("", each.listing.key.marketplace_id):
                yield each
        request.page_token = answer.next_page_token
        if not request.page_token:
            return


def stated(state: catalog_pb2.ListingState) -> catalog_pb2.Listing:
    """The listing with its proposed bounds as its own."""
    listing = state.listing
    listing.floor_minor = state.proposed_bounds.floor_minor
    listing.ceiling_minor = state.proposed_bounds.ceiling_minor
    listing.propose_bounds = False
    return listing


def show(state: catalog_pb2.ListingState) -> None:
    """One proposal for people."""
    listing, bounds = state.listing, state.proposed_bounds
    floor, ceiling = (
        format_minor(each, listing.currency) for each in (bounds.floor_minor, bounds.ceiling_minor)
    )
    click.echo(
        f"{listing.key.sku} ({listing.key.marketplace_id}): {floor} to {ceiling},"
        f" from {SOURCE_NAMES[bounds.source]}"
    )
    for reason in bounds.reasons:
        click.echo(f"  - {reason}")
    live = state.live_price_minor
    price = format_minor(live, listing.currency) if live else "not known"
    after = state.set_aside.price_minor
    would = f"; it would become {format_minor(after, listing.currency)}" if after else ""
    click.echo(f"  price {price}{would}")
