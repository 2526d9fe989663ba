"""What commands that read a data directory share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from engine.errors import JournalDamagedError, ReplayError
from engine.journal.segments import sequence_of
from engine.journal.storage import ListedOnce
from server.cli.connection import Steps, plain_errors

P = ParamSpec("P")
T = TypeVar("T")

data_directory = click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


def directory_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Damage and differences become a message and exit code 1, unusable files exit code 2."""
    plain = plain_errors(command)

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> T:
        try:
            return plain(*args, **options)
        except click.UsageError as error:
            if isinstance(error.__cause__, JournalDamagedError | ReplayError):
                raise click.ClickException(error.message) from error
            raise
        except OSError as error:
            told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise click.UsageError(told) from error

    return run


def opened(directory: Path) -> ListedOnce:
    """The directory as it is now. Raises UsageError if it holds no journal."""
    storage = ListedOnce(directory)
    if not any(sequence_of(name) is not None for name in storage.names()):
        raise click.UsageError(
            f"{directory} holds no journal; allowed: the data directory of a server, or a backup"
        )
    return storage


class Bar:
    """Shows how far a replay is."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._title, self._quiet, self._done = title, quiet, 0
        self._steps: Steps | None = None

    def __call__(self, done: int, total: int) -> None:
        """Says that `done` of `total` frames are replayed."""
        if self._steps is None:
            self._steps = Steps(self._title, total, self._quiet)
        self._steps.advance(done - self._done)
        self._done = done

    def close(self) -> None:
        """Ends the display."""
        if self._steps is not None:
            self._steps.close()


def time_text(ms: int) -> str:
    """Journal time for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


class SequenceOrTime(click.ParamType):  # type: ignore[type-arg]
    """A frame's number, or an instant as milliseconds of journal time."""

    name = "SEQ|TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        """("sequence", number) or ("ms", instant)."""
        text = str(value)
        if text.isascii() and text.isdecimal() and 0 < int(text) < 2**63:
            return "sequence", int(text)
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail(
                f"{text!r} is neither the number of a frame, 1 or more, nor a time with its zone"
                " such as 2026-05-04T13:30:00Z",
                param,
                ctx,
            )
        return "ms", int(instant.timestamp() * 1000)
