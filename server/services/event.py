"""EventService: what the guards did, as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from engine.errors import InputError, LimitError, NotFoundError
from engine.guards import EventLog
from engine.scope import Scope, inside
from repriced.v1 import event_pb2
from server.access.caller import current_pass
from server.services.calls import Core, Handlers
from server.services.pricing import LOOK_S
from server.wire.guards import event_message
from server.wire.limits import parse

NAME = "repriced.v1.EventService"


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    service = Events(core)
    return {"WatchEvents": grpc.unary_stream_rpc_method_handler(service.watch_events)}


class Events:
    """The stream of events."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def watch_events(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Events as they happen, from a cursor on."""
        request = parse(event_pb2.WatchEventsRequest, payload, self._core.codec.limits)
        with self._core.admission.stream():
            log = self._core.engine.state.guards.events
            cursor = first_cursor(request, log)
            while context.is_active():
                if not log.wait(cursor, LOOK_S):
                    self._core.admission.check_open()
                    current_pass().check()
                    continue
                message = next_events(self._core, log, cursor, request.seller_id, self._core.scope)
                cursor = message.cursor
                if message.events:
                    yield message.SerializeToString()


def first_cursor(request: Any, log: EventLog) -> int:
    """Where a watcher begins. Raises InputError, and NotFoundError when that is pruned."""
    if not request.HasField("after_event_id"):
        return log.last_id
    cursor = int(request.after_event_id)
    if cursor > log.last_id:
        raise InputError(
            f"after_event_id is {cursor}; allowed: up to {log.last_id}, the newest event",
            reason="CURSOR_IN_FUTURE",
            field="after_event_id",
        )
    log.after(cursor, 1)
    return cursor


def next_events(
    core: Core, log: EventLog, cursor: int, seller_id: str, scope: Scope
) -> event_pb2.WatchEventsResponse:
    """Events after the cursor; what concerns every seller is told to every caller.

    Raises LimitError for a reader so slow that the next one is no longer kept.
    """
    try:
        events = log.after(cursor, core.limits.watch_batch)
    except NotFoundError as error:
        raise LimitError(
            f"the stream fell behind: event {cursor + 1} is no longer kept",
            reason="CURSOR_TOO_OLD",
        ) from error
    return event_pb2.WatchEventsResponse(
        events=[
            event_message(each)
            for each in events
            if seller_id in ("", each.seller_id)
            and (not each.seller_id or inside(scope, each.seller_id))
        ],
        cursor=events[-1].event_id if events else log.last_id,
    )
