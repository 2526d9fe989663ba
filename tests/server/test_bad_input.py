"""Bad input over real gRPC: each its own error with the field's name, and the rest goes on."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from repriced.v1 import catalog_pb2, ingestion_pb2, pricing_pb2
from server.services.pages import page_token
from tests.server.conftest import (
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

MAX = 2**63 - 1
BAD_LISTINGS = [
    ({"floor_minor": None}, "floor_minor", "BOUND_MISSING"),
    ({"floor_minor": 0}, "floor_minor", "BOUND_NOT_POSITIVE"),
    ({"floor_minor": -5}, "floor_minor", "BOUND_NOT_POSITIVE"),
    ({"floor_minor": MAX}, "floor_minor", "BOUND_OUT_OF_RANGE"),
    ({"ceiling_minor": None}, "ceiling_minor", "BOUND_MISSING"),
    ({"ceiling_minor": 0}, "ceiling_minor", "BOUND_NOT_POSITIVE"),
    ({"currency": "EURO"}, "currency", "CURRENCY_UNKNOWN"),
    ({"strategy_id": "none-such"}, "strategy_id", "STRATEGY_UNKNOWN"),
    ({"shipping_minor": -1}, "shipping_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"price_minor": MAX}, "price_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"points_basis_points": 9_999}, "points_basis_points", "AMOUNT_OUT_OF_RANGE"),
    ({"key": key("")}, "key.sku", "SKU_MISSING"),
    ({"key": key("S" * 101)}, "key.sku", "SKU_TOO_LONG"),
    ({"condition": 99}, "condition", "CONDITION_INVALID"),
]
BAD_SNAPSHOTS: list[tuple[dict[str, Any], str, str]] = [
    ({"offers": [rival(-1)]}, "offers[0].item_price_minor", "PRICE_NOT_POSITIVE"),
    ({"offers": [rival(0)]}, "offers[0].item_price_minor", "PRICE_NOT_POSITIVE"),
    ({"offers": [rival(5), rival(MAX)]}, "offers[1].item_price_minor", "PRICE_OUT_OF_RANGE"),
    ({"currency": "XXQ"}, "currency", "CURRENCY_UNKNOWN"),
    ({"currency": ""}, "currency", "CURRENCY_MISSING"),
    ({"currency": "USD"}, "currency", "CURRENCY_MISMATCH"),
    ({"key": key("nobody")}, "listing", "UNKNOWN_LISTING"),
    ({"listing_id": 4_000_000_000, "key": None}, "listing", "UNKNOWN_LISTING"),
    ({"event_ms": 0}, "event_ms", "EVENT_TIME_MISSING"),
    ({"event_ms": now_ms() + 3_600_000}, "event_ms", "EVENT_IN_FUTURE"),
    ({"offers": [rival(5)] * 101}, "offers", "TOO_MANY_OFFERS"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), BAD_LISTINGS)
def test_a_bad_listing_is_refused_and_the_next_goes_on(
    server: Running, fields: dict[str, Any], field: str, reason: str
) -> None:
    wrong = listing("BADROW")
    for name, value in fields.items():
        wrong.ClearField(name)
        if name == "key":
            wrong.key.CopyFrom(value)
        elif value is not None:
            setattr(wrong, name, value)
    answer = server.upsert(wrong, listing("GOODROW"))
    (error,) = answer.errors
    assert (error.index, error.field, error.reason) == (0, field, reason)
    assert field.rsplit(".")[-1] in error.message
    assert [each.index for each in answer.upserted] == [1]


def test_a_floor_above_the_ceiling_wins_with_a_warning(server: Running) -> None:
    answer = server.upsert(listing("CROSSED", floor_minor=1200, ceiling_minor=1000))
    assert answer.warnings[0].reason == "FLOOR_ABOVE_CEILING"
    (decision,) = server.reprice(snapshot("CROSSED", rival(1100))).decisions
    assert decision.price_minor == 1200


@pytest.mark.parametrize(("fields", "field", "reason"), BAD_SNAPSHOTS)
def test_a_bad_snapshot_is_refused_and_the_next_goes_on(
    server: Running, fields: dict[str, Any], field: str, reason: str
) -> None:
    server.upsert(listing("SNAPBAD"), listing("SNAPGOOD"))
    values = {"offers": [rival(1000)], "key": key("SNAPBAD")} | fields
    offers = values.pop("offers")
    wrong = snapshot("SNAPBAD", *offers, **values)
    answer = server.reprice(wrong, snapshot("SNAPGOOD", rival(1000)))
    (error,) = answer.errors
    assert (error.index, error.field, error.reason) == (0, field, reason)
    assert answer.evaluated_count == 1


def refused(call: Any, request: Any) -> tuple[grpc.StatusCode, str, list[str]]:
    """Status code, ErrorInfo reason and violated fields of a refused call."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10)
    status = rpc_status.from_call(caught.value)
    assert status is not None, caught.value
    reason, names = "", []
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            message = kind()
            if detail.Unpack(message):
                if isinstance(message, error_details_pb2.ErrorInfo):
                    reason = message.reason
                else:
                    names = [each.field for each in message.field_violations]
    return caught.value.code(), reason, names


