"""The last look at a price: by itself, and in an engine whose rules went mad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from market.shard import apply, definitions, key, listing, new_engine, rival, snapshots

from engine.guards import Guard, inside_bounds, keeps_bounds
from engine.schema import OUTCOME, ROW, InputKind, Reason


@pytest.mark.parametrize(
    ("floor", "ceiling", "price", "allowed"),
    [
        (500, 900, 500, True), (500, 900, 900, True), (500, 900, 499, False),
        (500, 900, 901, False), (700, 700, 700, True), (700, 700, 701, False),
        (900, 500, 900, True), (900, 500, 899, False), (900, 500, 901, False),
        (0, 900, 600, False), (500, 0, 500, False), (0, 0, 0, False), (-5, 900, 0, False),
        (1, 10**12, 10**12, True), (1, 10**12, 10**12 + 1, False), (500, 900, -600, False),
    ],
)  # fmt: skip
def test_only_prices_inside_both_bounds_pass(
    floor: int, ceiling: int, price: int, allowed: bool
) -> None:
    scratch, outcomes = np.zeros(1, ROW), np.zeros(1, OUTCOME)
    scratch["floor_minor"], scratch["ceiling_minor"] = floor, ceiling
    outcomes["price_minor"], outcomes["changed"] = price, 1
    assert inside_bounds(scratch, outcomes).tolist() == [allowed]
    outcomes["changed"] = 0
    assert inside_bounds(scratch, outcomes).tolist() == [True]


def test_only_an_upsert_may_change_bounds() -> None:
    rows, scratch, outcomes = np.zeros(4, ROW), np.zeros(3, ROW), np.zeros(3, OUTCOME)
    rows["floor_minor"], rows["ceiling_minor"] = 500, 900
    outcomes["listing_id"] = [3, 1, 2]
    scratch["floor_minor"] = [500, 1, 500]
    scratch["ceiling_minor"] = [900, 900, 90_000]
    assert keeps_bounds(rows, scratch, outcomes).tolist() == [True, False, False]


class Corrupted:
    """The engine's kernel, with every proposal of one listing replaced by a bad price."""

    def __init__(self, kernel: Any, listing_id: int, price: int) -> None:
        self._kernel, self._listing_id, self._price = kernel, listing_id, price

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    def evaluate_offers(self, *given: Any) -> int:
        count: int = self._kernel.evaluate_offers(*given)
        scratch, _, outcomes = given[-3:]
        for at in np.flatnonzero(outcomes["listing_id"][:count] == self._listing_id):
            for records in (scratch, outcomes):
                records["price_minor"][at] = self._price
            outcomes["changed"][at], outcomes["reason"][at] = 1, Reason.SEEK_OFFSET
        return count


@pytest.mark.parametrize("price", [499, 2001, 0, -1, 10**12])
def test_a_bad_proposal_is_refused_and_the_others_go_on(price: int) -> None:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions([listing("A"), listing("B")]))
    bad, good = engine.catalog.id_of(key("A")), engine.catalog.id_of(key("B"))
    before = engine.catalog.rows[bad].tobytes()
    engine.shard.evaluator.kernel = Corrupted(engine.shard.evaluator.kernel, bad, price)
    batch = snapshots((key("A"), [rival(1000)]), (key("B"), [rival(1000)]))
    result = apply(engine, InputKind.REPRICE, batch)
    assert engine.catalog.rows[bad].tobytes() == before
    assert result.decisions["listing_id"].tolist() == [good]
    assert result.decisions["price_minor"].tolist() == [999]
    assert engine.state.guards.trips[Guard.BOUNDS] == 1
    (problem,) = result.problems
    assert (problem.index, problem.reason) == (0, "PRICE_OUTSIDE_BOUNDS")
    assert str(price) in problem.message
