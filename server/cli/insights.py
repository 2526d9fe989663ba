"""`repriced insights`: advice before a strategy is chosen, and what it has brought afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from google.protobuf.json_format import MessageToJson

from engine.money import format_minor
from repriced.v1 import insights_pb2, insights_pb2_grpc
from server.cli.connection import (
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
)

DAY = "%Y-%m-%d"
CHANGES = {
    name.removeprefix("PROPOSED_CHANGE_").lower().replace("_", "-"): value
    for name, value in insights_pb2.ProposedChange.items()
    if value
}
CHANGE_NAMES = {value: name for name, value in CHANGES.items()}
ANSWERS = {
    "accepted": insights_pb2.ANSWER_ACCEPTED,
    "declined": insights_pb2.ANSWER_DECLINED,
    "later": insights_pb2.ANSWER_LATER,
}
ANSWER_NAMES = {value: name for name, value in ANSWERS.items()}
GROUPINGS = {
    "strategy": insights_pb2.PROFITABILITY_GROUPING_STRATEGY,
    "marketplace": insights_pb2.PROFITABILITY_GROUPING_MARKETPLACE,
    "listing": insights_pb2.PROFITABILITY_GROUPING_LISTING,
}


@click.group("insights")
def insights_group() -> None:
    """Which strategy suits a seller, and what the present ones have brought.

    Figures come from one look at every listing each quarter of an hour, and from reported sales.
    Profit needs a cost and computed bounds of a listing; what is not known is in no sum.
    """


@insights_group.command("recommend")
@click.argument("seller_id")
@click.option(
    "--own-brand/--no-own-brand",
    default=None,
    help="Whether products that nobody else offers are the seller's own brand.",
)
@click.option("--months-selling", type=click.IntRange(0), help="Months on Amazon.")
@click.option("--orders-per-month", type=click.IntRange(0), help="Orders in a month, about.")
@target_option
@json_option
def recommend_command(
    seller_id: str, own_brand: bool | None, months_selling: int | None,
    orders_per_month: int | None, target: str, as_json: bool,
) -> None:  # fmt: skip
    """Recommend strategies for the listings of SELLER_ID, with the reasons; change nothing.

    Listings that stand in the same kind of market are advised together. What the server cannot
    see it asks for, but only where the answer would change the advice: call again with the answers.
    With --json each group has a strategy that BatchUpsertStrategies takes as it is.

    \b
    Example:
      repriced insights recommend A1EXAMPLE
      repriced insights recommend A1EXAMPLE --own-brand --months-selling 3
    """
    answers = insights_pb2.SellerAnswers(
        own_brand=own_brand, months_selling=months_selling, orders_per_month=orders_per_month
    )
    request = insights_pb2.RecommendStrategyRequest(seller_id=seller_id, answers=answers)
    ask(target, "RecommendStrategy", request, as_json, show_advice)


@insights_group.command("review")
@click.argument("seller_id")
@click.option("--quarter", is_flag=True, help="The last 91 days and the 91 days before.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    nargs=3,
    metavar="REVIEW CHANGE ANSWER",
    help="What the seller says to a proposal: the review's name, the proposed change, and"
    " accepted, declined or later; repeat.",
)
@click.option("--note", default="", help="A note that is kept with the answers.")
@target_option
@json_option
def review_command(
    seller_id: str, quarter: bool, answers: tuple[tuple[str, str, str], ...], note: str,
    target: str, as_json: bool,
) -> None:  # fmt: skip
    """Compare what SELLER_ID's listings did before and after their strategy changed.

    The 14 days before and after the day of the change are compared, of as many days as have passed;
    a change says something after two weeks. Nothing changes by itself: each proposal waits for an
    answer, and the answers are kept with what they answered.

    \b
    Example:
      repriced insights review A1EXAMPLE
      repriced insights review A1EXAMPLE --quarter
      repriced insights review A1EXAMPLE \\
        --answer TRIAL/A1PA6795UKMFR9/EUR/B2C/win/20400 raise-ceiling accepted
    """
    kind = insights_pb2.REVIEW_KIND_QUARTER if quarter else insights_pb2.REVIEW_KIND_TRIAL
    request = insights_pb2.ReviewTrialRequest(
        seller_id=seller_id, kind=kind, request_id=request_id() if answers else "",
        answers=[answer_of(*each, note) for each in answers],
    )  # fmt: skip
    ask(target, "ReviewTrial", request, as_json, show_reviews)


@insights_group.command("profitability")
@click.argument("seller_id")
@click.option(
    "--by",
    type=click.Choice(list(GROUPINGS)),
    default="strategy",
    show_default=True,
    help="What a row is.",
)
@click.option("--from", "begin", type=click.DateTime([DAY]), help="First day (UTC).")
@click.option("--to", "end", type=click.DateTime([DAY]), help="The day after the last.")
@target_option
@json_option
def profitability_command(
    seller_id: str, by: str, begin: datetime | None, end: datetime | None, target: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Print units, revenue and profit of SELLER_ID, by default of the 30 days before today.

    Currencies are never added up, and a profit holds only units whose cost and fees are known; the
    column "unknown" has the others.

    \b
    Example:
      repriced insights profitability A1EXAMPLE --by listing --from 2026-01-01 --to 2026-02-01
    """
    if (begin is None) != (end is None):
        raise click.UsageError("--from and --to belong together")
    request = insights_pb2.QueryProfitabilityRequest(
        seller_id=seller_id, grouping=GROUPINGS[by], begin_ms=day_ms(begin), end_ms=day_ms(end),
        page_size=1_000,
    )  # fmt: skip
    ask_all(target, request, as_json)


