"""The rows below the wire at tiny sizes: the work is right, whatever time it takes here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from bench import frozen
from bench.kernel_rows import PEERS, Market, kernel_vs_copy, kernel_vs_peer
from bench.report import FASTER, OVER_FLOOR
from engine.schema import CycleState

LISTINGS = 400


@pytest.fixture(scope="module")
def work() -> frozen.Frozen:
    return frozen.make(LISTINGS)


@pytest.fixture(scope="module")
def answers(work: frozen.Frozen) -> frozen.Answers:
    return frozen.KernelSide(work).answers()


def as_columns(given: Any) -> frozen.Answers:
    """Answers of any peer; plain Python gives pairs."""
    if isinstance(given, frozen.Answers):
        return given
    both = np.array(given)
    return frozen.Answers(both[:, 0], both[:, 1])


@pytest.mark.parametrize("peer", PEERS)
def test_peer(benchmark: Any, work: frozen.Frozen, answers: frozen.Answers, peer: str) -> None:
    """How long does a peer take for the frozen set, and does it find what the kernel finds?"""
    module = import_module(f"bench.peers.{peer}_peer")
    prepared = module.prepare(work)
    found = as_columns(benchmark.pedantic(module.evaluate, args=(prepared,), rounds=3))
    np.testing.assert_array_equal(found.price_minor, answers.price_minor)
    np.testing.assert_array_equal(found.reference_minor, answers.reference_minor)


def test_kernel_on_the_frozen_set(
    benchmark: Any, work: frozen.Frozen, answers: frozen.Answers
) -> None:
    """How long does the kernel take for the frozen set, and does every run answer the same?"""
    side = frozen.KernelSide(work)
    benchmark.pedantic(side.evaluate, setup=side.restore, rounds=3)
    np.testing.assert_array_equal(side.bench.rows["price_minor"], answers.price_minor)


def test_kernel_on_random_rows(benchmark: Any) -> None:
    """How long does the kernel take for random rows of a table in all states?"""
    market = Market(held=4_000, batch=500)
    states = set(np.unique(market.bench.rows["state"]).tolist())
    assert {CycleState.AWAITING, CycleState.HOLDING, CycleState.PROBING} <= states
    before = market.bench.counters.sum()
    benchmark.pedantic(market.bench.evaluate, setup=lambda: ((market.next_tick(),), {}), rounds=4)
    assert market.bench.counters.sum() - before >= 500


def test_copy_of_random_rows(benchmark: Any) -> None:
    """How long does the floor take: the same rows and offers copied, and nothing changed?"""
    market = Market(held=4_000, batch=500)
    before = market.bench.rows.copy()
    benchmark.pedantic(market.bench.copy, setup=lambda: ((market.next_tick(),), {}), rounds=4)
    assert market.bench.rows.tobytes() == before.tobytes()


def test_every_random_tick_has_its_own_listings() -> None:
    market = Market(held=4_000, batch=500)
    seen = np.concatenate([market.next_tick().snapshots["listing_id"] for _ in range(8)])
    assert len(np.unique(seen)) == 4_000


def test_the_frozen_set_holds_every_case(work: frozen.Frozen, answers: frozen.Answers) -> None:
    rows = work.rows
    assert np.any(rows["price_minor"] == 0)
    assert np.any(rows["price_minor"] > np.maximum(rows["floor_minor"], rows["ceiling_minor"]))
    assert np.any(rows["ceiling_minor"] < rows["floor_minor"])
    assert np.any(answers.reference_minor == 0)
    assert np.any(answers.reference_minor > 0)
    again = frozen.make(LISTINGS)
    assert again.rows.tobytes() == rows.tobytes()
    assert again.offers.bits.tobytes() == work.offers.bits.tobytes()


def test_rows_of_the_table() -> None:
    """Do the rows below the wire give a ratio with its unit, spread and conditions?"""
    over_floor, faster = kernel_vs_copy(3, tiny=True), kernel_vs_peer("numpy", 3, tiny=True)
    assert (over_floor.id, over_floor.unit) == ("kernel_vs_copy", OVER_FLOOR)
    assert (faster.id, faster.unit) == ("kernel_vs_numpy", FASTER)
    for each in (over_floor, faster):
        assert 0 < each.spread[0] <= each.ratio <= each.spread[1]
        assert {"cpu", "cores", "level", "python", "listings", "pairs"} <= each.conditions.keys()
