"""Rows of the table over gRPC: Reprice of the reference request against an echo.

Client and server are two processes on loopback. Requests are encoded beforehand, each call has a
request id and times of its own, prices differ from call to call, and no answer is parsed while
calls are measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import cycle
from statistics import median
from typing import Any, TypeAlias
from urllib.request import urlopen

import grpc

from bench import echo_server, requests
from bench.ratios import WARM_UPS, Side, measure
from bench.report import OVER_FLOOR, Result, result
from repriced.v1 import pricing_pb2
from repriced.v1.catalog_pb2_grpc import CatalogServiceStub

Call: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"

REPRICE = "/repriced.v1.PricingService/Reprice"
CALLS_PER_SET = 8
"""Calls that one set of listings sees: fewer than its changes per hour allow."""
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
DEFINITIONS_PER_CALL = 10_000


class Client:
    """Calls over one channel, bytes in and bytes out."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.catalog = CatalogServiceStub(channel)
        self.reprice: Call = channel.unary_unary(REPRICE)
        self.echo: Call = channel.unary_unary(echo_server.ECHO)
        self.set_answer: Call = channel.unary_unary(echo_server.SET_ANSWER)

    def define(self, listings: int) -> None:
        """Puts the catalogue into the server. Raises RuntimeError for a row that is refused."""
        answers = [
            self.catalog.BatchUpsertSellers(requests.sellers()),
            self.catalog.BatchUpsertStrategies(requests.strategies()),
        ]
        for first in range(0, listings, DEFINITIONS_PER_CALL):
            last = min(first + DEFINITIONS_PER_CALL, listings)
            answers.append(self.catalog.BatchUpsertListings(requests.definitions(first, last)))
        for answer in answers:
            if answer.errors:
                raise RuntimeError(f"the server refused the catalogue: {answer.errors[0]}")


class Turns:
    """Encoded requests in turn, each with a fresh id and a later time than the one before."""

    def __init__(self, bodies: list[requests.Body]) -> None:
        self._bodies = cycle(bodies)
        self._event_ms = 0

    def next(self) -> bytes:
        """Bytes of the next call."""
        self._event_ms = max(self._event_ms + 1, time.time_ns() // 1_000_000)
        return next(self._bodies).fresh(self._event_ms)


def encoded(listings: int, sets: int) -> list[requests.Body]:
    """Requests for several sets of listings, first with the one prices, then with others."""
    return [
        requests.Body(
            requests.reference_request(range(at * listings, (at + 1) * listings), variant)
        )
        for variant in range(2)
        for at in range(sets)
    ]


def check(answer: bytes, listings: int) -> None:
    """Raises RuntimeError where the server did not evaluate all or decided nothing."""
    message = pricing_pb2.RepriceResponse.FromString(answer)
    complete = message.evaluated_count == listings and not message.ignored_count
    if message.errors or not complete or not message.decisions:
        raise RuntimeError(
            f"{message.evaluated_count} of {listings} listings were evaluated, of which"
            f" {message.ignored_count} ignored, with {len(message.errors)} errors and"
            f" {len(message.decisions)} decisions"
        )


@contextmanager
def connected() -> Iterator[tuple[Client, int]]:
    """A client of a fresh server, and the server's metrics port."""
    with echo_server.started() as (port, metrics_port):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED)
        with channel:
            yield Client(channel), metrics_port


def decisions_made(metrics_port: int) -> int:
    """Decisions that the server has counted."""
    with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as page:
        lines = str(page.read(), "utf-8").splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("repriced_decisions_total{")
    )


def rpc_memory_vs_echo(id: str, listings: int, pairs: int) -> Result:
    """Reprice in memory against an echo of the same lengths."""
    calls = pairs + WARM_UPS
    sets = -(-(calls + 2) // CALLS_PER_SET)
    bodies = encoded(listings, sets)
    ours, theirs = Turns(bodies), Turns(bodies)
    with connected() as (client, metrics_port):
        client.define(sets * listings)
        answer = client.reprice(ours.next())
        check(answer, listings)
        client.set_answer(answer)
        before = decisions_made(metrics_port)
        found = measure(Side(ours.next, client.reprice), Side(theirs.next, client.echo), pairs)
        decided = decisions_made(metrics_port) - before
        check(client.reprice(ours.next()), listings)
    conditions: dict[str, Any] = {
        "listings": listings,
        "listings_held": sets * listings,
        "offers_each": requests.OFFERS_EACH,
        "request_bytes": len(bodies[0]),
        "answer_bytes": len(answer),
        "changed_prices": round(decided / (calls * listings), 3),
        "grpcio": version("grpcio"),
        "journal": "off",
        "floor_us_per_listing": round(median(found.theirs) / listings * 1e6, 4),
    }
    return result(id, found, OVER_FLOOR, listings, conditions)
