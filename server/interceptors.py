"""Access, the whole error policy and the call metrics, around every handler.

InputError            INVALID_ARGUMENT    BadRequest, ErrorInfo
NotFoundError         NOT_FOUND           ErrorInfo
ConflictError         ALREADY_EXISTS      ErrorInfo
StateError            FAILED_PRECONDITION PreconditionFailure, ErrorInfo
LimitError            RESOURCE_EXHAUSTED  ErrorInfo, RetryInfo
DrainingError         UNAVAILABLE         ErrorInfo, RetryInfo
DeadlineError         DEADLINE_EXCEEDED   ErrorInfo
UnauthenticatedError  UNAUTHENTICATED     ErrorInfo
DeniedError           PERMISSION_DENIED   ErrorInfo
ApplyError            INTERNAL            ErrorInfo
anything else         INTERNAL            logged; nothing of it is told
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from engine.errors import (
    ApplyError,
    ConflictError,
    DeadlineError,
    DrainingError,
    InputError,
    JournalFullError,
    LimitError,
    NotFoundError,
    RepricedError,
    StateError,
)
from server.access.caller import Pass
from server.access.door import Door
from server.access.errors import DeniedError, UnauthenticatedError
from server.access.roles import OPEN
from server.logs import logger
from server.metrics import CallMetrics, Metrics
from server.streams import Stream, StreamWatch

DOMAIN = "repriced"
DRAIN_RETRY_MS = 1_000
MESSAGE_BYTES = 600
"""Longer messages are cut: trailers hold them three times and are limited to 8 KiB."""

CODES: dict[type[RepricedError], grpc.StatusCode] = {
    InputError: grpc.StatusCode.INVALID_ARGUMENT,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    StateError: grpc.StatusCode.FAILED_PRECONDITION,
    LimitError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DrainingError: grpc.StatusCode.UNAVAILABLE,
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    DeniedError: grpc.StatusCode.PERMISSION_DENIED,
    ApplyError: grpc.StatusCode.INTERNAL,
    JournalFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def code_of(error: Exception) -> grpc.StatusCode:
    """Status code of any error."""
    return CODES.get(type(error), grpc.StatusCode.INTERNAL)  # type: ignore[arg-type]


def status_of(error: Exception) -> status_pb2.Status:
    """google.rpc.Status of any error; of one outside the tree it tells nothing."""
    if not isinstance(error, RepricedError) or type(error) not in CODES:
        message = "internal error; the server's log has the details"
        return status_pb2.Status(code=code_pb2.INTERNAL, message=message)
    message = cut(error.message)
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)]
    if isinstance(error, InputError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=message, reason=error.reason
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, StateError):
        unmet = error_details_pb2.PreconditionFailure.Violation(
            type=error.reason, subject=error.field, description=message
        )
        details.append(error_details_pb2.PreconditionFailure(violations=[unmet]))
    wait_ms = retry_after_ms(error)
    if wait_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(wait_ms)
        details.append(retry)
    status = status_pb2.Status(code=code_of(error).value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def retry_after_ms(error: RepricedError) -> int:
    """When the same request may succeed; 0: not as it is."""
    if isinstance(error, LimitError):
        return error.retry_after_ms
    return DRAIN_RETRY_MS if isinstance(error, DrainingError) else 0


def cut(message: str) -> str:
    """The message, short enough for a trailer."""
    whole = message.encode()
    if len(whole) <= MESSAGE_BYTES:
        return message
    return whole[:MESSAGE_BYTES].decode(errors="ignore") + "..."


class Interceptor(grpc.ServerInterceptor):
    """Lets calls in, turns errors into statuses, and counts the calls that metrics know by name."""

    def __init__(self, metrics: Metrics, door: Door, streams: StreamWatch) -> None:
        self._metrics = metrics
        self._door = door
        self._streams = streams

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        """The handler of a call, wrapped. A stranger's is replaced before its request is read."""
        handler = continuation(details)
        if handler is None:
            self._metrics.refuse("UNKNOWN_METHOD")
            return None
        if details.method in OPEN:
            return handler
        call = Call(details.method, self._metrics.calls.get(details.method))
        try:
            call.entry = self._door.by_metadata(details.invocation_metadata or ())
            if call.entry is not None:
                self._door.check_role(call.entry, call.method)
        except RepricedError as error:
            return grpc.stream_stream_rpc_method_handler(self._refusal(error, call))
        if handler.unary_unary:
            wrap, behaviour = grpc.unary_unary_rpc_method_handler, self._one(handler, call)
        elif handler.unary_stream:
            wrap, behaviour = grpc.unary_stream_rpc_method_handler, self._many(handler, call)
        else:
            wrap, behaviour = grpc.stream_stream_rpc_method_handler, self._many(handler, call)
        return wrap(behaviour, handler.request_deserializer, handler.response_serializer)

    def _refusal(self, error: RepricedError, call: Call) -> Callable[..., Any]:
        """A handler that reads nothing and answers the error."""

        def refuse(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = call.begin()
            call.end(self._note(error, call), started)
            self._abort(error, context)
            yield

        return refuse

    @contextmanager
    def _entered(self, call: Call, context: grpc.ServicerContext) -> Iterator[Pass]:
        """The caller inside, with role and place. Raises RepricedError."""
        entry = call.entry
        if entry is None:
            entry = self._door.by_certificate(context)
            self._door.check_role(entry, call.method)
        with self._door.call(entry):
            yield entry

    def _one(self, handler: Any, call: Call) -> Callable[..., Any]:
        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            started = call.begin()
            code = grpc.StatusCode.OK
            try:
                with self._entered(call, context):
                    return handler.unary_unary(request, context)
            except Exception as error:
                code = self._note(error, call)
                self._abort(error, context)
            finally:
                call.end(code, started)

        return serve

    def _many(self, handler: Any, call: Call) -> Callable[..., Any]:
        def serve(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = call.begin()
            code = grpc.StatusCode.OK
            try:
                with self._entered(call, context) as entry:
                    yield from self._watched(handler, request, Stream(call.method, context, entry))
            except GeneratorExit:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception as error:
                if not context.is_active():
                    code = grpc.StatusCode.CANCELLED
                    return
                code = self._note(error, call)
                self._abort(error, context)
            finally:
                call.end(code, started)

        return serve

    def _watched(self, handler: Any, request: Any, stream: Stream) -> Iterator[Any]:
        """Answers of a stream, as long as they are read and the caller keeps its rights."""
        if handler.stream_stream:
            answers = handler.stream_stream(checked(request, stream.entry), stream.context)
        else:
            answers = handler.unary_stream(request, stream.context)
        self._streams.add(stream)
        try:
            for answer in answers:
                stream.entry.check()
                stream.sending()
                yield answer
                stream.sent()
        finally:
            self._streams.remove(stream)

    def _note(self, error: Exception, call: Call) -> grpc.StatusCode:
        """Counts a refusal, or logs what should not have happened."""
        if isinstance(error, RepricedError) and type(error) in CODES:
            self._metrics.refuse(error.reason)
        else:
            logger().error("call_failed", method=call.method, exc_info=error)
        return code_of(error)

    def _abort(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        context.abort_with_status(rpc_status.to_status(status_of(error)))
        raise AssertionError("abort raises")


@dataclass(slots=True)
class Call:
    """One call: its method, its metrics where it has some, and whom its headers stand for."""

    method: str
    counted: CallMetrics | None
    entry: Pass | None = None

    def begin(self) -> float:
        """Counts that it began."""
        return 0.0 if self.counted is None else self.counted.begin()

    def end(self, code: grpc.StatusCode, started: float) -> None:
        """Counts how it ended."""
        if self.counted is not None:
            self.counted.end(code.name, started)


def checked(requests: Iterator[Any], entry: Pass) -> Iterator[Any]:
    """Requests of a stream, each taken only while the caller keeps its rights."""
    for request in requests:
        entry.check()
        yield request
