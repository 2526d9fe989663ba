"""The real server in a process of its own, with one method more: an echo.

The echo is the floor of the RPC rows: bytes in, a constant out, over the same gRPC server, the
same interceptor and metrics, and the same way from a gRPC thread to the writer and back.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

import grpc

from server.app import App
from server.config import Config, JournalConfig, ServerConfig
from server.logs import configure
from server.writer import Writer

SERVICE = "bench.Echo"
ECHO = f"/{SERVICE}/Echo"
SET_ANSWER = f"/{SERVICE}/SetAnswer"
ANY_PORT = "127.0.0.1:0"


class Echo:
    """Answers every request with the same bytes, by way of the writer."""

    def __init__(self) -> None:
        self.answer = b""
        self.writer: Writer | None = None

    def set_answer(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        """Takes a request as the answer from now on."""
        self.answer = request
        return b""

    def echo(self, _request: bytes, _: grpc.ServicerContext) -> bytes:
        """The answer."""
        assert self.writer is not None
        return self.writer.read(lambda _: self.answer).result()

    def handler(self) -> grpc.GenericRpcHandler:
        """Both methods, with identity serialisers."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
                "SetAnswer": grpc.unary_unary_rpc_method_handler(self.set_answer),
            },
        )


def run(pipe: Connection) -> None:
    """Serves until the other end of the pipe says so or is gone."""
    configure("warning")
    echo = Echo()
    settings = Config(
        server=ServerConfig(listen=ANY_PORT, metrics_listen=ANY_PORT),
        journal=JournalConfig(mode="off"),
    )
    app = App(settings, (echo.handler(),))
    echo.writer = app.writer
    app.start()
    pipe.send((app.port, app.metrics_port))
    with suppress(EOFError):
        pipe.recv()
    app.stop()


@contextmanager
def started() -> Iterator[tuple[int, int]]:
    """A server process; gives its gRPC port and its metrics port, and stops it at the end."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        yield here.recv()
        here.send("stop")
    finally:
        here.close()
        process.join(30)
        if process.is_alive():
            process.terminate()
