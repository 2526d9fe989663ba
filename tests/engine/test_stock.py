"""Stock: levels and rules in; bounds, price and reason out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import RefBatch, StockBatch
from engine.pipeline import Engine
from engine.schema import CycleState, InputKind, MatchTarget, Reason, StrategyKind
from engine.state_columns import dump, load, state_hash
from engine.stock import AGE_UNKNOWN, StockMeasure, StockRule, narrowed
from engine.strategies import StrategyDefinition

FEW = StockRule(StockMeasure.QUANTITY_AT_MOST, 5, raise_floor_bp=2_500)
MANY = StockRule(StockMeasure.QUANTITY_AT_LEAST, 100, lower_ceiling_bp=2_000)
OLD = StockRule(StockMeasure.AGE_DAYS_AT_LEAST, 180, lower_ceiling_bp=3_000)


def match(*rules: StockRule) -> StrategyDefinition:
    return StrategyDefinition(
        "S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,),
        stock_rules=rules, changes_per_hour=120,
    )  # fmt: skip


def started(*rules: StockRule, **given: Any) -> Engine:
    """A listing from 8 to 15 EUR at `price_minor`, 10 EUR."""
    engine = new_engine()
    assert not apply(engine, InputKind.STRATEGIES, definitions([match(*rules)])).problems
    values = {"floor_minor": 800, "ceiling_minor": 1500, "price_minor": 1000} | given
    mine = listing(strategy_id="match", **values)
    assert not apply(engine, InputKind.LISTINGS, definitions([mine])).problems
    return engine


def levels(*rows: tuple[int, int, int]) -> StockBatch:
    """(quantity, age in days, milliseconds after START_MS) of the listing."""
    quantities, ages, times = (np.array(each, np.int64) for each in zip(*rows, strict=True))
    return StockBatch(
        "", len(rows), np.arange(len(rows), dtype=np.uint32), [key()] * len(rows),
        quantities.astype(np.uint32), ages.astype(np.uint32), times + START_MS,
    )  # fmt: skip


def report(engine: Engine, quantity: int, age: int = AGE_UNKNOWN, after_ms: int = 1) -> Any:
    return apply(engine, InputKind.STOCK, levels((quantity, age, after_ms)), engine.now_ms + 1)


def bounds(engine: Engine) -> tuple[int, int]:
    row = engine.catalog.rows[1]
    return int(row["floor_minor"]), int(row["ceiling_minor"])


CASES: list[tuple[tuple[StockRule, ...], int, int, tuple[int, int], int]] = [
    # rules, quantity, age, bounds, price
    ((), 5, 0, (800, 1500), 1000),
    ((FEW,), 6, 0, (800, 1500), 1000),
    ((FEW,), 5, 0, (1000, 1500), 1000),
    ((StockRule(1, 5, raise_floor_bp=3_000),), 1, 0, (1040, 1500), 1040),
    ((StockRule(1, 5, raise_floor_bp=1),), 1, 0, (801, 1500), 1000),  # rounds up
    ((StockRule(1, 5, raise_floor_bp=90_000),), 1, 0, (1500, 1500), 1500),  # to the ceiling
    ((MANY,), 99, 0, (800, 1500), 1000),
    ((MANY,), 100, 0, (800, 1200), 1000),
    ((OLD,), 50, 179, (800, 1500), 1000),
    ((OLD,), 50, AGE_UNKNOWN, (800, 1500), 1000),
    ((OLD,), 50, 180, (800, 1050), 1000),
    ((StockRule(3, 0, lower_ceiling_bp=3_333),), 50, 0, (800, 1000), 1000),  # 1000.05 rounds down
    ((StockRule(3, 9, lower_ceiling_bp=4_000),), 50, 9, (800, 900), 900),
    ((StockRule(3, 9, lower_ceiling_bp=10_000),), 50, 9, (800, 800), 800),  # to the floor
    # The first that fits decides.
    ((FEW, OLD), 3, 200, (1000, 1500), 1000),
    ((OLD, FEW), 3, 200, (800, 1050), 1000),
]


@pytest.mark.parametrize(("rules", "quantity", "age", "expected", "price"), CASES)
def test_bounds_follow_the_stock(
    rules: tuple[StockRule, ...], quantity: int, age: int, expected: tuple[int, int], price: int
) -> None:
    engine = started(*rules)
    result = report(engine, quantity, age)
    assert bounds(engine) == expected
    assert int(engine.catalog.rows["price_minor"][1]) == price
    decided = result.decisions[["price_minor", "reason"]].tolist()
    assert decided == ([(price, Reason.BOUNDS)] if price != 1000 else [])
    assert engine.catalog.own_terms(1)[:2] == (800, 1500)
    assert result.evaluated == 1


def test_a_rule_ends_with_the_next_report() -> None:
    engine = started(FEW)
    report(engine, 2)
    assert bounds(engine) == (1000, 1500)
    at_ms = engine.now_ms + 10
    offers = snapshots((key(), [own_offer(1000), rival(900)]), event_ms=at_ms)
    apply(engine, InputKind.REPRICE, offers, at_ms)
    assert int(engine.catalog.rows["price_minor"][1]) == 1000
    report(engine, 20, after_ms=2)
    assert bounds(engine) == (800, 1500)


def test_an_age_that_is_not_said_stays() -> None:
    engine = started(OLD)
    report(engine, 50, 200)
    report(engine, 60, after_ms=2)
    assert bounds(engine) == (800, 1050)
    report(engine, 60, 3, after_ms=3)
    assert bounds(engine) == (800, 1500)


def test_a_level_that_is_older_than_what_is_known_changes_nothing() -> None:
    engine = started(FEW)
    report(engine, 50, after_ms=50)
    result = report(engine, 0, after_ms=49)
    assert result.ignored_rows == {0: Reason.OLD_INPUT}
    assert result.evaluated == 1
    assert engine.catalog.rows["state"][1] != CycleState.PAUSED
    batch = levels((0, AGE_UNKNOWN, 60), (7, AGE_UNKNOWN, 61), (0, AGE_UNKNOWN, 55))
    result = apply(engine, InputKind.STOCK, batch, engine.now_ms + 100)
    assert result.ignored_rows == {2: Reason.OLD_INPUT}
    assert engine.catalog.rows["state"][1] == CycleState.SEEKING
    assert engine.catalog.stock[1]["quantity"] == 7


def test_a_level_from_the_future_is_refused() -> None:
    engine = started()
    (problem,) = report(engine, 0, after_ms=3_600_000).problems
    assert (problem.field, problem.reason) == ("event_ms", "EVENT_IN_FUTURE")
    assert engine.catalog.stock[1]["event_ms"] == 0


def test_out_of_stock_pauses_and_bounds_wait_for_the_end() -> None:
    engine = started(FEW)
    result = report(engine, 0)
    assert engine.catalog.rows["state"][1] == CycleState.PAUSED
    assert bounds(engine) == (1000, 1500)
    assert len(result.decisions) == 0
    report(engine, 5, after_ms=2)
    assert engine.catalog.rows["state"][1] == CycleState.SEEKING


def test_rules_that_change_are_in_force_at_once() -> None:
    engine = started(FEW)
    report(engine, 5)
    apply(engine, InputKind.STRATEGIES, definitions([match()]))
    assert bounds(engine) == (800, 1500)
    apply(engine, InputKind.STRATEGIES, definitions([match(FEW)]))
    assert bounds(engine) == (1000, 1500)


def test_a_snapshot_holds_the_stock() -> None:
    engine = started(FEW)
    report(engine, 5, 12)
    again = load(dump(engine.state))
    assert again.catalog.stock[1].item() == (START_MS + 1, 5, 12)
    assert again.catalog.stocked == [1]
    assert state_hash(again) == state_hash(engine.state)
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [1]), engine.now_ms + 1)
    assert engine.catalog.stock[1].item() == (0, 0, 0)


def test_bounds_that_leave_no_room_stay() -> None:
    assert narrowed(FEW, 900, 900) == (900, 900)
    assert narrowed(OLD, 900, 800) == (900, 800)


REFUSED = [
    ((FEW,) * 9, "stock_rules"),
    ((FEW, StockRule(0, 5, 100)), "stock_rules[1].when"),
    ((StockRule(1, 0, 100),), "stock_rules[0].quantity_at_most"),
    ((StockRule(2, 1_000_001, 100),), "stock_rules[0].quantity_at_least"),
    ((StockRule(3, 1_000_001, 100),), "stock_rules[0].age_days_at_least"),
    ((StockRule(1, 5),), "stock_rules[0].raise_floor_basis_points"),
    ((StockRule(1, 5, 100_001),), "stock_rules[0].raise_floor_basis_points"),
    ((StockRule(1, 5, 0, 10_001),), "stock_rules[0].lower_ceiling_basis_points"),
]


@pytest.mark.parametrize(("rules", "field"), REFUSED)
def test_refusals(rules: tuple[StockRule, ...], field: str) -> None:
    (problem,) = apply(new_engine(), InputKind.STRATEGIES, definitions([match(*rules)])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")