def ask(target: str, method: str, request: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    """Makes a call and shows its answer."""
    with channel_to(target) as channel:
        stub = insights_pb2_grpc.InsightsServiceStub(channel)
        answer = patiently(getattr(stub, method), request)
    if as_json:
        click.echo(MessageToJson(answer, preserving_proto_field_name=True))
    else:
        show(answer)


def ask_all(target: str, request: insights_pb2.QueryProfitabilityRequest, as_json: bool) -> None:
    """Shows the rows of every page."""
    if not as_json:
        click.echo(PROFIT_LINE.format(*PROFIT_TITLES))
    with channel_to(target) as channel:
        stub = insights_pb2_grpc.InsightsServiceStub(channel)
        while True:
            page = patiently(stub.QueryProfitability, request)
            for row in page.rows:
                line = MessageToJson(row, preserving_proto_field_name=True, indent=None)
                click.echo(line if as_json else profit_line(row))
            request.page_token = page.next_page_token
            if not request.page_token:
                return


def answer_of(review: str, change: str, answer: str, note: str) -> insights_pb2.ReviewAnswer:
    """An answer of the command line."""
    if change not in CHANGES:
        raise click.UsageError(f"CHANGE is {change!r}; allowed: {', '.join(CHANGES)}")
    if answer not in ANSWERS:
        raise click.UsageError(f"ANSWER is {answer!r}; allowed: {', '.join(ANSWERS)}")
    codes: dict[str, Any] = {"change": CHANGES[change], "answer": ANSWERS[answer]}
    return insights_pb2.ReviewAnswer(review_id=review, note=note, **codes)


def day_ms(day: datetime | None) -> int:
    """The beginning of a day; 0: none is given."""
    return 0 if day is None else int(day.replace(tzinfo=UTC).timestamp()) * 1000


# What people see

PROFIT_TITLES = (
    "marketplace", "strategy or SKU", "listings", "share", "price", "units", "revenue", "profit",
    "unknown",
)  # fmt: skip
PROFIT_LINE = "{:15} {:24} {:>8} {:>6} {:>12} {:>8} {:>14} {:>14} {:>8}"


def show_advice(answer: Any) -> None:
    """Groups, their strategy and reasons; then the questions."""
    kind = "an experienced seller" if answer.experienced else "a seller without much experience"
    click.echo(f"Advised as {kind}; listings in {answer.marketplace_count} marketplaces.")
    for group in answer.groups:
        chosen = group.strategy.WhichOneof("kind").upper()
        click.echo(f"\n{group.group}: {group.listing_count} listings -> {chosen}")
        for reason in group.reasons:
            click.echo(f"  - {reason}")
        for listing in group.listings:
            click.echo(f"    {listing.key.sku}: {bounds_text(listing, group.currency)}")
        left = group.listing_count - len(group.listings)
        if left:
            click.echo(f"    and {left} more")
    if answer.questions:
        click.echo("\nThe answers to these questions would change the advice:")
    for question in answer.questions:
        option = question.field.replace("_", "-")
        click.echo(f"  {question.text}  (--{option})")


def bounds_text(listing: Any, currency: str) -> str:
    """What is proposed for a listing, or why nothing is."""
    parts = [
        f"{name} {format_minor(value, currency)}"
        for name, value in (
            ("start", listing.start_price_minor), ("floor", listing.floor_minor),
            ("ceiling", listing.ceiling_minor),
        )
        if value
    ]  # fmt: skip
    return "; ".join([", ".join(parts), *listing.reasons] if parts else listing.reasons)


def show_reviews(answer: Any) -> None:
    """Before and after of each group, the proposals, and what was answered."""
    if not answer.groups:
        click.echo("nothing has been seen of this seller's listings yet")
    for group in answer.groups:
        click.echo(f"{group.review_id}: {group.listing_count} listings")
        for name, figures in (("before", group.before), ("after", group.after)):
            click.echo(f"  {name:7}{figures_text(figures, group.currency)}")
        for proposal in group.proposals:
            click.echo(f"  {CHANGE_NAMES[proposal.change]}: {proposal.why}")
    if answer.timeline:
        click.echo("answers:")
    for each in answer.timeline:
        note = f" ({each.note})" if each.note else ""
        change, told = CHANGE_NAMES[each.change], ANSWER_NAMES[each.answer]
        click.echo(f"  {day_text(each.at_ms)} {each.review_id} {change}: {told}{note}")


def figures_text(figures: Any, currency: str) -> str:
    """The figures of a period in a line."""
    days = f"{day_text(figures.begin_ms)} to {day_text(figures.end_ms)}"
    return (
        f"{days} (seen {percent(figures.coverage_basis_points)}):"
        f" Buy Box {share_text(figures)}, price {amount(figures, 'price_minor', currency)},"
        f" units {known(figures, 'units')}, revenue {amount(figures, 'revenue_minor', currency)},"
        f" profit {amount(figures, 'profit_minor', currency)}"
    )


def profit_line(row: Any) -> str:
    """One row of profitability."""
    figures, currency = row.figures, row.currency
    named = row.key.sku if row.listing_id else row.strategy_id
    return PROFIT_LINE.format(
        row.marketplace_id, named or "-", row.listing_count, share_text(figures),
        *(amount(figures, "price_minor", currency), known(figures, "units")),
        *(amount(figures, each, currency) for each in ("revenue_minor", "profit_minor")),
        figures.units_without_profit,
    )  # fmt: skip


def known(figures: Any, name: str) -> str:
    """A number, or a mark that it is not known."""
    return str(getattr(figures, name)) if figures.HasField(name) else "?"


def amount(figures: Any, name: str, currency: str) -> str:
    """An amount, or a mark that it is not known."""
    if not figures.HasField(name):
        return "?"
    return format_minor(getattr(figures, name), currency)


def share_text(figures: Any) -> str:
    """The Buy Box share."""
    if not figures.HasField("buy_box_share_basis_points"):
        return "?"
    return percent(figures.buy_box_share_basis_points)


def percent(basis_points: int) -> str:
    """Basis points for people."""
    return f"{basis_points // 100} %"


def day_text(at_ms: int) -> str:
    """A day for people."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(DAY)
