"""`python -m tests.fuzz.run TARGET`: coverage-guided fuzzing of one target with atheris.

An input that is a finding is written into the corpus of the target, whose replay then is its test;
what is merely interesting goes to the folder that --keep names. Only Python code guides the search:
the compiled parts are searched beside it by tests/engine/wire/wire_fuzz.py, under the sanitizers.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import atheris
import click

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 65_536
SLOW_S = 20

with atheris.instrument_imports(include=["engine", "server"]):
    from tests.fuzz.targets import TARGETS


def hunt(target: str, arguments: list[str], executions: Any, taken: Any) -> None:
    """Fuzzes in this process, which ends with it."""
    one = TARGETS[target].one

    def counted(data: bytes) -> None:
        executions.value += 1
        taken.value += one(data) == "taken"

    atheris.Setup([sys.argv[0], *arguments], counted)
    atheris.Fuzz()


@click.command(help=__doc__)
@click.argument("target", type=click.Choice(list(TARGETS)))
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(1))
@click.option("--runs", default=-1, show_default=True, help="Ends after so many; -1: by time.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(1))
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path))
def main(target: str, seconds: int, runs: int, seed: int, keep: Path | None) -> None:
    """Runs until the time or the runs are over, or something is found."""
    spawn = multiprocessing.get_context("spawn")
    executions, taken = spawn.Value("Q", lock=False), spawn.Value("Q", lock=False)
    known = CORPUS / target
    known.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        place, seeds = keep or Path(folder) / "kept", Path(folder) / "seeds"
        place.mkdir(parents=True, exist_ok=True)
        seeds.mkdir()
        for at, data in enumerate(TARGETS[target].seeds()):
            (seeds / f"seed-{at}").write_bytes(data)
        arguments = [
            str(place), str(seeds), str(known), f"-max_total_time={seconds}", f"-runs={runs}",
            f"-seed={seed}", f"-max_len={LARGEST}", f"-timeout={SLOW_S}",
            f"-artifact_prefix={known}/", "-verbosity=0",
        ]  # fmt: skip
        begun = time.monotonic()
        process = spawn.Process(target=hunt, args=(target, arguments, executions, taken))
        process.start()
        process.join()
        click.echo(
            f"{target}: {executions.value} executions in {time.monotonic() - begun:.0f} s,"
            f" {taken.value} of them taken; {sum(1 for _ in place.iterdir())} inputs of interest"
        )
    if process.exitcode:
        click.echo(f"a finding, kept in {known}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
