"""The access file: callers, the hashes of their tokens, and the audit log, in one SQLite database.

The server reads it and adds to the audit log; callers and tokens are written by `repriced tokens`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine.databases import forget_deleted
from engine.errors import ConfigError, InputError, NotFoundError
from server.access.caller import Caller, Power, Rates, Role, check_name, check_sellers
from server.access.forgetting import Forgotten, new_mark
from server.access.tokens import digest_of, new_token

VERSION = 1
BUSY_MS = 5_000
PRIVATE = 0o600
SHARED = stat.S_IRWXG | stat.S_IRWXO

KEEPS = """CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"""
SCHEMA = f"""
CREATE TABLE caller (
    name TEXT PRIMARY KEY, rights TEXT NOT NULL, certificate TEXT UNIQUE,
    created_ms INTEGER NOT NULL, revoked_ms INTEGER
) STRICT;
CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,
    caller TEXT NOT NULL REFERENCES caller (name),
    created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, caller TEXT NOT NULL,
    action TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
{KEEPS}
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
PRAGMA user_version = {VERSION};
"""


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller may do, as it is kept; `sellers` None: all of them."""

    roles: tuple[Role, ...]
    sellers: tuple[str, ...] | None
    powers: dict[Power, int]
    calls_per_second: int
    rows_per_second: int
    concurrent_calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A token as it is kept: everything but the token."""

    id: int
    digest: bytes
    caller: Caller
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class Audited:
    """One line of the audit log; `detail` is a JSON object."""

    id: int
    at_ms: int
    caller: str
    action: str
    detail: str


def rights_of(caller: Caller) -> str:
    """A caller's rights as text."""
    rights = Rights(
        tuple(sorted(caller.roles)),
        None if caller.sellers is None else tuple(sorted(caller.sellers)),
        dict(caller.powers),
        caller.rates.calls_per_second,
        caller.rates.rows_per_second,
        caller.rates.concurrent_calls,
    )
    return msgspec.json.encode(rights).decode()


def caller_of(name: str, rights: str) -> Caller:
    """The caller of a kept row. Raises InputError for rights that nobody can have."""
    try:
        known = msgspec.json.decode(rights, type=Rights)
    except msgspec.DecodeError as error:
        raise InputError(
            f"the rights of caller {name!r} cannot be read: {error}", reason="CALLER_RIGHTS"
        ) from error
    sellers = None if known.sellers is None else frozenset(known.sellers)
    check_name(name)
    check_sellers(sellers)
    rates = Rates(known.calls_per_second, known.rows_per_second, known.concurrent_calls)
    return Caller(name, frozenset(known.roles), sellers, known.powers, rates)


