"""The solver against every price tried, and the worked examples of computed bounds."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bounds.fees import FeeSchedule, FulfilmentBand, ReferralTier, TierKind
from engine.bounds.goals import Goal, GoalKind, UnitEconomics
from engine.bounds.solver import Interval, good_prices, lowest_floor, safe_floor
from engine.errors import InputError

MOST_TRIED = 3_000


def tried_one_by_one(economics: UnitEconomics, goal: Goal, ceiling: int) -> list[Interval]:
    good = [p for p in range(1, ceiling + 1) if economics.surplus_scaled(goal, p) >= 0]
    starts = [p for p in good if p - 1 not in set(good)]
    ends = [p for p in good if p + 1 not in set(good)]
    return list(zip(starts, ends, strict=True))


def surplus_by_definition(unit: UnitEconomics, goal: Goal, item: int) -> Fraction:
    """Profit over the goal, straight from the definition and without a common denominator."""
    fees, gross = unit.fees, item + unit.shipping_minor
    vat = Fraction(unit.vat_bp, 10_000)
    tier = next(at for at, t in enumerate(fees.tiers) if gross <= (t.up_to_minor or gross))
    if fees.kind is TierKind.WHOLE:
        referral = Fraction(fees.tiers[tier].rate_bp * gross, 10_000)
    else:
        ends = [0, *(t.up_to_minor or 0 for t in fees.tiers[:tier]), gross]
        parts = zip(ends, ends[1:], fees.tiers, strict=False)
        referral = sum((Fraction((b - a) * t.rate_bp, 10_000) for a, b, t in parts), Fraction())
    charged = max(fees.minimum_minor, ceil(referral))
    charged += ceil(Fraction(charged * fees.digital_services_bp, 10_000))
    charged += next(b.fee_minor for b in fees.bands if item <= (b.up_to_minor or item))
    charged += fees.fixed_minor
    net = Fraction(gross) / (1 + vat)
    points = unit.points_minor + item * unit.points_bp // 10_000
    profit = net - charged * (1 + vat if unit.fee_vat_lost else 1) - unit.cost_minor - points
    profit -= net * Fraction(unit.allowance_bp, 10_000)
    part = Fraction(goal.value, 10_000)
    wanted = {
        GoalKind.AMOUNT: Fraction(goal.value),
        GoalKind.MARGIN_NET: net * part,
        GoalKind.MARGIN_GROSS: gross * part,
        GoalKind.MARKUP: unit.cost_minor * part,
    }
    return profit - wanted[goal.kind]


def steps(ends: Iterable[int]) -> list[int | None]:
    return [*sorted(set(ends)), None]


@st.composite
def fee_schedules(draw: st.DrawFn) -> FeeSchedule:
    tier_ends = steps(draw(st.lists(st.integers(1, MOST_TRIED), max_size=3)))
    band_ends = steps(draw(st.lists(st.integers(1, MOST_TRIED), max_size=3)))
    rates = st.one_of(st.sampled_from([0, 500, 800, 1500, 1700]), st.integers(0, 10_000))
    return FeeSchedule(
        tiers=tuple(ReferralTier(end, draw(rates)) for end in tier_ends),
        kind=draw(st.sampled_from(TierKind)),
        minimum_minor=draw(st.sampled_from([0, 30, 500])),
        digital_services_bp=draw(st.sampled_from([0, 200, 300])),
        bands=tuple(FulfilmentBand(end, draw(st.integers(0, 600))) for end in band_ends),
        fixed_minor=draw(st.integers(0, 50)),
    )


@st.composite
def units(draw: st.DrawFn) -> UnitEconomics:
    return UnitEconomics(
        fees=draw(fee_schedules()),
        cost_minor=draw(st.integers(0, 1_500)),
        shipping_minor=draw(st.sampled_from([0, 0, 1, 399])),
        vat_bp=draw(st.sampled_from([0, 1_900, 2_000, 2_550])),
        fee_vat_lost=draw(st.booleans()),
        allowance_bp=draw(st.sampled_from([0, 300])),
        points_minor=draw(st.sampled_from([0, 7])),
        points_bp=draw(st.sampled_from([0, 100, 9_999])),
    )


GOALS = st.one_of(
    st.builds(Goal, st.just(GoalKind.AMOUNT), st.integers(-500, 500)),
    st.builds(Goal, st.just(GoalKind.MARKUP), st.integers(0, 10_000)),
    st.builds(
        Goal,
        st.sampled_from([GoalKind.MARGIN_NET, GoalKind.MARGIN_GROSS]),
        st.one_of(st.integers(0, 3_000), st.integers(0, 10_000)),
    ),
)


@settings(max_examples=100, deadline=None)
@given(units(), GOALS, st.lists(st.integers(1, MOST_TRIED), min_size=20, max_size=20))
def test_what_a_price_earns_is_what_the_definition_says(
    economics: UnitEconomics, goal: Goal, prices: list[int]
) -> None:
    ends = [t.up_to_minor for t in economics.fees.tiers if t.up_to_minor]
    ends += [b.up_to_minor for b in economics.fees.bands if b.up_to_minor]
    for price in prices + [max(1, end + by) for end in ends for by in (-1, 0, 1)]:
        expected = surplus_by_definition(economics, goal, price) * economics.scale
        assert economics.surplus_scaled(goal, price) == expected


@settings(max_examples=300, deadline=None)
@given(units(), GOALS, st.integers(1, MOST_TRIED))
def test_the_solver_finds_what_trying_every_price_finds(
    economics: UnitEconomics, goal: Goal, ceiling: int
) -> None:
    expected = tried_one_by_one(economics, goal, ceiling)
    assert good_prices(economics, goal, ceiling) == expected
    lowest = lowest_floor(economics, goal, ceiling)
    safe = safe_floor(economics, goal, ceiling)
    assert lowest.floor_minor == (expected[0][0] if expected else None)
    assert safe.floor_minor == (
        expected[-1][0] if expected and expected[-1][1] == ceiling else None
    )
    for price in range(lowest.floor_minor or ceiling + 1, ceiling + 1):
        snapped = lowest.snap(price)
        assert economics.surplus_scaled(goal, snapped) >= 0
        assert all(economics.surplus_scaled(goal, p) < 0 for p in range(snapped + 1, price + 1))


GERMAN = UnitEconomics(
    fees=FeeSchedule((ReferralTier(None, 1_500),), bands=(FulfilmentBand(None, 350),)),
    cost_minor=800,
    vat_bp=1_900,
)
CLIFF = UnitEconomics(
    fees=FeeSchedule(
        (ReferralTier(1_500, 500), ReferralTier(2_000, 1_000), ReferralTier(None, 1_700)),
        kind=TierKind.WHOLE,
        bands=(FulfilmentBand(None, 386),),
    ),
    cost_minor=900,
)


def test_fifteen_per_cent_of_net_in_germany() -> None:
    goal = Goal(GoalKind.MARGIN_NET, 1_500)
    assert safe_floor(GERMAN, goal, 5_000).floor_minor == 2_039
    # 20.38 would earn the goal if the fee of 3.057 were not rounded up to 3.06.
    short = GERMAN.surplus_scaled(goal, 2_038)
    assert -GERMAN.scale < short < 0


def test_a_referral_fee_that_jumps_leaves_a_gap() -> None:
    goal = Goal(GoalKind.AMOUNT, 120)
    assert good_prices(CLIFF, goal, 5_000) == [(1_480, 1_500), (1_563, 5_000)]
    lowest = lowest_floor(CLIFF, goal, 5_000)
    assert (lowest.floor_minor, lowest.gaps) == (1_480, ((1_501, 1_562),))
    assert [lowest.snap(price) for price in (1_500, 1_501, 1_562, 1_563)] == [
        1_500,
        1_500,
        1_500,
        1_563,
    ]
    assert safe_floor(CLIFF, goal, 5_000).floor_minor == 1_563
    assert CLIFF.profit_scaled(1_501) == 64 * CLIFF.scale


def test_no_price_earns_it() -> None:
    goal = Goal(GoalKind.AMOUNT, 10_000)
    assert safe_floor(GERMAN, goal, 5_000).floor_minor is None
    assert lowest_floor(GERMAN, goal, 5_000).floor_minor is None


def test_large_prices_cost_no_more_than_small_ones() -> None:
    goal = Goal(GoalKind.MARGIN_NET, 1_500)
    assert good_prices(GERMAN, goal, 10**12)[-1] == (2_039, 10**12)


def test_a_goal_that_hardly_depends_on_the_price_is_refused() -> None:
    flat = UnitEconomics(fees=FeeSchedule((ReferralTier(None, 5_000),)), cost_minor=0)
    with pytest.raises(InputError) as refused:
        good_prices(flat, Goal(GoalKind.MARGIN_NET, 5_000), 10**9)
    assert refused.value.reason == "GOAL_TOO_FLAT"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"tiers": ()}, "referral_tiers"),
        ({"tiers": (ReferralTier(500, 100),)}, "referral_tiers[0].up_to_minor"),
        (
            {"tiers": (ReferralTier(None, 100), ReferralTier(None, 1))},
            "referral_tiers[0].up_to_minor",
        ),
        (
            {"tiers": (ReferralTier(5, 1), ReferralTier(5, 2), ReferralTier(None, 3))},
            "referral_tiers[1].up_to_minor",
        ),
        ({"tiers": (ReferralTier(None, 10_001),)}, "referral_tiers[0].rate_basis_points"),
        ({"bands": (FulfilmentBand(None, -1),)}, "fulfilment_bands[0].fee_minor"),
        ({"bands": (FulfilmentBand(99, 1),)}, "fulfilment_bands[0].up_to_minor"),
        ({"minimum_minor": -1}, "minimum_referral_minor"),
        ({"digital_services_bp": -1}, "digital_services_basis_points"),
        ({"fixed_minor": -1}, "fixed_minor"),
    ],
)
def test_a_fee_table_with_gaps_is_refused(arguments: dict[str, object], field: str) -> None:
    present: dict[str, object] = {"tiers": (ReferralTier(None, 1_500),)}
    with pytest.raises(InputError) as refused:
        FeeSchedule(**{**present, **arguments}).check()  # type: ignore[arg-type]
    assert refused.value.field == field
