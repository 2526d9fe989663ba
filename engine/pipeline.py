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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.catalog import Catalog
from engine.columns import SnapshotBatch
from engine.decisions import DecisionLog
from engine.errors import ApplyError, ConflictError, JournalFullError, LimitError, RepricedError
from engine.journal import Frame, Journal
from engine.journal.frames import split_output
from engine.replies import Identity, identity_of, reused
from engine.results import Answer, EvaluateResult, Result
from engine.schema import URGENT_KINDS, InputKind, JournalMode
from engine.scope import EVERY_SELLER, Scope, parse_scope
from engine.settings import EngineSettings
from engine.shard import Batch, Shard
from engine.state import State

SLICE_OF_LISTINGS = struct.Struct("<II")
"""Payload of an ADVANCE frame: first listing id, and the one after the last."""


class Codec(Protocol):
    """Translates between wire bytes and the engine's batches and results."""

    def configure(self, limits: Mapping[str, int]) -> None:
        """Takes the limits of `EngineSettings` into force."""

    def decode(self, kind: InputKind, payload: bytes) -> Batch:
        """Batch of a request. Raises InputError for a request that is unusable as a whole."""

    def encode(self, kind: InputKind, result: Result, catalog: Catalog, mode: JournalMode) -> bytes:
        """Answer bytes of a result; never empty."""


@dataclass(frozen=True, slots=True)
class Input:
    """An admitted input: its bytes as they came and what the codec made of them.

    A request of several inputs has one identity, and `part` is the place of each. `scope` is a
    `scope.pack_scope`: which sellers the request may touch.
    """

    kind: InputKind
    payload: bytes
    batch: Batch
    identity: Identity
    part: int = 0
    scope: bytes = EVERY_SELLER


@dataclass(frozen=True, slots=True)
class Owed:
    """An urgent input that was applied while the disk was full, and is still to be journaled."""

    input: Input
    now_ms: int
    result: Result


