"""FOLLOW by ASIN, by weight, across currencies, and when its sources fall silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.bounds.rates import ExchangeRate
from engine.columns import AsinKey, EraseBatch, RefBatch, SellerDefinition
from engine.explain import conclude, gather
from engine.schema import (
    MAX_PRICE_MINOR,
    Aggregate,
    Alone,
    Audience,
    Condition,
    CycleState,
    FollowValue,
    InputKind,
    OfferBit,
    Reason,
    StrategyKind,
)
from engine.state_columns import dump, load, state_hash
from engine.strategies import Filter, FollowSource, Offset, StrategyDefinition

MINUTE_MS = 60_000
ASIN = FollowSource("M1", "", asin="ELSEWHERE")
LISTED = FollowSource("M1", "A")
ELSEWHERE = AsinKey("S1", "M1", "ELSEWHERE", Condition.NEW, Audience.B2C)
DOLLAR = ExchangeRate("S1", "USD", "EUR", 920_000_000, "2026-11-25")
FOLLOW = StrategyDefinition(
    "S1", "follow", "EUR", StrategyKind.FOLLOW, follow_sources=(ASIN,),
    follow_value=FollowValue.LOWEST, changes_per_hour=120,
)  # fmt: skip
EFFECTIVE = replace(FOLLOW, follow_sources=(LISTED,), follow_value=FollowValue.EFFECTIVE)
WINS = int(OfferBit.WINNER)
ELIGIBLE = rival(1)[2]


class Story:
    """A follower from 8 to 15 EUR at 12, and listing A, live at 10 EUR; and its own clock, since an
    engine's stands still where nothing is due."""

    def __init__(self, strategy: StrategyDefinition = FOLLOW) -> None:
        self.engine = new_engine()
        self.now_ms = START_MS
        self.define(InputKind.LISTINGS, listing("A", asin="A", price_minor=1000))
        self.define(InputKind.STRATEGIES, strategy)
        self.define(InputKind.LISTINGS, listing(
            "MINE", asin="MINE", strategy_id="follow", floor_minor=800, ceiling_minor=1500,
            price_minor=1200,
        ))  # fmt: skip
        self.passed(1000)

    @property
    def row(self) -> Any:
        """The follower's."""
        return self.engine.catalog.rows[self.engine.catalog.id_of(key("MINE"))]

    def define(self, kind: InputKind, *given: Any) -> None:
        """Brings definitions in that are right."""
        assert not apply(self.engine, kind, definitions(given), self.now_ms).problems

    def refused(self, kind: InputKind, given: Any) -> tuple[str, str]:
        """Field and reason of a definition that is wrong."""
        (problem,) = apply(self.engine, kind, definitions([given]), self.now_ms).problems
        return problem.field, problem.reason

    def passed(self, milliseconds: int) -> tuple[int, int]:
        """Price and reason of the follower when time has passed."""
        self.now_ms += milliseconds
        self.engine.advance(self.now_ms, 0, self.engine.catalog.count)
        return int(self.row["price_minor"]), int(self.row["reason"])

    def shown(self, *offers: Any, address: Any = ELSEWHERE, age_ms: int = 0, currency: str = "EUR"
              ) -> list[str]:  # fmt: skip
        """Offers of a source; what is wrong with the row."""
        self.now_ms += 1000
        batch = snapshots((address, list(offers)), event_ms=self.now_ms - age_ms, currency=currency)
        result = apply(self.engine, InputKind.REPRICE, batch, self.now_ms)
        return [each.reason for each in result.problems]


