"""What every service needs: the engine behind its writer, and how handlers are declared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from engine.pipeline import Answer, Engine, Input
from engine.schema import InputKind
from server.admission import Admission
from server.config import LimitsConfig
from server.metrics import Metrics
from server.wire import WireCodec
from server.wire.limits import parse
from server.writer import Work, Writer, wall_ms

T = TypeVar("T")

CALLER = "anonymous"
"""Everybody is the same caller until callers are told apart by their token."""

Handlers = dict[str, Any]
Part = tuple[InputKind, bytes]


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that services share."""

    engine: Engine
    writer: Writer
    admission: Admission
    codec: WireCodec
    metrics: Metrics
    limits: LimitsConfig
    claims_folder: Path

    def request(self, kind: InputKind, payload: bytes, context: grpc.ServicerContext) -> Answer:
        """Admits and applies request bytes. Raises RepricedError."""
        with self.admission.request(context.peer(), len(payload)):
            return self.apply([(kind, payload)], context)[0]

    def apply(self, parts: Sequence[Part], context: grpc.ServicerContext) -> list[Answer]:
        """Applies the parts of an admitted request in order; counts what it sees of them."""
        started = time.perf_counter()
        remaining = context.time_remaining()
        expires = math.inf if remaining is None else time.monotonic() + remaining
        inputs = [self.engine.shape(kind, payload, CALLER) for kind, payload in parts]
        work = Work(inputs, expires, context.is_active)
        answers = self.writer.apply(work, context.peer()).result()
        for given, answer in zip(inputs, answers, strict=True):
            self._count(given, answer, started)
        return answers

    def read(self, look: Callable[[Engine], T]) -> T:
        """What `look` returns on the writer. Raises RepricedError."""
        with self.admission.read():
            return self.writer.read(look).result()

    def _count(self, given: Input, answer: Answer, started: float) -> None:
        for problem in answer.result.problems:
            self.metrics.refuse(problem.reason)
        if given.kind == InputKind.REPRICE:
            self.metrics.tick_seconds.observe(time.perf_counter() - started)
            self.metrics.offer_age_seconds.observe(wall_ms(), given.batch.rows["event_ms"])
        elif given.kind == InputKind.FEEDBACK:
            self.metrics.feedback_delay_seconds.observe(wall_ms(), given.batch.rows["event_ms"])


def mutation(core: Core, kind: InputKind) -> grpc.RpcMethodHandler[Any, Any]:
    """Handler of a unary call that changes the state: bytes in, bytes out."""

    def call(payload: bytes, context: grpc.ServicerContext) -> bytes:
        return core.request(kind, payload, context).payload

    return grpc.unary_unary_rpc_method_handler(call)


def reading(
    core: Core, request_type: type[Message], behaviour: Callable[[Any], Message]
) -> grpc.RpcMethodHandler[Any, Any]:
    """Handler of a unary call that reads; a request that does not parse is an InputError."""

    def call(payload: bytes, _: Any) -> bytes:
        request = parse(request_type, payload, core.codec.limits)
        return behaviour(request).SerializeToString()

    return grpc.unary_unary_rpc_method_handler(call)
