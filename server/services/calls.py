"""What every service needs: the engine behind its writer, and how handlers are declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from engine.pipeline import Answer, Engine
from engine.schema import InputKind
from server.config import LimitsConfig
from server.metrics import Metrics
from server.wire import WireCodec
from server.writer import Writer

CALLER = "anonymous"
"""Everybody is the same caller until callers are told apart by their token."""

Handlers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that services share."""

    engine: Engine
    writer: Writer
    codec: WireCodec
    metrics: Metrics
    limits: LimitsConfig

    def apply(
        self, kind: InputKind, payload: bytes, connection: str, timeout_s: float | None
    ) -> Answer:
        """Shapes and applies request bytes; counts refused rows. Raises RepricedError."""
        answer = self.writer.submit(self.engine.shape(kind, payload, CALLER), connection, timeout_s)
        for problem in answer.result.problems:
            self.metrics.refuse(problem.reason)
        return answer


def mutation(core: Core, kind: InputKind) -> Any:
    """Handler of a unary call that changes the state: bytes in, bytes out."""

    def call(payload: bytes, context: grpc.ServicerContext) -> bytes:
        return core.apply(kind, payload, context.peer(), context.time_remaining()).payload

    return grpc.unary_unary_rpc_method_handler(call)


def reading(behaviour: Callable[..., Any], request: Any) -> Any:
    """Handler of a unary call that reads: generated messages in and out."""
    return grpc.unary_unary_rpc_method_handler(
        behaviour,
        request_deserializer=request.FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
