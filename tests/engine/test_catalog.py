"""Listings: every bad definition has its own answer, the others go on, ids stay for ever."""

from __future__ import annotations

from typing import Any

import pytest
from market.shard import apply, definitions, key, listing, new_engine

from engine.columns import ListingKey, RefBatch, SellerDefinition
from engine.schema import (
    MAX_PRICE_MINOR,
    MAX_SHARED_ASIN,
    Audience,
    InputKind,
    RowFlag,
    StrategyKind,
)
from engine.strategies import StrategyDefinition

LONG = "x" * 101
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"floor_minor": None}, "floor_minor", "BOUND_MISSING"),
    ({"floor_minor": 0}, "floor_minor", "BOUND_NOT_POSITIVE"),
    ({"floor_minor": -1}, "floor_minor", "BOUND_NOT_POSITIVE"),
    ({"floor_minor": MAX_PRICE_MINOR + 1}, "floor_minor", "BOUND_OUT_OF_RANGE"),
    ({"ceiling_minor": None}, "ceiling_minor", "BOUND_MISSING"),
    ({"ceiling_minor": 0}, "ceiling_minor", "BOUND_NOT_POSITIVE"),
    ({"ceiling_minor": 2**63 - 1}, "ceiling_minor", "BOUND_OUT_OF_RANGE"),
    ({"currency": "EURO"}, "currency", "CURRENCY_UNKNOWN"),
    ({"currency": ""}, "currency", "CURRENCY_UNKNOWN"),
    ({"price_minor": -1}, "price_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"price_minor": MAX_PRICE_MINOR + 1}, "price_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"shipping_minor": -1}, "shipping_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"points_minor": 10**9 + 1}, "points_minor", "AMOUNT_OUT_OF_RANGE"),
    ({"points_bp": 9001}, "points_basis_points", "AMOUNT_OUT_OF_RANGE"),
    ({"strategy_id": "nowhere"}, "strategy_id", "STRATEGY_UNKNOWN"),
    ({"strategy_id": "yen"}, "currency", "CURRENCY_MISMATCH"),
    ({"condition": 9}, "condition", "CONDITION_INVALID"),
    ({"fulfilment": 9}, "fulfilment", "FULFILMENT_INVALID"),
    ({"asin": LONG}, "asin", "ASIN_TOO_LONG"),
    ({"key": key("")}, "key.sku", "SKU_MISSING"),
    ({"key": key(LONG)}, "key.sku", "SKU_TOO_LONG"),
    ({"key": key(seller="")}, "key.seller_id", "SELLER_ID_MISSING"),
    ({"key": ListingKey("S1", "", "A", Audience.B2C)}, "key.marketplace_id",
     "MARKETPLACE_ID_MISSING"),
    ({"key": key(audience=0)}, "key.audience", "AUDIENCE_INVALID"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field", "reason"), BAD)
def test_a_bad_definition_is_refused_and_the_others_go_on(
    given: dict[str, Any], field: str, reason: str
) -> None:
    engine = new_engine()
    yen = StrategyDefinition("S1", "yen", "JPY", StrategyKind.BUY_BOX)
    apply(engine, InputKind.STRATEGIES, definitions([yen]))
    result = apply(engine, InputKind.LISTINGS, definitions([listing(**given), listing("B")]))
    (problem,) = result.problems
    assert (problem.index, problem.field, problem.reason) == (0, field, reason)
    assert field.rsplit(".", 1)[-1] in problem.message
    assert [index for index, _, _ in result.upserted] == [1]
    assert engine.catalog.count == 2
    assert engine.catalog.key_of(engine.catalog.id_of(key("B"))) == key("B")


def test_floor_above_ceiling_is_a_warning_and_the_floor_wins() -> None:
    engine = new_engine()
    result = apply(
        engine, InputKind.LISTINGS, definitions([listing(floor_minor=900, ceiling_minor=800,
                                                         price_minor=850)])
    )  # fmt: skip
    (warning,) = result.warnings
    assert (warning.field, warning.reason) == ("ceiling_minor", "FLOOR_ABOVE_CEILING")
    assert result.decisions["price_minor"].tolist() == [900]


def test_a_price_outside_new_bounds_is_clamped_in_the_same_input() -> None:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions([listing(price_minor=600)]))
    result = apply(engine, InputKind.LISTINGS, definitions([listing(floor_minor=700)]))
    assert result.decisions["price_minor"].tolist() == [700]
    assert result.decisions["bounds_version"].tolist() == [2]
    again = apply(engine, InputKind.LISTINGS, definitions([listing(floor_minor=700)]))
    assert len(again.decisions) == 0
    assert engine.catalog.records["bounds_version"][1] == 2


