"""The real server in a process of its own, with an echo beside its own methods.

The echo is the floor of the RPC rows: bytes in, a constant out, over the same gRPC server, the
same access, interceptor and metrics, and the same way from a gRPC thread to the writer and back.
One of its methods writes and syncs the bytes on the writer before it answers, into a file of the
data directory: what came while a sync went on is one group, with one write and one sync.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

import grpc

from bench.places import folder
from engine.journal.storage import write_fully
from server.access.caller import Caller, Rates, Role
from server.access.store import Store
from server.app import App, share_the_interpreter
from server.config import GIB, MIB, AccessConfig, Config, JournalConfig, LimitsConfig, ServerConfig
from server.logs import configure
from server.writer import Writer

SERVICE = "bench.Echo"
ECHO = f"/{SERVICE}/Echo"
APPEND = f"/{SERVICE}/Append"
SET_ANSWER = f"/{SERVICE}/SetAnswer"
ANY_PORT = "127.0.0.1:0"
LARGE = LimitsConfig(
    max_request_bytes=64 * MIB, max_offers_per_call=1_000_000, memory_budget_bytes=64 * GIB
)
"""Room for a call of 100,000 listings."""
GENEROUS = Rates(1_000_000, 1_000_000_000, 1_000)
"""Limits that are looked after and never reached."""


class Appended:
    """A file that grows by groups of requests, each written and synced on the writer."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._writer = writer
        self._lock = Lock()
        self._waiting: list[tuple[bytes, Future[None]]] = []

    def append(self, request: bytes) -> None:
        """Returns when the request is on the disk."""
        done: Future[None] = Future()
        with self._lock:
            self._waiting.append((request, done))
            first = len(self._waiting) == 1
        if first:
            self._writer.read(self._commit)
        done.result()

    def _commit(self, _: Any) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        requests = [request for request, _ in group]
        write_fully(os.pwritev, self._file, requests, self._size)
        self._size += sum(map(len, requests))
        os.fdatasync(self._file)
        for _, done in group:
            done.set_result(None)


class Echo:
    """Answers every request with the same bytes, by way of the writer."""

    def __init__(self) -> None:
        self.answer = b""
        self.writer: Writer | None = None
        self.appended: Appended | None = None

    def set_answer(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        """Takes a request as the answer from now on."""
        self.answer = request
        return b""

    def echo(self, _request: bytes, _: grpc.ServicerContext) -> bytes:
        """The answer."""
        assert self.writer is not None
        return self.writer.read(lambda _: self.answer).result()

    def append(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        """The answer, once the request is on the disk."""
        assert self.appended is not None
        self.appended.append(request)
        return self.answer

    def handler(self) -> grpc.GenericRpcHandler:
        """All methods, with identity serialisers."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
                "Append": grpc.unary_unary_rpc_method_handler(self.append),
                "SetAnswer": grpc.unary_unary_rpc_method_handler(self.set_answer),
            },
        )


@dataclass(frozen=True, slots=True)
class Started:
    """How a server is reached."""

    port: int
    metrics_port: int
    token: str


def run(pipe: Connection, place: Path, mode: str) -> None:
    """Serves until the other end of the pipe says so or is gone."""
    configure("warning")
    share_the_interpreter()
    store = Store(place / "access.db")
    token = store.create(Caller("bench", frozenset({Role.ADMIN}), rates=GENEROUS), "bench")
    store.close()
    echo = Echo()
    settings = Config(
        server=ServerConfig(listen=ANY_PORT, metrics_listen=ANY_PORT),
        access=AccessConfig(file=str(place / "access.db")),
        limits=LARGE,
        journal=JournalConfig(
            mode=mode, data_directory=str(place / "data"), snapshot_bytes=64 * GIB
        ),
    )
    app = App(settings, (echo.handler(),))
    echo.writer = app.writer
    if mode == "always":
        echo.appended = Appended(place / "data" / "appended", app.writer)
    app.start()
    pipe.send(Started(app.port, app.metrics_port, token))
    with suppress(EOFError):
        pipe.recv()
    app.stop()


@contextmanager
def started(mode: str = "off") -> Iterator[Started]:
    """A server process with this `journal.mode`, stopped at the end; its files go with it."""
    with folder() as place, started_in(place, mode) as server:
        yield server


@contextmanager
def started_in(place: Path, mode: str) -> Iterator[Started]:
    """A server process whose data directory is `data` in a place, stopped at the end."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=run, args=(there, place, mode), daemon=True
    )
    process.start()
    there.close()
    try:
        yield here.recv()
        here.send("stop")
    finally:
        here.close()
        process.join(60)
        if process.is_alive():
            process.terminate()
            process.join()
