"""SQLite files as bytes on a disk: whole copies of open ones, and nothing left of deleted rows."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from engine.errors import ConflictError, JournalDamagedError

PRIVATE = 0o600


def forget_deleted(database: apsw.Connection) -> None:
    """Takes what was deleted out of the bytes of a database and of its write-ahead log.

    Not inside a transaction. Raises ConflictError where another connection reads for so long that
    the busy timeout ends: what was deleted stays deleted, and the call can be made again.
    """
    try:
        database.execute("VACUUM")
        database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError as error:
        raise ConflictError(
            f"{Path(database.filename).name} is being read; what was deleted leaves it when this"
            " is tried again",
            reason="STORE_BUSY",
        ) from error


def copy_database(source: Path, target: Path) -> None:
    """Copies a database, as one moment of it, while others write to it; the copy is synced.

    `target` (0600) must not exist. Raises FileExistsError, apsw.Error.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    read = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        written = apsw.Connection(str(target))
        try:
            with written.backup("main", read, "main") as backup:
                backup.step(-1)
            written.pragma("journal_mode", "delete")
        finally:
            written.close()
    finally:
        read.close()
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_database(path: Path) -> None:
    """Reads every page of a database that nobody else has open. Raises JournalDamagedError."""
    try:
        database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            said = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
        finally:
            database.close()
    except apsw.Error as error:
        said = [str(error)]
    if said != ["ok"]:
        raise JournalDamagedError(f"{path.name}: {said[0]}", reason="DATABASE_DAMAGED")
