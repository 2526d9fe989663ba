"""The stories, one for each strategy and rule that docs/strategies.md shows."""

from __future__ import annotations

from typing import Any

from bench.stories.play import CURRENCY, MARKETPLACE, SELLER, Offers, Story
from repriced.v1 import catalog_pb2, fees_pb2, types_pb2

DAY = 24
CENTS_OFF = catalog_pb2.Offset(amount_minor=-1)


def strategy(name: str, **fields: Any) -> catalog_pb2.Strategy:
    """A strategy of the only seller."""
    return catalog_pb2.Strategy(seller_id=SELLER, strategy_id=name, currency=CURRENCY, **fields)


def listing(sku: str, strategy_id: str, price_minor: int, **fields: Any) -> catalog_pb2.Listing:
    """A listing from 8 to 15 EUR."""
    key = types_pb2.ListingKey(seller_id=SELLER, marketplace_id=MARKETPLACE, sku=sku)
    values: dict[str, Any] = {
        "currency": CURRENCY, "floor_minor": 800, "ceiling_minor": 1500,
        "condition": types_pb2.CONDITION_NEW, "price_minor": price_minor,
    }  # fmt: skip
    return catalog_pb2.Listing(key=key, strategy_id=strategy_id, **(values | fields))


def from_then_on(hour: float, *steps: tuple[float, Offers]) -> Offers:
    """What holds since the last of the hours that have come."""
    return [offers for begin, offers in steps if hour >= begin][-1]


def ours(sku: str) -> catalog_pb2.FollowSource:
    """A listing that is followed."""
    return catalog_pb2.FollowSource(marketplace_id=MARKETPLACE, sku=sku)


def push_step(units: int, cents: int, times: int = 1) -> catalog_pb2.PushStep:
    """So much more for every so many units."""
    return catalog_pb2.PushStep(
        units=units, delta=catalog_pb2.Offset(amount_minor=cents), times=times
    )


DAILY_PAUSES = (1, 1, 2, 1, 4, 6, 6, 4)
"""Of PUSH's story: by day, from one sold unit to the next, in hours."""


