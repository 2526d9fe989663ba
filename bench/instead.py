"""`python -m bench.instead`: what would one write instead, and what does it cost?

Five servers of the same service with stock grpcio and the generated messages, each with another way
to price a batch: a plain Python loop, numpy, polars, numba, and the rule engine zen. They do one
thing, and know nothing else: the lowest landed price of a competitor in new condition, a featured
merchant with at least 75 % positive ratings, within floor and ceiling; new prices are answered.
Ours does that by a MATCH strategy, with its guards, states and checks on, and nothing journaled,
as they keep nothing. All answer the same requests in turn, and must answer the same prices.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import grpc
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench import echo_server, report, requests
from bench.ratios import Side, summary, timed
from bench.rpc_rows import REPRICE, UNLIMITED, Call, Client, Turns, encoded
from repriced.v1 import catalog_pb2, pricing_pb2, pricing_pb2_grpc, types_pb2

INSTEAD = report.LATEST.parent / "instead.json"
LEAST_RATING = 7_500
NONE = np.iinfo(np.int64).max
OURS = "repriced"

Prices = NDArray[np.int64]
Pricer = Callable[[list[Any], Prices, Prices], Any]
"""Snapshots with their floors and ceilings to a price each; 0: no competitor."""


def python_loop(snapshots: list[Any], floors: Prices, ceilings: Prices) -> list[int]:
    """Message by message."""
    prices = []
    for snapshot, floor, ceiling in zip(snapshots, floors.tolist(), ceilings.tolist(), strict=True):
        lowest = min(
            (
                offer.item_price_minor + offer.shipping_minor
                for offer in snapshot.offers
                if offer.positive_rating_basis_points >= LEAST_RATING
                and offer.condition == types_pb2.CONDITION_NEW
                and offer.featured_merchant
                and offer.seller_id != snapshot.key.seller_id
            ),
            default=0,
        )
        prices.append(max(floor, min(lowest, ceiling)) if lowest else 0)
    return prices


def columns_of(snapshots: list[Any]) -> tuple[Prices, Prices, NDArray[np.bool_]]:
    """Row, landed price and fitness of every offer: messages read once into arrays."""
    read = [
        (
            row,
            offer.item_price_minor + offer.shipping_minor,
            offer.positive_rating_basis_points >= LEAST_RATING
            and offer.condition == types_pb2.CONDITION_NEW
            and offer.featured_merchant
            and offer.seller_id != snapshot.key.seller_id,
        )
        for row, snapshot in enumerate(snapshots)
        for offer in snapshot.offers
    ]
    rows, landed, fit = np.array(read, np.int64).T
    return rows, landed, fit.astype(np.bool_)


def clamped(lowest: Prices, floors: Prices, ceilings: Prices) -> Prices:
    """Within bounds; 0 where there is no competitor."""
    inside = np.maximum(floors, np.minimum(lowest, ceilings))
    return np.where(lowest == NONE, 0, inside)


def by_numpy(snapshots: list[Any], floors: Prices, ceilings: Prices) -> Prices:
    """Columns, and the least of each row."""
    rows, landed, fit = columns_of(snapshots)
    lowest = np.full(len(snapshots), NONE)
    np.minimum.at(lowest, rows[fit], landed[fit])
    return clamped(lowest, floors, ceilings)


def by_polars(snapshots: list[Any], floors: Prices, ceilings: Prices) -> Prices:
    """Columns, filtered and grouped."""
    import polars as pl

    rows, landed, fit = columns_of(snapshots)
    frame = pl.DataFrame({"row": rows, "landed": landed, "fit": fit})
    found = frame.filter(pl.col("fit")).group_by("row").agg(pl.col("landed").min())
    lowest = np.full(len(snapshots), NONE)
    lowest[found["row"].to_numpy()] = found["landed"].to_numpy()
    return clamped(lowest, floors, ceilings)


@cache
def numba_loop() -> Any:
    """Least landed price of each row, compiled."""
    import numba

    def loop(rows: Any, landed: Any, fit: Any, lowest: Any) -> None:
        for at in range(len(rows)):
            if fit[at] and landed[at] < lowest[rows[at]]:
                lowest[rows[at]] = landed[at]

    return numba.njit(loop)


def by_numba(snapshots: list[Any], floors: Prices, ceilings: Prices) -> Prices:
    """Columns, and a compiled loop."""
    rows, landed, fit = columns_of(snapshots)
    lowest = np.full(len(snapshots), NONE)
    numba_loop()(rows, landed, fit, lowest)
    return clamped(lowest, floors, ceilings)


@cache
def zen_rule() -> Any:
    """The rule as an expression of zen, compiled."""
    import zen

    fit = f"#.rating >= {LEAST_RATING} and #.condition == 1 and #.featured and #.seller != own"
    return zen.compile_expression(f"min(map(filter(offers, {fit}), #.landed))")


def by_zen(snapshots: list[Any], floors: Prices, ceilings: Prices) -> Prices:
    """A context for each listing, and the compiled expression."""
    rule = zen_rule()
    lowest = [
        int(
            rule.evaluate(
                {
                    "own": snapshot.key.seller_id,
                    "offers": [
                        {
                            "landed": offer.item_price_minor + offer.shipping_minor,
                            "rating": offer.positive_rating_basis_points,
                            "condition": offer.condition,
                            "featured": offer.featured_merchant,
                            "seller": offer.seller_id,
                        }
                        for offer in snapshot.offers
                    ],
                }
            )
        )
        for snapshot in snapshots
    ]
    return clamped(np.array(lowest), floors, ceilings)


PRICERS: dict[str, Pricer] = {
    "Python loop": python_loop,
    "numpy": by_numpy,
    "polars": by_polars,
    "numba": by_numba,
    "zen-engine": by_zen,
}


class Servicer(pricing_pb2_grpc.PricingServiceServicer):  # type: ignore[misc]
    """The service as one would write it, over so many listings."""

    def __init__(self, pricer: Pricer, listings: int) -> None:
        self._price = pricer
        keys = [requests.listing_key(at) for at in range(listings)]
        self._at = {(key.seller_id, key.marketplace_id, key.sku): at for at, key in enumerate(keys)}
        base = np.array([requests.base_minor(at) for at in range(listings)])
        self._floors, self._ceilings, self._prices = base // 2, base * 2, base

    def Reprice(self, request: Any, _: Any) -> Any:
        """The new prices."""
        snapshots = list(request.snapshots)
        ids = np.array(
            [
                self._at[each.key.seller_id, each.key.marketplace_id, each.key.sku]
                for each in snapshots
            ]
        )
        prices = np.asarray(self._price(snapshots, self._floors[ids], self._ceilings[ids]))
        before = self._prices[ids]
        changed = np.flatnonzero((prices != 0) & (prices != before))
        self._prices[ids[changed]] = prices[changed]
        return pricing_pb2.RepriceResponse(
            decisions=[
                types_pb2.Decision(listing_id=listing + 1, index=row, price_minor=price)
                for listing, row, price in zip(
                    ids[changed].tolist(), changed.tolist(), prices[changed].tolist(), strict=True
                )
            ],
            evaluated_count=len(snapshots),
        )


def serve(pipe: Connection, name: str, listings: int) -> None:
    """Serves until the other end of the pipe says so or is gone."""
    server = grpc.server(ThreadPoolExecutor(8), options=UNLIMITED)
    servicer = Servicer(PRICERS[name], listings)
    pricing_pb2_grpc.add_PricingServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(echo_server.ANY_PORT)
    server.start()
    pipe.send(port)
    with suppress(EOFError):
        pipe.recv()
    server.stop(1).wait()


@contextmanager
def started(name: str, listings: int) -> Iterator[tuple[Call, int]]:
    """A call of such a server, and the number of its process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, name, listings), daemon=True
    )
    process.start()
    there.close()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{here.recv()}", options=UNLIMITED) as channel:
            yield channel.unary_unary(REPRICE), process.pid or 0
        here.send("stop")
    finally:
        here.close()
        process.join(30)


