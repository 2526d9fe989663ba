"""What is proposed, over random costs, fees and prices of others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_bounds_solver import CLIFF, GERMAN, GOALS, units

from engine.bounds.definitions import ComputedBounds
from engine.bounds.goals import Goal, GoalKind, UnitEconomics
from engine.bounds.proposed import Known, ProposalSource, ProposedBounds, propose
from engine.errors import InputError

PRICES = st.one_of(st.just(0), st.integers(1, 5_000))


def proposed(known: Known) -> ProposedBounds:
    """What is proposed; examples of which nothing is known are left out."""
    try:
        return propose(known)
    except InputError as error:
        assume(error.reason not in ("NOTHING_TO_PROPOSE_FROM", "GOAL_TOO_FLAT"))
        raise


@settings(max_examples=150, deadline=None)
@given(units(), GOALS, PRICES, PRICES, st.integers(0, 5_000))
def test_every_price_between_proposed_bounds_earns_the_goal(
    unit: UnitEconomics, goal: Goal, price: int, featured: int, stated: int
) -> None:
    wanted = ComputedBounds("home", goal)
    known = Known(
        "EUR", ceiling_minor=stated, price_minor=price, featured_minor=featured,
        cost_minor=unit.cost_minor, economics=unit, wanted=wanted,
    )  # fmt: skip
    found = proposed(known)
    assert 0 < found.floor_minor <= found.ceiling_minor
    assert all(each.endswith(".") for each in found.reasons)
    if found.source == ProposalSource.COST_AND_FEES:
        last = min(found.ceiling_minor, found.floor_minor + 500)
        for each in (*range(found.floor_minor, last + 1), found.ceiling_minor):
            assert unit.surplus_scaled(goal, each) >= 0
        assert found.floor_minor == 1 or unit.surplus_scaled(goal, found.floor_minor - 1) < 0


@settings(max_examples=150, deadline=None)
@given(PRICES, PRICES, PRICES, st.integers(0, 5_000))
def test_without_fees_a_floor_stays_near_a_price_and_never_below_the_cost(
    price: int, featured: int, rival: int, cost: int
) -> None:
    known = Known(
        "EUR", price_minor=price, featured_minor=featured, rival_minor=rival, cost_minor=cost
    )
    found = proposed(known)
    assert found.floor_minor >= cost
    assert found.floor_minor <= found.ceiling_minor
    if price:
        assert found.source == ProposalSource.OWN_PRICE
        assert found.floor_minor * 10 >= price * 9
        assert found.ceiling_minor <= max(price * 3 // 2, found.floor_minor)
        dearer = replace(known, featured_minor=featured + 1, rival_minor=rival + 1)
        assert propose(dearer).floor_minor == found.floor_minor
    else:
        assert found.source == ProposalSource.MARKET
        assert found.floor_minor >= (featured or rival)


def test_the_lowest_floor_is_proposed_where_it_is_wanted() -> None:
    goal = Goal(GoalKind.AMOUNT, 120)
    known = Known("USD", cost_minor=900, economics=CLIFF, wanted=ComputedBounds("home", goal))
    assert propose(known).floor_minor == 1_563
    lowest = replace(known, wanted=ComputedBounds("home", goal, lowest_floor=True))
    assert propose(lowest).floor_minor == 1_480


@pytest.mark.parametrize("price", [0, 2_000])
def test_a_goal_that_no_price_earns_falls_back_to_the_price(price: int) -> None:
    wanted = ComputedBounds("home", Goal(GoalKind.MARGIN_NET, 9_000))
    known = Known("EUR", price_minor=price, cost_minor=800, economics=GERMAN, wanted=wanted)
    if price == 0:
        with pytest.raises(InputError) as refused:
            propose(known)
        assert refused.value.reason == "NOTHING_TO_PROPOSE_FROM"
        return
    found = propose(known)
    assert (found.floor_minor, found.ceiling_minor) == (1_800, 2_500)
    assert found.reasons[0] == (
        "With this cost and these fees no price earns at least 90 % of the net price."
    )
