"""The composition root: configuration in, a running server out."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from engine.errors import ConfigError
from engine.journal import MemoryJournal
from engine.pipeline import Engine, EngineSettings
from server.config import Config
from server.interceptors import Interceptor
from server.logs import configure, logger
from server.metrics import Metrics, product_version
from server.services import catalog, ingestion, pricing
from server.services.calls import Core
from server.timers import Timers
from server.wire import WireCodec, WireLimits
from server.writer import Writer

SERVICES: tuple[ModuleType, ...] = (catalog, pricing, ingestion)


class App:
    """One server: engine, writer, timers, gRPC and metrics. Start once, stop once."""

    def __init__(
        self, config: Config, extra_handlers: tuple[grpc.GenericRpcHandler, ...] = ()
    ) -> None:
        self.config = config
        self.metrics = Metrics()
        limits = config.limits
        codec = WireCodec(
            WireLimits(
                max_rows_per_call=limits.max_rows_per_call,
                max_offers_per_snapshot=limits.max_offers_per_snapshot,
                max_definitions_per_call=limits.max_definitions_per_call,
                max_request_bytes=limits.max_request_bytes,
            )
        )
        settings = EngineSettings(config.engine.decisions_kept, config.engine.replies_bytes)
        self.engine = Engine(codec, MemoryJournal(config.engine.keep_input_bytes), settings)
        self.writer = Writer(self.engine, limits, self.metrics)
        self.timers = Timers(self.writer)
        self.metrics.watch(self.engine)
        self.metrics.queue_limit.set(limits.queue_requests)
        self.metrics.queue_depth.set_function(self.writer.depth)
        self._health = health.HealthServicer()
        core = Core(self.engine, self.writer, codec, self.metrics, limits)
        self._server = self._grpc_server(core, extra_handlers)
        self.port = 0
        self.metrics_port = 0

    def _grpc_server(
        self, core: Core, extra_handlers: tuple[grpc.GenericRpcHandler, ...]
    ) -> grpc.Server:
        size = self.config.limits.max_request_bytes
        server = grpc.server(
            ThreadPoolExecutor(self.config.server.worker_threads, "grpc"),
            interceptors=[Interceptor(self.metrics)],
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        names = [reflection.SERVICE_NAME, health.SERVICE_NAME]
        for service in SERVICES:
            names.append(service.NAME)
            handler = grpc.method_handlers_generic_handler(service.NAME, service.handlers(core))
            server.add_generic_rpc_handlers((handler,))
        server.add_generic_rpc_handlers(extra_handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(names, server)
        return server

    def start(self) -> None:
        """Listens and serves. Raises ConfigError when an address cannot be taken."""
        settings = self.config.server
        try:
            self.port = self._server.add_insecure_port(settings.listen)
        except RuntimeError as error:
            raise address_error("server.listen", settings.listen, error) from error
        host, _, port = settings.metrics_listen.rpartition(":")
        try:
            http, _ = start_http_server(int(port), host.strip("[]"), self.metrics.registry)
        except OSError as error:
            raise address_error("server.metrics_listen", settings.metrics_listen, error) from error
        self._http = http
        self.metrics_port = http.server_port
        self.writer.start()
        self.timers.start()
        self._server.start()
        self._report(health_pb2.HealthCheckResponse.SERVING)
        logger().info(
            "serving",
            listen=f"{settings.listen.rpartition(':')[0]}:{self.port}",
            metrics=f"{host}:{self.metrics_port}",
            version=product_version(),
            cpu_level=self.engine.kernel.level,
            journal="always" if self.engine.journal.durable else "off",
        )

    def _report(self, status: int) -> None:
        for name in ("", *(service.NAME for service in SERVICES)):
            self._health.set(name, status)

    def stop(self) -> None:
        """Refuses new work, finishes what was admitted, then stops everything."""
        self._report(health_pb2.HealthCheckResponse.NOT_SERVING)
        self.writer.drain()
        self.timers.stop()
        self._server.stop(self.config.server.drain_seconds).wait()
        self.writer.stop()
        self._http.shutdown()
        self._http.server_close()
        logger().info("stopped")


def address_error(key: str, address: str, error: Exception) -> ConfigError:
    """An address that cannot be listened on."""
    return ConfigError(
        f"{key} is {address!r} and cannot be listened on ({error}); is another server running?",
        reason="ADDRESS_TAKEN",
        field=key,
    )


def serve(config: Config) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises ConfigError."""
    configure(config.log.level)
    wanted = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: wanted.set())
    app = App(config)
    app.start()
    wanted.wait()
    logger().info("draining", seconds=config.server.drain_seconds)
    app.stop()
