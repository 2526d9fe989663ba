"""One tick from request bytes to decisions: the composition root of the core.

    1 admit     the server's queues and limits; not here
    2 shape     `Engine.shape`: the codec says whether the bytes are well-formed
    3 journal   the bytes as they came are one frame; the group is committed
    4 decode    names become listing ids, own offers are found (`engine.resolve`)
    5 evaluate  the kernel proposes rows in scratch, in slices
    6 emit      bounds are checked again, rows committed, decisions numbered

Everything but `shape` belongs to one writer thread.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine import emit, guards, kernel
from engine.apply_catalog import apply_listings, apply_sellers, apply_strategies
from engine.catalog import Catalog
from engine.columns import FeedbackBatch, OfferColumns, RefBatch, SnapshotBatch, StockBatch
from engine.counters import new_counters, tables
from engine.decisions import DecisionLog
from engine.errors import RepricedError
from engine.journal import Journal
from engine.replies import Replies
from engine.resolve import Resolved, resolve_feedback, resolve_refs, resolve_snapshots
from engine.results import CountResult, Evaluated, EvaluateResult, Result, TickResult
from engine.schema import (
    COMMAND,
    OUTCOME,
    ROW,
    CommandKind,
    CycleState,
    InputKind,
)

SLICE = 2_000
"""Rows evaluated before their proposals are committed."""

Batch = Any
"""One of the batches of `engine.columns`, as the input's kind demands."""


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
    """An admitted request: its bytes as they came and what the codec made of them."""

    kind: InputKind
    caller: str
    payload: bytes
    batch: Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """What an input led to, and the same as answer bytes."""

    result: Result
    payload: bytes


Evaluate = Callable[[int], int]
"""Evaluates from a position on and returns the number of proposals made."""


