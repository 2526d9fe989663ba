"""`repriced backup` and `repriced restore`: a data directory copied whole, and checked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from engine.claims.copies import copy_claims, verify_claims
from engine.claims.store import DATABASE
from engine.databases import check_database, copy_database
from engine.errors import JournalDamagedError
from engine.insights.history import DATABASE as INSIGHTS
from engine.journal import DirectoryStorage
from engine.journal.copies import Whole, check_startable, copy_whole, verify_whole
from engine.journal.storage import ListedOnce
from server.cli.connection import json_option
from server.cli.directory import data_directory, directory_errors, opened, time_text
from server.cli.sums import check_sums, copy_summed, write_sums
from server.config import load

ACCESS, CLAIMS = "access.sqlite3", "claims"
"""Names of access file and claims in a backup, and in the directory that is restored from it. The
history of insights is always in the data directory."""
TRIES = 5
"""A running server may prune a file while it is copied; then the copy begins anew."""


config_option = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The server's TOML file; says where access file and claims are.",
)


@click.command("backup")
@data_directory
@click.argument("destination", type=click.Path(path_type=Path))
@config_option
@json_option
@directory_errors
def backup_command(directory: Path, destination: Path, config: Path | None, as_json: bool) -> None:
    """Copy everything that a server keeps to DESTINATION, beside the running server.

    That is the journal, snapshots and insights of DIRECTORY, and the access file and the store of
    claims: of --config where they are elsewhere, else access.sqlite3 and claims in DIRECTORY, if
    they are there. The copy is what a start would find if the power went now: every input that was
    answered before the command began, in order. It is written beside, every byte of it is read
    again and checked, and only then it gets its name. DESTINATION must not exist, or be an empty
    directory.

    \b
    Example:
      repriced backup /var/lib/repriced /backup/repriced-monday --config /etc/repriced.toml
    """
    opened(directory)
    source = sources_of(directory, config)
    with made_beside(destination) as unfinished:
        for left in reversed(range(TRIES)):
            try:
                copy_all(source, unfinished)
                write_sums(unfinished, [unfinished / name for name in (ACCESS, INSIGHTS, CLAIMS)])
                break
            except FileNotFoundError:
                if not left:
                    raise
                shutil.rmtree(unfinished)
        whole = checked(unfinished, unfinished)
    report("backup", destination, whole, as_json)


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@directory_errors
def restore_command(source: Path, directory: Path, as_json: bool) -> None:
    """Copy the backup SOURCE to DIRECTORY, from where a server can start.

    Every byte of the backup is checked first, and of the copy afterwards. DIRECTORY must not exist,
    or be empty: what is there is never overwritten, and after a crash nothing of it is there: run
    the command again. Access file and claims, where the backup has them, become access.sqlite3 and
    claims in DIRECTORY; let access.file and claims.store of the configuration say so, or move them.

    A backup does not know what happened after it: the server that starts from it goes on from
    there, with the tokens of then. Erase again the sellers that have left since.

    \b
    Example:
      repriced restore /backup/repriced-monday /var/lib/repriced
      repriced serve --data-directory /var/lib/repriced
    """
    opened(source)
    checked(source, source)
    with made_beside(directory) as unfinished:
        copy_whole(ListedOnce(source), DirectoryStorage(unfinished))
        copy_summed(source, unfinished)
        whole = checked(unfinished, source)
    report("restored", directory, whole, as_json)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the parts of a server's data are; None for a part that there is not."""

    directory: Path
    insights: Path | None
    access: Path | None
    claims: Path | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a directory holds, every byte of it checked."""

    journal: Whole
    insights: bool
    access: bool
    claims: bool
    size: int


def sources_of(directory: Path, config: Path | None) -> Sources:
    """The parts of a server's data. Raises ConfigError."""
    access, claims = directory / ACCESS, directory / CLAIMS
    insights = directory / INSIGHTS
    if config is not None:
        settings = load(config)
        access = Path(settings.access.file) if settings.access.file else access
        claims = Path(settings.claims.store)
    return Sources(
        directory,
        insights if insights.is_file() else None,
        access if access.is_file() else None,
        claims if (claims / DATABASE).is_file() else None,
    )


def copy_all(source: Sources, target: Path) -> None:
    """Copies every part; all of it synced. Raises FileNotFoundError for what goes meanwhile."""
    storage = DirectoryStorage(target)
    copy_whole(ListedOnce(source.directory), storage)
    if source.insights is not None:
        copy_database(source.insights, target / INSIGHTS)
    if source.access is not None:
        copy_database(source.access, target / ACCESS)
    if source.claims is not None:
        copy_claims(source.claims, target / CLAIMS)
    storage.sync_names()


@contextmanager
def made_beside(destination: Path) -> Iterator[Path]:
    """A directory beside `destination` that gets its name when all went well, else is removed."""
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise click.UsageError(
            f"{destination} is there already; allowed: a new name, or an empty directory"
        )
    unfinished = destination.with_name(f".{destination.name}.unfinished-{os.getpid()}")
    for left in destination.parent.glob(f".{destination.name}.unfinished-*"):
        if not is_running(left.name.rpartition("-")[2]):
            shutil.rmtree(left)
    try:
        yield unfinished
        unfinished.rename(destination)
        DirectoryStorage(destination.parent).sync_names()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def is_running(process: str) -> bool:
    """Whether there is a process with this id; what a killed one left is removed."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return int(process) != os.getpid()


def checked(directory: Path, noted: Path) -> Checked:
    """A directory of which every byte is right, by the sums of backup `noted`.

    Raises JournalDamagedError.
    """
    check_sums(directory, noted)
    whole = verify_whole(ListedOnce(directory))
    for each in whole.snapshots:
        if each.problem:
            raise JournalDamagedError(each.problem, reason="SNAPSHOT_DAMAGED")
    check_startable(whole)
    parts = sources_of(directory, None)
    size = whole.bytes_on_disk
    for database in (parts.insights, parts.access):
        if database is not None:
            check_database(database)
            size += database.stat().st_size
    if parts.claims is not None:
        size += verify_claims(parts.claims)
    insights, access, claims = (
        each is not None for each in (parts.insights, parts.access, parts.claims)
    )
    return Checked(whole, insights, access, claims, size)


def report(verb: str, place: Path, held: Checked, as_json: bool) -> None:
    """Says what was copied."""
    whole = held.journal
    facts = {
        "directory": str(place),
        "first_sequence": whole.first_sequence,
        "last_sequence": whole.last_sequence,
        "time": time_text(whole.last_ms),
        "segments": len(whole.segments),
        "snapshots": len(whole.snapshots),
        "insights": held.insights,
        "access_file": held.access,
        "claims": held.claims,
        "bytes": held.size,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    parts = [f"{len(whole.segments)} files", f"{len(whole.snapshots)} snapshots"]
    parts += (
        ["the insights"] * held.insights
        + ["the access file"] * held.access
        + ["the claims"] * held.claims
    )
    click.echo(
        f"{verb}: {place} holds frames {whole.first_sequence} to {whole.last_sequence}, up to"
        f" {facts['time']}, in {', '.join(parts)}; {held.size} bytes, all verified"
    )
