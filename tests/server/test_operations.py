"""What ops rely on: health, reflection, metrics, full queues, fairness and a graceful stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from engine.errors import ConfigError, LimitError
from repriced.v1 import catalog_pb2, ingestion_pb2, pricing_pb2
from server.app import App
from server.config import parse
from server.services.pricing import next_decisions
from tests.server.conftest import (
    MEMORY,
    Running,
    listing,
    now_ms,
    request_id,
    rival,
    run,
    snapshot,
)


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
    with pytest.raises(grpc.RpcError):
        server.reprice()
    after = scrape(server)
    grown = {name: after[name] - before[name] for name in after}
    call = 'grpc_method="Reprice",grpc_service="repriced.v1.PricingService"'
    assert grown['repriced_decisions_total{reason="SEEK_OFFSET",strategy="BUY_BOX"}'] == 1
    assert grown['repriced_inputs_refused_total{reason="UNKNOWN_LISTING"}'] == 1
    assert grown['repriced_inputs_refused_total{reason="EMPTY_BATCH"}'] == 1
    assert grown["repriced_offers_read_total"] == 2
    assert grown["repriced_ticks_total"] == 1
    assert grown["repriced_evaluate_seconds_count"] == 1
    assert grown["repriced_tick_seconds_count"] == 1
    assert grown["repriced_offer_age_seconds_count"] == 2
    assert grown[f"grpc_server_started_total{{{call}}}"] == 2
    assert grown[f'grpc_server_handled_total{{grpc_code="OK",{call}}}'] == 1
    assert grown[f'grpc_server_handled_total{{grpc_code="INVALID_ARGUMENT",{call}}}'] == 1
    assert grown[f"grpc_server_handling_seconds_count{{{call}}}"] == 2
    assert after['repriced_buybox_listings{state="AWAITING"}'] >= 1
    assert after["repriced_queue_limit"] == 256
    assert after["repriced_queue_depth"] == 0


def test_labels_exist_before_anything_happens() -> None:
    for server in run():
        told = scrape(server)
        assert told['repriced_notifications_total{outcome="applied"}'] == 0
        assert told['repriced_feedback_total{kind="LOST"}'] == 0
        assert told['repriced_buybox_transitions_total{from="SEEKING",to="AWAITING"}'] == 0
        assert any(name.startswith("repriced_build_info{") for name in told)
        for service in ("CatalogService", "PricingService", "IngestionService"):
            assert any(f'grpc_service="repriced.v1.{service}"' in name for name in told)


def test_every_call_of_the_schema_is_served(server: Running) -> None:
    for module in (catalog_pb2, pricing_pb2, ingestion_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            served = {f"/{service.full_name}/{each.name}" for each in service.methods}
            assert served <= set(server.app.metrics.calls)


def test_states_add_up_to_the_listings(server: Running) -> None:
    server.upsert(listing("SUM1"), listing("SUM2", price_minor=900))
    server.reprice(snapshot("SUM1", rival(1000)))
    states = [
        value for name, value in scrape(server).items() if name.startswith("repriced_buybox_list")
    ]
    assert sum(states) == len(server.app.engine.catalog.ids)


@contextmanager
def held_writer(server: Running) -> Iterator[threading.Event]:
    """The writer stands still inside until the event is set."""
    release, entered = threading.Event(), threading.Event()

    def block(_: object) -> None:
        entered.set()
        release.wait(20)

    server.app.writer.read(block)
    assert entered.wait(10)
    try:
        yield release
    finally:
        release.set()


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that happens soon."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("limit", ["queue_requests", "caller_requests"])
def test_a_full_queue_refuses_at_once(limit: str) -> None:
    for server in run(f"[limits]\n{limit} = 2\n"):
        server.upsert(listing("FULL"))
        with held_writer(server) as release, ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(try_reprice, server) for _ in range(6)]
            until(lambda calls=calls: sum(each.done() for each in calls) == 4)
            refused = {each.result() for each in calls if each.done()}
            assert refused == {grpc.StatusCode.RESOURCE_EXHAUSTED}
            release.set()
            assert sum(each.result() is grpc.StatusCode.OK for each in calls) == 2


def test_a_refusal_says_when_to_come_back() -> None:
    for server in run("[limits]\nqueue_requests = 1\n"):
        server.upsert(listing("FULL"))
        with ThreadPoolExecutor(1) as pool, held_writer(server):
            pool.submit(try_reprice, server)
            until(lambda server=server: server.app.admission.depth() == 1)
            with pytest.raises(grpc.RpcError) as refused:
                server.reprice(snapshot("FULL", rival(1000)))
            status = rpc_status.from_call(refused.value)
            assert status is not None
            retry = error_details_pb2.RetryInfo()
            assert any(detail.Unpack(retry) for detail in status.details)
            assert retry.retry_delay.ToMilliseconds() > 0


def test_bytes_that_wait_are_bounded() -> None:
    limits = "max_request_bytes = 4096\ncaller_bytes = 4096\nqueue_bytes = 6144"
    for server in run(f"[limits]\n{limits}\n"):
        server.upsert(listing("FULL"))
        large = [snapshot("FULL", rival(1000))] * 40
        with held_writer(server) as release, ThreadPoolExecutor(1) as pool:
            first = pool.submit(server.reprice, *large)
            until(lambda server=server: server.app.admission.depth() == 1)
            with pytest.raises(grpc.RpcError, match="bytes of this caller"):
                server.reprice(*large)
            release.set()
            assert first.result().evaluated_count == 40


def try_reprice(server: Running) -> grpc.StatusCode:
    """Code that a Reprice ends with."""
    try:
        server.reprice(snapshot("FULL", rival(1000)))
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def own_connection(server: Running) -> Running:
    """A caller that does not share the fixture's connection."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    return Running(
        server.app, grpc.insecure_channel(f"127.0.0.1:{server.app.port}", options=options)
    )


