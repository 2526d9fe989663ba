"""Definitions to messages and back, and the numbers that both sides share."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_requests import REQUEST_ID
from wire_sources import SOURCES

from engine import schema
from engine.claims.alerts import AlertKind
from engine.columns import ListingDefinition, ListingKey, SellerDefinition
from engine.explain import OfferRole
from engine.guards import EventKind, Guard
from engine.guards.holds import HoldKind
from engine.insights.notices import NoticeKind
from engine.promotions import Promotion
from engine.schema import FollowValue, InputKind, StrategyKind
from engine.stock import StockRule
from engine.strategies import Filter, Offset, PushStep, StrategyDefinition
from engine.tiers import Tier
from engine.timetable import CalendarEntry, EntryAction, Repeat
from repriced.v1 import catalog_pb2, event_pb2, pricing_pb2, types_pb2
from server.wire import (
    WireCodec,
    listing_definition,
    listing_message,
    seller_definition,
    seller_message,
    strategy_definition,
    strategy_message,
)
from server.wire.offers import ENUM_BITS

CODEC = WireCodec()
TEXTS = st.text(max_size=8)
AMOUNTS = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**32 - 1)
SELLERS = st.lists(TEXTS, max_size=3).map(tuple)

KEYS = st.builds(ListingKey, TEXTS, TEXTS, TEXTS, st.integers(1, 2))
POINTS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"points_minor": AMOUNTS}),
    st.fixed_dictionaries({"points_bp": COUNTS}),
)
LISTINGS = st.builds(
    lambda points, **fields: ListingDefinition(**fields, **points),
    POINTS,
    key=KEYS,
    asin=TEXTS,
    condition=st.integers(0, 5),
    fulfilment=st.integers(0, 2),
    currency=TEXTS,
    floor_minor=st.none() | AMOUNTS,
    ceiling_minor=st.none() | AMOUNTS,
    shipping_minor=AMOUNTS,
    strategy_id=TEXTS,
    price_minor=AMOUNTS,
    map_minor=AMOUNTS,
    promotions=st.lists(
        st.builds(Promotion, TEXTS, AMOUNTS, AMOUNTS)
        | st.builds(Promotion, TEXTS, AMOUNTS, AMOUNTS, st.integers(1, 10**12), AMOUNTS),
        max_size=3,
    ).map(tuple),
    tiers=st.lists(
        st.builds(Tier, COUNTS, price_minor=AMOUNTS)
        | st.builds(Tier, COUNTS, discount_bp=st.integers(1, 10_000)),
        max_size=3,
    ).map(tuple),
)

OFFSETS = st.one_of(
    st.none(),
    st.builds(Offset, amount_minor=AMOUNTS),
    st.builds(Offset, basis_points=st.integers(-(2**31), 2**31 - 1)),
)
FILTERS = st.builds(
    Filter,
    fulfilments=st.lists(st.integers(0, 2), max_size=3).map(tuple),
    any_condition=st.booleans(),
    sub_conditions=st.lists(st.integers(0, 13), max_size=3).map(tuple),
    unfeatured_merchants=st.booleans(),
    unavailable_offers=st.booleans(),
    min_rating_bp=COUNTS,
    min_rating_count=COUNTS,
    max_handling_hours=COUNTS,
    exclude_amazon=st.booleans(),
    include_seller_ids=SELLERS,
    exclude_seller_ids=SELLERS,
)
DELTAS = st.one_of(
    st.builds(Offset, amount_minor=AMOUNTS),
    st.builds(Offset, basis_points=st.integers(-(2**31), 2**31 - 1)),
)
ENTRIES = st.builds(
    lambda action, **fields: CalendarEntry(**fields, **action),
    st.one_of(
        st.just({"action": EntryAction.HOLD}),
        st.builds(lambda price: {"action": EntryAction.PRICE, "price_minor": price}, AMOUNTS),
        st.builds(
            lambda low, high: {
                "action": EntryAction.BOUNDS, "floor_minor": low, "ceiling_minor": high,
            },
            AMOUNTS, AMOUNTS,
        ),
        st.builds(lambda name: {"action": EntryAction.STRATEGY, "strategy_id": name}, TEXTS),
    ),
    name=TEXTS,
    begin=TEXTS,
    end=TEXTS,
    until=TEXTS,
    repeat=st.integers(1, 4),
    weekdays=st.lists(st.integers(1, 7), max_size=3).map(tuple),
    priority=COUNTS,
)  # fmt: skip
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "seller_id": TEXTS,
    "strategy_id": TEXTS,
    "currency": TEXTS,
    "filter": FILTERS,
    "alone": st.integers(1, 3),
    "suppressed": st.integers(1, 2),
    "below_floor": st.integers(1, 4),
    "standalone_minor": AMOUNTS,
    "changes_per_hour": COUNTS,
    "min_change_minor": AMOUNTS,
    "max_offer_age_ms": AMOUNTS,
    "endings": st.lists(COUNTS, max_size=8).map(tuple),
    "ending_digits": COUNTS,
    "direction": st.integers(1, 3),
    "time_zone": st.just("Europe/Berlin"),
    "zone_offsets": st.lists(st.tuples(AMOUNTS, st.integers(-50_000, 50_000)), max_size=3).map(
        tuple
    ),
    "stock_rules": st.lists(
        st.builds(StockRule, st.integers(1, 3), COUNTS, st.integers(1, 9_999))
        | st.builds(StockRule, st.integers(1, 3), COUNTS, lower_ceiling_bp=st.integers(1, 9_999)),
        max_size=3,
    ).map(tuple),
    "calendar": st.lists(ENTRIES, max_size=3).map(tuple),
}
OFFSET_TRIPLES = st.tuples(OFFSETS, OFFSETS, OFFSETS)
BUY_BOX: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.BUY_BOX),
    "offsets": OFFSET_TRIPLES,
    "step_limit_minor": AMOUNTS,
    "step_minor": AMOUNTS,
    "hold_ms": AMOUNTS,
    "cooldown_ms": AMOUNTS,
    "share_target_bp": COUNTS,
    "min_samples": COUNTS,
    "max_probe_bp": COUNTS,
    "reanchor_bp": COUNTS,
    "live_wait_ms": AMOUNTS,
    "verdict_wait_ms": AMOUNTS,
    "retry_ms": AMOUNTS,
    "max_reemits": COUNTS,
    "max_rejections": COUNTS,
    "evidence_max_age_ms": AMOUNTS,
    "ignore_unfiltered_winner": st.booleans(),
}
MATCH: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.MATCH),
    "offsets": OFFSET_TRIPLES,
    "step_limit_bp": COUNTS,
    "targets": st.lists(st.integers(1, 6), max_size=4).map(tuple),
    "target_seller_ids": SELLERS,
    "when_winning": st.integers(1, 3),
    "stay_below_next_minor": AMOUNTS,
}
FIXED: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.FIXED),
    "fixed_minor": AMOUNTS,
}
POSITION: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.POSITION),
    "position": COUNTS,
    "gap": OFFSETS,
    "tie": st.integers(1, 2),
}
PUSH: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.PUSH),
    "start_minor": AMOUNTS,
    "push_steps": st.lists(st.builds(PushStep, COUNTS, DELTAS, st.integers(1, 9)), max_size=3).map(
        tuple
    ),
    "period_ms": AMOUNTS,
    "push_rules": st.lists(
        st.builds(PushStep, COUNTS, DELTAS, fewer=st.booleans()), max_size=3
    ).map(tuple),
    "percent_of": st.integers(1, 2),
    "keep_buy_box": st.booleans(),
    "count_by": st.integers(1, 2),
    "cooldown_ms": AMOUNTS,
    "restart": st.booleans(),
}
DAILY_PUSH: dict[str, st.SearchStrategy[Any]] = {
    name: PUSH[name] for name in ("start_minor", "push_steps", "keep_buy_box", "count_by")
} | {"kind": st.just(StrategyKind.DAILY_PUSH)}
FOLLOW: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just(StrategyKind.FOLLOW),
    "follow_sources": SOURCES,
    "follow_units": st.integers(1, 9),
    "aggregate": st.integers(1, 5),
    "quorum": COUNTS,
    "follow_b2c": st.booleans(),
    "follow_value": st.sampled_from(FollowValue),
    "follow_max_age_ms": st.integers(0, 9),
    "follow_grace_ms": st.integers(0, 9),
    "offsets": st.tuples(st.none(), OFFSETS, st.none()),
}
KIND_FIELDS = (BUY_BOX, MATCH, FIXED, POSITION, PUSH, DAILY_PUSH, FOLLOW)
STRATEGIES = st.one_of(*(st.builds(StrategyDefinition, **COMMON, **kind) for kind in KIND_FIELDS))


@settings(deadline=None)
@given(st.builds(SellerDefinition, TEXTS, TEXTS))
def test_sellers_go_round(definition: SellerDefinition) -> None:
    assert seller_definition(seller_message(definition)) == definition


@settings(deadline=None)
@given(LISTINGS)
def test_listings_go_round(definition: ListingDefinition) -> None:
    assert listing_definition(listing_message(definition)) == definition


@settings(deadline=None)
@given(STRATEGIES)
def test_strategies_go_round(definition: StrategyDefinition) -> None:
    message = strategy_message(definition)
    assert strategy_definition(message) == definition
    assert strategy_definition(catalog_pb2.Strategy.FromString(message.SerializeToString())) == (
        definition
    )


def test_every_field_of_a_strategy_is_drawn_above() -> None:
    drawn = COMMON.keys() | {name for kind in KIND_FIELDS for name in kind}
    assert drawn == set(StrategyDefinition.__slots__)


@pytest.mark.parametrize(
    "kind", ["buy_box", "match", "fixed", "position", "push", "daily_push", "follow", None]
)
def test_what_is_not_said_is_the_default(kind: str | None) -> None:
    message = catalog_pb2.Strategy(seller_id="AOWN1", strategy_id="s", currency="EUR")
    if kind:
        getattr(message, kind).SetInParent()
    number = StrategyKind[kind.upper()] if kind else 0
    assert strategy_definition(message) == StrategyDefinition("AOWN1", "s", "EUR", number)


def test_an_offset_without_a_distance_is_equal() -> None:
    message = catalog_pb2.Strategy(match=catalog_pb2.MatchStrategy())
    message.match.offset_amazon.SetInParent()
    assert strategy_definition(message).offsets == (None, None, Offset())


def test_an_audience_that_is_not_said_is_b2c() -> None:
    definition = listing_definition(catalog_pb2.Listing())
    assert definition.key == ListingKey("", "", "", schema.Audience.B2C)
    assert definition.floor_minor is None
    assert definition.ceiling_minor is None


def test_a_zero_bound_is_not_an_absent_one() -> None:
    definition = listing_definition(catalog_pb2.Listing(floor_minor=0))
    assert definition.floor_minor == 0


@pytest.mark.parametrize("number", [-(2**31), -1, 99, 2**31 - 1])
def test_unknown_enum_numbers_reach_the_engine(number: int) -> None:
    numbers: dict[str, Any] = {"condition": number, "fulfilment": number}
    listing = catalog_pb2.Listing(**numbers)
    listing.key.audience = number  # type: ignore[assignment]
    definition = listing_definition(listing)
    assert (definition.condition, definition.fulfilment) == (number, number)
    assert definition.key.audience == number
    choices: dict[str, Any] = {"targets": [number], "when_winning": number}
    match = catalog_pb2.MatchStrategy(**choices)
    scenarios: dict[str, Any] = {"alone": number, "suppressed": number, "below_floor": number}
    lists: dict[str, Any] = {"fulfilments": [number, 0], "sub_conditions": [number]}
    strategy = strategy_definition(
        catalog_pb2.Strategy(
            match=match,
            scenarios=catalog_pb2.Scenarios(**scenarios),
            filter=catalog_pb2.CompetitorFilter(**lists),
        )
    )
    assert strategy.targets == (number,)
    assert strategy.when_winning == strategy.alone == strategy.below_floor == number
    assert strategy.filter.fulfilments == (number, 0)


def test_batches_keep_the_index() -> None:
    listings = [catalog_pb2.Listing(asin="B0A"), catalog_pb2.Listing(asin="B0B")]
    request = catalog_pb2.BatchUpsertListingsRequest(request_id=REQUEST_ID, listings=listings)
    batch = CODEC.decode(InputKind.LISTINGS, request.SerializeToString())
    assert [(index, definition.asin) for index, definition in batch.rows] == [
        (0, "B0A"),
        (1, "B0B"),
    ]


ENUMS: list[tuple[type[IntEnum], Any]] = [
    (schema.CycleState, types_pb2.CycleState),
    (schema.Reason, types_pb2.Reason),
    (schema.BuyBoxStatus, types_pb2.BuyBoxStatus),
    (schema.Condition, types_pb2.Condition),
    (schema.Fulfilment, types_pb2.Fulfilment),
    (schema.Audience, types_pb2.Audience),
    (schema.BelowFloor, catalog_pb2.BelowFloor),
    (schema.Alone, catalog_pb2.Alone),
    (schema.Suppressed, catalog_pb2.Suppressed),
    (schema.WhenWinning, catalog_pb2.WhenWinning),
    (schema.MatchTarget, catalog_pb2.MatchTarget),
    (schema.Direction, catalog_pb2.Direction),
    (schema.Tie, catalog_pb2.Tie),
    (schema.PercentOf, catalog_pb2.PercentOf),
    (schema.CountBy, catalog_pb2.CountBy),
    (schema.Aggregate, catalog_pb2.Aggregate),
    (schema.FollowValue, catalog_pb2.FollowValue),
    (NoticeKind, event_pb2.ReviewNotice),
    (Repeat, catalog_pb2.Repeat),
    (schema.FeedbackKind, pricing_pb2.FeedbackKind),
    (OfferRole, pricing_pb2.OfferRole),
    (HoldKind, pricing_pb2.HoldKind),
    (Guard, event_pb2.Guard),
    (EventKind, event_pb2.EventKind),
]


@pytest.mark.parametrize(("ours", "theirs"), ENUMS)
def test_enum_numbers_agree(ours: type[IntEnum], theirs: Any) -> None:
    prefix = theirs.keys()[0].removesuffix("UNSPECIFIED")
    said = {name.removeprefix(prefix): number for name, number in theirs.items() if number}
    assert said == {item.name: item.value for item in ours if item.value}


def test_every_enum_of_the_protocol_is_compared() -> None:
    files = [types_pb2, catalog_pb2, pricing_pb2, event_pb2]
    names = {name for file in files for name in file.DESCRIPTOR.enum_types_by_name}
    compared = {theirs.DESCRIPTOR.name for _, theirs in ENUMS}
    assert names - compared == {
        "SubCondition", "Availability", "JournalMode", "PauseCause", "DecisionStatus", "ClaimAlert",
    }  # fmt: skip


def test_every_alert_of_the_audit_has_its_number() -> None:
    said = {name.removeprefix("CLAIM_ALERT_") for name, _ in event_pb2.ClaimAlert.items()}
    assert said == {each.value.upper() for each in AlertKind} | {"UNSPECIFIED"}


def test_withdrawals_are_messages_of_their_own() -> None:
    theirs = types_pb2.DecisionStatus
    said = {name.removeprefix("DECISION_STATUS_"): number for name, number in theirs.items()}
    ours = {each.name: each.value for each in schema.DecisionStatus}
    assert ours.pop("WITHDRAWAL") not in said.values()
    assert said == ours | {"UNSPECIFIED": 0}


@pytest.mark.parametrize(
    ("field", "enum", "prefix"),
    [
        ("fulfilment", types_pb2.Fulfilment, "FULFILLED_BY_"),
        ("condition", types_pb2.Condition, "CONDITION_"),
        ("sub_condition", types_pb2.SubCondition, "SUB_"),
    ],
)
def test_bits_follow_the_enums(field: str, enum: Any, prefix: str) -> None:
    start = enum.keys()[0].removesuffix("UNSPECIFIED")
    names = [prefix + name.removeprefix(start) for name in enum.keys()[1:]]
    assert ENUM_BITS[field].tolist() == [0, *(schema.OfferBit[name] for name in names)]


def test_availability_bits() -> None:
    bits = schema.OfferBit
    named = [0, bits.AVAILABLE_NOW, bits.AVAILABLE_WITHOUT_DATE, bits.AVAILABLE_WITH_DATE]
    assert ENUM_BITS["availability"].tolist() == named
    assert types_pb2.Availability.values() == [0, 1, 2, 3]
