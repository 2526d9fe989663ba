"""`python -m bench.fba.sample FOLDER`: the project's sample year, a folder of raw reports.

One European and one American account with errors of every kind; the same files each time.
"""

from __future__ import annotations

from pathlib import Path

import click

from bench.fba.damage import lags
from bench.fba.printing import Printer
from bench.fba.year import build

SEED = 1
ORDERS_A_DAY = 1


def write(folder: Path) -> dict[str, Path]:
    """Writes the reports of each account into a folder of its own; the folders by account."""
    world = build(SEED, ORDERS_A_DAY)
    folders = {seller_id: folder / seller_id for seller_id in world.accounts}
    for seller_id, target in folders.items():
        target.mkdir(parents=True, exist_ok=True)
        Printer(world, target, lag=lags(SEED)).account(seller_id)
    return folders


@click.command(help="Writes the sample year into FOLDER.")
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Writes the files and says what to do with them."""
    today = build(SEED, 0, []).today
    click.echo(f"sample year up to {today}:")
    for seller_id, target in write(folder).items():
        click.echo(f"  {seller_id}: {len(list(target.iterdir()))} reports in {target}")


if __name__ == "__main__":
    main()
