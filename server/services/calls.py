"""What every service needs: the engine behind its writer, and how handlers are declared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from engine.errors import InputError
from engine.insights.history import History
from engine.pipeline import Engine, Input
from engine.replies import identity_of
from engine.results import Answer
from engine.schema import REPRICE_KINDS, InputKind
from engine.scope import Scope
from server.access.audit import Audit
from server.access.caller import ANONYMOUS, Caller, current_caller
from server.access.rates import Meter
from server.access.roles import POWERS
from server.admission import Admission
from server.config import LimitsConfig
from server.leaving import Leaving
from server.metrics import Metrics
from server.wire import WireCodec
from server.wire.limits import (
    HOLDING_LISTS,
    REQUESTS,
    check_nested,
    check_size,
    parse,
    rows_of,
)
from server.wire.parts import PART_ROWS, joined, split
from server.wire.schedules import with_zones
from server.writer import Work, Writer, wall_ms

T = TypeVar("T")

Handlers = dict[str, Any]


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
    meter: Meter
    audit: Audit
    leaving: Leaving
    decoders: Executor
    """A thread for each processor; parts of a large request are decoded together."""
    history: History

    @property
    def caller(self) -> Caller:
        """Who makes the call that this thread serves."""
        return current_caller()

    @property
    def scope(self) -> Scope:
        """The sellers that this call may see."""
        return current_caller().sellers

    def shape(self, kind: InputKind, payload: bytes) -> Input:
        """Request bytes as an input of this call's caller. Raises InputError.

        A repeat is known by the bytes as they came: what is added to them depends on the year.
        """
        caller = self.caller
        if kind in HOLDING_LISTS:
            check_nested(REQUESTS[kind], payload, self.codec.limits)
        if kind != InputKind.STRATEGIES:
            return self.engine.shape(kind, payload, caller.name, caller.scope)
        whole = with_zones(payload, wall_ms())
        shaped = self.engine.shape(kind, whole, caller.name, caller.scope)
        identity = identity_of(caller.name, kind, shaped.batch.request_id, payload)
        return replace(shaped, identity=identity)

    def request(self, kind: InputKind, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Admits and applies request bytes; the answer's. Raises RepricedError."""
        return joined([each.payload for each in self.answers(kind, payload, context)])

    def answers(
        self, kind: InputKind, payload: bytes, context: grpc.ServicerContext
    ) -> list[Answer]:
        """The same, the answer of each input that the request became."""
        rows = rows_of(REQUESTS[kind], payload) if kind in REQUESTS else 1
        if kind in POWERS:
            self.caller.check(POWERS[kind], rows)
        with self.admitted(payload, rows, context):
            inputs = self._inputs(kind, payload, rows)
            if kind in POWERS:
                self.caller.check(POWERS[kind], sum(each.batch.row_count for each in inputs))
            return self.apply(inputs, context)

    def _inputs(self, kind: InputKind, payload: bytes, rows: int) -> list[Input]:
        """A request as one input; a large Reprice as one for each of its parts."""
        fits = rows <= self.codec.limits.max_rows_per_call
        if kind != InputKind.REPRICE or rows <= PART_ROWS or not fits:
            return [self.shape(kind, payload)]
        check_size(payload, self.codec.limits)
        decode = partial(self.codec.decode, InputKind.REPRICE_PART)
        parts = split(payload)
        try:
            batches = list(self.decoders.map(decode, parts))
        except InputError:
            batches = []
        if not batches:
            return [self.shape(kind, payload)]
        caller = self.caller
        identity = identity_of(caller.name, kind, batches[0].request_id, payload)
        return [
            Input(InputKind.REPRICE_PART, part, batch, identity, at, caller.scope)
            for at, (part, batch) in enumerate(zip(parts, batches, strict=True))
        ]

    @contextmanager
    def admitted(self, payload: bytes, rows: int, context: grpc.ServicerContext) -> Iterator[None]:
        """A place for a request of this call's caller. Raises LimitError, DrainingError."""
        with self.admission.request(turn(context), len(payload)):
            self.meter.rows(self.caller, rows)
            yield

    def apply(self, inputs: Sequence[Input], context: grpc.ServicerContext) -> list[Answer]:
        """Applies the inputs of an admitted request in order; counts what it sees of them."""
        started = time.perf_counter()
        remaining = context.time_remaining()
        expires = math.inf if remaining is None else time.monotonic() + remaining
        work = Work(inputs, expires, context.is_active)
        answers = self.writer.apply(work, turn(context)).result()
        for given, answer in zip(inputs, answers, strict=True):
            self._count(given, answer, started)
            self.audit.applied(self.caller, given, answer.result)
        return answers

    def read(self, look: Callable[[Engine], T]) -> T:
        """What `look` returns on the writer. Raises RepricedError."""
        with self.admission.read():
            return self.writer.read(look).result()

    def _count(self, given: Input, answer: Answer, started: float) -> None:
        if answer.result is None:
            return
        for problem in answer.result.problems:
            self.metrics.refuse(problem.reason)
        if given.kind in REPRICE_KINDS:
            if given.kind == InputKind.REPRICE or given.part == 0:
                self.metrics.tick_seconds.observe(time.perf_counter() - started)
            self.metrics.offer_age_seconds.observe(wall_ms(), given.batch.rows["event_ms"])
        elif given.kind == InputKind.FEEDBACK:
            self.metrics.feedback_delay_seconds.observe(wall_ms(), given.batch.rows["event_ms"])


def turn(context: grpc.ServicerContext) -> str:
    """Whose queue a request waits in: its caller's, of an anonymous one its connection's."""
    caller = current_caller()
    return context.peer() if caller is ANONYMOUS else caller.name


def mutation(core: Core, kind: InputKind) -> grpc.RpcMethodHandler[Any, Any]:
    """Handler of a unary call that changes the state: bytes in, bytes out."""

    def call(payload: bytes, context: grpc.ServicerContext) -> bytes:
        return core.request(kind, payload, context)

    return grpc.unary_unary_rpc_method_handler(call)


def reading(
    core: Core, request_type: type[Message], behaviour: Callable[[Any], Message]
) -> grpc.RpcMethodHandler[Any, Any]:
    """Handler of a unary call that reads; a request that does not parse is an InputError."""

    def call(payload: bytes, _: Any) -> bytes:
        request = parse(request_type, payload, core.codec.limits)
        return behaviour(request).SerializeToString()

    return grpc.unary_unary_rpc_method_handler(call)
