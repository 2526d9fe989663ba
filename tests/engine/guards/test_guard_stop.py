"""The kill switch, and taking decisions back that nobody has seen live."""

from __future__ import annotations

import pytest
from market.guarded import DAY_MS, HOUR_MS, MINUTE_MS, World, follow
from market.shard import apply, definitions, feedback, key, listing

from engine.columns import RefBatch
from engine.guards import EventKind, Guard
from engine.schema import (
    CycleState,
    DecisionStatus,
    FeedbackKind,
    InputKind,
    Reason,
    RowFlag,
    StrategyKind,
)
from engine.strategies import StrategyDefinition

A, B = "SKU-A", "SKU-B"
SCOPES = ({"everything": True}, {"sellers": ("S1",)}, {"skus": (A, B)})


def world() -> World:
    market = World(follow())
    market.listings(A, B)
    return market


def stop(market: World, scope: dict[str, object], restart: bool = False) -> int:
    given = dict(scope)
    skus = given.pop("skus", ())
    call = market.restart if restart else market.stop
    return call(*skus, **given).count  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", SCOPES)
def test_nothing_leaves_by_any_way(scope: dict[str, object]) -> None:
    market = world()
    market.listings("OTHER", seller="S2")
    assert stop(market, scope) == (3 if "everything" in scope else 2)
    before = market.engine.state.next_decision_id
    result = market.offers({A: 900, B: 1100})
    assert [each.reason for each in result.problems] == ["REPRICING_STOPPED"] * 2
    assert market.row(A)["reason"] == Reason.STOPPED
    market.listings(A, floor_minor=1200)
    market.advance(DAY_MS)
    strategy = follow(targets=(), changes_per_hour=3)
    apply(market.engine, InputKind.STRATEGIES, definitions([strategy]), market.now_ms)
    market.restore(market.now_ms - 1)
    assert market.engine.state.next_decision_id == before
    assert market.price(A) == market.price(B) == 1000
    assert stop(market, scope, restart=True) == (3 if "everything" in scope else 2)
    assert market.price(A) == 1200, "bounds of meanwhile hold at once"
    assert market.log(before - 1)["reason"].tolist() == [Reason.BOUNDS]


def test_timers_of_every_kind_are_stopped() -> None:
    market = World()
    market.listings(A, strategy_id="", price_minor=0)
    market.offers({A: 1000})
    assert market.price(A) == 999
    market.stop(A)
    before = market.engine.state.next_decision_id
    for _ in range(20):
        market.advance(HOUR_MS)
    assert market.engine.state.next_decision_id == before
    market.restart(A)
    market.advance(HOUR_MS)
    assert market.log(before - 1)["reason"].tolist() == [Reason.REEMIT]


def test_a_stopped_timer_does_not_fire_every_round() -> None:
    market = World()
    market.listings(A, strategy_id="", price_minor=0)
    market.offers({A: 1000})
    market.stop(A)
    market.advance(HOUR_MS)
    frames = market.engine.journal.append(InputKind.ADVANCE, b"", market.now_ms).sequence
    for _ in range(50):
        market.advance(1000)
    after = market.engine.journal.append(InputKind.ADVANCE, b"", market.now_ms).sequence
    assert after == frames + 1


def test_switches_are_lifted_one_by_one() -> None:
    market = world()
    for scope in SCOPES:
        stop(market, scope)
    for scope, left in zip(SCOPES, (0, 0, 2), strict=True):
        assert stop(market, scope, restart=True) == left
    assert market.offers({A: 900}).decisions["price_minor"].tolist() == [900]


def test_who_is_unknown_is_told_and_the_others_are_stopped() -> None:
    market = world()
    result = market.stop(A, "SKU-X", sellers=("S1", "NOBODY"))
    assert sorted(each.reason for each in result.problems) == ["UNKNOWN_LISTING", "UNKNOWN_SELLER"]
    assert result.count == 2


def test_every_stop_is_told() -> None:
    market = world()
    market.stop(A, everything=True, sellers=("S1",))
    market.restart(everything=True)
    events = market.events(Guard.STOP)
    assert [each.kind for each in events] == [EventKind.TRIPPED] * 3 + [EventKind.RELEASED]
    assert events[2].message == f"SKU {A}: repricing of the listing is stopped"


