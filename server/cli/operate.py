"""What an operator does by hand: held decisions, the kill switch, pauses, earlier prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from google.protobuf.json_format import MessageToJson

from repriced.v1 import catalog_pb2, pricing_pb2, pricing_pb2_grpc, types_pb2
from server.cli.connection import (
    CALL_SECONDS,
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
)

PAGE = 1_000
KINDS = {
    pricing_pb2.HOLD_KIND_BOUNDS: "bounds",
    pricing_pb2.HOLD_KIND_BREAKER: "breaker",
    pricing_pb2.HOLD_KIND_DECISION: "decision",
    pricing_pb2.HOLD_KIND_SPIRAL: "spiral",
}
FACTS = ("price_minor", "floor_minor", "ceiling_minor", "decision_id")
Command = Callable[..., None]

listing_options = (
    click.option("--listing-id", "ids", multiple=True, type=click.IntRange(1, 2**32 - 1),
                 help="A listing by its id; repeat."),
    click.option("--listing", "keys", multiple=True, nargs=3, metavar="SELLER MARKETPLACE SKU",
                 help="A B2C listing by its key; repeat."),
)  # fmt: skip
stop_options = (
    click.option("--everything", is_flag=True, help="Every seller that the caller may touch."),
    click.option("--seller", "sellers", multiple=True, help="A seller; repeat."),
)
hold_options = (
    click.argument("hold_ids", nargs=-1, type=click.IntRange(1)),
    click.option("--seller", default="", help="Instead of ids: all that is held of a seller ..."),
    click.option("--marketplace", default="", help="... in one marketplace."),
)


def with_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, shown in their order."""

    def add(command: Any) -> Any:
        for each in reversed(options):
            command = each(command)
        return command

    return add


def named(ids: tuple[int, ...], keys: tuple[tuple[str, str, str], ...]) -> list[Any]:
    """Listings of the options, as a request names them."""
    refs = [catalog_pb2.ListingRef(listing_id=each) for each in ids]
    for seller, marketplace, sku in keys:
        key = types_pb2.ListingKey(
            seller_id=seller, marketplace_id=marketplace, sku=sku, audience=types_pb2.AUDIENCE_B2C
        )
        refs.append(catalog_pb2.ListingRef(key=key))
    return refs


def send(target: str, method: str, request: Any, as_json: bool, say: Callable[[Any], str]) -> None:
    """Makes a call and says what came of it; a refused row is exit code 1."""
    with channel_to(target) as channel:
        answer = patiently(getattr(pricing_pb2_grpc.PricingServiceStub(channel), method), request)
    if as_json:
        click.echo(MessageToJson(answer, preserving_proto_field_name=True))
    else:
        click.echo(say(answer))
        for error in answer.errors:
            click.echo(f"refused: {error.message}", err=True)
    if answer.errors:
        raise click.exceptions.Exit(1)


@click.group("held")
def held_group() -> None:
    """What guards hold until a person looks at it: decisions, bounds, breakers, spirals."""


@held_group.command("list")
@click.option("--seller", default="", help="Only of this seller.")
@target_option
@json_option
def list_command(seller: str, target: str, as_json: bool) -> None:
    """Print what is held, oldest first: number, kind, seller, listing, since when, and why.

    Example: repriced held list --seller A1EXAMPLE
    """
    request = pricing_pb2.ListHeldRequest(seller_id=seller, page_size=PAGE)
    count = 0
    with channel_to(target) as channel:
        stub = pricing_pb2_grpc.PricingServiceStub(channel)
        while True:
            answer = stub.ListHeld(request, timeout=CALL_SECONDS)
            for hold in answer.holds:
                if as_json:
                    click.echo(MessageToJson(hold, preserving_proto_field_name=True, indent=None))
                else:
                    click.echo(hold_line(hold))
            count += len(answer.holds)
            request.page_token = answer.next_page_token
            if not answer.next_page_token:
                break
    if not count and not as_json:
        click.echo("nothing is held")


