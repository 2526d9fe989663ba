"""The breaker: a crash of a seller's prices is held, everything else goes on."""

from __future__ import annotations

import pytest
from market.guarded import DAY_MS, HOUR_MS, MINUTE_MS, World, follow

from engine.guards import Guard
from engine.guards.holds import HoldKind
from engine.schema import DecisionStatus, Reason

SKUS = [f"SKU-{at}" for at in range(40)]


def world(**given: int) -> World:
    made = World(follow(**given))
    made.listings(*SKUS, floor_minor=100)
    return made


def test_a_crash_is_held_and_rises_go_on() -> None:
    market = world()
    market.offers(dict.fromkeys(SKUS, 1000))
    market.now_ms += MINUTE_MS
    result = market.offers({sku: 500 if at < 30 else 1100 for at, sku in enumerate(SKUS)})
    assert result.decisions["price_minor"].tolist() == [1100] * 10
    assert result.set_aside["price_minor"].tolist() == [500] * 30
    assert set(result.set_aside["status"]) == {DecisionStatus.HELD}
    assert market.price("SKU-0") == 1000
    assert market.row("SKU-0")["reason"] == Reason.BREAKER
    (event,) = market.events(Guard.BREAKER)
    assert "30 of 40 listings fell by 50 %" in event.message
    assert event.seller_id == "S1"
    assert len(market.holds(HoldKind.DECISION)) == 30


def test_ids_are_given_to_held_decisions_too() -> None:
    market = world()
    result = market.offers({sku: 500 if at % 2 else 1100 for at, sku in enumerate(SKUS)})
    ids = sorted([*result.decisions["decision_id"], *result.set_aside["decision_id"]])
    assert ids == list(range(ids[0], ids[0] + 40))
    assert market.log()["decision_id"].tolist() == ids


def test_the_same_proposal_is_made_once() -> None:
    market = world()
    assert len(market.offers(dict.fromkeys(SKUS, 500)).set_aside) == 40
    market.now_ms += MINUTE_MS
    assert len(market.offers(dict.fromkeys(SKUS, 500)).set_aside) == 0
    assert len(market.offers(dict.fromkeys(SKUS, 499)).set_aside) == 40


@pytest.mark.parametrize(("count", "price", "held"), [
    (19, 100, False), (20, 100, True), (20, 751, False), (20, 750, True),
])  # fmt: skip
def test_thresholds(count: int, price: int, held: bool) -> None:
    market = world()
    result = market.offers(dict.fromkeys(SKUS[:count], price))
    assert (len(result.set_aside) == count) is held


def test_half_of_what_was_seen_must_fall() -> None:
    for falling, held in ((19, False), (20, True)):
        market = world()
        prices = {sku: 500 if at < falling else 1000 for at, sku in enumerate(SKUS)}
        assert bool(len(market.offers(prices).set_aside)) is held


def test_small_steps_add_up_within_the_window() -> None:
    market = world()
    price = 1000
    for step in range(9):
        price -= 40
        market.now_ms += MINUTE_MS
        market.offers(dict.fromkeys(SKUS, price), by=f"RIVAL-{step}")
    assert market.price("SKU-0") == 760, "24 per cent so far; the next step is held"


def test_slow_falls_trip_the_day() -> None:
    market = world()
    price = 1000
    for step in range(23):
        price -= 25
        market.now_ms += HOUR_MS
        market.offers(dict.fromkeys(SKUS, price), by=f"RIVAL-{step}")
    assert market.price("SKU-0") == 625, "two fifths within a day would be too much"


def test_slower_falls_pass() -> None:
    market = world()
    for price in range(980, 300, -20):
        market.now_ms += DAY_MS + HOUR_MS
        market.offers(dict.fromkeys(SKUS, price))
    assert market.price("SKU-0") == 320


def test_swings_are_no_crash() -> None:
    market = world()
    for step in range(40):
        market.now_ms += MINUTE_MS
        market.offers(dict.fromkeys(SKUS, 1000 - 50 * (step % 2)))
    assert not market.events(Guard.BREAKER)


def test_each_seller_has_its_own() -> None:
    market = world()
    market.listings(*SKUS, seller="S2", floor_minor=100)
    market.offers(dict.fromkeys(SKUS, 500))
    result = market.offers({SKUS[0]: 900}, seller="S2")
    assert len(result.decisions) == 1
    assert len(market.holds(HoldKind.BREAKER)) == 1


def test_release_evaluates_again() -> None:
    market = world()
    market.offers(dict.fromkeys(SKUS, 500))
    market.listings(SKUS[0], floor_minor=600, ceiling_minor=2000)
    (hold,) = market.holds(HoldKind.BREAKER)
    market.now_ms += MINUTE_MS
    result = market.release(hold.hold_id)
    prices = dict(zip(result.decisions["listing_id"], result.decisions["price_minor"], strict=True))
    assert len(prices) == 40
    assert prices.pop(market.id(SKUS[0])) == 600, "the floor of now, not the price of then"
    assert set(prices.values()) == {500}
    assert not market.holds(HoldKind.DECISION)
    assert not market.holds(HoldKind.BREAKER)
    assert market.price(SKUS[1]) == 500


def test_release_of_one_decision_leaves_the_breaker_tripped() -> None:
    market = world()
    market.offers(dict.fromkeys(SKUS, 500))
    hold = market.holds(HoldKind.DECISION)[3]
    assert market.release(hold.hold_id).decisions["listing_id"].tolist() == [hold.listing_id]
    assert len(market.holds(HoldKind.DECISION)) == 39
    market.now_ms += MINUTE_MS
    assert len(market.offers({SKUS[9]: 400}).set_aside) == 1


def test_discard_drops_and_arms_anew() -> None:
    market = world()
    market.offers(dict.fromkeys(SKUS, 500))
    assert market.discard(seller="S1").count == 41
    assert market.price("SKU-0") == 1000
    assert not market.holds(HoldKind.DECISION)
    market.now_ms += 2 * MINUTE_MS
    assert len(market.offers({SKUS[0]: 990}).decisions) == 1
    market.now_ms += MINUTE_MS
    assert len(market.offers(dict.fromkeys(SKUS, 400)).set_aside) == 40


def test_newer_offers_without_a_fall_drop_the_proposal() -> None:
    market = world()
    market.offers(dict.fromkeys(SKUS, 500))
    market.now_ms += MINUTE_MS
    market.offers(dict.fromkeys(SKUS, 1000))
    assert not market.holds(HoldKind.DECISION)
    assert len(market.holds(HoldKind.BREAKER)) == 1


def test_first_prices_are_no_falls() -> None:
    market = World(follow())
    market.listings(*SKUS, floor_minor=100, price_minor=0)
    assert len(market.offers(dict.fromkeys(SKUS, 200)).decisions) == 40


def test_unknown_holds_are_told() -> None:
    market = world()
    (problem,) = market.release(77).problems
    assert problem.reason == "UNKNOWN_HOLD"
    (problem,) = market.discard(seller="NOBODY").problems
    assert problem.reason == "UNKNOWN_SELLER"
