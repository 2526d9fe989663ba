"""Stages 5 and 6 of a tick: the kernel proposes rows in scratch, what may leave is committed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine import emit, guards, kernel
from engine.columns import OfferColumns
from engine.counters import new_counters, tables
from engine.results import Evaluated, TickResult
from engine.schema import OUTCOME, ROW
from engine.state import State

SLICE = 2_000
"""Rows evaluated before their proposals are committed."""

Evaluate = Callable[[int], int]
"""Evaluates from a position on and returns the number of proposals made."""


class Evaluator:
    """Runs resolved inputs over the rows of a state. Belongs to the writer thread."""

    def __init__(self, state: State) -> None:
        self.kernel = kernel.load()
        self.counters = new_counters()
        self.bounds_trips = 0
        self._state = state
        self._scratch = np.zeros(SLICE, ROW)
        self._outcomes = np.zeros(SLICE, OUTCOME)

    # 5 evaluate

    def offers(self, rows: NDArray[np.void], offers: OfferColumns, result: TickResult) -> None:
        """Evaluates snapshots (`schema.SNAPSHOT`) with their offers."""
        self._run(len(rows), self._offers_from(rows, offers, self._state.now_ms), result, rows)

    def feedback(self, rows: NDArray[np.void], result: TickResult) -> None:
        """Evaluates feedback (`schema.FEEDBACK`)."""
        catalog, now_ms = self._state.catalog, self._state.now_ms

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_feedback(
                catalog.rows, catalog.strategy_records, rows, first,
                min(first + SLICE, len(rows)), now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        self._run(len(rows), evaluate, result, rows)

    def commands(self, commands: NDArray[np.void], result: TickResult) -> None:
        """Evaluates commands (`schema.COMMAND`); only they may change bounds."""
        catalog, now_ms = self._state.catalog, self._state.now_ms

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_commands(
                catalog.rows, catalog.strategy_records, commands, first,
                min(first + SLICE, len(commands)), now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        self._run(len(commands), evaluate, result, None)

    def timers(self, first_id: int, last_id: int, result: TickResult) -> None:
        """Runs the due timers of listings first_id to last_id (excluded)."""
        at = first_id
        while at < last_id:
            catalog = self._state.catalog
            count, at = self.kernel.evaluate_timers(
                catalog.rows, catalog.strategy_records, at, last_id, self._state.now_ms,
                self._scratch, self._outcomes,
            )  # fmt: skip
            self._emit(count, result)

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
                catalog.rows, self._scratch, self._outcomes, np.zeros(count, np.uint8),
                catalog.strategy_records, aside, count,
            )  # fmt: skip
            first += count
        return prices

    def _offers_from(self, rows: NDArray[np.void], offers: OfferColumns, now_ms: int) -> Evaluate:
        catalog = self._state.catalog

        def evaluate(first: int) -> int:
            return self.kernel.evaluate_offers(
                catalog.rows, catalog.strategy_records, catalog.pool, rows, first,
                min(first + SLICE, len(rows)), offers, now_ms, self._scratch, self._outcomes,
            )  # fmt: skip

        return evaluate

    def _run(
        self,
        total: int,
        evaluate: Evaluate,
        result: TickResult,
        dated: NDArray[np.void] | None,
    ) -> None:
        """Runs inputs in slices; `dated` rows have an event time and leave bounds as they are."""
        first = 0
        while first < total:
            count = evaluate(first)
            done, accepted = self._emit(count, result, redefines=dated is None)
            if dated is not None:
                at = dated["event_ms"][first : first + count][accepted]
                emit.note_evidence(self._state.catalog.records, done, at)
            first += count
        result.evaluated += total

    # 6 emit

    def _emit(
        self, count: int, result: TickResult, redefines: bool = False
    ) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
        """Checks, commits and numbers one slice; its committed outcomes, and which were."""
        catalog = self._state.catalog
        scratch, outcomes = self._scratch[:count], self._outcomes[:count]
        accepted = guards.inside_bounds(scratch, outcomes)
        if not redefines:
            accepted &= guards.keeps_bounds(catalog.rows, scratch, outcomes)
        self.kernel.commit(
            catalog.rows, self._scratch, self._outcomes, accepted.astype(np.uint8),
            catalog.strategy_records, self.counters, count,
        )  # fmt: skip
        emit.note_ignored(outcomes, result)
        refused = outcomes[~accepted]
        self.bounds_trips += len(refused)
        result.problems.extend(emit.refusal(each) for each in refused)
        self._decide(outcomes[accepted & (outcomes["changed"] != 0)], result)
        return outcomes[accepted], accepted

    def _decide(self, changed: NDArray[np.void], result: TickResult) -> None:
        if len(changed) == 0:
            return
        state = self._state
        decisions = emit.decide(
            state.catalog.records, changed, state.next_decision_id, state.now_ms
        )
        state.next_decision_id += len(changed)
        state.decisions.append(decisions)
        result.decisions = np.concatenate([result.decisions, decisions])

    def state_changes(self) -> NDArray[np.int64]:
        """Listings that came into each `schema.CycleState` less those that left it, as counted."""
        transitions = tables(self.counters).transitions
        return np.asarray(transitions.sum(axis=0) - transitions.sum(axis=1))


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
