"""A seller leaves all that this server keeps: engine, claims, history and access file, as a whole.

Before the first step a file in the data directory says who leaves, and it goes after the last one.
A start that finds such a file takes the steps again, before anybody is served: each of them can be
taken twice. So after a crash a seller is either all there or all gone.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw

from engine.claims.leaving import erasing_claims
from engine.errors import JournalFailedError, LimitError, RepricedError
from engine.insights.history import History
from engine.pipeline import Engine
from engine.results import Answer
from engine.schema import InputKind
from repriced.v1 import catalog_pb2
from server.access.audit import Audit
from server.logs import logger
from server.writer import wall_ms

PREFIX = "leaving-"
NAME_DIGITS = 16
PRIVATE = 0o600
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
RETRY_AFTER_MS = 1_000


class Leaving:
    """Takes sellers out, one after the other. `directory` None: nothing outlives the process."""

    def __init__(
        self, directory: Path | None, claims: Path, audit: Audit, history: History
    ) -> None:
        self._directory, self._claims = directory, claims
        self._audit, self._history = audit, history
        self._one = threading.Lock()

    def erase(self, seller_id: str, apply: Callable[[], Answer]) -> Answer:
        """Erases a seller; `apply` is the engine's part, and its answer the whole's.

        Raises what `apply` does, and LimitError while somebody writes to the store of claims,
        both with nothing changed. After another error of the store or of the access file the next
        start, or the same call with a new request id, does what is left.
        """
        with self._one:
            noted = self._note(seller_id)
            erasure = Erasure(seller_id, self._claims, self._audit, self._history)
            try:
                return erasure.run(apply)
            finally:
                if erasure.whole:
                    remove(noted)

    def finish(self, engine: Engine) -> None:
        """Takes the steps that a crash left; before the writer runs. Raises JournalFailedError.

        What cannot be done now, because the disk is full or another process writes to the store of
        claims, is logged and done by the next start, or when the same seller is erased again.
        """
        if self._directory is None:
            return
        for torn in self._directory.glob(f".{PREFIX}*"):
            torn.unlink()
        for noted in sorted(self._directory.glob(f"{PREFIX}*")):
            seller_id = noted.read_text(encoding="utf-8")
            erasure = Erasure(seller_id, self._claims, self._audit, self._history)
            try:
                erasure.run(partial(apply_here, engine, seller_id))
            except JournalFailedError:
                raise
            except (RepricedError, OSError, apsw.Error) as error:
                logger().error("erasure_unfinished", seller=seller_id, error=str(error))
            else:
                remove(noted)
                logger().info("erasure_finished")

    def _note(self, seller_id: str) -> Path | None:
        """Writes down who leaves. Raises LimitError, OSError."""
        if self._directory is None:
            return None
        name = hashlib.sha256(seller_id.encode()).hexdigest()[:NAME_DIGITS]
        noted = self._directory / f"{PREFIX}{name}"
        torn = noted.with_name(f".{noted.name}")
        try:
            write(torn, seller_id.encode())
        except OSError as error:
            torn.unlink(missing_ok=True)
            if error.errno not in NO_ROOM:
                raise
            raise LimitError(
                "the disk has no room to note who leaves; nothing was erased",
                reason="DISK_FULL",
                retry_after_ms=RETRY_AFTER_MS,
            ) from error
        torn.rename(noted)
        sync_names(self._directory)
        return noted


class Erasure:
    """One seller's way out. `whole`: all of it happened, or nothing."""

    def __init__(self, seller_id: str, claims: Path, audit: Audit, history: History) -> None:
        self._seller_id, self._claims = seller_id, claims
        self._audit, self._history = audit, history
        self.whole = True

    def run(self, apply: Callable[[], Answer]) -> Answer:
        """Takes the steps; the engine's answer."""
        try:
            with (
                erasing_claims(self._claims, self._seller_id),
                self._history.erasing(self._seller_id),
            ):
                answer = apply()
                if answer.result is None:
                    raise Repeated(answer)
                self.whole = False
                self._audit.forget(self._seller_id, answer.result.sequence)
        except Repeated as repeat:
            return repeat.answer
        self.whole = True
        return answer


class Repeated(Exception):
    """The engine has answered this request before: it was done then, and is not done again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def apply_here(engine: Engine, seller_id: str) -> Answer:
    """Erases a seller from an engine that nobody serves yet. Raises RepricedError."""
    request = catalog_pb2.EraseSellerRequest(request_id=str(uuid.uuid4()), seller_id=seller_id)
    given = engine.shape(InputKind.ERASE, request.SerializeToString())
    (answer,) = engine.apply_group([given], wall_ms())
    if not isinstance(answer, Answer):
        raise answer
    return answer


def write(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk. Raises OSError."""
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, PRIVATE)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(noted: Path | None) -> None:
    """Forgets that a seller is leaving."""
    if noted is not None:
        noted.unlink(missing_ok=True)
        sync_names(noted.parent)


def sync_names(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
