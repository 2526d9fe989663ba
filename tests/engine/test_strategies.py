"""Strategies compile into one record, or are refused with field, value and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR, Alone, BelowFloor, MatchTarget, OfferBit, StrategyKind
from engine.strategies import (
    DEFAULTS,
    Filter,
    Offset,
    StrategyDefinition,
    compile_strategy,
    seller_hash,
)
from engine.strategy_checks import LIMITS

PLAIN = StrategyDefinition("S1", "plain", "EUR", StrategyKind.BUY_BOX)
MATCH = replace(PLAIN, kind=StrategyKind.MATCH, targets=(MatchTarget.LOWEST,))
FIXED = replace(PLAIN, kind=StrategyKind.FIXED, fixed_minor=999)
POSITION = replace(PLAIN, kind=StrategyKind.POSITION, position=2)
MANY = tuple(str(each) for each in range(101))


def compiled(definition: StrategyDefinition) -> Any:
    return compile_strategy(definition, [])[0]


def test_defaults() -> None:
    record = compiled(PLAIN)
    assert record["step_minor"] == 1
    assert record["hold_s"] == 1800
    assert record["cooldown_s"] == 6 * 3600
    assert record["share_target_bp"] == 9000
    assert record["min_samples"] == 3
    assert record["reanchor_ppm"] == 5000
    assert record["max_handling_hours"] == 65_535
    assert record["step_limit_minor"] == record["step_limit_ppm"] == record["max_probe_ppm"] == 0
    assert record["respect_unfiltered_winner"] == 1
    assert record["offset_minor"].tolist() == [-1, -1, -1, -1]


def test_the_default_filter() -> None:
    forbidden = compiled(PLAIN)["forbidden_bits"]
    assert forbidden == (
        OfferBit.NOT_FEATURED | OfferBit.AVAILABLE_WITHOUT_DATE | OfferBit.AVAILABLE_WITH_DATE
    )


def test_the_default_offset_is_one_step_below() -> None:
    assert compiled(replace(PLAIN, step_minor=25))["offset_minor"].tolist() == [-25] * 4
    assert compiled(MATCH)["offset_minor"].tolist() == [0] * 4


def test_offsets_by_reference_class() -> None:
    offsets = (Offset(amount_minor=5), Offset(basis_points=-100), Offset(amount_minor=-7))
    record = compiled(replace(PLAIN, offsets=offsets))
    assert record["offset_minor"].tolist() == [0, 5, 0, -7]
    assert record["offset_ppm"].tolist() == [-10_000, 0, -10_000, 0]


def test_durations_round_up_to_seconds_and_rates_become_ppm() -> None:
    record = compiled(replace(PLAIN, hold_ms=1001, max_probe_bp=150, step_limit_bp=3))
    assert (record["hold_s"], record["max_probe_ppm"], record["step_limit_ppm"]) == (2, 15000, 300)


def test_seller_lists_share_one_sorted_pool() -> None:
    pool = [7]
    chosen = Filter(include_seller_ids=("B", "A", "A"), exclude_seller_ids=("C",))
    record = compile_strategy(replace(PLAIN, filter=chosen), pool)[0]
    begin, end = int(record["include_begin"]), int(record["include_end"])
    assert pool[begin:end] == sorted({seller_hash("A"), seller_hash("B")})
    assert pool[record["exclude_begin"] : record["exclude_end"]] == [seller_hash("C")]


REFUSED: list[tuple[StrategyDefinition, str, str]] = [
    (replace(PLAIN, strategy_id=""), "strategy_id", "STRATEGY_ID_INVALID"),
    (replace(PLAIN, strategy_id="x" * 101), "strategy_id", "STRATEGY_ID_INVALID"),
    (replace(PLAIN, kind=0), "kind", "STRATEGY_KIND_MISSING"),
    (replace(PLAIN, kind=9), "kind", "STRATEGY_KIND_MISSING"),
    (replace(PLAIN, currency="EURO"), "currency", "CURRENCY_UNKNOWN"),
    (replace(PLAIN, alone=0), "scenarios.alone", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, suppressed=9), "scenarios.suppressed", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, below_floor=9), "scenarios.below_floor", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, when_winning=9), "match.when_winning", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, alone=Alone.STANDALONE), "scenarios.standalone_price_minor", "PRICE_MISSING"),
    (replace(PLAIN, below_floor=BelowFloor.STANDALONE), "scenarios.standalone_price_minor",
     "PRICE_MISSING"),
    (replace(PLAIN, offsets=(Offset(basis_points=-10_000), None, None)),
     "offset_amazon_fulfilled", "OFFSET_OUT_OF_RANGE"),
    (replace(PLAIN, offsets=(None, Offset(basis_points=50_001), None)),
     "offset_merchant_fulfilled", "OFFSET_OUT_OF_RANGE"),
    (replace(PLAIN, offsets=(None, None, Offset(amount_minor=-MAX_PRICE_MINOR - 1))),
     "offset_amazon", "OFFSET_OUT_OF_RANGE"),
    (replace(PLAIN, filter=Filter(min_rating_bp=10_001)),
     "filter.min_positive_rating_basis_points", "STRATEGY_VALUE_OUT_OF_RANGE"),
    (replace(PLAIN, filter=Filter(min_rating_count=2**31)), "filter.min_rating_count",
     "STRATEGY_VALUE_OUT_OF_RANGE"),
    (replace(PLAIN, filter=Filter(max_handling_hours=65_535)), "filter.max_handling_hours",
     "STRATEGY_VALUE_OUT_OF_RANGE"),
    (replace(PLAIN, filter=Filter(include_seller_ids=MANY)), "filter.include_seller_ids",
     "TOO_MANY_SELLERS"),
    (replace(PLAIN, filter=Filter(exclude_seller_ids=("",))), "filter.exclude_seller_ids",
     "SELLER_ID_MISSING"),
    (replace(FIXED, fixed_minor=0), "fixed.price_minor", "PRICE_NOT_POSITIVE"),
    (replace(FIXED, fixed_minor=MAX_PRICE_MINOR + 1), "fixed.price_minor", "PRICE_NOT_POSITIVE"),
    (replace(MATCH, targets=()), "match.targets", "MATCH_TARGETS_INVALID"),
    (replace(MATCH, targets=(1, 2, 3, 4, 6)), "match.targets", "MATCH_TARGETS_INVALID"),
    (replace(MATCH, targets=(0,)), "match.targets", "MATCH_TARGETS_INVALID"),
    (replace(MATCH, targets=(MatchTarget.SELLERS,)), "match.target_seller_ids",
     "SELLER_ID_MISSING"),
    (replace(PLAIN, direction=9), "limits.direction", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, tie=9), "position.tie", "STRATEGY_CHOICE_UNKNOWN"),
    (replace(PLAIN, endings=(99,)), "limits.endings.digits", "ENDINGS_INVALID"),
    (replace(PLAIN, endings=(99,), ending_digits=7), "limits.endings.digits", "ENDINGS_INVALID"),
    (replace(PLAIN, ending_digits=2), "limits.endings.endings", "ENDINGS_INVALID"),
    (replace(PLAIN, endings=(100,), ending_digits=2), "limits.endings.endings", "ENDINGS_INVALID"),
    (replace(PLAIN, endings=(1,) * 9, ending_digits=2), "limits.endings.endings",
     "ENDINGS_INVALID"),
    (replace(POSITION, position=0), "position.position", "POSITION_INVALID"),
    (replace(POSITION, position=21), "position.position", "POSITION_INVALID"),
    (replace(POSITION, gap=Offset(amount_minor=-1)), "position.gap", "GAP_INVALID"),
    (replace(POSITION, gap=Offset(basis_points=10_000)), "position.gap", "GAP_INVALID"),
    (replace(MATCH, target_seller_ids=MANY), "match.target_seller_ids", "TOO_MANY_SELLERS"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "field", "reason"), REFUSED)
def test_refusals(definition: StrategyDefinition, field: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        compiled(definition)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert caught.value.message.startswith(f"{field} is ")
    assert "allowed: " in caught.value.message


@pytest.mark.parametrize("name", LIMITS)
def test_values_keep_to_their_limits(name: str) -> None:
    low, high = LIMITS[name]
    for value in (low, high):
        compiled(replace(PLAIN, **{name: value}))
    for value in (low - 1 or -1, high + 1):
        with pytest.raises(InputError) as caught:
            compiled(replace(PLAIN, **{name: value}))
        assert caught.value.reason == "STRATEGY_VALUE_OUT_OF_RANGE"
        assert str(value) in caught.value.message


@pytest.mark.parametrize("name", DEFAULTS)
def test_zero_means_the_default(name: str) -> None:
    assert compiled(replace(PLAIN, **{name: DEFAULTS[name]})) == compiled(PLAIN)