@contextmanager
def started_ours(listings: int) -> Iterator[tuple[Call, int]]:
    """The same of the real server."""
    with (
        echo_server.started("off") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}", options=UNLIMITED) as channel,
    ):
        client = Client(channel, server.token)
        client.define(listings, all_match)
        yield client.reprice, server.process_id


def all_match(request: catalog_pb2.BatchUpsertListingsRequest) -> None:
    """Puts every listing under the strategy that follows the lowest price."""
    for each in request.listings:
        each.strategy_id = "match"


def resident_mib(process_id: int) -> float:
    """Memory of a process."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def prices_of(answer: bytes) -> dict[int, int]:
    """Price by row."""
    message = pricing_pb2.RepriceResponse.FromString(answer)
    return {each.index: each.price_minor for each in message.decisions}


def compare(listings: int, rounds: int) -> dict[str, Any]:
    """Microseconds a listing of each way, its ratio to ours round by round, and its memory."""
    bodies = encoded(listings, 1)
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ways = {OURS: stack.enter_context(started_ours(listings))}
        ways |= {name: stack.enter_context(started(name, listings)) for name in PRICERS}
        turns = {name: Turns(bodies) for name in ways}
        for _ in range(2):
            answers = {
                name: prices_of(call(turns[name].next())) for name, (call, _) in ways.items()
            }
            for name, answer in answers.items():
                if answer != answers[OURS]:
                    wrong = len(set(answer.items()) ^ set(answers[OURS].items()))
                    raise RuntimeError(f"{name} answers {wrong} other prices")
        for _ in range(rounds):
            for name, (call, _) in ways.items():
                seconds.setdefault(name, []).append(timed(Side(turns[name].next, call)))
        memory = {name: round(resident_mib(process)) for name, (_, process) in ways.items()}
    found = {}
    for name, each in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(each, seconds[OURS], strict=True)]
        median, low, high = summary(ratios)
        found[name] = {
            "us_per_listing": round(statistics.median(each) / listings * 1e6, 2),
            "times_ours": round(median, 2),
            "spread": [round(low, 2), round(high, 2)],
            "resident_mib": memory[name],
        }
    return found


@click.command(help=__doc__)
@click.option("--tiny", is_flag=True, help="A small call that only shows that all works; no file.")
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
def main(tiny: bool, rounds: int) -> None:
    """Measures, prints the table, writes bench/results/instead.json."""
    listings = 50 if tiny else 10_000
    found = compare(listings, 2 if tiny else rounds)
    table = Table(title=f"Reprice of {listings} listings, ten offers each, over gRPC")
    for name in ("way", "us a listing", "times ours", "10th to 90th", "MiB"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for name, each in found.items():
        spread = "{} to {}".format(*each["spread"])
        table.add_row(name, *map(str, (each["us_per_listing"], each["times_ours"])), spread,
                      str(each["resident_mib"]))  # fmt: skip
    Console(width=100).print(table)
    if not tiny:
        INSTEAD.parent.mkdir(parents=True, exist_ok=True)
        document = {"listings": listings, "machine": report.machine(), "ways": found}
        INSTEAD.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
