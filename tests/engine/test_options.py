"""Price endings, up-only and down-only, and the example of 8 to 15 EUR: what goes out, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from market import Listing, Market, Marketplace, offer
from market.listing import PATIENT, Strategy

from engine.schema import Alone, CycleState, Direction, MatchTarget, Reason, StrategyKind

MATCH = replace(PATIENT, kind=StrategyKind.MATCH, targets=(MatchTarget.LOWEST,))
CENTS_99 = replace(MATCH, endings=(99,), ending_digits=2)
CENTS_95_99 = replace(MATCH, endings=(95, 99), ending_digits=2)
TENS = replace(MATCH, endings=(80,), ending_digits=2)
UP, DOWN = (replace(MATCH, direction=way) for way in (Direction.UP_ONLY, Direction.DOWN_ONLY))

ENDINGS = [
    # strategy, floor, ceiling, price before, competitor -> price, reason
    (CENTS_99, 800, 1500, 0, 1250, 1199, Reason.MATCH),
    (CENTS_99, 800, 1500, 1350, 1250, 1199, Reason.MATCH),
    (CENTS_99, 800, 1500, 1199, 1250, 1199, Reason.AT_TARGET),
    (CENTS_99, 800, 1500, 1350, 1299, 1299, Reason.MATCH),
    (CENTS_95_99, 800, 1500, 0, 1298, 1295, Reason.MATCH),
    (CENTS_95_99, 800, 1500, 0, 1300, 1299, Reason.MATCH),
    (TENS, 800, 1500, 0, 1250, 1180, Reason.MATCH),
    # Where no ending lies between the floor and the target, the target goes out as it is.
    (CENTS_99, 1210, 1500, 1350, 1250, 1250, Reason.MATCH),
    (CENTS_99, 1210, 1500, 1350, 1000, 1210, Reason.MATCH),
    # The ceiling is brought down to an ending as well.
    (CENTS_99, 800, 1500, 1350, 9000, 1499, Reason.MATCH),
    # The step limit comes after the ending and may break it.
    (replace(CENTS_99, step_limit_minor=30), 800, 1500, 1350, 1250, 1320, Reason.MATCH),
]


@pytest.mark.parametrize(
    ("strategy", "floor", "ceiling", "before", "competitor", "price", "reason"), ENDINGS
)
def test_endings(
    strategy: Strategy, floor: int, ceiling: int, before: int, competitor: int, price: int,
    reason: Reason,
) -> None:  # fmt: skip
    listing = Listing(strategy, floor, ceiling, price=before)
    done = listing.snapshot(offer(competitor), own=before)
    assert (done.price_minor, done.reason) == (price, reason)


DIRECTIONS = [
    (UP, 1000, 1200, 1200, Reason.MATCH),
    (UP, 1000, 900, 1000, Reason.UP_ONLY),
    (UP, 1000, 1000, 1000, Reason.AT_TARGET),
    (UP, 0, 900, 900, Reason.MATCH),
    (UP, 1600, 900, 1500, Reason.UP_ONLY),
    (DOWN, 1000, 900, 900, Reason.MATCH),
    (DOWN, 1000, 1200, 1000, Reason.DOWN_ONLY),
    (DOWN, 700, 1200, 800, Reason.DOWN_ONLY),
    (replace(UP, endings=(99,), ending_digits=2), 1050, 1080, 1050, Reason.UP_ONLY),
]


@pytest.mark.parametrize(("strategy", "before", "competitor", "price", "reason"), DIRECTIONS)
def test_directions(
    strategy: Strategy, before: int, competitor: int, price: int, reason: Reason
) -> None:
    listing = Listing(strategy, 800, 1500, price=before)
    done = listing.snapshot(offer(competitor), own=before)
    assert (done.price_minor, done.reason) == (price, reason)


def test_alone_rises_from_ending_to_ending() -> None:
    strategy = replace(PATIENT, endings=(99,), ending_digits=2, alone=Alone.RAISE)
    listing = Listing(strategy, 800, 1500, price=1199)
    listing.snapshot(offer(1300), own=1199)
    prices = []
    for _ in range(12):
        listing.now_ms += 60_000
        listing.snapshot(own=listing.price_minor)
        listing.wait()
        prices.append(listing.price_minor)
    assert prices[-1] == 1499
    assert {price % 100 for price in prices} == {99}


EIGHT_TO_FIFTEEN = [
    # The highest price that keeps the Buy Box, the price that takes it, a competitor
    (1240, 1190, 1200), (1499, 1450, 1400), (1600, 1600, 1800), (850, 830, 900), (800, 800, 820),
    (1337, 1000, 1100),
]  # fmt: skip


@pytest.mark.parametrize(("keep", "take", "competitor"), EIGHT_TO_FIFTEEN)
def test_eight_to_fifteen_climbs_to_the_highest_price_that_keeps_the_buy_box(
    keep: int, take: int, competitor: int
) -> None:
    place = Marketplace(Market(competitor, take, keep), Listing(PATIENT, 800, 1500))
    place.look()
    place.run(480)
    assert all(800 <= each.price_minor <= 1500 for each in place.listing.outcomes if each.changed)
    assert place.listing.state == CycleState.HOLDING
    assert place.listing.price_minor == min(keep, 1500)


@pytest.mark.parametrize(("keep", "take", "competitor"), EIGHT_TO_FIFTEEN)
def test_with_an_ending_it_climbs_to_the_highest_such_price(
    keep: int, take: int, competitor: int
) -> None:
    strategy = replace(PATIENT, endings=(9,), ending_digits=1)
    place = Marketplace(Market(competitor, take, keep), Listing(strategy, 800, 1500))
    place.look()
    place.run(480)
    highest = min(keep, 1500) - (min(keep, 1500) - 9) % 10
    assert place.listing.price_minor == (highest if highest >= 800 else 800)


def test_where_even_the_floor_does_not_win_it_stays_at_the_floor() -> None:
    place = Marketplace(Market(790, 780, 785), Listing(PATIENT, 800, 1500))
    place.look()
    place.run(100)
    assert place.listing.price_minor == 800
    assert all(800 <= each.price_minor <= 1500 for each in place.listing.outcomes if each.changed)