def brisk(hour: int, price: int) -> int:
    """Units that sell in an hour of the day: most around noon and in the evening, fewer of what is
    dear."""
    of_day = (0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 4, 3, 3, 3, 4, 5, 5, 4, 3, 2, 1)[hour % DAY]
    return max(0, of_day - max(0, price - 1000) // 60)


BUY_BOX = Story(
    "buy-box", "BUY_BOX: bounds 8 to 15, the cheapest competitor asks 12.00", 60,
    (strategy("win", buy_box=catalog_pb2.BuyBoxStrategy(min_samples=1, cooldown_ms=7_200_000)),),
    (listing("MUG", "win", 1300),),
    lambda hour: from_then_on(hour, (0, {"A": 1200}), (24, {"A": 1100}), (44, {})),
    lambda _, own, rivals: not rivals or own * 1200 <= rivals["A"] * 1240,
    labels=("our price",),
)  # fmt: skip

MATCH = Story(
    "match", "MATCH: 0.10 below the lowest; while we win, up to 0.10 below the next", 30,
    (strategy("match", match=catalog_pb2.MatchStrategy(
        targets=[catalog_pb2.MATCH_TARGET_LOWEST], when_winning="WHEN_WINNING_RAISE_TO_NEXT",
        offset_amazon_fulfilled=catalog_pb2.Offset(amount_minor=-10), stay_below_next_minor=10,
    )),),
    (listing("MUG", "match", 1300),),
    lambda hour: from_then_on(
        hour, (0, {"A": 1200, "B": 1350}), (8, {"A": 1150, "B": 1350}), (16, {"B": 1350}),
        (24, {"B": 750}),
    ),
    labels=("our price",),
)  # fmt: skip

POSITION = Story(
    "position", "POSITION 2 with a gap of 0.50", 30,
    (strategy("second", position=catalog_pb2.PositionStrategy(
        position=2, gap=catalog_pb2.Offset(amount_minor=50)
    )),),
    (listing("MUG", "second", 1300),),
    lambda hour: from_then_on(
        hour, (0, {"A": 1000, "B": 1100, "C": 1200}), (8, {"A": 1000, "B": 1030, "C": 1200}),
        (16, {"A": 1000, "B": 1250, "C": 1300}), (24, {"A": 1000}),
    ),
    labels=("our price",),
)  # fmt: skip

PUSH = Story(
    "push",
    "PUSH: +0.50 for every 10 units, twice; then each day: +0.30 from 8 units on, -0.50 under 4",
    8 * DAY,
    (strategy("push", push=catalog_pb2.PushStrategy(
        start_price_minor=1000, steps=[push_step(10, 50, 2)], period_ms=DAY * 3_600_000,
        rules=[
            catalog_pb2.PushRule(
                comparison="COMPARISON_AT_LEAST", units=8,
                delta=catalog_pb2.Offset(amount_minor=30),
            ),
            catalog_pb2.PushRule(
                comparison="COMPARISON_FEWER_THAN", units=4,
                delta=catalog_pb2.Offset(amount_minor=-50),
            ),
        ],
    )),),
    (listing("OWN-BRAND", "push", 1000, floor_minor=900, ceiling_minor=1200),),
    lambda _: {},
    sold=lambda hour, _: int(hour % DAY in range(8, 20) and hour % DAILY_PAUSES[hour // DAY] == 0),
    labels=("our price",),
)  # fmt: skip

DAILY_PUSH = Story(
    "daily-push",
    "DAILY_PUSH: 10.00 each midnight, +0.50 at 20 and at 40 units of the day", 3 * DAY,
    (strategy(
        "daily", schedule=catalog_pb2.Schedule(time_zone="Europe/Berlin"),
        daily_push=catalog_pb2.DailyPushStrategy(
            start_price_minor=1000, steps=[push_step(20, 50), push_step(40, 50)]
        ),
    ),),
    (listing("OWN-BRAND", "daily", 1000, floor_minor=900, ceiling_minor=1200),),
    lambda _: {},
    sold=lambda hour, price: brisk(hour, price) if hour // DAY != 1 else brisk(hour, price) // 2,
    labels=("our price",),
)  # fmt: skip

FOLLOW = Story(
    "follow", "FOLLOW: a pack of three follows the single piece, 0.50 off for the pack", 24,
    (
        strategy("pack", follow=catalog_pb2.FollowStrategy(
            sources=[ours("SINGLE")], units=3, offset=catalog_pb2.Offset(amount_minor=-50)
        )),
        strategy("by-hand", fixed=catalog_pb2.FixedStrategy(price_minor=400)),
    ),
    (
        listing("PACK-OF-3", "pack", 1200, ceiling_minor=1400),
        listing("SINGLE", "by-hand", 400, floor_minor=100),
    ),
    lambda _: {},
    driven=lambda hour: 400 if hour < 6 else 450 if hour < 12 else 500 if hour < 18 else 330,
    labels=("pack of three", "single piece"),
)  # fmt: skip

FIXED = Story(
    "fixed", "FIXED 12.50: whatever the others do; from hour 12 on with a ceiling of 12.00", 24,
    (strategy("fixed", fixed=catalog_pb2.FixedStrategy(price_minor=1250)),),
    (listing("MUG", "fixed", 1300),),
    lambda hour: from_then_on(hour, (0, {"A": 1200}), (6, {"A": 1000}), (18, {"A": 1400})),
    changes=((12, listing("MUG", "fixed", 0, ceiling_minor=1200)),),
    labels=("our price",),
)  # fmt: skip


def entry(name: str, begin: int, end: int, **action: Any) -> catalog_pb2.CalendarEntry:
    """An entry from one hour of the first day to another, each day again."""
    times = {
        key: f"2025-06-{16 + hour // DAY}T{hour % DAY:02}:00"
        for key, hour in (("begin", begin), ("end", end))
    }
    return catalog_pb2.CalendarEntry(name=name, repeat="REPEAT_DAILY", **times, **action)


CALENDAR = Story(
    "calendar", "A calendar over MATCH: no change by night, 10.99 for a happy hour at 18", 2 * DAY,
    (strategy(
        "nights",
        match=catalog_pb2.MatchStrategy(
            targets=[catalog_pb2.MATCH_TARGET_LOWEST],
            offset_amazon_fulfilled=CENTS_OFF,
        ),
        schedule=catalog_pb2.Schedule(time_zone="Europe/Berlin", calendar=[
            entry("night", 22, 30, hold=catalog_pb2.HoldEntry()),
            entry("happy hour", 18, 20, price_minor=1099),
        ]),
    ),),
    (listing("MUG", "nights", 1300),),
    lambda hour: from_then_on(
        hour, (0, {"A": 1300}), (9, {"A": 1260}), (15, {"A": 1330}), (23, {"A": 1230}),
        (28, {"A": 1200}), (33, {"A": 1290}), (40, {"A": 1320}),
    ),
    labels=("our price",),
)  # fmt: skip

FILTERS = Story(
    "filters", "The same market without and with a filter for ratings of 90 %", 24,
    (
        strategy("everybody", match=catalog_pb2.MatchStrategy(
            targets=[catalog_pb2.MATCH_TARGET_LOWEST], offset_amazon_fulfilled=CENTS_OFF)),
        strategy(
            "rated",
            match=catalog_pb2.MatchStrategy(
                targets=[catalog_pb2.MATCH_TARGET_LOWEST], offset_amazon_fulfilled=CENTS_OFF),
            filter=catalog_pb2.CompetitorFilter(min_positive_rating_basis_points=9_000),
        ),
    ),
    (listing("ANY", "everybody", 1300), listing("RATED", "rated", 1300)),
    lambda hour: {"good (98 %)": 1250, "poor (60 %)": 1200 - 60 * int(hour // 5)},
    ratings={"good (98 %)": 9_800, "poor (60 %)": 6_000},
    labels=("every offer counts", "ratings from 90 % on"),
)  # fmt: skip

ENDINGS = Story(
    "endings", "The same market with any price, and with the endings .49 and .99", 24,
    (
        strategy("any", match=catalog_pb2.MatchStrategy(
            targets=[catalog_pb2.MATCH_TARGET_LOWEST], offset_amazon_fulfilled=CENTS_OFF)),
        strategy(
            "endings",
            match=catalog_pb2.MatchStrategy(
                targets=[catalog_pb2.MATCH_TARGET_LOWEST], offset_amazon_fulfilled=CENTS_OFF),
            limits=catalog_pb2.Limits(
                endings=catalog_pb2.PriceEndings(digits=2, endings=[49, 99])
            ),
        ),
    ),
    (listing("ANY", "any", 1300), listing("ENDINGS", "endings", 1300)),
    lambda hour: {"A": 1330 - 57 * int(hour // 5)},
    labels=("any price", "endings .49 and .99"),
)  # fmt: skip


def costing(cost_minor: int) -> catalog_pb2.Listing:
    """The product of the worked example of computed bounds."""
    return listing(
        "LAMP", "win", 2600, floor_minor=100, ceiling_minor=2800, cost_minor=cost_minor,
        computed_bounds=fees_pb2.ComputedBounds(
            fee_schedule_id="home", vat_basis_points=1_900,
            goal=fees_pb2.ProfitGoal(margin_basis_points=1_500),
        ),
    )  # fmt: skip


COMPUTED = Story(
    "computed-bounds",
    "A floor that earns 15 % of the net: 20.39 at a cost of 8.00, 22.17 at 9.00", 48,
    (strategy("win", match=catalog_pb2.MatchStrategy(
        targets=[catalog_pb2.MATCH_TARGET_LOWEST], offset_amazon_fulfilled=CENTS_OFF)),),
    (costing(800),),
    lambda hour: {"A": 2500 - 120 * int(hour // 4) if hour < 36 else 2600},
    fees=fees_pb2.FeeSchedule(
        seller_id=SELLER, fee_schedule_id="home", currency=CURRENCY,
        referral_tiers=[fees_pb2.ReferralTier(rate_basis_points=1_500)],
        fulfilment_bands=[fees_pb2.FulfilmentBand(fee_minor=350)],
    ),
    changes=((24, costing(900)),),
    labels=("our price",),
)  # fmt: skip

STORIES = (
    BUY_BOX, MATCH, POSITION, FIXED, PUSH, DAILY_PUSH, FOLLOW, CALENDAR, FILTERS, ENDINGS, COMPUTED,
)  # fmt: skip
