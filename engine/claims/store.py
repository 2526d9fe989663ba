"""The folder that holds a store of claims: reports as Parquet, everything else in SQLite.

    claims.sqlite                                          manifest, claims, alerts, requests
    reports/seller=S/report=K/month=YYYY-MM/I-N.parquet    rows of import I
    rejects/I.csv                                          rows of import I that were refused
    staging/                                               emptied at each start of an import

A Parquet file counts only if the manifest names it, and the manifest changes in one transaction:
after a crash an import has happened as a whole or not at all.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import apsw

from engine.errors import InputError, LimitError

__all__ = ["DATABASE", "Coverage", "Store", "StoredFile", "check_seller", "is_seller"]

DATABASE = "claims.sqlite"
BUSY_MS = 2_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS imports (
    id INTEGER PRIMARY KEY, seller TEXT NOT NULL, as_of TEXT NOT NULL, rejected INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, seller TEXT NOT NULL, report TEXT NOT NULL, month TEXT NOT NULL,
    first TEXT, last TEXT, rows INTEGER NOT NULL, import INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS keys (
    path TEXT PRIMARY KEY, least TEXT NOT NULL, greatest TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS coverage (
    seller TEXT NOT NULL, report TEXT NOT NULL, scope TEXT NOT NULL, first TEXT NOT NULL,
    last TEXT NOT NULL, as_of TEXT NOT NULL, import INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (
    seller TEXT NOT NULL, report TEXT NOT NULL, code TEXT NOT NULL, rows INTEGER NOT NULL,
    import INTEGER NOT NULL, PRIMARY KEY (seller, report, code)
);
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL, kind TEXT NOT NULL,
    seller TEXT NOT NULL, subject TEXT NOT NULL, claim_id TEXT NOT NULL, message TEXT NOT NULL,
    UNIQUE (kind, seller, subject)
);
CREATE TABLE IF NOT EXISTS requests (
    caller TEXT NOT NULL, method TEXT NOT NULL, request_id TEXT NOT NULL, body BLOB NOT NULL,
    answer BLOB NOT NULL, at_s INTEGER NOT NULL, seller TEXT NOT NULL,
    PRIMARY KEY (caller, method, request_id)
);
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (at_s);
"""


PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A Parquet file of the manifest; `first` and `last` are None for a snapshot.

    `keys` are the least and greatest first key of its rows, where rows are replaced by key.
    """

    path: str
    month: str
    first: date | None
    last: date | None
    rows: int
    keys: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Dates, both inclusive, for which a report was imported and the day it was true of."""

    report: str
    scope: str
    first: date
    last: date
    as_of: date


def is_seller(seller_id: str) -> bool:
    """Whether an id can name a folder; no other seller has anything in a store."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", seller_id) is not None


def check_seller(seller_id: str) -> str:
    """The id as it is. Raises InputError for one that cannot name a folder."""
    if not is_seller(seller_id):
        raise InputError(
            f"seller_id is {seller_id[:40]!r}; allowed: 1 to 40 letters, digits, '-' and '_'",
            reason="SELLER_ID",
            field="seller_id",
        )
    return seller_id


def make_private(path: Path) -> None:
    """Makes the folder of a store, for its user alone: in it are a seller's orders and invoices."""
    path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)


class Store:
    """One opened store. Not shared between threads; many may be open, one of them writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_private(path)
        (path / "reports").mkdir(exist_ok=True)
        self.db = apsw.Connection(str(path / DATABASE))
        self.db.set_busy_timeout(BUSY_MS)
        self.db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA secure_delete = ON")
        self.db.execute(SCHEMA)

    def close(self) -> None:
        """Closes the database."""
        self.db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self, patience_ms: int = BUSY_MS) -> Iterator[None]:
        """One transaction; rolled back on any error.

        Raises LimitError where another one writes for longer than `patience_ms`.
        """
        self.db.set_busy_timeout(patience_ms)
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            raise LimitError(
                f"another import or audit is writing to {self.path.name}; try again when it is"
                " done",
                reason="STORE_BUSY",
                retry_after_ms=BUSY_MS,
            ) from error
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def sellers(self) -> list[str]:
        """Sellers with any report, by name."""
        rows = self.db.execute("SELECT DISTINCT seller FROM files ORDER BY seller")
        return [str(row[0]) for row in rows]

    def next_import(self) -> int:
        """Number of the import that is about to happen."""
        row = self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM imports").fetchone()
        return int(row[0]) if row else 1

    def files(self, seller: str, report: str) -> list[StoredFile]:
        """Files of a seller's report, oldest month first."""
        rows = self.db.execute(
            "SELECT path, month, first, last, rows, least, greatest FROM files"
            " LEFT JOIN keys USING (path) WHERE seller = ? AND report = ? ORDER BY month, path",
            (seller, report),
        )
        return [
            StoredFile(
                str(path), str(month), day(first), day(last), int(count),
                None if least is None else (str(least), str(greatest)),
            )
            for path, month, first, last, count, least, greatest in rows
        ]  # fmt: skip

    def coverage(self, seller: str) -> list[Coverage]:
        """What was imported for a seller, in the order of imports."""
        rows = self.db.execute(
            "SELECT report, scope, first, last, as_of FROM coverage WHERE seller = ?"
            " ORDER BY import, report, scope, first",
            (seller,),
        )
        return [
            Coverage(
                str(report), str(scope), date.fromisoformat(str(first)),
                date.fromisoformat(str(last)), date.fromisoformat(str(as_of)),
            )
            for report, scope, first, last, as_of in rows
        ]  # fmt: skip

    def folder_of(self, seller: str) -> Path:
        """Where the report files of a seller are."""
        return self.path / "reports" / f"seller={seller}"

    def rejects_of(self, import_id: int) -> Path:
        """Where the refused rows of an import are, if there were any."""
        return self.path / "rejects" / f"{import_id}.csv"

    def clear_leftovers(self) -> Path:
        """Deletes what an interrupted import left behind; the empty staging folder."""
        staging = self.path / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        known = {str(row[0]) for row in self.db.execute("SELECT path FROM files")}
        for file in (self.path / "reports").rglob("*.parquet"):
            if str(file.relative_to(self.path)) not in known:
                file.unlink()
        return staging


def day(text: object) -> date | None:
    """A stored date."""
    return None if text is None else date.fromisoformat(str(text))


def sync(path: Path) -> None:
    """Waits until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
