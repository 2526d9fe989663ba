"""B2B beside B2C: prices and tiers in, price, reason and quantity prices out."""

from __future__ import annotations

from typing import Any

import pytest
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import RefBatch
from engine.pipeline import Engine
from engine.schema import Audience, DecisionStatus, InputKind, MatchTarget, Reason, StrategyKind
from engine.state_columns import dump, load, state_hash
from engine.strategies import FollowSource, Offset, StrategyDefinition
from engine.tiers import Tier, tier_prices

B2C, B2B = 1, 2
BELOW = StrategyDefinition(
    "S1", "below", "EUR", StrategyKind.FOLLOW, follow_b2c=True,
    offsets=(None, Offset(basis_points=-500), None), changes_per_hour=120,
)  # fmt: skip
MATCH = StrategyDefinition(
    "S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,), changes_per_hour=120
)
BUSINESS = key(audience=Audience.B2B)
HALVES = (Tier(5, discount_bp=500), Tier(10, discount_bp=1000))


def started(*strategies: StrategyDefinition, **given: Any) -> Engine:
    """A B2C listing at 10 EUR that matches the lowest, and a B2B listing from 8 to 15 beside it."""
    engine = new_engine()
    assert not apply(
        engine, InputKind.STRATEGIES, definitions([MATCH, BELOW, *strategies])
    ).problems
    consumer = listing(price_minor=1000, strategy_id="match")
    assert not apply(engine, InputKind.LISTINGS, definitions([consumer])).problems
    business = listing(key=BUSINESS, **{"floor_minor": 800, "ceiling_minor": 1500} | given)
    assert not apply(engine, InputKind.LISTINGS, definitions([business])).problems
    return engine


def matched(engine: Engine, lowest: int) -> Any:
    """What offers lead to that move the B2C price to that of the lowest competitor."""
    at_ms = engine.now_ms + 1000
    row = (key(), [own_offer(1000), rival(lowest)])
    return apply(engine, InputKind.REPRICE, snapshots(row, event_ms=at_ms), at_ms)


def now(engine: Engine, listing_id: int = B2B) -> tuple[int, int]:
    """Price and why it was decided."""
    row, record = engine.catalog.rows[listing_id], engine.catalog.records[listing_id]
    return int(row["price_minor"]), int(record["decision_reason"])


FOLLOWED = [
    # B2C price, distance, B2B price
    (1000, Offset(), 1000),
    (1000, Offset(basis_points=-500), 950),
    (1000, Offset(amount_minor=-25), 975),
    (999, Offset(basis_points=-500), 949),  # 949.05 comes down
    (1900, Offset(amount_minor=-100), 1500),  # the ceiling
    (700, Offset(amount_minor=-100), 800),  # the floor, also where the B2C price is below it
]


@pytest.mark.parametrize(("consumer", "offset", "expected"), FOLLOWED)
def test_a_derived_price(consumer: int, offset: Offset, expected: int) -> None:
    strategy = StrategyDefinition(
        "S1", "derived", "EUR", StrategyKind.FOLLOW, follow_b2c=True, offsets=(None, offset, None)
    )
    engine = started(strategy, strategy_id="derived")
    if consumer != 1000:
        result = matched(engine, consumer)
        assert result.decisions["listing_id"].tolist() == [B2C, B2B]
    assert now(engine) == (expected, Reason.FOLLOW)


def test_a_derived_price_rises_and_falls_in_the_same_input() -> None:
    engine = started(strategy_id="below")
    for consumer, business in ((1200, 1140), (900, 855), (1300, 1235)):
        result = matched(engine, consumer)
        assert result.decisions["price_minor"].tolist() == [consumer, business]
        assert result.decisions["listing_id"].tolist() == [B2C, B2B]


def test_without_a_b2c_price_a_derived_price_stays() -> None:
    engine = started(strategy_id="below")
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [B2C]), engine.now_ms + 1)
    assert engine.catalog.rows[["price_minor", "reason"]][B2B].item() == (950, Reason.FOLLOW_WAITS)
    assert engine.catalog.rows["ceiling_minor"][B2B] == 1500
    assert engine.catalog.coupled[B2B] == 0


