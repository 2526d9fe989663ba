"""Fee previews beside fee schedules: what is over 2 % off is told with both figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.schema import InputKind
from engine.state_columns import state_hash
from repriced.v1 import fees_pb2
from tests.server.test_computed_bounds import Book, listing, request_id, schedule


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path / "data")
    assert made.schedules(schedule()).upserted_count == 1
    assert not made.listings(listing(), listing("PLAIN", computed_bounds="")).errors
    return made


def preview(sku: str = "MUG", **fields: Any) -> fees_pb2.FeePreview:
    given: dict[str, Any] = {"currency": "EUR", "price_minor": 2_000, "key": listing(sku).key}
    return fees_pb2.FeePreview(**(given | fields))


def report(book: Book, *rows: fees_pb2.FeePreview) -> fees_pb2.ReportFeePreviewsResponse:
    request = fees_pb2.ReportFeePreviewsRequest(request_id=request_id(), previews=rows)
    answer = book._apply(InputKind.FEE_PREVIEWS, request)
    return fees_pb2.ReportFeePreviewsResponse.FromString(answer)


@pytest.mark.parametrize(
    ("fees", "told"),
    [
        ({"referral_fee_minor": 300, "fulfilment_fee_minor": 350}, ""),
        ({"referral_fee_minor": 306}, ""),
        ({"referral_fee_minor": 307}, "referral fee at 20.00 EUR is 3.00 EUR"),
        ({"referral_fee_minor": 294}, ""),
        ({"referral_fee_minor": 293}, "2.93 EUR by Amazon's preview"),
        ({"fulfilment_fee_minor": 357}, ""),
        ({"fulfilment_fee_minor": 358}, "fulfilment fee at 20.00 EUR is 3.50 EUR by fee schedule"),
        ({"fulfilment_fee_minor": 0}, "0.00 EUR by Amazon's preview"),
        ({"price_minor": 20, "referral_fee_minor": 4}, ""),
        ({"price_minor": 20, "referral_fee_minor": 5}, "is 0.03 EUR"),
    ],
)
def test_two_per_cent_and_a_cent_are_the_same(book: Book, fees: dict[str, int], told: str) -> None:
    state = book.shard.engine.state
    before = state_hash(state)
    answer = report(book, preview(**fees))
    assert (answer.checked_count, len(answer.errors)) == (1, 0)
    warnings = [(each.index, each.reason, told in each.message) for each in answer.warnings]
    assert warnings == ([(0, "FEES_DIFFER", True)] if told else [])
    assert book.events() == [f"SKU MUG: {each.message}" for each in answer.warnings]
    assert state_hash(state) == before


def test_the_referral_fee_is_of_the_gross_price(book: Book) -> None:
    book.listings(listing(shipping_minor=1_000))
    assert not report(book, preview(referral_fee_minor=450)).warnings
    assert report(book, preview(referral_fee_minor=300)).warnings


def test_many_differences_are_a_number(book: Book) -> None:
    answer = report(book, *(preview(referral_fee_minor=500) for _ in range(20)))
    assert len(answer.warnings) == 20
    events = book.events()
    assert len(events) == 9
    assert events[-1] == "the fee previews of 12 more listings differ from their fee schedules"


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (preview("NONE", referral_fee_minor=1), "listing", "UNKNOWN_LISTING"),
        (preview("PLAIN", referral_fee_minor=1), "listing", "NO_FEE_SCHEDULE"),
        (fees_pb2.FeePreview(), "listing", "LISTING_MISSING"),
        (preview(currency="USD", referral_fee_minor=1), "currency", "CURRENCY_INVALID"),
        (preview(price_minor=0, referral_fee_minor=1), "price_minor", "PRICE_INVALID"),
        (preview(), "referral_fee_minor", "FEE_MISSING"),
        (preview(referral_fee_minor=-1), "referral_fee_minor", "FEE_INVALID"),
        (preview(fulfilment_fee_minor=-1), "fulfilment_fee_minor", "FEE_INVALID"),
    ],
)
def test_a_bad_row_is_named_and_the_others_go_on(
    book: Book, row: fees_pb2.FeePreview, field: str, reason: str
) -> None:
    answer = report(book, row, preview(referral_fee_minor=300))
    assert [(each.index, each.field, each.reason) for each in answer.errors] == [(0, field, reason)]
    assert answer.checked_count == 1
