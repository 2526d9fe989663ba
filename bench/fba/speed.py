"""`python -m bench.fba.speed`: what an audit and an import cost next to plain scans.

audit_vs_scan: every rule over an imported year, against DuckDB sorting the same ledger by product
and date into Parquet. import_vs_scan: the typed import of the ledger report, against DuckDB reading
it as text columns and writing zstd Parquet. Same threads and memory on both sides.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import duckdb
from rich.console import Console

from bench import report
from bench.fba import scale
from bench.fba.scale import SELLER_ID, TODAY, Large
from bench.ratios import Side, measure
from bench.report import OVER_FLOOR, Result, result
from engine.claims import audit, imports
from engine.claims.store import Store
from engine.claims.warehouse import MEMORY_LIMIT

FULL_ROWS = 10_000_000
SCAN = "COPY (SELECT * FROM read_parquet(?) ORDER BY fnsku, date) TO '{target}' (FORMAT parquet)"
READ = (
    "COPY (SELECT * FROM read_csv('{source}', delim = '\t', header = true, all_varchar = true,"
    " quote = '', escape = '')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="claims-speed-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def plain_database(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database with the product's own memory limit and DuckDB's own number of threads."""
    return duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spill")}
    )


def conditions(rows: int) -> dict[str, object]:
    """What the figures of this table depend on; memory is the peak of the whole process."""
    with duckdb.connect() as database:
        threads = database.execute("SELECT current_setting('threads')").fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "rows": rows,
        "memory_limit": MEMORY_LIMIT,
        "threads": threads[0] if threads else None,
        "duckdb": duckdb.__version__,
        "peak_process_mib": peak,
    }


def row_id(name: str, rows: int) -> str:
    """The id of a result: the full size has the plain name."""
    return name if rows == FULL_ROWS else f"{name}_{rows}"


def import_all(store: Path, large: Large) -> None:
    """Imports every report of the account. Raises RuntimeError if anything is refused."""
    covers = (large.start, TODAY)
    for paths, given in (([large.ledger, *large.others], covers), (large.settlements, None)):
        found = imports.import_paths(store, SELLER_ID, paths, TODAY, covers=given)
        if found.refused or found.rejected:
            raise RuntimeError(f"the import refused {(found.refused or found.rejected)[0]}")


def import_vs_scan(folder: Path, large: Large, pairs: int) -> Result:
    """The import of the ledger against reading it as texts."""
    target = folder / "texts.parquet"

    def fresh() -> Path:
        shutil.rmtree(folder / "imported", ignore_errors=True)
        return folder / "imported"

    def ours(store: Path) -> None:
        imports.import_paths(store, SELLER_ID, [large.ledger], TODAY, covers=(large.start, TODAY))

    def theirs(database: duckdb.DuckDBPyConnection) -> None:
        with database:
            database.execute(READ.format(source=large.ledger, target=target))

    floor = Side(lambda: plain_database(folder), theirs)
    found = measure(Side(fresh, ours), floor, pairs, warm_ups=1)
    name = row_id("import_vs_scan", large.rows)
    return result(name, found, OVER_FLOOR, large.rows, conditions(large.rows))


def audit_vs_scan(folder: Path, large: Large, pairs: int) -> Result:
    """The whole audit against sorting the ledger."""
    store = folder / "store"
    import_all(store, large)
    with Store(store) as opened:
        files = [str(store / each.path) for each in opened.files(SELLER_ID, "ledger")]
    target = folder / "sorted.parquet"

    def ours(_: None) -> None:
        audit.run(store, TODAY)

    def theirs(database: duckdb.DuckDBPyConnection) -> None:
        with database:
            database.execute(SCAN.format(target=target), [files])

    floor = Side(lambda: plain_database(folder), theirs)
    found = measure(Side(lambda: None, ours), floor, pairs, warm_ups=1)
    claims = len(audit.run(store, TODAY).claims)
    given = conditions(large.rows) | {"claims": claims}
    return result(row_id("audit_vs_scan", large.rows), found, OVER_FLOOR, large.rows, given)


@click.command(help="Measures import and audit of a large account against plain scans.")
@click.option("--rows", "sizes", multiple=True, type=click.IntRange(scale.BLOCK), default=(10**6,))
@click.option("--pairs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--tiny", is_flag=True, help="A small size that only shows that all works; no file.")
def main(sizes: tuple[int, ...], pairs: int, tiny: bool) -> None:
    """Measures each size and puts the results beside the others."""
    console = Console(width=120)
    results = []
    for rows in (10_000,) if tiny else sizes:
        with work_folder() as folder:
            console.print(f"writing the reports of {rows} ledger rows", highlight=False)
            large = scale.write(folder / "reports", rows)
            for row in (import_vs_scan, audit_vs_scan):
                console.print(f"measuring {row.__name__}, {pairs} pairs", highlight=False)
                results.append(row(folder, large, 1 if tiny else pairs))
    report.show(results, console)
    if not tiny:
        report.write(results, report.LATEST)
        console.print(f"written: {report.LATEST}", highlight=False)


if __name__ == "__main__":
    main()
