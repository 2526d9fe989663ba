"""`repriced snapshot`: a snapshot of a data directory, made by replaying its journal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from pathlib import Path

import click

from engine.errors import ConfigError, JournalDamagedError
from engine.journal import DirectoryStorage
from engine.journal.reader import JournalReader
from engine.journal.snapshots import snapshot_name, verify_snapshot
from engine.journal.storage import ListedOnce
from engine.recovery import newest_sequence, recover, save
from server.cli.connection import json_option
from server.cli.directory import data_directory, directory_errors
from server.wire import WireCodec

BACKGROUND_NICENESS = 10
LOOK_S = 0.05


@click.command("snapshot")
@data_directory
@click.option(
    "--until", type=click.IntRange(1), help="The last frame to include; by default the newest."
)
@click.option(
    "--server", type=click.IntRange(1), help="Leave the processor to this process; end with it."
)
@json_option
@directory_errors
def snapshot_command(directory: Path, until: int | None, server: int | None, as_json: bool) -> None:
    """Replay the journal of DIRECTORY, compare every answer, and write a snapshot.

    Works beside a running server, which has it made like this. A start reads the newest snapshot
    and replays only what came after it.
    """
    if server is not None:
        with contextlib.suppress(PermissionError):  # A sandbox may not allow even to be modest.
            os.nice(BACKGROUND_NICENESS)
        threading.Thread(target=end_with, args=(server,), daemon=True).start()
    take_turn(directory)
    storage = ListedOnce(directory)
    reader = JournalReader(storage, newest_sequence(storage, until or 2**63))
    if until is not None and reader.last_sequence < until:
        raise JournalDamagedError(
            f"the journal ends at frame {reader.last_sequence}, before {until}",
            reason="JOURNAL_END_MISSING",
        )
    replayer, recovered = recover(storage, reader, WireCodec(), until)
    target = DirectoryStorage(directory)
    name, hashed = save(target, replayer, recovered.last_sequence)
    verify_snapshot(target, name)
    facts = {
        "name": snapshot_name(recovered.last_sequence),
        "state_hash": hashed,
        "inputs": recovered.inputs,
        "compared": recovered.compared,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"{facts['name']}: {recovered.inputs} inputs replayed, {recovered.compared} answers equal,"
        f" state {hashed}"
    )


def end_with(server: int) -> None:
    """Ends this process when its parent is gone: the next server has snapshots of its own made."""
    while os.getppid() == server:
        time.sleep(LOOK_S)
    os._exit(1)


def take_turn(directory: Path) -> None:
    """Lets one process at a time make a snapshot; given up with the process. Raises ConfigError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(
            f"another process is making a snapshot of {directory}; wait for it, or use that one",
            reason="SNAPSHOT_IN_THE_MAKING",
            field="directory",
        ) from None
