"""A store of claims copied as one moment of it, while others import into it, and checked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import apsw
import duckdb

from engine.claims.store import DATABASE, sync
from engine.databases import check_database, copy_database
from engine.errors import JournalDamagedError

__all__ = ["copy_claims", "copy_file", "verify_claims"]


def copy_claims(source: Path, target: Path) -> None:
    """Copies a store: its database, then the files that the copied database names; all synced.

    Raises FileNotFoundError where an import took a file away meanwhile, and FileExistsError.
    """
    target.mkdir(mode=0o700, parents=True)
    copy_database(source / DATABASE, target / DATABASE)
    for path, _ in named(target):
        copy_file(source / path, target / path)
    for path in rejects(target):
        if (source / path).exists():
            copy_file(source / path, target / path)
    for folder in [*(each for each in target.rglob("*") if each.is_dir()), target]:
        sync(folder)


def verify_claims(path: Path) -> int:
    """Checks a store that nobody uses: every page, and every file it names; its size in bytes.

    Raises JournalDamagedError.
    """
    check_database(path / DATABASE)
    size = (path / DATABASE).stat().st_size
    database = duckdb.connect()
    try:
        for name, rows in named(path):
            held = rows_of(database, path / name)
            if held != rows:
                raise JournalDamagedError(
                    f"{name} has {held} rows; its store says {rows}", reason="REPORT_DAMAGED"
                )
            size += (path / name).stat().st_size
    finally:
        database.close()
    return size


def rows_of(database: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Rows of a report file, all of it read. Raises JournalDamagedError."""
    try:
        row = database.execute(
            "SELECT count(*), bit_xor(hash(row)) FROM read_parquet(?) AS row", [str(path)]
        ).fetchone()
    except (duckdb.Error, OSError) as error:
        told = str(error).splitlines()[0]
        raise JournalDamagedError(f"{path.name}: {told}", reason="REPORT_DAMAGED") from error
    return int(row[0]) if row else 0


def named(store: Path) -> list[tuple[str, int]]:
    """Report files that a store names, and their rows."""
    rows = queried(store, "SELECT path, rows FROM files ORDER BY path")
    return [(str(path), int(str(count))) for path, count in rows]


def rejects(store: Path) -> list[str]:
    """Files of refused rows that a store may have."""
    rows = queried(store, "SELECT id FROM imports WHERE rejected > 0")
    return [f"rejects/{row[0]}.csv" for row in rows]


def queried(store: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of a copied database."""
    database = apsw.Connection(str(store / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(database.execute(sql))
    finally:
        database.close()


def copy_file(source: Path, target: Path) -> None:
    """Copies a file and waits until it is on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o600)
    sync(target)
