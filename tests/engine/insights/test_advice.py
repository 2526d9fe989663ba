"""Which market a listing stands in, what is recommended for it, and what is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.bounds.fees import FeeSchedule, FulfilmentBand, ReferralTier
from engine.bounds.goals import UnitEconomics
from engine.columns import ListingKey
from engine.insights.advice import (
    GroupKey,
    Question,
    groups_of,
    propose,
    questions,
    recommend,
)
from engine.insights.facts import Facts
from engine.insights.history import Day, Seen
from engine.insights.look import Counts
from engine.insights.profile import (
    Market,
    Profile,
    Standing,
    derived_profile,
    standing_of,
)
from engine.schema import Audience, Condition, StrategyKind
from engine.strategies import compile_strategy

TODAY = 20_000
NEWCOMER = Profile(own_brand=False, months_selling=2, orders_per_month=10)
EXPERIENCED = Profile(own_brand=False, months_selling=60, orders_per_month=900, marketplaces=3)
UNIT = UnitEconomics(
    FeeSchedule((ReferralTier(None, 1_500),), bands=(FulfilmentBand(None, 350),)), 800,
    vat_bp=1_900,
)  # fmt: skip


def facts(listing_id: int = 1, **fields: Any) -> Facts:
    """A new item at 12.00 between 8.00 and 15.00."""
    values: dict[str, Any] = {
        "key": ListingKey("A", "M", f"S{listing_id}", Audience.B2C), "asin": "B1",
        "currency": "EUR", "strategy_id": "", "kind": StrategyKind.BUY_BOX,
        "condition": Condition.NEW, "fulfilment": 1, "price_minor": 1200, "floor_minor": 800,
        "ceiling_minor": 1500, "cost_minor": 0, "economics": None, "suppressed": False,
    }  # fmt: skip
    return Facts(listing_id, **(values | fields))


def standing(
    market: Market, proven: bool = False, units: int | None = None, **fields: Any
) -> Standing:
    """A listing in a market, looked at for ten days."""
    known = 0 if market == Market.UNKNOWN else 960
    counts = Counts(looks=960, known=known, ours=fields.pop("ours", known))
    return Standing(facts(**fields), market, proven, counts, units)


def advised(profile: Profile, *listed: Standing) -> Any:
    """The recommended strategy of the only group."""
    ((key, members),) = groups_of(listed).items()
    return recommend(key, members, profile).strategy


MARKETS = [
    (Counts(looks=96), Market.UNKNOWN),
    (Counts(known=100, ours=100, alone=95), Market.ALONE),
    (Counts(known=100, ours=100, alone=94), Market.COMPETITION),
    (Counts(known=100, suppressed=50), Market.SUPPRESSED),
    (Counts(known=100, suppressed=49, amazon=20), Market.AMAZON),
    (Counts(known=100, amazon=19), Market.COMPETITION),
]


@pytest.mark.parametrize(("counts", "market"), MARKETS)
def test_the_market_of_looks(counts: Counts, market: Market) -> None:
    found = standing_of(facts(), None, [Day(1, TODAY, counts, None)], TODAY)
    assert (found.market, found.proven_alone) == (market, False)


def test_ninety_days_alone_are_proven() -> None:
    alone = [Day(1, TODAY, Counts(known=96, ours=96, alone=96), None)]
    for first_day, proven in ((TODAY - 90, True), (TODAY - 89, False)):
        assert standing_of(facts(), Seen("", 1, first_day), alone, TODAY).proven_alone == proven
    rival = [Day(1, TODAY, Counts(known=96, ours=96), None)]
    assert not standing_of(facts(), Seen("", 1, TODAY - 90), rival, TODAY).proven_alone


def test_units_of_a_month() -> None:
    days = [Day(1, TODAY - 30, Counts(), 100), Day(1, TODAY - 29, Counts(), 3),
            Day(1, TODAY, Counts(), 4)]  # fmt: skip
    assert standing_of(facts(), None, days, TODAY).units == 7
    assert standing_of(facts(), None, days[:1], TODAY).units is None


def test_what_is_derived_and_what_is_answered() -> None:
    listed = [
        standing(Market.ALONE, units=70),
        standing(Market.ALONE, units=50, key=ListingKey("A", "N", "S", Audience.B2C)),
    ]
    old, young = Seen("", 0, TODAY - 365), Seen("", 0, TODAY - 364)
    assert derived_profile(listed, [old, young], Profile(), TODAY) == Profile(None, 12, 120, 2)
    assert derived_profile(listed[:1], [young], Profile(), TODAY) == Profile(None, None, 70, 1)
    answered = Profile(True, 1, 5)
    assert derived_profile(listed, [old], answered, TODAY) == replace(answered, marketplaces=2)


@pytest.mark.parametrize(
    ("months", "orders", "marketplaces", "experienced"),
    [(12, 100, 1, True), (11, 100, 1, False), (12, 99, 1, False), (12, None, 2, True),
     (None, None, 5, False), (None, 100, 2, True)],
)  # fmt: skip
def test_two_of_three_signs(months: Any, orders: Any, marketplaces: int, experienced: bool) -> None:
    assert Profile(None, months, orders, marketplaces).experienced == experienced


BRAND = replace(NEWCOMER, own_brand=True)
ADVICE = [
    ("a newcomer with an own brand", BRAND, standing(Market.ALONE), StrategyKind.PUSH),
    ("a newcomer, by ninety days alone", replace(NEWCOMER, own_brand=None),
     standing(Market.ALONE, proven=True), StrategyKind.PUSH),
    ("alone, but not an own brand", NEWCOMER, standing(Market.ALONE, proven=True),
     StrategyKind.BUY_BOX),
    ("alone for a short time", replace(NEWCOMER, own_brand=None), standing(Market.ALONE),
     StrategyKind.BUY_BOX),
    ("an experienced reseller", EXPERIENCED, standing(Market.COMPETITION), StrategyKind.BUY_BOX),
    ("an experienced one who is never featured", EXPERIENCED, standing(Market.COMPETITION, ours=0),
     StrategyKind.BUY_BOX),
    ("a newcomer who is never featured", NEWCOMER, standing(Market.COMPETITION, ours=0),
     StrategyKind.MATCH),
    ("a newcomer who is", NEWCOMER, standing(Market.COMPETITION, ours=1), StrategyKind.BUY_BOX),
    ("brisk sales of an own brand", replace(EXPERIENCED, own_brand=True),
     standing(Market.ALONE, units=300), StrategyKind.DAILY_PUSH),
    ("slow ones", replace(EXPERIENCED, own_brand=True), standing(Market.ALONE, units=299),
     StrategyKind.PUSH),
    ("used", EXPERIENCED, standing(Market.COMPETITION, condition=Condition.USED),
     StrategyKind.POSITION),
    ("Amazon sells too", EXPERIENCED, standing(Market.AMAZON), StrategyKind.BUY_BOX),
    ("nobody is featured", EXPERIENCED, standing(Market.SUPPRESSED), StrategyKind.BUY_BOX),
    ("nothing was seen", NEWCOMER, standing(Market.UNKNOWN), StrategyKind.BUY_BOX),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "listed", "kind"), [case[1:] for case in ADVICE],
                         ids=[case[0] for case in ADVICE])  # fmt: skip
def test_the_table(profile: Profile, listed: Standing, kind: StrategyKind) -> None:
    """And every recommended strategy is one that the engine takes as it is."""
    strategy = advised(profile, listed)
    assert strategy.kind == kind
    start = propose(listed.facts, strategy).start_minor
    record = compile_strategy(
        replace(strategy, strategy_id="advised", seller_id="A", start_minor=start,
                time_zone="UTC", zone_offsets=((0, 0),)), []
    )  # fmt: skip
    assert record["kind"][0] == kind
    limit = 100_000 if profile.experienced else 50_000
    assert record["step_limit_ppm"][0] == limit


def test_amazon_is_met_below() -> None:
    assert advised(EXPERIENCED, standing(Market.AMAZON)).offsets[2].basis_points < 0
    assert advised(EXPERIENCED, standing(Market.COMPETITION)).offsets == (None, None, None)


def test_steps_follow_the_sales() -> None:
    push = advised(BRAND, standing(Market.ALONE, units=60), standing(Market.ALONE, units=0))
    assert [each.units for each in push.push_steps] == [7], "a week's units of one listing"
    assert advised(BRAND, standing(Market.ALONE)).push_steps[0].units == 1
    daily = advised(replace(EXPERIENCED, own_brand=True), standing(Market.ALONE, units=600))
    assert [each.units for each in daily.push_steps] == [10, 20]


def test_groups_are_of_one_kind() -> None:
    listed = [
        standing(Market.ALONE), standing(Market.AMAZON, listing_id=2),
        standing(Market.ALONE, listing_id=3), standing(Market.ALONE, listing_id=4, currency="USD"),
    ]  # fmt: skip
    found = {str(key): [each.facts.listing_id for each in members]
             for key, members in groups_of(listed).items()}  # fmt: skip
    assert found == {
        "M/EUR/B2C/NEW/ALONE": [1, 3], "M/EUR/B2C/NEW/AMAZON": [2], "M/USD/B2C/NEW/ALONE": [4],
    }  # fmt: skip
    key = GroupKey("M", "EUR", Audience.B2C, Condition.NEW, Market.ALONE, True)
    assert str(key) == "M/EUR/B2C/NEW/ALONE/PROVEN"


ALL = [Question.OWN_BRAND, Question.MONTHS_SELLING, Question.ORDERS_PER_MONTH]
LOSING = standing(Market.COMPETITION, ours=0)
QUESTIONS = [
    ("nothing depends on an answer", Profile(), standing(Market.AMAZON), []),
    ("alone: whose brand?", Profile(), standing(Market.ALONE), ALL[:1]),
    ("never featured: how long, how much?", Profile(), LOSING, ALL[1:]),
    ("one of two signs is known already", Profile(None, None, 500), LOSING, ALL[1:2]),
    ("the other sign cannot be enough", Profile(None, None, 5), LOSING, []),
    ("answered", Profile(True, 5, 5), standing(Market.ALONE), []),
    ("brisk and alone: everything", Profile(), standing(Market.ALONE, units=900), ALL),
]


@pytest.mark.parametrize(("profile", "listed", "asked"), [case[1:] for case in QUESTIONS],
                         ids=[case[0] for case in QUESTIONS])  # fmt: skip
def test_only_what_matters_is_asked(
    profile: Profile, listed: Standing, asked: list[Question]
) -> None:
    assert questions(groups_of([listed]), profile) == asked


def test_a_floor_that_earns_a_tenth() -> None:
    """The same as by trying every price."""
    found = propose(facts(economics=UNIT, cost_minor=800, ceiling_minor=3000), advised(
        EXPERIENCED, standing(Market.COMPETITION)))  # fmt: skip
    good = [
        UNIT.profit_scaled(price) * 10 * 11_900 >= UNIT.scale * price * 10_000
        for price in range(1, 3001)
    ]
    assert found.floor_minor == 3000 - good[::-1].index(False) + 1
    assert (found.ceiling_minor, found.start_minor) == (0, 0)


def test_what_is_missing_is_asked_for() -> None:
    strategy = advised(EXPERIENCED, standing(Market.COMPETITION))
    assert "give cost and fees" in propose(facts(), strategy).reasons[0]
    assert "give the fees" in propose(facts(cost_minor=800), strategy).reasons[0]
    dear = propose(facts(economics=UNIT, cost_minor=800), strategy)
    assert dear.floor_minor == 0
    assert "No price up to the ceiling" in dear.reasons[0]


def test_a_climbing_price_has_room() -> None:
    push = advised(BRAND, standing(Market.ALONE))
    found = propose(facts(), push)
    assert (found.start_minor, found.ceiling_minor) == (1200, 1560)
    assert propose(facts(ceiling_minor=1560), push).ceiling_minor == 0
    unseen = propose(facts(price_minor=0), push)
    assert (unseen.start_minor, unseen.ceiling_minor) == (0, 0)
