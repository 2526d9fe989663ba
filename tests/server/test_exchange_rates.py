"""Costs in another currency: converted by a dated rate, refused without, recomputed with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.recovery import save
from engine.replay import Replayer
from engine.schema import InputKind
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2, fees_pb2
from server.wire import listing_state_message
from tests.server.conftest import Running, run
from tests.server.recovery.shards import apply, open_shard, same
from tests.server.test_computed_bounds import Book, computed, listing, request_id, schedule


def rate(**fields: Any) -> fees_pb2.ExchangeRate:
    given: dict[str, Any] = {
        "seller_id": "A1SHOP", "from_currency": "USD", "to_currency": "EUR",
        "rate_billionths": 800_000_000, "day": "2026-11-20",
    }  # fmt: skip
    return fees_pb2.ExchangeRate(**(given | fields))


def put(book: Book, *rates: fees_pb2.ExchangeRate) -> fees_pb2.BatchUpsertExchangeRatesResponse:
    request = fees_pb2.BatchUpsertExchangeRatesRequest(
        request_id=request_id(), exchange_rates=rates
    )
    answer = book._apply(InputKind.EXCHANGE_RATES, request)
    return fees_pb2.BatchUpsertExchangeRatesResponse.FromString(answer)


def dollars(**fields: Any) -> catalog_pb2.Listing:
    """10.00 USD are the 8.00 EUR of the worked example."""
    return listing(**({"cost_minor": 1_000, "cost_currency": "USD"} | fields))


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path / "data")
    assert made.schedules(schedule()).upserted_count == 1
    return made


def test_without_a_rate_it_is_refused(book: Book) -> None:
    (error,) = book.listings(dollars()).errors
    assert (error.field, error.reason) == ("cost_currency", "NO_EXCHANGE_RATE")
    assert "from USD to EUR" in error.message
    put(book, rate(to_currency="GBP"), rate(seller_id="A2OTHER"))
    assert book.listings(dollars()).errors


def test_bounds_follow_from_the_converted_cost(book: Book) -> None:
    assert put(book, rate()).upserted_count == 1
    assert not book.listings(dollars()).errors
    assert book.bounds() == (2_039, 3_000)
    state = book.shard.engine.state
    assert state.guards.cost_of(1) == 800
    shown = listing_state_message(state, 1).listing
    assert (shown.cost_minor, shown.cost_currency) == (1_000, "USD")
    assert not book.listings(shown).errors
    assert book.bounds() == (2_039, 3_000)


@pytest.mark.parametrize(
    ("currency", "billionths", "cost", "expected"),
    [
        ("JPY", 6_100_000, 1_312, 801),  # 8.0032 EUR, rounded up
        ("KWD", 3_000_000_000, 2_667, 801),  # 2.667 dinars are 8.001 EUR
        ("USD", 999_999_999, 800, 800),
        ("USD", 1, 1, 1),
    ],
)
def test_minor_units_are_converted_and_rounded_up(
    book: Book, currency: str, billionths: int, cost: int, expected: int
) -> None:
    put(book, rate(from_currency=currency, rate_billionths=billionths))
    given = listing(cost_minor=cost, cost_currency=currency, computed_bounds="", floor_minor=2_000)
    assert not book.listings(given).errors
    assert book.shard.engine.state.guards.cost_of(1) == expected


def test_a_new_rate_moves_cost_and_bounds_with_an_event_of_both(book: Book) -> None:
    put(book, rate())
    book.listings(dollars(), listing("EURO"))
    put(book, rate(rate_billionths=900_000_000, day="2026-11-21"))
    assert book.bounds() == (2_039, 3_000)
    book.advance()
    assert book.bounds() == (2_217, 3_000)
    assert book.bounds(2) == (2_039, 3_000)
    assert book.shard.engine.state.guards.cost_of(1) == 900
    assert book.events() == [
        "the exchange rate has changed: 1 USD is 0.9 EUR of 2026-11-21; the costs of 1 listings"
        " follow",
        "SKU MUG: computed bounds are 2217 to 3000, they were 2039 to 3000",
    ]
    put(book, rate(rate_billionths=900_000_000, day="2026-11-22"))
    assert not book.shard.engine.state.bounds.due


def test_a_rate_that_is_due_is_not_forgotten_by_an_upsert(book: Book) -> None:
    put(book, rate())
    book.listings(dollars())
    put(book, rate(rate_billionths=900_000_000))
    assert not book.listings(listing(cost_minor="")).errors
    assert book.bounds() == (2_217, 3_000)
    assert book.shard.engine.state.guards.cost_of(1) == 900


def test_a_cost_without_computed_bounds_follows_too(book: Book) -> None:
    put(book, rate())
    book.listings(dollars(computed_bounds=""))
    put(book, rate(rate_billionths=900_000_000))
    book.advance()
    assert book.shard.engine.state.guards.cost_of(1) == 900
    assert book.bounds() == (1_000, 3_000)


def test_a_proposal_follows_its_rate(book: Book) -> None:
    put(book, rate())
    unbound = dollars(propose_bounds=True, computed_bounds=computed(goal=None))
    for name in ("floor_minor", "ceiling_minor"):
        unbound.ClearField(name)
    assert not book.listings(unbound).errors
    assert book.bounds() == (1_898, 2_625)
    put(book, rate(rate_billionths=900_000_000))
    book.advance()
    found = book.shard.engine.state.bounds.proposed[1]
    assert book.bounds() == (found.floor_minor, found.ceiling_minor)
    assert found.floor_minor > 1_898


def test_another_cost_takes_the_place_of_the_foreign_one(book: Book) -> None:
    put(book, rate())
    book.listings(dollars())
    assert not book.listings(listing(cost_minor="")).errors
    assert book.shard.engine.state.bounds.rates.costs
    book.listings(listing(cost_minor=900))
    assert not book.shard.engine.state.bounds.rates.costs
    put(book, rate(rate_billionths=100_000_000))
    book.advance()
    assert book.shard.engine.state.guards.cost_of(1) == 900


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"seller_id": ""}, "seller_id"),
        ({"from_currency": "XXQ"}, "from_currency"),
        ({"to_currency": ""}, "to_currency"),
        ({"to_currency": "USD"}, "to_currency"),
        ({"rate_billionths": 0}, "rate_billionths"),
        ({"rate_billionths": 10**15 + 1}, "rate_billionths"),
        ({"day": ""}, "day"),
        ({"day": "20261120"}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "2026-11-19"}, "day"),
    ],
)
def test_a_bad_rate_is_refused_by_name(book: Book, fields: dict[str, Any], field: str) -> None:
    put(book, rate())
    answer = put(book, rate(**fields), rate(from_currency="GBP"))
    assert [(each.index, each.field) for each in answer.errors] == [(0, field)]
    assert answer.upserted_count == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cost_currency": "XXQ"}, "cost_currency"),
        ({"cost_minor": ""}, "cost_currency"),
        ({"cost_minor": -1}, "cost_minor"),
        ({"cost_minor": 10**12}, "cost_minor"),
    ],
)
def test_a_bad_cost_is_refused_by_name(book: Book, fields: dict[str, Any], field: str) -> None:
    put(book, rate(rate_billionths=2_000_000_000))
    (error,) = book.listings(dollars(**fields)).errors
    assert error.field == field


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_a_restart_finds_rates_and_costs(book: Book, with_snapshot: bool) -> None:
    put(book, rate())
    book.listings(dollars())
    put(book, rate(rate_billionths=900_000_000))
    engine = book.shard.engine
    if with_snapshot:
        engine.journal.commit()
        save(book.shard.storage, Replayer(engine), engine.journal.last_sequence)
    book.shard.stop()
    again = open_shard(book.path, book.now_ms)
    same(engine.state, again.engine.state)
    assert again.engine.state.bounds.rates == engine.state.bounds.rates
    before = state_hash(again.engine.state)
    again.engine.state.bounds.rates.costs.clear()
    assert state_hash(again.engine.state) != before
    again.stop()


def test_an_erased_seller_leaves_no_rate(book: Book) -> None:
    put(book, rate())
    book.listings(dollars())
    request = catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id="A1SHOP")
    apply(book.shard.engine, book.now_ms, (InputKind.ERASE, request.SerializeToString()))
    rates = book.shard.engine.state.bounds.rates
    assert (rates.pairs, rates.costs) == ({}, {})


def test_fees_that_leave_the_goal_flat_keep_the_bounds_and_say_so(book: Book) -> None:
    goal = fees_pb2.ProfitGoal(margin_basis_points=5_000)
    wanted = computed(vat_basis_points=0, goal=goal)
    row = listing(cost_minor=1, floor_minor=100, ceiling_minor=10**9, computed_bounds=wanted)
    book.schedules(schedule(0))
    assert not book.listings(row).errors
    before = book.bounds()
    half = fees_pb2.ReferralTier(rate_basis_points=5_000)
    book.schedules(schedule(0, referral_tiers=[half]))
    book.advance()
    assert book.bounds() == before
    assert "computed bounds stay as they were" in book.events()[-1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Running]:
    """A server with rates of two sellers."""
    for server in run(directory=tmp_path):
        made = [rate(from_currency=each) for each in ("USD", "GBP", "CNY")]
        request = fees_pb2.BatchUpsertExchangeRatesRequest(
            request_id=request_id(), exchange_rates=[*made, rate(seller_id="A2OTHER")]
        )
        assert server.catalog.BatchUpsertExchangeRates(request).upserted_count == 4
        yield server


def test_rates_are_listed_by_seller_and_page(served: Running) -> None:
    request = fees_pb2.ListExchangeRatesRequest(seller_id="A1SHOP", page_size=2)
    pages: list[list[str]] = []
    while not pages or request.page_token:
        answer = served.catalog.ListExchangeRates(request)
        pages.append([each.from_currency for each in answer.exchange_rates])
        request.page_token = answer.next_page_token
    assert pages == [["USD", "GBP"], ["CNY"]]
    every = served.catalog.ListExchangeRates(fees_pb2.ListExchangeRatesRequest())
    assert len(every.exchange_rates) == 4
    assert every.exchange_rates[0] == rate()


def test_rates_and_costs_are_exported(served: Running) -> None:
    assert not served.upsert(dollars(computed_bounds="")).errors
    request = catalog_pb2.ExportSellerRequest(seller_id="A1SHOP")
    held = list(served.catalog.ExportSeller(request))
    rates = [each.exchange_rate for each in held if each.HasField("exchange_rate")]
    assert [each.from_currency for each in rates] == ["USD", "GBP", "CNY"]
    (shown,) = [each.listing.listing for each in held if each.HasField("listing")]
    assert (shown.cost_minor, shown.cost_currency) == (1_000, "USD")


def test_a_seller_with_rates_alone_is_exported_and_erased(served: Running) -> None:
    request = catalog_pb2.ExportSellerRequest(seller_id="A2OTHER")
    assert [each.exchange_rate.seller_id for each in served.catalog.ExportSeller(request)] == [
        "A2OTHER"
    ]
    erase = catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id="A2OTHER")
    assert not served.catalog.EraseSeller(erase).errors
    every = served.catalog.ListExchangeRates(fees_pb2.ListExchangeRatesRequest())
    assert {each.seller_id for each in every.exchange_rates} == {"A1SHOP"}
