"""The rows over gRPC at tiny sizes, against the real server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench import requests
from bench.rpc_rows import (
    Client,
    Turns,
    check,
    connected,
    decisions_made,
    encoded,
    rpc_large,
    rpc_small_vs_echo,
)
from repriced.v1 import pricing_pb2

LISTINGS = 40


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Client, int]]:
    with connected() as (client, metrics_port):
        client.define(LISTINGS)
        yield client, metrics_port


@pytest.fixture(scope="module")
def turns() -> Turns:
    return Turns(encoded(LISTINGS, 1))


def test_reprice(benchmark: Any, server: tuple[Client, int], turns: Turns) -> None:
    """How long does Reprice take over gRPC, and does every call evaluate and decide?"""
    client, metrics_port = server
    before = decisions_made(metrics_port)
    answer = benchmark.pedantic(
        client.reprice, setup=lambda: ((turns.next(),), {}), rounds=4, iterations=1
    )
    check(answer, LISTINGS)
    assert decisions_made(metrics_port) > before


def test_echo(benchmark: Any, server: tuple[Client, int], turns: Turns) -> None:
    """How long does the floor take: as many bytes in, and a constant out?"""
    client, _ = server
    client.set_answer(b"as long as an answer")
    answer = benchmark.pedantic(
        client.echo, setup=lambda: ((turns.next(),), {}), rounds=4, iterations=1
    )
    assert answer == b"as long as an answer"


def test_row_of_the_table() -> None:
    """Does the row give a ratio over the echo, with prices that changed?"""
    row = rpc_large("rpc_memory_vs_echo", "off", LISTINGS, 3)
    assert row.ratio > 0
    assert row.conditions["changed_prices"] > 0.5
    assert row.conditions["request_bytes"] > 400 * LISTINGS


def test_journaled_row_of_the_table() -> None:
    """Does the row give a ratio over an echo that writes and syncs?"""
    row = rpc_large("rpc_journaled_vs_floor", "always", LISTINGS, 3)
    assert row.ratio > 0
    assert row.conditions["changed_prices"] > 0.5
    assert row.conditions["journal"] == "always"


def test_row_of_small_calls() -> None:
    """Does the row give a ratio, and does every call decide?"""
    row = rpc_small_vs_echo(2, True)
    assert row.ratio > 0
    assert row.conditions["changed_prices"] > 0.5
    assert row.conditions["calls_a_commit"] >= 1


def test_a_patched_request_is_the_request_with_another_id_and_time() -> None:
    request = requests.reference_request(range(30))
    body = requests.Body(request)
    first, second = body.fresh(1_700_000_000_000), body.fresh(1_700_000_000_001)
    found = pricing_pb2.RepriceRequest.FromString(second)
    assert {each.event_ms for each in found.snapshots} == {1_700_000_000_001}
    assert pricing_pb2.RepriceRequest.FromString(first).request_id != found.request_id
    found.request_id = request.request_id
    for each in found.snapshots:
        each.event_ms = requests.PLACEHOLDER_MS
    assert found == request


def test_the_reference_request_is_as_it_is_described() -> None:
    request = requests.reference_request(range(200))
    assert request == requests.reference_request(range(200))
    assert request != requests.reference_request(range(200), variant=1)
    assert 450 <= request.ByteSize() / 200 <= 600
    snapshot = request.snapshots[1]
    assert len(snapshot.offers) == 10
    assert snapshot.key.sku
    assert sum(each.buy_box_winner for each in snapshot.offers) == 1
    told = {field.name for offer in snapshot.offers for field, _ in offer.ListFields()}
    assert told == {
        "seller_id", "item_price_minor", "shipping_minor", "fulfilment", "condition",
        "sub_condition", "positive_rating_basis_points", "rating_count", "handling_hours",
        "availability", "buy_box_winner", "featured_merchant", "prime", "ships_from",
    }  # fmt: skip
