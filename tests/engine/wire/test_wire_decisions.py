"""Answers that the native codec writes are those of the generated serialiser, byte by byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog import Catalog
from engine.errors import RowProblem
from engine.results import TickResult
from engine.schema import DECISION, NO_INDEX, InputKind, JournalMode
from engine.wire import answer_of_stream
from repriced.v1 import pricing_pb2
from server.wire import WireCodec
from server.wire.answers import ANSWERS

CATALOG = Catalog()
AMOUNTS = st.sampled_from([0, 1, 127, 128, 1_999, 10**12])
DECISIONS = st.fixed_dictionaries(
    {
        "decision_id": st.sampled_from([1, 127, 128, 2**32, 2**64 - 1]),
        "price_minor": AMOUNTS,
        "previous_minor": AMOUNTS,
        "reference_minor": AMOUNTS,
        "decided_ms": st.sampled_from([0, 1, 1_700_000_000_000]),
        "listing_id": st.sampled_from([1, 300, 2**32 - 1]),
        "index": st.sampled_from([0, 1, 99_999, NO_INDEX]),
        "bounds_version": st.sampled_from([0, 1, 2**32 - 1]),
        "currency": st.integers(1, 150),
        "reason": st.integers(0, 88),
        "state": st.integers(0, 8),
        "status": st.integers(0, 4),
        "withdraws": st.sampled_from([0, 7]),
    }
)


def records(rows: list[dict[str, int]]) -> Any:
    """`schema.DECISION` of these rows."""
    decisions = np.zeros(len(rows), DECISION)
    for decision, row in zip(decisions, rows, strict=True):
        for name, value in row.items():
            decision[name] = value
    return decisions


@pytest.mark.parametrize("kind", [InputKind.REPRICE, InputKind.FEEDBACK, InputKind.STOCK])
@settings(deadline=None)
@given(rows=st.lists(DECISIONS, max_size=4), problems=st.booleans())
def test_answers(kind: InputKind, rows: list[dict[str, int]], problems: bool) -> None:
    faults = [RowProblem(3, "field", "REASON", "why")] if problems else []
    result = TickResult(9, faults, evaluated=7, ignored=2, ignored_rows={1: 75})
    result.add(records(rows))
    mode = JournalMode.ALWAYS
    wanted = ANSWERS[kind](result, int(mode)).SerializeToString()
    assert WireCodec().encode(kind, result, CATALOG, mode) == wanted
    assert len(result.decisions) == len(rows)


def test_a_long_answer() -> None:
    row = {"decision_id": 5, "listing_id": 2, "price_minor": 900, "currency": 50}
    result = TickResult(9)
    result.add(records([row] * 5_000))
    payload = WireCodec().encode(InputKind.REPRICE, result, CATALOG, JournalMode.OFF)
    assert len(pricing_pb2.RepriceResponse.FromString(payload).decisions) == 5_000


@pytest.mark.parametrize("count", [0, 1, 3, 400])
def test_answers_of_a_stream(count: int) -> None:
    row = {"decision_id": 5, "listing_id": 2, "price_minor": 900, "currency": 50}
    result = TickResult(0)
    result.add(records([row] * count))
    answer = ANSWERS[InputKind.REPRICE](result, 0)
    message = pricing_pb2.StreamRepriceResponse(response=answer)
    assert answer_of_stream(answer.SerializeToString()) == message.SerializeToString()
