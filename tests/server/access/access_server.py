"""Servers that ask who calls, their callers, and certificates for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from server.access.caller import UNLIMITED, Caller, Power, Rates, Role
from server.access.store import Store
from server.app import App
from server.config import parse
from tests.server.conftest import LOOPBACK, Running, run

EVERY_ROLE = frozenset(Role)
WORKING = frozenset({Role.INGEST, Role.OPERATE, Role.READ})


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call with this token."""
    return (("authorization", f"Bearer {token}"),)


def caller(
    name: str,
    *sellers: str,
    roles: frozenset[Role] = WORKING,
    powers: dict[Power, int] | None = None,
    rates: Rates = UNLIMITED,
) -> Caller:
    """A caller of some sellers, or of all where none is named."""
    return Caller(name, roles, frozenset(sellers) or None, powers or {}, rates)


class Header(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds headers to every call."""

    def __init__(self, headers: tuple[tuple[str, str], ...]) -> None:
        self._headers = headers

    def _add(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(
            details._replace(metadata=(*(details.metadata or ()), *self._headers)), request
        )

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _add


@dataclass
class Guarded:
    """A server with an access file, and how to call it as somebody."""

    app: App
    store: Store
    channels: list[grpc.Channel] = field(default_factory=list)

    def enter(self, who: Caller) -> str:
        """Enters a caller; its token, which works by the time this returns."""
        token = self.store.create(who, "test")
        self.app.access._refresh()
        return token

    def open(self) -> grpc.Channel:
        """A connection of its own."""
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        ]
        self.channels.append(grpc.insecure_channel(f"127.0.0.1:{self.app.port}", options=options))
        return self.channels[-1]

    def calling(self, token: str) -> Running:
        """Stubs whose calls bring a token."""
        return Running(self.app, grpc.intercept_channel(self.open(), Header(bearer(token))))

    def as_caller(self, who: Caller) -> Running:
        """Stubs of a new caller."""
        return self.calling(self.enter(who))


def serve(folder: Path, text: str = "") -> Iterator[Guarded]:
    """A server with an access file in a folder; stopped at the end."""
    file = folder / "access.sqlite3"
    kept = f'[journal]\ndata_directory = "{folder}/data"\n'
    app = App(parse(f'{LOOPBACK}{kept}[access]\nfile = "{file}"\n{text}'))
    app.start()
    store = Store(file)
    guarded = Guarded(app, store)
    yield guarded
    for channel in guarded.channels:
        channel.close()
    store.close()
    app.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Guarded]]:
    """Starts a server with further settings."""
    running: list[Iterator[Guarded]] = []

    def begin(text: str = "") -> Guarded:
        running.append(serve(tmp_path, text))
        return next(running[-1])

    yield begin
    for each in running:
        next(each, None)


@pytest.fixture
def guarded(start: Callable[[], Guarded]) -> Guarded:
    """A server that asks who calls."""
    return start()


def refusal(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str, str]:
    """(code, ErrorInfo reason, message) of a call that must be refused."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    error: Any = refused.value
    return error.code(), reason_of(error), error.details()


def reason_of(error: Any) -> str:
    """The ErrorInfo reason of a google.rpc.Status."""
    status = rpc_status.from_call(error)
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    assert info.domain == "repriced"
    return info.reason


def retry_ms(error: Any) -> int:
    """The wait that a refusal's RetryInfo names."""
    status = rpc_status.from_call(error)
    assert status is not None, error
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details), "a refusal without RetryInfo"
    return int(retry.retry_delay.ToMilliseconds())


@pytest.fixture
def run_plain() -> Iterator[Callable[[], Running]]:
    """A server without an access file."""
    running: list[Iterator[Running]] = []

    def begin() -> Running:
        running.append(run())
        return next(running[-1])

    yield begin
    for each in running:
        next(each, None)
