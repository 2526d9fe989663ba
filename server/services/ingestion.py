"""IngestionService: marketplace messages in, translated, applied, and every other one reported.

Messages become Reprice and ReportFeedback inputs of one request. What concerns one ASIN is applied
in the order of its events; beyond that, all snapshots that can stand together do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from engine.errors import InputError
from engine.explain_words import WHY_NOT
from engine.replies import Identity, identity_of
from engine.schema import InputKind, Reason
from repriced.v1 import ingestion_pb2, pricing_pb2, types_pb2
from server.amazon import Refused, SeenNotifications, Translated, translate
from server.amazon.results import Asin
from server.config import LimitsConfig
from server.services.calls import Core, Handlers
from server.wire.limits import parse, request_id_of, rows_of

NAME = "repriced.v1.IngestionService"
WHOLE_CALL = 0
"""The method that a call of several inputs is known by."""


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    service = Ingestion(core)
    return {"IngestNotifications": grpc.unary_unary_rpc_method_handler(service.ingest)}


@dataclass(slots=True)
class Door:
    """One call's messages on their way in: (index, translation) of those to apply."""

    usable: list[tuple[int, Translated]] = field(default_factory=list)
    unapplied: list[Any] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def report(
        self, index: int, found: Translated | Refused, reason: str, path: str, message: str
    ) -> None:
        """Says why a message changed nothing."""
        self.unapplied.append(
            ingestion_pb2.UnappliedNotification(
                index=index,
                notification_type=found.notification_type,
                notification_id=found.notification_id,
                reason=reason,
                field=path,
                message=message,
            )
        )

    def repeated(self, index: int, found: Translated) -> None:
        """Says that a message came before."""
        message = f"notification {found.notification_id} was applied before"
        self.report(index, found, "REPEATED", "NotificationId", message)


@dataclass(slots=True)
class Part:
    """Messages that become one input; row n of the input is messages[n]."""

    kind: InputKind
    messages: list[tuple[int, Translated]] = field(default_factory=list)

    def payload(self, request_id: str) -> bytes:
        """The input's bytes, with the id of the call."""
        request = (
            pricing_pb2.RepriceRequest(request_id=request_id)
            if self.kind == InputKind.REPRICE
            else pricing_pb2.ReportFeedbackRequest(request_id=request_id)
        )
        return b"".join([request.SerializeToString(), *(each.row for _, each in self.messages)])

    def response(self, payload: bytes) -> Any:
        """The engine's answer to the input."""
        if self.kind == InputKind.REPRICE:
            return pricing_pb2.RepriceResponse.FromString(payload)
        return pricing_pb2.ReportFeedbackResponse.FromString(payload)


