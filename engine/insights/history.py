"""What looks found, by listing and day, and what sellers answered to reviews: one SQLite file.

Beside the journal, not in it: a trial of weeks outlives the frames, and nothing here leads to a
price (docs/decisions/0180-history-by-looks.md). Days are those of UTC, numbered since 1970-01-01.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import RLock

import apsw

from engine.databases import PRIVATE
from engine.errors import ConfigError, ConflictError, LimitError
from engine.insights.look import COUNTED, DAY_MS, Counts, Look

DATABASE = "insights.sqlite3"
KEPT_DAYS = 200
"""Two quarters and some days."""
VERSION = 2
"""Of 1 it takes everything over; it had no notices."""
BUSY_MS = 60_000
RETRY_AFTER_MS = 1_000
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS days (
    day INTEGER NOT NULL, listing_id INTEGER NOT NULL,
    {", ".join(f"{each} INTEGER NOT NULL DEFAULT 0" for each in COUNTED)},
    units INTEGER,
    PRIMARY KEY (day, listing_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listings (
    listing_id INTEGER PRIMARY KEY, seller TEXT NOT NULL, strategy TEXT NOT NULL,
    since_day INTEGER NOT NULL, first_day INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS listings_by_seller ON listings (seller);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, seller TEXT NOT NULL, at_ms INTEGER NOT NULL,
    review TEXT NOT NULL, proposal TEXT NOT NULL, why TEXT NOT NULL, answer INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_seller ON answers (seller);
CREATE TABLE IF NOT EXISTS requests (
    caller TEXT NOT NULL, method TEXT NOT NULL, request_id TEXT NOT NULL, body BLOB NOT NULL,
    answer BLOB NOT NULL, at_s INTEGER NOT NULL, seller TEXT NOT NULL,
    PRIMARY KEY (caller, method, request_id)
);
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT, seller TEXT NOT NULL, at_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL, subject TEXT NOT NULL, message TEXT NOT NULL, UNIQUE (seller, subject)
);
CREATE TABLE IF NOT EXISTS last_look (only INTEGER PRIMARY KEY CHECK (only = 1), at_ms INTEGER);
"""
ADD = (
    f"INSERT INTO days (day, listing_id, {', '.join(COUNTED)})"
    f" VALUES (?, ?, {', '.join('?' * len(COUNTED))})"
    " ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{each} = {each} + excluded.{each}" for each in COUNTED)
)
SELL = (
    "INSERT INTO days (listing_id, day, units) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET units = excluded.units"
)
DAYS = (
    "WITH RECURSIVE wanted (day) AS (SELECT ?1 UNION ALL SELECT day + 1 FROM wanted"
    " WHERE day + 1 < ?2)"
    f" SELECT days.listing_id, days.day, days.units, {', '.join(f'days.{e}' for e in COUNTED)}"
    " FROM wanted CROSS JOIN json_each(?3) AS listed CROSS JOIN days"
    " ON days.day = wanted.day AND days.listing_id = listed.value"
)
SEE = (
    "INSERT INTO listings VALUES (?1, ?2, ?3, ?4, ?4)"
    " ON CONFLICT DO UPDATE SET since_day = excluded.since_day, strategy = excluded.strategy"
    " WHERE strategy <> excluded.strategy"
)
HELD = {
    "insight_days": f"SELECT json_object('listing_id', listing_id, 'day', day, 'units', units,"
    f" {', '.join(f'{each!r}, {each}' for each in COUNTED)})"
    " FROM days WHERE listing_id IN (SELECT listing_id FROM listings WHERE seller = ?)",
    "insight_answers": "SELECT json_object('at_ms', at_ms, 'review', review, 'proposal', proposal,"
    " 'why', why, 'answer', answer, 'note', note) FROM answers WHERE seller = ? ORDER BY id",
    "insight_notices": "SELECT json_object('at_ms', at_ms, 'message', message) FROM notices"
    " WHERE seller = ? ORDER BY id",
}
EXPORTED_ROWS = 500
ANSWERS_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """When a listing was first seen, and since when it has had its present strategy."""

    strategy: str
    since_day: int
    first_day: int


