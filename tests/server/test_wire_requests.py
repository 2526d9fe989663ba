"""Requests that are unusable as a whole: each has its own error, and arbitrary bytes get one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_requests import KEY, REQUEST_ID, feedback, reprice, snapshot

from engine.errors import InputError
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2
from server.wire import WireCodec, WireLimits

CODEC = WireCodec()
REFS = [catalog_pb2.ListingRef(key=KEY)]
REQUESTS: dict[InputKind, tuple[Any, str, list[Any]]] = {
    InputKind.REPRICE: (pricing_pb2.RepriceRequest, "snapshots", [snapshot()]),
    InputKind.FEEDBACK: (pricing_pb2.ReportFeedbackRequest, "feedback", [feedback()]),
    InputKind.STOCK: (
        pricing_pb2.ReportStockRequest,
        "levels",
        [pricing_pb2.StockLevel(key=KEY, event_ms=5, quantity=0)],
    ),
    InputKind.SALES: (
        pricing_pb2.ReportSalesRequest,
        "sales",
        [pricing_pb2.SoldUnits(key=KEY, hour_ms=0, units=1)],
    ),
    InputKind.SELLERS: (catalog_pb2.BatchUpsertSellersRequest, "sellers", [catalog_pb2.Seller()]),
    InputKind.STRATEGIES: (
        catalog_pb2.BatchUpsertStrategiesRequest,
        "strategies",
        [catalog_pb2.Strategy()],
    ),
    InputKind.LISTINGS: (
        catalog_pb2.BatchUpsertListingsRequest,
        "listings",
        [catalog_pb2.Listing()],
    ),
    InputKind.FEE_SCHEDULES: (
        fees_pb2.BatchUpsertFeeSchedulesRequest,
        "fee_schedules",
        [fees_pb2.FeeSchedule()],
    ),
    InputKind.FEE_PREVIEWS: (
        fees_pb2.ReportFeePreviewsRequest,
        "previews",
        [fees_pb2.FeePreview(key=KEY)],
    ),
    InputKind.EXCHANGE_RATES: (
        fees_pb2.BatchUpsertExchangeRatesRequest,
        "exchange_rates",
        [fees_pb2.ExchangeRate()],
    ),
    InputKind.DELETE: (catalog_pb2.BatchDeleteListingsRequest, "listings", REFS),
    InputKind.PAUSE: (pricing_pb2.PauseRepricingRequest, "listings", REFS),
    InputKind.RESUME: (pricing_pb2.ResumeRepricingRequest, "listings", REFS),
    InputKind.STOP: (pricing_pb2.StopRepricingRequest, "listings", REFS),
    InputKind.RESTART: (pricing_pb2.RestartRepricingRequest, "listings", REFS),
    InputKind.RELEASE: (pricing_pb2.ReleaseHeldRequest, "hold_ids", [7]),
    InputKind.DISCARD: (pricing_pb2.DiscardHeldRequest, "hold_ids", [7]),
}
KINDS = list(REQUESTS)


def request(kind: InputKind, count: int = 1, request_id: str = REQUEST_ID) -> bytes:
    message_type, field, rows = REQUESTS[kind]
    message = message_type(request_id=request_id, **{field: rows * count})
    return bytes(message.SerializeToString())


def error_of(codec: WireCodec, kind: InputKind, payload: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        codec.decode(kind, payload)
    return caught.value


def test_every_kind_of_a_request_is_here() -> None:
    assert set(REQUESTS) == set(InputKind) - {
        InputKind.ADVANCE,
        InputKind.CONFIG,
        InputKind.ERASE,
        InputKind.RESTORE,
        InputKind.REPRICE_PART,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_good_requests_are_taken(kind: InputKind) -> None:
    batch = CODEC.decode(kind, request(kind, count=3))
    assert batch.request_id == REQUEST_ID
    assert batch.row_count == 3
    assert batch.problems == []


@pytest.mark.parametrize("kind", KINDS)
def test_broken_bytes(kind: InputKind) -> None:
    error = error_of(CODEC, kind, request(kind)[:-1])
    assert error.reason == "MALFORMED_REQUEST"
    assert REQUESTS[kind][0].DESCRIPTOR.full_name in error.message


def test_text_that_is_not_utf_8() -> None:
    payload = request(InputKind.REPRICE).replace(b"mug-blue", b"mug-\xff\xfe\xfd\xfc")
    assert error_of(CODEC, InputKind.REPRICE, payload).reason == "MALFORMED_REQUEST"


@pytest.mark.parametrize("kind", KINDS)
def test_empty_batch(kind: InputKind) -> None:
    error = error_of(CODEC, kind, request(kind, count=0))
    assert (error.reason, error.field) == ("EMPTY_BATCH", REQUESTS[kind][1])


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_rows(kind: InputKind) -> None:
    codec = WireCodec(WireLimits(max_rows_per_call=3, max_definitions_per_call=3))
    assert codec.decode(kind, request(kind, count=3)).row_count == 3
    error = error_of(codec, kind, request(kind, count=4))
    assert (error.reason, error.field) == ("TOO_MANY_ROWS", REQUESTS[kind][1])
    assert "4 rows" in error.message
    assert "at most 3" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_bytes(kind: InputKind) -> None:
    payload = request(kind)
    codec = WireCodec(WireLimits(max_request_bytes=len(payload) - 1))
    error = error_of(codec, kind, payload)
    assert error.reason == "REQUEST_TOO_LARGE"
    assert f"{len(payload)} bytes" in error.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("request_id", "reason"),
    [
        ("", "REQUEST_ID_MISSING"),
        ("order-77", "REQUEST_ID_INVALID"),
        (REQUEST_ID + "\n", "REQUEST_ID_INVALID"),
        ("{" + REQUEST_ID + "}", "REQUEST_ID_INVALID"),
        (REQUEST_ID.replace("-", ""), "REQUEST_ID_INVALID"),
        ("x" * 1_000, "REQUEST_ID_INVALID"),
    ],
)
def test_request_ids(kind: InputKind, request_id: str, reason: str) -> None:
    error = error_of(CODEC, kind, request(kind, request_id=request_id))
    assert (error.reason, error.field) == (reason, "request_id")
    assert len(error.message) < 250


def test_restore_is_no_batch() -> None:
    message = pricing_pb2.RestorePricesRequest(
        request_id=REQUEST_ID, seller_id="S", marketplace_id="M", at_ms=5
    )
    batch = CODEC.decode(InputKind.RESTORE, message.SerializeToString())
    assert (batch.seller_id, batch.marketplace_id, batch.at_ms) == ("S", "M", 5)
    message.request_id = "7"
    error = error_of(CODEC, InputKind.RESTORE, message.SerializeToString())
    assert error.reason == "REQUEST_ID_INVALID"


def test_everything_or_sellers_can_be_stopped_without_listings() -> None:
    for named in ({"everything": True}, {"seller_ids": ["S"]}):
        message = pricing_pb2.StopRepricingRequest(request_id=REQUEST_ID, **named)
        batch = CODEC.decode(InputKind.STOP, message.SerializeToString())
        assert (batch.everything, batch.sellers, batch.addresses) == (
            "everything" in named, named.get("seller_ids", []), [],
        )  # fmt: skip


def test_holds_are_named_in_one_way() -> None:
    message = pricing_pb2.ReleaseHeldRequest(request_id=REQUEST_ID, hold_ids=[1], seller_id="S")
    error = error_of(CODEC, InputKind.RELEASE, message.SerializeToString())
    assert error.reason == "HOLDS_UNCLEAR"


def test_upper_case_is_the_same_request_id() -> None:
    payload = reprice(snapshot(), request_id=REQUEST_ID.upper())
    assert CODEC.decode(InputKind.REPRICE, payload).request_id == REQUEST_ID


def test_evaluate_needs_no_request_id() -> None:
    message = pricing_pb2.EvaluatePriceRequest(snapshots=[snapshot(), snapshot(event_ms=-1)])
    batch = CODEC.decode_evaluate(message.SerializeToString())
    assert batch.request_id == ""
    assert batch.rows["index"].tolist() == [0]
    assert [problem.reason for problem in batch.problems] == ["EVENT_TIME_MISSING"]
    with pytest.raises(InputError, match="snapshots is empty"):
        CODEC.decode_evaluate(b"")


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_read(kind: InputKind, payload: bytes) -> None:
    with suppress(InputError):
        CODEC.decode(kind, payload)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_spoilt_requests_are_refused_or_read(kind: InputKind, data: st.DataObject) -> None:
    payload = bytearray(request(kind, count=2))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(40, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        batch = CODEC.decode(kind, bytes(payload))
    except InputError:
        return
    assert all(0 <= problem.index < batch.row_count for problem in batch.problems)
