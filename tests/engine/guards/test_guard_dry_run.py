"""Dry run: decisions are made, numbered and shown; nothing goes out, prices stay what is live."""

from __future__ import annotations

from market.guarded import HOUR_MS, MINUTE_MS, World, follow
from market.shard import apply, definitions

from engine.columns import SellerDefinition
from engine.explain_guards import guard_sentences
from engine.guards import EventKind, Guard
from engine.schema import DecisionStatus, InputKind, Reason

A = "SKU-A"


def world() -> World:
    market = World(follow())
    market.seller(dry_run=True)
    market.listings(A)
    return market


def test_a_decision_is_shown_and_not_sent() -> None:
    market = world()
    result = market.offers({A: 900})
    assert len(result.decisions) == 0
    (shown,) = result.set_aside
    assert (shown["price_minor"], shown["status"]) == (900, DecisionStatus.DRY_RUN)
    assert shown["decision_id"] == market.log()[-1]["decision_id"] == 1
    assert market.price(A) == 1000
    assert market.row(A)["reason"] == Reason.DRY_RUN
    assert market.engine.catalog.records["decision_id"][market.id(A)] == 0
    assert any("dry run: at" in each for each in guard_sentences(market.engine.state, market.id(A)))


def test_it_goes_on_from_what_is_live() -> None:
    """Somebody else sets the prices meanwhile; each decision starts from what he set."""
    market = world()
    shown = []
    for live in (1000, 950, 940):
        market.now_ms += HOUR_MS
        shown += market.offers({A: 900}, own={A: live}).set_aside["previous_minor"].tolist()
        assert market.price(A) == market.row(A)["live_price_minor"] == live
    assert shown == [1000], "the same proposal is shown once"
    market.now_ms += HOUR_MS
    assert market.offers({A: 930}, own={A: 940}).set_aside["previous_minor"].tolist() == [940]


def test_new_bounds_are_in_force_and_the_price_stays() -> None:
    market = world()
    result = market.listings(A, floor_minor=1200)
    assert result.set_aside["price_minor"].tolist() == [1200]
    assert (market.row(A)["floor_minor"], market.price(A)) == (1200, 1000)
    before = len(market.log())
    market.seller(dry_run=False)
    assert market.log()[before:]["price_minor"].tolist() == [1200], "into the bounds at once"
    assert market.price(A) == 1200


def test_a_price_that_bounds_left_behind_is_not_sent_again_and_is_no_fault() -> None:
    market = World()
    market.listings(A, strategy_id="", price_minor=0)
    market.offers({A: 1000})
    market.seller(dry_run=True)
    market.listings(A, strategy_id="", price_minor=0, floor_minor=1400)
    for _ in range(5):
        market.advance(HOUR_MS)
    assert market.price(A) < 1400
    assert not market.events(Guard.BOUNDS)
    assert market.engine.state.guards.trips[Guard.BOUNDS] == 0


def test_timers_show_and_do_not_send() -> None:
    market = World()
    market.listings(A, strategy_id="", price_minor=0)
    market.offers({A: 1000})
    market.seller(dry_run=True)
    before = len(market.log())
    for _ in range(10):
        market.advance(HOUR_MS)
    log = market.log()[before:]
    assert set(log["status"]) == {DecisionStatus.DRY_RUN}
    assert len(log) == 1, "the same re-emission is shown once"


def test_its_end_drops_what_was_shown() -> None:
    market = world()
    market.offers({A: 900})
    market.seller(dry_run=False)
    assert not market.engine.state.guards.proposals.by_listing
    market.now_ms += MINUTE_MS
    assert market.offers({A: 900}).decisions["price_minor"].tolist() == [900]
    kinds = [each.kind for each in market.events(Guard.DRY_RUN)]
    assert kinds == [EventKind.TRIPPED, EventKind.RELEASED]


def test_a_seller_defined_without_a_word_of_it_stays_as_he_is() -> None:
    market = world()
    silent = definitions([SellerDefinition("S1", "group")])
    apply(market.engine, InputKind.SELLERS, silent, market.now_ms)
    assert len(market.offers({A: 900}).set_aside) == 1
    assert market.engine.catalog.sellers[0] == SellerDefinition("S1", "group", True)


def test_other_sellers_go_on_and_no_breaker_counts_it() -> None:
    market = world()
    skus = [f"SKU-{at}" for at in range(30)]
    market.listings(*skus, floor_minor=100)
    market.listings(A, seller="S2")
    assert len(market.offers({A: 900}, seller="S2").decisions) == 1
    assert len(market.offers(dict.fromkeys(skus, 200)).set_aside) == 30
    assert not market.events(Guard.BREAKER)
