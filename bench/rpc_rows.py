"""Rows of the table over gRPC: Reprice against an echo.

rpc_memory_vs_echo      the reference request, nothing journaled, against an echo of its lengths
rpc_journaled_vs_floor  the same, journaled, against an echo that writes and syncs the same bytes
rpc_small_vs_echo       one listing a call, 64 callers, journaled, against an echo that writes and
                        syncs in groups

Client and server are two processes on loopback. Requests are encoded beforehand, each call has a
token, a request id and times of its own, prices differ from call to call, and no answer is parsed
while calls are measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import cycle
from statistics import median
from threading import Semaphore
from typing import Any, TypeAlias
from urllib.request import urlopen

import grpc

from bench import echo_server, requests
from bench.ratios import WARM_UPS, Side, measure
from bench.report import OVER_FLOOR, Result, result
from repriced.v1 import pricing_pb2
from repriced.v1.catalog_pb2_grpc import CatalogServiceStub

Call: TypeAlias = "Callable[[bytes], bytes]"

REPRICE = "/repriced.v1.PricingService/Reprice"
CALLS_PER_SET = 8
"""Calls that one set of listings sees: fewer than its changes per hour allow."""
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
DEFINITIONS_PER_CALL = 10_000
CALLERS = 64
CALLS_EACH = 10
"""Calls of each caller in one run of rpc_small_vs_echo."""


class Client:
    """Calls over one channel, bytes in and bytes out."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._catalog = CatalogServiceStub(channel)
        self.reprice = self.method(REPRICE)
        self.echo = self.method(echo_server.ECHO)
        self.append = self.method(echo_server.APPEND)
        self.set_answer = self.method(echo_server.SET_ANSWER)

    def method(self, path: str) -> Call:
        """A call that returns the answer."""
        call = self._channel.unary_unary(path)
        return lambda request: call(request, metadata=self._metadata)

    def crowd(self, path: str, callers: int) -> Callable[[list[bytes]], list[bytes]]:
        """Calls of so many callers at once; the answers in the order of the requests."""
        call = self._channel.unary_unary(path)

        def together(requests: list[bytes]) -> list[bytes]:
            places = Semaphore(callers)
            answers = []
            for request in requests:
                places.acquire()
                answer = call.future(request, metadata=self._metadata)
                answer.add_done_callback(lambda _: places.release())
                answers.append(answer)
            return [each.result() for each in answers]

        return together

    def define(self, listings: int) -> None:
        """Puts the catalogue into the server. Raises RuntimeError for a row that is refused."""
        catalog, metadata = self._catalog, self._metadata
        answers = [
            catalog.BatchUpsertSellers(requests.sellers(), metadata=metadata),
            catalog.BatchUpsertStrategies(requests.strategies(), metadata=metadata),
        ]
        for first in range(0, listings, DEFINITIONS_PER_CALL):
            last = min(first + DEFINITIONS_PER_CALL, listings)
            request = requests.definitions(first, last)
            answers.append(catalog.BatchUpsertListings(request, metadata=metadata))
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

    def some(self, count: int) -> list[bytes]:
        """Bytes of the next calls."""
        return [self.next() for _ in range(count)]


def encoded(listings: int, sets: int) -> list[requests.Body]:
    """Requests for several sets of listings, first with the one prices, then with others."""
    return [
        requests.Body(
            requests.reference_request(range(at * listings, (at + 1) * listings), variant)
        )
        for variant in range(2)
        for at in range(sets)
    ]


def check(answer: bytes, listings: int, least_decisions: int = 1) -> None:
    """Raises RuntimeError where the server did not evaluate all or decided too little."""
    message = pricing_pb2.RepriceResponse.FromString(answer)
    complete = message.evaluated_count == listings and not message.ignored_count
    if message.errors or not complete or len(message.decisions) < least_decisions:
        raise RuntimeError(
            f"{message.evaluated_count} of {listings} listings were evaluated, of which"
            f" {message.ignored_count} ignored, with {len(message.errors)} errors and"
            f" {len(message.decisions)} decisions"
        )


@contextmanager
def connected(mode: str = "off") -> Iterator[tuple[Client, int]]:
    """A client of a fresh server with this `journal.mode`, and the server's metrics port."""
    with echo_server.started(mode) as server:
        channel = grpc.insecure_channel(f"127.0.0.1:{server.port}", options=UNLIMITED)
        with channel:
            yield Client(channel, server.token), server.metrics_port


def counted(metrics_port: int, name: str) -> int:
    """What the server has counted under a name, all labels together."""
    with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as page:
        lines = str(page.read(), "utf-8").splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith((f"{name}{{", f"{name} "))
    )


def decisions_made(metrics_port: int) -> int:
    """Decisions that the server has counted."""
    return counted(metrics_port, "repriced_decisions_total")


def rpc_large(id: str, mode: str, listings: int, pairs: int) -> Result:
    """Reprice of many listings against an echo, which writes and syncs where the server does."""
    calls = pairs + WARM_UPS
    sets = -(-(calls + 2) // CALLS_PER_SET)
    bodies = encoded(listings, sets)
    ours, theirs = Turns(bodies), Turns(bodies)
    with connected(mode) as (client, metrics_port):
        client.define(sets * listings)
        answer = client.reprice(ours.next())
        check(answer, listings)
        client.set_answer(answer)
        before = decisions_made(metrics_port)
        floor = client.append if mode == "always" else client.echo
        found = measure(Side(ours.next, client.reprice), Side(theirs.next, floor), pairs)
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
        "journal": mode,
        "floor_us_per_listing": round(median(found.theirs) / listings * 1e6, 4),
    }
    return result(id, found, OVER_FLOOR, listings, conditions)


def rpc_small_vs_echo(pairs: int, tiny: bool) -> Result:
    """Reprice of one listing a call, many callers at once, against a group-committed append."""
    callers, each = (4, 2) if tiny else (CALLERS, CALLS_EACH)
    count = callers * each
    calls = pairs + WARM_UPS
    sets = -(-(calls + 1) // CALLS_PER_SET)
    bodies = encoded(1, sets * count)
    ours, theirs = Turns(bodies), Turns(bodies)
    with connected("always") as (client, metrics_port):
        client.define(sets * count)
        reprice, append = client.crowd(REPRICE, callers), client.crowd(echo_server.APPEND, callers)
        answers = reprice(ours.some(count))
        for answer in answers:
            check(answer, 1, least_decisions=0)
        client.set_answer(max(answers, key=len))
        commits = "repriced_journal_commit_seconds_count"
        before, commits_before = decisions_made(metrics_port), counted(metrics_port, commits)
        found = measure(
            Side(lambda: ours.some(count), reprice), Side(lambda: theirs.some(count), append), pairs
        )
        decided = decisions_made(metrics_port) - before
        committed = counted(metrics_port, commits) - commits_before
    conditions: dict[str, Any] = {
        "callers": callers,
        "calls_a_run": count,
        "listings_held": sets * count,
        "offers_each": requests.OFFERS_EACH,
        "request_bytes": len(bodies[0]),
        "answer_bytes": len(max(answers, key=len)),
        "changed_prices": round(decided / (calls * count), 3),
        "calls_a_commit": round(calls * count / max(committed, 1), 1),
        "grpcio": version("grpcio"),
        "journal": "always",
        "floor_us_per_call": round(median(found.theirs) / count * 1e6, 4),
    }
    return result("rpc_small_vs_echo", found, OVER_FLOOR, count, conditions)
