"""Which days are compared, which listings together, and what the figures propose."""

from __future__ import annotations

from typing import Any

import pytest

from engine.insights.figures import figures_of
from engine.insights.history import Day, Seen
from engine.insights.look import Counts
from engine.insights.review import (
    Change,
    Kind,
    Period,
    ReviewKey,
    groups_of,
    periods_of,
    review,
)
from tests.engine.insights.test_advice import UNIT, facts

TODAY, SINCE = 20_000, 19_980
KEY = ReviewKey(Kind.TRIAL, "M", "EUR", 1, "new", SINCE)


def test_the_day_of_the_change_counts_nowhere() -> None:
    assert periods_of(Kind.TRIAL, SINCE, TODAY) == (
        Period(SINCE - 14, SINCE), Period(SINCE + 1, SINCE + 15),
    )  # fmt: skip
    running = periods_of(Kind.TRIAL, TODAY - 4, TODAY)
    assert running == (Period(TODAY - 7, TODAY - 4), Period(TODAY - 3, TODAY)), "whole days only"
    assert [each.days for each in periods_of(Kind.TRIAL, TODAY, TODAY)] == [0, 0]
    assert periods_of(Kind.QUARTER, 0, TODAY) == (
        Period(TODAY - 182, TODAY - 91), Period(TODAY - 91, TODAY),
    )  # fmt: skip


def test_listings_that_changed_together() -> None:
    listed = [facts(1, strategy_id="s"), facts(2, strategy_id="s"), facts(3, strategy_id="s"),
              facts(4, strategy_id="t"), facts(5)]  # fmt: skip
    seen = {1: Seen("s", 5, 1), 2: Seen("s", 5, 1), 3: Seen("s", 6, 1), 4: Seen("t", 5, 1)}
    trial = groups_of(Kind.TRIAL, listed, seen)
    assert {key.review_id: [each.listing_id for each in group] for key, group in trial.items()} == {
        "TRIAL/M/EUR/B2C/s/5": [1, 2], "TRIAL/M/EUR/B2C/s/6": [3], "TRIAL/M/EUR/B2C/t/5": [4],
    }  # fmt: skip
    quarter = groups_of(Kind.QUARTER, listed, seen)
    assert [key.review_id for key in quarter] == ["QUARTER/M/EUR/B2C/s", "QUARTER/M/EUR/B2C/t"]


def days(
    first: int, units: int | None, price: int = 2000, count: int = 14, **counts: int
) -> list[Day]:
    """Days of 96 looks at one price."""
    found = {"looks": 96, "priced": 96, "price_sum_minor": 96 * price} | counts
    return [Day(1, first + at, Counts(**found), units) for at in range(count)]


def reviewed(
    before: list[Day], after: list[Day], economics: Any = UNIT
) -> list[tuple[Change, str]]:
    """What is proposed."""
    listed = [facts(1, strategy_id="new", economics=economics)]
    found = review(KEY, listed, (before, after), periods_of(Kind.TRIAL, SINCE, TODAY))
    return [(each.change, each.why) for each in found.proposals]


def changes(before: list[Day], after: list[Day], economics: Any = UNIT) -> list[Change]:
    return [change for change, _ in reviewed(before, after, economics)]


BEFORE = SINCE - 14
AFTER = SINCE + 1


def test_profit_decides() -> None:
    """At 20.00 a unit earns 2.3067, at 21.00 2.9970, at 19.00 1.6163; ten a day, fourteen days."""
    assert figures_of(days(BEFORE, 10), {1: UNIT}).profit_minor == 14 * 2_306
    (up,) = reviewed(days(BEFORE, 10), days(AFTER, 10, 2100))
    assert up == (Change.KEEP, "Profit went from 322.84 EUR to 419.58 EUR.")
    (down,) = reviewed(days(BEFORE, 10), days(AFTER, 10, 1900))
    assert down[0] == Change.GO_BACK
    assert down[1].startswith("Profit went from 322.84 EUR to 226.24 EUR. Unless something else")
    (same,) = reviewed(days(BEFORE, 10), days(AFTER, 10, 2001))
    assert (same[0], same[1].endswith(": about the same.")) == (Change.KEEP, True)


def test_revenue_where_profit_is_not_known() -> None:
    found = reviewed(days(BEFORE, 10), days(AFTER, 5), None)
    assert [change for change, _ in found] == [Change.GO_BACK, Change.GIVE_COSTS]
    assert found[0][1].startswith("Revenue went from 2800.00 EUR to 1400.00 EUR")
    assert found[1][1].startswith("Of 70 units 70 are in no profit")


def test_the_buy_box_where_nobody_reports_sales() -> None:
    before = days(BEFORE, None, known=96, ours=48)
    worse = days(AFTER, None, known=96, ours=24)
    found = reviewed(before, worse)
    assert [change for change, _ in found] == [Change.GO_BACK, Change.REPORT_SALES]
    assert found[0][1] == "The Buy Box share went from 50 % to 25 %; nothing else is known."
    assert changes(before, days(AFTER, None, known=96, ours=46))[0] == Change.KEEP
    assert changes(days(BEFORE, None), days(AFTER, None))[0] == Change.WAIT


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (days(BEFORE, 1, count=6), days(AFTER, 1), "Of the time before only 42 % was seen"),
        (days(BEFORE, 1), days(AFTER, 1, count=6), "Of the time after only 42 % was seen"),
        ([], days(AFTER, 1), "Of the time before only 0 % was seen"),
    ],
)
def test_too_little_was_seen(before: list[Day], after: list[Day], why: str) -> None:
    (found, *_) = reviewed(before, after)
    assert (found[0], found[1].startswith(why)) == (Change.WAIT, True)


def test_too_early() -> None:
    periods = periods_of(Kind.TRIAL, TODAY - 4, TODAY)
    found = review(KEY, [facts(1)], (days(TODAY - 7, 1, count=3), days(TODAY - 3, 1, count=3)),
                   periods)  # fmt: skip
    assert found.proposals[0].change == Change.WAIT
    assert found.proposals[0].why == "3 of 14 days have passed since the change."


def test_bounds_that_are_in_the_way() -> None:
    at_floor = days(AFTER, 10, known=96, ours=10, at_floor=48)
    assert changes(days(BEFORE, 10), at_floor) == [Change.KEEP, Change.LOWER_FLOOR]
    assert changes(days(BEFORE, 10), days(AFTER, 10, known=96, ours=48, at_floor=96)) == [
        Change.KEEP
    ]
    at_ceiling = days(AFTER, 10, known=100, ours=90, at_ceiling=48)
    assert changes(days(BEFORE, 10), at_ceiling) == [Change.KEEP, Change.RAISE_CEILING]
    assert changes(days(BEFORE, 10), days(AFTER, 10, known=100, ours=89, at_ceiling=96)) == [
        Change.KEEP
    ]


def test_stock_that_ran_out() -> None:
    out = days(BEFORE, 10, out=20)
    assert changes(out, days(AFTER, 10)) == [Change.KEEP, Change.RESTOCK]
    assert changes(days(BEFORE, 10, out=19), days(AFTER, 10)) == [Change.KEEP]
