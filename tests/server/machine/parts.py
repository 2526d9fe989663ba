"""What of a server is the test's: its transport, its writer's thread, its disk and its clock."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status._common import GRPC_DETAILS_METADATA_KEY  # type: ignore[import-untyped]

from server.config import LimitsConfig
from server.metrics import Metrics
from server.writer import EXIT_JOURNAL_FAILED, Turn, Work, Writer
from tests.engine.journal.disk import SimulatedDisk


class EndedError(BaseException):
    """The process ended itself, because the disk failed."""


class GoneError(Exception):
    """What a caller sees when the server goes away during its call."""


def ended(code: int) -> None:
    """In the place of `os._exit`: only a disk that failed may end a server."""
    assert code == EXIT_JOURNAL_FAILED, "the writer failed"
    raise EndedError


class HandWriter(Writer):
    """The server's writer, run by whoever waits for answers, so that every turn is repeatable.

    `order` holds the names of the threads whose requests were taken, in the order of the journal.
    """

    def __init__(self, engine: Any, limits: LimitsConfig, metrics: Metrics) -> None:
        super().__init__(engine, limits, metrics, ended)
        self.order: list[str] = []
        self.queued = 0
        self._names: dict[Work, str] = {}
        self._futures: list[Future[Any]] = []

    def start(self) -> None:
        """There is no thread."""

    def stop(self) -> None:
        """There is no thread."""

    def apply(self, work: Work, connection: str) -> Future[Any]:
        """Like that of Writer; notes whose request it is."""
        with self._changed:
            self._names[work] = threading.current_thread().name
            return self._noted(super().apply(work, connection))

    def read(self, look: Callable[[Any], Any]) -> Future[Any]:
        """Like that of Writer."""
        with self._changed:
            return self._noted(super().read(look))

    def _noted(self, future: Future[Any]) -> Future[Any]:
        self.queued += 1
        self._futures.append(future)
        return future

    def _take_groups(self) -> list[list[Turn]]:
        groups = super()._take_groups()
        self.order += [self._names[each.work] for group in groups for each in group]
        return groups

    def wait(self, ready: Callable[[], bool]) -> None:
        """Waits until something is so that other threads change."""
        with self._changed:
            self._changed.wait_for(ready)

    def tell(self) -> None:
        """Wakes `wait`."""
        with self._changed:
            self._changed.notify_all()

    def turn(self, finished: Callable[[], bool]) -> None:
        """Serves until `finished`. Raises CrashError, EndedError."""
        self._stopped = True  # Then a run ends where nothing is queued.
        while not finished():
            self.wait(lambda: bool(self._queues or self._reads) or finished())
            self._run()

    def abandon(self) -> None:
        """Fails whoever still waits, as the end of a process does."""
        for each in self._futures:
            if not each.done():
                each.set_exception(GoneError())
        self.tell()

    def rest(self) -> None:
        """Forgets what is over."""
        self._futures = [each for each in self._futures if not each.done()]
        self._names = {}
        self.order = []


class EngineOnly:
    """In the place of `server.leaving.Leaving`: who is erased stays in the access file, which all
    stories share, and a start does not go on with an erasure."""

    def __init__(self, *_: Any) -> None:
        pass

    def erase(self, _: str, apply: Callable[[], Any]) -> Any:
        """The engine's part."""
        return apply()

    def finish(self, _: Any) -> None:
        """Nothing was begun."""


class Transport:
    """In the place of gRPC's server: handlers and interceptor are real, the wire is not."""

    def __init__(self, *_: Any, interceptors: list[Any], **__: Any) -> None:
        self._interceptor = interceptors[0]
        self._handlers: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Takes services."""
        self._handlers += handlers

    def add_registered_method_handlers(self, *_: Any) -> None:
        """What gRPC's generated code registers a second time."""

    def _found(self, details: Any) -> Any:
        found = (each.service(details) for each in self._handlers)
        return next((each for each in found if each is not None), None)

    def call(self, call: Call) -> list[bytes]:
        """Messages of an answer. Raises RefusedError."""
        details: Any = SimpleNamespace(
            method=f"/repriced.v1.{call.method}",
            invocation_metadata=(("authorization", f"Bearer {call.token}"),),
        )
        handler = self._interceptor.intercept_service(self._found, details)
        context = Context()
        if handler.unary_unary:
            return [handler.unary_unary(call.payload, context)]
        if handler.unary_stream:
            return list(taken(handler.unary_stream(call.payload, context), call.messages, context))
        return list(taken(handler.stream_stream(iter([call.payload]), context), 1, context))


def taken(answers: Iterator[bytes], count: int, context: Context) -> Iterator[bytes]:
    """So many answers of a stream, whose reader then goes; 0: all of them."""
    for done, each in enumerate(answers, 1):
        yield each
        if done == count:
            context.active = False


@dataclass
class Call:
    """A call on its way. `messages`: so many are read of a stream, 0 all of them."""

    method: str
    payload: bytes
    token: str
    messages: int = 0


class RefusedError(Exception):
    """A call ended with a status: its code's name and the reason in its ErrorInfo."""

    def __init__(self, code: str, reason: str, message: str) -> None:
        super().__init__(code, reason, message)
        self.code, self.reason = code, reason


@dataclass
class Context:
    """What a handler needs of gRPC's context."""

    active: bool = True
    callbacks: list[Any] = field(default_factory=list)

    def peer(self) -> str:
        """An anonymous connection; nobody here is anonymous."""
        return "test"

    def time_remaining(self) -> None:
        """No deadline."""

    def is_active(self) -> bool:
        """Whether the caller still waits."""
        return self.active

    def auth_context(self) -> dict[str, Any]:
        """No certificate."""
        return {}

    def abort_with_status(self, status: Any) -> NoReturn:
        """Ends the call."""
        found = status_pb2.Status.FromString(
            dict(status.trailing_metadata)[GRPC_DETAILS_METADATA_KEY]
        )
        info = error_details_pb2.ErrorInfo()
        named = any(each.Unpack(info) for each in found.details)
        raise RefusedError(status.code.name, info.reason if named else "", found.message)


class RoomyDisk(SimulatedDisk):
    """A simulated disk that can be full for a while: a write then leaves `part` of 8 parts."""

    full = False
    part = 0

    def close(self) -> None:
        """The directory belongs to the test."""

    def step(self, what: str, act: Callable[[int], None] = lambda part: None) -> None:
        """Like that of SimulatedDisk."""
        if not self.full or what not in {"write", "create"}:
            super().step(what, act)
            return
        self.operations.append(what)
        if what == "write":
            act(self.part)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
