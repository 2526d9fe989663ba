"""PricingService: offers and feedback in, prices and their explanation out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from engine.decisions import DecisionLog
from engine.errors import InputError, LimitError
from engine.explain import Explanation, explain
from engine.pipeline import Engine
from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from server.services.calls import Core, Handlers, mutation, reading
from server.services.catalog import find_listing, listing_address
from server.services.explain import explain_message
from server.wire import decision_message, evaluate_answer
from server.writer import wall_ms

NAME = "repriced.v1.PricingService"
LOOK_S = 0.5
"""How often a stream without news looks whether its reader has gone."""


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    calls = Pricing(core)
    watch = grpc.unary_stream_rpc_method_handler(
        calls.watch_decisions,
        request_deserializer=pricing_pb2.WatchDecisionsRequest.FromString,
        response_serializer=pricing_pb2.WatchDecisionsResponse.SerializeToString,
    )
    return {
        "Reprice": mutation(core, InputKind.REPRICE),
        "ReportFeedback": mutation(core, InputKind.FEEDBACK),
        "ReportStock": mutation(core, InputKind.STOCK),
        "PauseRepricing": mutation(core, InputKind.PAUSE),
        "ResumeRepricing": mutation(core, InputKind.RESUME),
        "StreamReprice": grpc.stream_stream_rpc_method_handler(calls.stream_reprice),
        "WatchDecisions": watch,
        "ExplainPrice": reading(calls.explain_price, pricing_pb2.ExplainPriceRequest),
        "EvaluatePrice": grpc.unary_unary_rpc_method_handler(
            calls.evaluate_price,
            response_serializer=pricing_pb2.EvaluatePriceResponse.SerializeToString,
        ),
    }


class Pricing:
    """Streams and reads."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._streams = threading.BoundedSemaphore(core.limits.streams)

    def _enter_stream(self) -> None:
        if not self._streams.acquire(blocking=False):
            raise LimitError(
                f"{self._core.limits.streams} streams are open; allowed:"
                f" {self._core.limits.streams}",
                reason="TOO_MANY_STREAMS",
                retry_after_ms=1_000,
            )

    def stream_reprice(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Batches of a stream, answered in order."""
        self._enter_stream()
        try:
            for payload in requests:
                answer = self._core.apply(
                    InputKind.REPRICE, inner_request(payload), context.peer(), None
                )
                yield outer_answer(answer.payload)
        finally:
            self._streams.release()

    def watch_decisions(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Decisions as they are made, from a cursor on."""
        self._enter_stream()
        try:
            yield from self._watch(request, context)
        finally:
            self._streams.release()

    def _watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        log: DecisionLog = self._core.engine.decisions
        resumes = request.HasField("after_decision_id")
        cursor = request.after_decision_id if resumes else log.last_id
        if cursor > log.last_id:
            raise InputError(
                f"after_decision_id is {cursor}; the newest decision is {log.last_id}",
                reason="CURSOR_IN_FUTURE",
                field="after_decision_id",
            )
        while context.is_active():
            if not log.wait(cursor, LOOK_S):
                continue
            records = log.after(cursor, self._core.limits.watch_batch)
            cursor = int(records["decision_id"][-1])
            catalog = self._core.engine.catalog
            messages = [decision_message(catalog, each, True) for each in records]
            if request.seller_id:
                messages = [each for each in messages if each.key.seller_id == request.seller_id]
            if messages:
                yield pricing_pb2.WatchDecisionsResponse(decisions=messages, cursor=cursor)

    def explain_price(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Why a listing has its price, and why it did not change."""
        address = listing_address(request)

        def look(engine: Engine) -> tuple[Explanation, Any]:
            found = explain(engine, find_listing(engine.catalog, address))
            return found, explain_message(engine.catalog, found)

        return self._core.writer.read(look)[1]

    def evaluate_price(self, payload: bytes, _: grpc.ServicerContext) -> Any:
        """What snapshots would lead to; changes nothing."""
        batch = self._core.codec.decode_evaluate(payload)
        result = self._core.writer.read(lambda engine: engine.evaluate_prices(batch, wall_ms()))
        return evaluate_answer(result)


def inner_request(payload: bytes) -> bytes:
    """The RepriceRequest inside a stream's message. Raises InputError."""
    try:
        message = pricing_pb2.StreamRepriceRequest.FromString(payload)
    except DecodeError as error:
        raise InputError(
            f"request: not a StreamRepriceRequest ({error})", reason="MALFORMED_REQUEST"
        ) from error
    return message.request.SerializeToString()


def outer_answer(payload: bytes) -> bytes:
    """A RepriceResponse as message of the stream."""
    response = pricing_pb2.RepriceResponse.FromString(payload)
    return pricing_pb2.StreamRepriceResponse(response=response).SerializeToString()
