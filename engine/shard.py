"""Applies decoded inputs to the state, stages 4 to 6 of a tick: one method per kind of input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine._state_hash import count_states
from engine.apply_bounds import apply_exchange_rates, apply_fee_schedules, recompute_due
from engine.apply_catalog import apply_listings, apply_sellers, apply_strategies
from engine.apply_guards import (
    apply_discard,
    apply_release,
    apply_restart,
    apply_restore,
    apply_stop,
)
from engine.apply_previews import apply_fee_previews
from engine.apply_sales import apply_sales
from engine.apply_stock import apply_stock
from engine.columns import (
    EraseBatch,
    FeedbackBatch,
    RefBatch,
    SellerDefinition,
    SnapshotBatch,
)
from engine.coupling import couple
from engine.erasure import erase_seller
from engine.errors import RowProblem
from engine.evaluator import Evaluator
from engine.following import follow
from engine.redefining import follow_calendars
from engine.resolve import resolve_feedback, resolve_refs, resolve_snapshots
from engine.results import CountResult, EvaluateResult, Result, TickResult
from engine.schema import COMMAND, CommandKind, CycleState, InputKind
from engine.scope import Scope, inside
from engine.sightings import note_offers
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
        self._handlers: dict[InputKind, Callable[[Batch, int, Scope], Result]] = {
            InputKind.REPRICE: self._reprice,
            InputKind.REPRICE_PART: self._reprice,
            InputKind.FEEDBACK: self._feedback,
            InputKind.STOCK: partial(apply_stock, self),
            InputKind.SALES: partial(apply_sales, self),
            InputKind.SELLERS: partial(apply_sellers, self),
            InputKind.STRATEGIES: partial(apply_strategies, self),
            InputKind.FEE_SCHEDULES: partial(apply_fee_schedules, self),
            InputKind.FEE_PREVIEWS: partial(apply_fee_previews, self),
            InputKind.EXCHANGE_RATES: partial(apply_exchange_rates, self),
            InputKind.LISTINGS: partial(apply_listings, self),
            InputKind.DELETE: self._delete,
            InputKind.PAUSE: self._pause,
            InputKind.RESUME: self._resume,
            InputKind.ERASE: self._erase,
            InputKind.STOP: partial(apply_stop, self),
            InputKind.RESTART: partial(apply_restart, self),
            InputKind.RELEASE: partial(apply_release, self),
            InputKind.DISCARD: partial(apply_discard, self),
            InputKind.RESTORE: partial(apply_restore, self),
        }
        self.count_listings()

    def apply(self, kind: InputKind, batch: Batch, sequence: int, scope: Scope) -> Result:
        """Applies one input; `sequence` is its place in the journal.

        Rows of sellers outside the scope fail like rows that do not exist.
        """
        follow_calendars(self, TickResult(sequence))
        result = self._handlers[kind](batch, sequence, scope)
        couple(self, result)
        return result

    def advance(self, first_id: int, last_id: int, sequence: int) -> TickResult:
        """Follows calendars, computes bounds that are due, of whichever listings, and runs the due
        timers of listings first_id to last_id (excluded)."""
        result = TickResult(sequence)
        follow_calendars(self, result)
        recompute_due(self, result)
        follow(self, result)
        self.evaluator.timers(first_id, min(last_id, self.state.catalog.count), result)
        couple(self, result)
        return result

    def timers_due(self, first_id: int, last_id: int, now_ms: int) -> bool:
        """Whether a listing from first_id to last_id (excluded) has a due timer, or any has bounds
        to be computed or a calendar to follow."""
        if self.state.bounds.due or self.state.following.is_due(now_ms):
            return True
        catalog = self.state.catalog
        if catalog.schedules.due(now_ms) or 0 < catalog.next_promotion_ms <= now_ms:
            return True
        deadlines = catalog.rows["deadline_s"][first_id : min(last_id, catalog.count)]
        return bool(np.any((deadlines != 0) & (deadlines <= now_ms // 1000)))

    def command(
        self, commands: NDArray[np.void], result: TickResult, released: bool = False
    ) -> None:
        """Evaluates command rows (`schema.COMMAND`) and adds what they lead to."""
        self.evaluator.commands(commands, result, released)

    def _reprice(self, batch: SnapshotBatch, sequence: int, scope: Scope) -> TickResult:
        catalog = self.state.catalog
        resolved = resolve_snapshots(batch, catalog, self.state.now_ms, scope)
        self.ambiguous_own += resolved.ambiguous_own
        self.offers_read += len(batch.offers)
        problems = note_offers(self.state, batch, resolved, scope)
        result = TickResult(sequence, problems=batch.problems + problems)
        catalog.records["sequence"][resolved.rows["listing_id"]] = sequence
        self.evaluator.offers(resolved.rows, batch.offers, result)
        return result

    def _feedback(self, batch: FeedbackBatch, sequence: int, scope: Scope) -> TickResult:
        resolved = resolve_feedback(batch, self.state.catalog, self.state.now_ms, scope)
        result = TickResult(sequence, problems=batch.problems + resolved.problems)
        self.evaluator.feedback(resolved.rows, result)
        return result

    def _delete(self, batch: RefBatch, sequence: int, scope: Scope) -> CountResult:
        result, listing_ids = self._simple(batch, sequence, CommandKind.DELETE, scope)
        catalog = self.state.catalog
        for listing_id in dict.fromkeys(listing_ids):
            self.state.following.live_changed(catalog, [listing_id])
            self._uncounted[catalog.rows["state"][listing_id]] -= 1
            catalog.forget(listing_id)
            stated = listing_id not in self.state.bounds.proposed
            self.state.guards.forget(catalog, listing_id, stated)
            self.state.sales.forget(listing_id)
            self.state.coupling.forget(listing_id)
            self.state.bounds.forget(listing_id)
        return result

    def _pause(self, batch: RefBatch, sequence: int, scope: Scope) -> CountResult:
        return self._simple(batch, sequence, CommandKind.PAUSE, scope)[0]

    def _resume(self, batch: RefBatch, sequence: int, scope: Scope) -> CountResult:
        return self._simple(batch, sequence, CommandKind.RESUME, scope)[0]

    def _simple(
        self, batch: RefBatch, sequence: int, kind: CommandKind, scope: Scope
    ) -> tuple[CountResult, list[int]]:
        positions, listing_ids, problems = resolve_refs(batch, self.state.catalog, scope)
        indices = np.array(batch.indices, np.uint32)[positions]
        tick = TickResult(sequence)
        self.command(simple_commands(indices, listing_ids, kind), tick)
        return CountResult(
            sequence, len(positions), batch.problems + problems
        ), listing_ids.tolist()

    def _erase(self, batch: EraseBatch, sequence: int, scope: Scope) -> CountResult:
        catalog = self.state.catalog
        known = inside(scope, batch.seller_id) and self._knows_seller(batch.seller_id)
        if not known:
            message = (
                f"seller_id: no listings of seller {batch.seller_id!r} are known; what else is kept"
                " of a seller of yours by this name is erased"
            )
            problem = RowProblem(0, "seller_id", "UNKNOWN_SELLER", message)
            return CountResult(sequence, 0, [problem])
        seller = catalog.seller_at.get(batch.seller_id)
        if seller is None:  # It has strategies, fee schedules or rates and nothing else.
            seller = catalog.put_seller(SellerDefinition(batch.seller_id))
        listed = catalog.listings_of(seller)
        active = listed[catalog.active[listed]]
        refs = RefBatch("", len(active), active.tolist(), active.tolist())
        self._delete(refs, sequence, scope)
        erased = erase_seller(catalog, seller)
        self.state.guards.erase(seller, batch.seller_id, listed)
        self.state.bounds.erase(batch.seller_id)
        self.state.following.forget(erased)
        self.state.decisions.forget(listed)
        return CountResult(sequence, len(active))

    def _knows_seller(self, seller_id: str) -> bool:
        """Whether anything here is a seller's."""
        bounds = self.state.bounds
        owners = (*self.state.catalog.strategy_at, *bounds.schedules, *bounds.rates.pairs)
        return seller_id in self.state.catalog.seller_at or any(
            owner == seller_id for owner, *_ in owners
        )

    # Reads

    def trial(self, batch: SnapshotBatch, now_ms: int, scope: Scope) -> EvaluateResult:
        """What snapshots would lead to at `now_ms`; nothing is changed, counted or numbered."""
        resolved = resolve_snapshots(batch, self.state.catalog, now_ms, scope)
        prices = self.evaluator.trial(resolved.rows, batch.offers, now_ms)
        return EvaluateResult(prices, batch.problems + resolved.problems)

    # Counts

    def count_listings(self) -> None:
        """Counts the listings of the state as it is; changes are counted as they happen."""
        catalog = self.state.catalog
        present = np.zeros(len(CycleState) + 1, np.int64)
        count_states(catalog.rows[: catalog.count].view(np.uint8), present)
        self._uncounted = present - self.evaluator.state_changes()

    def forget_counts(self) -> None:
        """Begins to count anew; what was replayed was counted when it happened.

        Trips of guards are part of the state and go on.
        """
        self._uncounted = self.state_counts()
        self.evaluator.counters[:] = 0
        self.ambiguous_own = self.offers_read = 0

    def created(self) -> None:
        """Counts a listing that was created and is SEEKING."""
        self._uncounted[CycleState.SEEKING] += 1

    def state_counts(self) -> NDArray[np.int64]:
        """Listings by `schema.CycleState`."""
        return np.asarray(self._uncounted + self.evaluator.state_changes())


def simple_commands(
    indices: NDArray[np.uint32],
    listing_ids: NDArray[np.uint32],
    kind: CommandKind,
) -> NDArray[np.void]:
    """Command rows that say nothing but their kind."""
    commands = np.zeros(len(listing_ids), COMMAND)
    commands["index"], commands["listing_id"], commands["kind"] = indices, listing_ids, kind
    return commands
