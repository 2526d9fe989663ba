"""The native accounting and its twin in numpy keep the same tables, whatever happens."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from market.guarded import DAY_MS, HOUR_MS, MINUTE_MS, World, distance, follow

from engine import _emit, _guards, schema
from engine.guards import Guard, GuardSettings, inside_bounds, keeps_bounds
from engine.guards.breaker import FIELDS, SPANS, Breaker
from engine.guards.holds import HoldKind
from engine.guards.native import NativeBreaker, NativeSpirals
from engine.guards.slices import Finding
from engine.guards.spiral import BUCKET_S, BUCKETS, MOVER, Spirals
from engine.guards.watch import WATCH
from engine.schema import EVENT_REASONS, CycleState, DecisionStatus, InputKind, Reason

ENGINE = Path(__file__).parents[3] / "engine"
SELLERS = ("S1", "S2", "S3")
SKUS = tuple(f"SKU-{at}" for at in range(30))
PAUSES = (0, 1_000, 20_000, MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, DAY_MS)
EAGER = GuardSettings(spiral_moves=2, breaker_listings=8)


class Twins:
    """Two worlds that hear the same; one counts natively, the other in numpy."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.native, self.plain = (World(follow(offsets=distance(100))) for _ in range(2))
        for market, breaker, spirals in (
            (self.native, NativeBreaker, NativeSpirals), (self.plain, Breaker, Spirals),
        ):  # fmt: skip
            guards = market.engine.state.guards
            guards.breaker, guards.spirals = breaker(guards.watch), spirals(guards.watch)
            guards.settings = EAGER
        for seller in SELLERS:
            self.both("listings", *SKUS, seller=seller, floor_minor=100, ceiling_minor=9000)

    def both(self, method: str, *given: Any, **named: Any) -> None:
        """Calls both worlds and compares all that they know and decided."""
        for market in (self.native, self.plain):
            getattr(market, method)(*given, **named)
        ours, theirs = (each.engine.state.guards.dump() for each in (self.native, self.plain))
        for name, column in ours.items():
            other = theirs[name]
            assert type(column) is type(other)
            assert np.array_equal(column, other), name
        assert np.array_equal(self.native.log(), self.plain.log())
        for rows in ("rows", "grids", "records"):
            given_rows = (getattr(each.engine.catalog, rows) for each in (self.native, self.plain))
            assert np.array_equal(*given_rows), rows

    def pass_time(self, milliseconds: int) -> None:
        self.both("advance", milliseconds)

    def some_offers(self) -> None:
        """Competitors near our prices, or that answer them, or that crash."""
        random, seller = self.random, self.random.choice(SELLERS)
        skus = random.sample(SKUS, random.choice((1, 5, 30)))
        share = random.choice((98, 102, 97, 40, random.randint(60, 140)))
        rivals = {
            sku: max(1, self.native.price(sku, seller) * share // 100 + random.randint(-1, 1))
            for sku in skus
        }
        own = {sku: self.native.price(sku, seller) for sku in skus[::2]}
        self.both(
            "offers", rivals, own, seller=seller, by=random.choice(("A", "A", "A", "B")),
            wins=random.random() < 0.3,
        )  # fmt: skip

    def some_duel(self) -> None:
        """One competitor who answers each of our moves."""
        seller, sku = self.random.choice(SELLERS), self.random.choice(SKUS)
        share = self.random.choice((98, 97, 104))
        for _ in range(self.random.randint(2, 6)):
            self.pass_time(20 * MINUTE_MS)
            price = max(1, self.native.price(sku, seller) * share // 100)
            self.both("offers", {sku: price}, seller=seller)

    def some_release(self) -> None:
        """A person lets go of what is held."""
        holds = self.native.holds(HoldKind.BREAKER) + self.native.holds(HoldKind.SPIRAL)
        if holds:
            chosen = self.random.choice(holds).hold_id
            self.both(self.random.choice(("release", "discard")), chosen)

    def step(self) -> None:
        act = self.random.choice(
            (self.some_offers, self.some_offers, self.some_offers, self.some_duel,
             self.some_release)
        )  # fmt: skip
        act()
        self.pass_time(self.random.choice(PAUSES))


@pytest.mark.parametrize("seed", range(6))
def test_tables_events_and_decisions_are_equal(seed: int) -> None:
    """At least sixty steps, and on until both guards have tripped."""
    twins = Twins(seed)
    trips = twins.native.engine.state.guards.trips
    for at in range(240):
        twins.step()
        if at >= 60 and trips[Guard.BREAKER] > 0 and trips[Guard.SPIRAL] > 0:
            break
    assert trips[Guard.BREAKER] > 0
    assert trips[Guard.SPIRAL] > 0


def test_a_switch_between_them_goes_unnoticed() -> None:
    """A snapshot of one is a state of the other."""
    twins = Twins(99)
    for _ in range(20):
        twins.step()
    ours, theirs = (each.engine.state.guards for each in (twins.native, twins.plain))
    kept = ours.dump(), theirs.dump()
    ours.load(kept[1])
    theirs.load(kept[0])
    for _ in range(20):
        twins.step()


# What is looked for


def random_slice(seed: int, count: int) -> tuple[Any, Any, Any, Any]:
    """A table, and a slice of it in which everything occurs, each thing rarely."""
    rng = np.random.default_rng(seed)
    rows, outcomes = np.zeros(2 * count, schema.ROW), np.zeros(count, schema.OUTCOME)
    outcomes["listing_id"] = rng.permutation(2 * count)[:count]
    rows["floor_minor"], rows["ceiling_minor"] = 500, 900
    scratch = rows[outcomes["listing_id"]]
    rare = 1 / count

    def some() -> Any:
        return rng.random(count) < rare

    scratch["floor_minor"][some()] = rng.choice([0, 950, 400])
    scratch["ceiling_minor"][some()] = rng.choice([0, 450, 1000])
    scratch["live_price_minor"][some()] = 600
    outcomes["price_minor"] = rng.choice([500, 700, 900], count)
    outcomes["price_minor"][some()] = rng.choice([499, 901, 0])
    outcomes["previous_minor"] = rng.choice([0, 500, 700], count)
    outcomes["changed"] = rng.random(count) < 0.5
    outcomes["reason"] = rng.choice([Reason.MATCH, Reason.BOUNDS], count)
    outcomes["reason"][some()] = rng.choice([*EVENT_REASONS, Reason.STALE_OFFERS])
    outcomes["state"][some()] = CycleState.PAUSED
    outcomes["state_before"][some()] = CycleState.PAUSED
    outcomes["ignored"], outcomes["verdict"] = some(), some()
    watch = np.zeros(2 * count, WATCH)
    watch["group"] = 1
    watch["group"][outcomes["listing_id"][some()]] = 0
    return rows, scratch, outcomes, watch


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("may_define", [True, False])
def test_a_look_finds_what_numpy_finds(seed: int, may_define: bool) -> None:
    rows, scratch, outcomes, watch = random_slice(seed, 1 + seed % 40)
    changed, lived = np.empty(len(scratch), np.intp), np.empty(len(scratch), np.intp)
    found, used, lives = _guards.look(
        rows.view(np.uint8), scratch.view(np.uint8), outcomes.view(np.uint8),
        watch.view(np.uint8), may_define, changed, lived,
    )  # fmt: skip
    sane, ids = inside_bounds(scratch, outcomes), outcomes["listing_id"]
    if not may_define:
        sane &= keeps_bounds(rows, scratch, outcomes)
    told = np.isin(outcomes["reason"], [*EVENT_REASONS, Reason.STALE_OFFERS])
    pauses = (outcomes["state"] == CycleState.PAUSED) & (
        outcomes["state_before"] != CycleState.PAUSED
    )
    wanted = {
        Finding.BROKEN: ~sane, Finding.TOLD: told, Finding.PAUSED: pauses,
        Finding.IGNORED: outcomes["ignored"] != 0, Finding.VERDICT: outcomes["verdict"] != 0,
        Finding.NO_GROUP: watch["group"][ids] == 0,
    }  # fmt: skip
    assert {each for each in Finding if found & each} == {
        each for each, where in wanted.items() if where.any()
    }
    assert changed[:used].tolist() == np.flatnonzero(outcomes["changed"]).tolist()
    live_before = rows["live_price_minor"][ids]
    assert (
        lived[:lives].tolist()
        == np.flatnonzero(live_before != scratch["live_price_minor"]).tolist()
    )
    moving = (outcomes["previous_minor"] > 0) & (outcomes["reason"] != Reason.BOUNDS)
    moving &= (outcomes["price_minor"] != outcomes["previous_minor"]) & (outcomes["changed"] != 0)
    chosen = np.empty(used, np.intp)
    count = _guards.moving(outcomes.view(np.uint8), changed[:used], chosen)
    assert chosen[:count].tolist() == np.flatnonzero(moving).tolist()


def test_decisions_are_the_outcomes_with_their_listings_records() -> None:
    rng = np.random.default_rng(5)
    _, _, outcomes, _ = random_slice(5, 40)
    outcomes["index"] = rng.permutation(40)
    records = np.zeros(80, schema.RECORD)
    records["bounds_version"], records["currency"] = rng.integers(1, 99, 80), 7
    before, slots = records.copy(), np.flatnonzero(outcomes["changed"])
    status = rng.choice([DecisionStatus.EMITTED, DecisionStatus.HELD], len(slots)).astype(np.uint8)
    made = np.empty(len(slots), schema.DECISION)
    _emit.decide(
        records.view(np.uint8), outcomes.view(np.uint8), slots, status, 100, 77,
        made.view(np.uint8),
    )  # fmt: skip
    chosen = outcomes[slots]
    for name in ("price_minor", "previous_minor", "reference_minor", "listing_id", "index",
                 "reason", "state"):  # fmt: skip
        assert made[name].tolist() == chosen[name].tolist()
    assert made["decision_id"].tolist() == list(range(100, 100 + len(slots)))
    assert made["status"].tolist() == status.tolist()
    assert not made["withdraws"].any()
    ids = chosen["listing_id"]
    assert made["bounds_version"].tolist() == before["bounds_version"][ids].tolist()
    out = status == DecisionStatus.EMITTED
    wanted = before.copy()
    wanted["decision_id"][ids[out]] = made["decision_id"][out]
    wanted["decided_ms"][ids[out]] = 77
    wanted["previous_minor"][ids[out]] = chosen["previous_minor"][out]
    wanted["decision_reason"][ids[out]] = chosen["reason"][out]
    assert np.array_equal(records, wanted)


# Layout


def test_c_records_and_constants_are_those_of_the_twins() -> None:
    sizes = _guards.check_layout(np.zeros(1, WATCH), np.zeros(1, MOVER))
    assert sizes == (WATCH.itemsize, MOVER.itemsize)
    text = "".join(
        (ENGINE / name).read_text() for name in ("_guard_tables.pxd", "_guards.pyx", "_emit.pyx")
    )
    values = {name: int(value) for name, value in re.findall(r"^    ([A-Z_]+) = (\d+)", text, re.M)}
    spans = [(values[f"{each}_BUCKET_S"], values[f"{each}_RING"]) for each in ("SHORT", "LONG")]
    assert spans == [(bucket_s, buckets + 1) for bucket_s, buckets in SPANS]
    assert (values["BUCKETS"], values["BUCKET_S"]) == (BUCKETS, BUCKET_S)
    assert [values[name] for name in ("STAMP", "SEEN", "FALLING", "DEPTH")] == list(FIELDS)
    assert values["WINDOW_FIELDS"] == len(FIELDS)
    assert {name: values[f"FOUND_{name}"] for name in Finding.__members__} == Finding.__members__
    assert values["EMITTED"] == DecisionStatus.EMITTED


def test_commands_do_not_count_as_evaluations() -> None:
    twins = Twins(3)
    before = twins.native.engine.state.guards.watch.records["seen_s"].copy()
    twins.both("pause", *SKUS[:3], kind=InputKind.PAUSE)
    assert np.array_equal(before, twins.native.engine.state.guards.watch.records["seen_s"])
