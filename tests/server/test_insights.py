"""Looks of a running server, and InsightsService on top of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from engine.insights.look import COUNTED, DAY_MS, LOOK_MS, Look
from repriced.v1 import (
    catalog_pb2,
    event_pb2,
    event_pb2_grpc,
    fees_pb2,
    insights_pb2,
    pricing_pb2,
    types_pb2,
)
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

HOUR_MS = 3_600_000
TODAY = now_ms() // DAY_MS
FEES = fees_pb2.FeeSchedule(
    seller_id=SELLER, fee_schedule_id="home", currency="EUR",
    referral_tiers=[fees_pb2.ReferralTier(rate_basis_points=1_500)],
    fulfilment_bands=[fees_pb2.FulfilmentBand(fee_minor=350)],
)  # fmt: skip
KNOWN_COST: dict[str, Any] = {
    "cost_minor": 800, "floor_minor": 1000, "ceiling_minor": 3000,
    "computed_bounds": fees_pb2.ComputedBounds(
        fee_schedule_id="home", vat_basis_points=1_900, goal=fees_pb2.ProfitGoal(amount_minor=0)
    ),
}  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """A server of its own, with a directory."""
    yield from run(directory=tmp_path)


def bring(server: Running, *listings: catalog_pb2.Listing) -> list[int]:
    """Brings listings in; their ids."""
    answer = server.upsert(*listings)
    assert not answer.errors
    return [each.listing_id for each in answer.upserted]


def with_fees(server: Running) -> None:
    made = fees_pb2.BatchUpsertFeeSchedulesRequest(request_id=request_id(), fee_schedules=[FEES])
    assert not server.catalog.BatchUpsertFeeSchedules(made).errors


def past(
    server: Running, listing_id: int, day: int, units: int | None, price: int = 0,
    strategy: str = "", **counts: int,
) -> None:  # fmt: skip
    """A whole day of looks, as it would have been kept."""
    priced = 96 if price else 0
    found = {"looks": 96, "priced": priced, "price_sum_minor": priced * price} | counts
    sold = [] if units is None else [(listing_id, day, units)]
    row = np.array([[found.get(each, 0) for each in COUNTED]])
    server.app.history.add(
        Look(np.array([listing_id]), row, [SELLER], [strategy], sold), day * DAY_MS
    )


def sell(server: Running, sku: str, units: int) -> None:
    """Reports units of the hour before this one."""
    hour = now_ms() // HOUR_MS * HOUR_MS
    sold = pricing_pb2.SoldUnits(key=key(sku), hour_ms=hour, units=units, source="orders")
    made = pricing_pb2.ReportSalesRequest(request_id=request_id(), sales=[sold])
    assert not server.pricing.ReportSales(made).errors


def profitability(server: Running, **fields: Any) -> list[Any]:
    """Rows of the answer."""
    values = {"seller_id": SELLER} | fields
    request = insights_pb2.QueryProfitabilityRequest(**values)
    return list(server.insights.QueryProfitability(request, timeout=10).rows)


def today(server: Running) -> Any:
    """Figures of today, of the seller's only row."""
    (row,) = profitability(server, begin_ms=TODAY * DAY_MS, end_ms=(TODAY + 1) * DAY_MS)
    return row.figures


def test_a_running_server_looks_and_counts(fresh: Running) -> None:
    bring(fresh, listing("WON", price_minor=1200))
    ours = types_pb2.Offer(seller_id=SELLER, item_price_minor=1200, buy_box_winner=True, sku="WON")
    fresh.reprice(snapshot("WON", ours, rival(1300, buy_box_winner=False)))
    sell(fresh, "WON", 3)
    begin = (TODAY * DAY_MS) + 5 * LOOK_MS
    for at in (begin, begin + LOOK_MS - 1, begin + LOOK_MS):
        fresh.app.looks.look(at)
    (day,) = fresh.app.history.days([1], TODAY, TODAY + 1)
    assert (day.counts.looks, day.counts.known, day.counts.ours) == (2, 2, 2), "one each quarter"
    assert (day.counts.price_sum_minor, day.counts.alone) == (2400, 0)
    found = today(fresh)
    assert (found.units, found.price_minor, found.revenue_minor) == (3, 1200, 3600)
    assert (found.buy_box_share_basis_points, found.coverage_basis_points) == (10_000, 208)
    assert not found.HasField("profit_minor")
    assert found.units_without_profit == 3
    sell(fresh, "WON", 1)
    fresh.app.looks.look(begin + 2 * LOOK_MS)
    assert today(fresh).units == 1, "an hour is replaced"


