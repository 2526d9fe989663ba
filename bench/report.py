"""What a measurement leaves behind: one result, the file of all results, and the table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.ratios import Pairs, summary
from engine import kernel

LATEST = Path(__file__).parent / "results" / "latest.json"
OVER_FLOOR = "times the floor's time"
OVER_SMALLEST = "times the cost at the smallest size"
BYTES = "bytes"
FASTER = "times faster than the peer"

BUDGETS = {
    "kernel_vs_copy": 2.0,
    "kernel_vs_numpy": 5.0,
    "kernel_vs_numba": 0.9,
    "kernel_vs_polars": 30.0,
    "kernel_vs_python": 100.0,
    "decode_vs_parser": 4.0,
    "decode_vs_walk": 10.0,
    "rpc_memory_vs_echo": 2.2,
    "rpc_memory_vs_echo_1000": 2.2,
    "rpc_journaled_vs_floor": 1.4,
    "rpc_small_vs_echo": 1.6,
    "held_growth": 2.0,
    "call_growth": 1.5,
    "bytes_per_listing": 320.0,
    "start_vs_read": 3.0,
    "replay_vs_live": 1.0,
    "audit_vs_scan": 3.0,
    "import_vs_scan": 2.0,
}
"""At least this for results over a peer, at most this for all others."""


def budget_of(id: str) -> float:
    """The budget of a row; another size of it, `<id>_<number>`, has the same."""
    return BUDGETS.get(id, BUDGETS.get(id.rstrip("0123456789").rstrip("_"), 0.0))


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `spread` is the 10th and the 90th percentile of the ratios."""

    id: str
    ratio: float
    spread: tuple[float, float]
    unit: str
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def within_budget(self) -> bool:
        """Whether the budget of this row is kept."""
        budget = budget_of(self.id)
        return self.ratio >= budget if self.unit == FASTER else self.ratio <= budget

    @property
    def budget(self) -> str:
        """The budget as it is read."""
        return f"{'>=' if self.unit == FASTER else '<='} {budget_of(self.id):g}"


def machine() -> dict[str, Any]:
    """What every figure depends on."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "level": kernel.load().level,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def cpu_model() -> str:
    """Name of the processor as Linux reports it, else as Python does."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def result(id: str, pairs: Pairs, unit: str, listings: int, conditions: dict[str, Any]) -> Result:
    """Result of measured pairs; `listings` is what one run of our side works through."""
    ratios = pairs.times_faster() if unit == FASTER else pairs.over_floor()
    median, low, high = summary(ratios)
    own = {"pairs": len(ratios), "our_us_per_listing": round(pairs.ours_s / listings * 1e6, 4)}
    rounded = (round(low, 3), round(high, 3))
    return Result(id, round(median, 3), rounded, unit, machine() | conditions | own)


def as_document(results: Iterable[Result]) -> dict[str, Any]:
    """The results by id, as the file holds them."""
    return {
        each.id: {
            "ratio": each.ratio,
            "spread": list(each.spread),
            "unit": each.unit,
            "conditions": each.conditions,
        }
        for each in results
    }


def write(results: Iterable[Result], path: Path) -> None:
    """Puts results into the file; rows that were not measured now stay as they were."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    document = json.dumps(kept | as_document(results), indent=2, sort_keys=True)
    path.write_text(document + "\n", encoding="utf-8")


def show(results: Iterable[Result], console: Console) -> None:
    """Prints the table."""
    table = Table(title="Ratios: median of interleaved pairs")
    for name in ("id", "ratio", "10th to 90th", "unit", "budget", "our us a listing"):
        table.add_column(name, justify="left" if name in {"id", "unit"} else "right")
    for each in results:
        table.add_row(
            each.id,
            f"{each.ratio:.2f}",
            f"{each.spread[0]:.2f} to {each.spread[1]:.2f}",
            each.unit,
            each.budget if each.within_budget else f"[red]{each.budget}[/red]",
            f"{each.conditions['our_us_per_listing']:.3f}",
        )
    console.print(table)
