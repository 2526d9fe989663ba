"""Bounds that look like a slip wait for a person; stories of 2012 and 2014."""

from __future__ import annotations

import pytest
from market.guarded import DAY_MS, HOUR_MS, World, follow
from market.shard import apply, definitions, key, listing

from engine.columns import RefBatch
from engine.guards import Guard
from engine.guards.holds import HoldKind
from engine.schema import InputKind

A = "SKU-A"


def bounds(market: World, sku: str = A) -> tuple[int, int]:
    row = market.row(sku)
    return int(row["floor_minor"]), int(row["ceiling_minor"])


def world(floor: int = 1000, ceiling: int = 2000, **given: int) -> World:
    market = World(follow())
    result = market.listings(
        A, floor_minor=floor, ceiling_minor=ceiling, price_minor=ceiling, **given
    )
    assert not result.warnings, "a first creation is not held"
    return market


@pytest.mark.parametrize(
    ("floor", "ceiling", "cost", "held"),
    [
        (500, 2000, None, False), (499, 2000, None, True), (1, 2000, None, True),
        (1000, 19_999, None, False), (1000, 20_000, None, True), (1000, 10**12, None, True),
        (900, 2000, 1800, False), (899, 2000, 1800, True), (1000, 2000, 9000, False),
        (1001, 2000, 9000, True), (500, 1, None, False),
    ],
)  # fmt: skip
def test_what_is_held(floor: int, ceiling: int, cost: int | None, held: bool) -> None:
    market = world()
    result = market.listings(A, floor_minor=floor, ceiling_minor=ceiling, cost_minor=cost)
    assert bool([each for each in result.warnings if each.reason == "BOUNDS_HELD"]) is held
    assert bounds(market) == ((1000, 2000) if held else (floor, ceiling))
    assert len(market.holds(HoldKind.BOUNDS)) == len(market.events(Guard.PLAUSIBILITY)) == held


def test_2012_a_blank_minimum() -> None:
    """A vendor's blank minimum became 0.01: refused, and 0.01 in so many words is held."""
    market = World(follow())
    market.listings(A, floor_minor=1000)
    for blank, reason in ((None, "BOUND_MISSING"), (0, "BOUND_NOT_POSITIVE"),
                          (-1, "BOUND_NOT_POSITIVE")):  # fmt: skip
        batch = definitions([listing(A, asin=A, floor_minor=blank, strategy_id="follow")])
        result = apply(market.engine, InputKind.LISTINGS, batch, market.now_ms)
        assert [each.reason for each in result.problems] == [reason]
    assert [each.reason for each in market.listings(A, floor_minor=1).warnings] == ["BOUNDS_HELD"]
    market.offers({A: 2})
    assert market.price(A) == 1000


def test_2014_a_shop_for_a_penny() -> None:
    """A fault lowers every floor of a shop to a penny and then the market's prices too."""
    market = World(follow())
    skus = [f"SKU-{at}" for at in range(200)]
    market.listings(*skus, floor_minor=900)
    assert len(market.listings(*skus, floor_minor=1).warnings) == 200
    market.offers(dict.fromkeys(skus, 1))
    assert {market.price(sku) for sku in skus} == {900}


def test_a_decimal_slip_of_both_bounds() -> None:
    market = world(19_900, 29_900)
    market.listings(A, floor_minor=1_990, ceiling_minor=2_990)
    assert bounds(market) == (19_900, 29_900)
    market.listings(A, floor_minor=199_000, ceiling_minor=299_000)
    assert bounds(market) == (19_900, 29_900)


def test_small_steps_are_one_slip() -> None:
    market = world(1000, 2000)
    for floor in (900, 800, 700, 600, 500):
        market.now_ms += HOUR_MS
        assert not market.listings(A, floor_minor=floor).warnings
    market.now_ms += HOUR_MS
    assert market.listings(A, floor_minor=499).warnings
    market.now_ms += DAY_MS
    assert market.listings(A, floor_minor=400).warnings, "a day sees at least a day"
    market.now_ms += DAY_MS
    assert not market.listings(A, floor_minor=400).warnings
    for ceiling in (6000, 18_000):
        assert not market.listings(A, floor_minor=400, ceiling_minor=ceiling).warnings
    assert market.listings(A, floor_minor=400, ceiling_minor=20_000).warnings


def test_a_confirmed_change_holds_at_once() -> None:
    market = world()
    market.offers({A: 300})
    assert market.price(A) == 1000
    result = market.listings(A, floor_minor=200)
    (hold,) = market.holds(HoldKind.BOUNDS)
    assert f"hold {hold.hold_id}" in result.warnings[0].message
    version = int(market.engine.catalog.records["bounds_version"][market.id(A)])
    assert market.release(hold.hold_id).count == 1
    assert bounds(market) == (200, 2000)
    assert market.engine.catalog.records["bounds_version"][market.id(A)] == version + 1
    assert market.release(hold.hold_id).problems[0].reason == "UNKNOWN_HOLD"


