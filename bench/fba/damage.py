"""What can be wrong with reports: missing, stale or with a gap, and how old fresh ones are."""

from __future__ import annotations

import random
from dataclasses import replace

from bench.fba.printing import Cut

CUTTABLE = (
    "ledger",
    "reimbursements",
    "returns",
    "settlement",
    "removal_orders",
    "removal_shipments",
    "replacements",
    "inbound_shipments",
    "fee_preview",
    "storage",
)
SNAPSHOTS = {"inbound_shipments", "fee_preview", "storage"}
OLD_GAP = (330, 320)
LAGS = {"ledger": (0, 3, 5), "returns": (0, 2, 5), "removal_orders": (0, 4), "sales": (0, 5)}
"""Days by which fresh reports may be older than the audit."""


def cuts(seed: int, count: int) -> list[Cut]:
    """Damages of a seed: over ten seeds every report is missing, stale and gappy in turn."""
    found = []
    for turn in range(count):
        report = CUTTABLE[(seed + 3 * turn) % len(CUTTABLE)]
        hows = (
            ("missing", "stale") if report in SNAPSHOTS else ("missing", "stale", "gap", "old gap")
        )
        how = hows[(seed // len(CUTTABLE) + turn + seed) % len(hows)]
        whole = Cut(report, how.split()[-1], "A1EUROPE" if seed % 2 else "A2AMERICA")
        found.append(replace(whole, gap=OLD_GAP) if how == "old gap" else whole)
    return found


def lags(seed: int) -> dict[str, int]:
    """How old each report of a seed is."""
    choice = random.Random(f"lags {seed}")
    return {report: choice.choice(days) for report, days in LAGS.items()}