def test_looks_survive_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2):
        for server in run(directory=tmp_path):
            bring(server, listing("KEPT", price_minor=1200))
            server.app.looks.look(now_ms() + expected * LOOK_MS)
            day = (now_ms() + LOOK_MS) // DAY_MS
            days = server.app.history.days([1], day - 1, day + 2)
            assert sum(each.counts.looks for each in days) == expected


def test_profit_by_hand(fresh: Running) -> None:
    """At 20.38 a unit earns 2.56605; see tests/engine/insights/test_figures.py."""
    with_fees(fresh)
    known, unknown = bring(fresh, listing("KNOWN", **KNOWN_COST), listing("UNKNOWN"))
    (dollars,) = bring(fresh, listing("US", currency="USD"))
    for at, units in ((1, 10), (2, 20)):
        past(fresh, known, TODAY - at, units, 2038)
        past(fresh, unknown, TODAY - at, 1, 1000)
        past(fresh, dollars, TODAY - at, 1, 500)
    past(fresh, known, TODAY - 31, 99, 2038)
    past(fresh, known, TODAY, 99, 2038)
    euro, dollar = profitability(fresh)
    assert (euro.currency, euro.listing_count, euro.figures.units) == ("EUR", 2, 32)
    assert euro.figures.revenue_minor == 30 * 2038 + 2 * 1000
    assert euro.figures.profit_minor == 2_566 + 5_132
    assert euro.figures.units_without_profit == 2
    assert (dollar.currency, dollar.figures.revenue_minor) == ("USD", 1000)
    assert not dollar.figures.HasField("profit_minor")
    rows = profitability(fresh, grouping="PROFITABILITY_GROUPING_LISTING")
    assert [(each.key.sku, each.figures.units) for each in rows] == [
        ("KNOWN", 30), ("UNKNOWN", 2), ("US", 2),
    ]  # fmt: skip
    pages, token = [], ""
    while not pages or token:
        request = insights_pb2.QueryProfitabilityRequest(
            seller_id=SELLER, grouping="PROFITABILITY_GROUPING_LISTING", page_size=2,
            page_token=token,
        )  # fmt: skip
        answer = fresh.insights.QueryProfitability(request)
        pages.append([each.listing_id for each in answer.rows])
        token = answer.next_page_token
    assert pages == [[known, unknown], [dollars]]


def recommended(server: Running, **answers: Any) -> Any:
    request = insights_pb2.RecommendStrategyRequest(
        seller_id=SELLER, answers=insights_pb2.SellerAnswers(**answers)
    )
    return server.insights.RecommendStrategy(request, timeout=10)


def kinds(answer: Any) -> list[str]:
    return [each.strategy.WhichOneof("kind") for each in answer.groups]


def test_advice_for_a_newcomer_and_an_experienced_reseller(fresh: Running) -> None:
    """And what is recommended is taken as it is."""
    (alone,) = bring(fresh, listing("ALONE", price_minor=1200))
    past(fresh, alone, TODAY - 1, None, 1200, known=96, ours=96, alone=96)
    asked = recommended(fresh)
    assert [each.field for each in asked.questions] == ["own_brand"]
    assert kinds(asked) == ["buy_box"]
    brand = recommended(fresh, own_brand=True, months_selling=2, orders_per_month=20)
    assert (kinds(brand), brand.experienced, list(brand.questions)) == (["push"], False, [])
    (group,) = brand.groups
    assert (group.group, group.listing_count) == (f"{MARKETPLACE}/EUR/B2C/NEW/ALONE", 1)
    assert group.strategy.push.start_price_minor == 1200
    (advice,) = group.listings
    assert (advice.key.sku, advice.ceiling_minor, advice.start_price_minor) == ("ALONE", 1560, 1200)
    (rivals,) = bring(fresh, listing("RIVALS", price_minor=1200))
    past(fresh, rivals, TODAY - 1, None, 1200, known=96, ours=48)
    seasoned = recommended(fresh, own_brand=False, months_selling=60, orders_per_month=900)
    assert (kinds(seasoned), seasoned.experienced) == (["buy_box", "buy_box"], True)
    (brisk,) = bring(fresh, listing("BRISK", price_minor=1200))
    past(fresh, brisk, TODAY - 1, 9000, 1200, known=96, ours=96, alone=96)
    daily = recommended(fresh, own_brand=True, months_selling=60, orders_per_month=900)
    assert kinds(daily) == ["daily_push", "buy_box"]
    assert daily.groups[0].strategy.schedule.time_zone == "Europe/Berlin"
    wanted = [each.strategy for answer in (asked, brand, seasoned, daily) for each in answer.groups]
    for strategy in wanted:
        request = catalog_pb2.BatchUpsertStrategiesRequest(
            request_id=request_id(), strategies=[strategy]
        )
        assert not fresh.catalog.BatchUpsertStrategies(request).errors


