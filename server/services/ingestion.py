"""IngestionService: marketplace messages in, translated, applied, and every other one reported.

Messages become Reprice and ReportFeedback inputs of one request. What concerns one ASIN is applied
in the order of its events; beyond that, all snapshots that can stand together do.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from engine.errors import InputError
from engine.explain_words import WHY_NOT
from engine.replies import Replies
from engine.results import Answer, Result, TickResult
from engine.schema import InputKind, Reason
from repriced.v1 import ingestion_pb2, pricing_pb2, types_pb2
from server.amazon import Refused, SeenNotifications, Translated, translate
from server.config import LimitsConfig
from server.services.calls import CALLER, Core, Handlers
from server.wire.limits import parse, request_id_of
from server.writer import wall_ms

NAME = "repriced.v1.IngestionService"
REPLIES_BYTES = 16 * 1024 * 1024


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


@dataclass(slots=True)
class Part:
    """Messages that become one input; row n of the input is messages[n]."""

    kind: InputKind
    messages: list[tuple[int, Translated]] = field(default_factory=list)

    def payload(self, request_id: str, number: int) -> bytes:
        """The input's bytes; its id is the same for a repeat of the same call."""
        own_id = str(uuid.uuid5(uuid.UUID(request_id), str(number)))
        rows = [each for _, each in self.messages]
        if self.kind == InputKind.REPRICE:
            return pricing_pb2.RepriceRequest(
                request_id=own_id, snapshots=[each.snapshot for each in rows if each.snapshot]
            ).SerializeToString()
        return pricing_pb2.ReportFeedbackRequest(
            request_id=own_id, feedback=[each.feedback for each in rows if each.feedback]
        ).SerializeToString()


class Ingestion:
    """One call at a time: translating fills a core anyway, and a repeat sees what came before."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen = SeenNotifications(core.limits.seen_notifications)
        self._replies: Replies[bytes] = Replies(REPLIES_BYTES)
        self._turn = threading.Lock()

    def ingest(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Applies the messages of a call; a repeated request gets its first answer."""
        with self._core.admission.request(context.peer(), len(payload)):
            request = parse(
                ingestion_pb2.IngestNotificationsRequest, payload, self._core.codec.limits
            )
            request_id = request_id_of(request.request_id)
            check_messages(len(request.notifications), self._core.limits)
            key = (CALLER, 0, request_id)
            with self._turn:
                answer = self._replies.find(key, payload)
                if answer is None:
                    answer = self._answer(request_id, request.notifications, context)
                    size = len(answer) + len(payload) // 8
                    self._replies.remember(key, payload, answer, size, wall_ms())
                return answer

    def _answer(self, request_id: str, notifications: Any, context: grpc.ServicerContext) -> bytes:
        door = self._translated(notifications)
        parts = list(in_order(door.usable))
        answers: list[Answer] = []
        if parts:
            payloads = [(part.kind, part.payload(request_id, at)) for at, part in enumerate(parts)]
            answers = self._core.apply(payloads, context)
        decisions: list[types_pb2.Decision] = []
        set_aside: list[types_pb2.Decision] = []
        for part, answer in zip(parts, answers, strict=True):
            report_rows(door, part, answer)
            decisions.extend(decisions_of(part, answer, "decisions"))
            set_aside.extend(decisions_of(part, answer, "set_aside"))
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
        name = found.notification_id
        if isinstance(found, Refused):
            door.report(index, found, found.reason, found.field, found.message)
            self._core.metrics.refuse(found.reason)
        elif name and (name in self._seen or name in door.names):
            message = f"notification {name} was applied before"
            door.report(index, found, "REPEATED", "NotificationId", message)
        else:
            door.names.add(name)
            door.usable.append((index, found))

    def _remember(self, door: Door) -> None:
        failed = {each.index for each in door.unapplied}
        for index, found in door.usable:
            if index not in failed:
                self._seen.add(found.notification_id)

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
    reached: dict[tuple[str, str, str, int, int], int] = {}
    for index, found in sorted(usable, key=lambda each: each[1].event_ms):
        row = found.snapshot if found.snapshot is not None else found.feedback
        if row is None:
            raise AssertionError("a translated message is a snapshot or feedback")
        asin = row.asin
        key = (asin.seller_id, asin.marketplace_id, asin.asin, asin.condition, asin.audience)
        number = reached.get(key, 0)
        number += number % 2 != (found.snapshot is None)
        reached[key] = number
        while len(parts) <= number:
            parts.append(Part(kinds[len(parts) % 2]))
        parts[number].messages.append((index, found))
    return (part for part in parts if part.messages)


def report_rows(door: Door, part: Part, answer: Answer) -> None:
    """Reports each message that was not applied, at most once."""
    told: set[int] = set()
    for problem in answer.result.problems:
        index, found = part.messages[problem.index]
        if index not in told:
            door.report(index, found, problem.reason, problem.field, problem.message)
            told.add(index)
    for row, reason in ignored_rows(answer.result):
        index, found = part.messages[row]
        if index not in told:
            word = Reason(reason).name
            door.report(index, found, word, "", f"changed nothing: {WHY_NOT[Reason(reason)]}")


def ignored_rows(result: Result) -> list[tuple[int, int]]:
    """Rows that changed nothing, with their reasons."""
    return list(result.ignored_rows.items()) if isinstance(result, TickResult) else []


def decisions_of(part: Part, answer: Answer, field: str) -> list[types_pb2.Decision]:
    """Decisions in a field of a part's answer, with the index of the message that led to each."""
    response: Any = (
        pricing_pb2.RepriceResponse
        if part.kind == InputKind.REPRICE
        else pricing_pb2.ReportFeedbackResponse
    )
    decisions: list[Any] = list(getattr(response.FromString(answer.payload), field))
    for decision in decisions:
        decision.index = part.messages[decision.index][0]
    return decisions
