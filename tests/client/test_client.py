"""The client against real servers: token, TLS, retries with the same bytes, streams that resume."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

import grpc
import numpy as np
import pytest

from repriced import Client, reason_of
from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.caller import UNLIMITED, Caller, Rates, Role
from server.access.store import Store
from server.app import App
from server.config import parse
from tests.server.access.certificates import Authority, write
from tests.server.conftest import LOOPBACK, SELLER, listing, now_ms, request_id, run

SLOW = Rates(calls_per_second=2)


def upsert(client: Client, *skus: str) -> None:
    request = catalog_pb2.BatchUpsertListingsRequest(
        request_id=request_id(), listings=[listing(sku) for sku in skus]
    )
    assert not client.catalog.BatchUpsertListings(request).errors


def reprice(client: Client, price: int, *skus: str, **more: str) -> pricing_pb2.RepriceResponse:
    """One competitor's offer for each of these listings."""
    snapshots = {
        "seller_id": SELLER,
        "marketplace_id": "A1PA6795UKMFR9",
        "sku": np.array(skus),
        "event_ms": now_ms(),
        "currency": "EUR",
        "offer_count": np.ones(len(skus), np.int64),
    }
    offers = {
        "seller_id": "A2RIVAL",
        "item_price_minor": np.full(len(skus), price),
        "buy_box_winner": True,
    }
    return client.reprice(snapshots, offers, **more)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    for server in run():
        yield f"127.0.0.1:{server.app.port}"


@pytest.fixture
def client(target: str) -> Iterator[Client]:
    with Client(target) as client:
        yield client


def test_columns_in_and_decisions_out(client: Client) -> None:
    upsert(client, "COL-1", "COL-2")
    answer = reprice(client, 1_299, "COL-1", "COL-2", "COL-3")
    assert [each.index for each in answer.decisions] == [0, 1]
    assert [(each.index, each.reason) for each in answer.errors] == [(2, "UNKNOWN_LISTING")]


def test_the_same_request_id_has_one_answer(client: Client) -> None:
    upsert(client, "SAME")
    name = request_id()
    snapshots = {"seller_id": SELLER, "marketplace_id": "A1PA6795UKMFR9", "sku": ["SAME"],
                 "event_ms": now_ms(), "currency": "EUR", "offer_count": [1]}  # fmt: skip
    offers = {"seller_id": "A2RIVAL", "item_price_minor": [1_200], "buy_box_winner": True}
    first = client.reprice(snapshots, offers, request_id=name)
    assert client.reprice(snapshots, offers, request_id=name) == first
    offers["item_price_minor"] = [1_100]
    with pytest.raises(grpc.RpcError) as refused:
        client.reprice(snapshots, offers, request_id=name)
    assert reason_of(refused.value) == "REQUEST_ID_REUSED"


def test_decisions_are_watched_and_an_old_cursor_is_refused(client: Client) -> None:
    upsert(client, "WATCH")
    first = reprice(client, 1_250, "WATCH").decisions[0]
    watched = client.watch_decisions(after_decision_id=first.decision_id - 1)
    assert next(watched).decisions[0].decision_id == first.decision_id
    second = reprice(client, 1_150, "WATCH").decisions[0]
    assert next(watched).decisions[0].decision_id == second.decision_id
    with pytest.raises(grpc.RpcError) as refused:
        next(client.watch_decisions(after_decision_id=2**40))
    assert reason_of(refused.value) == "CURSOR_IN_FUTURE"


def test_events_are_watched(client: Client) -> None:
    watched = client.watch_events(after_event_id=0)
    stop = pricing_pb2.StopRepricingRequest(request_id=request_id(), everything=True)
    client.pricing.StopRepricing(stop)
    start = pricing_pb2.RestartRepricingRequest(request_id=request_id(), everything=True)
    client.pricing.RestartRepricing(start)
    assert next(watched).events[0].message


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_server_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    app = on_port(port, tmp_path)
    starting = threading.Timer(0.5, app.start)
    starting.start()
    with Client(f"127.0.0.1:{port}", attempts=1_000) as client:
        upsert(client, "LATE")
    starting.join()
    app.stop()


def test_nobody_there_ends_with_the_deadline() -> None:
    with (
        Client(f"127.0.0.1:{free_port()}", deadline_s=0.3) as client,
        pytest.raises(grpc.RpcError) as failed,
    ):
        reprice(client, 1_000, "X")
    assert failed.value.code() in {
        grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
    }  # fmt: skip


def test_a_lost_stream_goes_on_behind_the_last_decision(tmp_path: Path) -> None:
    port = free_port()
    app = on_port(port, tmp_path / "first")
    app.start()
    with Client(f"127.0.0.1:{port}", attempts=1_000) as client:
        upsert(client, "LOST")
        watched = client.watch_decisions(after_decision_id=0)
        first = reprice(client, 1_300, "LOST").decisions[0]
        assert next(watched).decisions[0].decision_id == first.decision_id
        app.stop(1)
        copytree(tmp_path / "first", tmp_path / "second", ignore=ignore_patterns("LOCK"))
        app = on_port(port, tmp_path / "second")
        app.start()
        second = reprice(client, 1_200, "LOST").decisions[0]
        assert next(watched).decisions[0].decision_id == second.decision_id
    app.stop(1)


def on_port(port: int, directory: Path) -> App:
    """A server that the client can find again."""
    address = LOOPBACK.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
    return App(parse(f'{address}[journal]\ndata_directory = "{directory}"\n'))


def test_tls_and_token(tmp_path: Path) -> None:
    authority = Authority()
    tls = write(tmp_path, authority.sign("server", "localhost"))
    (tmp_path / "ca.pem").write_bytes(authority.root)
    file = tmp_path / "access.db"
    store = Store(file)
    token = store.create(Caller("shop", frozenset({Role.ADMIN}), None, {}, UNLIMITED), "test")
    slow = store.create(Caller("slow", frozenset({Role.READ}), None, {}, SLOW), "test")
    store.close()
    for server in run(f'{tls}[access]\nfile = "{file}"\n'):
        target = f"localhost:{server.app.port}"
        with Client(target, token=token, ca_file=tmp_path / "ca.pem") as client:
            upsert(client, "TLS")
            assert reprice(client, 1_222, "TLS").decisions
            watched = client.watch_decisions(after_decision_id=0)
            assert next(watched).decisions
        with Client(target, token=slow, ca_file=tmp_path / "ca.pem") as client:
            for _ in range(4):  # More than a second's worth: the server asks to wait.
                client.catalog.ListSellers(catalog_pb2.ListSellersRequest())
        with (
            Client(target, ca_file=tmp_path / "ca.pem") as stranger,
            pytest.raises(grpc.RpcError) as refused,
        ):
            reprice(stranger, 1_222, "TLS")
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_files_that_belong_together() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Client("localhost:1", ca_file=Path(), certificate_file=Path("x"))
    with pytest.raises(ValueError, match="needs ca_file"):
        Client("localhost:1", certificate_file=Path("x"), key_file=Path("y"))
