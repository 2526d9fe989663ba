"""`python -m tests.soak.broken_servers FAULT serve ...`: servers that the soak must see through."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.pipeline import Engine
from engine.replies import Replies
from server.cli import main
from server.store import MeasuredJournal, Store

GROUPS_LATE = 8


def answers_before_commit() -> None:
    """Writes and syncs only every eighth group, and answers all of them at once."""
    really, calls = MeasuredJournal.commit, 0

    def commit(journal: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % GROUPS_LATE:
            journal._outputs = len(journal._open_group)
        else:
            really(journal)

    MeasuredJournal.commit = commit  # type: ignore[method-assign]


def applies_repeats() -> None:
    """Takes every repeat for a new request."""
    Replies.outputs = lambda *_: []  # type: ignore[method-assign]


def changes_its_state() -> None:
    """Has another state in the end than its journal leads to."""
    really = Store.close

    def close(store: Store, engine: Engine) -> None:
        engine.catalog.rows["ceiling_minor"] += 1
        store._verified.clear()  # Or a true snapshot of this moment stands for the last one.
        really(store, engine)

    Store.close = close  # type: ignore[method-assign]


def fails_a_sync() -> None:
    """Cannot sync any more once the file is there that BROKEN_DISK names."""
    really = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if Path(os.environ["BROKEN_DISK"]).exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really(descriptor)

    os.fdatasync = fdatasync


FAULTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (answers_before_commit, applies_repeats, changes_its_state, fails_a_sync)
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    main()
