"""The composition root: configuration in, a running server out."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from engine.errors import ConfigError
from engine.guards import GuardSettings
from engine.insights.history import History
from engine.settings import EngineSettings
from server.access.access import Access
from server.access.audit import Audit
from server.access.door import Door
from server.access.rates import Meter
from server.access.tls import server_credentials
from server.admission import Admission
from server.config import Config
from server.history import Looks
from server.interceptors import Interceptor
from server.leaving import Leaving
from server.logs import configure, logger
from server.metrics import Metrics, product_version
from server.services import catalog, claims, event, ingestion, insights, pricing
from server.services.calls import Core
from server.services.claims import clear_incoming
from server.snapshots import Snapshots
from server.store import open_engine
from server.streams import StreamWatch
from server.timers import Timers
from server.wire import WireCodec, WireLimits
from server.writer import Writer, wall_ms

SERVICES: tuple[ModuleType, ...] = (catalog, pricing, ingestion, claims, insights, event)
KEEPALIVE_TIMEOUT_MS = 20_000
SHORTEST_PING_MS = 10_000
ANYBODY = "without access.file everybody on this machine may do everything"
CALLS_PER_PLACE = 4
"""Calls that gRPC lets in before it refuses some itself, without a reason or a time to retry. Those
without a place wait for one of the few threads that are left, which refuses them as it should."""
SWITCH_S = 0.0005
GOODBYE_S = 1
"""Time for open streams to hear that they end."""


class App:
    """One server: engine, writer, timers, gRPC and metrics. Start once, stop once.

    There is a thread for each call that may be admitted, so that a call waits in our bounded
    queues and not in one of gRPC's.
    """

    def __init__(
        self, config: Config, extra_handlers: tuple[grpc.GenericRpcHandler, ...] = ()
    ) -> None:
        self.config = config
        self.metrics = Metrics()
        self.port = 0
        self.metrics_port = 0
        limits = config.limits
        self._codec = WireCodec()
        opened = open_engine(config, self._codec, self.metrics)
        self.engine, self._store = opened.engine, opened.store
        self.engine.configure(settings_of(config), wall_ms())
        self.writer = Writer(self.engine, limits, self.metrics)
        self.admission = Admission(limits)
        self.metrics.watch(self.engine)
        self.metrics.watch_claims(Path(config.claims.store))
        self.metrics.queue_limit.set(limits.queue_requests)
        self.metrics.queue_depth.set_function(self.admission.depth)
        self.access = Access(Path(config.access.file) if config.access.file else None)
        self.audit = Audit(self.access.path)
        directory = self._store.directory if self._store is not None else None
        self.history = History(directory)
        self.leaving = Leaving(directory, Path(config.claims.store), self.audit, self.history)
        self.meter = Meter()
        self.door = Door(self.access, self.meter, certificates=bool(config.tls.client_ca_file))
        self._streams = StreamWatch(limits.slow_reader_seconds, self.metrics)
        self._timers = Timers(self.writer)
        self.looks = Looks(self.writer, self.history)
        self._snapshots: Snapshots | None = None
        if self._store is not None:
            self._snapshots = Snapshots(config.journal, self._store, self.writer, self.metrics)
            self.metrics.snapshot_age_seconds.set_function(self._snapshots.age_s)
        self._decoders = ThreadPoolExecutor(os.cpu_count(), "decoder")
        self._health = health.HealthServicer()
        self._server = self._grpc_server(extra_handlers)
        self._http: Any = None

    def start(self) -> None:
        """Listens and serves. Raises ConfigError when an address cannot be taken."""
        self.access.start()
        self.audit.start()
        self.leaving.finish(self.engine)
        clear_incoming(Path(self.config.claims.store))
        self._listen()
        self._start_metrics()
        self._streams.start()
        self.writer.start()
        self._timers.start()
        self.looks.start()
        if self._snapshots is not None:
            self._snapshots.start()
        self._server.start()
        self._report(health_pb2.HealthCheckResponse.SERVING)
        settings = self.config.server
        logger().info(
            "serving",
            listen=f"{settings.listen.rpartition(':')[0]}:{self.port}",
            metrics=f"{settings.metrics_listen.rpartition(':')[0]}:{self.metrics_port}",
            version=product_version(),
            grpc=grpc.__version__,
            cpu_level=self.engine.shard.evaluator.kernel.level,
            journal="always" if self.engine.journal.durable else "off",
            tls="on" if self.config.tls.certificate_file else "off",
            access="by token" if self.config.access.file else ANYBODY,
        )

    def stop(self, seconds: int | None = None) -> None:
        """Refuses new work, finishes what was admitted, then stops everything.

        Waits at most `seconds`, by default the configured time.
        """
        wait_s = self.config.server.drain_seconds if seconds is None else seconds
        started = time.monotonic()
        self._report(health_pb2.HealthCheckResponse.NOT_SERVING)
        if not self.admission.drain(wait_s):
            logger().warning("drain_incomplete", seconds=wait_s, requests=self.admission.depth())
        self._timers.stop()
        self.looks.stop()
        if self._snapshots is not None:
            self._snapshots.stop()
        left = max(0.0, wait_s - (time.monotonic() - started))
        self._server.stop(min(GOODBYE_S, left)).wait()
        self._decoders.shutdown()
        self.writer.stop()
        self._streams.stop()
        self.audit.stop()
        self.access.stop()
        self.history.close()
        if self._store is not None:
            self._store.close(self.engine)
        self._http.shutdown()
        self._http.server_close()
        logger().info("stopped")

    def _listen(self) -> None:
        address = self.config.server.listen
        credentials = server_credentials(self.config.tls)
        try:
            if credentials is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise address_error("server.listen", address, error) from error

    def _start_metrics(self) -> None:
        address = self.config.server.metrics_listen
        host, _, port = address.rpartition(":")
        try:
            http, _ = start_http_server(int(port), host.strip("[]"), self.metrics.registry)
        except OSError as error:
            raise address_error("server.metrics_listen", address, error) from error
        self._http, self.metrics_port = http, http.server_port

    def _grpc_server(self, extra_handlers: tuple[grpc.GenericRpcHandler, ...]) -> grpc.Server:
        keepalive_ms = self.config.server.keepalive_seconds * 1000
        limits = self.config.limits
        server = grpc.server(
            ThreadPoolExecutor(limits.places, "grpc"),
            maximum_concurrent_rpcs=CALLS_PER_PLACE * limits.places,
            interceptors=[Interceptor(self.metrics, self.door, self._streams)],
            options=[
                ("grpc.max_receive_message_length", limits.max_request_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", keepalive_ms),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", SHORTEST_PING_MS),
            ],
        )
        folder = Path(self.config.claims.store)
        core = Core(
            self.engine, self.writer, self.admission, self._codec, self.metrics, limits, folder,
            self.meter, self.audit, self.leaving, self._decoders, self.history,
        )  # fmt: skip
        handlers = {service.NAME: service.handlers(core) for service in SERVICES}
        self.metrics.know_calls((name, list(methods)) for name, methods in handlers.items())
        for name, methods in handlers.items():
            generic = grpc.method_handlers_generic_handler(name, methods)
            server.add_generic_rpc_handlers((generic,))
        server.add_generic_rpc_handlers(extra_handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [*handlers, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
        return server

    def _report(self, status: Any) -> None:
        for name in ("", *(service.NAME for service in SERVICES)):
            self._health.set(name, status)


def settings_of(config: Config) -> EngineSettings:
    """What of the configuration reaches the engine."""
    limits = {each.name: getattr(config.limits, each.name) for each in fields(WireLimits)}
    guards = GuardSettings(**asdict(config.guards))
    return EngineSettings(config.engine.decisions_kept, limits, guards)


def address_error(key: str, address: str, error: Exception) -> ConfigError:
    """An address that cannot be listened on."""
    return ConfigError(
        f"{key} is {address!r} and cannot be listened on ({error}); is another server running?",
        reason="ADDRESS_TAKEN",
        field=key,
    )


def share_the_interpreter() -> None:
    """Lets small calls have the interpreter soon while a large one is decoded.

    docs/decisions/0032-short-switch-interval.md has the figures.
    """
    sys.setswitchinterval(SWITCH_S)


def serve(config: Config) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises ConfigError.

    A signal during the replay ends the process at once, which loses nothing.
    """
    configure(config.log.level)
    share_the_interpreter()
    app = App(config)
    wait_for_signal = stop_signals()
    app.start()
    wait_for_signal()
    logger().info("draining", seconds=config.server.drain_seconds)
    app.stop()


def stop_signals() -> Callable[[], object]:
    """A function that returns when SIGTERM or SIGINT has come, also if it came before.

    A pipe, because the system may hand a signal to a thread of a library: blocked in our threads
    only, it would end the process there. The handlers do nothing, so they can meet no lock.
    """
    told, telling = os.pipe()
    os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: None)
    return lambda: os.read(told, 1)
