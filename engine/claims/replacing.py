"""What is left of a stored file when a new one replaces some of its rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from engine.claims.specs import Replace, ReportSpec
from engine.claims.staging import Staged
from engine.claims.typed import sql_text

__all__ = ["key_span", "leftovers"]


def key_span(
    database: duckdb.DuckDBPyConnection, spec: ReportSpec, paths: list[str]
) -> tuple[str, str] | None:
    """Least and greatest first key of the rows in files; None if they have no keys or rows."""
    if spec.replace != Replace.KEY or not paths:
        return None
    key = f"CAST({spec.key[0]} AS VARCHAR)"
    # Not min and max: DuckDB answers those from statistics, and breaks on a cast date.
    row = database.execute(
        f"SELECT arg_min({key}, {key}), arg_max({key}, {key})"
        " FROM read_parquet(?, hive_partitioning = false)",
        [paths],
    ).fetchone()
    return None if row is None or row[0] is None else (str(row[0]), str(row[1]))


def leftovers(
    database: duckdb.DuckDBPyConnection,
    spec: ReportSpec,
    old: Path,
    staged: Staged,
    covered: tuple[date, date],
    target: Path,
) -> int:
    """Writes the rows of `old` that stay to `target`; how many there are."""
    if spec.replace == Replace.ALL:
        return 0
    source = f"read_parquet({sql_text(str(old))}, hive_partitioning = false)"
    if spec.replace == Replace.RANGE:
        gone = f"row_date BETWEEN DATE '{covered[0]}' AND DATE '{covered[1]}'"
        if spec.scope and staged.scopes:
            gone += f" AND scope IN ({', '.join(map(sql_text, staged.scopes))})"
        kept = f"SELECT * FROM {source} WHERE NOT ({gone})"
    elif not staged.months:
        kept = f"SELECT * FROM {source}"
    else:
        keys = ", ".join(spec.key)
        new = ", ".join(sql_text(path) for path in staged.paths)
        kept = (
            f"SELECT * FROM {source} ANTI JOIN"
            f" (SELECT DISTINCT {keys} FROM read_parquet([{new}])) USING ({keys})"
        )
    database.execute(f"COPY ({kept}) TO {sql_text(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    row = database.execute(f"SELECT count(*) FROM read_parquet({sql_text(str(target))})").fetchone()
    return int(row[0]) if row else 0