# Withdrawals


def pending(sku: str = A) -> World:
    market = world()
    assert len(market.offers({sku: 900}).decisions) == 1
    market.now_ms += MINUTE_MS
    return market


def withdrawn(market: World) -> list[tuple[int, int]]:
    """(decision, reason) of the withdrawals so far."""
    return [
        (int(each["withdraws"]), int(each["reason"]))
        for each in market.log()
        if each["status"] == DecisionStatus.WITHDRAWAL
    ]


def delete(market: World, *skus: str) -> None:
    batch = RefBatch("", len(skus), list(range(len(skus))), [key(sku) for sku in skus])
    apply(market.engine, InputKind.DELETE, batch, market.now_ms)


def suppress(market: World) -> None:
    given = feedback(key(A), FeedbackKind.PRICING_ERROR, event_ms=market.now_ms)
    apply(market.engine, InputKind.FEEDBACK, given, market.now_ms)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda market: market.pause(A), Reason.PAUSED),
        (suppress, Reason.PAUSED),
        (lambda market: market.stop(A), Reason.STOPPED),
        (lambda market: market.stop(everything=True), Reason.STOPPED),
        (lambda market: market.listings(A, floor_minor=450), Reason.BOUNDS),
        (lambda market: market.seller(dry_run=True), Reason.DRY_RUN),
        (lambda market: delete(market, A), Reason.NOT_APPLICABLE),
    ],
)
def test_what_takes_a_pending_decision_back(act: object, reason: Reason) -> None:
    assert callable(act)
    market = pending()
    decision = int(market.engine.catalog.records["decision_id"][market.id(A)])
    row = market.row(A)
    act(market)
    assert withdrawn(market) == [(decision, reason)]
    assert row["flags"] & RowFlag.WITHDRAWN
    act(pending(B))


@pytest.mark.parametrize("late", [False, True])
def test_seen_live_or_too_old_is_not_taken_back(late: bool) -> None:
    market = pending()
    if late:
        market.now_ms += HOUR_MS
    else:
        market.live(A, 900)
        market.now_ms += MINUTE_MS
    market.pause(A)
    assert withdrawn(market) == []


def test_a_new_decision_of_the_same_input_stands() -> None:
    market = pending()
    result = market.listings(A, floor_minor=950)
    (decision,) = result.decisions
    assert withdrawn(market) == [(int(decision["decision_id"]) - 2, Reason.BOUNDS)]
    assert not market.row(A)["flags"] & RowFlag.WITHDRAWN


def test_a_price_inside_new_bounds_is_decided_again_at_once() -> None:
    market = pending()
    market.listings(A, floor_minor=450)
    assert market.advance(1000) == 1
    last = market.log()[-1]
    assert (last["reason"], last["price_minor"]) == (Reason.REEMIT, 900)
    assert last["bounds_version"] == 2
    assert not market.row(A)["flags"] & RowFlag.WITHDRAWN


def test_a_withdrawn_price_is_decided_again_after_the_pause() -> None:
    market = pending()
    market.pause(A)
    market.pause(A, kind=InputKind.RESUME)
    market.now_ms += MINUTE_MS
    (decision,) = market.offers({A: 900}).decisions
    assert (decision["price_minor"], decision["previous_minor"]) == (900, 900)
    assert market.row(A)["state"] == CycleState.AWAITING


def test_a_withdrawn_price_that_is_seen_live_is_no_longer_withdrawn() -> None:
    market = pending()
    market.stop(A)
    market.live(A, 900)
    assert not market.row(A)["flags"] & RowFlag.WITHDRAWN


def test_many_withdrawals_come_in_order() -> None:
    market = World(StrategyDefinition("S1", "follow", "EUR", StrategyKind.FIXED, fixed_minor=900))
    rows = [listing(f"S-{at}", asin="", strategy_id="follow") for at in range(4_500)]
    apply(market.engine, InputKind.LISTINGS, definitions(rows), market.now_ms)
    assert market.stop(everything=True).count == 4_500
    log = market.log()
    assert log["decision_id"].tolist() == list(range(1, 9_001))
    assert log["withdraws"][4_500:].tolist() == log["decision_id"][:4_500].tolist()
