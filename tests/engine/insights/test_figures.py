"""Share, price, units, revenue and profit, against figures that were worked out by hand."""

from __future__ import annotations

from engine.bounds.fees import FeeSchedule, FulfilmentBand, ReferralTier
from engine.bounds.goals import UnitEconomics
from engine.insights.figures import figures_of
from engine.insights.history import Day
from engine.insights.look import Counts

FEES = FeeSchedule((ReferralTier(None, 1_500),), bands=(FulfilmentBand(None, 350),))
UNIT = UnitEconomics(FEES, cost_minor=800, vat_bp=1_900)
"""The product of the worked example of computed bounds: at 20.38 it earns 15 % of its net."""


def day(listing_id: int, day: int, units: int | None, price: int = 0, **counts: int) -> Day:
    """A day at one price, with 96 looks."""
    priced = 96 if price else 0
    found = Counts(looks=96, priced=priced, price_sum_minor=priced * price, **counts)
    return Day(listing_id, day, found, units)


def test_nothing_is_known_of_nothing() -> None:
    found = figures_of([], {})
    assert (found.share_bp, found.price_minor, found.units) == (None, None, None)
    assert (found.revenue_minor, found.profit_minor) == (None, None)


def test_a_profit_by_hand() -> None:
    """20.38 gross is 17.12605 net; less 3.06 referral (rounded up), 3.50 and 8.00: 2.56605."""
    found = figures_of([day(1, 1, 10, 2038)], {1: UNIT})
    assert (found.units, found.revenue_minor) == (10, 20_380)
    assert found.profit_minor == 2_566, "25.6605 for ten, rounded down"


def test_a_loss_is_rounded_down_too() -> None:
    """10.00 gross is 8.40336 net; less 1.50, 3.50 and 8.00: -4.59664 a unit."""
    assert figures_of([day(1, 1, 1, 1000)], {1: UNIT}).profit_minor == -460


def test_each_day_sells_at_its_own_price() -> None:
    days = [day(1, 1, 3, 1000, known=96, ours=48), day(1, 2, 1, 2000, known=48, ours=48)]
    found = figures_of(days, {1: None})
    assert (found.units, found.revenue_minor) == (4, 3 * 1000 + 2000)
    assert found.price_minor == 1500
    assert found.share_bp == 96 * 10_000 // 144
    assert (found.listings, found.days) == ({1}, {1, 2})


def test_an_unknown_cost_is_in_no_profit() -> None:
    days = [day(1, 1, 10, 2038), day(2, 1, 4, 5000), day(3, 1, 2), day(4, 1, None, 100)]
    found = figures_of(days, {1: UNIT, 2: None, 3: UNIT})
    assert found.units == 16
    assert found.revenue_minor == 20_380 + 4 * 5000
    assert found.profit_minor == 2_566
    assert (found.units_without_profit, found.units_unpriced) == (6, 2)


def test_no_sale_is_a_figure_and_no_report_is_none() -> None:
    none = figures_of([day(1, 1, 0, 2038)], {1: UNIT})
    assert (none.units, none.revenue_minor, none.profit_minor) == (0, 0, 0)
    unknown = figures_of([day(1, 1, None, 2038)], {1: UNIT})
    assert (unknown.units, unknown.revenue_minor, unknown.profit_minor) == (None, None, None)