def test_connections_are_served_in_turn() -> None:
    """A caller with many requests waits behind nobody, and nobody waits behind all of them."""
    for server in run():
        server.upsert(listing("TURN"))
        calm = own_connection(server)
        with held_writer(server) as release, ThreadPoolExecutor(16) as pool:
            busy = [pool.submit(server.reprice, snapshot("TURN", rival(1000))) for _ in range(8)]
            until(lambda server=server: server.app.admission.depth() == 8)
            late = pool.submit(calm.reprice, snapshot("TURN", rival(1000)))
            until(lambda server=server: server.app.admission.depth() == 9)
            release.set()
            before = sum(each.result().sequence < late.result().sequence for each in busy)
        calm.channel.close()
        assert before <= 1


def test_what_outlives_its_deadline_in_the_queue_is_not_applied() -> None:
    for server in run():
        server.upsert(listing("LATE"))
        request = pricing_pb2.RepriceRequest(
            request_id=request_id(), snapshots=[snapshot("LATE", rival(1000))]
        )
        with held_writer(server) as release:
            with pytest.raises(grpc.RpcError) as late:
                server.pricing.Reprice(request, timeout=0.3)
            assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            release.set()
        assert len(server.pricing.Reprice(request).decisions) == 1
        assert server.app.engine.decisions.last_id == 1


def test_a_stopping_server_finishes_what_it_admitted_and_refuses_the_rest() -> None:
    app = App(parse(MEMORY))
    app.start()
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        server = Running(app, channel)
        server.upsert(listing("DRAIN"))
        watching = server.pricing.WatchDecisions(pricing_pb2.WatchDecisionsRequest())
        with held_writer(server) as release, ThreadPoolExecutor(4) as pool:
            admitted = pool.submit(server.reprice, snapshot("DRAIN", rival(1000)))
            until(lambda: app.admission.depth() == 1)
            stopped = pool.submit(app.stop)
            until(app.admission.draining.is_set)
            assert reported_health(server) == health_pb2.HealthCheckResponse.NOT_SERVING
            with pytest.raises(grpc.RpcError) as refused:
                server.reprice(snapshot("DRAIN", rival(1000)))
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
            release.set()
            assert len(admitted.result(10).decisions) == 1
            stopped.result(10)
        with pytest.raises(grpc.RpcError) as ended:
            for _ in watching:
                pass
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE


def reported_health(server: Running) -> int:
    """What the health service says of the whole server."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status)


def test_reads_are_bounded() -> None:
    for server in run("[limits]\nqueue_reads = 1\n"):
        made = server.upsert(listing("READ")).upserted[0].listing_id
        get = catalog_pb2.GetListingRequest(listing_id=made)
        with held_writer(server) as release, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(server.catalog.GetListing, get)
            until(lambda server=server: server.app.admission._reads == 1)
            with pytest.raises(grpc.RpcError, match="reads wait") as full:
                server.catalog.GetListing(get, timeout=5)
            assert full.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            release.set()
            assert waiting.result(10).listing.listing_id == made


def test_a_reader_that_falls_behind_is_dropped() -> None:
    for server in run("[engine]\ndecisions_kept = 1\n"):
        server.upsert(listing("SLOW"))
        base = now_ms() - 1_000
        for step, price in enumerate((1400, 1200, 1000)):
            server.reprice(snapshot("SLOW", rival(price), event_ms=base + step))
        request = pricing_pb2.WatchDecisionsRequest(after_decision_id=0)
        with pytest.raises(grpc.RpcError, match="kept are decisions from") as dropped:
            next(server.pricing.WatchDecisions(request, timeout=5))
        assert dropped.value.code() == grpc.StatusCode.NOT_FOUND
        core = SimpleNamespace(engine=server.app.engine, limits=server.app.config.limits)
        with pytest.raises(LimitError, match="fell behind"):
            next_decisions(core, 0, "", None)


def test_streams_are_bounded() -> None:
    for server in run("[limits]\nstreams = 1\n"):
        first = server.pricing.WatchDecisions(pricing_pb2.WatchDecisionsRequest())
        second = server.pricing.WatchDecisions(pricing_pb2.WatchDecisionsRequest(), timeout=5)
        until(lambda second=second, first=first: second.done() or first.done())
        codes = {each.code() for each in (first, second) if each.done()}
        assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        first.cancel()
        second.cancel()


def test_a_taken_address_is_a_clear_error(server: Running) -> None:
    taken = MEMORY.replace(":0", f":{server.app.metrics_port}", 1)
    with pytest.raises(ConfigError, match="cannot be listened on"):
        App(parse(taken)).start()


def test_sigterm_drains_and_ends_with_zero(tmp_path: Path) -> None:
    command = [
        sys.executable, "-c", "from server.cli import main; main()", "serve",
        "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
        "--data-directory", str(tmp_path),
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
