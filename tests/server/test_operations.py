"""What ops rely on: health, reflection, metrics, full queues, fairness and a graceful stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from engine.errors import ConfigError, DrainingError, LimitError
from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from server.app import App
from server.config import parse
from tests.server.conftest import LOOPBACK, Running, listing, request_id, rival, run, snapshot


def scrape(server: Running) -> dict[str, float]:
    """What /metrics says."""
    url = f"http://127.0.0.1:{server.app.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_health_and_reflection(server: Running) -> None:
    health = health_pb2_grpc.HealthStub(server.channel)
    for name in ("", "repriced.v1.PricingService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = next(stub.ServerReflectionInfo(iter([request]))).list_services_response.service
    assert "repriced.v1.IngestionService" in {each.name for each in listed}


def test_metrics_count_what_happened(server: Running) -> None:
    server.upsert(listing("METRIC"))
    before = scrape(server)
    server.reprice(snapshot("METRIC", rival(1000)), snapshot("NOBODY", rival(1000)))
    after = scrape(server)
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    assert grown['repriced_decisions_total{reason="SEEK_OFFSET",strategy="BUY_BOX"}'] == 1
    assert grown['repriced_inputs_refused_total{reason="UNKNOWN_LISTING"}'] == 1
    assert grown["repriced_offers_read_total"] == 2
    assert grown["repriced_ticks_total"] == 1
    assert grown["repriced_evaluate_seconds_count"] == 1
    assert grown['grpc_server_handled_total{grpc_code="OK"}'] == 1
    assert after['repriced_buybox_listings{state="AWAITING"}'] >= 1
    assert after["repriced_queue_limit"] == 256


def test_states_add_up_to_the_listings(server: Running) -> None:
    server.upsert(listing("SUM1"), listing("SUM2", price_minor=900))
    server.reprice(snapshot("SUM1", rival(1000)))
    states = [
        value for name, value in scrape(server).items() if name.startswith("repriced_buybox_list")
    ]
    assert sum(states) == len(server.app.engine.catalog.ids)


def test_a_full_queue_refuses_at_once() -> None:
    for server in run("[limits]\nqueue_requests = 2\n"):
        server.upsert(listing("FULL"))
        release = threading.Event()
        entered = threading.Event()

        def block(_: object, entered=entered, release=release) -> None:
            entered.set()
            release.wait(20)

        with ThreadPoolExecutor(8) as pool:
            pool.submit(server.app.writer.read, block)
            assert entered.wait(10)
            calls = [pool.submit(try_reprice, server) for _ in range(6)]
            refused = [each for each in calls if wait_code(each, 2.0) is not None]
            assert len(refused) == 4
            assert {each.result() for each in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
            release.set()
            assert sum(each.result() is grpc.StatusCode.OK for each in calls) == 2


def try_reprice(server: Running) -> grpc.StatusCode:
    """Code that a Reprice ends with."""
    try:
        server.reprice(snapshot("FULL", rival(1000)))
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def wait_code(call, seconds: float) -> grpc.StatusCode | None:
    """The code of a call that has ended, or None."""
    try:
        return call.result(seconds)
    except TimeoutError:
        return None


def test_connections_are_served_in_turn() -> None:
    """A caller with many requests waits behind nobody, and nobody waits behind all of them."""
    for server in run():
        server.upsert(listing("TURN"))
        writer = server.app.writer
        order: list[str] = []
        release, entered = threading.Event(), threading.Event()

        def block(_: object, entered=entered, release=release) -> None:
            entered.set()
            release.wait(20)

        def send(connection: str, server=server, order=order) -> None:
            request = pricing_pb2.RepriceRequest(
                request_id=request_id(), snapshots=[snapshot("TURN", rival(1000))]
            )
            shaped = server.app.engine.shape(InputKind.REPRICE, request.SerializeToString())
            answer = server.app.writer.submit(shaped, connection, None)
            order.append((answer.result.sequence, connection))

        with ThreadPoolExecutor(16) as pool:
            pool.submit(writer.read, block)
            assert entered.wait(10)
            calls = [pool.submit(send, "busy") for _ in range(8)]
            while writer.depth() < 8:
                threading.Event().wait(0.01)
            calls.append(pool.submit(send, "calm"))
            while writer.depth() < 9:
                threading.Event().wait(0.01)
            release.set()
            for call in calls:
                call.result(10)
        turns = [connection for _, connection in sorted(order)]
        assert turns.index("calm") <= 1


def test_a_stopping_server_refuses_new_work() -> None:
    app = App(parse(LOOPBACK))
    app.start()
    app.writer.drain()
    request = pricing_pb2.RepriceRequest(
        request_id=request_id(), snapshots=[snapshot("ANY", rival(1000))]
    )
    shaped = app.engine.shape(InputKind.REPRICE, request.SerializeToString())
    with pytest.raises(DrainingError):
        app.writer.submit(shaped, "test", None)
    app.stop()


def test_reads_are_bounded() -> None:
    for server in run("[limits]\nqueue_reads = 1\n"):
        release, entered = threading.Event(), threading.Event()

        def block(_: object, entered=entered, release=release) -> None:
            entered.set()
            release.wait(20)

        with ThreadPoolExecutor(4) as pool:
            pool.submit(server.app.writer.read, block)
            assert entered.wait(10)
            waiting = pool.submit(server.app.writer.read, lambda _: 7)
            with pytest.raises(LimitError):
                for _ in range(200):
                    threading.Event().wait(0.01)
                    pool.submit(server.app.writer.read, lambda _: 8).result(0.05)
            release.set()
            assert waiting.result(10) == 7


def test_a_taken_address_is_a_clear_error(server: Running) -> None:
    taken = LOOPBACK.replace(":0", f":{server.app.metrics_port}", 1)
    with pytest.raises(ConfigError, match="cannot be listened on"):
        App(parse(taken)).start()


def test_sigterm_drains_and_ends_with_zero() -> None:
    command = [
        sys.executable, "-c", "from server.cli import main; main()", "serve",
        "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        port = re.search(r'"listen": "127.0.0.1:(\d+)"', line)
        assert port, line
        with grpc.insecure_channel(f"127.0.0.1:{port[1]}") as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=10
            )
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
