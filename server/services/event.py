"""EventService: what the guards did, what the claims audit noticed and which reviews are due, as it
happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from engine.claims.alerts import alerts_after, last_alert_id
from engine.claims.store import DATABASE, Store
from engine.errors import InputError, LimitError, NotFoundError
from engine.guards import EventLog
from engine.insights.notices import last_notice_id, notices_after
from engine.scope import Scope, inside
from repriced.v1 import event_pb2
from server.access.caller import current_pass
from server.services.calls import Core, Handlers
from server.services.pricing import LOOK_S
from server.wire.claims import alert_message
from server.wire.guards import event_message
from server.wire.insights import notice_message
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
            cursor, alerts = first_cursor(request, log), first_alert(request, self._core)
            notices = first_notice(request, self._core)
            while context.is_active():
                changed = log.wait(cursor, LOOK_S)
                message = next_alerts(self._core, alerts, request.seller_id)
                alerts = message.alert_cursor
                if changed:
                    told = next_events(self._core, log, cursor, request.seller_id, self._core.scope)
                    cursor = told.cursor
                    message.events.extend(told.events)
                message.cursor = cursor
                due = next_notices(self._core, notices, request.seller_id)
                message.notice_cursor = notices = due.notice_cursor
                message.events.extend(due.events)
                if message.events:
                    yield message.SerializeToString()
                if not changed:
                    self._core.admission.check_open()
                    current_pass().check()


def first_cursor(request: Any, log: EventLog) -> int:
    """Where a watcher begins. Raises InputError, and NotFoundError when that is pruned."""
    cursor = cursor_of(request, "after_event_id", log.last_id, "event")
    if request.HasField("after_event_id"):
        log.after(cursor, 1)
    return cursor


def cursor_of(request: Any, field: str, last: int, what: str) -> int:
    """The cursor in a field of a request; the newest where it is unset. Raises InputError."""
    if not request.HasField(field):
        return last
    cursor = int(getattr(request, field))
    if cursor > last:
        raise InputError(
            f"{field} is {cursor}; allowed: up to {last}, the newest {what}",
            reason="CURSOR_IN_FUTURE",
            field=field,
        )
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


def first_alert(request: Any, core: Core) -> int:
    """Where a watcher of claim alerts begins. Raises InputError."""
    last = 0
    if (core.claims_folder / DATABASE).exists():
        with Store(core.claims_folder) as store:
            last = last_alert_id(store)
    return cursor_of(request, "after_alert_id", last, "alert")


def next_alerts(core: Core, cursor: int, seller_id: str) -> event_pb2.WatchEventsResponse:
    """Claim alerts after the cursor, wherever they were raised: in a call or by a command."""
    if not (core.claims_folder / DATABASE).exists():
        return event_pb2.WatchEventsResponse(alert_cursor=cursor)
    with Store(core.claims_folder) as store:
        alerts = alerts_after(store, cursor, core.limits.watch_batch)
    return event_pb2.WatchEventsResponse(
        events=[
            alert_message(each)
            for each in alerts
            if seller_id in ("", each.seller_id) and inside(core.scope, each.seller_id)
        ],
        alert_cursor=alerts[-1].alert_id if alerts else cursor,
    )


def first_notice(request: Any, core: Core) -> int:
    """Where a watcher of reviews that are due begins. Raises InputError."""
    return cursor_of(request, "after_notice_id", last_notice_id(core.history), "notice")


def next_notices(core: Core, cursor: int, seller_id: str) -> event_pb2.WatchEventsResponse:
    """Reviews that are due, after the cursor."""
    notices = notices_after(core.history, cursor, core.limits.watch_batch)
    return event_pb2.WatchEventsResponse(
        events=[
            notice_message(each)
            for each in notices
            if seller_id in ("", each.seller) and inside(core.scope, each.seller)
        ],
        notice_cursor=notices[-1].notice_id if notices else cursor,
    )