def test_an_empty_batch_is_refused(server: Running) -> None:
    request = pricing_pb2.RepriceRequest(request_id=request_id())
    assert refused(server.pricing.Reprice, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "EMPTY_BATCH",
        ["snapshots"],
    )
    empty = ingestion_pb2.IngestNotificationsRequest(request_id=request_id())
    assert refused(server.ingestion.IngestNotifications, empty)[1] == "EMPTY_BATCH"


def test_a_request_id_is_needed_and_a_uuid(server: Running) -> None:
    for text, reason in (("", "REQUEST_ID_MISSING"), ("seven", "REQUEST_ID_INVALID")):
        request = pricing_pb2.RepriceRequest(request_id=text, snapshots=[snapshot("ANY", rival(1))])
        assert refused(server.pricing.Reprice, request)[1:] == (reason, ["request_id"])
        message = ingestion_pb2.Notification(json=b"{}")
        door = ingestion_pb2.IngestNotificationsRequest(request_id=text, notifications=[message])
        assert refused(server.ingestion.IngestNotifications, door)[1] == reason


def test_a_page_token_is_checked(server: Running) -> None:
    request = catalog_pb2.ListListingsRequest(page_token="../etc")
    assert refused(server.catalog.ListListings, request)[1] == "PAGE_TOKEN_INVALID"
    request.page_token = page_token("listings of ", 2**64 - 1)
    assert refused(server.catalog.ListListings, request)[1] == "PAGE_TOKEN_INVALID"
    request = catalog_pb2.ListListingsRequest(page_size=5_000)
    assert refused(server.catalog.ListListings, request)[1] == "PAGE_SIZE_OUT_OF_RANGE"


def test_an_unknown_listing_is_not_found(server: Running) -> None:
    request = catalog_pb2.GetListingRequest(listing_id=4_000_000_000)
    code, reason, _ = refused(server.catalog.GetListing, request)
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_LISTING")
    explain = pricing_pb2.ExplainPriceRequest()
    assert refused(server.pricing.ExplainPrice, explain)[1] == "LISTING_MISSING"


def test_a_bad_strategy_is_refused_and_the_next_goes_on(server: Running) -> None:
    good = catalog_pb2.Strategy(
        seller_id=SELLER, strategy_id="fine", currency="EUR", buy_box=catalog_pb2.BuyBoxStrategy()
    )
    wrong = catalog_pb2.Strategy()
    wrong.CopyFrom(good)
    wrong.buy_box.min_samples = 8
    odd = catalog_pb2.Strategy()
    odd.CopyFrom(good)
    odd.filter.fulfilments.append(7)
    request = catalog_pb2.BatchUpsertStrategiesRequest(
        request_id=request_id(), strategies=[wrong, odd, good]
    )
    answer = server.catalog.BatchUpsertStrategies(request)
    assert [each.index for each in answer.errors] == [0, 1]
    assert answer.upserted_count == 1
    assert answer.errors[0].field == "min_samples"
    assert answer.errors[1].field == "filter.fulfilments"


def test_broken_wire_bytes_are_refused(server: Running) -> None:
    call = server.channel.unary_unary("/repriced.v1.PricingService/Reprice")
    assert refused(call, b"\xff\xff\xff\xff")[1] == "MALFORMED_REQUEST"


def test_limits_of_rows_and_bytes() -> None:
    limits = "[limits]\nmax_rows_per_call = 2\nmax_request_bytes = 4096"
    for server in run(limits):
        three = pricing_pb2.RepriceRequest(
            request_id=request_id(), snapshots=[snapshot("ANY", rival(1))] * 3
        )
        _code, reason, names = refused(server.pricing.Reprice, three)
        assert (reason, names) == ("TOO_MANY_ROWS", ["snapshots"])
        large = pricing_pb2.RepriceRequest(
            request_id=request_id(), snapshots=[snapshot("S" * 90, rival(1))] * 60
        )
        with pytest.raises(grpc.RpcError) as caught:
            server.pricing.Reprice(large)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        server.upsert(listing("STILL"))
