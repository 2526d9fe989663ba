"""A hostile market: whatever comes in whatever order, no price gets out against a guard.

The machine keeps its own plain account of what is stopped, in dry run, held and bounded, and looks
at every decision as it goes out.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from market.guarded import DAY_MS, HOUR_MS, MINUTE_MS, World, distance, follow
from market.shard import key

from engine.guards import Guards, GuardSettings
from engine.schema import DecisionStatus, InputKind, Reason

SELLERS = ("S1", "S2")
SKUS = tuple(f"SKU-{at}" for at in range(24))
PRICES = st.one_of(st.integers(80, 130).map(lambda pct: pct * 10), st.integers(1, 5000))
SOME = st.lists(st.sampled_from(SKUS), min_size=1, max_size=24, unique=True)
SELLER = st.sampled_from(SELLERS)
PAUSES = (0, 1000, MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS)


class HostileMarket(RuleBasedStateMachine):
    """Two sellers of 24 listings each, one with a following strategy."""

    def __init__(self) -> None:
        super().__init__()
        self.market = World(follow(offsets=distance(100)))
        for seller in SELLERS:
            self.market.listings(*SKUS, seller=seller, floor_minor=500, ceiling_minor=2000)
        self.everything = False
        self.stopped: set[str] = set()
        self.dry: set[str] = set()
        self.floors = {(seller, sku): [(0, 500)] for seller in SELLERS for sku in SKUS}
        self.seen = 0
        self.a_person = False
        self.tripped: set[int] = set()

    def guards(self) -> Guards:
        return self.market.engine.state.guards

    def look(self, a_person: bool = False) -> None:
        """Holds every decision since the last look against the account."""
        catalog = self.market.engine.catalog
        for each in self.market.log(self.seen):
            self.seen = int(each["decision_id"])
            if each["status"] != DecisionStatus.EMITTED:
                continue
            listing_id = int(each["listing_id"])
            seller, row = catalog.key_of(listing_id).seller_id, catalog.rows[listing_id]
            price, previous = int(each["price_minor"]), int(each["previous_minor"])
            high = max(row["floor_minor"], row["ceiling_minor"])
            assert row["floor_minor"] <= price <= high
            assert not self.everything
            assert seller not in self.stopped
            assert seller not in self.dry
            falls = 0 < price < previous
            if falls and not a_person and each["reason"] != Reason.BOUNDS:
                group = int(self.guards().watch.records["group"][listing_id])
                assert group not in self.tripped
            if not a_person and each["reason"] != Reason.BOUNDS:
                self.check_spiral(listing_id, previous, price)
        self.tripped = set(self.guards().breaker.tripped)

    def check_spiral(self, listing_id: int, previous: int, price: int) -> None:
        """No price goes further than the one that is held."""
        slot = int(self.guards().watch.records["mover"][listing_id])
        mover = self.guards().spirals.movers[slot]
        if slot and mover["until_s"] > self.market.now_ms // 1000:
            beyond = (price - int(mover["hold_minor"])) * int(mover["direction"]) > 0
            assert not beyond or (price - previous) * int(mover["direction"]) <= 0

    @rule(seller=SELLER, skus=SOME, price=PRICES, pause=st.sampled_from(PAUSES[1:]))
    def offers(self, seller: str, skus: list[str], price: int, pause: int) -> None:
        self.market.now_ms += pause
        self.market.offers(dict.fromkeys(skus, price), seller=seller)
        self.look()

    @rule(seller=SELLER, pct=st.integers(30, 110))
    def crash(self, seller: str, pct: int) -> None:
        self.market.now_ms += MINUTE_MS
        prices = {sku: max(1, self.market.price(sku, seller) * pct // 100) for sku in SKUS}
        self.market.offers(prices, seller=seller)
        self.look()

    @rule(seller=SELLER, sku=st.sampled_from(SKUS), pct=st.sampled_from((97, 98, 104)),
          rounds=st.integers(1, 9))  # fmt: skip
    def duel(self, seller: str, sku: str, pct: int, rounds: int) -> None:
        for _ in range(rounds):
            self.market.now_ms += 30 * MINUTE_MS
            price = max(1, self.market.price(sku, seller) * pct // 100)
            self.market.offers({sku: price}, seller=seller)
            self.look()

    @rule(seller=SELLER, sku=st.sampled_from(SKUS))
    def live(self, seller: str, sku: str) -> None:
        self.market.live(sku, self.market.price(sku, seller), seller)
        self.look()

    @rule(pause=st.sampled_from(PAUSES))
    def time(self, pause: int) -> None:
        self.market.advance(pause)
        self.look()

    @rule(seller=SELLER, skus=SOME, pct=st.integers(30, 250), high=st.integers(50, 1200))
    def bounds(self, seller: str, skus: list[str], pct: int, high: int) -> None:
        for sku in skus:
            row = self.market.row(sku, seller)
            floor = max(1, int(row["floor_minor"]) * pct // 100)
            ceiling = min(10**9, max(1, int(row["ceiling_minor"]) * high // 100))
            self.market.listings(sku, seller=seller, floor_minor=floor, ceiling_minor=ceiling)
            self.note_floor(seller, sku)
        self.look()

    def note_floor(self, seller: str, sku: str) -> None:
        """A floor is never under half of any floor that was in force within the day."""
        history, floor = self.floors[seller, sku], int(self.market.row(sku, seller)["floor_minor"])
        ends = [at for at, _ in history[1:]] + [self.market.now_ms]
        recent = [each for (_, each), end in zip(history, ends, strict=True)
                  if end > self.market.now_ms - DAY_MS]  # fmt: skip
        assert floor * 2 >= max(recent)
        history.append((self.market.now_ms, floor))

    @rule(everything=st.booleans(), sellers=st.sets(SELLER), skus=st.just(()))
    def stop(self, everything: bool, sellers: set[str], skus: tuple[str, ...]) -> None:
        self.market.stop(*skus, everything=everything, sellers=tuple(sorted(sellers)))
        self.everything |= everything
        self.stopped |= sellers
        self.look()

    @rule(everything=st.booleans(), sellers=st.sets(SELLER))
    def restart(self, everything: bool, sellers: set[str]) -> None:
        self.everything &= not everything
        self.stopped -= sellers
        self.market.restart(everything=everything, sellers=tuple(sorted(sellers)))
        self.look()

    @rule(seller=SELLER, on=st.booleans())
    def dry_run(self, seller: str, on: bool) -> None:
        (self.dry.add if on else self.dry.discard)(seller)
        self.market.seller(on, seller)
        self.look()

    @rule(seller=SELLER, discard=st.booleans())
    def release(self, seller: str, discard: bool) -> None:
        (self.market.discard if discard else self.market.release)(seller=seller)
        for sku in SKUS:
            floor = int(self.market.row(sku, seller)["floor_minor"])
            if floor != self.floors[seller, sku][-1][1]:
                self.floors[seller, sku] = [(self.market.now_ms, floor)]
        self.look(a_person=True)

    @rule(seller=SELLER, back=st.sampled_from(PAUSES))
    def restore(self, seller: str, back: int) -> None:
        self.market.restore(self.market.now_ms - back, seller)
        self.look(a_person=True)

    @rule(seller=SELLER, skus=SOME, resume=st.booleans())
    def pause(self, seller: str, skus: list[str], resume: bool) -> None:
        if seller == "S1":
            self.market.pause(*skus, kind=InputKind.RESUME if resume else InputKind.PAUSE)
        self.look()

    @invariant()
    def ids_have_no_gap(self) -> None:
        state = self.market.engine.state
        assert self.seen == state.next_decision_id - 1


TestHostileMarket = HostileMarket.TestCase
TestHostileMarket.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate), derandomize=True,
)  # fmt: skip


# The same run with and without snapshots


def act(market: World, random: Random) -> None:
    """One input of any kind."""
    seller = random.choice(SELLERS)
    some = random.sample(SKUS, random.randrange(1, 25))
    market.now_ms += random.choice(PAUSES)
    kind = random.randrange(14)
    if kind < 5:
        market.offers({sku: random.randrange(300, 1500) for sku in some}, seller=seller)
    elif kind == 5:
        pct = random.choice((40, 60, 96, 97, 105))
        for _ in range(random.randrange(1, 8)):
            market.now_ms += 20 * MINUTE_MS
            prices = {sku: max(1, market.price(sku, seller) * pct // 100) for sku in some}
            market.offers(prices, seller=seller)
    elif kind == 6:
        market.live(some[0], market.price(some[0], seller), seller)
    elif kind == 7:
        market.advance(HOUR_MS)
    elif kind == 8:
        floor = random.choice((100, 300, 450, 500, 700))
        market.listings(
            *some, seller=seller, floor_minor=floor, cost_minor=random.choice((None, 9))
        )
    elif kind == 9:
        call: Any = random.choice((market.stop, market.restart, market.restart))
        call(everything=random.random() < 0.3, sellers=(seller,))
    elif kind == 10:
        market.seller(random.random() < 0.4, seller)
    elif kind in (11, 12):
        random.choice((market.release, market.discard))(seller=seller)
    else:
        market.restore(market.now_ms - random.choice(PAUSES), seller)


def reload(market: World) -> None:
    """Puts the guards of a snapshot in the place of those that run."""
    state = market.engine.state
    fresh = Guards(GuardSettings(breaker_listings=99))
    fresh.load(state.guards.dump())
    state.guards = fresh


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) if isinstance(one[name], np.ndarray)
        else one[name] == other[name] for name in one
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_a_snapshot_at_any_moment_changes_nothing(seed: int) -> None:
    plain, restarted = World(follow()), World(follow())
    for market in (plain, restarted):
        for seller in SELLERS:
            market.listings(*SKUS, seller=seller, floor_minor=300, ceiling_minor=3000)
    for step in range(60):
        for market in (plain, restarted):
            act(market, Random(seed * 1000 + step))
        if step % 3 == seed % 3:
            reload(restarted)
    assert len(plain.log()) > 50
    assert plain.log().tobytes() == restarted.log().tobytes()
    count = plain.engine.catalog.count
    rows = [each.engine.catalog.rows[:count].tobytes() for each in (plain, restarted)]
    assert rows[0] == rows[1]
    dumps = [each.engine.state.guards.dump() for each in (plain, restarted)]
    assert same(*dumps)
    assert plain.engine.catalog.id_of(key("SKU-0")) == 1