def test_a_confirmed_ceiling_moves_the_price_back_into_bounds() -> None:
    market = world(1000, 2000)
    market.listings(A, floor_minor=25_000, ceiling_minor=30_000)
    assert bounds(market) == (1000, 2000)
    (decision,) = market.release(seller="S1").decisions
    assert decision["price_minor"] == 25_000


def test_a_discarded_change_is_gone() -> None:
    market = world()
    market.listings(A, floor_minor=200)
    (hold,) = market.holds(HoldKind.BOUNDS)
    assert market.discard(hold.hold_id).count == 1
    assert bounds(market) == (1000, 2000)
    assert not market.holds(HoldKind.BOUNDS)


def test_a_later_sound_change_takes_its_place() -> None:
    market = world()
    market.listings(A, floor_minor=200)
    market.listings(A, floor_minor=900)
    assert bounds(market) == (900, 2000)
    assert not market.holds(HoldKind.BOUNDS)


def test_a_repeat_keeps_its_hold() -> None:
    market = world()
    first, second, third = (market.listings(A, floor_minor=floor) for floor in (200, 200, 300))
    assert first.warnings == second.warnings
    assert third.warnings != second.warnings
    assert len(market.holds(HoldKind.BOUNDS)) == 1


def test_the_rest_of_the_row_is_applied() -> None:
    market = world()
    market.listings(A, floor_minor=200, shipping_minor=399, cost_minor=77)
    row = market.row(A)
    assert (row["landed_offset_minor"], row["floor_minor"]) == (399, 1000)
    assert market.engine.state.guards.cost_of(market.id(A)) == 77
    market.listings(A, floor_minor=1000)
    assert market.engine.state.guards.cost_of(market.id(A)) == 77, "absent keeps what is known"


def test_two_rows_of_one_listing_in_a_call() -> None:
    market = World(follow())
    rows = [listing(A, asin=A, floor_minor=floor) for floor in (1000, 600, 1)]
    result = apply(market.engine, InputKind.LISTINGS, definitions(rows), market.now_ms)
    assert [(each.index, each.reason) for each in result.warnings] == [(2, "BOUNDS_HELD")]
    assert bounds(market)[0] == 600


@pytest.mark.parametrize(("listings", "lowered", "held"), [
    (100, 19, False), (100, 20, True), (200, 20, False), (200, 21, True), (19, 19, False),
    (1000, 100, False), (1000, 101, True),
])  # fmt: skip
@pytest.mark.parametrize("calls", [1, 7])
def test_many_floors(listings: int, lowered: int, held: bool, calls: int) -> None:
    market = World(follow())
    skus = [f"SKU-{at}" for at in range(listings)]
    market.listings(*skus, floor_minor=1000, price_minor=0)
    market.listings(*skus, seller="S2", floor_minor=1000, price_minor=0)
    chosen = skus[:lowered]
    for at in range(calls):
        market.now_ms += HOUR_MS
        market.listings(*chosen[at::calls], floor_minor=990)
    assert bool(market.holds(HoldKind.BOUNDS)) is held
    if held and calls == 1:
        assert len(market.holds(HoldKind.BOUNDS)) == lowered
    if held and calls > 1:
        in_force = sum(bounds(market, sku)[0] == 990 for sku in chosen)
        assert in_force < 20 or in_force * 10 <= listings


def test_the_same_floors_again_are_not_more() -> None:
    market = World(follow())
    skus = [f"SKU-{at}" for at in range(100)]
    market.listings(*skus, floor_minor=1000)
    for floor in (990, 980, 970):
        assert not market.listings(*skus[:15], floor_minor=floor).warnings
    market.now_ms += DAY_MS
    assert not market.listings(*skus[15:34], floor_minor=990).warnings, "another day"


def test_confirmed_floors_count_no_longer() -> None:
    market = World(follow())
    skus = [f"SKU-{at}" for at in range(100)]
    market.listings(*skus, floor_minor=1000)
    market.listings(*skus, floor_minor=900)
    assert market.release(seller="S1").count == 100
    assert {bounds(market, sku)[0] for sku in skus} == {900}
    assert not market.listings(skus[0], floor_minor=890).warnings


def test_a_deleted_listing_is_remembered() -> None:
    market = world()
    batch = RefBatch("", 1, [0], [key(A)])
    apply(market.engine, InputKind.DELETE, batch, market.now_ms)
    result = market.listings(A, floor_minor=10, ceiling_minor=2000)
    assert [each.reason for each in result.warnings] == ["BOUNDS_HELD"]
    assert bounds(market) == (1000, 2000)
    apply(market.engine, InputKind.DELETE, batch, market.now_ms)
    assert not market.listings(A, floor_minor=900, currency="USD", strategy_id="").warnings


def test_a_new_listing_far_below_its_cost_is_told() -> None:
    result = World(follow()).listings(A, floor_minor=500, cost_minor=1001)
    assert [each.reason for each in result.warnings] == ["FLOOR_UNDER_HALF_COST"]
