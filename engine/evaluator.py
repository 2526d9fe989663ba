"""Stages 5 and 6 of a tick: the kernel proposes rows in scratch, what may leave is committed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine import emit, kernel
from engine.columns import OfferColumns
from engine.counters import new_counters, tables
from engine.guards import Guard, withdraw
from engine.guards.gate import Gate
from engine.guards.proposals import Origin
from engine.guards.slices import Finding, Slice, Slots, Source
from engine.results import Evaluated, TickResult
from engine.schema import (
    GRID,
    NO_INDEX,
    OUTCOME,
    ROW,
    CycleState,
    DecisionStatus,
    Reason,
    RowFlag,
)
from engine.state import State

SLICE = 2_000
"""Rows evaluated before their proposals are committed."""

Evaluate = Callable[[int], int]
"""Evaluates from a position on and returns the number of proposals made."""
Numbered = Callable[[int], NDArray[np.void]]
"""Decisions or withdrawals (`schema.DECISION`), numbered from an id on."""


class Evaluator:
    """Runs resolved inputs over the rows of a state. Belongs to the writer thread."""

    def __init__(self, state: State) -> None:
        self.kernel = kernel.load()
        self.counters = new_counters()
        self._state = state
        self._gate = Gate(state)
        self._scratch = np.zeros(SLICE, ROW)
        self._outcomes = np.zeros(SLICE, OUTCOME)
        self._out = (self._scratch, np.zeros(SLICE, GRID), self._outcomes)

    # 5 evaluate

    def offers(
        self,
        rows: NDArray[np.void],
        offers: OfferColumns,
        result: TickResult,
        released: bool = False,
    ) -> None:
        """Evaluates snapshots (`schema.SNAPSHOT`) with their offers.

        Here and below, what is `released` passes the breaker and the spiral guard.
        """
        evaluate = self._offers_from(rows, offers, self._state.now_ms)
        self._run(len(rows), evaluate, result, Source(Origin.OFFERS, rows, offers, 0, released))

    def feedback(self, rows: NDArray[np.void], result: TickResult, released: bool = False) -> None:
        """Evaluates feedback (`schema.FEEDBACK`)."""
        catalog, now_ms = self._state.catalog, self._state.now_ms

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_feedback(
                catalog.rows, catalog.grids, catalog.strategy_records, rows, first,
                min(first + SLICE, len(rows)), now_ms, *self._out,
            )  # fmt: skip

        self._run(len(rows), evaluate, result, Source(Origin.FEEDBACK, rows, released=released))

    def commands(
        self, commands: NDArray[np.void], result: TickResult, released: bool = False
    ) -> None:
        """Evaluates commands (`schema.COMMAND`); only they may change bounds."""
        catalog, now_ms = self._state.catalog, self._state.now_ms

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_commands(
                catalog.rows, catalog.grids, catalog.strategy_records, commands, first,
                min(first + SLICE, len(commands)), now_ms, *self._out,
            )  # fmt: skip

        self._run(
            len(commands),
            evaluate,
            result,
            Source(Origin.COMMAND, released=released, commands=commands),
        )

    def timers(
        self, first_id: int, last_id: int, result: TickResult, released: bool = False
    ) -> None:
        """Runs the due timers of listings first_id to last_id (excluded)."""
        at, source = first_id, Source(Origin.TIMER, released=released)
        while at < last_id:
            catalog = self._state.catalog
            count, at = self.kernel.evaluate_timers(
                catalog.rows, catalog.grids, catalog.strategy_records, at, last_id,
                self._state.now_ms, *self._out,
            )  # fmt: skip
            self._emit(count, result, source)

    def restore(
        self, ids: NDArray[np.uint32], prices: NDArray[np.int64], result: TickResult
    ) -> None:
        """Sets prices that a person wants, and pauses their listings.

        Bounds hold; step limit, changes per hour, breaker and spiral guard do not.
        """
        for first in range(0, len(ids), SLICE):
            part = ids[first : first + SLICE]
            rows = self._state.catalog.rows[part]
            outcomes = self._outcomes[: len(part)]
            outcomes[:] = np.zeros(1, OUTCOME)
            outcomes["listing_id"], outcomes["index"] = part, NO_INDEX
            outcomes["previous_minor"] = rows["price_minor"]
            outcomes["state_before"] = rows["state"]
            high = np.maximum(rows["floor_minor"], rows["ceiling_minor"])
            rows["price_minor"] = np.clip(prices[first : first + SLICE], rows["floor_minor"], high)
            rows["effective_s"], rows["deadline_s"], rows["draws"], rows["attempts"] = 0, 0, 1, 0
            rows["state"], rows["reason"] = CycleState.PAUSED, Reason.RESTORED
            gone = np.uint16(RowFlag.DISPLACED | RowFlag.REJECTED | RowFlag.WITHDRAWN)
            rows["flags"] = rows["flags"] & ~gone | np.uint16(RowFlag.PAUSED_BY_USER)
            self._scratch[: len(part)] = rows
            for name in ("price_minor", "state", "reason"):
                outcomes[name] = rows[name]
            outcomes["changed"] = 1
            self._emit(len(part), result, Source(Origin.PERSON, released=True))

    def trial(self, rows: NDArray[np.void], offers: OfferColumns, now_ms: int) -> list[Evaluated]:
        """What snapshots would lead to; nothing is changed, counted or numbered."""
        catalog, aside = self._state.catalog, new_counters()
        evaluate = self._offers_from(rows, offers, now_ms)
        prices: list[Evaluated] = []
        first = 0
        while first < len(rows):
            count = evaluate(first)
            prices.extend(evaluated(each) for each in self._outcomes[:count])
            self.kernel.commit(
                catalog.rows, catalog.grids, *self._out, np.zeros(count, np.uint8),
                catalog.strategy_records, aside, count,
            )  # fmt: skip
            first += count
        return prices

    def _offers_from(self, rows: NDArray[np.void], offers: OfferColumns, now_ms: int) -> Evaluate:
        catalog = self._state.catalog

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_offers(
                catalog.rows, catalog.grids, catalog.strategy_records, catalog.pool, rows, first,
                min(first + SLICE, len(rows)), offers, now_ms, *self._out,
            )  # fmt: skip

        return evaluate

    def _run(self, total: int, evaluate: Evaluate, result: TickResult, source: Source) -> None:
        """Runs inputs in slices; rows of the source have an event time."""
        first = 0
        while first < total:
            count = evaluate(first)
            accepted, part = self._emit(count, result, source.at(first))
            if source.rows is not None and part.found & Finding.VERDICT:
                at = source.rows["event_ms"][first : first + count][accepted]
                emit.note_evidence(self._state.catalog.records, part.outcomes[accepted], at)
            first += count
        result.evaluated += total

    # 6 emit

    def _emit(
        self, count: int, result: TickResult, source: Source
    ) -> tuple[NDArray[np.bool_], Slice]:
        """Guards, commits and numbers one slice; which of its outcomes were committed."""
        catalog = self._state.catalog
        scratch, outcomes = self._scratch[:count], self._outcomes[:count]
        accepted, part = self._gate.check(scratch, outcomes, source)
        if source.origin == Origin.COMMAND or part.found & Finding.PAUSED:
            slots, reasons = withdraw.outdated(part, accepted, self._state.now_ms)
            self.withdraw(part.ids[slots], reasons)
        self.kernel.commit(
            catalog.rows, catalog.grids, *self._out, accepted.view(np.uint8),
            catalog.strategy_records, self.counters, count,
        )  # fmt: skip
        if catalog.has_b2b:
            self._state.coupling.note(catalog, part, accepted)
        if part.found & Finding.IGNORED:
            emit.note_ignored(outcomes, result)
        if not accepted.all():
            result.problems.extend(emit.refusal(each) for each in outcomes[~accepted])
        for stopped in part.stopped:
            told = outcomes[["index", "listing_id"]][stopped].tolist()
            result.problems.extend(emit.stopped(*each) for each in told if each[0] != NO_INDEX)
        self._decide(part, np.flatnonzero(accepted & (outcomes["changed"] != 0)), result)
        return accepted, part

    def _decide(self, part: Slice, emitted: Slots, result: TickResult) -> None:
        """Numbers the decisions of a slice in its order, those that do not go out among them."""
        self._gate.drop_outdated(part, emitted)
        if not part.aside:
            if len(emitted):
                result.add(self._number(self._decisions(part.outcomes, emitted, emit.ALL_EMITTED)))
            return
        groups = [(emitted, part.outcomes[emitted], DecisionStatus.EMITTED)]
        for aside in part.aside:
            fresh = self._gate.fresh(aside)
            groups.append((aside.slots[fresh], aside.outcomes[fresh], aside.status))
        if not any(len(each) for each, _, _ in groups):
            return
        slots, outcomes, status = in_order(groups)
        decisions = self._number(self._decisions(outcomes, np.arange(len(slots)), status))
        goes_out = status == DecisionStatus.EMITTED
        result.add(decisions[goes_out])
        if not goes_out.all():
            result.set_aside = np.concatenate([result.set_aside, decisions[~goes_out]])
            self._gate.keep(part, slots[~goes_out], decisions[~goes_out])

    def _decisions(
        self, outcomes: NDArray[np.void], slots: Slots, status: NDArray[np.uint8]
    ) -> Numbered:
        catalog, now_ms = self._state.catalog, self._state.now_ms
        return lambda first_id: emit.decide(
            catalog.record_bytes, outcomes, slots, status, first_id, now_ms
        )

    def withdraw(self, ids: NDArray[np.uint32], reasons: NDArray[np.uint8]) -> None:
        """Takes the last decision of each listing back; `reasons` are of `schema.Reason`."""
        for first in range(0, len(ids), SLICE):
            chosen = slice(first, first + SLICE)
            self._number(
                partial(
                    withdraw.withdrawals, self._state.catalog, ids[chosen], reasons[chosen],
                    now_ms=self._state.now_ms,
                )
            )  # fmt: skip
        self._state.guards.trips[Guard.WITHDRAWAL] += len(ids)

    def withdraw_pending(self, ids: NDArray[np.uint32], reason: Reason) -> None:
        """Takes back what these listings decided and nobody has seen live."""
        catalog = self._state.catalog
        ids = ids[withdraw.pending(catalog, ids, self._state.now_ms)]
        self.withdraw(ids, np.full(len(ids), reason, np.uint8))
        catalog.rows["flags"][ids] |= withdraw.WITHDRAWN

    def _number(self, make: Numbered) -> NDArray[np.void]:
        """Gives decisions or withdrawals their ids and tells those who watch."""
        state = self._state
        made = make(state.next_decision_id)
        state.next_decision_id += len(made)
        state.decisions.append(made)
        return made

    def state_changes(self) -> NDArray[np.int64]:
        """Listings that came into each `schema.CycleState` less those that left it, as counted."""
        transitions = tables(self.counters).transitions
        return np.asarray(transitions.sum(axis=0) - transitions.sum(axis=1))


def in_order(
    groups: list[tuple[Slots, NDArray[np.void], DecisionStatus]],
) -> tuple[Slots, NDArray[np.void], NDArray[np.uint8]]:
    """Decisions of several kinds in the order of their slots, with the status of each."""
    if len(groups) == 1:
        slots, outcomes, status = groups[0]
        return slots, outcomes, np.full(len(slots), status, np.uint8)
    slots = np.concatenate([each for each, _, _ in groups])
    order = np.argsort(slots, kind="stable")
    outcomes = np.concatenate([each for _, each, _ in groups])[order]
    kinds = np.repeat([each for _, _, each in groups], [len(each) for each, _, _ in groups])
    return slots[order], outcomes, kinds[order].astype(np.uint8)


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
