"""What a seller can get wrong in a definition is refused with the name of the field, over gRPC."""

from __future__ import annotations

from typing import Any

import pytest

from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from tests.server.conftest import (
    MARKETPLACE,
    SELLER,
    Running,
    key,
    listing,
    now_ms,
    request_id,
    rival,
)

UP = {"amount_minor": 50}
STEP = {"units": 10, "delta": UP}
RULE = {"units": 3, "delta": UP}
PUSH = {"start_price_minor": 1000, "steps": [STEP]}
NIGHT = {
    "name": "night", "begin": "2026-01-01T22:00", "end": "2026-01-02T06:00",
    "repeat": "REPEAT_DAILY", "hold": {},
}  # fmt: skip
MINE = {"marketplace_id": MARKETPLACE, "sku": "MINE"}


def nights(*entries: dict[str, Any]) -> dict[str, Any]:
    """A strategy with a calendar."""
    return {
        "fixed": {"price_minor": 999},
        "schedule": {"time_zone": "Europe/Berlin", "calendar": entries},
    }


STRATEGIES: list[tuple[dict[str, Any], str]] = [
    (nights(NIGHT, NIGHT | {"name": "late", "begin": "2026-01-01T23:00"}),
     "schedule.calendar[1].priority"),
    (nights(NIGHT | {"end": NIGHT["begin"]}), "schedule.calendar[0].end"),
    (nights({each: NIGHT[each] for each in NIGHT if each != "hold"}),
     "schedule.calendar[0].action"),
    (nights({each: NIGHT[each] for each in NIGHT if each != "hold"} | {"strategy_id": "follower"}),
     "schedule.calendar[0].strategy_id"),
    ({"push": PUSH | {"steps": [STEP | {"units": 0}]}}, "push.steps[0].units"),
    ({"push": PUSH | {"steps": [STEP | {"delta": {"basis_points": 10_001}}]}},
     "push.steps[0].delta"),
    ({"push": PUSH | {"rules": [RULE], "period_ms": 0}}, "push.period_ms"),
    ({"push": PUSH | {"start_price_minor": 0}}, "push.start_price_minor"),
    ({"position": {"position": 0}}, "position.position"),
    ({"position": {"position": 1, "gap": {"basis_points": 10_000}}}, "position.gap"),
    ({"match": {"targets": [1], "offset_amazon": {"basis_points": -10_000}}}, "offset_amazon"),
    ({"buy_box": {"share_target_basis_points": 10_001}}, "buy_box.share_target_basis_points"),
    ({"fixed": {"price_minor": 999}, "limits": {"step_limit_basis_points": 80_001}},
     "limits.step_limit_basis_points"),
    ({"fixed": {"price_minor": 999}, "scenarios": {"alone": "ALONE_STANDALONE"}},
     "scenarios.standalone_price_minor"),
    ({"follow": {"sources": [MINE, MINE]}}, "follow.sources[1].sku"),
    ({"follow": {"sources": [{"marketplace_id": MARKETPLACE, "asin": "B0"}]}},
     "follow.sources[0].asin"),
    ({"follow": {"sources": [{"marketplace_id": MARKETPLACE, "sku": "DOLLARS"}]}},
     "follow.sources[0]"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(server: Running) -> Running:
    """A follower of listing MINE, another of ASIN B0FOLLOWED, a PUSH that begins at 10.00."""
    lowest = {"value": "FOLLOW_VALUE_LOWEST"}
    asin = {"marketplace_id": MARKETPLACE, "asin": "B0FOLLOWED"}
    for name, fields in (
        ("follower", {"follow": {"sources": [MINE]}}), ("push", {"push": PUSH}),
        ("by-asin", {"follow": {"sources": [asin]} | lowest}),
    ):  # fmt: skip
        assert strategy(server, name, fields) == []
    dollars = listing("DOLLARS", currency="USD")
    other = listing("OTHER", strategy_id="by-asin", price_minor=1200)
    assert not server.upsert(listing("MINE"), dollars, other).errors
    return server


def strategy(server: Running, name: str, fields: dict[str, Any]) -> list[str]:
    """Brings a strategy in; fields that are refused."""
    wanted = catalog_pb2.Strategy(seller_id=SELLER, strategy_id=name, currency="EUR", **fields)
    request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[wanted])
    return [each.field for each in server.catalog.BatchUpsertStrategies(request, timeout=10).errors]


@pytest.mark.parametrize(("fields", "field"), STRATEGIES, ids=[each for _, each in STRATEGIES])
def test_strategies(shop: Running, fields: dict[str, Any], field: str) -> None:
    assert strategy(shop, "wrong", fields) == [field]


def test_a_basket_that_refers_to_itself(shop: Running) -> None:
    (error,) = shop.upsert(listing("MINE", strategy_id="follower")).errors
    assert (error.field, error.reason) == ("strategy_id", "FOLLOW_CIRCLE")
    (error,) = shop.upsert(listing("NEW", asin="B0FOLLOWED", strategy_id="by-asin")).errors
    assert (error.field, error.reason) == ("strategy_id", "FOLLOW_CIRCLE")


BUSINESS = key("B")
BUSINESS.audience = types_pb2.AUDIENCE_B2B
TIERS = {"quantity": 5, "price_minor": 900}
LISTINGS: list[tuple[dict[str, Any], str]] = [
    ({"strategy_id": "push", "floor_minor": 1001, "ceiling_minor": 1500}, "strategy_id"),
    ({"floor_minor": 0}, "floor_minor"),
    ({"key": BUSINESS, "quantity_tiers": [TIERS, TIERS | {"quantity": 6}]},
     "quantity_tiers[1].price_minor"),
    ({"key": BUSINESS, "quantity_tiers": [TIERS, TIERS]},
     "quantity_tiers[1].quantity"),
    ({"promotions": [{"name": "sale", "begin_ms": 2, "end_ms": 2}]}, "promotions[0].end_ms"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), LISTINGS, ids=[each for _, each in LISTINGS])
def test_listings(shop: Running, fields: dict[str, Any], field: str) -> None:
    wanted = listing("WRONG", **{each: fields[each] for each in fields if each != "key"})
    wanted.key.CopyFrom(fields.get("key", wanted.key))
    (error,) = shop.upsert(wanted).errors
    assert error.field == field


FEES: list[tuple[dict[str, Any], str]] = [
    # The last tier or band has no end, the others have, and they rise.
    ({"referral_tiers": [{"up_to_minor": 1500, "rate_basis_points": 500}]}, "referral_tiers"),
    ({"referral_tiers": [{"rate_basis_points": 500}, {"rate_basis_points": 900}]},
     "referral_tiers"),
    ({"referral_tiers": [{"up_to_minor": 9}, {"up_to_minor": 9}, {}]}, "referral_tiers"),
    ({"fulfilment_bands": [{"up_to_minor": 1500, "fee_minor": 350}]}, "fulfilment_bands"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), FEES)
def test_fee_tables_with_gaps(shop: Running, fields: dict[str, Any], field: str) -> None:
    values = {"referral_tiers": [{"rate_basis_points": 1_500}]} | fields
    wanted = fees_pb2.FeeSchedule(
        seller_id=SELLER, fee_schedule_id="wrong", currency="EUR", **values
    )
    request = fees_pb2.BatchUpsertFeeSchedulesRequest(
        request_id=request_id(), fee_schedules=[wanted]
    )
    (error,) = shop.catalog.BatchUpsertFeeSchedules(request, timeout=10).errors
    assert error.field.startswith(field)


def test_an_asin_without_a_listing_is_followed(shop: Running) -> None:
    """Not a refusal: the row that would be one where nobody follows the ASIN."""
    named = types_pb2.AsinKey(
        seller_id=SELLER, marketplace_id=MARKETPLACE, asin="B0FOLLOWED",
        condition=types_pb2.CONDITION_NEW, audience=types_pb2.AUDIENCE_B2C,
    )  # fmt: skip
    offers: dict[str, Any] = {"currency": "EUR", "event_ms": now_ms(), "offers": [rival(1100)]}
    assert not shop.reprice(pricing_pb2.OfferSnapshot(asin=named, **offers)).errors
    shop.app.writer.read(lambda engine: engine.advance(now_ms(), 0, engine.catalog.count)).result()
    request = catalog_pb2.GetListingRequest(key=key("OTHER"))
    state = shop.catalog.GetListing(request, timeout=10).listing
    assert (state.price_minor, state.reason) == (1100, types_pb2.REASON_FOLLOW)
    named.asin = "B0NOBODY"
    (error,) = shop.reprice(pricing_pb2.OfferSnapshot(asin=named, **offers)).errors
    assert error.reason == "UNKNOWN_LISTING"
