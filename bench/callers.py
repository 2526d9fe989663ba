"""`python -m bench.callers`: how the cost of a call grows from 1 to 64 callers at once.

Calls of one listing, journaled, so many of them in flight over one channel, in turn with one caller
alone: time of a call, all callers together. What they share, above all a write and sync of the
journal, makes it fall.
"""

from __future__ import annotations

import json

import click
from rich.console import Console

from bench import report
from bench.ratios import WARM_UPS, Side, measure, summary
from bench.rpc_rows import CALLS_PER_SET, REPRICE, Turns, check, connected, encoded

CALLERS = report.LATEST.parent / "callers.json"
SIZES = (1, 4, 16, 64)
CALLS = 64
"""Calls of one run, of each number of callers."""


def curve(sizes: tuple[int, ...], calls: int, pairs: int) -> dict[str, dict[str, object]]:
    """By number of callers: cost of a call over that of the first, its spread, microseconds."""
    runs = (pairs + WARM_UPS) * len(sizes) * 2
    sets = -(-(runs + 1) // CALLS_PER_SET)
    turns = Turns(encoded(1, sets * calls))
    found: dict[str, dict[str, object]] = {}
    with connected("always") as (client, _):
        client.define(sets * calls)
        alone = client.crowd(REPRICE, sizes[0])
        for answer in alone(turns.some(calls)):
            check(answer, 1, least_decisions=0)
        for size in sizes:
            together = client.crowd(REPRICE, size)
            measured = measure(
                Side(lambda: turns.some(calls), together),
                Side(lambda: turns.some(calls), alone),
                pairs,
            )
            median, low, high = summary(measured.over_floor())
            found[str(size)] = {
                "ratio": round(median, 3),
                "spread": [round(low, 3), round(high, 3)],
                "us_per_call": round(measured.ours_s / calls * 1e6, 1),
            }
    return found


@click.command(help=__doc__)
@click.option("--pairs", type=click.IntRange(1), default=10, show_default=True)
def main(pairs: int) -> None:
    """Measures, prints and writes bench/results/callers.json."""
    found = curve(SIZES, CALLS, pairs)
    console = Console(width=120)
    for size, each in found.items():
        console.print(f"{size} callers: {each}", highlight=False)
    CALLERS.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": report.machine(), "curve": found}
    CALLERS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