def reviewed(server: Running, **fields: Any) -> Any:
    request = insights_pb2.ReviewTrialRequest(**({"seller_id": SELLER} | fields))
    return server.insights.ReviewTrial(request, timeout=10)


def on_trial(server: Running) -> str:
    """A listing that changed its strategy 15 days ago and earns more since; the review's id."""
    with_fees(server)
    strategy = catalog_pb2.Strategy(seller_id=SELLER, strategy_id="new", currency="EUR", fixed={})
    strategy.fixed.price_minor = 2100
    made = catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
    assert not server.catalog.BatchUpsertStrategies(made).errors
    (known,) = bring(server, listing("TRIAL", strategy_id="new", **KNOWN_COST))
    since = TODAY - 15
    for day in range(since - 14, since):
        past(server, known, day, 10, 2000, "", known=96, ours=24)
    for day in range(since, TODAY):
        past(server, known, day, 10, 2100, "new", known=96, ours=48)
    return f"TRIAL/{MARKETPLACE}/EUR/B2C/new/{since}"


def test_a_trial_by_hand(fresh: Running) -> None:
    """2.30672 a unit at 20.00, 2.99705 at 21.00, each day rounded down."""
    review_id = on_trial(fresh)
    (group,) = reviewed(fresh).groups
    assert (group.review_id, group.listing_count) == (review_id, 1)
    assert group.since_ms == (TODAY - 15) * DAY_MS
    before, after = group.before, group.after
    assert (before.begin_ms, before.end_ms) == ((TODAY - 29) * DAY_MS, (TODAY - 15) * DAY_MS)
    assert (after.begin_ms, after.end_ms) == ((TODAY - 14) * DAY_MS, TODAY * DAY_MS)
    assert (before.profit_minor, after.profit_minor) == (14 * 2_306, 14 * 2_997)
    assert (before.revenue_minor, after.revenue_minor) == (280_000, 294_000)
    shares = [each.buy_box_share_basis_points for each in (before, after)]
    assert shares == [2_500, 5_000]
    assert [each.coverage_basis_points for each in (before, after)] == [10_000, 10_000]
    (proposal,) = group.proposals
    assert proposal.change == insights_pb2.PROPOSED_CHANGE_KEEP
    assert proposal.why == "Profit went from 322.84 EUR to 419.58 EUR."
    (quarter,) = reviewed(fresh, kind="REVIEW_KIND_QUARTER").groups
    assert quarter.proposals[0].change == insights_pb2.PROPOSED_CHANGE_WAIT


def test_a_review_that_is_due_is_told_once_and_survives_restarts(tmp_path: Path) -> None:
    def watch(server: Running, **fields: Any) -> Any:
        events = event_pb2_grpc.EventServiceStub(server.channel)
        return events.WatchEvents(event_pb2.WatchEventsRequest(**fields), timeout=10)

    at = TODAY * DAY_MS + LOOK_MS
    for server in run(directory=tmp_path):
        on_trial(server)
        server.app.looks.look(at)
        message = next(watch(server, after_notice_id=0, after_event_id=0))
        (event,) = [each for each in message.events if each.review_notice]
        assert event.review_notice == event_pb2.REVIEW_NOTICE_TRIAL_DUE
        assert (event.seller_id, event.notice_id) == (SELLER, message.notice_cursor)
        assert event.message.startswith("1 listing has had strategy 'new' for two weeks now")
    for server in run(directory=tmp_path):
        server.app.looks.look(at + LOOK_MS)
        message = next(watch(server, after_notice_id=0, seller_id=SELLER))
        assert list(message.events) == [event]
        with pytest.raises(grpc.RpcError) as refused:
            next(watch(server, after_notice_id=2))
        assert "after_notice_id is 2; allowed: up to 1" in (refused.value.details() or "")


def test_an_answer_is_kept_once(fresh: Running) -> None:
    review_id = on_trial(fresh)
    given = insights_pb2.ReviewAnswer(
        review_id=review_id, change="PROPOSED_CHANGE_KEEP", answer="ANSWER_ACCEPTED", note="gladly"
    )
    first, since = request_id(), now_ms()
    answer = reviewed(fresh, request_id=first, answers=[given])
    assert reviewed(fresh, request_id=first, answers=[given]) == answer
    (kept,) = reviewed(fresh).timeline
    assert (kept.review_id, kept.change, kept.answer, kept.note, kept.why) == (
        review_id, given.change, given.answer, "gladly",
        "Profit went from 322.84 EUR to 419.58 EUR.",
    )  # fmt: skip
    assert since <= kept.at_ms <= now_ms()
    with pytest.raises(grpc.RpcError) as refused:
        reviewed(fresh, request_id=first, answers=[given, given])
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    reviewed(fresh, request_id=request_id(), answers=[given])
    assert len(reviewed(fresh).timeline) == 2