def hold_line(hold: Any) -> str:
    """A hold in one line."""
    words = [str(hold.hold_id), KINDS.get(hold.kind, "?"), hold.seller_id, hold.marketplace_id]
    if hold.listing_id:
        words.append(f"{hold.key.sku} (listing {hold.listing_id})")
    words += [f"{name}={value}" for name in FACTS if (value := getattr(hold, name))]
    if hold.held_ms:
        since = datetime.fromtimestamp(hold.held_ms / 1000, UTC)
        words.append(f"since {since.isoformat(timespec='seconds')}")
    return "  ".join(words) + f"  because {hold.why}"


def hold_request(kind: Any, hold_ids: tuple[int, ...], seller: str, marketplace: str) -> Any:
    """A request about holds. Raises UsageError where none, or two ways, name them."""
    if bool(hold_ids) == bool(seller):
        raise click.UsageError("say what is meant: numbers of `repriced held list`, or --seller")
    if marketplace and not seller:
        raise click.UsageError("--marketplace goes with --seller")
    return kind(
        request_id=request_id(), hold_ids=hold_ids, seller_id=seller, marketplace_id=marketplace
    )


@held_group.command("release")
@with_options(*hold_options)
@target_option
@json_option
def release_command(
    hold_ids: tuple[int, ...], seller: str, marketplace: str, target: str, as_json: bool
) -> None:
    """Let what is held go: bounds come into force, prices are evaluated again with the market now.

    \b
    Examples:
      repriced held release 17 18
      repriced held release --seller A1EXAMPLE --marketplace A1PA6795UKMFR9
    """
    request = hold_request(pricing_pb2.ReleaseHeldRequest, hold_ids, seller, marketplace)
    send(target, "ReleaseHeld", request, as_json, lambda answer: (
        f"released {answer.released_count}; {len(answer.decisions)} new decisions"
    ))  # fmt: skip


@held_group.command("discard")
@with_options(*hold_options)
@target_option
@json_option
def discard_command(
    hold_ids: tuple[int, ...], seller: str, marketplace: str, target: str, as_json: bool
) -> None:
    """Throw away what is held: bounds and prices stay what they are.

    Example: repriced held discard 17 18
    """
    request = hold_request(pricing_pb2.DiscardHeldRequest, hold_ids, seller, marketplace)
    send(target, "DiscardHeld", request, as_json,
         lambda answer: f"discarded {answer.discarded_count}")  # fmt: skip


def stop_request(
    kind: Any,
    everything: bool,
    sellers: tuple[str, ...],
    ids: tuple[int, ...],
    keys: tuple[tuple[str, str, str], ...],
) -> Any:
    """A request to stop or restart. Raises UsageError where it names nothing."""
    if not (everything or sellers or ids or keys):
        raise click.UsageError(
            "say what: --everything, --seller for each, or --listing-id or --listing for each"
        )
    return kind(
        request_id=request_id(), everything=everything, seller_ids=sellers,
        listings=named(ids, keys),
    )  # fmt: skip


@click.command("stop")
@with_options(*stop_options, *listing_options)
@target_option
@json_option
def stop_command(
    everything: bool,
    sellers: tuple[str, ...],
    ids: tuple[int, ...],
    keys: tuple[tuple[str, str, str], ...],
    target: str,
    as_json: bool,
) -> None:
    """Kill switch: no price of these leaves any more, and what was not yet submitted is withdrawn.

    It acts at once, also where the disk is full, and stays until `repriced restart`.

    \b
    Examples:
      repriced stop --everything
      repriced stop --seller A1EXAMPLE
      repriced stop --listing A1EXAMPLE A1PA6795UKMFR9 MUG-01
    """
    request = stop_request(pricing_pb2.StopRepricingRequest, everything, sellers, ids, keys)
    send(target, "StopRepricing", request, as_json,
         lambda answer: f"stopped {answer.stopped_count} listings")  # fmt: skip


