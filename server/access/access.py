"""Whom a token or a client certificate stands for, as the access file says within a second."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from engine.errors import RepricedError
from server.access.caller import Caller
from server.access.store import Store, check_file, now_ms
from server.logs import logger

CHECK_S = 0.25
LONGEST_STALE_S = 10.0
"""So long an access file may be unreadable before nobody is let in any more."""
INDEX_BYTES = 8
NOTHING = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """A token that works until `expires_ms`, or for ever."""

    digest: bytes
    caller: Caller
    expires_ms: int | None


@dataclass(frozen=True, slots=True)
class Book:
    """The access file at one moment. Tokens are found by a part of their hash."""

    tokens: dict[bytes, Entry] = field(default_factory=dict)
    certificates: dict[str, Caller] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Book:
        """What the file says. Raises RepricedError, apsw.Error."""
        entries = [
            Entry(each.digest, each.caller, each.expires_ms)
            for each in store.tokens()
            if each.revoked_ms is None
        ]
        return cls(
            {each.digest[:INDEX_BYTES]: each for each in entries}, dict(store.certificates())
        )

    def by_digest(self, digest: bytes, at_ms: int) -> Caller | None:
        """The caller of a token's hash; the same work whether there is one or not."""
        entry = self.tokens.get(digest[:INDEX_BYTES])
        same = hmac.compare_digest(NOTHING if entry is None else entry.digest, digest)
        if entry is None or not same:
            return None
        expired = entry.expires_ms is not None and entry.expires_ms <= at_ms
        return None if expired else entry.caller


class Access:
    """The book of callers, kept up to date by a thread. Without a file everybody is anonymous."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._book = Book()
        self._store: Store | None = None
        self._seen = -1
        self._good_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access", daemon=True)

    @property
    def anonymous(self) -> bool:
        """Whether calls need no credentials."""
        return self.path is None

    def start(self) -> None:
        """Reads the file, creating it where absent, and watches it. Raises ConfigError."""
        if self.path is None:
            return
        self._read()
        self._thread.start()

    def stop(self) -> None:
        """Ends the watching."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._store is not None:
            self._store.close()

    def by_digest(self, digest: bytes) -> Caller | None:
        """Whom the hash of a token stands for now, None for nobody."""
        return self._book.by_digest(digest, now_ms())

    def by_certificate(self, names: Iterable[str]) -> Caller | None:
        """Whom a verified client certificate stands for; nobody where its names are of several."""
        certificates = self._book.certificates
        found = {each.name: each for name in names if (each := certificates.get(name)) is not None}
        return next(iter(found.values())) if len(found) == 1 else None

    def _run(self) -> None:
        while not self._stopped.wait(CHECK_S):
            try:
                self._refresh()
                self._good_at = time.monotonic()
            except (RepricedError, OSError, apsw.Error) as error:
                logger().error("access_unreadable", file=str(self.path), error=str(error))
                self._seen = -1
                if time.monotonic() - self._good_at > LONGEST_STALE_S:
                    self._book = Book()

    def _refresh(self) -> None:
        assert self.path is not None
        if self._store is None or check_file(self.path).st_ino != self._store.inode:
            self._read()
        elif self._store.version() != self._seen:
            self._load(self._store)

    def _read(self) -> None:
        """Opens the file, or the one that took its place."""
        assert self.path is not None
        if self._store is not None:
            self._store.close()
            self._store = None
        self._store = Store(self.path)
        self._load(self._store)

    def _load(self, store: Store) -> None:
        self._seen = store.version()
        book = Book.of(store)
        if book != self._book:
            self._book = book
            counts = {"tokens": len(book.tokens), "certificates": len(book.certificates)}
            logger().info("access_read", **counts)