BUY_BOX = {"follow_value": FollowValue.BUY_BOX}
CHEAP_USED = rival(500, int(ELIGIBLE & ~OfferBit.CONDITION_NEW | OfferBit.CONDITION_USED))
VALUES: list[tuple[dict[str, Any], list[Any], int]] = [
    ({}, [rival(1100), rival(1050)], 1050),
    ({}, [rival(1100), CHEAP_USED], 1100),
    ({"filter": Filter(any_condition=True)}, [rival(1100), CHEAP_USED], 800),
    # Our own offers are no competitors.
    ({}, [rival(1100), own_offer(1000)], 1100),
    ({}, [rival(1100), own_offer(1000, seller="SISTER")], 1100),
    (BUY_BOX, [rival(1050), rival(1150, ELIGIBLE | WINS)], 1150),
    (BUY_BOX, [rival(1050), own_offer(1010, ELIGIBLE | WINS)], 1010),
    ({"offsets": (None, Offset(basis_points=-1000), None)}, [rival(1000)], 900),
    ({"follow_units": 3, "follow_sources": (replace(ASIN, units=4),)}, [rival(1500)], 1125),
]  # fmt: skip


@pytest.mark.parametrize(("given", "offers", "expected"), VALUES)
def test_what_an_asin_costs(given: dict[str, Any], offers: list[Any], expected: int) -> None:
    story = Story(replace(FOLLOW, **given))
    group = [SellerDefinition(each, "group") for each in ("S1", "SISTER")]
    story.define(InputKind.SELLERS, *group)
    assert story.shown(*offers) == []
    assert story.passed(1000) == (expected, Reason.FOLLOW)


def test_a_listing_is_followed_at_its_lowest_competitor_and_at_its_buy_box() -> None:
    for value, expected in ((FollowValue.LOWEST, 1100), (FollowValue.BUY_BOX, 1000)):
        story = Story(replace(FOLLOW, follow_sources=(LISTED,), follow_value=value))
        assert story.passed(1000)[0] == 1200
        story.shown(own_offer(1000, ELIGIBLE | WINS), rival(1100), address=key("A"))
        assert story.passed(1000) == (expected, Reason.FOLLOW)


def test_an_asin_is_seen_by_way_of_a_listing_of_it() -> None:
    story = Story(replace(FOLLOW, follow_sources=(replace(ASIN, asin="A"),)))
    story.shown(own_offer(1000), rival(1100), address=key("A"))
    assert story.passed(1000)[0] == 1100
    story.shown(own_offer(1000), rival(1150), address=AsinKey("S1", "M1", "A", 1, 1))
    assert story.passed(1000)[0] == 1150


def test_what_other_sellers_send_is_not_followed() -> None:
    story = Story()
    other = replace(FOLLOW, seller_id="S2")
    story.define(InputKind.STRATEGIES, other)
    theirs = listing("ALSO", key=key("ALSO", "S2"), asin="ELSEWHERE")
    story.define(InputKind.LISTINGS, theirs)
    for address in (ELSEWHERE._replace(seller_id="S2"), key("ALSO", "S2")):
        assert story.shown(rival(900), address=address) == []
        assert story.passed(1000)[0] == 1200
    nobody = ELSEWHERE._replace(seller_id="S3")
    assert story.shown(rival(900), address=nobody) == ["UNKNOWN_LISTING"]
    batch = snapshots((ELSEWHERE, [rival(900)]), event_ms=story.now_ms)
    outside = story.engine.shard.apply(InputKind.REPRICE, batch, 99, frozenset({"S2"}))
    assert [each.reason for each in outside.problems] == ["UNKNOWN_LISTING"]
    assert story.passed(1000)[0] == 1200


def test_a_row_that_cannot_be_used_is_refused() -> None:
    story = Story()
    ahead = story.shown(rival(900), age_ms=-300_001)
    assert ahead == ["EVENT_IN_FUTURE"]
    used = story.shown(rival(900), address=ELSEWHERE._replace(condition=Condition.USED))
    assert used == ["UNKNOWN_LISTING"]
    assert story.shown(rival(900), age_ms=25 * 3_600_000) == [], "old offers move no price"
    assert story.passed(1000)[0] == 1200


