"""Proposed bounds where rows of one listing stand together, and where one was deleted before."""

from __future__ import annotations

from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, rival, snapshots

from engine.bounds.definitions import ComputedBounds, FeeScheduleDefinition
from engine.bounds.fees import FeeSchedule, FulfilmentBand, ReferralTier
from engine.bounds.rates import ExchangeRate
from engine.columns import RefBatch
from engine.pipeline import Engine
from engine.schema import InputKind
from engine.state_columns import state_hash

FEES = FeeSchedule((ReferralTier(None, 1_500),), bands=(FulfilmentBand(None, 350),))
KNOWN: dict[str, Any] = {"cost_minor": 800, "computed_bounds": ComputedBounds("home", None, 1_900)}


def bare(**given: Any) -> Any:
    """A listing that asks for proposed bounds."""
    unset = {"floor_minor": None, "ceiling_minor": None, "propose_bounds": True}
    return listing(**(unset | {"price_minor": 1_000} | given))


def stated(floor_minor: int, ceiling_minor: int) -> Any:
    return listing(floor_minor=floor_minor, ceiling_minor=ceiling_minor)


def entered(*calls: list[Any]) -> Engine:
    """An engine with a fee schedule that took these calls of listings in."""
    engine = new_engine()
    schedule = FeeScheduleDefinition("S1", "home", "EUR", FEES)
    apply(engine, InputKind.FEE_SCHEDULES, definitions([schedule]))
    for rows in calls:
        assert not apply(engine, InputKind.LISTINGS, definitions(rows)).problems
    return engine


def bounds(engine: Engine) -> tuple[int, int, bool]:
    """Floor and ceiling in force, and whether they are only proposed."""
    row = engine.catalog.rows[1]
    return int(row["floor_minor"]), int(row["ceiling_minor"]), 1 in engine.state.bounds.proposed


@pytest.mark.parametrize("known", [{}, KNOWN], ids=["own price", "cost and fees"])
def test_a_listing_that_stands_in_a_file_twice_runs_dry(known: Any) -> None:
    engine = entered([bare(**known), bare(**known)])
    assert bounds(engine)[2]
    offers = snapshots((key(), [rival(2_300)]), event_ms=START_MS + 1_000)
    result = apply(engine, InputKind.REPRICE, offers, START_MS + 1_000)
    assert len(result.decisions) == 0
    assert engine.catalog.rows[1]["price_minor"] == 1_000


@pytest.mark.parametrize(
    ("before", "rows"),
    [
        ([], [bare(), bare(price_minor=1_100)]),
        ([], [bare(**KNOWN), bare(**KNOWN), stated(900, 2_000)]),
        ([stated(800, 1_500)], [stated(1_000, 2_000), bare()]),
        ([stated(800, 1_500)], [bare(), stated(1_000, 2_000), bare(floor_minor=900)]),
        ([bare()], [stated(700, 2_000), bare()]),
        ([bare()], [stated(1, 2_000), bare(), stated(700, 2_000)]),
    ],
)
def test_rows_of_one_call_propose_what_calls_of_their_own_would(before: Any, rows: Any) -> None:
    together = entered(*[[each] for each in before], rows)
    apart = entered(*[[each] for each in before], *[[each] for each in rows])
    assert bounds(together) == bounds(apart)
    assert len(together.state.guards.plausibility.held) == len(apart.state.guards.plausibility.held)


@pytest.mark.parametrize("deletions", [1, 2])
def test_a_proposal_is_no_way_around_the_bounds_of_a_deleted_listing(deletions: int) -> None:
    engine = entered([stated(1_000, 2_000)])
    for _ in range(deletions):
        apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [key()]))
        result = apply(engine, InputKind.LISTINGS, definitions([bare(floor_minor=1)]))
    result = apply(engine, InputKind.LISTINGS, definitions([stated(1, 2_000)]))
    assert [each.reason for each in result.warnings] == ["BOUNDS_HELD"]
    assert engine.catalog.id_of(key()) in engine.state.bounds.proposed


def test_a_stated_floor_of_a_proposal_under_half_of_the_cost_is_told() -> None:
    result = apply(
        new_engine(), InputKind.LISTINGS, definitions([bare(floor_minor=1, cost_minor=800)])
    )
    assert [each.reason for each in result.warnings] == ["FLOOR_UNDER_HALF_COST"]


def test_a_cost_that_a_rate_makes_larger_than_any_price_stays_as_it_was() -> None:
    engine = new_engine()

    def rate(billionths: int, day: str, source: str = "JPY") -> None:
        given = ExchangeRate("S1", source, "KWD", billionths, day)
        assert not apply(engine, InputKind.EXCHANGE_RATES, definitions([given])).problems

    rate(1, "2026-01-01")
    rate(1_000_000_000, "2026-01-01", "USD")
    costly = listing(currency="KWD", cost_minor=10**12, cost_currency="JPY")
    other = listing("OTHER", currency="KWD", cost_minor=100, cost_currency="USD")
    assert not apply(engine, InputKind.LISTINGS, definitions([costly, other])).problems
    rate(10**15, "2026-01-02")
    rate(2_000_000_000, "2026-01-02", "USD")
    engine.advance(START_MS + 1_000, 0, engine.catalog.count)
    assert [engine.state.guards.cost_of(each) for each in (1, 2)] == [1_000_000, 2_000]
    assert "cost and computed bounds stay" in str(engine.state.guards.events.dump()[-1])
    assert state_hash(engine.state)


def test_a_pair_that_a_call_states_often_is_followed_once() -> None:
    engine = new_engine()
    days = [ExchangeRate("S1", "USD", "EUR", 10**9 + each, "2026-01-01") for each in range(9)]
    apply(engine, InputKind.EXCHANGE_RATES, definitions(days[:1]))
    apply(engine, InputKind.LISTINGS, definitions([listing(cost_minor=10**9, cost_currency="USD")]))
    assert apply(engine, InputKind.EXCHANGE_RATES, definitions(days[1:])).count == 8
    told = [each["message"] for each in engine.state.guards.events.dump()]
    assert [each for each in told if "exchange rate" in each] == [
        "the exchange rate has changed: 1 USD is 1.000000008 EUR of 2026-01-01; the costs of 1"
        " listings follow"
    ]
    engine.advance(START_MS + 1_000, 0, engine.catalog.count)
    assert engine.state.guards.cost_of(1) == 10**9 + 8
