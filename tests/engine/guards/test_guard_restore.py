"""Back to the live prices of an earlier time."""

from __future__ import annotations

import numpy as np
import pytest
from market.guarded import HOUR_MS, MINUTE_MS, World, follow
from market.listing import START_MS

from engine.guards import Guard, restore
from engine.guards.restore import LiveLog
from engine.schema import CycleState, DecisionStatus, InputKind, Reason

A, B, C = "SKU-A", "SKU-B", "SKU-C"


def moved() -> World:
    """A goes 1000, 900, 800 an hour apart; B stays at 1000; C has no known price."""
    market = World(follow(step_limit_minor=100, changes_per_hour=2))
    market.listings(A, B)
    market.listings(C, price_minor=0)
    for price in (900, 800):
        market.now_ms += HOUR_MS
        market.offers({A: price})
        market.live(A, price)
    market.now_ms += HOUR_MS
    return market


@pytest.mark.parametrize(("minutes", "price"), [
    (0, 1000), (30, 1000), (59, 1000), (61, 900), (90, 900), (121, 800),
])  # fmt: skip
def test_prices_of_then(minutes: int, price: int) -> None:
    market = moved()
    result = market.restore(START_MS + minutes * MINUTE_MS)
    prices = dict(zip(result.decisions["listing_id"], result.decisions["price_minor"], strict=True))
    assert prices == {market.id(A): price, market.id(B): 1000}
    assert result.count == 2
    assert set(result.decisions["reason"]) == {Reason.RESTORED}
    assert market.row(A)["state"] == market.row(B)["state"] == CycleState.PAUSED
    assert market.row(C)["state"] != CycleState.PAUSED, "nothing is known of it, it is left alone"
    assert len(market.events(Guard.RESTORE)) == 1


def test_they_stay_until_a_person_resumes() -> None:
    market = moved()
    market.restore(START_MS)
    market.now_ms += HOUR_MS
    assert len(market.offers({A: 700}).decisions) == 0
    assert market.price(A) == 1000
    market.pause(A, kind=InputKind.RESUME)
    market.now_ms += HOUR_MS
    market.offers({A: 700})
    assert market.price(A) == 900, "and the step limit is back"


def test_bounds_hold() -> None:
    market = moved()
    market.listings(A, floor_minor=500, ceiling_minor=950)
    market.listings(B, floor_minor=1100, ceiling_minor=1500)
    market.restore(START_MS)
    assert (market.price(A), market.price(B)) == (950, 1100)


def test_what_is_stopped_stays() -> None:
    market = moved()
    market.stop(A)
    result = market.restore(START_MS)
    assert result.decisions["listing_id"].tolist() == [market.id(B)]
    assert market.price(A) == 800


def test_a_dry_run_shows_it_only() -> None:
    market = moved()
    market.seller(dry_run=True)
    assert market.restore(START_MS).count == 0
    assert market.price(A) == 800
    shown = market.log()[-2:]
    assert shown["status"].tolist() == [DecisionStatus.DRY_RUN] * 2
    assert shown["price_minor"].tolist() == [1000, 1000]


def test_one_marketplace() -> None:
    market = moved()
    assert market.restore(START_MS, marketplace="M1").count == 2
    assert market.restore(START_MS, marketplace="M9").problems[0].reason == "UNKNOWN_MARKETPLACE"
    assert market.restore(START_MS, seller="NOBODY").problems[0].reason == "UNKNOWN_SELLER"


@pytest.mark.parametrize(("at_ms", "reason"), [
    (0, "RESTORE_TIME_TOO_OLD"), (-(2**63), "RESTORE_TIME_TOO_OLD"),
    (2**63 - 1, "RESTORE_TIME_IN_FUTURE"),
])  # fmt: skip
def test_times_that_cannot_be(at_ms: int, reason: str) -> None:
    market = moved()
    result = market.restore(at_ms)
    assert (result.count, result.problems[0].reason) == (0, reason)
    assert market.price(A) == 800


def test_a_time_before_the_log_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "LIVE_CHANGES_KEPT", 1_024)
    market = World(follow())
    market.listings(A)
    for step in range(1_100):
        market.now_ms += MINUTE_MS
        market.offers({A: 1000 + step % 2}, own={A: 1000 + step % 2})
    reaches_ms = market.engine.state.guards.live_log.reaches_ms
    assert START_MS < reaches_ms < market.now_ms - 1_000 * MINUTE_MS
    assert market.restore(reaches_ms - 1).problems[0].reason == "RESTORE_TIME_TOO_OLD"
    assert market.restore(reaches_ms).count == 1


def test_the_log_against_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "LIVE_CHANGES_KEPT", 2_048)
    rng = np.random.default_rng(5)
    log, live = LiveLog(), np.zeros(50, np.int64)
    history = [(0, live.copy())]
    for at_ms in range(1, 700):
        ids = np.flatnonzero(rng.random(50) < rng.choice([0.02, 0.2])).astype(np.uint32)
        prices = rng.integers(1, 9, len(ids))
        log.note(at_ms, ids, live[ids], prices)
        live[ids] = prices
        history.append((at_ms, live.copy()))
    every = np.arange(50, dtype=np.uint32)
    assert 0 < log.reaches_ms < 600
    for at_ms, then in history[log.reaches_ms :]:
        assert log.prices_at(at_ms, every, live).tolist() == then.tolist()