def test_late_offers_of_a_source_change_nothing() -> None:
    story = Story()
    story.shown(rival(1100))
    story.shown(rival(900), age_ms=5000)
    assert story.passed(1000)[0] == 1100


def test_the_mean_by_weight() -> None:
    sources = (replace(ASIN, weight=3), replace(ASIN, asin="OTHER"))
    story = Story(replace(FOLLOW, follow_sources=sources, aggregate=Aggregate.WEIGHTED))
    story.shown(rival(1000))
    story.shown(rival(1301), address=ELSEWHERE._replace(asin="OTHER"))
    assert story.passed(1000)[0] == (3 * 1000 + 1301) // 4


YEN = ExchangeRate("S1", "JPY", "EUR", 6_134_000, "2026-11-25")
RATES = [
    # rate, units of the follower, price in that currency -> EUR, rounded down once
    (DOLLAR, 1, "USD", 1200, 1104),
    (DOLLAR, 1, "USD", 1101, 1012),
    (YEN, 1, "JPY", 1_800, 1_104),
    (DOLLAR, 3, "USD", 401, 1106),
]


@pytest.mark.parametrize(("rate", "units", "currency", "price", "expected"), RATES)
def test_another_currency(
    rate: ExchangeRate, units: int, currency: str, price: int, expected: int
) -> None:
    story = Story(replace(FOLLOW, follow_units=units))
    story.define(InputKind.EXCHANGE_RATES, rate)
    story.shown(rival(price), currency=currency)
    assert story.passed(1000) == (expected, Reason.FOLLOW)
    explained = gather(story.engine.catalog, 2)
    conclude(story.engine.state, explained, None)
    assert f"{rate}." in explained.sentences
    assert any("1 of 1 sources are known; together" in each for each in explained.sentences)


def test_without_a_rate_another_currency_is_not_followed() -> None:
    story = Story()
    story.shown(rival(900), currency="USD")
    assert story.passed(1000)[0] == 1200
    story.define(InputKind.EXCHANGE_RATES, replace(DOLLAR, seller_id="S2"))
    assert story.passed(1000)[0] == 1200, "another seller's rate"
    story.define(InputKind.EXCHANGE_RATES, DOLLAR)
    assert story.passed(1000)[0] == 828
    story.define(InputKind.EXCHANGE_RATES, replace(DOLLAR, rate_billionths=10**9))
    assert story.passed(1000)[0] == 900, "it follows the rate"


def test_listings_in_another_currency_are_refused_without_a_rate() -> None:
    story = Story()
    story.define(InputKind.LISTINGS, listing("US", asin="US", currency="USD", price_minor=1000))
    later = replace(EFFECTIVE, strategy_id="l", follow_sources=(FollowSource("M1", "LATER"),))
    story.define(InputKind.STRATEGIES, later)
    basket = replace(EFFECTIVE, strategy_id="basket", follow_sources=(FollowSource("M1", "US"),))
    late = listing("LATER", asin="LATER", currency="USD")
    refused = story.refused(InputKind.STRATEGIES, basket)
    assert refused == ("follow.sources[0]", "NO_EXCHANGE_RATE")
    assert story.refused(InputKind.LISTINGS, late) == ("currency", "NO_EXCHANGE_RATE")
    story.define(InputKind.EXCHANGE_RATES, DOLLAR)
    story.define(InputKind.STRATEGIES, basket)
    story.define(InputKind.LISTINGS, late)


def test_a_basket_does_not_hold_its_own_asin() -> None:
    story = Story()
    mine = listing("MINE", asin="ELSEWHERE", strategy_id="follow")
    assert story.refused(InputKind.LISTINGS, mine) == ("strategy_id", "FOLLOW_CIRCLE")
    basket = replace(FOLLOW, follow_sources=(replace(ASIN, asin="MINE"),))
    assert story.refused(InputKind.STRATEGIES, basket) == ("follow.sources", "FOLLOW_CIRCLE")
    other = replace(EFFECTIVE, strategy_id="other", follow_sources=(FollowSource("M1", "MINE"),))
    story.define(InputKind.STRATEGIES, other)
    back = listing("BACK", asin="ELSEWHERE", strategy_id="other")
    assert story.refused(InputKind.LISTINGS, back) == ("strategy_id", "FOLLOW_CIRCLE")