@click.command("restart")
@with_options(*stop_options, *listing_options)
@target_option
@json_option
def restart_command(
    everything: bool,
    sellers: tuple[str, ...],
    ids: tuple[int, ...],
    keys: tuple[tuple[str, str, str], ...],
    target: str,
    as_json: bool,
) -> None:
    """Lift what `repriced stop` stopped. Each kind of stop is lifted by its own word.

    --everything lifts the stop of everything only: a seller or a listing that was stopped by name
    stays stopped until it is named here.

    Example: repriced restart --seller A1EXAMPLE
    """
    request = stop_request(pricing_pb2.RestartRepricingRequest, everything, sellers, ids, keys)
    send(target, "RestartRepricing", request, as_json,
         lambda answer: f"restarted {answer.restarted_count} listings")  # fmt: skip


@click.command("pause")
@with_options(*listing_options)
@target_option
@json_option
def pause_command(
    ids: tuple[int, ...], keys: tuple[tuple[str, str, str], ...], target: str, as_json: bool
) -> None:
    """Pause listings: they keep their price and are not repriced until `repriced resume`.

    Example: repriced pause --listing A1EXAMPLE A1PA6795UKMFR9 MUG-01
    """
    request = pricing_pb2.PauseRepricingRequest(
        request_id=request_id(), listings=some_listings(ids, keys)
    )
    send(target, "PauseRepricing", request, as_json,
         lambda answer: f"paused {answer.paused_count} listings")  # fmt: skip


@click.command("resume")
@with_options(*listing_options)
@target_option
@json_option
def resume_command(
    ids: tuple[int, ...], keys: tuple[tuple[str, str, str], ...], target: str, as_json: bool
) -> None:
    """Resume listings that `repriced pause` or a restore paused.

    Example: repriced resume --listing-id 17 --listing-id 18
    """
    request = pricing_pb2.ResumeRepricingRequest(
        request_id=request_id(), listings=some_listings(ids, keys)
    )
    send(target, "ResumeRepricing", request, as_json,
         lambda answer: f"resumed {answer.resumed_count} listings")  # fmt: skip


def some_listings(ids: tuple[int, ...], keys: tuple[tuple[str, str, str], ...]) -> list[Any]:
    """At least one listing. Raises UsageError."""
    if not (ids or keys):
        raise click.UsageError("name the listings: --listing-id or --listing for each")
    return named(ids, keys)


@click.command("restore-prices")
@click.argument("seller")
@click.option("--at", required=True, metavar="TIME",
              help="A time with its zone, such as 2026-05-04T13:30:00Z.")  # fmt: skip
@click.option("--marketplace", default="", help="Only there; by default everywhere.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_option
@json_option
def restore_prices_command(
    seller: str, at: str, marketplace: str, yes: bool, target: str, as_json: bool
) -> None:
    """Put a seller back to the prices that were live at a time, and pause those listings.

    A listing whose price of then is not known is left alone. `repriced resume` lets them go on.

    Example: repriced restore-prices A1EXAMPLE --at 2026-05-04T13:30:00Z
    """
    at_ms = instant_of(at)
    if not yes:
        click.confirm(f"Restore the prices of {seller} of {at}, and pause them?", abort=True)
    request = pricing_pb2.RestorePricesRequest(
        request_id=request_id(), seller_id=seller, marketplace_id=marketplace, at_ms=at_ms
    )
    send(target, "RestorePrices", request, as_json, lambda answer: (
        f"restored {answer.restored_count} listings, which are paused now"
    ))  # fmt: skip


def instant_of(text: str) -> int:
    """Milliseconds of a time with its zone. Raises UsageError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise click.UsageError(
            f"--at is {text[:40]!r}; allowed: a time with its zone such as 2026-05-04T13:30:00Z"
        )
    return int(instant.timestamp() * 1000)