ANSWER: dict[str, Any] = {"change": "PROPOSED_CHANGE_KEEP", "answer": "ANSWER_LATER"}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("RecommendStrategy", {"answers": {"months_selling": 1201}}, "answers.months_selling is 1201"),
    ("ReviewTrial", {"kind": 9}, "kind is 9"),
    ("ReviewTrial", {"answers": [ANSWER], "request_id": "no"}, "request_id is 'no'"),
    ("ReviewTrial", {"answers": [ANSWER]}, "request_id is missing"),
    ("ReviewTrial", {"answers": [ANSWER | {"review_id": "x"}]}, "answers[0].review_id is 'x'"),
    ("ReviewTrial", {"answers": [ANSWER] * 101}, "answers has 101 entries; allowed: at most 100"),
    ("ReviewTrial", {"answers": [ANSWER | {"change": 0}]}, "answers[0].change is 0"),
    ("ReviewTrial", {"answers": [ANSWER | {"answer": 9}]}, "answers[0].answer is 9"),
    ("ReviewTrial", {"answers": [ANSWER | {"note": "x" * 1001}]}, "note is '1001 characters'"),
    ("QueryProfitability", {"begin_ms": 1, "end_ms": DAY_MS}, "begin_ms and end_ms are 1 and"),
    ("QueryProfitability", {"begin_ms": DAY_MS, "end_ms": DAY_MS}, "begin_ms and end_ms are"),
    ("QueryProfitability", {"begin_ms": DAY_MS, "end_ms": 202 * DAY_MS}, "at most 200 days"),
    ("QueryProfitability", {"grouping": 9}, "grouping is 9; allowed: STRATEGY"),
    ("QueryProfitability", {"page_size": 1001}, "page_size is 1001"),
    ("QueryProfitability", {"page_token": "x"}, "page_token is 'x'"),
]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """A server with a trial, and the trial's id."""
    for server in run(directory=tmp_path_factory.mktemp("tried")):
        yield server, on_trial(server)


@pytest.mark.parametrize(("method", "fields", "words"), BAD)
def test_bad_requests(
    tried: tuple[Running, str], method: str, fields: dict[str, Any], words: str
) -> None:
    server, review_id = tried
    values: dict[str, Any] = {"seller_id": SELLER} | fields
    if "answers" in fields and method == "ReviewTrial":
        values["answers"] = [{"review_id": review_id} | each for each in fields["answers"]]
        if "missing" not in words:
            values.setdefault("request_id", request_id())
    request = getattr(insights_pb2, f"{method}Request")(**values)
    with pytest.raises(grpc.RpcError) as refused:
        getattr(server.insights, method)(request, timeout=10)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in refused.value.details()
    assert not reviewed(server).timeline


def test_nothing_outlives_a_server_without_a_directory() -> None:
    for server in run():
        bring(server, listing("MEMORY", price_minor=1200))
        server.app.looks.look(now_ms())
        assert today(server).price_minor == 1200


def test_advice_and_evaluation_move_nothing(tried: tuple[Running, str]) -> None:
    """What EvaluatePrice says is what Reprice then does."""
    server, _ = tried
    bring(server, listing("WHAT-IF", price_minor=1400))
    engine = server.app.engine
    seen = snapshot("WHAT-IF", rival(1000))
    before = engine.catalog.rows.tobytes(), engine.decisions.last_id, engine.journal.last_sequence
    (price,) = server.pricing.EvaluatePrice(
        pricing_pb2.EvaluatePriceRequest(snapshots=[seen])
    ).prices
    recommended(server)
    reviewed(server)
    profitability(server)
    after = engine.catalog.rows.tobytes(), engine.decisions.last_id, engine.journal.last_sequence
    assert (before, price.changed) == (after, True)
    (decision,) = server.reprice(seen).decisions
    assert (decision.price_minor, decision.reason) == (price.price_minor, price.reason)


def test_the_thread_looks_by_itself(fresh: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a quarter of an hour that is half a second long."""
    monkeypatch.setattr("server.history.LOOK_MS", 500)
    fresh.app.looks.stop()
    again = type(fresh.app.looks)(fresh.app.writer, fresh.app.history)
    again.start()
    bring(fresh, listing("BY-ITSELF", price_minor=1200))
    deadline = time.monotonic() + 60
    while not fresh.app.history.seen(SELLER) and time.monotonic() < deadline:
        time.sleep(0.05)
    again.stop()
    assert list(fresh.app.history.seen(SELLER)) == [1]
