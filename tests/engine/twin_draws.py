"""One row and one input for the twins: any values within the documented limits."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from twin_cases import START_MS

from engine.columns import OfferColumns
from engine.schema import (
    COMMAND,
    FEEDBACK,
    GRID,
    MAX_POSITION,
    MAX_PRICE_MINOR,
    MAX_SHIPPING_MINOR,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    ROW,
    SNAPSHOT,
    SOURCES_LOST,
    STRATEGY,
    Alone,
    BelowFloor,
    CommandKind,
    CycleState,
    Direction,
    FeedbackKind,
    LastDraw,
    PercentOf,
    Reason,
    RowFlag,
    Schedule,
    StrategyKind,
    Suppressed,
    Tie,
    WhenWinning,
)

prices = st.one_of(st.integers(1, 40), st.integers(1, 10_000), st.integers(1, MAX_PRICE_MINOR))
maybe_price = st.one_of(st.just(0), prices)
amounts = st.one_of(st.integers(-50, 50), st.integers(-MAX_PRICE_MINOR, MAX_PRICE_MINOR))
premiums = st.one_of(
    st.just(PREMIUM_UNKNOWN),
    st.integers(-200_000, 200_000),
    st.integers(-PREMIUM_LIMIT_PPM, PREMIUM_LIMIT_PPM),
)
rates = st.one_of(st.just(0), st.integers(0, 50_000), st.integers(0, PREMIUM_LIMIT_PPM))
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
        "reference_minor": st.one_of(maybe_price, st.just(SOURCES_LOST)),
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
    }
    row = record(draw, ROW, fields)
    if row["state"][0] in (CycleState.AWAITING, CycleState.HOLDING, CycleState.PROBING):
        row["price_minor"] = np.maximum(row["price_minor"], 1)
    return row


@st.composite
def grids(draw: st.DrawFn) -> np.ndarray:
    """A grid of the learner with any evidence, or with none."""
    cells = st.sampled_from([0, 0, 0x0F, 0xF0, 0x88, 0xFF, 0xFF])
    fields = {
        "keep_bits": cells,
        "take_bits": cells,
        "aged_s": times_s,
        "best": st.integers(0, 255),
        "last": st.sampled_from(LastDraw),
    }
    return record(draw, GRID, fields)


@st.composite
def compiled(draw: st.DrawFn) -> np.ndarray:
    """Any strategy that the compiler lets pass."""
    fields = {
        "step_minor": prices,
        "min_change_minor": prices,
        "step_limit_minor": maybe_price,
        "standalone_minor": maybe_price,
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
        "position": st.integers(1, MAX_POSITION),
        "tie": st.sampled_from(Tie),
        "gap_minor": maybe_price,
        "gap_ppm": st.integers(0, 999_900),
        "direction": st.sampled_from(Direction),
        "start_minor": prices,
        "percent_of": st.sampled_from(PercentOf),
        "keep_buy_box": st.integers(0, 1),
        "schedule_action": st.sampled_from([Schedule.NONE, Schedule.NONE, *Schedule]),
        "schedule_price_minor": prices,
        "schedule_until_s": times_s,
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
        "capped": st.integers(0, 1),
        "sources_minor": st.one_of(maybe_price, st.just(SOURCES_LOST)),
    }
    return record(draw, COMMAND, fields)
