"""The guards over gRPC: stop, held things, restore, dry run, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from repriced.v1 import catalog_pb2, event_pb2, event_pb2_grpc, pricing_pb2, types_pb2
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
)
from tests.server.conftest import snapshot as offers_of

MATCH = catalog_pb2.Strategy(
    seller_id=SELLER, strategy_id="match", currency="EUR",
    match=catalog_pb2.MatchStrategy(targets=[catalog_pb2.MATCH_TARGET_LOWEST]),
    limits=catalog_pb2.Limits(changes_per_hour=120),
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Running]:
    for running in run():
        running.catalog.BatchUpsertStrategies(
            catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[MATCH])
        )
        yield running


def known(server: Running, *skus: str, **fields: Any) -> catalog_pb2.BatchUpsertListingsResponse:
    """Listings that follow the lowest offer, live at 12 EUR."""
    values = {"strategy_id": "match", "price_minor": 1200} | fields
    return server.upsert(*(listing(sku, **values) for sku in skus))


def ask(server: Running, call: str, **fields: Any) -> Any:
    """One of the calls of people, by its name."""
    request = getattr(pricing_pb2, f"{call}Request")(request_id=request_id(), **fields)
    return getattr(server.pricing, call)(request, timeout=10)


def held(server: Running) -> list[pricing_pb2.Hold]:
    request = pricing_pb2.ListHeldRequest(seller_id=SELLER)
    return list(server.pricing.ListHeld(request, timeout=10).holds)


def explained(server: Running, sku: str) -> str:
    request = pricing_pb2.ExplainPriceRequest(key=key(sku))
    return "\n".join(server.pricing.ExplainPrice(request, timeout=10).sentences)


def state_of(server: Running, sku: str) -> catalog_pb2.ListingState:
    request = catalog_pb2.GetListingRequest(key=key(sku))
    return server.catalog.GetListing(request, timeout=10).listing


def watched(server: Running, count: int) -> list[pricing_pb2.WatchDecisionsResponse]:
    """Messages of the stream from the beginning, until they hold so many things."""
    stream = server.pricing.WatchDecisions(
        pricing_pb2.WatchDecisionsRequest(after_decision_id=0), timeout=10
    )
    found, messages = 0, []
    while found < count:
        message = next(stream)
        messages.append(message)
        found += len(message.decisions) + len(message.set_aside) + len(message.withdrawals)
    stream.cancel()
    return messages


def test_stop_and_restart(server: Running) -> None:
    known(server, "A")
    first = server.reprice(offers_of("A", rival(1100)))
    assert first.decisions[0].status == types_pb2.DECISION_STATUS_EMITTED
    assert ask(server, "StopRepricing", seller_ids=[SELLER]).stopped_count == 1
    answer = server.reprice(offers_of("A", rival(1000)))
    assert not answer.decisions
    assert [each.reason for each in answer.errors] == ["REPRICING_STOPPED"]
    state = state_of(server, "A")
    assert state.stopped
    assert state.last_decision_withdrawn
    assert state.last_decision_id == first.decisions[0].decision_id
    assert "Repricing of this seller is stopped" in explained(server, "A")
    assert "was taken back" in explained(server, "A")
    (message,) = watched(server, 2)
    assert message.withdrawals[0].decision_id == first.decisions[0].decision_id
    assert message.withdrawals[0].reason == types_pb2.REASON_STOPPED
    assert message.withdrawals[0].key.sku == "A"
    assert ask(server, "RestartRepricing", seller_ids=[SELLER]).restarted_count == 1
    assert server.reprice(offers_of("A", rival(1000))).decisions[0].price_minor == 1000


def test_a_repeated_stop_gets_the_first_answer(server: Running) -> None:
    known(server, "A")
    request = pricing_pb2.StopRepricingRequest(request_id=request_id(), everything=True)
    answers = [server.pricing.StopRepricing(request, timeout=10) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].stopped_count == 1


def test_held_bounds(server: Running) -> None:
    known(server, "A")
    answer = known(server, "A", floor_minor=80)
    assert [each.reason for each in answer.warnings] == ["BOUNDS_HELD"]
    assert state_of(server, "A").listing.floor_minor == 800
    (hold,) = held(server)
    assert (hold.kind, hold.floor_minor, hold.key.sku) == (pricing_pb2.HOLD_KIND_BOUNDS, 80, "A")
    assert (hold.seller_id, hold.marketplace_id) == (SELLER, MARKETPLACE)
    assert f"hold {hold.hold_id}" in explained(server, "A")
    assert ask(server, "ReleaseHeld", hold_ids=[hold.hold_id]).released_count == 1
    assert state_of(server, "A").listing.floor_minor == 80
    errors = ask(server, "DiscardHeld", hold_ids=[hold.hold_id]).errors
    assert [each.reason for each in errors] == ["UNKNOWN_HOLD"]


def test_a_crash_is_held_listed_in_pages_and_released(server: Running) -> None:
    skus = [f"SKU-{at}" for at in range(30)]
    known(server, *skus, floor_minor=100)
    answer = server.reprice(*(offers_of(sku, rival(300)) for sku in skus))
    assert not answer.decisions
    assert {each.status for each in answer.set_aside} == {types_pb2.DECISION_STATUS_HELD}
    assert len(answer.set_aside) == 30
    assert "it is held" in explained(server, "SKU-3")
    assert state_of(server, "SKU-3").set_aside.price_minor == 300
    request = pricing_pb2.ListHeldRequest(page_size=10)
    sizes, kinds = [], set()
    while True:
        page = server.pricing.ListHeld(request, timeout=10)
        sizes.append(len(page.holds))
        kinds |= {each.kind for each in page.holds}
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert sizes == [10, 10, 10, 1]
    assert kinds == {pricing_pb2.HOLD_KIND_BREAKER, pricing_pb2.HOLD_KIND_DECISION}
    released = ask(server, "ReleaseHeld", seller_id=SELLER, marketplace_id=MARKETPLACE)
    assert released.released_count == 31
    assert {each.price_minor for each in released.decisions} == {300}
    messages = watched(server, 60)
    assert sum(len(each.set_aside) for each in messages) == 30
    assert sum(len(each.decisions) for each in messages) == 30


def test_restore(server: Running) -> None:
    known(server, "A")
    then = now_ms()
    server.reprice(offers_of("A", rival(900)))
    feedback = pricing_pb2.Feedback(
        key=key("A"), kind=pricing_pb2.FEEDBACK_KIND_EFFECTIVE, price_minor=900, currency="EUR",
        event_ms=now_ms() + 1000,
    )  # fmt: skip
    server.pricing.ReportFeedback(
        pricing_pb2.ReportFeedbackRequest(request_id=request_id(), feedback=[feedback])
    )
    assert state_of(server, "A").live_price_minor == 900
    answer = ask(server, "RestorePrices", seller_id=SELLER, at_ms=then)
    assert answer.restored_count == 1
    assert answer.decisions[0].price_minor == 1200
    assert answer.decisions[0].reason == types_pb2.REASON_RESTORED
    assert list(state_of(server, "A").pause_causes) == [types_pb2.PAUSE_CAUSE_USER]
    errors = ask(server, "RestorePrices", seller_id=SELLER, at_ms=0).errors
    assert [each.reason for each in errors] == ["RESTORE_TIME_TOO_OLD"]


def test_dry_run(server: Running) -> None:
    seller = catalog_pb2.Seller(seller_id=SELLER, dry_run=True)
    server.catalog.BatchUpsertSellers(
        catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=[seller])
    )
    (told,) = server.catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers
    assert told == seller
    known(server, "A")
    answer = server.reprice(offers_of("A", rival(900)))
    assert not answer.decisions
    assert answer.set_aside[0].status == types_pb2.DECISION_STATUS_DRY_RUN
    assert state_of(server, "A").price_minor == 1200
    assert "dry run" in explained(server, "A")


def test_events_from_a_cursor_on(server: Running) -> None:
    known(server, "A")
    events = event_pb2_grpc.EventServiceStub(server.channel)
    live = events.WatchEvents(event_pb2.WatchEventsRequest(after_event_id=0), timeout=10)
    ask(server, "StopRepricing", everything=True)
    known(server, "A", floor_minor=1)
    seen: list[event_pb2.Event] = []
    while len(seen) < 2:
        seen += next(live).events
    live.cancel()
    assert [each.guard for each in seen] == [event_pb2.GUARD_STOP, event_pb2.GUARD_PLAUSIBILITY]
    assert seen[1].hold_id == held(server)[0].hold_id
    again = events.WatchEvents(
        event_pb2.WatchEventsRequest(after_event_id=seen[0].event_id, seller_id=SELLER), timeout=10
    )
    assert next(again).events[0] == seen[1]
    again.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        next(events.WatchEvents(event_pb2.WatchEventsRequest(after_event_id=99), timeout=10))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_every_guard_has_a_metric(server: Running) -> None:
    known(server, "A")
    known(server, "A", floor_minor=1)
    text = server.app.metrics.registry
    value = text.get_sample_value("repriced_guard_trips_total", {"guard": "plausibility"})
    assert value == 1
    names = [name.lower() for name in event_pb2.Guard.keys()[1:]]
    for name in names:
        label = {"guard": name.removeprefix("guard_")}
        assert text.get_sample_value("repriced_guard_trips_total", label) is not None
