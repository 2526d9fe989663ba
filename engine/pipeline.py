"""One tick from request bytes to decisions: the composition root of the core.

    1 admit     the server's queues and limits; not here
    2 shape     `Engine.shape`: the codec says whether the bytes are well-formed
    3 journal   the bytes as they came are one frame; the group is committed
    4 decode    names become listing ids, own offers are found (`engine.shard`, `engine.resolve`)
    5 evaluate  the kernel proposes rows in scratch, in slices (`engine.evaluator`)
    6 emit      bounds are checked again, rows committed, decisions numbered

Everything but `shape` belongs to one writer thread.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.catalog import Catalog
from engine.columns import SnapshotBatch
from engine.decisions import DecisionLog
from engine.errors import RepricedError
from engine.journal import Journal
from engine.replies import Replies
from engine.resolve import Resolved, resolve_snapshots
from engine.results import Answer, EvaluateResult, Result
from engine.schema import InputKind
from engine.scope import EVERY_SELLER, Scope, parse_scope
from engine.shard import Batch, Shard
from engine.state import State


class Codec(Protocol):
    """Translates between wire bytes and the engine's batches and results."""

    def decode(self, kind: InputKind, payload: bytes) -> Batch:
        """Batch of a request. Raises InputError for a request that is unusable as a whole."""

    def encode(self, kind: InputKind, result: Result, catalog: Catalog, durable: bool) -> bytes:
        """Answer bytes of a result."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits of one engine; sizes in entries and bytes."""

    decisions_kept: int = 200_000
    replies_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """An admitted request: its bytes as they came and what the codec made of them.

    `scope` is a `scope.pack_scope`: which sellers the request may touch.
    """

    kind: InputKind
    caller: str
    payload: bytes
    batch: Batch
    scope: bytes = EVERY_SELLER


class Engine:
    """One shard behind its journal. Time is handed in as milliseconds and never falls."""

    def __init__(
        self, codec: Codec, journal: Journal, settings: EngineSettings | None = None
    ) -> None:
        settings = settings or EngineSettings()
        decisions = DecisionLog(settings.decisions_kept)
        self.state = State(decisions, Replies(settings.replies_bytes))
        self.shard = Shard(self.state)
        self.journal = journal
        self.ticks = 0
        self._codec = codec

    @property
    def catalog(self) -> Catalog:
        """Listings, strategies and sellers."""
        return self.state.catalog

    @property
    def decisions(self) -> DecisionLog:
        """The newest decisions."""
        return self.state.decisions

    @property
    def now_ms(self) -> int:
        """Journal time."""
        return self.state.now_ms

    # 2 shape

    def shape(
        self, kind: InputKind, payload: bytes, caller: str = "", scope: bytes = EVERY_SELLER
    ) -> Input:
        """Input of request bytes; any thread. Raises InputError."""
        return Input(kind, caller, payload, self._codec.decode(kind, payload), scope)

    # 3 journal

    def apply_group(self, inputs: Sequence[Input], now_ms: int) -> list[Answer | RepricedError]:
        """Journals a group of inputs, then applies them in order.

        A repeated request gets its first answer and is not journaled; a reused id is a
        ConflictError in the place of its answer.
        """
        self.state.now_ms = max(self.now_ms, now_ms)
        answers: dict[int, Answer | RepricedError] = {}
        frames: list[tuple[int, int, Input]] = []
        in_group: dict[tuple[str, int, str], int] = {}
        for at, each in enumerate(inputs):
            key = reply_key(each)
            if key in in_group:
                continue
            try:
                known = self.state.replies.find(key, each.payload)
            except RepricedError as error:
                answers[at] = error
                continue
            if known is not None:
                answers[at] = known
                continue
            in_group[key] = at
            frames.append((at, self._append(each.kind, each.payload), each))
        self.journal.commit()
        for at, sequence, each in frames:
            answers[at] = self._apply(each, sequence)
        return [
            answers[at] if at in answers else self._repeat(each) for at, each in enumerate(inputs)
        ]

    def _append(self, kind: InputKind, payload: bytes) -> int:
        return self.journal.append(kind, payload, self.now_ms).sequence

    def _repeat(self, again: Input) -> Answer | RepricedError:
        """Answer to a repeat that arrived in the same group as the first request."""
        try:
            known = self.state.replies.find(reply_key(again), again.payload)
        except RepricedError as error:
            return error
        if known is None:
            raise AssertionError("the first request of the group was answered")
        return known

    def _apply(self, each: Input, sequence: int) -> Answer:
        result = self.shard.apply(each.kind, each.batch, sequence, parse_scope(each.scope))
        self.ticks += 1
        payload = self._codec.encode(each.kind, result, self.catalog, self.journal.durable)
        answer = Answer(result, payload)
        self.state.replies.remember(
            reply_key(each), each.payload, answer, len(payload), self.now_ms
        )
        return answer

    def advance(self, now_ms: int, first_id: int, last_id: int) -> int:
        """Runs the due timers of listings first_id to last_id (excluded); decisions made."""
        self.state.now_ms = max(self.now_ms, now_ms)
        last_id = min(last_id, self.catalog.count)
        if not self.shard.timers_due(first_id, last_id, self.now_ms):
            return 0
        sequence = self._append(InputKind.ADVANCE, struct.pack("<II", first_id, last_id))
        self.journal.commit()
        return len(self.shard.advance(first_id, last_id, sequence).decisions)

    # Reads

    def evaluate_prices(self, batch: SnapshotBatch, now_ms: int, scope: Scope) -> EvaluateResult:
        """What snapshots would lead to now; nothing is changed, counted or numbered."""
        return self.shard.trial(batch, max(self.now_ms, now_ms), scope)

    def resolve(self, batch: SnapshotBatch) -> Resolved:
        """Resolves a snapshot batch again, for Explain."""
        return resolve_snapshots(batch, self.catalog, self.now_ms, None)


def reply_key(each: Input) -> tuple[str, int, str]:
    """What a request id is unique within."""
    return each.caller, int(each.kind), each.batch.request_id
