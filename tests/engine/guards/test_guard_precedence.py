"""Kill switch > bounds > breaker > spiral > strategy > step limit > changes per hour: each pair.

Minimum advertised prices and calendars have no rules yet; a strategy that brings them sets its
target with them, below the breaker and above the step limit.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from market.guarded import HOUR_MS, MINUTE_MS, World, follow

from engine.guards import Guard
from engine.guards.holds import HoldKind
from engine.schema import Reason

A = "SKU-A"
SKUS = [A, *(f"SKU-{at}" for at in range(40))]


def plain(**given: int) -> World:
    market = World(follow(**given))
    market.listings(*SKUS, floor_minor=100)
    return market


def crashing(market: World) -> None:
    """The breaker is tripped."""
    market.offers(dict.fromkeys(SKUS[1:], 500))
    assert market.holds(HoldKind.BREAKER)
    market.now_ms += MINUTE_MS


def spiralling(market: World) -> None:
    """The price of A is held against a spiral at about 870."""
    while not market.events(Guard.SPIRAL):
        market.now_ms += 20 * MINUTE_MS
        market.offers({A: market.price(A) * 98 // 100})
    market.now_ms += MINUTE_MS


def outside_bounds(market: World) -> None:
    """A lies above its ceiling of 600, which came while it was stopped."""
    market.stop(A)
    market.listings(A, floor_minor=500, ceiling_minor=600)
    assert market.price(A) > 600


def test_stop_over_bounds() -> None:
    market = plain()
    outside_bounds(market)
    market.offers({A: 550})
    market.advance(HOUR_MS)
    assert market.price(A) == 1000
    market.restart(A)
    assert market.price(A) == 600


@pytest.mark.parametrize("trouble", [crashing, spiralling])
def test_stop_over_breaker_and_spiral(trouble: Callable[[World], None]) -> None:
    market = plain()
    trouble(market)
    held, price = len(market.holds(HoldKind.DECISION)), market.price(A)
    market.stop(everything=True)
    result = market.offers({A: 300})
    assert [each.reason for each in result.problems] == ["REPRICING_STOPPED"]
    assert len(result.set_aside) == 0
    assert len(market.holds(HoldKind.DECISION)) == held
    assert market.price(A) == price
    market.release(seller="S1")
    assert {market.price(sku) for sku in SKUS[1:]} == {1000}, "a release cannot pass the switch"


def test_stop_over_restore() -> None:
    market = plain()
    market.offers({A: 900})
    market.live(A, 900)
    market.stop(A)
    market.restore(market.now_ms - 1)
    assert market.price(A) == 900


def test_stop_over_dry_run() -> None:
    market = plain()
    market.seller(dry_run=True)
    market.stop(A)
    result = market.offers({A: 900})
    assert (len(result.set_aside), len(result.problems)) == (0, 1)


@pytest.mark.parametrize("trouble", [crashing, spiralling])
def test_bounds_over_breaker_and_spiral(trouble: Callable[[World], None]) -> None:
    """A price back into its bounds is a fall, and goes out all the same."""
    market = plain()
    trouble(market)
    result = market.listings(A, floor_minor=500, ceiling_minor=600)
    assert result.decisions["price_minor"].tolist() == [600]


def test_bounds_over_breaker_goes_to_the_bound_only() -> None:
    market = plain()
    market.stop(A)
    market.listings(A, floor_minor=300, ceiling_minor=600)
    crashing(market)
    market.engine.state.guards.switch.restart(False, [], [market.id(A)])
    (decision,) = market.offers({A: 400}).decisions
    assert (decision["price_minor"], decision["reason"]) == (600, Reason.BOUNDS)


def test_bounds_over_restore_and_release() -> None:
    market = plain()
    crashing(market)
    market.listings(SKUS[1], floor_minor=700)
    market.release(seller="S1")
    assert market.price(SKUS[1]) == 700


def test_bounds_over_limits() -> None:
    market = plain(step_limit_minor=1, changes_per_hour=1)
    market.offers({A: 900})
    market.listings(A, floor_minor=100, ceiling_minor=600)
    assert market.price(A) == 600


def test_breaker_over_spiral() -> None:
    """A fall that the spiral guard would cut to its price is held whole."""
    market = plain()
    spiralling(market)
    market.now_ms += MINUTE_MS
    market.offers({A: 1000})
    assert market.price(A) == 1000
    crashing(market)
    result = market.offers({A: 500})
    assert result.set_aside["price_minor"].tolist() == [500]
    assert market.price(A) == 1000


def test_breaker_over_strategy_and_limits() -> None:
    market = plain(step_limit_minor=10)
    market.offers(dict.fromkeys(SKUS, 990))
    guards = market.engine.state.guards
    guards.breaker.tripped[guards.watch.group(0, 0)] = guards.new_hold()
    market.now_ms += MINUTE_MS
    result = market.offers(dict.fromkeys(SKUS, 980))
    assert len(result.decisions) == 0
    market.now_ms += MINUTE_MS
    assert market.offers({A: 1100}).decisions["price_minor"].tolist() == [1000]


def test_breaker_under_a_person() -> None:
    """Restore is what a person asks for: it passes the breaker, also downwards."""
    market = plain()
    market.offers({A: 900})
    market.live(A, 900)
    then = market.now_ms
    market.now_ms += HOUR_MS
    market.offers({A: 1500})
    market.live(A, 1500)
    crashing(market)
    market.restore(then)
    assert market.price(A) == 900


def test_spiral_over_strategy() -> None:
    market = plain()
    spiralling(market)
    held = market.price(A)
    market.offers({A: 300})
    assert market.price(A) == held
    assert market.row(A)["reason"] == Reason.SPIRAL_HELD


def test_step_limit_over_the_way_to_a_held_price() -> None:
    market = plain(step_limit_minor=20)
    spiralling(market)
    hold = market.holds(HoldKind.SPIRAL)[0].price_minor
    market.engine.state.guards.spirals.movers["hold_minor"][1] = hold + 100
    before = market.price(A)
    market.offers({A: 300})
    assert market.price(A) == before + 20
    assert market.row(A)["reason"] == Reason.SPIRAL


def test_strategy_over_step_limit() -> None:
    """The step limit shortens the way and never goes beyond the strategy's target."""
    market = plain(step_limit_minor=500)
    market.offers({A: 970})
    assert market.price(A) == 970


def test_step_limit_over_changes_per_hour() -> None:
    """Each allowed change is no longer for the hour's rest, and the next one waits."""
    market = plain(step_limit_minor=10, changes_per_hour=1)
    for price in (990, 990, 980):
        market.offers({A: 500})
        assert market.price(A) == price
        market.now_ms += 40 * MINUTE_MS


def test_changes_per_hour_count_what_is_held_not() -> None:
    market = plain(changes_per_hour=1)
    crashing(market)
    for _ in range(3):
        market.now_ms += MINUTE_MS
        market.offers({A: 500})
    market.release(seller="S1")
    assert market.price(A) == 500, "no held decision used up the hour"
