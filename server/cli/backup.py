"""`repriced backup` and `repriced restore`: a data directory copied whole, and checked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from engine.errors import JournalDamagedError
from engine.journal import DirectoryStorage
from engine.journal.copies import Whole, check_startable, copy_whole, verify_whole
from engine.journal.storage import ListedOnce
from server.cli.connection import json_option
from server.cli.directory import data_directory, directory_errors, opened, time_text

TRIES = 5
"""A running server may prune a file while it is copied; then the copy begins anew."""


@click.command("backup")
@data_directory
@click.argument("destination", type=click.Path(path_type=Path))
@json_option
@directory_errors
def backup_command(directory: Path, destination: Path, as_json: bool) -> None:
    """Copy the journal and snapshots of DIRECTORY to DESTINATION, beside a running server.

    The copy is what a start would find if the power went now: every input that was answered before
    the command began, in order. It is written beside, every byte of it is read again and checked,
    and only then it gets its name. DESTINATION must not exist, or be an empty directory.

    Example: repriced backup /var/lib/repriced /backup/repriced-monday
    """
    opened(directory)
    with made_beside(destination) as unfinished:
        for left in reversed(range(TRIES)):
            try:
                copy_whole(ListedOnce(directory), DirectoryStorage(unfinished))
                break
            except FileNotFoundError:
                if not left:
                    raise
                shutil.rmtree(unfinished)
        whole = checked(unfinished)
    report("backup", destination, whole, as_json)


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@directory_errors
def restore_command(source: Path, directory: Path, as_json: bool) -> None:
    """Copy the backup SOURCE to DIRECTORY, from where a server can start.

    Every byte of the backup is checked first, and of the copy afterwards. DIRECTORY must not exist,
    or be empty: what is there is never overwritten. A backup does not know what happened after it;
    the server that starts from it goes on from there.

    \b
    Example:
      repriced restore /backup/repriced-monday /var/lib/repriced
      repriced serve --data-directory /var/lib/repriced
    """
    opened(source)
    checked(source)
    with made_beside(directory) as unfinished:
        copy_whole(ListedOnce(source), DirectoryStorage(unfinished))
        whole = checked(unfinished)
    report("restored", directory, whole, as_json)


@contextmanager
def made_beside(destination: Path) -> Iterator[Path]:
    """A directory beside `destination` that gets its name when all went well, else is removed."""
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise click.UsageError(
            f"{destination} is there already; allowed: a new name, or an empty directory"
        )
    unfinished = destination.with_name(f".{destination.name}.unfinished-{os.getpid()}")
    try:
        yield unfinished
        unfinished.rename(destination)
        DirectoryStorage(destination.parent).sync_names()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def checked(directory: Path) -> Whole:
    """A directory of which every byte is right. Raises JournalDamagedError."""
    whole = verify_whole(ListedOnce(directory))
    for each in whole.snapshots:
        if each.problem:
            raise JournalDamagedError(each.problem, reason="SNAPSHOT_DAMAGED")
    check_startable(whole)
    return whole


def report(verb: str, place: Path, whole: Whole, as_json: bool) -> None:
    """Says what was copied."""
    facts = {
        "directory": str(place),
        "first_sequence": whole.first_sequence,
        "last_sequence": whole.last_sequence,
        "time": time_text(whole.last_ms),
        "segments": len(whole.segments),
        "snapshots": len(whole.snapshots),
        "bytes": whole.bytes_on_disk,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"{verb}: {place} holds frames {whole.first_sequence} to {whole.last_sequence}, up to"
        f" {facts['time']}, in {len(whole.segments)} files, and {len(whole.snapshots)} snapshots;"
        f" {whole.bytes_on_disk} bytes, all verified"
    )
