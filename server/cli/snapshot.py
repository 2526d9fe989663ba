"""`repriced snapshot`: a snapshot of a data directory, made by replaying its journal."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import click

from engine.errors import JournalDamagedError
from engine.journal import DirectoryStorage
from engine.journal.reader import JournalReader
from engine.journal.snapshots import snapshot_name, verify_snapshot
from engine.recovery import newest_sequence, recover, save
from server.cli.connection import json_option, plain_errors
from server.wire import WireCodec

BACKGROUND_NICENESS = 10

data_directory = click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


@click.command("snapshot")
@data_directory
@click.option(
    "--until", type=click.IntRange(1), help="The last frame to include; by default the newest."
)
@click.option("--background", is_flag=True, help="Leave the processor to others.")
@json_option
@plain_errors
def snapshot_command(directory: Path, until: int | None, background: bool, as_json: bool) -> None:
    """Replay the journal of DIRECTORY, compare every answer, and write a snapshot.

    Works beside a running server, which has it made like this. A start reads the newest snapshot
    and replays only what came after it.
    """
    if background:
        with contextlib.suppress(PermissionError):  # A sandbox may not allow even to be modest.
            os.nice(BACKGROUND_NICENESS)
    storage = DirectoryStorage(directory)
    reader = JournalReader(storage, newest_sequence(storage, until or 2**63))
    if until is not None and reader.last_sequence < until:
        raise JournalDamagedError(
            f"the journal ends at frame {reader.last_sequence}, before {until}",
            reason="JOURNAL_END_MISSING",
        )
    replayer, recovered = recover(storage, reader, WireCodec(), until)
    name, hashed = save(storage, replayer, recovered.last_sequence)
    verify_snapshot(storage, name)
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
