"""`repriced explain`: why a listing has its price."""

from __future__ import annotations

import click
from google.protobuf.json_format import MessageToJson

from engine.money import format_minor
from repriced.v1 import pricing_pb2, pricing_pb2_grpc, types_pb2
from server.cli.connection import CALL_SECONDS, channel_to, json_option, target_option

AUDIENCES = {"B2C": types_pb2.AUDIENCE_B2C, "B2B": types_pb2.AUDIENCE_B2B}
ROLES = {
    pricing_pb2.OFFER_ROLE_OWN: "ours",
    pricing_pb2.OFFER_ROLE_SISTER: "our account",
    pricing_pb2.OFFER_ROLE_REFERENCE: "sets the reference price",
    pricing_pb2.OFFER_ROLE_COMPETITOR: "competes",
    pricing_pb2.OFFER_ROLE_FILTERED_OUT: "filtered out",
}


@click.command("explain")
@click.option("--listing-id", type=click.IntRange(1, 2**32 - 1), help="Name it by its id ...")
@click.option("--seller", help="... or by seller, marketplace and SKU.")
@click.option("--marketplace")
@click.option("--sku")
@click.option("--audience", type=click.Choice(["B2C", "B2B"]), default="B2C", show_default=True)
@target_option
@json_option
def explain_command(
    listing_id: int | None,
    seller: str | None,
    marketplace: str | None,
    sku: str | None,
    audience: str,
    target: str,
    as_json: bool,
) -> None:
    """Say why a listing has its price, why it did not change, and what comes next.

    Example: repriced explain --seller A1EXAMPLE --marketplace A1PA6795UKMFR9 --sku MUG-01
    """
    request = pricing_pb2.ExplainPriceRequest()
    if listing_id:
        request.listing_id = listing_id
    elif seller and marketplace and sku:
        key = types_pb2.ListingKey(seller_id=seller, marketplace_id=marketplace, sku=sku)
        key.audience = AUDIENCES[audience]
        request.key.CopyFrom(key)
    else:
        raise click.UsageError("name the listing: --listing-id, or --seller --marketplace --sku")
    with channel_to(target) as channel:
        stub = pricing_pb2_grpc.PricingServiceStub(channel)
        answer = stub.ExplainPrice(request, timeout=CALL_SECONDS)
    if as_json:
        click.echo(MessageToJson(answer, preserving_proto_field_name=True))
        return
    for line in explanation_lines(answer):
        click.echo(line)


def explanation_lines(answer: pricing_pb2.ExplainPriceResponse) -> list[str]:
    """An explanation as text: the sentences, then the offers."""
    key, currency = answer.listing.listing.key, answer.listing.listing.currency
    lines = [f"{key.sku} of {key.seller_id} in {key.marketplace_id}"]
    lines += [f"  {sentence}" for sentence in answer.sentences]
    for each in answer.offers:
        price = format_minor(each.landed_price_minor, currency)
        why = f": {each.filter}" if each.filter else ""
        winner = ", has the Buy Box" if each.offer.buy_box_winner else ""
        lines.append(f"    {price:>14}  {each.offer.seller_id}: {ROLES[each.role]}{why}{winner}")
    if answer.offers_pruned:
        lines.append("    The offers behind this are no longer kept.")
    return lines