class Ingestion:
    """One call at a time: translating fills a core anyway, and a repeat sees what came before.

    What a call leads to depends on nothing but its bytes, so that a repeat leads to the same inputs
    and the engine knows them again, also after a restart. A message that came before is not kept
    from the engine, which ignores what is old; the memory here only finds the word for it.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen = SeenNotifications(core.limits.seen_notifications)
        self._turn = threading.Lock()

    def ingest(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Applies the messages of a call; a repeated request gets its first answer."""
        request_type = ingestion_pb2.IngestNotificationsRequest
        with self._core.admitted(payload, rows_of(request_type, payload), context):
            request = parse(request_type, payload, self._core.codec.limits)
            request_id = request_id_of(request.request_id)
            check_messages(len(request.notifications), self._core.limits)
            identity = identity_of(self._core.caller.name, WHOLE_CALL, request_id, payload)
            with self._turn:
                return self._answer(request_id, identity, request.notifications, context)

    def _answer(
        self,
        request_id: str,
        identity: Identity,
        notifications: Any,
        context: grpc.ServicerContext,
    ) -> bytes:
        door = self._translated(notifications)
        parts = list(in_order(door.usable))
        inputs = [
            replace(
                self._core.shape(part.kind, part.payload(request_id)),
                identity=identity,
                part=number,
            )
            for number, part in enumerate(parts)
        ]
        answers = self._core.apply(inputs, context) if inputs else []
        decisions: list[types_pb2.Decision] = []
        set_aside: list[types_pb2.Decision] = []
        for part, answer in zip(parts, answers, strict=True):
            response = part.response(answer.payload)
            self._report(door, part, response)
            decisions.extend(decisions_of(part, response.decisions))
            set_aside.extend(decisions_of(part, response.set_aside))
        self._remember(door)
        message = self._message(door, decisions, len(notifications))
        message.set_aside.extend(set_aside)
        return message.SerializeToString()

    def _translated(self, notifications: Any) -> Door:
        door = Door()
        for index, each in enumerate(notifications):
            self._sort_out(
                door,
                index,
                translate(each.json, seller_id=each.seller_id, observed_ms=each.observed_ms),
            )
        return door

    def _sort_out(self, door: Door, index: int, found: Translated | Refused) -> None:
        if isinstance(found, Refused):
            door.report(index, found, found.reason, found.field, found.message)
            self._core.metrics.refuse(found.reason)
        elif found.identity and found.identity in door.names:
            door.repeated(index, found)
        else:
            door.names.add(found.identity)
            door.usable.append((index, found))

    def _report(self, door: Door, part: Part, response: Any) -> None:
        """Reports each message that was not applied, at most once."""
        told: set[int] = set()
        for error in response.errors:
            index, found = part.messages[error.index]
            if index not in told:
                door.report(index, found, error.reason, error.field, error.message)
                told.add(index)
        for row in response.ignored:
            index, found = part.messages[row.index]
            if index in told:
                continue
            if found.identity in self._seen:
                door.repeated(index, found)
            else:
                why = f"changed nothing: {WHY_NOT[Reason(row.reason)]}"
                door.report(index, found, Reason(row.reason).name, "", why)

    def _remember(self, door: Door) -> None:
        failed = {each.index for each in door.unapplied}
        for index, found in door.usable:
            if index not in failed:
                self._seen.add(found.identity)

    def _message(
        self, door: Door, decisions: list[types_pb2.Decision], count: int
    ) -> ingestion_pb2.IngestNotificationsResponse:
        applied = count - len(door.unapplied)
        repeated = sum(each.reason == "REPEATED" for each in door.unapplied)
        refused = len(door.unapplied) - repeated
        for outcome, many in (
            ("applied", applied),
            ("repeated", repeated),
            ("refused", refused),
        ):
            self._core.metrics.notified(outcome, many)
        durable = self._core.engine.journal.durable
        unapplied: list[Any] = sorted(door.unapplied, key=lambda each: each.index)
        return ingestion_pb2.IngestNotificationsResponse(
            applied_count=applied,
            unapplied=unapplied,
            decisions=decisions,
            journal_mode=types_pb2.JOURNAL_MODE_ALWAYS if durable else types_pb2.JOURNAL_MODE_OFF,
            ambiguous_own_count=sum(each.ambiguous_own for _, each in door.usable),
        )


def check_messages(count: int, limits: LimitsConfig) -> None:
    """Raises InputError for a call without messages, or with more than one input can hold."""
    limit = min(limits.max_notifications_per_call, limits.max_rows_per_call)
    if not 0 < count <= limit:
        raise InputError(
            f"notifications has {count} messages; allowed: 1 to {limit} a call",
            reason="TOO_MANY_ROWS" if count else "EMPTY_BATCH",
            field="notifications",
        )


def in_order(usable: list[tuple[int, Translated]]) -> Iterator[Part]:
    """The fewest inputs that keep the order of events of each ASIN.

    Inputs alternate between snapshots and feedback. A message goes into the first input of its
    kind that does not come before the one that the ASIN's last message went into.
    """
    kinds = (InputKind.REPRICE, InputKind.FEEDBACK)
    parts: list[Part] = []
    reached: dict[Asin, int] = {}
    for index, found in sorted(usable, key=lambda each: each[1].event_ms):
        number = reached.get(found.asin, 0)
        number += kinds[number % 2] != found.kind
        reached[found.asin] = number
        while len(parts) <= number:
            parts.append(Part(kinds[len(parts) % 2]))
        parts[number].messages.append((index, found))
    return (part for part in parts if part.messages)


def decisions_of(part: Part, found: Iterable[types_pb2.Decision]) -> list[types_pb2.Decision]:
    """Decisions of a part, with the index of the message that led to each."""
    decisions = list(found)
    for decision in decisions:
        decision.index = part.messages[decision.index][0]
    return decisions
