"""Applies decoded inputs to the state, stages 4 to 6 of a tick: one method per kind of input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.apply_catalog import apply_listings, apply_sellers, apply_strategies
from engine.apply_guards import (
    apply_discard,
    apply_release,
    apply_restart,
    apply_restore,
    apply_stop,
)
from engine.columns import FeedbackBatch, RefBatch, SnapshotBatch, StockBatch
from engine.evaluator import Evaluator
from engine.resolve import resolve_feedback, resolve_refs, resolve_snapshots
from engine.results import CountResult, EvaluateResult, Result, TickResult
from engine.schema import COMMAND, CommandKind, CycleState, InputKind, RowFlag
from engine.state import State

Batch = Any
"""One of the batches of `engine.columns`, as the input's kind demands."""


class Shard:
    """State, rules and what they counted. Belongs to the writer thread."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.evaluator = Evaluator(state)
        self.ambiguous_own = 0
        self.offers_read = 0
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
            InputKind.STOP: partial(apply_stop, self),
            InputKind.RESTART: partial(apply_restart, self),
            InputKind.RELEASE: partial(apply_release, self),
            InputKind.DISCARD: partial(apply_discard, self),
            InputKind.RESTORE: partial(apply_restore, self),
        }
        self.count_listings()

    def apply(self, kind: InputKind, batch: Batch, sequence: int) -> Result:
        """Applies one input; `sequence` is its place in the journal."""
        return self._handlers[kind](batch, sequence)

    def advance(self, first_id: int, last_id: int, sequence: int) -> TickResult:
        """Runs the due timers of listings first_id to last_id (excluded)."""
        result = TickResult(sequence)
        self.evaluator.timers(first_id, min(last_id, self.state.catalog.count), result)
        return result

    def timers_due(self, first_id: int, last_id: int, now_ms: int) -> bool:
        """Whether a listing from first_id to last_id (excluded) has a due timer."""
        catalog = self.state.catalog
        deadlines = catalog.rows["deadline_s"][first_id : min(last_id, catalog.count)]
        return bool(np.any((deadlines != 0) & (deadlines <= now_ms // 1000)))

    def command(
        self, commands: NDArray[np.void], result: TickResult, released: bool = False
    ) -> None:
        """Evaluates command rows (`schema.COMMAND`) and adds what they lead to."""
        self.evaluator.commands(commands, result, released)

    def _reprice(self, batch: SnapshotBatch, sequence: int) -> TickResult:
        catalog = self.state.catalog
        resolved = resolve_snapshots(batch, catalog, self.state.now_ms)
        self.ambiguous_own += resolved.ambiguous_own
        self.offers_read += len(batch.offers)
        result = TickResult(sequence, problems=batch.problems + resolved.problems)
        catalog.records["sequence"][resolved.rows["listing_id"]] = sequence
        self.evaluator.offers(resolved.rows, batch.offers, result)
        return result

    def _feedback(self, batch: FeedbackBatch, sequence: int) -> TickResult:
        resolved = resolve_feedback(batch, self.state.catalog, self.state.now_ms)
        result = TickResult(sequence, problems=batch.problems + resolved.problems)
        self.evaluator.feedback(resolved.rows, result)
        return result

    def _stock(self, batch: StockBatch, sequence: int) -> TickResult:
        found, problems = resolve_refs(batch, self.state.catalog)
        result = TickResult(sequence, problems=batch.problems + problems)
        kinds = (CommandKind.STOCK_OUT, CommandKind.STOCK_IN)
        commands = [
            (index, listing_id, kinds[batch.quantities[at] > 0]) for at, index, listing_id in found
        ]
        self.command(simple_commands(commands), result)
        return result

    def _delete(self, batch: RefBatch, sequence: int) -> CountResult:
        result, listing_ids = self._simple(batch, sequence, CommandKind.DELETE)
        catalog = self.state.catalog
        for listing_id in dict.fromkeys(listing_ids):
            self._uncounted[catalog.rows["state"][listing_id]] -= 1
            catalog.forget(listing_id)
            self.state.guards.forget(catalog, listing_id)
        return result

    def _pause(self, batch: RefBatch, sequence: int) -> CountResult:
        return self._simple(batch, sequence, CommandKind.PAUSE)[0]

    def _resume(self, batch: RefBatch, sequence: int) -> CountResult:
        return self._simple(batch, sequence, CommandKind.RESUME)[0]

    def _simple(
        self, batch: RefBatch, sequence: int, kind: CommandKind
    ) -> tuple[CountResult, list[int]]:
        found, problems = resolve_refs(batch, self.state.catalog)
        tick = TickResult(sequence)
        self.command(simple_commands((index, each, kind) for _, index, each in found), tick)
        listing_ids = [each for _, _, each in found]
        return CountResult(sequence, len(found), batch.problems + problems), listing_ids

    # Reads

    def trial(self, batch: SnapshotBatch, now_ms: int) -> EvaluateResult:
        """What snapshots would lead to at `now_ms`; nothing is changed, counted or numbered."""
        resolved = resolve_snapshots(batch, self.state.catalog, now_ms)
        prices = self.evaluator.trial(resolved.rows, batch.offers, now_ms)
        return EvaluateResult(prices, batch.problems + resolved.problems)

    # Counts

    def count_listings(self) -> None:
        """Counts the listings of the state as it is; changes are counted as they happen."""
        catalog = self.state.catalog
        rows = catalog.rows[: catalog.count]
        active = (rows["flags"] & np.uint16(RowFlag.ACTIVE)) != 0
        present = np.bincount(rows["state"][active], minlength=len(CycleState) + 1)
        self._uncounted = present - self.evaluator.state_changes()

    def created(self) -> None:
        """Counts a listing that was created and is SEEKING."""
        self._uncounted[CycleState.SEEKING] += 1

    def state_counts(self) -> NDArray[np.int64]:
        """Listings by `schema.CycleState`."""
        return np.asarray(self._uncounted + self.evaluator.state_changes())


def simple_commands(wanted: Iterable[tuple[int, int, int]]) -> NDArray[np.void]:
    """Command rows of (index, listing id, kind)."""
    listed = list(wanted)
    commands = np.zeros(len(listed), COMMAND)
    for at, (index, listing_id, kind) in enumerate(listed):
        commands[at]["index"], commands[at]["listing_id"] = index, listing_id
        commands[at]["kind"] = kind
    return commands
