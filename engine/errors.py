"""The errors of repriced, one tree.

    RepricedError
    ├── InputError            a request that cannot be used as a whole      INVALID_ARGUMENT
    ├── NotFoundError         a listing, seller or strategy that is unknown NOT_FOUND
    ├── ConflictError         a request_id reused with another body         ALREADY_EXISTS
    ├── StateError            not now: of a thing in another state          FAILED_PRECONDITION
    ├── LimitError            a limit reached; later it may work            RESOURCE_EXHAUSTED
    │   └── JournalFullError  no room on the disk; nothing of it was kept   RESOURCE_EXHAUSTED
    ├── DrainingError         the server is stopping                        UNAVAILABLE
    ├── DeadlineError         the caller's deadline passed in the queue     DEADLINE_EXCEEDED
    ├── ApplyError            applying an input failed: a fault of ours     INTERNAL
    ├── ReplayError           the journal cannot be replayed by this build  (stops the start)
    ├── JournalFailedError    the disk failed; nothing can be trusted now   (exit code 74)
    ├── JournalDamagedError   files that are not as they were written       (stops the start)
    └── ConfigError           a bad setting at start                        (exit code 2)

A bad row of a batch is no exception: it is a `RowProblem` in the answer and the other rows go on.
"""

from __future__ import annotations

from dataclasses import dataclass


class RepricedError(Exception):
    """Root of the tree. `reason` is a stable upper-snake word for programs."""

    def __init__(self, message: str, *, reason: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.field = field


class InputError(RepricedError):
    """The request as a whole cannot be used."""


class NotFoundError(RepricedError):
    """Nothing of that name exists for this caller."""


class ConflictError(RepricedError):
    """The request contradicts an earlier one."""


class StateError(RepricedError):
    """What is asked for cannot be done to a thing as it is today; the message says why."""


class LimitError(RepricedError):
    """A limit is reached. `retry_after_ms` says when a retry makes sense; 0: not as it is."""

    def __init__(
        self, message: str, *, reason: str, field: str = "", retry_after_ms: int = 0
    ) -> None:
        super().__init__(message, reason=reason, field=field)
        self.retry_after_ms = retry_after_ms


class JournalFullError(LimitError):
    """The disk has no room for the group. Nothing of it was kept; a retry works when there is."""


class JournalFailedError(RepricedError):
    """A write or sync of the journal failed. The process must end: memory is ahead of the disk,
    or the disk of what the system says of it."""


class JournalDamagedError(RepricedError):
    """A journal or snapshot is not as it was written; the message names file and position."""


class DrainingError(RepricedError):
    """The server is stopping and takes no new work."""


class DeadlineError(RepricedError):
    """The caller's deadline passed before the request was applied; nothing was changed."""


class ApplyError(RepricedError):
    """Applying a journaled input raised; the cause says what. A repeat is answered the same."""


class ReplayError(RepricedError):
    """Frames of another rules version, or answers that differ from the ones that were given."""


class ConfigError(RepricedError):
    """A setting is wrong; the message names it, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why row `index` of a batch was not applied, or what its sender should know of it.

    `field` is a path inside the row, `reason` a stable upper-snake word, `message` names field,
    value and what is allowed.
    """

    index: int
    field: str
    reason: str
    message: str
