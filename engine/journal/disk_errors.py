"""What an error of the operating system means for journal and snapshots."""

from __future__ import annotations

import errno

from engine.errors import JournalFailedError, JournalFullError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a write that end when somebody makes room; EFBIG is a process's file size limit."""

RETRY_AFTER_MS = 1_000


def full(error: OSError, what: str) -> JournalFullError:
    """The error of a write for which there is no room."""
    return JournalFullError(
        f"no room for {what}: {error.strerror}; nothing of it was kept",
        reason="DISK_FULL",
        retry_after_ms=RETRY_AFTER_MS,
    )


def failed(error: OSError) -> JournalFailedError:
    """The error after which the process must end."""
    return JournalFailedError(
        f"the disk failed: {error}; the process must end", reason="JOURNAL_FAILED"
    )


def full_or_failed(error: OSError, what: str) -> JournalFullError | JournalFailedError:
    """Which of the two an error of a write, or of making a file, is."""
    return full(error, what) if error.errno in NO_ROOM else failed(error)