def test_a_b2b_price_is_capped_and_comes_down_in_the_same_input() -> None:
    engine = started(price_minor=990)
    result = matched(engine, 900)
    assert result.decisions["price_minor"].tolist() == [900, 900]
    assert now(engine) == (900, Reason.CAPPED_BY_B2C)
    # Back up it goes by its own strategy, no farther than the B2C price.
    matched(engine, 1300)
    assert now(engine)[0] == 900
    assert engine.catalog.rows["ceiling_minor"][B2B] == 1300
    assert engine.catalog.own_terms(B2B)[:2] == (800, 1500)


def test_the_floor_is_stronger_than_the_cap() -> None:
    engine = started(price_minor=990)
    matched(engine, 700)
    assert now(engine) == (800, Reason.CAPPED_BY_B2C)


def test_whichever_listing_comes_first() -> None:
    engine = new_engine()
    business = listing(key=BUSINESS, price_minor=1200)
    apply(engine, InputKind.LISTINGS, definitions([business]))
    consumer = listing(price_minor=1000)
    result = apply(engine, InputKind.LISTINGS, definitions([consumer]))
    assert result.decisions["price_minor"].tolist() == [1000]
    assert now(engine, 1) == (1000, Reason.CAPPED_BY_B2C)


TIERS = [
    # tiers, price, floor, what goes out
    (HALVES, 1000, 800, ((5, 950), (10, 900))),
    (HALVES, 999, 800, ((5, 949), (10, 899))),  # rounded down
    (HALVES, 1000, 920, ((5, 950),)),  # below the floor: left out with all after it
    (HALVES, 1000, 960, ()),
    (HALVES, 9, 1, ((5, 8),)),  # 8.55 and 8.1 are both 8: the second is not lower
    ((Tier(2, 950), Tier(9, 900)), 1000, 800, ((2, 950), (9, 900))),
    ((Tier(2, 950), Tier(9, 900)), 940, 800, ((9, 900),)),  # the first is not lower
    ((Tier(2, 950), Tier(9, 900)), 890, 800, ()),
    ((), 1000, 800, ()),
]


@pytest.mark.parametrize(("tiers", "price", "floor", "expected"), TIERS)
def test_quantity_prices(
    tiers: tuple[Tier, ...], price: int, floor: int, expected: tuple[tuple[int, int], ...]
) -> None:
    assert tier_prices(tiers, price, floor) == expected


def test_other_tiers_are_sent_with_the_same_price() -> None:
    engine = started(strategy_id="below", tiers=HALVES)
    assert engine.state.coupling.sent == {B2B: ((5, 902), (10, 855))}
    again = listing(
        key=BUSINESS, floor_minor=800, ceiling_minor=1500, strategy_id="below",
        tiers=(Tier(3, discount_bp=1000),),
    )  # fmt: skip
    result = apply(engine, InputKind.LISTINGS, definitions([again]), engine.now_ms + 1)
    assert result.decisions[["price_minor", "reason"]].tolist() == [(950, Reason.TIERS)]
    assert engine.state.coupling.sent == {B2B: ((3, 855),)}
    again = listing(
        key=BUSINESS, floor_minor=900, ceiling_minor=1500, strategy_id="below",
        tiers=(Tier(3, discount_bp=1000),),
    )  # fmt: skip
    result = apply(engine, InputKind.LISTINGS, definitions([again]), engine.now_ms + 1)
    assert result.decisions["reason"].tolist() == [Reason.TIERS]
    assert engine.state.coupling.sent == {}


def test_tiers_wait_for_the_end_of_a_pause() -> None:
    engine = started(strategy_id="below", tiers=HALVES)
    apply(engine, InputKind.PAUSE, RefBatch("", 1, [0], [B2B]), engine.now_ms + 1)
    plain = listing(key=BUSINESS, floor_minor=800, ceiling_minor=1500, strategy_id="below")
    result = apply(engine, InputKind.LISTINGS, definitions([plain]), engine.now_ms + 1)
    assert len(result.decisions) == 0
    apply(engine, InputKind.RESUME, RefBatch("", 1, [0], [B2B]), engine.now_ms + 1)
    assert engine.state.coupling.sent == {}
    assert now(engine) == (950, Reason.TIERS)


