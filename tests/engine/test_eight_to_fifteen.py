"""The example of 8 to 15 EUR through the whole engine: snapshots in, decisions out.

A still market: whoever costs at most so much has the Buy Box, a price is live a quarter of an hour
after it was decided, and every quarter of an hour a snapshot shows it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from market.listing import PATIENT, START_MS
from market.shard import (
    ELIGIBLE,
    apply,
    definitions,
    key,
    listing,
    new_engine,
    own_offer,
    rival,
    snapshots,
)

from engine.pipeline import Engine
from engine.schema import CycleState, InputKind, OfferBit
from engine.strategies import StrategyDefinition

FLOOR, CEILING = 800, 1500
QUARTER_MS = 900_000
WINS, LOSES = int(OfferBit.WINNER), int(OfferBit.NOT_WINNER)
LEARNER = replace(PATIENT, seller_id="S1", strategy_id="learner", min_samples=2)
BRACKETS = replace(LEARNER, strategy_id="brackets", min_samples=1)


class Still:
    """A competitor and the highest price that has the Buy Box; `decided` are all prices."""

    def __init__(self, strategy: StrategyDefinition, competitor: int, highest: int) -> None:
        self.engine: Engine = new_engine()
        self.competitor, self.highest = competitor, highest
        self.now_ms, self.live = START_MS, 0
        self.decided: list[int] = []
        apply(self.engine, InputKind.STRATEGIES, definitions([strategy]))
        name = strategy.strategy_id
        mine = listing(floor_minor=FLOOR, ceiling_minor=CEILING, strategy_id=name)
        assert not apply(self.engine, InputKind.LISTINGS, definitions([mine])).problems

    def run(self, hours: int) -> None:
        """Time passes."""
        for _ in range(4 * hours):
            self.now_ms += QUARTER_MS
            won = 0 < self.live <= self.highest
            offers = [rival(self.competitor, int(ELIGIBLE) | (LOSES if won else WINS))]
            if self.live:
                offers.append(own_offer(self.live, int(ELIGIBLE) | (WINS if won else LOSES)))
            batch = snapshots((key(), offers), event_ms=self.now_ms)
            before = self.engine.state.next_decision_id
            apply(self.engine, InputKind.REPRICE, batch, self.now_ms)
            self.engine.advance(self.now_ms + 1, 0, self.engine.catalog.count)
            made = self.engine.decisions.after(before - 1, 100)
            self.decided += made["price_minor"].tolist()
            self.live = int(self.engine.catalog.rows["price_minor"][1])


CASES = [
    # a competitor, the highest price that has the Buy Box -> where the price ends
    (1200, 1240, 1240), (1400, 1399, 1399), (1800, 1850, 1500), (900, 905, 905), (820, 800, 800),
    (1100, 1000, 1000),
]  # fmt: skip


@pytest.mark.parametrize(("competitor", "highest", "expected"), CASES)
def test_it_climbs_to_the_highest_price_that_has_the_buy_box(
    competitor: int, highest: int, expected: int
) -> None:
    market = Still(BRACKETS, competitor, highest)
    market.run(480)
    assert all(FLOOR <= price <= CEILING for price in market.decided)
    assert market.engine.catalog.rows["state"][1] == CycleState.HOLDING
    assert market.live == expected


@pytest.mark.parametrize(("competitor", "highest", "expected"), CASES)
def test_the_learner_comes_within_two_per_cent_of_it(
    competitor: int, highest: int, expected: int
) -> None:
    market = Still(LEARNER, competitor, highest)
    market.run(480)
    assert all(FLOOR <= price <= CEILING for price in market.decided)
    assert expected * 98 <= market.live * 100 <= expected * 100


def test_where_even_the_floor_does_not_win_it_stays_at_the_floor() -> None:
    market = Still(BRACKETS, 790, 780)
    market.run(48)
    assert market.live == FLOOR
    assert min(market.decided) == FLOOR
    market.competitor, market.highest = 1000, 1010
    market.run(240)
    assert market.live == 1010
