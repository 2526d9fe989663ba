"""FOLLOW where one call brings many rows: no circle comes in, and nothing is looked at twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from market.shard import apply, definitions, listing, new_engine, rival, snapshots
from test_follow_sources import EFFECTIVE, ELSEWHERE, FOLLOW, Story

from engine.schema import InputKind
from engine.strategies import FollowSource


def test_listings_of_one_call_follow_in_no_circle() -> None:
    engine = new_engine()
    for sku in "AB":
        source = replace(
            EFFECTIVE, strategy_id=f"of {sku}", follow_sources=(FollowSource("M1", sku),)
        )
        apply(engine, InputKind.STRATEGIES, definitions([source]))
    rows = [listing("A", asin="", strategy_id="of B"), listing("B", asin="", strategy_id="of A")]
    result = apply(engine, InputKind.LISTINGS, definitions(rows))
    assert [(each.index, each.reason) for each in result.problems] == [(1, "FOLLOW_CIRCLE")]


def test_many_listings_of_followed_asins_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = new_engine()
    for level in range(3):
        asins = [FollowSource("M1", "", asin=f"{level + 1}-{each}") for each in range(20)]
        chain = replace(FOLLOW, strategy_id=f"{level}", follow_sources=tuple(asins))
        apply(engine, InputKind.STRATEGIES, definitions([chain]))
    for level in (3, 2, 1):
        for each in range(20):
            sku, given = f"{level}-{each}", {"strategy_id": f"{level}" if level < 3 else ""}
            rows = [listing(f"{sku}-{at}", asin=sku, **given) for at in range(5)]
            assert not apply(engine, InputKind.LISTINGS, definitions(rows)).problems
    looked, find = [], engine.catalog.find
    monkeypatch.setattr(engine.catalog, "find", lambda *given: looked.append(given) or find(*given))
    last = listing("LAST", asin="LAST", strategy_id="0")
    assert not apply(engine, InputKind.LISTINGS, definitions([last])).problems
    assert len(looked) < 100


def test_of_many_rows_of_a_source_the_newest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    story, noted = Story(), []
    batch = snapshots(*[(ELSEWHERE, [rival(price)]) for price in (1_000, 1_100, 900, 950)])
    batch.rows["event_ms"] = story.now_ms + np.array([0, 20, 20, 10])
    note = story.engine.state.following.__class__.note
    monkeypatch.setattr(
        story.engine.state.following.__class__, "note",
        lambda *given: noted.append(given[1:]) or note(*given),
    )  # fmt: skip
    assert not apply(story.engine, InputKind.REPRICE, batch, story.now_ms + 1_000).problems
    assert [seen.minor for _, seen in noted] == [1_100]
