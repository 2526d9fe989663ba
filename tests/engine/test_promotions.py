"""Promotions of a listing: what runs in; bounds, price and reason out."""

from __future__ import annotations

from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.pipeline import Engine
from engine.promotions import Promotion
from engine.schema import InputKind, MatchTarget, Reason, StrategyKind
from engine.state_columns import dump, load, state_hash
from engine.strategies import StrategyDefinition

HOUR = 3_600_000
BEGIN, END = START_MS + HOUR, START_MS + 2 * HOUR
HELD = Promotion("coupon", BEGIN, END)
CLAMPED = Promotion("deal", BEGIN, END, 950, 1_050)
MATCH = StrategyDefinition(
    "S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,), changes_per_hour=120
)


def started(*promotions: Promotion, **given: Any) -> Engine:
    """A listing from 8 to 15 EUR at 10 EUR that matches the lowest competitor."""
    engine = new_engine()
    apply(engine, InputKind.STRATEGIES, definitions([MATCH]))
    values = {"floor_minor": 800, "ceiling_minor": 1500, "price_minor": 1000} | given
    mine = listing(strategy_id="match", promotions=promotions, **values)
    assert not apply(engine, InputKind.LISTINGS, definitions([mine])).problems
    return engine


def matched(engine: Engine, lowest: int, at_ms: int) -> int:
    """Our price after a competitor's at a time."""
    batch = snapshots((key(), [own_offer(1000), rival(lowest)]), event_ms=at_ms)
    apply(engine, InputKind.REPRICE, batch, at_ms)
    return int(engine.catalog.rows["price_minor"][1])


def bounds(engine: Engine) -> tuple[int, int]:
    row = engine.catalog.rows[1]
    return int(row["floor_minor"]), int(row["ceiling_minor"])


CASES: list[tuple[tuple[Promotion, ...], int, int, tuple[int, int], int]] = [
    # promotions, time, competitor, bounds, price
    ((HELD,), BEGIN - 1, 900, (800, 1500), 900),
    ((HELD,), BEGIN, 900, (1000, 1000), 1000),
    ((HELD,), END - 1, 1200, (1000, 1000), 1000),
    ((HELD,), END, 1200, (800, 1500), 1200),
    ((CLAMPED,), BEGIN, 900, (950, 1050), 950),
    ((CLAMPED,), BEGIN, 1200, (950, 1050), 1050),
    ((CLAMPED,), END, 900, (800, 1500), 900),
    # Half of the floor and ten times the ceiling look like slips: the listing's own stay.
    ((Promotion("slip", BEGIN, END, 399, 1100),), BEGIN, 500, (800, 1100), 800),
    ((Promotion("slip", BEGIN, END, 900, 15_000),), BEGIN, 1700, (900, 1500), 1500),
    # One follows the other.
    ((HELD, Promotion("deal", END, END + 1, 700, 1050)), END, 600, (700, 1050), 700),
]


@pytest.mark.parametrize(("promotions", "at_ms", "lowest", "expected", "price"), CASES)
def test_bounds_while_it_runs(
    promotions: tuple[Promotion, ...],
    at_ms: int,
    lowest: int,
    expected: tuple[int, int],
    price: int,
) -> None:
    engine = started(*promotions)
    assert matched(engine, lowest, at_ms) == price
    assert bounds(engine) == expected
    assert engine.catalog.own_terms(1)[:2] == (800, 1500)


def test_a_price_outside_moves_when_it_begins_without_any_offers() -> None:
    engine = started(Promotion("deal", BEGIN, END, 1100, 1200))
    assert engine.advance(BEGIN - 1, 0, 2) == 0
    assert engine.advance(BEGIN, 0, 2) == 1
    decided = engine.catalog.records["decision_reason"][1]
    assert (int(engine.catalog.rows["price_minor"][1]), decided) == (1100, Reason.BOUNDS)
    engine.advance(END, 0, 2)
    assert bounds(engine) == (800, 1500)
    assert engine.catalog.next_promotion_ms == 0


def test_a_map_is_stronger() -> None:
    engine = started(CLAMPED, map_minor=1000)
    assert matched(engine, 900, BEGIN) == 1000


def test_without_a_price_there_is_nothing_to_hold() -> None:
    engine = started(HELD, price_minor=0)
    assert matched(engine, 900, BEGIN) == 900


def test_one_that_is_taken_back_ends_at_once() -> None:
    engine = started(HELD)
    matched(engine, 900, BEGIN)
    plain = listing(strategy_id="match", floor_minor=800, ceiling_minor=1500)
    apply(engine, InputKind.LISTINGS, definitions([plain]), BEGIN + 1)
    assert bounds(engine) == (800, 1500)
    assert engine.catalog.promotions == {}


def test_a_snapshot_holds_promotions() -> None:
    engine = started(HELD)
    matched(engine, 900, BEGIN)
    again = load(dump(engine.state))
    assert again.catalog.promotions == {1: (HELD,)}
    assert again.catalog.next_promotion_ms == engine.catalog.next_promotion_ms == END
    assert state_hash(again) == state_hash(engine.state)


REFUSED: list[tuple[tuple[Promotion, ...], str]] = [
    ((Promotion("", 1, 2),), "promotions[0].name"),
    ((Promotion("x", 0, 2),), "promotions[0].begin_ms"),
    ((Promotion("x", 2, 2),), "promotions[0].end_ms"),  # a window of zero
    ((Promotion("x", 1, 5), Promotion("y", 4, 9)), "promotions[1].begin_ms"),  # overlapping
    ((Promotion("x", 1, 2, -1, 5),), "promotions[0].bounds.floor_minor"),
    ((Promotion("x", 1, 2, 6, 5),), "promotions[0].bounds.ceiling_minor"),
    (tuple(Promotion("x", 2 * at + 1, 2 * at + 2) for at in range(21)), "promotions"),
]


@pytest.mark.parametrize(("promotions", "field"), REFUSED)
def test_refusals(promotions: tuple[Promotion, ...], field: str) -> None:
    wrong = listing(promotions=promotions)
    (problem,) = apply(new_engine(), InputKind.LISTINGS, definitions([wrong])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")