class Engine:
    """One shard behind its journal. Time is handed in as milliseconds and never falls."""

    def __init__(self, codec: Codec, journal: Journal, state: State | None = None) -> None:
        self.state = state or State()
        self.shard = Shard(self.state)
        self.journal = journal
        self.ticks = 0
        self.failures = 0
        self._codec = codec
        self._mode = JournalMode.ALWAYS if journal.durable else JournalMode.OFF
        self.refusal: LimitError | None = None
        """Set while nothing may be journaled although the disk has room."""
        self._owed: dict[int, Owed] = {}  # by the name of the request, oldest first

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

    @property
    def owed(self) -> int:
        """Urgent inputs that were applied and wait for room on the disk."""
        return len(self._owed)

    # 2 shape

    def shape(
        self, kind: InputKind, payload: bytes, caller: str = "", scope: bytes = EVERY_SELLER
    ) -> Input:
        """Input of request bytes; any thread. Raises InputError."""
        batch = self._codec.decode(kind, payload)
        identity = identity_of(caller, kind, batch.request_id, payload)
        return Input(kind, payload, batch, identity, scope=scope)

    # 3 journal

    def configure(self, settings: EngineSettings, now_ms: int) -> None:
        """Takes settings into force; they are an input where they differ from those of the state.

        Raises JournalFullError.
        """
        if self.state.settings != settings:
            frame = self._append(InputKind.CONFIG, settings.pack(), now_ms)
            self.journal.commit()
            self.state.now_ms = frame.now_ms
        self.adopt(settings)

    def adopt(self, settings: EngineSettings) -> None:
        """Takes settings into force that are journaled."""
        self.state.settings = settings
        self.state.decisions.limit = settings.decisions_kept
        self.state.guards.settings = settings.guards
        self._codec.configure(settings.limits)

    def apply_group(self, inputs: Sequence[Input], now_ms: int) -> list[Answer | RepricedError]:
        """Journals a group of inputs, then applies them in order.

        A repeated request gets its first answer and is not journaled; a reused id is a
        ConflictError in the place of its answer. Where the disk is full nothing is applied but
        what is urgent, and the others have the JournalFullError in the place of their answer.
        """
        now_ms = max(self.now_ms, now_ms)
        answers: dict[int, Answer | RepricedError] = {}
        fresh: dict[int, Frame] = {}
        begun: dict[int, tuple[int, int]] = {}
        owed = self._append_owed()
        for at, each in enumerate(inputs):
            try:
                if not self._is_new(each, begun, now_ms):
                    continue
                if self.refusal is not None and each.kind not in URGENT_KINDS:
                    answers[at] = self.refusal
                    continue
                fresh[at] = self._append_input(each, now_ms)
            except ConflictError as error:
                answers[at] = error
        failure = self._commit(owed)
        applied = [at for at in fresh if not failure or inputs[at].kind in URGENT_KINDS]
        if applied:  # Else no frame says that this time was reached.
            self.state.now_ms = now_ms
        for at, frame in fresh.items():
            each = inputs[at]
            answers[at] = self._answer(each, frame) if not failure else self._urgent(each, failure)
        return [
            answers[at] if at in answers else self._repeat(each, now_ms, failure or self.refusal)
            for at, each in enumerate(inputs)
        ]

    def _is_new(self, each: Input, begun: dict[int, tuple[int, int]], now_ms: int) -> bool:
        """Whether an input was neither applied before nor stands earlier in its group."""
        name, body = each.identity
        known = len(self.state.replies.outputs(each.identity, now_ms))
        owed = self._owed.get(name)
        first = (owed.input.identity.body, 1) if owed is not None else (body, known)
        body_before, parts = begun.get(name, first)
        if body_before != body:
            raise reused()
        if each.part < parts:
            return False
        begun[name] = body, parts + 1
        return True

    def _append(self, kind: InputKind, payload: bytes, now_ms: int) -> Frame:
        return self.journal.append(kind, payload, max(self.now_ms, now_ms))

    def _append_input(self, each: Input, now_ms: int) -> Frame:
        return self.journal.append(
            each.kind, each.payload, max(self.now_ms, now_ms), each.scope, each.identity.pack()
        )

    def _append_owed(self) -> list[Frame]:
        """Frames of what is owed, at the head of the group and with the time of its deed."""
        return [
            self.journal.append(
                o.input.kind, o.input.payload, o.now_ms, o.input.scope, o.input.identity.pack()
            )
            for o in self._owed.values()
        ]

    def _commit(self, owed: list[Frame]) -> JournalFullError | None:
        """Commits the group; what was owed is journaled with it, and so are its answers."""
        try:
            self.journal.commit()
        except JournalFullError as error:
            return error
        for each, frame in zip(self._owed.values(), owed, strict=True):
            payload = self._codec.encode(each.input.kind, each.result, self.catalog, self._mode)
            self._remember(each.input, frame, payload)
        self._owed.clear()
        return None

    def _urgent(self, each: Input, failure: JournalFullError) -> Answer | RepricedError:
        """Applies an urgent input although the disk is full; any other one fails."""
        if each.kind not in URGENT_KINDS:
            return failure
        scope = parse_scope(each.scope)
        answer = self.apply(each.kind, each.batch, 0, scope, JournalMode.PENDING)
        if isinstance(answer, Answer) and answer.result is not None:
            self._owed[each.identity.name] = Owed(each, self.now_ms, answer.result)
        return answer

    def _remember(self, each: Input, frame: Frame, payload: bytes) -> None:
        output = self.journal.append_output(frame.sequence, payload)
        self.state.replies.remember(each.identity, frame.now_ms, output.sequence)

    def _answer(self, each: Input, frame: Frame) -> Answer | RepricedError:
        """Applies a journaled input; its answer is journaled too."""
        answer = self.apply(each.kind, each.batch, frame.sequence, parse_scope(each.scope))
        self._remember(each, frame, answer.payload if isinstance(answer, Answer) else b"")
        return answer

    def apply(
        self,
        kind: InputKind,
        batch: Batch,
        sequence: int,
        scope: Scope,
        mode: JournalMode | None = None,
    ) -> Answer | ApplyError:
        """Applies one input. A fault of ours in it is its own: the state goes on without it."""
        try:
            result = self.shard.apply(kind, batch, sequence, scope)
            payload = self._codec.encode(kind, result, self.catalog, mode or self._mode)
        except Exception as error:
            if isinstance(error, MemoryError):
                raise
            self.failures += 1
            return failed(error)
        self.ticks += 1
        return Answer(result, payload)

    def _repeat(
        self, again: Input, now_ms: int, failure: LimitError | None
    ) -> Answer | RepricedError:
        """The first answer to a request, read from the journal unless it is still owed to it."""
        owed = self._owed.get(again.identity.name)
        if owed is not None:
            mode = JournalMode.PENDING
            return Answer(None, self._codec.encode(again.kind, owed.result, self.catalog, mode))
        outputs = self.state.replies.outputs(again.identity, now_ms)
        if failure is not None and again.part >= len(outputs):
            return failure
        frame = self.journal.read(outputs[again.part])
        if frame is None:
            return ConflictError(
                "request_id: this request was applied, but its answer is no longer kept",
                reason="ANSWER_NOT_KEPT",
                field="request_id",
            )
        _, payload = split_output(frame.payload)
        return Answer(None, payload) if payload else failed(None)

    def advance(self, now_ms: int, first_id: int, last_id: int) -> int:
        """Runs the due timers of listings first_id to last_id (excluded); decisions made.

        Raises JournalFullError.
        """
        now_ms = max(self.now_ms, now_ms)
        last_id = min(last_id, self.catalog.count)
        due = self.shard.timers_due(first_id, last_id, now_ms)
        if self.refusal is not None or not (due or self._owed):
            return 0
        return self._advance(now_ms, first_id, last_id)

    def pass_time(self, now_ms: int) -> None:
        """Journals that time has passed, for what is kept by its age, though nothing happened.

        Raises JournalFullError.
        """
        self._advance(max(self.now_ms, now_ms), 0, 0)

    def _advance(self, now_ms: int, first_id: int, last_id: int) -> int:
        owed = self._append_owed()
        slice_of_listings = SLICE_OF_LISTINGS.pack(first_id, last_id)
        frame = self._append(InputKind.ADVANCE, slice_of_listings, now_ms)
        failure = self._commit(owed)
        if failure is not None:
            raise failure
        self.state.now_ms = now_ms
        result = self.shard.advance(first_id, last_id, frame.sequence)
        self.journal.append_output(frame.sequence, result.decided())
        return len(result.decisions)

    # Reads

    def evaluate_prices(self, batch: SnapshotBatch, now_ms: int, scope: Scope) -> EvaluateResult:
        """What snapshots would lead to now; nothing is changed, counted or numbered."""
        return self.shard.trial(batch, max(self.now_ms, now_ms), scope)


def failed(cause: Exception | None) -> ApplyError:
    """Answer to an input whose application failed."""
    error = ApplyError(
        "internal error while applying the request; the server's log has the details",
        reason="APPLY_FAILED",
    )
    error.__cause__ = cause
    return error
