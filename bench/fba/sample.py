"""`python -m bench.fba.sample`: the project's sample year, and what the audit says of it.

A European and an American account with errors of every kind, printed as a seller would download
them; the same files each time. With FOLDER the raw reports stay there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import click

from bench.fba.damage import lags
from bench.fba.printing import Printer
from bench.fba.story import Story
from bench.fba.year import build

SEED = 1
ORDERS_A_DAY = 1


def write(
    folder: Path, orders_a_day: int = ORDERS_A_DAY, stories: list[Story] | None = None
) -> tuple[dict[str, Path], date, date]:
    """Writes the reports of each account into a folder of its own.

    The folders by account, the first day of the year, and the day of the audit.
    """
    world = build(SEED, orders_a_day, stories)
    folders = {seller_id: folder / seller_id for seller_id in world.accounts}
    for seller_id, target in folders.items():
        target.mkdir(parents=True, exist_ok=True)
        Printer(world, target, lag=lags(SEED)).account(seller_id)
    return folders, world.start, world.today


def audit(year: tuple[dict[str, Path], date, date], store: Path) -> None:
    """Runs the product's own commands over the year, as a seller would."""
    folders, start, today = year
    days = ("--from", f"{start}", "--to", f"{today}")
    for seller_id, reports in folders.items():
        told = json.loads(
            say(store, "import", f"{reports}", "--seller", seller_id, "--as-of", f"{today}", *days,
                "--json")
        )  # fmt: skip
        rows = sum(each["rows"] for each in told["reports"])
        click.echo(f"{len(told['reports'])} reports, {rows} rows, {told['rejected']} refused")
    click.echo(say(store, "audit", "--today", f"{today}"))


def say(store: Path, *words: str) -> str:
    """Shows a command, runs it, and gives what it says."""
    click.echo(f"\n$ repriced claims {' '.join(words)}")
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "claims", *words, "--store", f"{store}"],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


@click.command(help="Writes the sample year, into FOLDER if given, and audits it.")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def main(folder: Path | None) -> None:
    """Writes, imports and audits."""
    with tempfile.TemporaryDirectory(prefix="repriced-claims-") as made:
        audit(write(folder or Path(made) / "reports"), Path(made) / "store")


if __name__ == "__main__":
    main()
