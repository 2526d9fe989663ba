"""PricingService and CatalogService over real gRPC."""

from __future__ import annotations

import time

import grpc
import pytest

from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from tests.server.conftest import (
    MARKETPLACE,
    SELLER,
    Running,
    key,
    listing,
    now_ms,
    request_id,
    rival,
    run,
    snapshot,
)


def test_a_listing_undercuts_its_rival(server: Running) -> None:
    made = server.upsert(listing("UNDER"))
    assert made.upserted[0].created
    assert made.upserted[0].listing_id > 0
    answer = server.reprice(snapshot("UNDER", rival(1149)))
    (decision,) = answer.decisions
    assert decision.price_minor == 1148
    assert decision.reason == types_pb2.REASON_SEEK_OFFSET
    assert decision.index == 0
    assert decision.currency == "EUR"
    assert decision.valid_until_ms > decision.decided_ms
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_ALWAYS


def test_the_floor_holds_against_a_cheaper_rival(server: Running) -> None:
    server.upsert(listing("FLOOR"))
    (decision,) = server.reprice(snapshot("FLOOR", rival(100))).decisions
    assert decision.price_minor == 800


def test_the_cycle_wins_holds_and_explains(server: Running) -> None:
    server.upsert(listing("CYCLE", fulfilment=types_pb2.FULFILMENT_AMAZON))
    event = now_ms() - 60_000
    (decision,) = server.reprice(snapshot("CYCLE", rival(1000), event_ms=event)).decisions
    ours = types_pb2.Offer(seller_id=SELLER, item_price_minor=999, buy_box_winner=True)
    for step in range(1, 4):
        lost = rival(1000, buy_box_winner=False)
        seen = snapshot("CYCLE", lost, ours, event_ms=event + step)
        assert not server.reprice(seen).decisions
    told = server.pricing.ExplainPrice(pricing_pb2.ExplainPriceRequest(key=key("CYCLE")))
    assert told.listing.state == types_pb2.CYCLE_STATE_HOLDING
    assert told.last_decision.decision_id == decision.decision_id
    assert [each.role for each in told.offers] == [
        pricing_pb2.OFFER_ROLE_REFERENCE,
        pricing_pb2.OFFER_ROLE_OWN,
    ]
    assert told.take.low_price_minor == 999
    assert told.draw_count == told.win_count == 3
    text = " ".join(told.sentences)
    assert "9.99 EUR" in text
    assert "between 8.00 EUR and 15.00 EUR" in text


def test_feedback_by_decision_makes_a_price_live(server: Running) -> None:
    server.upsert(listing("LIVE"))
    (decision,) = server.reprice(snapshot("LIVE", rival(1000))).decisions
    row = pricing_pb2.Feedback(
        key=key("LIVE"),
        kind=pricing_pb2.FEEDBACK_KIND_EFFECTIVE,
        event_ms=now_ms(),
        decision_id=decision.decision_id,
    )
    for applied in (1, 0):
        request = pricing_pb2.ReportFeedbackRequest(request_id=request_id(), feedback=[row])
        answer = server.pricing.ReportFeedback(request)
        assert (answer.applied_count, answer.ignored_count) == (applied, 1 - applied)
    state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("LIVE"))).listing
    assert state.live_price_minor == state.price_minor == 999


def test_strategies_apply_and_follow_their_edits(server: Running) -> None:
    def put(price: int) -> None:
        fixed = catalog_pb2.FixedStrategy(price_minor=price)
        strategy = catalog_pb2.Strategy(
            seller_id=SELLER, strategy_id="flat", currency="EUR", fixed=fixed
        )
        server.catalog.BatchUpsertStrategies(
            catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
        )

    put(1111)
    made = server.upsert(listing("FLAT", strategy_id="flat"))
    assert [each.price_minor for each in made.decisions] == [1111]
    put(99_999)
    state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("FLAT"))).listing
    assert state.price_minor == 1500
    other = catalog_pb2.Strategy(
        seller_id=SELLER, strategy_id="flat", currency="EUR", buy_box=catalog_pb2.BuyBoxStrategy()
    )
    refused = server.catalog.BatchUpsertStrategies(
        catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[other])
    )
    assert [each.reason for each in refused.errors] == ["STRATEGY_KIND_CHANGED"]
    listed = server.catalog.ListStrategies(catalog_pb2.ListStrategiesRequest(seller_id=SELLER))
    assert listed.strategies[0].fixed.price_minor == 99_999


