"""`python -m bench.market`: runs the regimes, prints the table, writes files and pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.market import charts, report
from bench.market.regimes import REGIMES
from bench.market.runs import (
    CONFIRM_FIRST,
    ENGINE,
    MOST_SEEDS,
    REPORT_FIRST,
    TUNE_FIRST,
    Plan,
    Run,
    play_all,
    seeds_of,
)

FIRST = {"report": REPORT_FIRST, "tune": TUNE_FIRST, "confirm": CONFIRM_FIRST}


@click.command(help="Judges the engine in simulated markets, against an oracle and named rules.")
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(1, MOST_SEEDS))
@click.option(
    "--set", "seed_set", default="report", show_default=True, type=click.Choice(list(FIRST)),
    help="Seeds to report on begin with 1, to tune on with 1001, to confirm a report on with 301.",
)  # fmt: skip
@click.option("--days", default=7, show_default=True, type=click.IntRange(1))
@click.option("--rows", default=6, show_default=True, type=click.IntRange(1), help="ASINs a seed.")
@click.option(
    "--regimes", default="",
    help="Names with spaces between them; all by default. Figures of the others under the same"
    " conditions stay in the files.",
)  # fmt: skip
@click.option("--workers", default=0, type=click.IntRange(0), help="Processes; 0: one a core.")
@click.option("--experiment", is_flag=True, help="Also the learner of grid_experiment.py.")
@click.option(
    "--out", default=report.RESULTS, show_default=True, type=click.Path(path_type=Path),
    help="Folder of market.json, market_details.json and market/*.png.",
)  # fmt: skip
def main(
    seeds: int,
    seed_set: str,
    days: int,
    rows: int,
    regimes: str,
    workers: int,
    experiment: bool,
    out: Path,
) -> None:
    """Runs, reports, draws."""
    console = Console(width=150)
    names = chosen(regimes)
    plan = Plan(names, seeds_of(FIRST[seed_set], seeds), rows, days, experiment=experiment)
    console.print(
        f"seeds {plan.seeds[0]} to {plan.seeds[-1]} ({seed_set}), {rows} ASINs a seed, {days} days,"
        f" regimes: {' '.join(names)}",
        highlight=False,
    )
    kept, kept_details = report.earlier(out, plan)
    began = time.monotonic()
    runs: list[Run] = []
    for complete in play_all(plan, workers):
        runs += complete
        passed = f"{time.monotonic() - began:.0f} seconds"
        console.print(f"{passed}: {report.line(report.make_rows(complete)[0])}", highlight=False)
        made = report.make_rows(runs)
        whole = report.in_order(kept | report.document(made))
        report.write(whole, out / "market.json")
        details = report.details(plan, made, runs)
        details["regimes"] = report.in_order(kept_details | details["regimes"])
        report.write(details, out / "market_details.json")
    report.show(made, console)
    draw(whole, runs, out / "market")
    console.print(f"written: {out}/market.json, market_details.json, market/*.png", highlight=False)


def chosen(text: str) -> tuple[str, ...]:
    """Names of regimes. Raises click.BadParameter for one that does not exist."""
    names = tuple(text.split()) or tuple(REGIMES)
    for name in names:
        if name not in REGIMES:
            raise click.BadParameter(
                f"no regime is called {name!r}; there are {', '.join(REGIMES)}",
                param_hint="--regimes",
            )
    return names


def draw(found: dict[str, Any], runs: list[Run], folder: Path) -> None:
    """A picture of each regime and one of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in runs:
        if run.policy == ENGINE:
            charts.draw_listing(run, folder / f"{run.regime}.png")
    charts.draw_all(found, folder / "regimes.png")


if __name__ == "__main__":
    main()