# Silence


AGED = {"follow_max_age_ms": 10 * MINUTE_MS, "follow_grace_ms": 5 * MINUTE_MS}


def test_sources_that_fall_silent() -> None:
    """Known, too old, given up, and back."""
    story = Story(replace(FOLLOW, **AGED, standalone_minor=1400))
    story.shown(rival(1000))
    assert story.passed(1000) == (1000, Reason.FOLLOW)
    assert story.passed(9 * MINUTE_MS) == (1000, Reason.FOLLOW)
    assert not story.engine.shard.timers_due(0, 1, story.now_ms)
    assert story.engine.shard.timers_due(0, 1, story.now_ms + MINUTE_MS)
    assert story.passed(MINUTE_MS) == (1000, Reason.FOLLOW_WAITS)
    assert story.passed(4 * MINUTE_MS) == (1000, Reason.FOLLOW_WAITS)
    assert story.passed(MINUTE_MS) == (1400, Reason.FOLLOW_STANDALONE)
    story.shown(own_offer(1400), rival(9000), address=key("MINE"))
    assert story.passed(1000) == (1400, Reason.AT_TARGET)
    story.shown(rival(1000))
    assert story.passed(1000) == (1000, Reason.FOLLOW), "the same price, seen anew"


def test_a_live_price_of_which_nothing_is_heard_grows_old() -> None:
    story = Story(replace(EFFECTIVE, **AGED))
    assert story.passed(1000) == (1200, Reason.FOLLOW_WAITS), "nobody has ever seen it live"
    story.shown(own_offer(1000), rival(9000), address=key("A"))
    assert story.passed(1000) == (1000, Reason.FOLLOW)
    story.shown(own_offer(1000), rival(9000), address=key("A"))
    assert story.passed(10 * MINUTE_MS) == (1000, Reason.AT_TARGET)
    assert story.passed(MINUTE_MS) == (1000, Reason.FOLLOW_WAITS)


def test_without_a_standalone_price_the_listing_goes_on_as_if_alone() -> None:
    story = Story(replace(FOLLOW, **AGED))
    story.shown(rival(1000))
    story.passed(1000)
    story.shown(own_offer(1000), rival(9000), address=key("MINE"))
    prices = []
    for _ in range(30):
        prices.append(story.passed(6 * MINUTE_MS)[0])
        story.shown(own_offer(prices[-1]), rival(9000), address=key("MINE"))
    assert prices[:2] == [1000, 1000]
    assert story.row["state"] == CycleState.ALONE
    assert prices[-1] > 1000, "up towards the ceiling"
    kept = Story(replace(FOLLOW, **AGED, alone=Alone.KEEP))
    assert [kept.passed(6 * MINUTE_MS)[0] for _ in range(5)] == [1200] * 5


def test_without_a_grace_the_price_stays_for_ever() -> None:
    story = Story()
    story.shown(own_offer(1200), rival(9000), address=key("MINE"))
    assert story.passed(300 * 86_400_000) == (1200, Reason.FOLLOW_WAITS)
    assert not story.engine.shard.timers_due(0, 3, story.now_ms)


def test_another_strategy_does_not_inherit_that_sources_were_lost() -> None:
    story = Story(replace(FOLLOW, **AGED))
    story.passed(6 * MINUTE_MS)
    assert story.row["reference_minor"] == -1
    story.define(InputKind.LISTINGS, listing("MINE", asin="MINE"))
    assert story.row["reference_minor"] == 0


