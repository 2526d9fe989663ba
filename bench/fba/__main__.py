"""`python -m bench.fba`: the audit against the truth of simulated years."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench.fba.damage import cuts
from bench.fba.judge import judge
from bench.fba.parts import kept_or_new, sources_digest
from bench.fba.printing import Cut
from bench.fba.score import RuleScore, Score, Tally, as_number

RESULTS = Path(__file__).parents[1] / "results" / "claims.json"
KEPT = Path(__file__).parents[2] / "build" / "claims-truth"
DEVELOPMENT_SEEDS = "1-20,1001-1007,1009"
REPORTED_SEEDS = "1008,1010-1028"
"""Rules may be corrected after a look at the development seeds, never after one at these."""

BUDGET, RULE_BUDGET = 0.99, 0.95


def seeds_of(text: str) -> list[int]:
    """`1-3,7` as 1, 2, 3, 7."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise click.BadParameter(f"seeds are {text!r}; allowed: numbers and ranges, as 1-20,33")
        found += range(int(first), int(last or first) + 1)
    return found


def table(title: str, score: Score) -> Table:
    """Rules, one a line, and all together."""
    shown = Table(title=title)
    names = (
        "rule",
        "ready units",
        "precision",
        "recall",
        "money p",
        "money r",
        "found p",
        "found r",
    )
    for name in (*names, "amounts right", "blocked"):
        shown.add_column(name, justify="left" if name == "rule" else "right")
    for rule, found in [*sorted(score.rules.items()), ("all", score.total())]:
        shown.add_row(
            rule,
            str(found.ready.true + found.ready.missed),
            *(colour(tally, share) for tally, share in shares(found)),
            f"{found.amounts - found.wrong_amounts}/{found.amounts}",
            str(found.blocked_units),
        )
    return shown


def shares(found: RuleScore) -> list[tuple[Tally, float]]:
    """The six shares of a line of the table."""
    return [
        (tally, share)
        for tally in (found.ready, found.ready_money, found.found)
        for share in (tally.precision, tally.recall)
    ]


def colour(tally: Tally, share: float) -> str:
    """A share as the table shows it; `-` where there was nothing to count."""
    if not tally.true + tally.false + tally.missed:
        return "-"
    return f"{share:.4f}" if share >= RULE_BUDGET else f"[red]{share:.4f}[/red]"


def document(whole: Score, damaged: Score, seeds: str) -> dict[str, Any]:
    """The results file."""
    total = whole.total()
    return {
        "precision": round(total.ready.precision, 5),
        "recall": round(total.ready.recall, 5),
        "rules": {rule: as_number(found) for rule, found in sorted(whole.rules.items())},
        "total": as_number(total),
        "seeds": seeds,
        "sources": sources_digest(),
        "damaged_reports": {
            "total": as_number(damaged.total()),
            "rules": {rule: as_number(found) for rule, found in sorted(damaged.rules.items())},
            "blocked_but_unnamed": damaged.unnamed,
        },
    }


def over_budget(whole: Score, damaged: Score) -> list[str]:
    """What the budget forbids, in words."""
    total = whole.total()
    found = [
        f"{name} of ready units is {share:.4f}, budget {BUDGET}"
        for name, share in (("precision", total.ready.precision), ("recall", total.ready.recall))
        if share < BUDGET
    ]
    for rule, one in sorted(whole.rules.items()):
        for kind, tally in (("ready", one.ready), ("found", one.found)):
            if min(tally.precision, tally.recall) < RULE_BUDGET:
                found.append(f"{rule}: {kind} is under {RULE_BUDGET}")
    if total.wrong_amounts:
        found.append(f"{total.wrong_amounts} amounts are wrong")
    if damaged.total().ready.false:
        found.append(f"{damaged.total().ready.false} false units with damaged reports")
    return found + [f"blocked but not named: {each}" for each in damaged.unnamed]


@click.command(help="Scores the claims audit against simulated years whose truth is known.")
@click.option("--seeds", default=REPORTED_SEEDS, show_default=True)
@click.option("--damages", default=1, show_default=True, help="Damaged variants of each seed.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, show_default=False)
@click.option("--show", default=0, help="Print so many differences of each audit in words.")
def main(seeds: str, damages: int, out: Path, show: int) -> None:
    """Runs the seeds that are not kept, prints the tables, writes the file, fails over budget."""
    console = Console(width=130)
    whole, damaged = Score(), Score()
    for seed in seeds_of(seeds):
        damage = cuts(seed, damages)
        words = ", ".join(f"{cut.seller_id} {cut}" for cut in damage)
        console.print(f"seed {seed}, damaged: {words or 'nothing'}", highlight=False)
        scores = kept_or_new(KEPT, seed, damages, partial(judge, seed, damage))
        for name, found in scores.items():
            (whole if name == str(Cut()) else damaged).merge(found)
            for line in [*found.wrong, *found.unnamed][:show]:
                click.echo(line)
    console.print(table("All reports at hand", whole))
    console.print(table("Reports missing, stale or with gaps", damaged))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document(whole, damaged, seeds), indent=2) + "\n", encoding="utf-8")
    console.print(f"written: {out}", highlight=False)
    problems = over_budget(whole, damaged)
    for problem in problems:
        console.print(f"over budget: {problem}", highlight=False, markup=False)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
