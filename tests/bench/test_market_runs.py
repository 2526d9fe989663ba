"""Runs of the market: the engine behind its adapter, shares, files, pictures, the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.market import report
from bench.market.__main__ import main
from bench.market.observers import Probes
from bench.market.regimes import ORACLE, REGIMES
from bench.market.runs import (
    CONFIRM_FIRST,
    ENGINE,
    MOST_SEEDS,
    POLICIES,
    REPORT_FIRST,
    TUNE_FIRST,
    Plan,
    Run,
    jobs,
    play,
    seeds_of,
)
from bench.market.shop import Shop
from bench.market.simulation import Moment, Setting, Simulation
from bench.market.world import OURS
from engine.schema import Reason

SMALL = Plan(("still",), (1, 2), 3, 1)


@pytest.mark.parametrize("name", ["sticky", "rotation", "stockouts", "amazon_enters", "night"])
def test_the_engine_trades_within_its_bounds(name: str) -> None:
    simulation = Simulation(Setting(REGIMES[name], (11,), 6, 1))
    shop = Shop(simulation.world)
    seen = []

    def watch(market: Simulation, moment: Moment) -> None:
        seen.append(market.offers.item[:, OURS].copy())

    outcome = simulation.run(shop, [watch])
    prices, world = np.array(seen), simulation.world
    ours = prices[(prices != world.start).any(axis=1)]
    moved = ours != world.start
    assert moved.any()
    assert ((ours >= world.floor) & (ours <= world.ceiling))[moved].all()
    assert outcome.changes > 0
    assert (shop.state > 0).all()


@pytest.mark.parametrize("policy", [ENGINE, ORACLE, "undercut"])
def test_the_same_seed_gives_the_same_result(policy: str) -> None:
    first, second = (play(SMALL, "drift", policy) for _ in range(2))
    assert np.array_equal(first.profit, second.profit)
    assert first.notes == second.notes


def test_a_seed_does_not_depend_on_its_neighbours() -> None:
    alone = play(Plan(("still",), (2,), 3, 1), "still", ENGINE)
    assert np.isclose(alone.profit[0], play(SMALL, "still", ENGINE).profit[1])


def test_watching_changes_nothing() -> None:
    quiet = play(Plan(("still",), (1, 2), 3, 1, watched=False), "still", ENGINE)
    assert np.array_equal(quiet.profit, play(SMALL, "still", ENGINE).profit)


@pytest.mark.parametrize("name", ["noisy", "suppression"])
def test_the_oracle_earns_most(name: str) -> None:
    plan = Plan((name,), (1, 2), 5, 1, watched=False)
    best = play(plan, name, ORACLE).profit.sum()
    assert all(play(plan, name, policy).profit.sum() < best for policy in POLICIES)


def test_losses_are_told_by_what_the_engine_was_doing() -> None:
    losses = play(SMALL, "still", ENGINE).notes["lost_by_doing"]
    assert all(0 <= each < 1 for each in losses.values())
    assert list(losses.values()) == sorted(losses.values(), reverse=True)
    assert any(name.startswith("HOLDING ") for name in losses)
    assert any(name.endswith(" too high") for name in losses)


def test_probes_that_cost_the_buy_box_are_counted() -> None:
    """One probe far above the threshold, then another one on the same listing an hour later."""
    simulation = Simulation(Setting(REGIMES["still"], (11,), 6, 1))
    shop = Shop(simulation.world)
    probes = Probes.of(shop)
    simulation.offers.item[:, OURS] = simulation.world.floor
    told: list[tuple[int, int, int]] = []
    shop.newest = lambda: told  # type: ignore[method-assign]

    def turn(tick: int, price: int, *decided: tuple[int, int, int]) -> None:
        told[:] = decided
        simulation.offers.item[0, OURS] = price
        probes.observe(simulation, simulation._play(tick))

    floor, ceiling = int(simulation.world.floor[0]), 9 * int(simulation.world.base[0])
    for tick in (0, 12):
        turn(tick, floor)
        turn(tick + 1, floor, (0, ceiling, Reason.PROBE_UP))
        turn(tick + 2, ceiling)
        turn(tick + 3, ceiling)
    assert (probes.probes, probes.lost, probes.too_soon) == (2, 2, 1)
    turn(20, floor, (0, floor, Reason.PROBE_LOST))
    turn(21, ceiling, (0, ceiling, Reason.REANCHOR))
    assert probes.lost == 2


# Reports


def test_sets_of_seeds_never_meet() -> None:
    firsts = (TUNE_FIRST, REPORT_FIRST, CONFIRM_FIRST)
    seeds = [each for first in firsts for each in seeds_of(first, MOST_SEEDS)]
    assert len(set(seeds)) == len(firsts) * MOST_SEEDS


def test_bot_regimes_have_no_oracle() -> None:
    found = jobs(Plan(("still", "night"), (1,), 1, 1))
    assert ("still", ORACLE) in found
    assert ("night", ORACLE) not in found
    assert {policy for regime, policy in found if regime == "night"} == set(POLICIES)
    assert found.index(("still", "fixed")) < found.index(("night", ENGINE))


@pytest.mark.parametrize(("freedom", "known"), [(9, 2.262), (19, 2.093), (99, 1.984)])
def test_students_t(freedom: int, known: float) -> None:
    assert report.student(freedom) == pytest.approx(known, rel=0.002)


def test_an_interval_is_the_mean_and_its_error() -> None:
    found = report.interval(np.array([0.9, 1.0, 1.1] * 7))
    assert found.mean == pytest.approx(1.0)
    half = report.student(20) * np.std([0.9, 1.0, 1.1] * 7, ddof=1) / 21**0.5
    assert (found.low, found.high) == pytest.approx((1.0 - half, 1.0 + half))


def runs_of(regime: str, **profits: list[float]) -> list[Run]:
    notes = {"probes": 9, "probes_that_lost": 4, "lost_again_within_cooldown": 1}
    return [
        Run(regime, policy, np.array(profit), 0.5, 1.0, 0, notes)
        for policy, profit in profits.items()
    ]


def test_shares_are_those_of_the_same_seed() -> None:
    runs = runs_of(
        "still", oracle=[10.0, 100.0], engine=[9.0, 99.0], undercut=[5.0, 70.0],
        match_lowest=[5.0, 50.0], amazon_rule=[6.0, 60.0], fixed=[0.0, -10.0],
    )  # fmt: skip
    (row,) = report.make_rows(runs)
    assert row.shares[ENGINE].mean == pytest.approx(0.945)
    assert row.shares["fixed"].mean == pytest.approx(-0.05)
    assert row.short == pytest.approx(0.025)
    assert report.misses(row) == ["still: 0.945 of the oracle's profit, 0.025 short of 0.97"]


def test_a_bot_regime_is_judged_against_undercut_and_match_lowest() -> None:
    runs = runs_of(
        "ratio_bot", engine=[14.0, 15.0, 14.0], undercut=[10.0, 10.0, 10.0],
        match_lowest=[12.0, 17.0, 12.0], amazon_rule=[1.0, 1.0, 1.0], fixed=[1.0, 1.0, 1.0],
    )  # fmt: skip
    (row,) = report.make_rows(runs)
    assert row.short == 0
    assert row.against_match is not None
    assert row.against_match.mean == pytest.approx(0.0667, abs=1e-3)
    assert row.below_match
    assert len(report.misses(row)) == 1


# The command


def test_the_command_writes_shares_details_and_pictures(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main,
        ["--seeds", "2", "--days", "1", "--rows", "2", "--regimes", "still undercut_bot",
         "--workers", "1", "--out", str(tmp_path), "--set", "tune", "--experiment"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "seeds 1001 to 1002 (tune)" in done.output
    written = json.loads((tmp_path / "market.json").read_text(encoding="utf-8"))
    assert written.keys() == {"still", "undercut_bot"}
    for policies in written.values():
        assert policies.keys() == set(POLICIES)
        for each in policies.values():
            low, high = each["interval"]
            assert low <= each["share"] <= high
    assert written["undercut_bot"]["undercut"] == {"share": 1.0, "interval": [1.0, 1.0]}
    told = json.loads((tmp_path / "market_details.json").read_text(encoding="utf-8"))
    assert told["plan"]["seeds"] == [1001, 1002]
    assert told["regimes"]["still"]["probes"] > 0
    assert 0 < told["regimes"]["still"]["grid_experiment"]["mean"] <= 1.02
    for name in ("still", "undercut_bot", "regimes"):
        assert (tmp_path / "market" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_names_a_regime_that_does_not_exist() -> None:
    refused = CliRunner().invoke(main, ["--regimes", "paradise"])
    assert refused.exit_code == 2
    assert "'paradise'; there are still, noisy" in refused.output
