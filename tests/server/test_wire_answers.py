"""Results and what the engine holds, as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog import Catalog
from engine.columns import ListingDefinition, ListingKey
from engine.errors import RowProblem
from engine.money import currency_index
from engine.results import CountResult, Evaluated, EvaluateResult, TickResult, UpsertResult
from engine.schema import (
    DECISION,
    DECISION_VALID_MS,
    NO_INDEX,
    PAUSE_FLAGS,
    PREMIUM_UNKNOWN,
    CycleState,
    InputKind,
    JournalMode,
    Reason,
    RowFlag,
    StrategyKind,
)
from engine.state import State
from engine.strategies import StrategyDefinition
from engine.timetable import CalendarEntry, EntryAction
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.wire import (
    WireCodec,
    bracket_message,
    decision_message,
    decision_messages,
    evaluate_answer,
    listing_definition,
    listing_state_message,
)
from server.wire.reprice import snapshot_naming
from server.wire.states import PAUSE_CAUSES

CODEC = WireCodec()
KEY = ListingKey("AOWN1", "A1PA6795UKMFR9", "mug-blue", 1)
PROBLEMS = [RowProblem(8, "b", "B", "b is bad"), RowProblem(2, "a", "A", "a is bad")]
ERRORS = [(2, "a", "A", "a is bad"), (8, "b", "B", "b is bad")]


def catalog_with(definition: ListingDefinition) -> Catalog:
    """A catalogue with one listing, its row filled as the engine fills it."""
    catalog = Catalog()
    catalog.put_strategy(StrategyDefinition("AOWN1", "calm", "EUR", StrategyKind.BUY_BOX))
    strategy = catalog.check_listing(definition)
    listing_id, _ = catalog.put_listing(definition)
    row = catalog.rows[listing_id]
    row["floor_minor"], row["ceiling_minor"] = definition.floor_minor, definition.ceiling_minor
    row["landed_offset_minor"] = definition.shipping_minor - definition.points_minor
    row["points_bp"], row["strategy"] = definition.points_bp, strategy
    row["flags"] = RowFlag.ACTIVE
    return catalog


def definition(**changes: Any) -> ListingDefinition:
    values: dict[str, Any] = {
        "key": KEY,
        "asin": "B0MUG00001",
        "condition": 1,
        "fulfilment": 2,
        "currency": "EUR",
        "floor_minor": 1_000,
        "ceiling_minor": 2_000,
        "shipping_minor": 350,
    }
    return ListingDefinition(**(values | changes))


def decisions(*indices: int) -> np.ndarray[Any, np.dtype[np.void]]:
    records = np.zeros(len(indices), DECISION)
    records["decision_id"] = np.arange(len(indices)) + 41
    records["price_minor"], records["previous_minor"] = 1_234, 1_200
    records["reference_minor"], records["decided_ms"] = 1_250, 1_700_000_000_123
    records["listing_id"], records["index"] = 1, indices
    records["bounds_version"], records["currency"] = 3, currency_index("EUR")
    records["reason"], records["state"] = Reason.SEEK_OFFSET, CycleState.AWAITING
    return records


def errors_of(message: Any) -> list[tuple[int, str, str, str]]:
    return [(each.index, each.field, each.reason, each.message) for each in message.errors]


def test_decisions() -> None:
    (message,) = decision_messages(decisions(5))
    assert message == types_pb2.Decision(
        decision_id=41,
        listing_id=1,
        index=5,
        price_minor=1_234,
        previous_price_minor=1_200,
        currency="EUR",
        reason="REASON_SEEK_OFFSET",
        state="CYCLE_STATE_AWAITING",
        reference_price_minor=1_250,
        decided_ms=1_700_000_000_123,
        valid_until_ms=1_700_003_600_123,
        bounds_version=3,
    )
    assert DECISION_VALID_MS == 3_600_000


def test_an_index_is_absent_only_where_no_row_led_to_it() -> None:
    first, timed = decision_messages(decisions(0, NO_INDEX))
    assert first.HasField("index")
    assert not timed.HasField("index")


def test_a_decision_with_its_key() -> None:
    catalog = catalog_with(definition())
    (record,) = decisions(NO_INDEX)
    plain = decision_message(catalog, record, with_key=False)
    assert not plain.HasField("key")
    full = decision_message(catalog, record, with_key=True)
    assert full.key == types_pb2.ListingKey(**KEY._asdict())
    full.ClearField("key")
    assert full == plain


@pytest.mark.parametrize(
    ("given", "mode"), [(each, f"JOURNAL_MODE_{each.name}") for each in JournalMode]
)
def test_reprice_and_feedback(given: JournalMode, mode: str) -> None:
    result = TickResult(9, PROBLEMS, evaluated=7, ignored=2)
    result.add(decisions(0, 3))
    payload = CODEC.encode(InputKind.REPRICE, result, Catalog(), given)
    answer = pricing_pb2.RepriceResponse.FromString(payload)
    assert [each.index for each in answer.decisions] == [0, 3]
    assert errors_of(answer) == ERRORS
    assert (answer.evaluated_count, answer.ignored_count, answer.sequence) == (7, 2, 9)
    assert types_pb2.JournalMode.Name(answer.journal_mode) == mode
    payload = CODEC.encode(InputKind.FEEDBACK, result, Catalog(), given)
    judged = pricing_pb2.ReportFeedbackResponse.FromString(payload)
    assert len(judged.decisions) == 2
    assert errors_of(judged) == ERRORS
    assert (judged.applied_count, judged.ignored_count, judged.sequence) == (5, 2, 9)
    assert types_pb2.JournalMode.Name(judged.journal_mode) == mode


def test_stock() -> None:
    result = TickResult(9, problems=PROBLEMS, evaluated=7, ignored=2)
    payload = CODEC.encode(InputKind.STOCK, result, Catalog(), JournalMode.ALWAYS)
    answer = pricing_pb2.ReportStockResponse.FromString(payload)
    assert (answer.applied_count, answer.sequence) == (7, 9)
    assert errors_of(answer) == ERRORS
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_ALWAYS


def test_listings() -> None:
    warning = RowProblem(1, "ceiling_minor", "FLOOR_ABOVE_CEILING", "the floor wins")
    result = UpsertResult(9, [(0, 4, True), (1, 5, False)], decisions(1), PROBLEMS, [warning])
    payload = CODEC.encode(InputKind.LISTINGS, result, Catalog(), JournalMode.OFF)
    answer = catalog_pb2.BatchUpsertListingsResponse.FromString(payload)
    upserted = [(each.index, each.listing_id, each.created) for each in answer.upserted]
    assert upserted == [(0, 4, True), (1, 5, False)]
    assert errors_of(answer) == ERRORS
    assert [(each.index, each.field, each.reason, each.message) for each in answer.warnings] == [
        (1, "ceiling_minor", "FLOOR_ABOVE_CEILING", "the floor wins")
    ]
    assert len(answer.decisions) == 1
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_OFF


@pytest.mark.parametrize(
    ("kind", "message_type", "field"),
    [
        (InputKind.SELLERS, catalog_pb2.BatchUpsertSellersResponse, "upserted_count"),
        (InputKind.STRATEGIES, catalog_pb2.BatchUpsertStrategiesResponse, "upserted_count"),
        (InputKind.DELETE, catalog_pb2.BatchDeleteListingsResponse, "deleted_count"),
        (InputKind.PAUSE, pricing_pb2.PauseRepricingResponse, "paused_count"),
        (InputKind.RESUME, pricing_pb2.ResumeRepricingResponse, "resumed_count"),
        (InputKind.STOP, pricing_pb2.StopRepricingResponse, "stopped_count"),
        (InputKind.DISCARD, pricing_pb2.DiscardHeldResponse, "discarded_count"),
        (InputKind.RESTORE, pricing_pb2.RestorePricesResponse, "restored_count"),
    ],
)
def test_counts(kind: InputKind, message_type: Any, field: str) -> None:
    payload = CODEC.encode(kind, CountResult(9, 6, PROBLEMS), Catalog(), JournalMode.ALWAYS)
    answer = message_type.FromString(payload)
    assert getattr(answer, field) == 6
    assert errors_of(answer) == ERRORS
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_ALWAYS


def test_evaluated_prices() -> None:
    prices = [Evaluated(0, 4, 999, Reason.MATCH, CycleState.SEEKING, True)]
    answer = evaluate_answer(EvaluateResult(prices, PROBLEMS))
    assert answer.prices[0] == pricing_pb2.EvaluatedPrice(
        listing_id=4,
        price_minor=999,
        reason="REASON_MATCH",
        state="CYCLE_STATE_SEEKING",
        changed=True,
    )
    assert errors_of(answer) == ERRORS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"strategy_id": "calm"},
        {"points_minor": 120},
        {"points_minor": 400, "shipping_minor": 0},
        {"points_bp": 150},
        {"currency": "JPY", "key": KEY._replace(audience=2)},
    ],
)
def test_a_listing_is_told_as_it_was_defined(changes: dict[str, Any]) -> None:
    given_definition = definition(price_minor=1_500, **changes)
    state = listing_state_message(State(catalog=catalog_with(given_definition)), 1)
    assert listing_definition(state.listing) == given_definition


def test_listing_state() -> None:
    catalog = catalog_with(definition())
    row = catalog.rows[1]
    row["price_minor"], row["live_price_minor"] = 1_600, 1_700
    row["flags"] |= RowFlag.OUT_OF_STOCK | RowFlag.TOO_MANY_REJECTIONS
    row["state"], row["reason"] = CycleState.PAUSED, Reason.PAUSED
    catalog.records["bounds_version"][1] = 12
    state = listing_state_message(State(catalog=catalog), 1)
    assert (state.listing_id, state.bounds_version) == (1, 12)
    assert (state.price_minor, state.live_price_minor) == (1_600, 1_700)
    assert (state.state, state.reason) == (CycleState.PAUSED, Reason.PAUSED)
    assert list(state.pause_causes) == [
        types_pb2.PAUSE_CAUSE_OUT_OF_STOCK,
        types_pb2.PAUSE_CAUSE_REJECTIONS,
    ]


def test_every_pause_has_its_cause() -> None:
    assert sum(PAUSE_CAUSES) == PAUSE_FLAGS
    causes = {*PAUSE_CAUSES.values(), types_pb2.PAUSE_CAUSE_CALENDAR}
    assert sorted(causes) == types_pb2.PauseCause.values()[1:]


def test_a_calendar_that_pauses_is_the_cause_while_it_is_in_force() -> None:
    catalog = catalog_with(definition())
    row = catalog.rows[1]
    entry = CalendarEntry("night", "", "", EntryAction.PAUSE)
    catalog.schedules.entries[int(row["strategy"])] = entry
    for state, causes in (
        (CycleState.PAUSED, [types_pb2.PAUSE_CAUSE_CALENDAR]), (CycleState.SEEKING, []),
    ):  # fmt: skip
        row["state"] = state
        shown = listing_state_message(State(catalog=catalog), 1)
        assert list(shown.pause_causes) == causes


def test_an_unknown_bracket_is_empty() -> None:
    unknown = bracket_message(PREMIUM_UNKNOWN, PREMIUM_UNKNOWN, (None, None))
    assert unknown == pricing_pb2.Bracket()
    known = bracket_message(0, 0, (0, 0))
    assert known.HasField("low_basis_points")
    assert known.HasField("high_price_minor")


@settings(deadline=None)
@given(st.integers(-8_000_000, 8_000_000), st.integers(-8_000_000, 8_000_000))
def test_brackets_say_nothing_that_was_not_seen(low_ppm: int, high_ppm: int) -> None:
    bracket = bracket_message(low_ppm, high_ppm, (900, 950))
    assert 0 <= low_ppm - bracket.low_basis_points * 100 < 100
    assert 0 <= bracket.high_basis_points * 100 - high_ppm < 100
    assert (bracket.low_price_minor, bracket.high_price_minor) == (900, 950)


def test_the_snapshot_of_a_listing_in_an_earlier_request() -> None:
    request = pricing_pb2.RepriceRequest()
    request.snapshots.add().asin.seller_id = "without an ASIN"
    for price in (5, 6):
        snapshot = request.snapshots.add(listing_id=7)
        snapshot.offers.add(seller_id="ARIVAL", item_price_minor=price)
    request.snapshots.add(listing_id=8)
    found = snapshot_naming(request.SerializeToString(), (7, KEY))
    assert found == request.snapshots[2]
    assert snapshot_naming(request.SerializeToString(), (9, KEY)) is None
