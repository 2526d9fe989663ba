"""Which changes of a market are told, to whom, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from market.listing import ELIGIBLE, LOSES, START_MS, WINS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import EraseBatch, RefBatch
from engine.guards import Guard
from engine.guards.market import ADVICE, MANY, TOLD, Change
from engine.pipeline import Engine
from engine.schema import BuyBoxStatus, InputKind, MatchTarget, OfferBit, StrategyKind
from engine.state_columns import dump, load
from engine.strategies import FollowSource, Offset, PushStep, StrategyDefinition

DAY_MS = 86_400_000
STEPS = (PushStep(5, Offset(50)),)
STRATEGIES = {
    each.strategy_id: each
    for each in (
        StrategyDefinition("S1", "cycle", "EUR", StrategyKind.BUY_BOX),
        StrategyDefinition("S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,)),
        StrategyDefinition(
            "S1", "push", "EUR", StrategyKind.PUSH, start_minor=1200, push_steps=STEPS
        ),
        StrategyDefinition(
            "S1", "follow", "EUR", StrategyKind.FOLLOW, follow_sources=(FollowSource("M1", "X"),)
        ),
    )
}
Offers = list[tuple[str, int, int, str]]
OURS = own_offer(1200, ELIGIBLE | WINS)
BEATEN = own_offer(1200, ELIGIBLE | LOSES)
ALONE: Offers = [OURS]
COMPETITOR: Offers = [BEATEN, rival(1100, ELIGIBLE | WINS)]
BESIDE: Offers = [OURS, rival(1300, ELIGIBLE | LOSES)]
AMAZON: Offers = [BEATEN, rival(1100, ELIGIBLE | WINS | OfferBit.AMAZON)]
NOBODY: Offers = [BEATEN, rival(1100, ELIGIBLE | LOSES)]


def started(strategy: str, count: int = 1) -> Engine:
    engine = new_engine()
    apply(engine, InputKind.STRATEGIES, definitions(list(STRATEGIES.values())))
    rows = [
        replace(listing(f"SKU-{at}", asin="", strategy_id=strategy, price_minor=1200))
        for at in range(1, count + 1)
    ]
    assert not apply(engine, InputKind.LISTINGS, definitions(rows)).problems
    return engine


def seen(engine: Engine, offers: Offers, later_ms: int = 60_000, count: int = 1) -> None:
    """Offers of the first listings, after some time."""
    at_ms = max(engine.now_ms, START_MS) + later_ms
    rows = [(key(f"SKU-{at}"), offers) for at in range(1, count + 1)]
    batch = snapshots(*rows, event_ms=at_ms)
    if offers is NOBODY:
        batch.rows["buy_box_status"] = BuyBoxStatus.SUPPRESSED
    apply(engine, InputKind.REPRICE, batch, at_ms)


def told(engine: Engine) -> list[Change]:
    """What was told of single listings."""
    events = engine.state.guards.events.after(0, 100)
    found = [each for each in events if each.guard == Guard.MARKET]
    assert engine.state.guards.trips[Guard.MARKET] == len(found)
    changes = {f"SKU SKU-1: {words}; {ADVICE}": change for change, words in TOLD.items()}
    return [changes[each.message] for each in found]


CASES: list[tuple[str, str, list[Offers], list[Change]]] = [
    ("what was always so is no change", "cycle", [COMPETITOR, COMPETITOR], []),
    ("a competitor comes", "cycle", [ALONE, COMPETITOR], [Change.COMPETITOR]),
    ("to a fixed distance too", "match", [ALONE, COMPETITOR], [Change.COMPETITOR]),
    ("a competitor goes", "cycle", [COMPETITOR, ALONE], []),
    ("another one comes", "cycle", [BESIDE, COMPETITOR], []),
    ("Amazon comes", "cycle", [COMPETITOR, AMAZON], [Change.AMAZON]),
    ("Amazon is the first to come", "cycle", [ALONE, AMAZON], [Change.AMAZON]),
    ("Amazon was always there", "cycle", [AMAZON, AMAZON], []),
    ("nobody is featured any more", "cycle", [COMPETITOR, NOBODY], [Change.SUPPRESSED]),
    ("and stays so", "cycle", [COMPETITOR, NOBODY, NOBODY], [Change.SUPPRESSED]),
    ("PUSH loses to somebody", "push", [ALONE, ALONE, COMPETITOR], [Change.COMPETITOR]),
    ("PUSH wins beside somebody", "push", [ALONE, ALONE, BESIDE], [Change.COMPETITOR]),
    ("PUSH has never won", "push", [COMPETITOR, COMPETITOR, BESIDE], []),
    ("PUSH beside somebody from the start", "push", [BESIDE, BESIDE], []),
    ("FOLLOW knows no competitors", "follow", [ALONE, COMPETITOR], []),
]


@pytest.mark.parametrize(("strategy", "markets", "changes"), [each[1:] for each in CASES],
                         ids=[each[0] for each in CASES])  # fmt: skip
def test_changes(strategy: str, markets: list[Offers], changes: list[Change]) -> None:
    engine = started(strategy)
    for offers in markets:
        seen(engine, offers)
    assert told(engine) == changes


def test_a_listing_is_told_of_once_in_two_weeks() -> None:
    engine = started("match")
    for later_ms, count in ((60_000, 1), (13 * DAY_MS, 1), (DAY_MS + 60_000, 2)):
        seen(engine, ALONE, later_ms)
        seen(engine, COMPETITOR)
        assert len(told(engine)) == count


def test_many_are_told_of_together() -> None:
    engine = started("match", MANY)
    seen(engine, ALONE, count=MANY)
    seen(engine, COMPETITOR, count=MANY)
    (event,) = engine.state.guards.events.after(0, 100)
    assert event.message == f"of {MANY} listings: {TOLD[Change.COMPETITOR]}; {ADVICE}"
    assert (event.listing_id, event.seller_id, event.marketplace_id) == (0, "S1", "M1")
    assert engine.state.guards.trips[Guard.MARKET] == MANY


def test_who_was_told_of_is_stored_and_forgotten() -> None:
    engine = started("match", 2)
    seen(engine, ALONE, count=2)
    seen(engine, COMPETITOR, count=2)
    assert list(engine.state.guards.market_told_s) == [1, 2]
    again = load(dump(engine.state))
    assert again.guards.market_told_s == engine.state.guards.market_told_s
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [key("SKU-1")]))
    assert list(engine.state.guards.market_told_s) == [2]
    apply(engine, InputKind.ERASE, EraseBatch("", "S1"))
    assert engine.state.guards.market_told_s == {}
