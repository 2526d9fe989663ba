"""All runs of a report: every policy in every regime, spread over processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.market.grid_experiment import GridExperiment
from bench.market.observers import Losses, Probes, Trace
from bench.market.policies import AmazonRule, Fixed, MatchLowest, Policy, Undercut
from bench.market.regimes import ORACLE, REGIMES
from bench.market.shop import Shop
from bench.market.simulation import Oracle, Setting, Simulation
from bench.market.world import World

ENGINE = "engine"
NAMED: dict[str, Callable[[World], Policy]] = {
    "undercut": Undercut,
    "match_lowest": MatchLowest,
    "amazon_rule": AmazonRule,
    "fixed": Fixed,
}
POLICIES = (ENGINE, *NAMED)
EXPERIMENT = "grid_experiment"
TUNE_FIRST, REPORT_FIRST = 1_001, 1
"""Seeds to tune on begin with 1001, seeds to report on with 1; they never overlap."""
MOST_SEEDS = 1_000
SAMPLE_ROW = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run. `rows` are ASINs a seed."""

    regimes: tuple[str, ...]
    seeds: tuple[int, ...]
    rows: int
    days: int
    watched: bool = True
    experiment: bool = False


@dataclass(slots=True)
class Run:
    """Result of one policy in one regime. `profit` is minor units by seed."""

    regime: str
    policy: str
    profit: NDArray[np.float64]
    won: float
    changes: float  # a listing and day
    delayed: int
    notes: dict[str, Any] = field(default_factory=dict)
    trace: Trace | None = None


def seeds_of(first: int, count: int) -> tuple[int, ...]:
    """The first `count` seeds of a set."""
    return tuple(range(first, first + count))


def jobs(plan: Plan) -> list[tuple[str, str]]:
    """(regime, policy) of every run; long ones first. Bot regimes have no oracle."""
    oracles = [(name, ORACLE) for name in plan.regimes if REGIMES[name].against == ORACLE]
    experiments = [(name, EXPERIMENT) for name in plan.regimes if plan.experiment]
    return [
        *((name, ENGINE) for name in plan.regimes),
        *experiments,
        *oracles,
        *((name, policy) for name in plan.regimes for policy in NAMED),
    ]


def play(plan: Plan, regime: str, policy: str) -> Run:
    """One run."""
    simulation = Simulation(Setting(REGIMES[regime], plan.seeds, plan.rows, plan.days))
    notes: dict[str, Any] = {}
    trace = None
    if policy == ORACLE:
        outcome = simulation.run(Oracle(simulation))
    elif policy == ENGINE:
        shop = Shop(simulation.world)
        losses, probes = Losses(shop), Probes.of(shop)
        trace = Trace(min(SAMPLE_ROW, plan.rows - 1))
        watching = [losses.observe, trace.observe] if plan.watched else []
        outcome = simulation.run(shop, [probes.observe, *watching])
        notes = engine_notes(losses, probes)
    else:
        rule = GridExperiment if policy == EXPERIMENT else NAMED[policy]
        outcome = simulation.run(rule(simulation.world))
    days = len(simulation.world) * plan.days
    return Run(
        regime, policy, outcome.profit.reshape(len(plan.seeds), -1).sum(axis=1),
        float(outcome.won.mean()), outcome.changes / days, outcome.delayed, notes, trace,
    )  # fmt: skip


def engine_notes(losses: Losses, probes: Probes) -> dict[str, Any]:
    """What the observers found, for the details file."""
    return {
        "probes": probes.probes,
        "probes_that_lost": probes.lost,
        "lost_again_within_cooldown": probes.too_soon,
        "lost_by_doing": losses.shares() if losses.best > 0 else {},
    }


def play_all(plan: Plan, workers: int = 0) -> Iterator[Run]:
    """Runs in the order in which they end. Zero workers: one for each core."""
    todo = jobs(plan)
    if workers == 1:
        for regime, policy in todo:
            yield play(plan, regime, policy)
        return
    pool = ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn"))
    with pool:
        for done in as_completed([pool.submit(play, plan, *job) for job in todo]):
            yield done.result()


def by_regime(runs: Sequence[Run]) -> dict[str, dict[str, Run]]:
    """Runs by regime and policy."""
    found: dict[str, dict[str, Run]] = {}
    for each in runs:
        found.setdefault(each.regime, {})[each.policy] = each
    return found
