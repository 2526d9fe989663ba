"""The native kernel equals the plain twin bit by bit, at every CPU level that runs here."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twin_cases import START_MS
from twin_draws import (
    NOW_S,
    command_rows,
    compiled,
    feedback_rows,
    grids,
    offer_columns,
    rows,
    snapshots,
)
from twins import LISTINGS, SLICE, STRATEGIES, Side, Twins, same

from engine.columns import OfferColumns
from engine.counters import tables
from engine.kernel import REFERENCE, available_levels, load
from engine.reference_rules import changes_used
from engine.schema import (
    COMMAND,
    FEEDBACK,
    CommandKind,
    CycleState,
    FeedbackKind,
    Reason,
    RowFlag,
)

EVALUATIONS = int(os.environ.get("REPRICED_TWIN_EVALUATIONS", "60000"))
GUARDS_SAY = {
    Reason.SPIRAL, Reason.RESTORED, Reason.STOPPED, Reason.DRY_RUN, Reason.BREAKER,
    Reason.SPIRAL_HELD,
}  # fmt: skip
"""Reasons that no rule of the kernel gives."""
LEVELS = available_levels()


@pytest.mark.parametrize("level", LEVELS)
def test_seeded_inputs_lead_to_equal_bytes(level: str) -> None:
    """Offers, feedback, commands and timers over one table; every state and reason is reached."""
    twins = Twins([load(REFERENCE), load(level)], 11, LISTINGS, STRATEGIES)
    for _ in twins.run(EVALUATIONS):
        pass
    counted = tables(twins.oracle.counters)
    assert all(counted.transitions[:, state].any() for state in CycleState)
    assert all(counted.transitions[state].any() for state in CycleState)
    if EVALUATIONS >= 50_000:
        never = {reason for reason in Reason if not counted.outcomes[:, reason].any()}
        never -= GUARDS_SAY
        assert len(never) <= 4, never
    assert counted.verdicts[FeedbackKind.WON] > 0
    assert counted.verdicts[FeedbackKind.LOST] > 0
    assert counted.verdicts[FeedbackKind.SHARE] > 0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [0, 1, 2, SLICE - 1, SLICE, SLICE + 1])
def test_above_and_below_a_slice(level: str, size: int) -> None:
    twins = Twins([load(REFERENCE), load(level)], size, LISTINGS, STRATEGIES)
    ids = twins.rng.permutation(LISTINGS)[:size]
    twins.offers(ids)
    twins.feedback(ids)
    twins.commands(ids)
    twins.now_ms += 3_600_000
    twins.timers()
    twins.compare_tables()
    assert twins.evaluations >= 3 * size


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("count", [7, 8, 9, 15, 16, 17, 24, 63, 64, 65, 100])
def test_above_and_below_the_offers_that_are_read_at_once(level: str, count: int) -> None:
    twins = Twins([load(REFERENCE), load(level)], count, LISTINGS, STRATEGIES)
    for _ in range(4):
        twins.offers(twins.rng.permutation(LISTINGS)[:300], count)
        twins.now_ms += 20 * 60_000
    twins.compare_tables()


@pytest.mark.parametrize("level", [REFERENCE, *LEVELS])
def test_a_listing_that_comes_again_ends_the_slice(level: str) -> None:
    twins = Twins([load(level)], 5, 10, 3)
    side = twins.oracle
    feedback = np.zeros(4, FEEDBACK)
    feedback["listing_id"] = [3, 4, 3, 5]
    feedback["kind"] = FeedbackKind.WON
    feedback["event_ms"] = twins.now_ms

    def evaluate(first: int) -> int:
        return side.kernel.evaluate_feedback(
            side.rows, side.grids, twins.strategies, feedback, first, 4, twins.now_ms, *side.out,
        )  # fmt: skip

    assert evaluate(0) == 2
    assert evaluate(0) == 0
    twins.compare(2)
    assert evaluate(2) == 2
    twins.compare(2)
    assert not (side.rows["flags"] & RowFlag.IN_SLICE).any()


@pytest.mark.parametrize("level", [REFERENCE, *LEVELS])
def test_a_refused_proposal_leaves_its_row_and_the_counters(level: str) -> None:
    twins = Twins([load(level)], 6, 10, 3)
    side = twins.oracle
    before = side.rows.copy()
    commands = np.zeros(1, COMMAND)
    commands["kind"], commands["listing_id"] = CommandKind.PAUSE, 7
    side.kernel.evaluate_commands(
        side.rows, side.grids, twins.strategies, commands, 0, 1, twins.now_ms, *side.out
    )
    assert side.rows["flags"][7] & RowFlag.IN_SLICE
    side.kernel.commit(
        side.rows, side.grids, *side.out, np.zeros(1, np.uint8), twins.strategies,
        side.counters, 1,
    )  # fmt: skip
    assert side.rows.tobytes() == before.tobytes()
    assert not side.counters.any()


# One row and one input

SIDES = [load(level) for level in (REFERENCE, *LEVELS)]
POOL = np.zeros(0, np.uint64)


def evaluate_everywhere(
    row: np.ndarray, grid: np.ndarray, evaluate: Callable[[Side], object]
) -> tuple[np.void, np.void]:
    """Proposed row and outcome, equal on every side."""
    sides = [Side(kernel, row) for kernel in SIDES]
    for side in sides:
        side.room(1)
        side.grids[:] = grid
        evaluate(side)
        same("scratch", sides[0].scratch, side, side.scratch)
        same("grids", sides[0].proposed, side, side.proposed)
        same("outcomes", sides[0].outcomes, side, side.outcomes)
    return sides[0].scratch[0], sides[0].outcomes[0]


def check_promises(before: np.void, strategy: np.void, after: np.void, outcome: np.void) -> None:
    """What holds of every decision: bounds, limits, and a reason that stands for a change."""
    if not outcome["changed"]:
        return
    floor, ceiling = int(after["floor_minor"]), int(after["ceiling_minor"])
    price, previous = int(outcome["price_minor"]), int(outcome["previous_minor"])
    assert 0 < outcome["reason"] < 64
    assert price == after["price_minor"]
    if outcome["reason"] in (Reason.REEMIT, Reason.TIERS):
        assert price == previous
        return
    assert floor <= price <= max(floor, ceiling)
    inside = floor <= previous <= max(floor, ceiling)
    if previous == 0 or not inside:
        return
    limit = int(strategy["step_limit_minor"])
    if strategy["step_limit_ppm"] > 0:
        limit = max(1, previous * int(strategy["step_limit_ppm"]) // 1_000_000)
    counts = {name: int(before[name]) for name in ("change_history", "change_bucket")}
    assert limit == 0 or abs(price - previous) <= limit
    assert changes_used(SimpleNamespace(**counts), NOW_S) < strategy["changes_per_hour"]
    if outcome["reason"] != Reason.REJECTED:
        assert abs(price - previous) >= strategy["min_change_minor"]


@settings(max_examples=400, deadline=None)
@given(st.data(), rows(), grids(), compiled(), offer_columns())
def test_any_snapshot(data: st.DataObject, row, grid, strategy, offers: OfferColumns) -> None:
    snapshot = data.draw(snapshots(offers, int(row["price_minor"][0])))
    after, outcome = evaluate_everywhere(
        row,
        grid,
        lambda side: side.kernel.evaluate_offers(
            side.rows, side.grids, strategy, POOL, snapshot, 0, 1, offers, START_MS, *side.out,
        ),
    )  # fmt: skip
    check_promises(row[0], strategy[0], after, outcome)
    paused = after["state"] == CycleState.PAUSED or after["price_minor"] == 0
    if not outcome["ignored"] and not paused:
        assert after["floor_minor"] <= after["price_minor"]
        assert after["price_minor"] <= max(after["floor_minor"], after["ceiling_minor"])


@settings(max_examples=400, deadline=None)
@given(st.data(), rows(), grids(), compiled())
def test_any_feedback(data: st.DataObject, row, grid, strategy) -> None:
    feedback = data.draw(feedback_rows(int(row["price_minor"][0])))
    after, outcome = evaluate_everywhere(
        row,
        grid,
        lambda side: side.kernel.evaluate_feedback(
            side.rows, side.grids, strategy, feedback, 0, 1, START_MS, *side.out
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)


@settings(max_examples=400, deadline=None)
@given(rows(), grids(), compiled(), command_rows())
def test_any_command(row, grid, strategy, command) -> None:
    after, outcome = evaluate_everywhere(
        row,
        grid,
        lambda side: side.kernel.evaluate_commands(
            side.rows, side.grids, strategy, command, 0, 1, START_MS, *side.out
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)


@settings(max_examples=400, deadline=None)
@given(rows(), grids(), compiled())
def test_any_timer(row, grid, strategy) -> None:
    after, outcome = evaluate_everywhere(
        row,
        grid,
        lambda side: side.kernel.evaluate_timers(
            side.rows, side.grids, strategy, 0, 1, START_MS, *side.out
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)