def test_a_quorum_of_sources_is_enough() -> None:
    sources = (ASIN, replace(ASIN, asin="OTHER"), replace(ASIN, asin="SILENT"))
    story = Story(replace(FOLLOW, follow_sources=sources, quorum=2, aggregate=Aggregate.MAX))
    story.shown(rival(1000))
    assert story.passed(1000)[0] == 1200
    story.shown(rival(1100), address=ELSEWHERE._replace(asin="OTHER"))
    assert story.passed(1000) == (1100, Reason.FOLLOW)
    story.shown(address=ELSEWHERE._replace(asin="OTHER"))
    assert story.passed(1000) == (1100, Reason.FOLLOW_WAITS), "nobody offers it any more"


def test_other_sources_are_seen_anew_and_other_distances_are_not() -> None:
    story = Story()
    story.shown(rival(1000))
    story.passed(1000)
    nearer = replace(FOLLOW, offsets=(None, Offset(amount_minor=50), None))
    story.define(InputKind.STRATEGIES, nearer)
    assert story.passed(1000)[0] == 1050
    strict = replace(nearer, filter=Filter(min_rating_bp=9000))
    story.define(InputKind.STRATEGIES, strict)
    assert story.passed(1000) == (1050, Reason.FOLLOW_WAITS)


def test_snapshots_and_erasure() -> None:
    story = Story(replace(FOLLOW, **AGED))
    story.shown(rival(1000))
    story.passed(1000)
    again = load(dump(story.engine.state))
    assert again.following.dump() == story.engine.state.following.dump()
    assert again.following.next_ms == story.engine.state.following.next_ms > story.now_ms
    assert again.catalog.watched == story.engine.catalog.watched
    assert state_hash(again) == state_hash(story.engine.state)
    named = RefBatch("", 1, [0], [2])
    apply(story.engine, InputKind.DELETE, named, story.now_ms + 1)
    apply(story.engine, InputKind.ERASE, EraseBatch("", "S1"), story.now_ms + 1)
    assert story.engine.state.following.dump() == ([], [], [], [])
    assert story.engine.catalog.watched == {}


def test_the_largest_numbers_stay_in_range() -> None:
    far = (None, Offset(basis_points=50_000), None)
    story = Story(replace(FOLLOW, follow_units=10_000, offsets=far))
    story.define(InputKind.EXCHANGE_RATES, replace(YEN, rate_billionths=10**15))
    story.shown(rival(MAX_PRICE_MINOR), currency="JPY")
    assert story.passed(1000) == (1500, Reason.FOLLOW)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"follow_value": 9}, "follow.value"),
    ({"follow_value": FollowValue.EFFECTIVE}, "follow.sources[0].asin"),
    ({"follow_sources": (replace(ASIN, sku="A"),)}, "follow.sources[0].sku"),
    ({"follow_sources": (ASIN, ASIN)}, "follow.sources[1].asin"),
    ({"follow_sources": (ASIN, replace(ASIN, weight=2))}, "follow.sources[1].asin"),
    ({"follow_sources": (replace(ASIN, condition=9),)}, "follow.sources[0].condition"),
    ({"follow_sources": (replace(ASIN, weight=2),)}, "follow.sources[0].weight"),
    ({"follow_sources": (replace(ASIN, weight=10_001),), "aggregate": Aggregate.WEIGHTED},
     "follow.sources[0].weight"),
    ({"follow_max_age_ms": -1}, "follow.max_age_ms"),
    ({"follow_grace_ms": 366 * 86_400_000}, "follow.grace_ms"),
    ({"follow_b2c": True, "follow_sources": (), "follow_grace_ms": 1}, "follow.value"),
    ({"follow_b2c": True, "follow_sources": (), "follow_value": 1, "follow_grace_ms": 1},
     "follow.grace_ms"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_refusals(given: dict[str, Any], field: str) -> None:
    strategy = replace(FOLLOW, **given)
    (problem,) = apply(new_engine(), InputKind.STRATEGIES, definitions([strategy])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")
