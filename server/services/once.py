"""Exactly once, for calls that change a store beside the journal: a repeat gets the first answer.

Answers are kept in the store itself, with the change where the change is one transaction. An
import or an audit of claims keeps its answer right after it: a crash between the two lets a repeat
do the work again, which changes nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

from engine.replies import reused
from server.wire.limits import request_id_of

__all__ = ["Once", "Turn"]

WINDOW_S = 600
KEPT = 100_000
Key = tuple[str, str, str]


class Kept(Protocol):
    """A store with a table `requests`."""

    @property
    def db(self) -> Any:
        """Its SQLite connection."""


@dataclass(slots=True)
class Turn:
    """A request whose turn it is; `answer` is that of the first time, None if this is it."""

    key: Key
    body: bytes
    answer: bytes | None

    def keep(self, store: Kept, answer: bytes, seller: str) -> None:
        """Keeps the answer, inside the store's transaction; old ones are forgotten.

        `seller` is whom the answer is about, "" for several: it goes when a seller leaves.
        """
        now = int(time.time())
        store.db.execute(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*self.key, self.body, answer, now, seller),
        )
        store.db.execute(
            "DELETE FROM requests WHERE at_s < ? OR rowid <= (SELECT max(rowid) FROM requests) - ?",
            (now - WINDOW_S, KEPT),
        )


class Once:
    """Requests of one store, which `opened` opens. Within this process a repeat in flight waits
    for the first."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Kept]]) -> None:
        self._opened = opened
        self._waiting: dict[Key, tuple[Lock, int]] = {}
        self._guard = Lock()

    @contextmanager
    def turn(self, caller: str, method: str, request_id: str, body: bytes) -> Iterator[Turn]:
        """The turn of a request. Raises InputError, and ConflictError for another body."""
        key = caller, method, request_id_of(request_id)
        digest = hashlib.blake2b(body, digest_size=16).digest()
        with self._alone(key):
            yield Turn(key, digest, self._answer(key, digest))

    def _answer(self, key: Key, digest: bytes) -> bytes | None:
        with self._opened() as store:
            row = store.db.execute(
                "SELECT body, answer FROM requests WHERE caller = ? AND method = ?"
                " AND request_id = ? AND at_s >= ?",
                (*key, int(time.time()) - WINDOW_S),
            ).fetchone()
        if row is None:
            return None
        body, answer = row
        if body != digest:
            raise reused()
        return bytes(answer)

    @contextmanager
    def _alone(self, key: Key) -> Iterator[None]:
        with self._guard:
            lock, users = self._waiting.get(key, (Lock(), 0))
            self._waiting[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._waiting[key]
                if users == 1:
                    del self._waiting[key]
                else:
                    self._waiting[key] = lock, users - 1
