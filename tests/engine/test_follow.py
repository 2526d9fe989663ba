"""FOLLOW: prices of sources in, price and reason out; circles are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import RefBatch
from engine.pipeline import Engine
from engine.schema import Aggregate, BelowFloor, InputKind, Reason, StrategyKind
from engine.state_columns import dump, load, state_hash
from engine.strategies import FollowSource, Offset, StrategyDefinition

A, B, C = (FollowSource("M1", sku) for sku in "ABC")
FOLLOW = StrategyDefinition(
    "S1", "follow", "EUR", StrategyKind.FOLLOW, follow_sources=(A, B, C), changes_per_hour=120
)
FOLLOWER = 4


def started(strategy: StrategyDefinition, **given: Any) -> Engine:
    """Sources A, B and C live at 10, 11 and 13 EUR, and a follower from 8 to 15."""
    engine = new_engine()
    rows = [
        listing(sku, asin=sku, price_minor=price)
        for sku, price in (("A", 1000), ("B", 1100), ("C", 1300))
    ]
    assert not apply(engine, InputKind.LISTINGS, definitions(rows)).problems
    assert not apply(engine, InputKind.STRATEGIES, definitions([strategy])).problems
    mine = listing(
        "MINE", asin="MINE", strategy_id="follow",
        **{"floor_minor": 800, "ceiling_minor": 1500} | given,
    )  # fmt: skip
    assert not apply(engine, InputKind.LISTINGS, definitions([mine])).problems
    advanced(engine)
    return engine


def advanced(engine: Engine) -> None:
    engine.advance(engine.now_ms + 1000, 0, engine.catalog.count)


def live(engine: Engine, sku: str, price: int) -> None:
    """Offers that show a source at a price."""
    at_ms = engine.now_ms + 1000
    batch = snapshots((key(sku), [own_offer(price), rival(9_000)]), event_ms=at_ms)
    apply(engine, InputKind.REPRICE, batch, at_ms)


def price(engine: Engine) -> int:
    return int(engine.catalog.rows["price_minor"][FOLLOWER])


def reason(engine: Engine) -> int:
    return int(engine.catalog.rows["reason"][FOLLOWER])


CASES: list[tuple[dict[str, Any], int, Reason]] = [
    ({}, 1000, Reason.FOLLOW),
    ({"aggregate": Aggregate.MAX}, 1300, Reason.FOLLOW),
    ({"aggregate": Aggregate.MEDIAN}, 1100, Reason.FOLLOW),
    ({"aggregate": Aggregate.MEDIAN, "follow_sources": (A, B)}, 1050, Reason.FOLLOW),
    ({"aggregate": Aggregate.MEAN}, 1133, Reason.FOLLOW),
    ({"offsets": (None, Offset(amount_minor=-25), None)}, 975, Reason.FOLLOW),
    ({"offsets": (None, Offset(basis_points=500), None)}, 1050, Reason.FOLLOW),
    # A pack of two costs what two of the source do; a piece of a pack of three a third of it.
    ({"follow_sources": (replace(C, units=2),), "follow_units": 3}, 1500, Reason.FOLLOW),
    ({"follow_sources": (replace(B, units=2),), "follow_units": 3}, 1500, Reason.FOLLOW),
    ({"follow_sources": (replace(C, units=3),), "follow_units": 2}, 866, Reason.FOLLOW),
    # Below the floor: the floor, or the strategy's choice.
    ({"offsets": (None, Offset(amount_minor=-500), None)}, 800, Reason.FOLLOW),
    ({"offsets": (None, Offset(amount_minor=-500), None), "below_floor": BelowFloor.CEILING}, 1500,
     Reason.BELOW_FLOOR_CHOICE),
    ({"endings": (99,), "ending_digits": 2}, 999, Reason.FOLLOW),
    # One source is missing.
    ({"follow_sources": (A, FollowSource("M1", "NONE"))}, 1200, Reason.FOLLOW_WAITS),
    ({"follow_sources": (A, FollowSource("M1", "NONE")), "quorum": 1}, 1000, Reason.FOLLOW),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected", "why"), CASES)
def test_prices(given: dict[str, Any], expected: int, why: Reason) -> None:
    engine = started(replace(FOLLOW, **given), price_minor=1200)
    if why == Reason.FOLLOW_WAITS:
        live(engine, "MINE", 1200)
    assert (price(engine), reason(engine)) == (expected, why)


def test_it_follows_moves_and_keeps_its_price_between() -> None:
    engine = started(FOLLOW)
    live(engine, "A", 950)
    assert price(engine) == 1000
    advanced(engine)
    assert price(engine) == 950
    live(engine, "MINE", 950)
    assert (price(engine), reason(engine)) == (950, Reason.AT_TARGET)
    assert not engine.state.following.due


def test_a_source_that_is_deleted_holds_the_price() -> None:
    engine = started(FOLLOW)
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [1]), engine.now_ms + 1)
    advanced(engine)
    assert (price(engine), reason(engine)) == (1000, Reason.FOLLOW_WAITS)


def test_a_chain_moves_one_hop_a_time() -> None:
    engine = started(FOLLOW)
    second = replace(FOLLOW, strategy_id="second", follow_sources=(FollowSource("M1", "MINE"),))
    apply(engine, InputKind.STRATEGIES, definitions([second]))
    last = listing("LAST", asin="LAST", strategy_id="second", price_minor=1200)
    apply(engine, InputKind.LISTINGS, definitions([last]))
    live(engine, "MINE", 1000)
    advanced(engine)
    assert int(engine.catalog.rows["price_minor"][5]) == 1000
    live(engine, "A", 900)
    advanced(engine)
    assert [int(each) for each in engine.catalog.rows["price_minor"][4:6]] == [900, 1000]
    live(engine, "MINE", 900)
    advanced(engine)
    assert int(engine.catalog.rows["price_minor"][5]) == 900


def test_a_pause_notes_the_sources_only() -> None:
    engine = started(FOLLOW)
    named = RefBatch("", 1, [0], [FOLLOWER])
    apply(engine, InputKind.PAUSE, named, engine.now_ms + 1)
    live(engine, "A", 900)
    advanced(engine)
    assert price(engine) == 1000
    apply(engine, InputKind.RESUME, RefBatch("", 1, [0], [FOLLOWER]), engine.now_ms + 1)
    live(engine, "MINE", 1000)
    assert price(engine) == 900


def test_a_snapshot_knows_what_is_due() -> None:
    engine = started(FOLLOW)
    live(engine, "A", 950)
    again = load(dump(engine.state))
    assert again.following.due == engine.state.following.due == {1}
    assert again.catalog.watched == engine.catalog.watched
    assert again.following.dump() == engine.state.following.dump()
    assert state_hash(again) == state_hash(engine.state)


# Circles


def test_a_listing_does_not_follow_itself() -> None:
    engine = started(FOLLOW)
    (problem,) = apply(
        engine, InputKind.LISTINGS, definitions([listing("A", strategy_id="follow")])
    ).problems
    assert (problem.field, problem.reason) == ("strategy_id", "FOLLOW_CIRCLE")
    basket = replace(FOLLOW, follow_sources=(A, FollowSource("M1", "MINE")))
    (problem,) = apply(engine, InputKind.STRATEGIES, definitions([basket])).problems
    assert (problem.field, problem.reason) == ("follow.sources", "FOLLOW_CIRCLE")


def test_nor_by_way_of_others_and_no_more_than_four_in_a_row() -> None:
    engine = started(FOLLOW)
    before = "MINE"
    for step in range(6):
        source = FollowSource("M1", before)
        chain = replace(FOLLOW, strategy_id=f"chain {step}", follow_sources=(source,))
        assert not apply(engine, InputKind.STRATEGIES, definitions([chain])).problems
        before = f"NEXT {step}"
        added = listing(before, asin=before, strategy_id=chain.strategy_id)
        problems = apply(engine, InputKind.LISTINGS, definitions([added])).problems
        if problems:
            break
    assert step == 3
    assert [each.reason for each in problems] == ["FOLLOW_TOO_DEEP"]
    back = listing("A", asin="A", strategy_id="chain 1")
    (problem,) = apply(engine, InputKind.LISTINGS, definitions([back])).problems
    assert (problem.field, problem.reason) == ("strategy_id", "FOLLOW_CIRCLE")


REFUSED = [
    ({"follow_sources": ()}, "follow.sources"),
    ({"follow_sources": tuple(FollowSource("M1", str(each)) for each in range(21))},
     "follow.sources"),
    ({"follow_sources": (FollowSource("M1", ""),)}, "follow.sources[0].sku"),
    ({"follow_sources": (FollowSource("", "A"),)}, "follow.sources[0].marketplace_id"),
    ({"follow_sources": (A, B, A)}, "follow.sources[2].sku"),
    ({"follow_sources": (replace(A, units=0),)}, "follow.sources[0].units"),
    ({"follow_units": 10_001}, "follow.units"),
    ({"quorum": 4}, "follow.quorum"),
    ({"aggregate": 9}, "follow.aggregate"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_refusals(given: dict[str, Any], field: str) -> None:
    strategy = replace(FOLLOW, **given)
    (problem,) = apply(new_engine(), InputKind.STRATEGIES, definitions([strategy])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")
