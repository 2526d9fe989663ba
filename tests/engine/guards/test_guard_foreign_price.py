"""A live price that moved without a decision of ours is told, once for each move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market.listing import START_MS
from market.shard import apply, definitions, key, listing, new_engine, own_offer, rival, snapshots

from engine.columns import SellerDefinition
from engine.guards import Guard
from engine.pipeline import Engine
from engine.schema import InputKind, MatchTarget, StrategyKind
from engine.strategies import StrategyDefinition

MATCH = StrategyDefinition(
    "S1", "match", "EUR", StrategyKind.MATCH, targets=(MatchTarget.LOWEST,), changes_per_hour=120
)


def started(**given: Any) -> Engine:
    engine = new_engine()
    apply(engine, InputKind.STRATEGIES, definitions([MATCH]))
    rows = definitions([replace(listing(strategy_id="match", price_minor=1400), **given)])
    apply(engine, InputKind.LISTINGS, rows)
    seen(engine, 1300, 1400)
    return engine


def seen(engine: Engine, competitor: int, own: int) -> None:
    """Offers that show our live price."""
    at_ms = engine.now_ms + 1000 if engine.now_ms else START_MS
    batch = snapshots((key(), [rival(competitor), own_offer(own)]), event_ms=at_ms)
    apply(engine, InputKind.REPRICE, batch, at_ms)


def told(engine: Engine) -> list[str]:
    events = engine.state.guards.events.after(0, 100)
    return [each.message for each in events if each.guard == Guard.FOREIGN_PRICE]


@pytest.mark.parametrize(
    ("live", "tells"),
    [
        # What we decided, and what was live before it, are ours.
        ((1300,), 0), ((1400, 1300), 0), ((1300, 1400), 0),
        ((1250,), 1), ((1300, 1111), 1), ((1111, 1111), 1), ((1111, 1300), 1), ((1111, 1222), 2),
    ],
)  # fmt: skip
def test_moves(live: tuple[int, ...], tells: int) -> None:
    engine = started()
    for own in live:
        seen(engine, 1300, own)
    assert len(told(engine)) == tells
    assert engine.state.guards.trips[Guard.FOREIGN_PRICE] == tells


def test_words() -> None:
    engine = started()
    seen(engine, 1300, 1111)
    (message,) = told(engine)
    assert message == (
        "SKU SKU-1: the live price moved from 14.00 EUR to 11.11 EUR without a decision of ours"
    )


def test_a_dry_run_tells_nothing() -> None:
    engine = started()
    rows = definitions([SellerDefinition("S1", dry_run=True)])
    apply(engine, InputKind.SELLERS, rows)
    seen(engine, 1300, 1111)
    assert told(engine) == []


def test_a_flood_is_told_as_a_number() -> None:
    engine = new_engine()
    apply(engine, InputKind.STRATEGIES, definitions([MATCH]))
    skus = [f"SKU-{at}" for at in range(20)]
    rows = definitions(
        [listing(sku=sku, asin=sku, strategy_id="match", price_minor=1400) for sku in skus]
    )
    apply(engine, InputKind.LISTINGS, rows)
    for own, at_ms in ((1400, START_MS), (1111, START_MS + 1000)):
        shown = [(key(sku), [rival(1300), own_offer(own)]) for sku in skus]
        apply(engine, InputKind.REPRICE, snapshots(*shown, event_ms=at_ms), at_ms)
    messages = told(engine)
    assert [each.partition(":")[0] for each in messages[:-1]] == [f"SKU {sku}" for sku in skus[:8]]
    assert messages[-1] == "the live prices of 12 more listings moved without a decision of ours"
    assert engine.state.guards.trips[Guard.FOREIGN_PRICE] == 20
