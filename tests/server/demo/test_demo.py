"""The demo in small: the whole of it, and the parts that it plays with."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from click.testing import CliRunner

from engine.checks import check_definition
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.amazon import Refused, Translated, translate
from server.cli import main
from server.demo.catalogue import SHOPS, Item, listing, make_items, strategies
from server.demo.market import Marketplace, Stall
from server.demo.messages import lower_camel, messages_of, money
from server.demo.play import Play, checks, decisions_in
from server.demo.post import Post
from server.demo.show import Board
from server.wire import listing_definition, strategy_definition
from server.writer import wall_ms


def market(count: int = 50, seed: int = 1) -> Marketplace:
    chance = random.Random(seed)
    made = Marketplace(make_items(count, chance), chance)
    made.open()
    return made


def test_the_whole_demo() -> None:
    words = ["demo", "--listings", "200", "--seconds", "5", "--seed", "3"]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert "✗" not in told.stdout
    assert told.stdout.count("✓") == 7
    for part in (
        "imported 200 of 200 listings",
        "round 1: Buy Box",
        "Buy Box share: ",
        "PROBE_UP",
        "REPEATED",
        "listings a second",
        "repriced_ticks_total",
        "One listing explained:",
        "The price stays between",
    ):
        assert part in told.stdout


def test_a_price_outside_its_bounds_fails_the_demo() -> None:
    play = Play(20, 1, Board())
    metrics = {
        'repriced_decisions_total{reason="PROBE_UP",strategy="BUY_BOX"}': 1.0,
        'repriced_decisions_total{reason="MATCH",strategy="MATCH"}': 1.0,
        'repriced_guard_trips_total{guard="bounds"}': 0.0,
    }
    play.listing_at = {number + 1: number for number in range(20)}
    play.market.open()
    assert decisions_in(metrics) == 2
    item = play.market.items[0]
    for price in (item.floor_minor, item.ceiling_minor):
        play._decided.append(decision(price))
    play._submit_decisions()
    assert all(passed for _, passed in checks(play, 0.4, 0.5, metrics))
    play._decided.append(decision(item.ceiling_minor + 1))
    play._submit_decisions()
    failed = [text for text, passed in checks(play, 0.5, 0.5, metrics) if not passed]
    assert failed == ["the Buy Box share rose", "3 prices, none outside its bounds"]


def decision(price_minor: int) -> types_pb2.Decision:
    return types_pb2.Decision(
        decision_id=1, listing_id=1, price_minor=price_minor, reason=types_pb2.REASON_PROBE_UP
    )


def test_the_same_seed_is_the_same_market() -> None:
    def shape(made: Marketplace) -> list[tuple[str, int, int]]:
        return [(s.item.key.sku, s.live_minor, s.advantage_ppm) for s in made.stalls]

    assert shape(market(seed=5)) == shape(market(seed=5))
    assert shape(market(seed=5)) != shape(market(seed=6))


def test_the_catalogue_passes_the_engines_checks() -> None:
    items = make_items(500, random.Random(1))
    for item in items:
        check_definition(listing_definition(listing(item)))
        assert 0 < item.floor_minor <= item.price_minor <= item.ceiling_minor
    assert {item.currency for item in items} == {"EUR", "GBP", "USD", "JPY"}
    kinds = Counter(item.strategy_id for item in items)
    assert kinds.most_common(1)[0][0] == "win-and-raise"
    assert len(kinds) == 3
    assert len({item.asin for item in items}) == len({item.key.sku for item in items}) == 500


def test_every_shop_has_the_three_strategies() -> None:
    made = strategies()
    kinds = {(each.seller_id, each.WhichOneof("kind")) for each in made}
    assert kinds == {(shop[0], kind) for shop in SHOPS for kind in ("buy_box", "match", "fixed")}
    assert all(strategy_definition(each).currency for each in made)
    assert isinstance(made[0], catalog_pb2.Strategy)


def test_every_message_can_be_used_and_says_what_the_stall_is() -> None:
    made = market(300)
    chance = random.Random(2)
    kinds: Counter[str] = Counter()
    for number, stall in enumerate(made.stalls):
        for text in messages_of(stall, wall_ms(), number, chance):
            found = translate(text)
            assert isinstance(found, Translated), found
            kinds[found.notification_type] += 1
            if found.snapshot is not None:
                check_snapshot(stall, found.snapshot)
    assert kinds["ANY_OFFER_CHANGED"] == 300
    assert kinds["PRICING_HEALTH"] > 0


def check_snapshot(stall: Stall, snapshot: pricing_pb2.OfferSnapshot) -> None:
    item: Item = stall.item
    assert snapshot.currency == item.currency
    ours = [each for each in snapshot.offers if each.seller_id == item.key.seller_id]
    assert len(snapshot.offers) - len(ours) == len(stall.rivals)
    for own in ours:
        assert own.item_price_minor == stall.live_minor
        if own.HasField("buy_box_winner"):
            assert own.buy_box_winner == stall.winning


def test_the_buy_box_is_sticky() -> None:
    stall = market().stalls[0]
    stall.winning, stall.advantage_ppm, stall.stickiness_ppm = False, 10_000, 20_000
    lowest = 10_000
    for rival in stall.rivals:
        rival.price_minor = lowest
    outcomes = []
    for price in (10_200, 10_100, 10_300, 10_301, 10_101):
        stall.live_minor = price
        stall.judge()
        outcomes.append(stall.winning)
    assert outcomes == [False, True, True, False, False]


def test_answers_are_late_lost_rejected_and_repeated() -> None:
    made = market(500)
    for at in range(500):
        made.submit(at, at + 1, made.items[at].ceiling_minor)
    rounds = [made.turn(wall_ms()) for _ in range(4)]
    told = Counter(each.decision_id for answers in rounds for each in answers)
    assert sum(bool(answers) for answers in rounds) > 1
    assert 400 < len(told) < 500
    assert max(told.values()) == 2
    kinds = {each.kind for answers in rounds for each in answers}
    assert kinds == {pricing_pb2.FEEDBACK_KIND_EFFECTIVE, pricing_pb2.FEEDBACK_KIND_REJECTED}


def test_only_the_newest_decision_of_a_listing_goes_live() -> None:
    made = market()
    item = made.items[0]
    for decision_id in range(1, 200):
        made.submit(0, decision_id, item.floor_minor + decision_id % 7)
    answers = [each for _ in range(4) for each in made.turn(wall_ms())]
    assert {each.decision_id for each in answers} <= {199}


def test_the_post_loses_delays_repeats_and_cuts_short() -> None:
    post, sent = Post(random.Random(1)), [b"%08d" % number for number in range(20_000)]
    first = post.deliver(sent)
    second = post.deliver([])
    told = Counter(first)
    assert first[:100] != sent[:100]
    assert any(count > 1 for count in told.values())
    assert any(len(each) < 8 for each in first)
    assert second
    assert not set(second) & set(first)
    assert len(set(sent) - set(first) - set(second)) > 0
    assert post.deliver([]) == []


@pytest.mark.parametrize(
    ("currency", "minor", "text"), [("EUR", 1205, b"12.05"), ("JPY", 1205, b"1205")]
)
def test_amounts_are_written_exactly(currency: str, minor: int, text: bytes) -> None:
    assert bytes(money(minor, currency)["Amount"]) == text


def test_lower_camel_keeps_values() -> None:
    body = {"ASIN": "B0", "OfferList": [{"IsBuyBoxWinner": True, "Words": ["New"]}]}
    assert lower_camel(body) == {
        "asin": "B0",
        "offerList": [{"isBuyBoxWinner": True, "words": ["New"]}],
    }


def test_a_cut_short_message_is_refused_with_a_reason() -> None:
    text = messages_of(market().stalls[0], wall_ms(), 1, random.Random(1))[0]
    found = translate(text[: len(text) // 2])
    assert isinstance(found, Refused)
    assert found.reason == "BROKEN_JSON"