def test_an_asin_has_room_for_so_many_listings() -> None:
    """A row that names the ASIN stands for all of them, so that few rows could be millions."""
    engine = new_engine()
    full = [listing(f"A{at}", asin="B0FULL") for at in range(MAX_SHARED_ASIN)]
    assert not apply(engine, InputKind.LISTINGS, definitions(full)).problems
    more = [listing("B", asin="B0FULL"), listing("A0", asin="B0FULL"), listing("C", asin="B0C")]
    (problem,) = apply(engine, InputKind.LISTINGS, definitions(more)).problems
    assert (problem.index, problem.field, problem.reason) == (0, "asin", "ASIN_SHARED")
    moved = [listing("A0", asin="B0C"), listing("B", asin="B0FULL")]
    assert not apply(engine, InputKind.LISTINGS, definitions(moved)).problems


def test_the_currency_of_a_listing_stays() -> None:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions([listing()]))
    result = apply(engine, InputKind.LISTINGS, definitions([listing(currency="JPY")]))
    assert [each.reason for each in result.problems] == ["CURRENCY_INVALID"]


def test_the_currency_of_a_strategy_in_use_stays() -> None:
    engine = new_engine()
    strategy = StrategyDefinition("S1", "mine", "EUR", StrategyKind.BUY_BOX)
    apply(engine, InputKind.STRATEGIES, definitions([strategy]))
    apply(engine, InputKind.LISTINGS, definitions([listing(strategy_id="mine")]))
    yen = StrategyDefinition("S1", "mine", "JPY", StrategyKind.BUY_BOX)
    result = apply(engine, InputKind.STRATEGIES, definitions([yen]))
    assert [each.reason for each in result.problems] == ["CURRENCY_MISMATCH"]


def test_ids_are_never_used_again() -> None:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions([listing("A"), listing("B")]))
    apply(engine, InputKind.DELETE, RefBatch("", 1, [0], [key("A")]))
    result = apply(engine, InputKind.LISTINGS, definitions([listing("A")]))
    assert result.upserted == [(0, 3, True)]
    assert engine.catalog.find(1, None) == []
    assert not engine.catalog.rows[1]["flags"] & RowFlag.ACTIVE


def test_growth_keeps_rows_and_their_cache_lines() -> None:
    engine = new_engine()
    many = [listing(f"SKU-{at}", asin=f"ASIN-{at}", floor_minor=at + 1) for at in range(3000)]
    apply(engine, InputKind.LISTINGS, definitions(many))
    rows = engine.catalog.rows
    assert rows["floor_minor"][1:3001].tolist() == list(range(1, 3001))
    assert rows.ctypes.data % 64 == 0
    assert engine.catalog.key_of(3000) == key("SKU-2999")


@pytest.mark.parametrize(
    ("seller", "group", "reason"),
    [("", "", "SELLER_ID_MISSING"), (LONG, "", "SELLER_ID_TOO_LONG"),
     ("S1", LONG, "ACCOUNT_GROUP_TOO_LONG")],
)  # fmt: skip
def test_bad_sellers(seller: str, group: str, reason: str) -> None:
    batch = definitions([SellerDefinition(seller, group)])
    result = apply(new_engine(), InputKind.SELLERS, batch)
    assert [each.reason for each in result.problems] == [reason]
