"""DuckDB in memory: how it is opened, and a seller's reports as tables."""

from __future__ import annotations

from pathlib import Path

import duckdb

from engine.claims.specs import REPORTS
from engine.claims.store import Store
from engine.claims.typed import MACROS, sql_text, typed_types

__all__ = ["MEMORY_LIMIT", "connect", "show_reports"]

MEMORY_LIMIT = "2GB"
STORED_EXTRAS = (("row_date", "DATE"), ("scope", "VARCHAR"), ("as_of", "DATE"))


def connect(spill: Path) -> duckdb.DuckDBPyConnection:
    """A new database in memory that spills to a folder when it reaches its limit."""
    database = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(spill)})
    database.execute("SET enable_progress_bar = false; SET timezone = 'UTC'")
    database.execute(MACROS)
    return database


def show_reports(database: duckdb.DuckDBPyConnection, store: Store, seller: str) -> None:
    """A view per kind of report over a seller's files; an empty one where nothing was imported."""
    for kind, spec in REPORTS.items():
        files = [str(store.path / each.path) for each in store.files(seller, kind)]
        if files:
            names = ", ".join(map(sql_text, files))
            source = f"SELECT * FROM read_parquet([{names}], hive_partitioning = false)"
        else:
            columns = ", ".join(
                f"NULL::{sql_type} AS {name}"
                for name, sql_type in [*typed_types(spec), *STORED_EXTRAS]
            )
            source = f"SELECT {columns} WHERE false"
        database.execute(f"CREATE OR REPLACE TEMP VIEW {kind} AS {source}")
