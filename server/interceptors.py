"""The whole error policy and the call metrics, around every handler.

InputError     INVALID_ARGUMENT    BadRequest, ErrorInfo
NotFoundError  NOT_FOUND           ErrorInfo
ConflictError  ALREADY_EXISTS      ErrorInfo
LimitError     RESOURCE_EXHAUSTED  ErrorInfo, RetryInfo
DrainingError  UNAVAILABLE         ErrorInfo, RetryInfo
DeadlineError  DEADLINE_EXCEEDED   ErrorInfo
anything else  INTERNAL            logged; nothing of it is told
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from engine.errors import (
    ConflictError,
    DrainingError,
    InputError,
    LimitError,
    NotFoundError,
    RepricedError,
)
from server.logs import logger
from server.metrics import Metrics
from server.writer import DeadlineError

DOMAIN = "repriced"
DRAIN_RETRY_MS = 1_000
CODES: dict[type[RepricedError], grpc.StatusCode] = {
    InputError: grpc.StatusCode.INVALID_ARGUMENT,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    LimitError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DrainingError: grpc.StatusCode.UNAVAILABLE,
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
}


def status_of(error: RepricedError) -> status_pb2.Status:
    """google.rpc.Status of an error of the tree."""
    code = CODES.get(type(error), grpc.StatusCode.INTERNAL)
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)]
    if isinstance(error, InputError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=error.message, reason=error.reason
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    wait_ms = DRAIN_RETRY_MS if isinstance(error, DrainingError) else 0
    if isinstance(error, LimitError):
        wait_ms = error.retry_after_ms
    if wait_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(wait_ms)
        details.append(retry)
    status = status_pb2.Status(code=code.value[0], message=error.message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


class Interceptor(grpc.ServerInterceptor):
    """Turns errors into statuses and counts every call."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        """Wraps the handler of a call."""
        handler = continuation(details)
        if handler is None:
            return None
        coding = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._one(handler.unary_unary), **coding)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._many(handler.unary_stream), **coding)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._many(handler.stream_stream), **coding
            )
        return handler

    def _one(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            started = self._begin()
            try:
                answer = behaviour(request, context)
            except Exception as error:
                self._fail(error, context, started)
            self._end("OK", started)
            return answer

        return call

    def _many(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = self._begin()
            code = "CANCELLED"
            try:
                yield from behaviour(request, context)
                code = "OK"
            except GeneratorExit:
                raise
            except Exception as error:
                code = ""
                self._fail(error, context, started)
            finally:
                if code:
                    self._end(code, started)

        return call

    def _begin(self) -> float:
        self._metrics.grpc_started.inc()
        return time.perf_counter()

    def _end(self, code: str, started: float) -> None:
        self._metrics.grpc_handled.labels(code).inc()
        self._metrics.grpc_seconds.observe(time.perf_counter() - started)

    def _fail(self, error: Exception, context: grpc.ServicerContext, started: float) -> NoReturn:
        if isinstance(error, RepricedError):
            self._metrics.refuse(error.reason)
            self._end(CODES.get(type(error), grpc.StatusCode.INTERNAL).name, started)
            context.abort_with_status(rpc_status.to_status(status_of(error)))
        self._end("INTERNAL", started)
        logger().error("call_failed", exc_info=error)
        context.abort(grpc.StatusCode.INTERNAL, "internal error; the server's log has the details")
        raise AssertionError("abort raises")
