"""PUSH and DAILY_PUSH: units sold in, prices and reasons out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import RefBatch, SalesBatch
from engine.pipeline import Engine
from engine.schema import (
    CountBy,
    Direction,
    InputKind,
    OfferBit,
    PercentOf,
    Reason,
    StrategyKind,
)
from engine.state_columns import dump, load, state_hash
from engine.strategies import Offset, PushStep, StrategyDefinition

HOUR_MS = 3_600_000
NOON_MS = START_MS - START_MS % HOUR_MS
UP, DOWN = Offset(amount_minor=50), Offset(amount_minor=-50)
PERCENT = Offset(basis_points=1_000)
PUSH = StrategyDefinition(
    "S1", "push", "EUR", StrategyKind.PUSH, start_minor=1000, changes_per_hour=120,
    push_steps=(PushStep(10, UP, times=2), PushStep(20, UP)),
)  # fmt: skip
PERIODS = replace(
    PUSH, push_steps=(), period_ms=24 * HOUR_MS,
    push_rules=(PushStep(10, UP), PushStep(3, DOWN, fewer=True)),
)  # fmt: skip
DAILY = replace(
    PUSH, kind=StrategyKind.DAILY_PUSH, push_steps=(PushStep(20, UP), PushStep(40, UP)),
    time_zone="UTC", zone_offsets=((0, 0),),
)  # fmt: skip


def started(strategy: StrategyDefinition, *skus: str, **given: Any) -> Engine:
    """An engine with listings of a strategy from 8 to 15 EUR."""
    engine = new_engine()
    assert not apply(engine, InputKind.STRATEGIES, definitions([strategy])).problems
    rows = [
        listing(sku, strategy_id="push", **{"floor_minor": 800, "ceiling_minor": 1500} | given)
        for sku in skus or ("SKU-1",)
    ]
    assert not apply(engine, InputKind.LISTINGS, definitions(rows)).problems
    return engine


def sold(engine: Engine, units: int, now_ms: int = 0, sku: str = "SKU-1", hour_ms: int = -1,
         source: str = "orders") -> Any:  # fmt: skip
    """Reports units of an hour, that of the moment where none is said."""
    now_ms = now_ms or engine.now_ms + 1000
    hour = now_ms - now_ms % HOUR_MS if hour_ms < 0 else hour_ms
    batch = SalesBatch("", 1, [0], [key(sku)], [(source, hour, units)])
    return apply(engine, InputKind.SALES, batch, now_ms)


def price(engine: Engine, listing_id: int = 1) -> int:
    return int(engine.catalog.rows["price_minor"][listing_id])


def reason(engine: Engine) -> int:
    return int(engine.catalog.rows["reason"][1])


STEPS = [
    # units reported one after the other, each of an hour of its own -> price
    (PUSH, (9,), 1000), (PUSH, (10,), 1050), (PUSH, (9, 1), 1050), (PUSH, (20,), 1100),
    (PUSH, (20, 19), 1100), (PUSH, (20, 20), 1150), (PUSH, (400,), 1150),
    (replace(PUSH, push_steps=(PushStep(1, PERCENT, times=2),)), (2,), 1210),
    (replace(PUSH, push_steps=(PushStep(1, PERCENT, times=2),), percent_of=PercentOf.START), (2,),
     1200),
    (replace(PUSH, push_steps=(PushStep(1, Offset(basis_points=-1_000), times=2),)), (2,), 810),
    # A step that a bound eats counts.
    (replace(PUSH, push_steps=(PushStep(1, Offset(amount_minor=400), times=3),)), (2,), 1500),
    (replace(PUSH, push_steps=(PushStep(1, Offset(amount_minor=-150), times=3),)), (3,), 800),
    # Steps apply together, then the step limit.
    (replace(PUSH, step_limit_minor=70), (20,), 1070),
    (replace(PUSH, endings=(99,), ending_digits=2), (20,), 1099),
    (replace(PUSH, endings=(99,), ending_digits=2), (10,), 1099),
    (replace(PUSH, direction=Direction.DOWN_ONLY), (20,), 1000),
]  # fmt: skip


@pytest.mark.parametrize(("strategy", "units", "expected"), STEPS)
def test_steps(strategy: StrategyDefinition, units: tuple[int, ...], expected: int) -> None:
    engine = started(strategy)
    assert price(engine) == (999 if strategy.endings else 1000)
    assert reason(engine) == Reason.PUSH_START
    for at, each in enumerate(units):
        sold(engine, each, START_MS + at * HOUR_MS)
    assert price(engine) == expected
    moved = expected != 1000
    decided = int(engine.catalog.records["decision_reason"][1])
    assert decided == (Reason.PUSH_STEP if moved else Reason.PUSH_START)


def test_an_hour_is_replaced_not_added() -> None:
    engine = started(PUSH)
    for _ in range(5):
        sold(engine, 8)
    assert price(engine) == 1000
    sold(engine, 10)
    assert price(engine) == 1050


def test_cancellations_lower_what_is_carried_but_undo_no_step() -> None:
    engine = started(PUSH)
    sold(engine, 10)
    sold(engine, 4)
    assert price(engine) == 1050
    sold(engine, 15, START_MS + HOUR_MS)
    assert price(engine) == 1050
    sold(engine, 16, START_MS + HOUR_MS + 1)
    assert price(engine) == 1100


SALES_REFUSED = [
    ({"source": "another"}, "source", "SALES_SOURCE"),
    ({"hour_ms": NOON_MS + 1}, "hour_ms", "SALES_HOUR"),
    ({"hour_ms": NOON_MS + HOUR_MS}, "hour_ms", "SALES_HOUR"),
    ({"hour_ms": NOON_MS - 72 * HOUR_MS}, "hour_ms", "SALES_HOUR"),
]


@pytest.mark.parametrize(("given", "field", "why"), SALES_REFUSED)
def test_sales_that_are_refused(given: dict[str, Any], field: str, why: str) -> None:
    engine = started(PUSH)
    sold(engine, 1)
    (problem,) = sold(engine, 400, **given).problems
    assert (problem.field, problem.reason) == (field, why)
    assert "allowed: " in problem.message
    assert price(engine) == 1000


def test_listings_of_other_strategies_keep_their_price() -> None:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions([listing(price_minor=900)]))
    result = sold(engine, 5)
    assert (len(result.decisions), result.ignored) == (0, 1)


def test_sales_of_an_asin_count_for_its_listings() -> None:
    engine = started(replace(PUSH, count_by=CountBy.ASIN), "SKU-1", "SKU-2")
    sold(engine, 4, sku="SKU-1")
    sold(engine, 6, sku="SKU-2")
    assert (price(engine, 1), price(engine, 2)) == (1050, 1050)


# Periods

DAY_MS = 24 * HOUR_MS
RULES = [
    # units of the period -> price and reason
    (12, 1050, Reason.PUSH_PERIOD), (10, 1050, Reason.PUSH_PERIOD), (9, 1000, Reason.AT_TARGET),
    (3, 1000, Reason.AT_TARGET), (2, 950, Reason.PUSH_PERIOD), (0, 950, Reason.PUSH_PERIOD),
]  # fmt: skip


@pytest.mark.parametrize(("units", "expected", "why"), RULES)
def test_rules_of_a_period(units: int, expected: int, why: Reason) -> None:
    engine = started(PERIODS)
    shown(engine, 1000, START_MS + 1)
    sold(engine, units, START_MS + 2 * HOUR_MS)
    engine.advance(START_MS + DAY_MS - 1000, 0, 2)
    assert price(engine) == 1000
    engine.advance(START_MS + DAY_MS, 0, 2)
    assert (price(engine), reason(engine)) == (expected, why)


def shown(engine: Engine, own: int, now_ms: int, bits: int = 0, competitor: int = 1300) -> Any:
    """A snapshot that shows our price live."""
    batch = snapshots((key(), [rival(competitor), own_offer(own, bits)]), event_ms=now_ms)
    return apply(engine, InputKind.REPRICE, batch, now_ms)


def test_down_step_by_step_never_below_the_floor() -> None:
    engine = started(replace(PERIODS, push_rules=(PushStep(1, DOWN, fewer=True),)))
    seen = []
    for day in range(1, 8):
        shown(engine, price(engine), START_MS + day * DAY_MS - 1)
        engine.advance(START_MS + day * DAY_MS, 0, 2)
        seen.append(price(engine))
    assert seen == [950, 900, 850, 800, 800, 800, 800]


def test_the_second_part_follows_the_first() -> None:
    both = replace(PERIODS, push_steps=(PushStep(5, UP),))
    engine = started(both)
    shown(engine, 1000, START_MS + 1)
    engine.advance(START_MS + DAY_MS, 0, 2)
    assert price(engine) == 1000
    sold(engine, 5, START_MS + DAY_MS + HOUR_MS)
    assert price(engine) == 1050
    shown(engine, 1050, START_MS + DAY_MS + 2 * HOUR_MS)
    engine.advance(START_MS + 2 * DAY_MS, 0, 2)
    assert price(engine) == 1000


def test_a_pause_is_no_signal() -> None:
    engine = started(PERIODS)
    shown(engine, 1000, START_MS + 1)
    named = RefBatch("", 1, [0], [1])
    apply(engine, InputKind.PAUSE, named, START_MS + HOUR_MS)
    engine.advance(START_MS + DAY_MS + 5 * HOUR_MS, 0, 2)
    apply(engine, InputKind.RESUME, named, START_MS + DAY_MS + 6 * HOUR_MS)
    shown(engine, 1000, START_MS + DAY_MS + 7 * HOUR_MS)
    engine.advance(START_MS + 2 * DAY_MS, 0, 2)
    assert price(engine) == 1000
    engine.advance(START_MS + 3 * DAY_MS, 0, 2)
    assert price(engine) == 950


# Keeping the Buy Box

WON, LOST = int(OfferBit.WINNER), int(OfferBit.NOT_WINNER)


def test_counting_begins_with_the_buy_box() -> None:
    engine = started(replace(PUSH, keep_buy_box=True))
    sold(engine, 10)
    assert (price(engine), reason(engine)) == (1000, Reason.PUSH_WAITS)
    shown(engine, 1000, START_MS + 60_000, WON)
    sold(engine, 20)
    assert price(engine) == 1050


def lost_after_a_step(competitor: int) -> Engine:
    """A step up to 10.50, live, without the Buy Box."""
    engine = started(replace(PUSH, keep_buy_box=True, cooldown_ms=HOUR_MS))
    shown(engine, 1000, START_MS + 1, WON)
    sold(engine, 10, START_MS + 2000)
    batch = snapshots(
        (key(), [rival(competitor, WON), own_offer(1050, LOST)]), event_ms=START_MS + 600_000
    )
    apply(engine, InputKind.REPRICE, batch, START_MS + 600_000)
    return engine


def test_a_step_that_loses_it_is_taken_back_and_rests() -> None:
    engine = lost_after_a_step(1300)
    assert (price(engine), reason(engine)) == (1000, Reason.PUSH_BACK)
    sold(engine, 20, START_MS + 700_000)
    assert (price(engine), reason(engine)) == (1000, Reason.COOLDOWN)
    shown(engine, 1000, START_MS + 600_000 + HOUR_MS, WON)
    assert price(engine) == 1050


def test_a_competitor_that_moved_took_it() -> None:
    engine = lost_after_a_step(1290)
    assert price(engine) == 1050


# DAILY_PUSH

UNITS_OF_A_DAY = [(0, 1000), (19, 1000), (20, 1050), (39, 1050), (40, 1100), (500, 1100)]


@pytest.mark.parametrize(("units", "expected"), UNITS_OF_A_DAY)
def test_a_price_of_the_units_of_the_day(units: int, expected: int) -> None:
    engine = started(DAILY)
    sold(engine, units)
    assert price(engine) == expected


def test_late_and_negative_corrections_are_right_by_themselves() -> None:
    engine = started(DAILY)
    sold(engine, 20, START_MS, hour_ms=NOON_MS - 2 * HOUR_MS)
    sold(engine, 25, START_MS + 1)
    assert price(engine) == 1100
    sold(engine, 0, START_MS + 2, hour_ms=NOON_MS - 2 * HOUR_MS)
    assert price(engine) == 1050
    # An hour of yesterday does not count.
    sold(engine, 90, START_MS + 3, hour_ms=NOON_MS - 20 * HOUR_MS)
    assert price(engine) == 1050


def test_midnight_begins_anew_whatever_the_hour_has_seen() -> None:
    engine = started(replace(DAILY, changes_per_hour=1))
    midnight = START_MS - START_MS % DAY_MS + DAY_MS
    sold(engine, 40, midnight - HOUR_MS // 2)
    assert price(engine) == 1100
    sold(engine, 0, midnight - HOUR_MS // 2 + 1)
    assert (price(engine), reason(engine)) == (1100, Reason.CHANGES_PER_HOUR)
    shown(engine, 1100, midnight - 1000)
    engine.advance(midnight, 0, 2)
    assert (price(engine), reason(engine)) == (1000, Reason.PUSH_START)


def test_after_a_lost_buy_box_it_stays_below_for_the_day() -> None:
    engine = started(replace(DAILY, keep_buy_box=True))
    shown(engine, 1000, START_MS + 1, WON)
    sold(engine, 20, START_MS + 2)
    batch = snapshots((key(), [rival(1300, WON), own_offer(1050, LOST)]), event_ms=START_MS + 9)
    apply(engine, InputKind.REPRICE, batch, START_MS + 9)
    assert price(engine) == 1000
    sold(engine, 40, START_MS + 10)
    assert price(engine) == 1000
    midnight = START_MS - START_MS % DAY_MS + DAY_MS
    engine.advance(midnight, 0, 2)
    sold(engine, 40, midnight + 10)
    assert price(engine) == 1100


# Definitions


def test_a_start_price_outside_the_bounds_is_refused() -> None:
    engine = started(PUSH)
    outside = listing("SKU-2", strategy_id="push", floor_minor=1001, ceiling_minor=1500)
    (problem,) = apply(engine, InputKind.LISTINGS, definitions([outside])).problems
    assert (problem.field, problem.reason) == ("strategy_id", "START_OUTSIDE_BOUNDS")
    moved = replace(PUSH, start_minor=1600, restart=True)
    (problem,) = apply(engine, InputKind.STRATEGIES, definitions([moved])).problems
    assert (problem.field, problem.reason) == ("push.start_price_minor", "START_OUTSIDE_BOUNDS")


def test_a_strategy_in_use_changes_only_with_restart() -> None:
    engine = started(PUSH)
    sold(engine, 10)
    changed = replace(PUSH, push_steps=(PushStep(5, UP),))
    (problem,) = apply(engine, InputKind.STRATEGIES, definitions([changed])).problems
    assert (problem.field, problem.reason) == ("push.restart", "PUSH_IN_USE")
    assert price(engine) == 1050
    limits = replace(PUSH, min_change_minor=2)
    assert not apply(engine, InputKind.STRATEGIES, definitions([limits])).problems
    assert price(engine) == 1050
    again = replace(changed, restart=True)
    assert not apply(engine, InputKind.STRATEGIES, definitions([again])).problems
    assert (price(engine), reason(engine)) == (1000, Reason.PUSH_START)
    sold(engine, 15)
    assert price(engine) == 1050


def test_another_strategy_and_back() -> None:
    engine = started(PUSH)
    sold(engine, 15)
    assert price(engine) == 1050
    plain = listing(floor_minor=800, ceiling_minor=1500)
    apply(engine, InputKind.LISTINGS, definitions([plain]))
    shown(engine, 1050, engine.now_ms + 1, WON)
    assert reason(engine) != Reason.PUSH_STEP
    apply(engine, InputKind.LISTINGS, definitions([replace(plain, strategy_id="push")]))
    assert (price(engine), reason(engine)) == (1000, Reason.PUSH_START)


def test_sales_are_in_snapshots() -> None:
    engine = started(PUSH)
    sold(engine, 8)
    again = load(dump(engine.state))
    assert state_hash(again) == state_hash(engine.state)
    assert again.sales.sources() == [(1, "orders")]
    assert again.sales.dump().tolist() == engine.state.sales.dump().tolist()


def test_deleted_listings_leave_no_sales() -> None:
    engine = started(PUSH)
    sold(engine, 8)
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [1]))
    assert engine.state.sales.sources() == []
    assert len(engine.state.sales.dump()) == 0


REFUSED = [
    (replace(PUSH, start_minor=0), "push.start_price_minor"),
    (replace(PUSH, push_steps=()), "push.steps"),
    (replace(PUSH, push_steps=(PushStep(1, UP),) * 9), "push.steps"),
    (replace(PUSH, push_steps=(PushStep(0, UP),)), "push.steps[0].units"),
    (replace(PUSH, push_steps=(PushStep(1, UP, times=0),)), "push.steps[0].times"),
    (replace(PUSH, push_steps=(PushStep(1, Offset()),)), "push.steps[0].delta"),
    (replace(PUSH, push_steps=(PushStep(1, Offset(basis_points=10_001)),)), "push.steps[0].delta"),
    (replace(PERIODS, push_rules=(PushStep(1, UP),) * 9), "push.rules"),
    (replace(PERIODS, period_ms=0), "push.period_ms"),
    (replace(PUSH, percent_of=9), "push.percent_of"),
    (replace(PUSH, count_by=9), "push.count_by"),
    (replace(DAILY, start_minor=0), "daily_push.start_price_minor"),
    (replace(DAILY, push_steps=(PushStep(20, UP), PushStep(20, UP))), "daily_push.steps"),
    (replace(DAILY, time_zone=""), "schedule.time_zone"),
]


@pytest.mark.parametrize(("strategy", "field"), REFUSED)
def test_refusals(strategy: StrategyDefinition, field: str) -> None:
    (problem,) = apply(new_engine(), InputKind.STRATEGIES, definitions([strategy])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")