class Engine:
    """State and rules of one shard. Time is handed in as milliseconds and never falls."""

    def __init__(
        self, codec: Codec, journal: Journal, settings: EngineSettings | None = None
    ) -> None:
        settings = settings or EngineSettings()
        self.catalog = Catalog()
        self.decisions = DecisionLog(settings.decisions_kept)
        self.counters = new_counters()
        self.kernel = kernel.load()
        self.journal = journal
        self.now_ms = 0
        self.next_decision_id = 1
        self.ambiguous_own = 0
        self.bounds_trips = 0
        self.offers_read = 0
        self.ticks = 0
        self.created = 0
        self.deleted = np.zeros(len(CycleState) + 1, np.int64)
        self._codec = codec
        self._replies: Replies[Answer] = Replies(settings.replies_bytes)
        self._scratch = np.zeros(SLICE, ROW)
        self._outcomes = np.zeros(SLICE, OUTCOME)
        self._handlers: dict[InputKind, Callable[[Batch, int], Result]] = {
            InputKind.REPRICE: self._reprice,
            InputKind.FEEDBACK: self._feedback,
            InputKind.STOCK: self._stock,
            InputKind.SELLERS: partial(apply_sellers, self),
            InputKind.STRATEGIES: partial(apply_strategies, self),
            InputKind.LISTINGS: partial(apply_listings, self),
            InputKind.DELETE: self._delete,
            InputKind.PAUSE: self._pause,
            InputKind.RESUME: self._resume,
        }

    # 2 shape

    def shape(self, kind: InputKind, payload: bytes, caller: str = "") -> Input:
        """Input of request bytes; any thread. Raises InputError."""
        return Input(kind, caller, payload, self._codec.decode(kind, payload))

    # 3 journal

    def apply_group(self, inputs: Sequence[Input], now_ms: int) -> list[Answer | RepricedError]:
        """Journals a group of inputs, then applies them in order.

        A repeated request gets its first answer and is not journaled; a reused id is a
        ConflictError in the place of its answer.
        """
        self.now_ms = max(self.now_ms, now_ms)
        answers: dict[int, Answer | RepricedError] = {}
        frames: list[tuple[int, int, Input]] = []
        in_group: dict[tuple[str, int, str], int] = {}
        for at, each in enumerate(inputs):
            key = reply_key(each)
            if key in in_group:
                continue
            try:
                known = self._replies.find(key, each.payload)
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
            known = self._replies.find(reply_key(again), again.payload)
        except RepricedError as error:
            return error
        if known is None:
            raise AssertionError("the first request of the group was answered")
        return known

    def _apply(self, each: Input, sequence: int) -> Answer:
        result = self._handlers[each.kind](each.batch, sequence)
        self.ticks += 1
        payload = self._codec.encode(each.kind, result, self.catalog, self.journal.durable)
        answer = Answer(result, payload)
        self._replies.remember(reply_key(each), each.payload, answer, len(payload), self.now_ms)
        return answer

    def advance(self, now_ms: int, first_id: int, last_id: int) -> int:
        """Runs the due timers of listings first_id to last_id (excluded); decisions made."""
        self.now_ms = max(self.now_ms, now_ms)
        last_id = min(last_id, self.catalog.count)
        if not self._timers_due(first_id, last_id):
            return 0
        sequence = self._append(InputKind.ADVANCE, struct.pack("<II", first_id, last_id))
        self.journal.commit()
        result = TickResult(sequence)
        at = first_id
        while at < last_id:
            count, at = self.kernel.evaluate_timers(
                self.catalog.rows, self.catalog.strategy_records, at, last_id, self.now_ms,
                self._scratch, self._outcomes,
            )  # fmt: skip
            self._emit(count, result)
        return len(result.decisions)

    def _timers_due(self, first_id: int, last_id: int) -> bool:
        deadlines = self.catalog.rows["deadline_s"][first_id:last_id]
        return bool(np.any((deadlines != 0) & (deadlines <= self.now_ms // 1000)))

    # 4 decode, 5 evaluate

    def _reprice(self, batch: SnapshotBatch, sequence: int) -> TickResult:
        resolved = resolve_snapshots(batch, self.catalog, self.now_ms)
        self.ambiguous_own += resolved.ambiguous_own
        self.offers_read += len(batch.offers)
        result = TickResult(sequence, problems=batch.problems + resolved.problems)
        rows = resolved.rows
        self.catalog.records["sequence"][rows["listing_id"]] = sequence
        self._run(len(rows), self._offers_from(rows, batch.offers), result, rows["event_ms"])
        return result

    def _offers_from(self, rows: NDArray[np.void], offers: OfferColumns) -> Evaluate:
        def evaluate(first: int) -> int:
            return self.kernel.evaluate_offers(
                self.catalog.rows, self.catalog.strategy_records, self.catalog.pool, rows, first,
                min(first + SLICE, len(rows)), offers, self.now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        return evaluate

    def _feedback(self, batch: FeedbackBatch, sequence: int) -> TickResult:
        resolved = resolve_feedback(batch, self.catalog, self.now_ms)
        result = TickResult(sequence, problems=batch.problems + resolved.problems)
        rows = resolved.rows

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_feedback(
                self.catalog.rows, self.catalog.strategy_records, rows, first,
                min(first + SLICE, len(rows)), self.now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        self._run(len(rows), evaluate, result, rows["event_ms"])
        return result

    def _stock(self, batch: StockBatch, sequence: int) -> TickResult:
        found, problems = resolve_refs(batch, self.catalog)
        result = TickResult(sequence, problems=batch.problems + problems)
        kinds = (CommandKind.STOCK_OUT, CommandKind.STOCK_IN)
        commands = [
            (index, listing_id, kinds[batch.quantities[at] > 0]) for at, index, listing_id in found
        ]
        self.command(simple_commands(commands), result)
        return result

    def _delete(self, batch: RefBatch, sequence: int) -> CountResult:
        result, listing_ids = self._simple(batch, sequence, CommandKind.DELETE)
        for listing_id in dict.fromkeys(listing_ids):
            self.deleted[self.catalog.rows["state"][listing_id]] += 1
            self.catalog.forget(listing_id)
        return result

    def _pause(self, batch: RefBatch, sequence: int) -> CountResult:
        return self._simple(batch, sequence, CommandKind.PAUSE)[0]

    def _resume(self, batch: RefBatch, sequence: int) -> CountResult:
        return self._simple(batch, sequence, CommandKind.RESUME)[0]

    def _simple(
        self, batch: RefBatch, sequence: int, kind: CommandKind
    ) -> tuple[CountResult, list[int]]:
        found, problems = resolve_refs(batch, self.catalog)
        tick = TickResult(sequence)
        self.command(simple_commands((index, each, kind) for _, index, each in found), tick)
        listing_ids = [each for _, _, each in found]
        return CountResult(sequence, len(found), batch.problems + problems), listing_ids

    def command(self, commands: NDArray[np.void], result: TickResult) -> None:
        """Evaluates command rows (`schema.COMMAND`) and adds what they lead to."""

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_commands(
                self.catalog.rows, self.catalog.strategy_records, commands, first,
                min(first + SLICE, len(commands)), self.now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        self._run(len(commands), evaluate, result, None)

    def _run(
        self,
        total: int,
        evaluate: Evaluate,
        result: TickResult,
        event_ms: NDArray[np.int64] | None,
    ) -> None:
        """Runs inputs in slices. Commands have no event time, and only they may set bounds."""
        first = 0
        while first < total:
            count = evaluate(first)
            done, accepted = self._emit(count, result, redefines=event_ms is None)
            if event_ms is not None:
                at = event_ms[first : first + count][accepted]
                emit.note_evidence(self.catalog.records, done, at)
            first += count
        result.evaluated += total

    # 6 emit

    def _emit(
        self, count: int, result: TickResult, redefines: bool = False
    ) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
        """Checks, commits and numbers one slice; its committed outcomes, and which were."""
        scratch, outcomes = self._scratch[:count], self._outcomes[:count]
        accepted = guards.inside_bounds(scratch, outcomes)
        if not redefines:
            accepted &= guards.keeps_bounds(self.catalog.rows, scratch, outcomes)
        self.kernel.commit(
            self.catalog.rows, self._scratch, self._outcomes, accepted.astype(np.uint8),
            self.catalog.strategy_records, self.counters, count,
        )  # fmt: skip
        emit.note_ignored(outcomes, result)
        refused = outcomes[~accepted]
        self.bounds_trips += len(refused)
        result.problems.extend(emit.refusal(each) for each in refused)
        changed = outcomes[accepted & (outcomes["changed"] != 0)]
        if len(changed):
            records = self.catalog.records
            decisions = emit.decide(records, changed, self.next_decision_id, self.now_ms)
            self.next_decision_id += len(changed)
            self.decisions.append(decisions)
            result.decisions = np.concatenate([result.decisions, decisions])
        return outcomes[accepted], accepted

    # Reads

    def evaluate_prices(self, batch: SnapshotBatch, now_ms: int) -> EvaluateResult:
        """What snapshots would lead to now; nothing is changed, counted or numbered."""
        now_ms = max(self.now_ms, now_ms)
        resolved = resolve_snapshots(batch, self.catalog, now_ms)
        result = EvaluateResult(problems=batch.problems + resolved.problems)
        aside = new_counters()
        first = 0
        while first < len(resolved.rows):
            count = self.kernel.evaluate_offers(
                self.catalog.rows, self.catalog.strategy_records, self.catalog.pool,
                resolved.rows, first, min(first + SLICE, len(resolved.rows)), batch.offers, now_ms,
                self._scratch, self._outcomes,
            )  # fmt: skip
            result.prices.extend(evaluated(each) for each in self._outcomes[:count])
            self.kernel.commit(
                self.catalog.rows, self._scratch, self._outcomes, np.zeros(count, np.uint8),
                self.catalog.strategy_records, aside, count,
            )  # fmt: skip
            first += count
        return result

    def state_counts(self) -> NDArray[np.int64]:
        """Listings by `schema.CycleState`."""
        transitions = tables(self.counters).transitions
        counts = transitions.sum(axis=0) - transitions.sum(axis=1) - self.deleted
        counts[CycleState.SEEKING] += self.created
        return np.asarray(counts)

    def resolve(self, batch: SnapshotBatch) -> Resolved:
        """Resolves a snapshot batch again, for Explain."""
        return resolve_snapshots(batch, self.catalog, self.now_ms)


def reply_key(each: Input) -> tuple[str, int, str]:
    """What a request id is unique within."""
    return each.caller, int(each.kind), each.batch.request_id


def simple_commands(wanted: Iterable[tuple[int, int, int]]) -> NDArray[np.void]:
    """Command rows of (index, listing id, kind)."""
    listed = list(wanted)
    commands = np.zeros(len(listed), COMMAND)
    for at, (index, listing_id, kind) in enumerate(listed):
        commands[at]["index"], commands[at]["listing_id"] = index, listing_id
        commands[at]["kind"] = kind
    return commands


def evaluated(outcome: np.void) -> Evaluated:
    """An outcome that was not committed."""
    return Evaluated(
        index=int(outcome["index"]),
        listing_id=int(outcome["listing_id"]),
        price_minor=int(outcome["price_minor"]),
        reason=int(outcome["reason"]),
        state=int(outcome["state"]),
        changed=bool(outcome["changed"]),
    )
