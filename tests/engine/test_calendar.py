"""Calendar entries over strategies: what goes out when they begin, while they last, and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import RefBatch, SellerDefinition
from engine.explain import conclude, gather
from engine.pipeline import Engine
from engine.schema import (
    CycleState,
    DecisionStatus,
    InputKind,
    MatchTarget,
    OfferBit,
    Reason,
    StrategyKind,
)
from engine.state_columns import dump, load, state_hash
from engine.strategies import FollowSource, Offset, PushStep, StrategyDefinition
from engine.timetable import CalendarEntry, EntryAction, Repeat

# START_MS is 2025-06-15T15:06:40 UTC.
HOUR_MS = 3_600_000
UTC = ((0, 0),)
SALE = CalendarEntry(
    "sale", "2025-06-15T16:00", "2025-06-15T18:00", EntryAction.PRICE, price_minor=1000
)
BEGIN_MS, END_MS = START_MS + 3_200_000, START_MS + 3_200_000 + 2 * HOUR_MS
MATCH = StrategyDefinition(
    "S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,), time_zone="UTC",
    zone_offsets=UTC,
)  # fmt: skip
FIXED = StrategyDefinition("S1", "fixed", "EUR", StrategyKind.FIXED, fixed_minor=1400)
BUY_BOX = replace(MATCH, kind=StrategyKind.BUY_BOX, targets=(), min_samples=1)


def started(strategy: StrategyDefinition, *entries: CalendarEntry, **given: Any) -> Engine:
    """An engine with one listing of a strategy with a calendar."""
    engine = new_engine()
    rows = definitions([FIXED, replace(strategy, calendar=entries)])
    assert not apply(engine, InputKind.STRATEGIES, rows).problems
    rows = definitions([listing(strategy_id=strategy.strategy_id, **given)])
    assert not apply(engine, InputKind.LISTINGS, rows).problems
    offered(engine, 1300, START_MS)
    return engine


def offered(engine: Engine, competitor: int, now_ms: int, own: int = 0) -> Any:
    """A snapshot at that moment."""
    offers = [rival(competitor)] + ([own_offer(own)] if own else [])
    return apply(engine, InputKind.REPRICE, snapshots((key(), offers), event_ms=now_ms), now_ms)


def advanced(engine: Engine, now_ms: int) -> list[tuple[int, int]]:
    """(price, reason) of what timers decide at that moment."""
    before = engine.state.next_decision_id
    engine.advance(now_ms, 0, engine.catalog.count)
    made: list[tuple[int, int]] = engine.decisions.after(before - 1, 100)[
        ["price_minor", "reason"]
    ].tolist()
    return made


def price(engine: Engine) -> int:
    return int(engine.catalog.rows["price_minor"][1])


def test_a_price_for_a_time_and_back() -> None:
    engine = started(MATCH, SALE)
    assert price(engine) == 1300
    offered(engine, 1300, START_MS + 1, own=1300)
    assert advanced(engine, BEGIN_MS - 1) == []
    advanced(engine, BEGIN_MS)
    assert (price(engine), int(engine.catalog.rows["reason"][1])) == (1000, Reason.CALENDAR)
    offered(engine, 1200, BEGIN_MS + 60_000, own=1000)
    assert price(engine) == 1000
    explained = gather(engine.catalog, 1)
    conclude(engine.state, explained, None)
    assert "The calendar entry 'sale' is in force." in explained.sentences
    advanced(engine, END_MS)
    assert price(engine) == 1000
    offered(engine, 1200, END_MS + 60_000, own=1000)
    assert price(engine) == 1200


def test_it_begins_with_the_next_input_where_that_comes_first() -> None:
    engine = started(MATCH, SALE)
    result = offered(engine, 1250, BEGIN_MS + 5)
    assert len(result.decisions) == 0
    assert engine.decisions.dump()[["price_minor", "reason"]].tolist()[1:] == [
        (1000, Reason.CALENDAR)
    ]
    assert price(engine) == 1000
    assert advanced(engine, BEGIN_MS + 6) == []


PRICES = [(1000, 1000), (1, 500), (9_999, 2000)]


@pytest.mark.parametrize(("wanted", "goes_out"), PRICES)
def test_a_price_keeps_to_the_bounds(wanted: int, goes_out: int) -> None:
    engine = started(MATCH, replace(SALE, price_minor=wanted))
    advanced(engine, BEGIN_MS)
    assert price(engine) == goes_out


BOUNDS = [
    # floor and ceiling of the entry -> those in force, of a listing from 500 to 2000
    ((1400, 1800), (1400, 1800)), ((400, 2500), (400, 2500)),
    # These look like a slip.
    ((249, 1800), (500, 1800)), ((600, 20_000), (600, 2000)),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "in_force"), BOUNDS)
def test_bounds_for_a_time(entry: tuple[int, int], in_force: tuple[int, int]) -> None:
    bounds = replace(SALE, action=EntryAction.BOUNDS, floor_minor=entry[0], ceiling_minor=entry[1])
    engine = started(MATCH, bounds)
    advanced(engine, BEGIN_MS)
    row = engine.catalog.rows[1]
    assert (row["floor_minor"], row["ceiling_minor"]) == in_force
    assert price(engine) == max(1300, in_force[0])
    assert engine.catalog.own_terms(1)[:2] == (500, 2000)
    apply(engine, InputKind.LISTINGS, definitions([listing(strategy_id="match")]), BEGIN_MS + 1)
    assert (row["floor_minor"], row["ceiling_minor"]) == in_force
    advanced(engine, END_MS)
    assert (row["floor_minor"], row["ceiling_minor"]) == (500, 2000)
    assert engine.catalog.terms == {}


def test_quiet_hours_hold_and_learn_nothing() -> None:
    quiet = replace(SALE, action=EntryAction.HOLD)
    engine = started(BUY_BOX, quiet)
    first = price(engine)
    assert first == 1299
    advanced(engine, BEGIN_MS)
    row = engine.catalog.rows[1]
    before = [int(row[name]) for name in ("take_low_ppm", "take_high_ppm", "draws")]
    lost = own_offer(first, int(OfferBit.NOT_WINNER))
    winner = rival(1290, int(OfferBit.WINNER))
    batch = snapshots((key(), [lost, winner]), event_ms=BEGIN_MS + 1)
    apply(engine, InputKind.REPRICE, batch, BEGIN_MS + 1)
    assert price(engine) == first
    assert int(row["reason"]) == Reason.QUIET
    assert [int(row[name]) for name in ("take_low_ppm", "take_high_ppm", "draws")] == before
    engine.advance(END_MS - 1, 0, 2)
    assert price(engine) == first


PAUSE = replace(SALE, action=EntryAction.PAUSE)
KEPT = ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm")


def test_a_pause_and_back() -> None:
    """Nothing leaves, not even a way back into new bounds; what was learned is kept."""
    engine = started(BUY_BOX, PAUSE)
    row = engine.catalog.rows[1]
    won = [own_offer(1299, int(OfferBit.WINNER)), rival(1300)]
    batch = snapshots((key(), won), event_ms=START_MS + 1)
    apply(engine, InputKind.REPRICE, batch, START_MS + 1)
    before = [int(row[name]) for name in KEPT]
    assert advanced(engine, BEGIN_MS) == []
    assert (row["state"], row["reason"]) == (CycleState.PAUSED, Reason.PAUSED)
    lost = [own_offer(1299, int(OfferBit.NOT_WINNER)), rival(1290, int(OfferBit.WINNER))]
    batch = snapshots((key(), lost), event_ms=BEGIN_MS + 1)
    assert not len(apply(engine, InputKind.REPRICE, batch, BEGIN_MS + 1).decisions)
    narrower = definitions([listing(strategy_id="match", ceiling_minor=1200)])
    assert not len(apply(engine, InputKind.LISTINGS, narrower, BEGIN_MS + 2).decisions)
    assert advanced(engine, END_MS - 1) == []
    assert (price(engine), [int(row[name]) for name in KEPT]) == (1299, before)
    explained = gather(engine.catalog, 1)
    conclude(engine.state, explained, None)
    assert "Repricing is paused by the calendar; no price leaves." in explained.sentences
    assert advanced(engine, END_MS) == [(1200, Reason.BOUNDS)]
    assert [int(row[name]) for name in KEPT] == before
    offered(engine, 1100, END_MS + 1, own=1200)
    assert row["state"] == CycleState.AWAITING


def test_a_pause_takes_back_what_was_not_submitted() -> None:
    engine = started(MATCH, PAUSE)
    decided = int(engine.catalog.records["decision_id"][1])
    advanced(engine, BEGIN_MS)
    last = engine.decisions.dump()[-1]
    assert (last["status"], last["withdraws"]) == (DecisionStatus.WITHDRAWAL, decided)
    advanced(engine, END_MS)
    offered(engine, 1300, END_MS + 1)
    assert (price(engine), int(engine.catalog.rows["reason"][1])) == (1300, Reason.MATCH)


def test_other_causes_of_a_pause_outlast_it_and_do_not_end_it() -> None:
    engine = started(MATCH, PAUSE)
    row, named = engine.catalog.rows[1], RefBatch("", 1, [0], [1])
    apply(engine, InputKind.PAUSE, named, START_MS + 1)
    advanced(engine, BEGIN_MS)
    apply(engine, InputKind.RESUME, RefBatch("", 1, [0], [1]), BEGIN_MS + 1)
    assert row["state"] == CycleState.PAUSED, "the calendar still pauses"
    apply(engine, InputKind.PAUSE, RefBatch("", 1, [0], [1]), BEGIN_MS + 2)
    advanced(engine, END_MS)
    assert row["state"] == CycleState.PAUSED, "the seller still pauses"
    apply(engine, InputKind.RESUME, RefBatch("", 1, [0], [1]), END_MS + 1)
    assert row["state"] == CycleState.SEEKING


def test_a_listing_comes_and_goes_during_a_pause() -> None:
    engine = started(replace(FIXED, time_zone="UTC", zone_offsets=UTC), PAUSE)
    plain = replace(FIXED, strategy_id="plain")
    apply(engine, InputKind.STRATEGIES, definitions([plain]))
    advanced(engine, BEGIN_MS)
    new = listing("NEW", asin="NEW", strategy_id="fixed", price_minor=900)
    apply(engine, InputKind.LISTINGS, definitions([new]), BEGIN_MS + 1)
    rows = engine.catalog.rows
    assert rows["state"][1:3].tolist() == [CycleState.PAUSED] * 2
    away = listing(strategy_id="plain")
    apply(engine, InputKind.LISTINGS, definitions([away]), BEGIN_MS + 2)
    assert rows["state"][1] == CycleState.SEEKING
    apply(engine, InputKind.STRATEGIES, definitions([FIXED]), BEGIN_MS + 3)
    assert (rows["state"][2], rows["price_minor"][2]) == (CycleState.AWAITING, 1400)


def test_a_guard_that_holds_the_price_after_a_pause_leaves_no_pause() -> None:
    engine = started(replace(FIXED, time_zone="UTC", zone_offsets=UTC), PAUSE, price_minor=900)
    advanced(engine, BEGIN_MS)
    dry = SellerDefinition("S1", dry_run=True)
    apply(engine, InputKind.SELLERS, definitions([dry]), BEGIN_MS + 1)
    cheaper = replace(FIXED, fixed_minor=1000, time_zone="UTC", zone_offsets=UTC, calendar=(PAUSE,))
    apply(engine, InputKind.STRATEGIES, definitions([cheaper]), BEGIN_MS + 2)
    advanced(engine, END_MS)
    assert engine.catalog.rows["state"][1] == CycleState.SEEKING
    assert engine.state.guards.proposals.by_listing[1].price_minor == 1000


def test_an_entry_that_takes_over_from_a_pause() -> None:
    after = replace(SALE, name="after", begin=SALE.end, end="2025-06-15T19:00")
    engine = started(MATCH, PAUSE, after)
    advanced(engine, BEGIN_MS)
    assert advanced(engine, END_MS) == [(1000, Reason.CALENDAR)]


def test_nights_come_again() -> None:
    night = replace(
        SALE, action=EntryAction.HOLD, begin="2025-06-15T22:00", end="2025-06-16T06:00",
        repeat=Repeat.DAILY,
    )  # fmt: skip
    engine = started(MATCH, night)
    for day in range(1, 4):
        midnight = START_MS - 54_400_000 + day * 24 * HOUR_MS
        offered(engine, 1100 + day, midnight)
        assert price(engine) == (1300 if day == 1 else 1200 + day - 1)
        offered(engine, 1200 + day, midnight + 7 * HOUR_MS)
        assert price(engine) == 1200 + day


def test_another_strategy_for_a_time() -> None:
    engine = started(MATCH, replace(SALE, action=EntryAction.STRATEGY, strategy_id="fixed"))
    advanced(engine, BEGIN_MS)
    assert (price(engine), int(engine.catalog.rows["reason"][1])) == (1400, Reason.FIXED)
    advanced(engine, END_MS)
    offered(engine, 1250, END_MS + 1)
    assert price(engine) == 1250


FOLLOW = StrategyDefinition(
    "S1", "other", "EUR", StrategyKind.FOLLOW, follow_sources=(FollowSource("M1", "OTHER"),)
)
PUSH = replace(
    FOLLOW, kind=StrategyKind.PUSH, start_minor=1000, push_steps=(PushStep(1, Offset(5)),)
)
SWAP = replace(SALE, action=EntryAction.STRATEGY, strategy_id="other")
DOES_NOT_FIT = [
    # the strategy that is named, and the one whose calendar it is
    (None, MATCH), (FOLLOW, MATCH), (PUSH, MATCH), (replace(FIXED, strategy_id="other"), FOLLOW),
    (replace(FIXED, strategy_id="other", currency="USD"), MATCH),
]  # fmt: skip


@pytest.mark.parametrize(("named", "owner"), DOES_NOT_FIT)
def test_an_entry_names_a_strategy_that_fits(
    named: StrategyDefinition | None, owner: StrategyDefinition
) -> None:
    engine = new_engine()
    if named is not None:
        assert not apply(engine, InputKind.STRATEGIES, definitions([named])).problems
    swapped = replace(
        owner, strategy_id="owner", calendar=(SWAP,), time_zone="UTC", zone_offsets=UTC
    )
    (problem,) = apply(engine, InputKind.STRATEGIES, definitions([swapped])).problems
    assert (problem.field, problem.reason) == (
        "schedule.calendar[0].strategy_id", "CALENDAR_STRATEGY",
    )  # fmt: skip
    assert "neither of them PUSH, DAILY_PUSH or FOLLOW" in problem.message


def test_a_snapshot_knows_what_is_in_force() -> None:
    engine = started(MATCH, SALE)
    offered(engine, 1250, BEGIN_MS + 5)
    again = load(dump(engine.state))
    assert state_hash(again) == state_hash(engine.state)
    assert again.catalog.strategy_records.tobytes() == engine.catalog.strategy_records.tobytes()
    assert again.catalog.schedules.next_ms == engine.catalog.schedules.next_ms == END_MS
