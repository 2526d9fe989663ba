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
TUNE_FIRST, REPORT_FIRST, CONFIRM_FIRST = 1_001, 1, 301
"""Seeds to tune on begin with 1001, those to report on with 1, and those to confirm a report on, by
which nothing was chosen, with 301; they never overlap."""
MOST_SEEDS = 300
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


def policies_of(plan: Plan, regime: str) -> list[str]:
    """Who is run in a regime, long runs first. Bot regimes have no oracle."""
    oracle = [ORACLE] if REGIMES[regime].against == ORACLE else []
    tried = [EXPERIMENT] if plan.experiment else []
    return [ENGINE, *tried, *oracle, *NAMED]


def jobs(plan: Plan) -> list[tuple[str, str]]:
    """(regime, policy) of every run, regime by regime."""
    return [(name, policy) for name in plan.regimes for policy in policies_of(plan, name)]


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


def play_all(plan: Plan, workers: int = 0) -> Iterator[list[Run]]:
    """All runs of a regime at a time, in the order in which regimes are complete.

    Zero workers: one for each core.
    """
    runs: dict[str, list[Run]] = {name: [] for name in plan.regimes}
    pool = ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn"))
    with pool:
        for done in as_completed([pool.submit(play, plan, *job) for job in jobs(plan)]):
            run = done.result()
            runs[run.regime].append(run)
            if len(runs[run.regime]) == len(policies_of(plan, run.regime)):
                yield runs[run.regime]


def by_regime(runs: Sequence[Run]) -> dict[str, dict[str, Run]]:
    """Runs by regime and policy."""
    found: dict[str, dict[str, Run]] = {}
    for each in runs:
        found.setdefault(each.regime, {})[each.policy] = each
    return found
