"""Every native kernel that this machine runs against the plain twin, for as long as wanted.

python tests/engine/twin_soak.py --evaluations 1000000
"""

from __future__ import annotations

import time

import click
from twins import LISTINGS, STRATEGIES, Twins

from engine.counters import tables
from engine.kernel import MODULES, REFERENCE, available_levels, load
from engine.schema import CycleState, Reason

WORLD = 100_000
"""Evaluations of one seed; then another table with other strategies follows."""


@click.command()
@click.option("--evaluations", default=1_000_000, show_default=True, help="Per CPU level.")
@click.option("--seed", default=1, show_default=True, help="First seed.")
def main(evaluations: int, seed: int) -> None:
    """Compares scratch, outcomes, table and counters byte by byte; stops at a difference."""
    levels = available_levels()
    click.echo(f"levels: {', '.join(levels)}")
    missing = [level for level in MODULES if level not in levels]
    if missing:
        click.echo(f"not run, this machine lacks them: {', '.join(missing)}")
    kernels = [load(level) for level in (REFERENCE, *levels)]
    states: set[CycleState] = set()
    reasons: set[Reason] = set()
    done, began = 0, time.monotonic()
    while done < evaluations:
        twins = Twins(kernels, seed, LISTINGS, STRATEGIES)
        for _ in twins.run(min(WORLD, evaluations - done)):
            pass
        counted = tables(twins.oracle.counters)
        states |= {state for state in CycleState if counted.transitions[:, state].any()}
        reasons |= {reason for reason in Reason if counted.outcomes[:, reason].any()}
        done += twins.evaluations
        seconds = time.monotonic() - began
        click.echo(f"seed {seed}: {done:,} evaluations per level equal, {seconds:.0f} s")
        seed += 1
    never = sorted(reason.name for reason in set(Reason) - reasons)
    click.echo(f"states reached: {len(states)} of {len(CycleState)}; reasons never: {never}")


if __name__ == "__main__":
    main()
