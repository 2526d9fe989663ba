"""The native kernel equals the plain twin bit by bit, at every CPU level that runs here."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twin_cases import START_MS
from twins import LISTINGS, SLICE, STRATEGIES, Side, Twins, same

from engine.columns import OfferColumns
from engine.counters import tables
from engine.kernel import REFERENCE, available_levels, load
from engine.reference_rules import changes_used
from engine.schema import (
    COMMAND,
    FEEDBACK,
    MAX_PRICE_MINOR,
    MAX_SHIPPING_MINOR,
    OUTCOME,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    ROW,
    SNAPSHOT,
    STRATEGY,
    Alone,
    BelowFloor,
    CommandKind,
    CycleState,
    FeedbackKind,
    Reason,
    RowFlag,
    StrategyKind,
    Suppressed,
    WhenWinning,
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
            side.rows, twins.strategies, feedback, first, 4, twins.now_ms, side.scratch,
            side.outcomes,
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
        side.rows, twins.strategies, commands, 0, 1, twins.now_ms, side.scratch, side.outcomes
    )
    assert side.rows["flags"][7] & RowFlag.IN_SLICE
    side.kernel.commit(
        side.rows, side.scratch, side.outcomes, np.zeros(1, np.uint8), twins.strategies,
        side.counters, 1,
    )  # fmt: skip
    assert side.rows.tobytes() == before.tobytes()
    assert not side.counters.any()


# One row and one input, any values within the documented limits

prices = st.one_of(st.integers(1, 40), st.integers(1, 10_000), st.integers(1, MAX_PRICE_MINOR))
maybe_price = st.one_of(st.just(0), prices)
amounts = st.one_of(st.integers(-50, 50), st.integers(-MAX_PRICE_MINOR, MAX_PRICE_MINOR))
premiums = st.one_of(
    st.just(PREMIUM_UNKNOWN),
    st.integers(-200_000, 200_000),
    st.integers(-PREMIUM_LIMIT_PPM, PREMIUM_LIMIT_PPM),
)
rates = st.one_of(st.just(0), st.integers(0, 50_000), st.integers(0, PREMIUM_LIMIT_PPM))
cells = st.sampled_from([0, 0, 0x0F, 0xF0, 0x88, 0xFF, 0xFF])
waits = st.integers(1, 365 * 86_400)
NOW_S = START_MS // 1000
times_s = st.one_of(st.just(0), st.integers(NOW_S - 5_000, NOW_S + 5_000))
times_ms = st.one_of(
    st.just(START_MS), st.integers(START_MS - 100_000, START_MS + 300_000), st.integers(1, START_MS)
)


def record(draw: st.DrawFn, dtype: np.dtype, fields: dict[str, st.SearchStrategy[int]]):
    """One record with drawn fields; the others are zero."""
    array = np.zeros(1, dtype)
    for name, values in fields.items():
        target = array[name]
        for at in np.ndindex(target.shape):
            target[at] = draw(values)
    return array


@st.composite
def rows(draw: st.DrawFn) -> np.ndarray:
    """Any row that the catalogue and the kernel together could have made, and many others."""
    fields = {
        "floor_minor": prices,
        "ceiling_minor": prices,
        "price_minor": maybe_price,
        "live_price_minor": maybe_price,
        "good_price_minor": maybe_price,
        "reference_minor": maybe_price,
        "competitive_minor": maybe_price,
        "featured_minor": maybe_price,
        "observed_ms": times_ms,
        "landed_offset_minor": st.one_of(
            st.just(0), st.integers(-MAX_SHIPPING_MINOR, MAX_SHIPPING_MINOR)
        ),
        "premium_ppm": premiums.filter(lambda ppm: ppm != PREMIUM_UNKNOWN),
        "take_low_ppm": premiums,
        "take_high_ppm": premiums,
        "keep_low_ppm": premiums,
        "keep_high_ppm": premiums,
        "deadline_s": st.integers(1, NOW_S),
        "cooldown_until_s": times_s,
        "effective_s": times_s,
        "evidence_s": times_s,
        "change_history": st.one_of(st.just(0), st.integers(0, 2**32 - 1)),
        "change_bucket": st.one_of(
            st.integers(0, 9).map(lambda ago: (NOW_S // 540 - ago) & 0xFFFF),
            st.integers(0, 0xFFFF),
        ),
        "points_bp": st.one_of(st.just(0), st.integers(0, 9_000)),
        "flags": st.integers(0, 2**14 - 1).map(lambda bits: bits & ~int(RowFlag.IN_SLICE)),
        "state": st.sampled_from(CycleState),
        "draws": st.integers(1, 255),
        "attempts": st.builds(lambda high, low: high << 4 | low, *[st.integers(0, 14)] * 2),
        "reason": st.sampled_from(Reason),
        "grid": cells,
        "grid_aged_s": times_s,
        "grid_best": st.integers(0, 255),
        "grid_draws": st.sampled_from([0, 1, 254, 255]),
        "grid_holds": st.integers(0, 1),
    }
    row = record(draw, ROW, fields)
    if row["state"][0] in (CycleState.AWAITING, CycleState.HOLDING, CycleState.PROBING):
        row["price_minor"] = np.maximum(row["price_minor"], 1)
    return row


@st.composite
def compiled(draw: st.DrawFn) -> np.ndarray:
    """Any strategy that the compiler lets pass."""
    fields = {
        "step_minor": prices,
        "min_change_minor": prices,
        "step_limit_minor": maybe_price,
        "standalone_minor": prices,
        "fixed_minor": prices,
        "stay_below_next_minor": prices,
        "max_offer_age_ms": st.integers(1_000, 30 * 86_400_000),
        "offset_minor": amounts,
        "offset_ppm": st.integers(-999_900, 5_000_000),
        "step_limit_ppm": rates,
        "max_probe_ppm": rates,
        "reanchor_ppm": st.integers(100, 1_000_000),
        "hold_s": waits,
        "cooldown_s": waits,
        "live_wait_s": waits,
        "verdict_wait_s": waits,
        "retry_s": waits,
        "evidence_max_age_s": waits,
        "max_handling_hours": st.just(65_535),
        "share_target_bp": st.integers(1, 10_000),
        "kind": st.sampled_from([StrategyKind.BUY_BOX, *StrategyKind]),
        "any_condition": st.integers(0, 1),
        "respect_unfiltered_winner": st.integers(0, 1),
        "below_floor": st.sampled_from(BelowFloor),
        "alone": st.sampled_from(Alone),
        "suppressed": st.sampled_from(Suppressed),
        "when_winning": st.sampled_from(WhenWinning),
        "min_samples": st.integers(1, 7),
        "max_reemits": st.integers(1, 15),
        "max_rejections": st.integers(1, 15),
        "changes_per_hour": st.integers(1, 120),
        "targets": st.integers(0, 6),
    }
    return record(draw, STRATEGY, fields)


@st.composite
def offer_columns(draw: st.DrawFn) -> OfferColumns:
    """Up to five offers with any attributes."""
    columns = OfferColumns.empty(draw(st.integers(0, 5)))
    for at in range(len(columns)):
        columns.landed_minor[at] = draw(maybe_price)
        columns.seller[at] = draw(st.integers(0, 4))
        columns.bits[at] = draw(st.integers(0, 2**30 - 1))
        columns.rating_bp[at] = draw(st.integers(0, 10_000))
    return columns


@st.composite
def snapshots(draw: st.DrawFn, offers: OfferColumns, price: int) -> np.ndarray:
    """One snapshot of the listing over those offers."""
    own_prices = st.one_of(st.just(price), maybe_price)
    fields = {
        "event_ms": times_ms,
        "competitive_minor": maybe_price,
        "featured_minor": maybe_price,
        "own_price_minor": own_prices,
        "offer_end": st.just(len(offers)),
        "own_offer": st.integers(-1, len(offers) - 1),
        "buy_box_status": st.integers(0, 2),
    }
    return record(draw, SNAPSHOT, fields)


@st.composite
def feedback_rows(draw: st.DrawFn, price: int) -> np.ndarray:
    """One feedback row of any kind."""
    fields = {
        "event_ms": times_ms,
        "price_minor": st.one_of(st.just(price), maybe_price),
        "competitive_minor": maybe_price,
        "kind": st.sampled_from(FeedbackKind),
        "names_decision": st.integers(0, 2),
        "share_bp": st.integers(0, 10_000),
    }
    return record(draw, FEEDBACK, fields)


@st.composite
def command_rows(draw: st.DrawFn) -> np.ndarray:
    """One command row of any kind."""
    fields = {
        "floor_minor": prices,
        "ceiling_minor": prices,
        "landed_offset_minor": st.integers(-MAX_SHIPPING_MINOR, MAX_SHIPPING_MINOR),
        "points_bp": st.integers(0, 9_000),
        "condition": st.integers(0, 5),
        "kind": st.sampled_from(CommandKind),
    }
    return record(draw, COMMAND, fields)


SIDES = [load(level) for level in (REFERENCE, *LEVELS)]
POOL = np.zeros(0, np.uint64)


def evaluate_everywhere(row: np.ndarray, evaluate) -> tuple[np.void, np.void]:
    """Proposed row and outcome, equal on every side."""
    sides = [Side(kernel, row) for kernel in SIDES]
    for side in sides:
        side.scratch, side.outcomes = np.zeros(1, ROW), np.zeros(1, OUTCOME)
        evaluate(side)
        same("scratch", sides[0].scratch, side, side.scratch)
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
    if outcome["reason"] == Reason.REEMIT:
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
@given(st.data(), rows(), compiled(), offer_columns())
def test_any_snapshot(data: st.DataObject, row, strategy, offers: OfferColumns) -> None:
    snapshot = data.draw(snapshots(offers, int(row["price_minor"][0])))
    after, outcome = evaluate_everywhere(
        row,
        lambda side: side.kernel.evaluate_offers(
            side.rows, strategy, POOL, snapshot, 0, 1, offers, START_MS, side.scratch,
            side.outcomes,
        ),
    )  # fmt: skip
    check_promises(row[0], strategy[0], after, outcome)
    paused = after["state"] == CycleState.PAUSED or after["price_minor"] == 0
    if not outcome["ignored"] and not paused:
        assert after["floor_minor"] <= after["price_minor"]
        assert after["price_minor"] <= max(after["floor_minor"], after["ceiling_minor"])


@settings(max_examples=400, deadline=None)
@given(st.data(), rows(), compiled())
def test_any_feedback(data: st.DataObject, row, strategy) -> None:
    feedback = data.draw(feedback_rows(int(row["price_minor"][0])))
    after, outcome = evaluate_everywhere(
        row,
        lambda side: side.kernel.evaluate_feedback(
            side.rows, strategy, feedback, 0, 1, START_MS, side.scratch, side.outcomes
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)


@settings(max_examples=400, deadline=None)
@given(rows(), compiled(), command_rows())
def test_any_command(row, strategy, command) -> None:
    after, outcome = evaluate_everywhere(
        row,
        lambda side: side.kernel.evaluate_commands(
            side.rows, strategy, command, 0, 1, START_MS, side.scratch, side.outcomes
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)


@settings(max_examples=400, deadline=None)
@given(rows(), compiled())
def test_any_timer(row, strategy) -> None:
    after, outcome = evaluate_everywhere(
        row,
        lambda side: side.kernel.evaluate_timers(
            side.rows, strategy, 0, 1, START_MS, side.scratch, side.outcomes
        ),
    )
    check_promises(row[0], strategy[0], after, outcome)
