"""What every service needs: the engine behind its writer, and how handlers are declared."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from server.writer import Writer, wall_ms

T = TypeVar("T")

CALLER = "anonymous"
"""Everybody is the same caller until callers are told apart by their token."""

INLINE_BYTES = 16_384
"""Requests up to this size are decoded at once: a thread would cost more than it saves."""

Handlers = dict[str, grpc.RpcMethodHandler[Any, Any]]
Part = tuple[InputKind, bytes]


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that services share."""

    engine: Engine
    writer: Writer
    admission: Admission
    decoders: ThreadPoolExecutor
    codec: WireCodec
    metrics: Metrics
    limits: LimitsConfig

    async def request(self, kind: InputKind, payload: bytes, context: Any) -> Answer:
        """Admits and applies request bytes. Raises RepricedError."""
        with self.admission.request(context.peer(), len(payload)):
            return (await self.apply([(kind, payload)], context))[0]

    async def apply(self, parts: Sequence[Part], context: Any) -> list[Answer]:
        """Applies the parts of an admitted request in order; counts what it sees of them."""
        started = time.perf_counter()
        remaining = context.time_remaining()
        expires = math.inf if remaining is None else time.monotonic() + remaining
        inputs = [await self._shape(kind, payload) for kind, payload in parts]
        answers = await self.writer.apply(inputs, context.peer(), expires)
        for given, answer in zip(inputs, answers, strict=True):
            self._count(given, answer, started)
        return answers

    async def read(self, look: Callable[[Engine], T]) -> T:
        """What `look` returns on the writer. Raises RepricedError."""
        with self.admission.read():
            return await self.writer.read(look)

    async def _shape(self, kind: InputKind, payload: bytes) -> Input:
        if len(payload) <= INLINE_BYTES:
            return self.engine.shape(kind, payload, CALLER)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.decoders, self.engine.shape, kind, payload, CALLER)

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

    async def call(payload: bytes, context: Any) -> bytes:
        return (await core.request(kind, payload, context)).payload

    return grpc.unary_unary_rpc_method_handler(call)


def reading(
    core: Core, request_type: type[Message], behaviour: Callable[[Any], Awaitable[Message]]
) -> grpc.RpcMethodHandler[Any, Any]:
    """Handler of a unary call that reads; a request that does not parse is an InputError."""

    async def call(payload: bytes, _: Any) -> bytes:
        request = parse(request_type, payload, core.codec.limits)
        return (await behaviour(request)).SerializeToString()

    return grpc.unary_unary_rpc_method_handler(call)
