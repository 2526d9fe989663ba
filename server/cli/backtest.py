"""`repriced backtest`: a journal under another strategy, beside what was decided then."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import ParseDict, ParseError

from engine.backtest import Backtest, PricePair
from engine.catalog import Catalog
from engine.journal.reader import JournalReader
from engine.money import currency_code, minor_text
from engine.strategies import StrategyDefinition
from repriced.v1 import catalog_pb2
from server.cli.connection import json_option
from server.cli.directory import Bar, directory_errors, opened
from server.wire import WireCodec, strategy_definition

COLUMNS = (
    "seller_id", "marketplace_id", "sku", "currency", "recorded_price", "tested_price",
    "recorded_decisions", "tested_decisions", "hours", "hours_higher", "hours_lower",
    "mean_difference",
)  # fmt: skip
SHOWN = 10
HOUR_MS = 3_600_000


@click.command("backtest")
@click.option(
    "--journal", "directory", required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Data directory of a server, or a backup.",
)  # fmt: skip
@click.option(
    "--strategy", "path", required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with one strategy, as BatchUpsertStrategies takes it.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a line for each listing to this CSV file.",
)  # fmt: skip
@json_option
@directory_errors
def backtest_command(directory: Path, path: Path, output: Path | None, as_json: bool) -> None:
    """Replay recorded offers and feedback under another strategy and compare the prices.

    The strategy prices every listing of its seller in its currency, from the first input that the
    directory holds. Nothing there is changed; it works beside a running server.

    It compares prices, not sales: offers and feedback stay what was recorded, because nobody knows
    how buyers and competitors would have answered other prices.

    \b
    Exit codes
      0  compared
      1  damaged files, or this build does not decide as the recorded server did
      2  wrong usage, or a strategy that is refused

    \b
    Examples:
      echo '{"seller_id": "A1SHOP", "strategy_id": "below", "currency": "EUR", "match":
        {"targets": ["MATCH_TARGET_LOWEST"]}}' > below.json
      repriced backtest --journal /var/lib/repriced --strategy below.json --output prices.csv
    """
    strategy = read_strategy(path)
    storage = opened(directory)
    backtest = Backtest(storage, JournalReader(storage), (WireCodec(), WireCodec()), strategy)
    bar = Bar("frames replayed", as_json)
    backtest.run(bar)
    bar.close()
    mine = own_pairs(backtest, strategy)
    if not mine:
        raise click.UsageError(
            f"the journal holds no price of seller {strategy.seller_id!r} in"
            f" {strategy.currency!r}: nothing to compare"
        )
    catalog = backtest.tested.catalog
    if output is not None:
        with output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(csv_rows(catalog, mine))
    facts = {"inputs": backtest.inputs, **summary(mine)}
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:22} {value}")
    for line in largest(catalog, mine):
        click.echo(line)


def read_strategy(path: Path) -> StrategyDefinition:
    """The strategy of a JSON file. Raises UsageError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return strategy_definition(ParseDict(document, catalog_pb2.Strategy()))
    except (ParseError, ValueError) as error:
        raise click.UsageError(
            f"{path} is no strategy: {error}; allowed: one JSON object with the fields of Strategy"
            " in catalog.proto"
        ) from error


def own_pairs(backtest: Backtest, strategy: StrategyDefinition) -> dict[int, PricePair]:
    """What was compared of the listings that the strategy prices."""
    catalog = backtest.tested.catalog
    index = catalog.strategy_at[strategy.seller_id, strategy.strategy_id]
    return {
        listing_id: pair
        for listing_id, pair in backtest.pairs.items()
        if catalog.rows["strategy"][listing_id] == index
    }


def summary(pairs: dict[int, PricePair]) -> dict[str, Any]:
    """All listings in numbers; shares are of the time in which both runs had a price."""
    each = list(pairs.values())
    total = sum(pair.compared_ms for pair in each)

    def share(part_ms: int) -> str:
        return f"{100 * part_ms / total:.1f} %" if total else "none"

    return {
        "listings": len(each),
        "listings_that_differ": sum(pair.higher_ms + pair.lower_ms > 0 for pair in each),
        "recorded_decisions": sum(pair.recorded_decisions for pair in each),
        "tested_decisions": sum(pair.tested_decisions for pair in each),
        "time_equal": share(sum(pair.equal_ms for pair in each)),
        "time_higher": share(sum(pair.higher_ms for pair in each)),
        "time_lower": share(sum(pair.lower_ms for pair in each)),
    }


def csv_rows(catalog: Catalog, pairs: dict[int, PricePair]) -> Iterator[dict[str, str]]:
    """Lines of CSV, one a listing; a price that is not known is empty."""
    for listing_id, pair in sorted(pairs.items()):
        key = catalog.key_of(listing_id)
        currency = currency_code(int(catalog.records["currency"][listing_id]))
        yield {
            "seller_id": key.seller_id,
            "marketplace_id": key.marketplace_id,
            "sku": key.sku,
            "currency": currency,
            "recorded_price": price_text(pair.recorded_minor, currency),
            "tested_price": price_text(pair.tested_minor, currency),
            "recorded_decisions": str(pair.recorded_decisions),
            "tested_decisions": str(pair.tested_decisions),
            "hours": f"{pair.compared_ms / HOUR_MS:.2f}",
            "hours_higher": f"{pair.higher_ms / HOUR_MS:.2f}",
            "hours_lower": f"{pair.lower_ms / HOUR_MS:.2f}",
            "mean_difference": minor_text(mean_difference(pair), currency),
        }


def mean_difference(pair: PricePair) -> int:
    """How much higher the tested price was on average, in minor units, rounded down."""
    return pair.difference_minor_ms // pair.compared_ms if pair.compared_ms else 0


def price_text(minor: int, currency: str) -> str:
    """A price, or nothing where none is known."""
    return minor_text(minor, currency) if minor else ""


def largest(catalog: Catalog, pairs: dict[int, PricePair]) -> Iterator[str]:
    """The listings whose mean prices differ most."""
    order = sorted(pairs.items(), key=lambda item: -abs(mean_difference(item[1])))
    for listing_id, pair in order[:SHOWN]:
        if not mean_difference(pair):
            return
        key = catalog.key_of(listing_id)
        currency = currency_code(int(catalog.records["currency"][listing_id]))
        tested = price_text(pair.tested_minor, currency) or "none"
        recorded = price_text(pair.recorded_minor, currency) or "none"
        yield (
            f"{key.marketplace_id} {key.sku}: {minor_text(mean_difference(pair), currency)}"
            f" {currency} on average; at the end {tested} instead of {recorded}"
        )
