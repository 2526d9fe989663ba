"""Shares with intervals, budgets, the table and the two files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.market.regimes import ORACLE, REGIMES, UNDERCUT, Regime
from bench.market.runs import ENGINE, EXPERIMENT, POLICIES, Plan, Run, by_regime

RESULTS = Path(__file__).resolve().parents[1] / "results"
MATCH_TOLERANCE = -0.01
"""Against match_lowest the lower end of the paired difference may not fall below this."""


@dataclass(frozen=True, slots=True)
class Share:
    """Mean over seeds with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def shown(self) -> str:
        """As the table shows it."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def student(freedom: int) -> float:
    """97.5th percentile of Student's t, by Cornish and Fisher's expansion; within 0.2 % from
    nine degrees of freedom on."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def interval(values: NDArray[np.float64]) -> Share:
    """Mean of independent values, one for each seed; one value has no interval to speak of."""
    mean = float(values.mean())
    if len(values) < 2:
        return Share(mean, mean, mean)
    half = student(len(values) - 1) * float(values.std(ddof=1)) / len(values) ** 0.5
    return Share(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class Row:
    """One regime of the table. `against_match` is the paired difference in bot regimes."""

    regime: Regime
    shares: dict[str, Share]
    against_match: Share | None
    experiment: Share | None
    notes: dict[str, Any]

    @property
    def short(self) -> float:
        """By how much the engine misses the budget; zero where it is met or there is none."""
        if self.regime.budget is None:
            return 0.0
        return max(0.0, self.regime.budget - self.shares[ENGINE].mean)

    @property
    def below_match(self) -> bool:
        """Whether the engine may be worse than match_lowest in a bot regime with a budget."""
        found = self.against_match
        return self.regime.budget is not None and found is not None and found.low <= MATCH_TOLERANCE


def make_row(regime: Regime, runs: dict[str, Run]) -> Row:
    """Shares of one regime; every quotient is of the same seed."""
    whole = runs[regime.against].profit
    shares = {name: interval(runs[name].profit / whole) for name in POLICIES}
    tried = interval(runs[EXPERIMENT].profit / whole) if EXPERIMENT in runs else None
    paired = None
    if regime.against == UNDERCUT:
        paired = interval((runs[ENGINE].profit - runs["match_lowest"].profit) / whole)
    return Row(regime, shares, paired, tried, runs[ENGINE].notes)


def make_rows(runs: Sequence[Run]) -> list[Row]:
    """A row for each regime, in the order of `REGIMES`."""
    found = by_regime(runs)
    return [make_row(regime, found[name]) for name, regime in REGIMES.items() if name in found]


def show(rows: Sequence[Row], console: Console) -> None:
    """Prints the table, and in plain words where a budget is missed."""
    table = Table(title="Profit over the oracle's; in bot regimes over undercut's. Mean of seeds.")
    table.add_column("regime")
    table.add_column("budget", justify="right")
    table.add_column("engine [95 %]", justify="right")
    for name in POLICIES[1:]:
        table.add_column(name, justify="right")
    table.add_column("experiment", justify="right")
    table.add_column("probes lost (too soon)", justify="right")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    for row in rows:
        for line in misses(row):
            console.print(line, highlight=False)


def cells(row: Row) -> list[str]:
    """Texts of one row of the table."""
    budget = "" if row.regime.budget is None else f">= {row.regime.budget:g}"
    if row.short or row.below_match:
        budget = f"[red]{budget}[/red]"
    others = [f"{row.shares[name].mean:.3f}" for name in POLICIES[1:]]
    probes = (
        f"{row.notes['probes_that_lost']} of {row.notes['probes']}"
        f" ({row.notes['lost_again_within_cooldown']})"
    )
    tried = row.experiment.shown if row.experiment else ""
    return [row.regime.name, budget, row.shares[ENGINE].shown, *others, tried, probes]


def line(row: Row) -> str:
    """One regime in one line, for those who wait for the table."""
    tried = f", experiment {row.experiment.shown}" if row.experiment else ""
    others = ", ".join(f"{name} {row.shares[name].mean:.3f}" for name in POLICIES[1:])
    return f"{row.regime.name} engine {row.shares[ENGINE].shown}, {others}{tried}"


def misses(row: Row) -> list[str]:
    """One sentence for each budget that is missed."""
    name, share = row.regime.name, row.shares[ENGINE].mean
    found = []
    if row.short:
        whose = "the oracle's" if row.regime.against == ORACLE else "undercut's"
        found.append(
            f"{name}: {share:.3f} of {whose} profit, {row.short:.3f} short of {row.regime.budget:g}"
        )
    if row.below_match and row.against_match is not None:
        found.append(
            f"{name}: over match_lowest {row.against_match.shown}; the lower end must be above"
            f" {MATCH_TOLERANCE:g}"
        )
    return found


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """What market.json holds."""
    return {
        row.regime.name: {
            name: {
                "share": round(share.mean, 4),
                "interval": [round(share.low, 4), round(share.high, 4)],
            }
            for name, share in row.shares.items()
        }
        for row in rows
    }


def earlier(folder: Path, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both files of an earlier run of other regimes under the same conditions, else empty ones."""
    try:
        found, more = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in ("market.json", "market_details.json")
        )
    except FileNotFoundError:
        return {}, {}
    return (found, more["regimes"]) if more["plan"] == conditions(plan) else ({}, {})


def conditions(plan: Plan) -> dict[str, Any]:
    """What figures of one file have in common."""
    shared = {name: value for name, value in asdict(plan).items() if name != "regimes"}
    return {**shared, "seeds": [min(plan.seeds), max(plan.seeds)]}


def in_order(found: dict[str, Any]) -> dict[str, Any]:
    """Regimes as `REGIMES` has them."""
    return {name: found[name] for name in REGIMES if name in found}


def details(plan: Plan, rows: Sequence[Row], runs: Sequence[Run]) -> dict[str, Any]:
    """What market_details.json holds: conditions, probes, losses by what the engine was doing."""
    found = by_regime(runs)
    return {
        "plan": conditions(plan),
        "regimes": {
            row.regime.name: {
                **row.notes,
                "over_match_lowest": asdict(row.against_match) if row.against_match else None,
                EXPERIMENT: asdict(row.experiment) if row.experiment else None,
                "held": {name: round(run.won, 4) for name, run in found[row.regime.name].items()},
                "changes_a_day": {
                    name: round(run.changes, 2) for name, run in found[row.regime.name].items()
                },
                "delayed_by_quota": found[row.regime.name][ENGINE].delayed,
            }
            for row in rows
        },
    }


def write(found: dict[str, Any], path: Path) -> None:
    """Writes a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
