"""Two bots that drive each other: a story of 2011, faster ones, and what is none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from market.guarded import DAY_MS, HOUR_MS, MINUTE_MS, World, distance, follow

from engine.guards import Guard
from engine.guards.holds import HoldKind
from engine.schema import Reason, WhenWinning

BOOK = "BOOK"


def bordee(**given: object) -> World:
    """The seller who asked 1.270589 times the other's price."""
    market = World(follow(offsets=distance(2706), **given))
    market.listings(BOOK, floor_minor=1000, ceiling_minor=10**9, price_minor=4495)
    return market


def duel(market: World, rounds: int, pause_ms: int, answer: Callable[[int], int]) -> list[int]:
    """Our prices while the other bot sets its price from ours, round after round."""
    prices = []
    other = answer(market.price(BOOK))
    for _ in range(rounds):
        market.now_ms += pause_ms
        market.offers({BOOK: other})
        prices.append(market.price(BOOK))
        other = answer(market.price(BOOK))
    return prices


def profnath(price: int) -> int:
    """The seller who asked 0.9983 times the other's price."""
    return price * 9983 // 10_000


def test_the_book_of_2011_at_its_own_pace_ends_at_the_ceiling() -> None:
    market = World(follow(offsets=distance(2706)))
    market.listings(BOOK, floor_minor=1000, ceiling_minor=20_000, price_minor=4495)
    prices = duel(market, 45, DAY_MS, profnath)
    assert max(prices) == prices[-1] == 20_000
    assert not market.events(Guard.SPIRAL)


def test_the_book_of_2011_at_the_pace_of_today_is_stopped() -> None:
    market = bordee()
    prices = duel(market, 40, 30 * MINUTE_MS, profnath)
    (event,) = market.events(Guard.SPIRAL)
    assert event.listing_id == market.id(BOOK)
    assert max(prices) < 4495 * 6, "seven moves, then no more"
    assert prices[-1] == 4495, "not above the start"
    assert market.row(BOOK)["reason"] in (Reason.SPIRAL, Reason.SPIRAL_HELD)


def undercut(price: int) -> int:
    """A bot that goes two per cent below us."""
    return price * 98 // 100


def test_a_race_to_the_bottom_stops_at_the_last_price_that_won() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=100, price_minor=1000)
    other, won = 980, 0
    for step in range(30):
        market.now_ms += 20 * MINUTE_MS
        own = market.price(BOOK)
        market.offers({BOOK: other}, own={BOOK: own}, wins=step == 3)
        won = own if step == 3 else won
        other = undercut(market.price(BOOK))
    assert market.events(Guard.SPIRAL)
    assert market.row(BOOK)["good_price_minor"] == won
    assert market.price(BOOK) == won


def test_without_a_win_the_present_price_is_held() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=100, price_minor=1000)
    prices = duel(market, 30, 20 * MINUTE_MS, undercut)
    assert market.events(Guard.SPIRAL)
    assert prices[-1] == prices[10] > 800


@pytest.mark.parametrize(("pause_ms", "share", "spiral"), [
    (20 * MINUTE_MS, 98, True),
    (4 * HOUR_MS, 98, True),
    (4 * HOUR_MS + MINUTE_MS, 98, False),  # no answer in time
    (DAY_MS, 50, False),
])  # fmt: skip
def test_pace(pause_ms: int, share: int, spiral: bool) -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=1, price_minor=10_000, ceiling_minor=20_000)
    duel(market, 12, pause_ms, lambda price: price * share // 100)
    assert bool(market.events(Guard.SPIRAL)) is spiral


@pytest.mark.parametrize(("step", "spiral"), [(70, False), (90, True)])
def test_the_pair_must_move_over_five_per_cent(step: int, spiral: bool) -> None:
    """Seven answered moves: of 0.7 % each they stay below, of 0.9 % they do not."""
    market = World(follow())
    market.listings(BOOK, floor_minor=1, price_minor=10_000, ceiling_minor=20_000)
    duel(market, 8, HOUR_MS, lambda price: price - step)
    assert bool(market.events(Guard.SPIRAL)) is spiral


def test_six_moves_must_be_answered() -> None:
    for rounds, spiral in ((6, False), (7, True)):
        market = World(follow())
        market.listings(BOOK, floor_minor=1, price_minor=10_000, ceiling_minor=20_000)
        duel(market, rounds, HOUR_MS, undercut)
        assert bool(market.events(Guard.SPIRAL)) is spiral


def test_changing_competitors_are_no_spiral() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=1, price_minor=10_000, ceiling_minor=20_000)
    for step in range(30):
        market.now_ms += 20 * MINUTE_MS
        market.offers({BOOK: undercut(market.price(BOOK))}, by=f"RIVAL-{step % 2}")
    assert not market.events(Guard.SPIRAL)


def test_changing_directions_are_no_spiral() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=1, price_minor=10_000, ceiling_minor=20_000)
    for step in range(60):
        market.now_ms += 20 * MINUTE_MS
        market.offers({BOOK: 10_000 - 300 * (step % 5)})
    assert not market.events(Guard.SPIRAL)


def test_a_hold_lets_the_price_go_back_and_ends_after_a_day() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=100, price_minor=1000)
    duel(market, 20, 20 * MINUTE_MS, undercut)
    held = market.price(BOOK)
    market.now_ms += MINUTE_MS
    market.offers({BOOK: 990})
    assert market.price(BOOK) == 990, "the other way is free"
    market.now_ms += MINUTE_MS
    market.offers({BOOK: 500})
    assert market.price(BOOK) == held
    market.now_ms += DAY_MS
    market.offers({BOOK: 700})
    assert market.price(BOOK) == 700


def test_the_way_back_keeps_the_step_limit() -> None:
    market = bordee(step_limit_bp=3000)
    prices = [4495, *duel(market, 40, 30 * MINUTE_MS, profnath)]
    assert market.events(Guard.SPIRAL)
    assert prices[-1] == 4495
    for before, after in pairwise(prices):
        assert abs(after - before) * 10_000 <= before * 3000


def test_a_person_ends_it() -> None:
    market = World(follow())
    market.listings(BOOK, floor_minor=100, price_minor=1000)
    duel(market, 20, 20 * MINUTE_MS, undercut)
    (hold,) = market.holds(HoldKind.SPIRAL)
    assert market.discard(hold.hold_id).count == 0, "there is nothing to drop"
    assert market.release(hold.hold_id).count == 1
    market.now_ms += MINUTE_MS
    market.offers({BOOK: 500})
    assert market.price(BOOK) == 500


def test_holding_when_winning_is_no_move() -> None:
    market = World(follow(when_winning=WhenWinning.HOLD))
    market.listings(BOOK, floor_minor=100, price_minor=1000)
    duel(market, 3, HOUR_MS, undercut)
    assert not market.events(Guard.SPIRAL)
