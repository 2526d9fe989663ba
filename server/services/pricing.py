"""PricingService: offers and feedback in, prices and their explanation out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import Message

from engine.decisions import DecisionLog
from engine.errors import InputError, LimitError, NotFoundError
from engine.explain import Explanation, conclude, gather
from engine.guards.holds import all_holds
from engine.pipeline import Engine
from engine.schema import REPRICE_KINDS, InputKind
from engine.scope import Scope
from engine.wire import answer_of_stream
from repriced.v1 import pricing_pb2
from server.access.caller import current_pass
from server.services.calls import Core, Handlers, mutation, reading
from server.services.catalog import find_listing, listing_address
from server.services.explain import explain_message
from server.services.pages import page_size, page_start, page_token
from server.wire import evaluate_answer, watch_message
from server.wire.guards import hold_message
from server.wire.limits import parse, part_of
from server.wire.reprice import decode_alone, snapshot_naming
from server.writer import wall_ms

NAME = "repriced.v1.PricingService"
LOOK_S = 0.5
"""A stream without news looks so often whether its reader has gone or the server stops."""


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    calls = Pricing(core)
    return {
        "Reprice": mutation(core, InputKind.REPRICE),
        "ReportFeedback": mutation(core, InputKind.FEEDBACK),
        "ReportStock": mutation(core, InputKind.STOCK),
        "PauseRepricing": mutation(core, InputKind.PAUSE),
        "ResumeRepricing": mutation(core, InputKind.RESUME),
        "StopRepricing": mutation(core, InputKind.STOP),
        "RestartRepricing": mutation(core, InputKind.RESTART),
        "ReleaseHeld": mutation(core, InputKind.RELEASE),
        "DiscardHeld": mutation(core, InputKind.DISCARD),
        "RestorePrices": mutation(core, InputKind.RESTORE),
        "ListHeld": reading(core, pricing_pb2.ListHeldRequest, calls.list_held),
        "StreamReprice": grpc.stream_stream_rpc_method_handler(calls.stream_reprice),
        "WatchDecisions": grpc.unary_stream_rpc_method_handler(calls.watch_decisions),
        "ExplainPrice": reading(core, pricing_pb2.ExplainPriceRequest, calls.explain_price),
        "EvaluatePrice": grpc.unary_unary_rpc_method_handler(calls.evaluate_price),
    }


class Pricing:
    """Streams and reads."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def stream_reprice(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Batches of a stream, answered in order; the next one is read after the answer."""
        with self._core.admission.stream():
            for payload in requests:
                inner = inner_request(payload, self._core)
                yield answer_of_stream(self._core.request(InputKind.REPRICE, inner, context))

    def watch_decisions(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Decisions as they are made, from a cursor on."""
        request = parse(pricing_pb2.WatchDecisionsRequest, payload, self._core.codec.limits)
        with self._core.admission.stream():
            log = self._core.engine.decisions
            cursor = first_cursor(request, log)
            while context.is_active():
                if not log.wait(cursor, LOOK_S):
                    self._core.admission.check_open()
                    current_pass().check()
                    continue
                message = next_decisions(self._core, cursor, request.seller_id, self._core.scope)
                cursor = message.cursor
                if message.decisions or message.set_aside or message.withdrawals:
                    yield message.SerializeToString()

    def explain_price(self, request: Any) -> Message:
        """Why a listing has its price, and why it did not change."""
        address, scope = listing_address(request), self._core.scope

        found = self._core.read(
            lambda engine: gather(engine.catalog, find_listing(engine.catalog, address, scope))
        )
        snapshot = self._last_snapshot(found)
        batch = decode_alone(snapshot, self._core.codec.limits) if snapshot else None

        def look(engine: Engine) -> Message:
            conclude(engine.state, found, batch)
            message: Message = explain_message(engine.state, found, snapshot)
            return message

        return self._core.read(look)

    def _last_snapshot(self, found: Explanation) -> pricing_pb2.OfferSnapshot | None:
        """The snapshot that was evaluated last, from the journal, on the caller's thread."""
        sequence = found.record.sequence
        frame = self._core.engine.journal.read_aside(sequence) if sequence else None
        if frame is None or frame.kind not in REPRICE_KINDS:
            return None
        return snapshot_naming(bytes(frame.payload), found.addresses)

    def evaluate_price(self, payload: bytes, _: Any) -> bytes:
        """What snapshots would lead to; changes nothing."""
        batch, scope = self._core.codec.decode_evaluate(payload), self._core.scope
        result = self._core.read(lambda engine: engine.evaluate_prices(batch, wall_ms(), scope))
        return evaluate_answer(result).SerializeToString()

    def list_held(self, request: Any) -> Message:
        """What waits for a person, of a seller or of all."""
        query = f"held of {request.seller_id}"
        size = page_size(request.page_size)
        after = page_start(query, request.page_token, 0)
        scope = self._core.scope

        def look(engine: Engine) -> Message:
            state = engine.state
            guards, catalog = state.guards, state.catalog
            wanted = catalog.seller_at.get(request.seller_id, -1)
            holds = [
                each
                for each in all_holds(guards, catalog, state.now_ms, scope)
                if each.hold_id > after
                and (not request.seller_id or guards.watch.groups[each.group][0] == wanted)
            ]
            more = len(holds) > size
            return pricing_pb2.ListHeldResponse(
                holds=[hold_message(guards, catalog, each) for each in holds[:size]],
                next_page_token=page_token(query, holds[size - 1].hold_id) if more else "",
            )

        return self._core.read(look)


def first_cursor(request: Any, log: DecisionLog) -> int:
    """Where a watcher begins. Raises InputError, and NotFoundError when that is pruned."""
    if not request.HasField("after_decision_id"):
        return log.last_id
    cursor = int(request.after_decision_id)
    if cursor > log.last_id:
        raise InputError(
            f"after_decision_id is {cursor}; allowed: up to {log.last_id}, the newest decision",
            reason="CURSOR_IN_FUTURE",
            field="after_decision_id",
        )
    log.after(cursor, 1)
    return cursor


def next_decisions(
    core: Core, cursor: int, seller_id: str, scope: Scope
) -> pricing_pb2.WatchDecisionsResponse:
    """Decisions after the cursor, of one seller or of all inside the scope.

    Raises LimitError for a reader so slow that the next one is no longer kept. Keys may be read
    here, beside the writer: an id never changes its key.
    """
    try:
        records = core.engine.decisions.after(cursor, core.limits.watch_batch)
    except NotFoundError as error:
        raise LimitError(
            f"the stream fell behind: decision {cursor + 1} is no longer kept",
            reason="CURSOR_TOO_OLD",
        ) from error
    return watch_message(core.engine.catalog, records, seller_id, scope)


def inner_request(payload: bytes, core: Core) -> bytes:
    """The RepriceRequest inside a stream's message, unparsed. Raises InputError."""
    return part_of(pricing_pb2.StreamRepriceRequest, "request", payload, core.codec.limits)