def check_file(path: Path) -> os.stat_result:
    """Facts of an access file that only its owner can touch. Raises ConfigError."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise bad_file(path, "is not a regular file; allowed: a file that repriced made")
    if facts.st_mode & SHARED:
        raise bad_file(
            path,
            f"can be touched by others (mode {stat.S_IMODE(facts.st_mode):04o}); allowed: 0600,"
            " as whoever writes it grants access",
        )
    if facts.st_uid != os.geteuid():
        raise bad_file(path, f"belongs to user {facts.st_uid}; allowed: the user of the server")
    return facts


def bad_file(path: Path, why: str) -> ConfigError:
    """Error about the access file."""
    return ConfigError(
        f"access.file {str(path)!r} {why}", reason="ACCESS_FILE", field="access.file"
    )


def now_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Store:
    """One connection to the access file, which is created where it is absent. One thread's own."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
            self.inode = check_file(self.path).st_ino
            self._db = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        except (OSError, ValueError, apsw.Error) as error:
            raise bad_file(self.path, f"cannot be opened ({error})") from error
        try:
            self._prepare()
        except apsw.Error as error:
            self.close()
            raise bad_file(self.path, f"is not an access file of repriced ({error})") from error

    def _prepare(self) -> None:
        self._db.set_busy_timeout(BUSY_MS)
        self._db.pragma("journal_mode", "wal")
        self._db.pragma("synchronous", "full")
        self._db.pragma("foreign_keys", True)
        self._db.pragma("secure_delete", True)
        with self._change():
            if self._db.pragma("user_version") == 0:
                self._db.execute(SCHEMA)
        version = self._db.pragma("user_version")
        if version != VERSION:
            self.close()
            raise bad_file(self.path, f"has version {version}; this program reads {VERSION}")

    def close(self) -> None:
        """Closes the connection."""
        self._db.close()

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction that takes the write lock at its start."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # What the server reads

    def version(self) -> int:
        """Another number whenever another connection changed the file; costs microseconds."""
        return int(self._db.pragma("data_version"))

    def tokens(self) -> list[Kept]:
        """All tokens, those of revoked callers as revoked. Raises InputError, apsw.Error."""
        rows = self._db.execute(
            "SELECT t.id, t.digest, c.name, c.rights, t.created_ms, t.expires_ms,"
            " coalesce(t.revoked_ms, c.revoked_ms)"
            " FROM token t JOIN caller c ON c.name = t.caller ORDER BY t.id"
        )
        return [
            Kept(key, digest, caller_of(name, rights), created, expires, revoked)
            for key, digest, name, rights, created, expires, revoked in rows
        ]

    def certificates(self) -> list[tuple[str, Caller]]:
        """Names of client certificates and their callers, revoked ones left out."""
        rows = self._db.execute(
            "SELECT certificate, name, rights FROM caller"
            " WHERE certificate IS NOT NULL AND revoked_ms IS NULL ORDER BY name"
        )
        return [(certificate, caller_of(name, rights)) for certificate, name, rights in rows]

    # What `repriced tokens` writes

    def create(
        self, caller: Caller, by: str, expires_ms: int | None = None, certificate: str | None = None
    ) -> str:
        """Enters a caller; its first token, or "" for one that a certificate names.

        Raises InputError for a name that is taken, unless that caller was revoked.
        """
        check_name(caller.name)
        check_sellers(caller.sellers)
        with self._change():
            present = self._one("SELECT revoked_ms FROM caller WHERE name = ?", caller.name)
            if present is not None and present[0] is None:
                raise taken("caller", caller.name)
            if certificate is not None and self._one(
                "SELECT 1 FROM caller WHERE certificate = ? AND name != ?", certificate, caller.name
            ):
                raise taken("certificate", certificate)
            self._db.execute(
                "UPDATE token SET revoked_ms = coalesce(revoked_ms, ?) WHERE caller = ?",
                (now_ms(), caller.name),
            )
            self._db.execute(
                "INSERT INTO caller (name, rights, certificate, created_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET rights = excluded.rights,"
                " certificate = excluded.certificate, revoked_ms = NULL",
                (caller.name, rights_of(caller), certificate, now_ms()),
            )
            token = "" if certificate is not None else self._add_token(caller.name, expires_ms)
            self._note(by, "create caller", {"name": caller.name, "certificate": certificate,
                       "rights": msgspec.Raw(rights_of(caller).encode())})  # fmt: skip
        return token

    def rotate(self, name: str, by: str, overlap_ms: int, expires_ms: int | None = None) -> str:
        """A new token; the older ones work for `overlap_ms` more. Raises NotFoundError."""
        with self._change():
            self._check_known(name)
            self._db.execute(
                "UPDATE token SET expires_ms = min(coalesce(expires_ms, ?1), ?1)"
                " WHERE caller = ?2 AND revoked_ms IS NULL",
                (now_ms() + overlap_ms, name),
            )
            token = self._add_token(name, expires_ms)
            self._note(by, "rotate token", {"name": name, "overlap_ms": overlap_ms})
        return token

    def revoke(self, name: str, by: str, token_id: int | None = None) -> None:
        """Ends one token, or all of a caller with its certificate. Raises NotFoundError."""
        with self._change():
            self._check_known(name)
            if token_id is None:
                self._db.execute(
                    "UPDATE caller SET revoked_ms = ?, certificate = NULL WHERE name = ?",
                    (now_ms(), name),
                )
            elif not self._one("SELECT 1 FROM token WHERE id = ? AND caller = ?", token_id, name):
                raise NotFoundError(
                    f"token {token_id} of caller {name!r} is not known", reason="UNKNOWN_TOKEN"
                )
            self._db.execute(
                "UPDATE token SET revoked_ms = coalesce(revoked_ms, ?1)"
                " WHERE caller = ?2 AND id = coalesce(?3, id)",
                (now_ms(), name, token_id),
            )
            self._note(by, "revoke", {"name": name, "token": token_id})

    def _add_token(self, name: str, expires_ms: int | None) -> str:
        token = new_token()
        self._db.execute(
            "INSERT INTO token (digest, caller, created_ms, expires_ms) VALUES (?, ?, ?, ?)",
            (digest_of(token), name, now_ms(), expires_ms),
        )
        return token

    def _check_known(self, name: str) -> None:
        if not self._one("SELECT 1 FROM caller WHERE name = ? AND revoked_ms IS NULL", name):
            raise NotFoundError(f"caller {name[:80]!r} is not known", reason="UNKNOWN_CALLER")

    def _one(self, sql: str, *values: Any) -> Any:
        return next(iter(self._db.execute(sql, values)), None)

    # What leaves with a seller

    def forget(self, seller_id: str, sequence: int) -> Forgotten:
        """Takes a seller out of callers, tokens and the audit log, and out of the file's bytes.

        A caller that may touch no other seller goes with its tokens. After a crash the call can be
        made again. Raises ConflictError while the file is read for long, apsw.Error.
        """
        with self._change():
            forgotten = Forgotten(seller_id, sequence, self._leaving(seller_id), new_mark())
            self._db.execute("DROP TRIGGER audit_keeps")
            for key, caller, detail in self._lines_of(forgotten):
                self._db.execute(
                    "UPDATE audit SET caller = ?, detail = ? WHERE id = ?",
                    (*forgotten.line(caller, detail), key),
                )
            self._db.execute(KEEPS)
        forget_deleted(self._db)
        return forgotten

    def _leaving(self, seller_id: str) -> frozenset[str]:
        """Deletes the callers of a seller alone, and takes it from the others; who was deleted."""
        gone: set[str] = set()
        for name, text in self._db.execute("SELECT name, rights FROM caller").fetchall():
            rights = msgspec.json.decode(str(text), type=Rights)
            if seller_id not in (rights.sellers or ()):
                continue
            rest = tuple(each for each in rights.sellers or () if each != seller_id)
            if rest:
                kept = msgspec.json.encode(msgspec.structs.replace(rights, sellers=rest)).decode()
                self._db.execute("UPDATE caller SET rights = ? WHERE name = ?", (kept, name))
            else:
                self._db.execute("DELETE FROM token WHERE caller = ?", (name,))
                self._db.execute("DELETE FROM caller WHERE name = ?", (name,))
                gone.add(str(name))
        return frozenset(gone)

    def _lines_of(self, forgotten: Forgotten) -> list[tuple[int, str, str]]:
        """Lines of the audit log that name a seller or one of its callers."""
        found: dict[int, tuple[int, str, str]] = {}
        texts = [("instr(detail, ?)", each) for each in forgotten.names()]
        for where, value in [*texts, *(("caller = ?", each) for each in forgotten.callers)]:
            rows = self._db.execute(f"SELECT id, caller, detail FROM audit WHERE {where}", (value,))
            found |= {int(row[0]): (int(row[0]), str(row[1]), str(row[2])) for row in rows}
        return list(found.values())

    # The audit log

    def note(self, notes: list[tuple[int, str, str, str]]) -> None:
        """Appends (time, caller, action, detail) lines in one transaction."""
        with self._change():
            self._db.executemany(
                "INSERT INTO audit (at_ms, caller, action, detail) VALUES (?, ?, ?, ?)", notes
            )

    def _note(self, by: str, action: str, detail: dict[str, Any]) -> None:
        self._db.execute(
            "INSERT INTO audit (at_ms, caller, action, detail) VALUES (?, ?, ?, ?)",
            (now_ms(), by, action, msgspec.json.encode(detail).decode()),
        )

    def audit(self, last: int) -> list[Audited]:
        """The newest lines of the audit log, oldest first."""
        rows = self._db.execute(
            "SELECT id, at_ms, caller, action, detail FROM audit ORDER BY id DESC LIMIT ?", (last,)
        )
        return [Audited(*row) for row in rows][::-1]


def taken(what: str, name: str) -> InputError:
    """Error about a name that belongs to somebody."""
    return InputError(
        f"{what} {name[:80]!r} is taken; allowed: a new name, or revoke that caller first",
        reason="NAME_TAKEN",
        field=what,
    )