@dataclass(frozen=True, slots=True)
class Day:
    """A listing's day. `units` None: not known."""

    listing_id: int
    day: int
    counts: Counts
    units: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a seller answered to a proposal of a review."""

    at_ms: int
    review: str
    proposal: str
    why: str
    """The sentence that was answered."""
    answer: int
    note: str


class History:
    """The file, opened once. Any thread; one at a time."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder everything is kept in memory. Raises ConfigError."""
        self._lock = RLock()
        path = ":memory:"
        if folder is not None:
            path = str(folder / DATABASE)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE))
        self.db = apsw.Connection(path)
        self.db.set_busy_timeout(BUSY_MS)
        try:
            version = self.db.pragma("user_version")
            if version not in (0, 1, VERSION):
                raise ConfigError(
                    f"{path} has version {version}; this server reads version {VERSION}: start the"
                    " one that wrote it, or move the file away to begin a new history",
                    reason="INSIGHTS_VERSION",
                )
            self.db.pragma("journal_mode", "wal")
            self.db.pragma("synchronous", "normal")
            self.db.pragma("secure_delete", "on")
            if version != VERSION:
                with transaction(self.db):
                    self.db.execute(SCHEMA)
                    self.db.pragma("user_version", VERSION)
        except apsw.Error as error:
            raise ConfigError(
                f"{path} cannot be used: {error}; move it away to begin a new history",
                reason="INSIGHTS_DAMAGED",
            ) from error

    def close(self) -> None:
        """Gives the file up."""
        with self._lock:
            self.db.close()

    @contextmanager
    def writing(self) -> Iterator[History]:
        """One transaction; nobody else reads or writes meanwhile. A crash of the machine can take
        the last ones back."""
        with self._lock, transaction(self.db):
            yield self

    @contextmanager
    def keeping(self) -> Iterator[History]:
        """The same, on the disk when the block has ended. Raises LimitError for a full one."""
        with self._lock, room():
            self.db.pragma("synchronous", "full")
            try:
                with transaction(self.db):
                    yield self
            finally:
                self.db.pragma("synchronous", "normal")

    @contextmanager
    def reading(self) -> Iterator[History]:
        """Nobody else reads or writes meanwhile."""
        with self._lock:
            yield self

    # Looks

    @property
    def looked_ms(self) -> int:
        """When the last look began; 0: never."""
        with self._lock:
            row = self.db.execute("SELECT at_ms FROM last_look").fetchone()
        return int(str(row[0])) if row else 0

    def begin_look(self, at_ms: int) -> None:
        """Notes that a look begins, and lets days go that are no longer kept."""
        with self.writing():
            self.db.execute("INSERT OR REPLACE INTO last_look VALUES (1, ?)", (at_ms,))
            self.db.execute("DELETE FROM days WHERE day < ?", (at_ms // DAY_MS - KEPT_DAYS,))

    def add(self, look: Look, at_ms: int) -> None:
        """Adds what a look has found to the day of `at_ms`."""
        day, ids = at_ms // DAY_MS, look.ids.tolist()
        seen = zip(ids, look.sellers, look.strategies, [day] * len(ids), strict=True)
        counts = zip(ids, look.counts.tolist(), strict=True)
        with self.writing():
            self.db.executemany(SEE, seen)
            self.db.executemany(ADD, ((day, each, *found) for each, found in counts))
            self.db.executemany(SELL, look.sold)

    # Reads

    def seen(self, seller: str) -> dict[int, Seen]:
        """The listings of a seller that were ever seen."""
        with self._lock:
            rows = self.db.execute(
                "SELECT listing_id, strategy, since_day, first_day FROM listings WHERE seller = ?",
                (seller,),
            ).fetchall()
        return {int(str(key)): Seen(str(s), int(str(a)), int(str(b))) for key, s, a, b in rows}

    def days(self, listing_ids: Sequence[int], first_day: int, last_day: int) -> list[Day]:
        """Days of listings, first to last (excluded), in their order."""
        if first_day >= last_day:
            return []
        with self._lock:
            rows = self.db.execute(
                DAYS, (first_day, last_day, json.dumps(list(listing_ids)))
            ).fetchall()
        return [
            Day(listing_id, day, Counts(*counts), units)  # type: ignore[arg-type]
            for listing_id, day, units, *counts in rows
        ]

    # Answers

    def answer(self, seller: str, given: Answered) -> None:
        """Keeps an answer; inside `keeping`."""
        self.db.execute(
            "INSERT INTO answers (seller, at_ms, review, proposal, why, answer, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seller, *astuple(given)),
        )

    def answers(self, seller: str) -> list[Answered]:
        """The newest ANSWERS_SHOWN answers of a seller, oldest first."""
        with self._lock:
            rows = self.db.execute(
                "SELECT at_ms, review, proposal, why, answer, note FROM answers WHERE seller = ?"
                " ORDER BY id DESC LIMIT ?",
                (seller, ANSWERS_SHOWN),
            ).fetchall()
        return [Answered(*row) for row in reversed(rows)]

    # Leaving

    def held(self, seller: str) -> Iterator[tuple[str, list[str]]]:
        """Everything that is held of a seller: a table's name and some of its rows as JSON."""
        for name, sql in HELD.items():
            with self._lock:
                rows = [str(row[0]) for row in self.db.execute(sql, (seller,))]
            for at in range(0, len(rows), EXPORTED_ROWS):
                yield name, rows[at : at + EXPORTED_ROWS]

    @contextmanager
    def erasing(self, seller: str) -> Iterator[int]:
        """Erases a seller; gives how many rows it had. No look is made meanwhile.

        It is done when the block ends well; an error inside leaves everything as it was. Raises
        LimitError for a full disk, and ConflictError where a backup reads for so long that bytes of
        what was deleted stay in the write-ahead log: they leave it when this is done again.
        """
        with self._lock:
            with room(), transaction(self.db):
                before = self.db.total_changes()
                mine = "(SELECT listing_id FROM listings WHERE seller = ?)"
                self.db.execute(f"DELETE FROM days WHERE listing_id IN {mine}", (seller,))
                for table in ("listings", "answers", "notices", "requests"):
                    self.db.execute(f"DELETE FROM {table} WHERE seller = ?", (seller,))
                yield self.db.total_changes() - before
            forget_log(self.db)


@contextmanager
def transaction(database: apsw.Connection) -> Iterator[None]:
    """All of the block or nothing. SQLite ends a transaction by itself where the disk is full."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def room() -> Iterator[None]:
    """Says what a full disk means."""
    try:
        yield
    except apsw.FullError as error:
        raise LimitError(
            f"the disk has no room for {DATABASE}; try again when it has",
            reason="DISK_FULL",
            retry_after_ms=RETRY_AFTER_MS,
        ) from error


def forget_log(database: apsw.Connection) -> None:
    """Takes what was deleted out of the write-ahead log; the file itself has zeros in its place.

    Raises ConflictError while a backup reads the log.
    """
    try:
        database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError as error:
        raise ConflictError(
            f"{DATABASE} is being read; what was deleted leaves it when this is tried again",
            reason="STORE_BUSY",
        ) from error
