"""Accepted results, one file per kind of machine, and whether a new measurement is worse.

docs/decisions/0121-accepted-results.md says why ends of the spread are compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import report
from bench.report import FASTER, Result

HISTORY = report.LATEST.parent / "history"
WORSE = 1.5
"""So many times worse than accepted fails."""
CHECKED = (
    "kernel_vs_copy",
    "kernel_vs_numpy",
    "decode_vs_parser",
    "rpc_memory_vs_echo_1000",
    "rpc_small_vs_echo",
    "replay_vs_live",
)
"""Rows that are measured in seconds at their full size."""
PAIRS = 10
AGAIN = 3
"""So many times the pairs where a row looks worse than it may."""


def machine_kind() -> str:
    """What machines have in common whose ratios can be compared."""
    machine = report.machine()
    words = f"{machine['cpu']} {machine['cores']} cores {machine['level']} {machine['system']}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def accepted_path() -> Path:
    """The accepted file of this kind of machine, which need not exist."""
    return HISTORY / f"{machine_kind()}.json"


def accepted() -> dict[str, Any]:
    """Accepted results of this kind of machine by id; empty where it is new."""
    path = accepted_path()
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def worse(results: Iterable[Result], known: dict[str, Any]) -> list[str]:
    """What has become worse: one sentence for each result whose good end is beyond the limit."""
    found = []
    for each in results:
        if each.id not in known:
            continue
        ratio, (low, high) = known[each.id]["ratio"], each.spread
        if each.unit == FASTER:
            bad, end, limit = high < ratio / WORSE, high, ratio / WORSE
        else:
            bad, end, limit = low > ratio * WORSE, low, ratio * WORSE
        if bad:
            found.append(
                f"{each.id} is {each.ratio:.2f} {each.unit}, at best {end:.2f}; accepted:"
                f" {ratio:.2f}, and {limit:.2f} with its allowance"
            )
    return found