def test_new_bounds_clamp_at_once(server: Running) -> None:
    server.upsert(listing("BOUNDS", price_minor=1400))
    made = server.upsert(listing("BOUNDS", ceiling_minor=1200))
    assert [(each.price_minor, each.reason) for each in made.decisions] == [
        (1200, types_pb2.REASON_BOUNDS)
    ]
    assert made.decisions[0].bounds_version == 2


def test_pause_stock_and_resume(server: Running) -> None:
    server.upsert(listing("PAUSE"))
    ref = catalog_pb2.ListingRef(key=key("PAUSE"))
    pause = pricing_pb2.PauseRepricingRequest(request_id=request_id(), listings=[ref])
    assert server.pricing.PauseRepricing(pause).paused_count == 1
    assert not server.reprice(snapshot("PAUSE", rival(1000))).decisions
    level = pricing_pb2.StockLevel(key=key("PAUSE"), event_ms=now_ms(), quantity=0)
    stock = pricing_pb2.ReportStockRequest(request_id=request_id(), levels=[level])
    assert server.pricing.ReportStock(stock).applied_count == 1
    resume = pricing_pb2.ResumeRepricingRequest(request_id=request_id(), listings=[ref])
    server.pricing.ResumeRepricing(resume)
    state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("PAUSE"))).listing
    assert list(state.pause_causes) == [types_pb2.PAUSE_CAUSE_OUT_OF_STOCK]
    level.quantity = 3
    server.pricing.ReportStock(
        pricing_pb2.ReportStockRequest(request_id=request_id(), levels=[level])
    )
    assert len(server.reprice(snapshot("PAUSE", rival(1000))).decisions) == 1


def test_evaluate_changes_nothing(server: Running) -> None:
    server.upsert(listing("WHATIF"))
    request = pricing_pb2.EvaluatePriceRequest(snapshots=[snapshot("WHATIF", rival(1000))])
    for _ in range(2):
        (price,) = server.pricing.EvaluatePrice(request).prices
        assert price.changed
        assert price.price_minor == 999
    state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("WHATIF"))).listing
    assert state.price_minor == 0
    assert state.reason == types_pb2.REASON_NEW


def test_a_deleted_listing_is_unknown_and_its_id_is_not_used_again(server: Running) -> None:
    first = server.upsert(listing("GONE")).upserted[0].listing_id
    ref = catalog_pb2.ListingRef(listing_id=first)
    request = catalog_pb2.BatchDeleteListingsRequest(request_id=request_id(), listings=[ref, ref])
    answer = server.catalog.BatchDeleteListings(request)
    assert answer.deleted_count >= 1
    assert server.reprice(snapshot("GONE", rival(1000))).errors[0].reason == "UNKNOWN_LISTING"
    assert server.upsert(listing("GONE")).upserted[0].listing_id > first


def test_pages_reach_every_listing(server: Running) -> None:
    server.upsert(*(listing(f"PAGE{number}") for number in range(7)))
    seen, token = set(), ""
    while True:
        request = catalog_pb2.ListListingsRequest(seller_id=SELLER, page_size=3, page_token=token)
        page = server.catalog.ListListings(request)
        seen.update(each.listing.key.sku for each in page.listings)
        token = page.next_page_token
        if not token:
            break
    assert {f"PAGE{number}" for number in range(7)} <= seen
    sellers = server.catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers
    assert SELLER in {each.seller_id for each in sellers}


