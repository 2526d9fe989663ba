"""The whole error policy and the call metrics, around every handler of `repriced.v1`.

InputError     INVALID_ARGUMENT    BadRequest, ErrorInfo
NotFoundError  NOT_FOUND           ErrorInfo
ConflictError  ALREADY_EXISTS      ErrorInfo
LimitError     RESOURCE_EXHAUSTED  ErrorInfo, RetryInfo
DrainingError  UNAVAILABLE         ErrorInfo, RetryInfo
DeadlineError  DEADLINE_EXCEEDED   ErrorInfo
ApplyError     INTERNAL            ErrorInfo
anything else  INTERNAL            logged; nothing of it is told
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
)
from server.logs import logger
from server.metrics import CallMetrics, Metrics

DOMAIN = "repriced"
DRAIN_RETRY_MS = 1_000
MESSAGE_BYTES = 600
"""Longer messages are cut: trailers hold them three times and are limited to 8 KiB."""

CODES: dict[type[RepricedError], grpc.StatusCode] = {
    InputError: grpc.StatusCode.INVALID_ARGUMENT,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    LimitError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DrainingError: grpc.StatusCode.UNAVAILABLE,
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
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
    """Turns errors into statuses and counts every call that the metrics know by name."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        """The handler of a call, wrapped; health and reflection stay as they are."""
        handler = continuation(details)
        counted = self._metrics.calls.get(details.method)
        if handler is None or counted is None:
            return handler
        if handler.unary_unary:
            one = self._one(handler.unary_unary, counted)
            return grpc.unary_unary_rpc_method_handler(one)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._many(handler.unary_stream, counted))
        return grpc.stream_stream_rpc_method_handler(self._many(handler.stream_stream, counted))

    def _one(self, behaviour: Callable[..., Any], counted: CallMetrics) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            started = counted.begin()
            code = grpc.StatusCode.OK
            try:
                return behaviour(request, context)
            except Exception as error:
                code = self._note(error, counted)
                self._abort(error, context)
            finally:
                counted.end(code.name, started)

        return call

    def _many(self, behaviour: Callable[..., Any], counted: CallMetrics) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = counted.begin()
            code = grpc.StatusCode.OK
            try:
                yield from behaviour(request, context)
            except GeneratorExit:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception as error:
                if not context.is_active():
                    code = grpc.StatusCode.CANCELLED
                    return
                code = self._note(error, counted)
                self._abort(error, context)
            finally:
                counted.end(code.name, started)

        return call

    def _note(self, error: Exception, counted: CallMetrics) -> grpc.StatusCode:
        """Counts a refusal, or logs what should not have happened."""
        if isinstance(error, RepricedError) and type(error) in CODES:
            self._metrics.refuse(error.reason)
        else:
            logger().error("call_failed", method=counted.method, exc_info=error)
        return code_of(error)

    def _abort(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        context.abort_with_status(rpc_status.to_status(status_of(error)))
        raise AssertionError("abort raises")
