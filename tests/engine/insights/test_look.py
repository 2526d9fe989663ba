"""What one look counts of a row, and what it reads of a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.columns import ListingDefinition, ListingKey
from engine.insights.look import COUNTED, DAY_MS, FRESH_MS, count, look_at
from engine.schema import CLASS_SHIFT, ROW, CycleState, ReferenceClass, RowFlag, StrategyKind
from engine.state import State
from engine.strategies import StrategyDefinition

NOW_MS = 20_000 * DAY_MS + DAY_MS // 2
AMAZON = ReferenceClass.AMAZON << CLASS_SHIFT
BUY_BOX, PUSH, FOLLOW, MATCH = (
    StrategyKind.BUY_BOX, StrategyKind.PUSH, StrategyKind.FOLLOW, StrategyKind.MATCH,
)  # fmt: skip
ACTIVE = int(RowFlag.ACTIVE)


def looked(kind: StrategyKind = MATCH, **fields: Any) -> dict[str, int]:
    """What a look counts of a row at 12.00 between 8.00 and 15.00, zeros left out."""
    row = np.zeros(1, ROW)
    values = {
        "live_price_minor": 1200, "floor_minor": 800, "ceiling_minor": 1500, "flags": ACTIVE,
        "observed_ms": NOW_MS - 1, "state": CycleState.HOLDING, "draws": 1,
    }  # fmt: skip
    for name, value in (values | fields).items():
        row[name] = value
    found = count(row, np.array([kind], np.uint8), NOW_MS)
    assert found.shape == (1, len(COUNTED))
    return {name: value for name, value in zip(COUNTED, found[0].tolist(), strict=True) if value}


SEEN = {"looks": 1, "priced": 1, "price_sum_minor": 1200}
OURS, OTHERS = {"known": 1, "ours": 1}, {"known": 1}
CASES: list[tuple[str, StrategyKind, dict[str, Any], dict[str, int]]] = [
    ("who is featured is not known", MATCH, {}, SEEN),
    ("we are", MATCH, {"featured_minor": 1200, "reference_minor": 1300}, SEEN | OURS),
    ("another one is", MATCH, {"featured_minor": 1100, "reference_minor": 1100}, SEEN | OTHERS),
    (
        "we are, landed, with points", MATCH,
        {"featured_minor": 1580, "reference_minor": 1, "landed_offset_minor": 500,
         "points_bp": 1_000},
        SEEN | OURS,
    ),
    ("old offers say nothing", MATCH,
     {"featured_minor": 1200, "observed_ms": NOW_MS - FRESH_MS}, SEEN),
    ("verdicts alone: won", BUY_BOX,
     {"flags": ACTIVE | RowFlag.INCUMBENT, "reference_minor": 1}, SEEN | OURS),
    ("verdicts alone: lost", BUY_BOX, {"draws": 2, "reference_minor": 1}, SEEN | OTHERS),
    ("verdicts alone: none yet", BUY_BOX, {"reference_minor": 1}, SEEN),
    ("verdicts are no evidence of others", MATCH,
     {"flags": ACTIVE | RowFlag.INCUMBENT, "reference_minor": 1}, SEEN),
    ("alone", MATCH, {"featured_minor": 1200}, SEEN | OURS | {"alone": 1}),
    ("alone, under PUSH", PUSH, {"featured_minor": 1200}, SEEN | OURS | {"alone": 1}),
    ("PUSH knows no competitor, and has not won", PUSH, {"featured_minor": 1100}, SEEN | OTHERS),
    ("FOLLOW never knows", FOLLOW, {"featured_minor": 1200}, SEEN | OURS),
    ("alone by the cycle", BUY_BOX, {"state": CycleState.ALONE}, SEEN | {"alone": 1}),
    ("Amazon sets the reference", BUY_BOX,
     {"featured_minor": 1100, "reference_minor": 1100, "flags": ACTIVE | AMAZON},
     SEEN | OTHERS | {"amazon": 1}),
    ("Amazon did, and went", BUY_BOX, {"featured_minor": 1100, "flags": ACTIVE | AMAZON},
     SEEN | OTHERS),
    ("nobody is featured", BUY_BOX,
     {"state": CycleState.SUPPRESSED, "featured_minor": 1200, "reference_minor": 1},
     SEEN | OTHERS | {"suppressed": 1}),
    ("out of stock", MATCH,
     {"flags": ACTIVE | RowFlag.OUT_OF_STOCK, "featured_minor": 1200}, {"looks": 1, "out": 1}),
    ("no live price", MATCH, {"live_price_minor": 0, "featured_minor": 900}, {"looks": 1}),
    ("at the floor", MATCH, {"floor_minor": 1200}, SEEN | {"at_floor": 1}),
    ("at the ceiling", MATCH, {"ceiling_minor": 1200}, SEEN | {"at_ceiling": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "wanted"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_one_look(kind: StrategyKind, fields: dict[str, Any], wanted: dict[str, int]) -> None:
    assert looked(kind, **fields) == wanted


def filled() -> State:
    """Three listings, the second deleted; sales of the first."""
    state = State()
    state.catalog.put_strategy(StrategyDefinition("A", "mine", "EUR", BUY_BOX))
    for sku, seller in (("S1", "A"), ("S2", "A"), ("S3", "B")):
        key = ListingKey(seller, "M", sku, 1)
        state.catalog.put_listing(ListingDefinition(key, "B1", 1, 1, "EUR", 800, 1500))
    state.catalog.rows["flags"][[1, 3]] = ACTIVE
    state.catalog.rows["strategy"][1] = 1
    return state


def test_it_reads_what_is_active() -> None:
    found = look_at(filled(), 1, 100, NOW_MS)
    assert found.ids.tolist() == [1, 3]
    assert (found.sellers, found.strategies, found.sold) == (["A", "B"], ["mine", ""], [])
    assert look_at(filled(), 2, 3, NOW_MS).ids.tolist() == []


def test_sales_of_the_days_that_are_known_whole() -> None:
    state, hour = filled(), 3_600_000
    today = NOW_MS // DAY_MS
    for hours_ago, units in ((0, 2), (1, 3), (13, 5), (70, 7)):
        state.sales.put(1, "s", NOW_MS - hours_ago * hour, units, NOW_MS)
    assert sorted(look_at(state, 1, 9, NOW_MS).sold) == [(1, today - 1, 5), (1, today, 5)]
    state.sales.put(1, "s", NOW_MS - hour, 0, NOW_MS)
    assert (1, today, 2) in look_at(state, 1, 9, NOW_MS).sold
    assert look_at(state, 1, 9, NOW_MS + DAY_MS).sold == [
        (1, today + 1, 0), (1, today, 2), (1, today - 1, 5),
    ]  # fmt: skip