def test_a_price_in_flight_is_not_taken_back_for_another_cap() -> None:
    engine = started(price_minor=990)
    matched(engine, 900)
    matched(engine, 1200)
    before = len(engine.decisions.dump())
    matched(engine, 1300)
    told = engine.decisions.dump()[before:][["listing_id", "price_minor", "status"]].tolist()
    emitted = int(DecisionStatus.EMITTED)
    assert told == [(B2C, 1300, emitted)]


def test_a_snapshot_holds_tiers_and_couples() -> None:
    engine = started(strategy_id="below", tiers=HALVES)
    again = load(dump(engine.state))
    assert again.catalog.tiers == engine.catalog.tiers == {B2B: HALVES}
    assert again.coupling.sent == engine.state.coupling.sent != {}
    assert again.catalog.has_b2b
    assert again.catalog.coupled[:3].tolist() == [0, B2B, B2C]
    assert state_hash(again) == state_hash(engine.state)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tiers": (Tier(1, 900),)}, "quantity_tiers[0].quantity"),
    ({"tiers": (Tier(5, 900), Tier(5, 800))}, "quantity_tiers[1].quantity"),
    ({"tiers": (Tier(5, 900), Tier(6, 900))}, "quantity_tiers[1].price_minor"),
    ({"tiers": (Tier(5, 900), Tier(6, 0, 100))}, "quantity_tiers[1].discount_basis_points"),
    ({"tiers": (Tier(5, 0, 100), Tier(6, 900))}, "quantity_tiers[1].price_minor"),
    ({"tiers": (Tier(5, 0, 500), Tier(6, 0, 500))}, "quantity_tiers[1].discount_basis_points"),
    ({"tiers": (Tier(5, 0, 10_000),)}, "quantity_tiers[0].discount_basis_points"),
    ({"tiers": (Tier(5),)}, "quantity_tiers[0].discount_basis_points"),
    ({"tiers": (Tier(5, -1),)}, "quantity_tiers[0].price_minor"),
    ({"tiers": tuple(Tier(2 + at, 900 - at) for at in range(6))}, "quantity_tiers"),
    ({"tiers": HALVES, "key": key()}, "quantity_tiers"),
    ({"strategy_id": "below", "key": key()}, "strategy_id"),
]


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_refusals(given: dict[str, Any], field: str) -> None:
    engine = started()
    wrong = listing(**{"key": BUSINESS} | given)
    (problem,) = apply(engine, InputKind.LISTINGS, definitions([wrong])).problems
    assert problem.field == field
    assert problem.message.startswith(f"{field} is ")


REFUSED_STRATEGIES: list[tuple[dict[str, Any], str]] = [
    ({"offsets": (None, Offset(amount_minor=1), None)}, "follow.offset"),
    ({"offsets": (None, Offset(basis_points=1), None)}, "follow.offset"),
    ({"follow_sources": (FollowSource("M1", "A"),)}, "follow.sources"),
    ({"follow_units": 2}, "follow.units"),
    ({"quorum": 1}, "follow.quorum"),
]


@pytest.mark.parametrize(("given", "field"), REFUSED_STRATEGIES)
def test_refused_strategies(given: dict[str, Any], field: str) -> None:
    wrong = StrategyDefinition(
        "S1", "x", "EUR", StrategyKind.FOLLOW, **{"follow_b2c": True} | given
    )
    (problem,) = apply(new_engine(), InputKind.STRATEGIES, definitions([wrong])).problems
    assert problem.field == field


def test_b2c_does_not_follow_the_b2b_listing_that_follows_it() -> None:
    engine = started(strategy_id="below")
    back = StrategyDefinition(
        "S1", "back", "EUR", StrategyKind.FOLLOW,
        follow_sources=(FollowSource("M1", "SKU-1", Audience.B2B),),
    )  # fmt: skip
    apply(engine, InputKind.STRATEGIES, definitions([back]))
    circle = listing(strategy_id="back")
    (problem,) = apply(engine, InputKind.LISTINGS, definitions([circle])).problems
    assert (problem.field, problem.reason) == ("strategy_id", "FOLLOW_CIRCLE")
