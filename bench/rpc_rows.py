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
from typing import Any
from urllib.request import urlopen

import grpc

from bench import echo_server, requests
from bench.ratios import WARM_UPS, Side, measure
from bench.report import OVER_FLOOR, Result, result
from repriced.v1 import pricing_pb2
from repriced.v1.catalog_pb2_grpc import CatalogServiceStub

REPRICE = "/repriced.v1.PricingService/Reprice"
CALLS_PER_SET = 8
"""Calls that one set of listings sees: fewer than its changes per hour allow."""
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
DEFINITIONS_PER_CALL = 10_000


class Client:
    """Calls over one channel, bytes in and bytes out."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.catalog = CatalogServiceStub(channel)
        self.reprice = channel.unary_unary(REPRICE)
        self.echo = channel.unary_unary(echo_server.ECHO)
        self.set_answer = channel.unary_unary(echo_server.SET_ANSWER)

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


class Requests:
    """Encoded requests in turn, each with a fresh id and a later time than the one before."""

    def __init__(self, listings: int, calls: int) -> None:
        self.sets = -(-calls // CALLS_PER_SET)
        bodies = [
            requests.Body(
                requests.reference_request(range(at * listings, (at + 1) * listings), variant)
            )
            for variant in range(2)
            for at in range(self.sets)
        ]
        self.size = len(bodies[0])
        self._bodies = cycle(bodies)
        self._event_ms = 0

    def next(self) -> bytes:
        """Bytes of the next call."""
        self._event_ms = max(self._event_ms + 1, time.time_ns() // 1_000_000)
        return next(self._bodies).fresh(self._event_ms)


def check(answer: bytes, listings: int) -> int:
    """Decisions of an answer. Raises RuntimeError where the server did not evaluate all."""
    message = pricing_pb2.RepriceResponse.FromString(answer)
    complete = message.evaluated_count == listings and not message.ignored_count
    if message.errors or not complete or not message.decisions:
        raise RuntimeError(
            f"{message.evaluated_count} of {listings} listings were evaluated, of which"
            f" {message.ignored_count} ignored, with {len(message.errors)} errors and"
            f" {len(message.decisions)} decisions"
        )
    return len(message.decisions)


@contextmanager
def connected() -> Iterator[tuple[Client, int]]:
    """A client of a fresh server, and the server's metrics port."""
    with echo_server.started() as (port, metrics_port):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED)
        with channel:
            yield Client(channel), metrics_port


def exported(metrics_port: int) -> str:
    """What the server's metrics say."""
    with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as page:
        return str(page.read(), "utf-8")


def rpc_memory_vs_echo(id: str, listings: int, pairs: int) -> Result:
    """Reprice in memory against an echo of the same lengths."""
    # One call before measuring gives the answer's length, one after it shows that all went well.
    sent = Requests(listings, pairs + WARM_UPS + 2)
    with connected() as (client, metrics_port):
        client.define(sent.sets * listings)
        answer = client.reprice(sent.next())
        decisions = [check(answer, listings)]
        client.set_answer(answer)
        found = measure(
            Side(sent.next, client.reprice), Side(sent.next, client.echo), pairs, WARM_UPS
        )
        decisions.append(check(client.reprice(sent.next()), listings))
        if "repriced_ticks_total" not in exported(metrics_port):
            raise RuntimeError("the server counts nothing: metrics must be on")
    conditions: dict[str, Any] = {
        "listings": listings,
        "listings_held": sent.sets * listings,
        "offers_each": requests.OFFERS_EACH,
        "request_bytes": sent.size,
        "answer_bytes": len(answer),
        "decisions_a_call": decisions,
        "grpcio": version("grpcio"),
        "journal": "off",
        "floor_us_per_listing": round(sorted(found.theirs)[pairs // 2] / listings * 1e6, 4),
    }
    return result(id, found, OVER_FLOOR, listings, conditions)
