"""IngestionService: marketplace messages in, translated, applied, and every other one reported."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import grpc

from engine.errors import InputError
from engine.pipeline import Answer
from engine.schema import InputKind
from repriced.v1 import ingestion_pb2, pricing_pb2, types_pb2
from server.amazon import Refused, SeenNotifications, Translated, translate
from server.services.calls import Core, Handlers, reading
from server.writer import wall_ms

NAME = "repriced.v1.IngestionService"
MAX_ROWS = 10_000


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    service = Ingestion(core)
    return {
        "IngestNotifications": reading(service.ingest, ingestion_pb2.IngestNotificationsRequest)
    }


@dataclass(slots=True)
class Door:
    """One call's messages on their way in: (index, translation) of those to apply."""

    request_id: str
    usable: list[tuple[int, Translated]] = field(default_factory=list)
    unapplied: list[Any] = field(default_factory=list)
    decisions: list[Any] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def report(
        self, index: int, kind: str, name: str, reason: str, path: str, message: str
    ) -> None:
        """Says why a message changed nothing."""
        self.failed.add(index)
        self.unapplied.append(
            ingestion_pb2.UnappliedNotification(
                index=index,
                notification_type=kind,
                notification_id=name,
                reason=reason,
                field=path,
                message=message,
            )
        )


class Ingestion:
    """Translates at the door and applies by way of Reprice and ReportFeedback."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen = SeenNotifications(core.limits.seen_notifications)

    def ingest(self, request: Any, context: grpc.ServicerContext) -> Any:
        """All messages of a call, in the order of their events."""
        check_request(request, self._core.limits.max_notifications_per_call)
        door = Door(request.request_id)
        for index, notification in enumerate(request.notifications):
            self._translate(door, index, notification)
        door.usable.sort(key=lambda each: each[1].event_ms)
        connection, timeout = context.peer(), context.time_remaining()
        self._apply_snapshots(door, connection, timeout)
        self._apply_feedback(door, connection, timeout)
        return self._answer(door, len(request.notifications))

    def _translate(self, door: Door, index: int, notification: Any) -> None:
        found = translate(
            notification.json,
            seller_id=notification.seller_id,
            observed_ms=notification.observed_ms,
        )
        kind, name = found.notification_type, found.notification_id
        if isinstance(found, Refused):
            door.report(index, kind, name, found.reason, found.field, found.message)
            self._core.metrics.refuse(found.reason)
        elif name and (name in self._seen or name in door.names):
            message = f"notification {name} was applied before"
            door.report(index, kind, name, "REPEATED", "NotificationId", message)
            self._core.metrics.notifications.labels("repeated").inc()
        else:
            door.names.add(name)
            door.usable.append((index, found))

    def _apply_snapshots(self, door: Door, connection: str, timeout: float | None) -> None:
        listed = [each for each in door.usable if each[1].snapshot is not None]
        for part in range(0, len(listed), MAX_ROWS):
            chunk = listed[part : part + MAX_ROWS]
            message = pricing_pb2.RepriceRequest(
                request_id=derived_id(door.request_id, f"reprice {part}"),
                snapshots=[each.snapshot for _, each in chunk if each.snapshot is not None],
            )
            self._apply(door, InputKind.REPRICE, message, chunk, connection, timeout)
            for _, each in chunk:
                age = max(0, wall_ms() - each.event_ms) / 1000
                self._core.metrics.offer_age_seconds.observe(age)

    def _apply_feedback(self, door: Door, connection: str, timeout: float | None) -> None:
        listed = [each for each in door.usable if each[1].feedback is not None]
        for part in range(0, len(listed), MAX_ROWS):
            chunk = listed[part : part + MAX_ROWS]
            message = pricing_pb2.ReportFeedbackRequest(
                request_id=derived_id(door.request_id, f"feedback {part}"),
                feedback=[each.feedback for _, each in chunk if each.feedback is not None],
            )
            self._apply(door, InputKind.FEEDBACK, message, chunk, connection, timeout)
            for _, each in chunk:
                age = max(0, wall_ms() - each.event_ms) / 1000
                self._core.metrics.feedback_delay_seconds.observe(age)

    def _apply(
        self,
        door: Door,
        kind: InputKind,
        message: Any,
        chunk: list[tuple[int, Translated]],
        connection: str,
        timeout: float | None,
    ) -> None:
        answer = self._core.apply(kind, message.SerializeToString(), connection, timeout)
        for problem in answer.result.problems:
            index, found = chunk[problem.index]
            door.report(
                index, found.notification_type, found.notification_id, problem.reason,
                problem.field, problem.message,
            )  # fmt: skip
        door.decisions.extend(decisions_of(kind, answer, chunk))
        for index, found in chunk:
            if index not in door.failed:
                self._seen.add(found.notification_id)

    def _answer(self, door: Door, count: int) -> Any:
        applied = count - len(door.failed)
        self._core.metrics.notifications.labels("applied").inc(applied)
        refused = sum(each.reason != "REPEATED" for each in door.unapplied)
        self._core.metrics.notifications.labels("refused").inc(refused)
        door.unapplied.sort(key=lambda each: each.index)
        durable = self._core.engine.journal.durable
        return ingestion_pb2.IngestNotificationsResponse(
            applied_count=applied,
            unapplied=door.unapplied,
            decisions=door.decisions,
            journal_mode=(types_pb2.JOURNAL_MODE_ALWAYS if durable else types_pb2.JOURNAL_MODE_OFF),
            ambiguous_own_count=sum(each.ambiguous_own for _, each in door.usable),
        )


def check_request(request: Any, limit: int) -> None:
    """Limits and id of a call. Raises InputError."""
    try:
        uuid.UUID(request.request_id)
    except ValueError as error:
        raise InputError(
            f"request_id is {request.request_id[:40]!r}; allowed: a UUID, new for every request",
            reason="REQUEST_ID_INVALID" if request.request_id else "REQUEST_ID_MISSING",
            field="request_id",
        ) from error
    count = len(request.notifications)
    if count == 0:
        raise InputError(
            "notifications is empty; allowed: at least one message",
            reason="EMPTY_BATCH",
            field="notifications",
        )
    if count > limit:
        raise InputError(
            f"notifications has {count} messages; allowed: up to {limit}",
            reason="TOO_MANY_ROWS",
            field="notifications",
        )


def derived_id(request_id: str, part: str) -> str:
    """Id of a part of a request, the same for the same request."""
    return str(uuid.uuid5(uuid.UUID(request_id), part))


def decisions_of(
    kind: InputKind, answer: Answer, chunk: list[tuple[int, Translated]]
) -> list[types_pb2.Decision]:
    """Decisions of a part, with the index of the message that led to each."""
    parse: Any = (
        pricing_pb2.RepriceResponse
        if kind == InputKind.REPRICE
        else pricing_pb2.ReportFeedbackResponse
    )
    decisions = list(parse.FromString(answer.payload).decisions)
    for decision in decisions:
        decision.index = chunk[decision.index][0]
    return decisions