def test_sister_accounts_do_not_compete(server: Running) -> None:
    pair = [
        catalog_pb2.Seller(seller_id=name, account_group="family")
        for name in ("A3SISTER", "A3BROTHER")
    ]
    server.catalog.BatchUpsertSellers(
        catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=pair)
    )
    mine = types_pb2.ListingKey(seller_id="A3SISTER", marketplace_id=MARKETPLACE, sku="FAM")
    server.upsert(
        catalog_pb2.Listing(key=mine, currency="EUR", floor_minor=800, ceiling_minor=1500)
    )
    brother = types_pb2.Offer(seller_id="A3BROTHER", item_price_minor=900)
    seen = snapshot("FAM", brother, rival(1200), key=mine)
    assert [each.price_minor for each in server.reprice(seen).decisions] == [1199]


def test_a_stream_answers_in_order(server: Running) -> None:
    server.upsert(listing("STREAM"))
    prices = (1300, 1000, 1200)
    base = now_ms() - 1_000

    def requests():
        for step, price in enumerate(prices):
            seen = snapshot("STREAM", rival(price), event_ms=base + step)
            inner = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[seen])
            yield pricing_pb2.StreamRepriceRequest(request=inner)

    answers = [each.response for each in server.pricing.StreamReprice(requests())]
    assert [each.decisions[0].reference_price_minor for each in answers] == list(prices)
    assert answers[0].sequence < answers[1].sequence < answers[2].sequence


def test_watching_resumes_after_a_decision(server: Running) -> None:
    server.upsert(listing("WATCH"))
    base = now_ms() - 1_000
    made = []
    for step, price in enumerate((1300, 1000)):
        seen = snapshot("WATCH", rival(price), event_ms=base + step)
        made.append(server.reprice(seen).decisions[0].decision_id)
    request = pricing_pb2.WatchDecisionsRequest(after_decision_id=made[0])
    stream = server.pricing.WatchDecisions(request, timeout=5)
    first = next(stream).decisions[0]
    stream.cancel()
    assert first.decision_id == made[0] + 1
    assert first.key.sku == "WATCH"
    ahead = pricing_pb2.WatchDecisionsRequest(after_decision_id=made[1] + 10_000)
    with pytest.raises(grpc.RpcError) as refused:
        next(server.pricing.WatchDecisions(ahead, timeout=5))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_timers_decide_by_themselves() -> None:
    for server in run():
        buy_box = catalog_pb2.BuyBoxStrategy(hold_ms=1_000, min_samples=1)
        strategy = catalog_pb2.Strategy(
            seller_id=SELLER, strategy_id="fast", currency="EUR", buy_box=buy_box
        )
        server.catalog.BatchUpsertStrategies(
            catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
        )
        server.upsert(listing("TIMER", strategy_id="fast", price_minor=900))
        ours = types_pb2.Offer(seller_id=SELLER, item_price_minor=900, buy_box_winner=True)
        assert not server.reprice(snapshot("TIMER", rival(1000), ours)).decisions
        watch = pricing_pb2.WatchDecisionsRequest(after_decision_id=0)
        decision = next(server.pricing.WatchDecisions(watch, timeout=20)).decisions[0]
        assert decision.reason == types_pb2.REASON_PROBE_UP
        assert decision.price_minor > 900
        assert not decision.HasField("index")


def test_a_repeat_gets_the_first_answer(server: Running) -> None:
    server.upsert(listing("TWICE"))
    request = pricing_pb2.RepriceRequest(
        request_id=request_id(), snapshots=[snapshot("TWICE", rival(1000))]
    )
    first = server.pricing.Reprice(request)
    time.sleep(0.01)
    assert server.pricing.Reprice(request) == first
    request.snapshots[0].offers[0].item_price_minor = 1001
    with pytest.raises(grpc.RpcError) as refused:
        server.pricing.Reprice(request)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
