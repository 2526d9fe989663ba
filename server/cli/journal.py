"""`repriced journal`: what is in a data directory, whether it is whole, and all of it as JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from engine.journal.copies import Whole, verify_whole
from engine.journal.frames import FrameKind
from engine.journal.reader import JournalReader
from engine.journal.recovery import LAST_ONLY, Tail, examine, headers
from engine.journal.snapshots import list_snapshots
from engine.journal.storage import Storage
from engine.schema import InputKind
from server.cli.connection import Steps, json_option
from server.cli.directory import data_directory, directory_errors, opened, time_text
from server.cli.frames import Exporter


@click.group("journal")
def journal_group() -> None:
    """Look into the journal of a data directory. Nothing is changed; a server may be running.

    A journal is a row of files, each a row of frames. A frame is one input as it came, or the
    answer that it was given. Snapshots beside it only make a start faster.
    """


@journal_group.command("inspect")
@data_directory
@json_option
@directory_errors
def inspect_command(directory: Path, as_json: bool) -> None:
    """Show files, frames by kind, times and snapshots. Reads headers only.

    Example: repriced journal inspect /var/lib/repriced
    """
    storage = opened(directory)
    facts = inspected(storage)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for each in facts["segments"]:
        click.echo(
            f"{each['name']}  frames {each['first_sequence']} to {each['last_sequence']},"
            f" {each['bytes']} bytes"
        )
    for each in facts["snapshots"]:
        click.echo(f"{each['name']}  {each['bytes']} bytes{told(each['problem'])}")
    for kind, count in facts["frames"].items():
        click.echo(f"{kind:22} {count}")
    click.echo(f"{'from':22} {facts['first_time']}")
    click.echo(f"{'to':22} {facts['last_time']}")
    click.echo(tail_text(facts["tail_bytes"]), nl=bool(facts["tail_bytes"]))


def inspected(storage: Storage) -> dict[str, Any]:
    """What a directory holds, for programs."""
    found = examine(storage, LAST_ONLY)
    kinds: Counter[str] = Counter()
    rules: Counter[int] = Counter()
    times: list[int] = []
    for _, _, header in headers(storage):
        kinds[kind_name(header.kind)] += 1
        rules[header.rules_version] += 1
        times = [times[0] if times else header.now_ms, header.now_ms]
    return {
        "segments": [
            {
                "name": each.name,
                "first_sequence": each.header.first_sequence,
                "last_sequence": each.last_sequence,
                "bytes": each.size,
            }
            for each in found.segments
        ],
        "snapshots": [
            {"name": each.name, "sequence": each.sequence, "bytes": each.size,
             "problem": each.problem}
            for each in list_snapshots(storage)
        ],
        "frames": dict(sorted(kinds.items())),
        "rules_versions": sorted(rules),
        "first_time": time_text(times[0]) if times else "",
        "last_time": time_text(times[1]) if times else "",
        "tail_bytes": found.tail.size if found.tail else 0,
    }  # fmt: skip


def kind_name(kind: int) -> str:
    """A frame's kind in words."""
    if kind in list(InputKind):
        return InputKind(kind).name
    return FrameKind.OUTPUT.name if kind == FrameKind.OUTPUT else f"KIND_{kind}"


def told(problem: str) -> str:
    """A problem behind a line."""
    return f", damaged: {problem}" if problem else ""


def tail_text(size: int) -> str:
    """What the bytes behind the last whole frame are."""
    return (
        f"{size} bytes behind the last whole frame: a group that a server is writing now, or one"
        " that a crash interrupted and the next start cuts off"
        if size
        else ""
    )


@journal_group.command("verify")
@data_directory
@json_option
@directory_errors
def verify_command(directory: Path, as_json: bool) -> None:
    """Read every byte of journal and snapshots, and compare all checksums.

    Finds what a disk has changed. Whether the answers in the journal are right is another question,
    which `repriced replay --verify` asks.

    \b
    Exit codes
      0  all is whole
      1  something is damaged; the message names file, byte and frame
      2  wrong usage, or files that cannot be read
    """
    whole = verify_whole(opened(directory))
    damaged = [each for each in whole.snapshots if each.problem]
    if as_json:
        click.echo(json.dumps(verified_facts(whole)))
    else:
        for each in damaged:
            click.echo(f"damaged: {each.problem}", err=True)
        click.echo(
            f"{len(whole.segments)} files with frames {whole.first_sequence} to"
            f" {whole.last_sequence} are whole, {len(whole.snapshots) - len(damaged)} of"
            f" {len(whole.snapshots)} snapshots are"
        )
        if whole.tail is not None:
            click.echo(tail_text(whole.tail.size))
    if damaged:
        raise click.exceptions.Exit(1)


def verified_facts(whole: Whole) -> dict[str, Any]:
    """For programs."""
    tail: Tail | None = whole.tail
    return {
        "whole": not any(each.problem for each in whole.snapshots),
        "first_sequence": whole.first_sequence,
        "last_sequence": whole.last_sequence,
        "frames": whole.frames,
        "segments": len(whole.segments),
        "snapshots": len(whole.snapshots),
        "damaged_snapshots": [each.problem for each in whole.snapshots if each.problem],
        "tail_bytes": tail.size if tail else 0,
    }


@journal_group.command("export")
@data_directory
@click.option("--from", "first", type=click.IntRange(1), default=1, help="The first frame.")
@click.option("--to", "last", type=click.IntRange(1), help="The last frame.")
@directory_errors
def export_command(directory: Path, first: int, last: int | None) -> None:
    """Print the frames of DIRECTORY as JSON, one a line, oldest first.

    Requests and answers are decoded as the .proto files name them, so that any tool can search
    them. Callers stand by name; their tokens are in no journal. Bytes that decode to nothing are
    given as base64.

    \b
    Examples:
      repriced journal export /var/lib/repriced > journal.jsonl
      repriced journal export /var/lib/repriced --from 4711 --to 4711
    """
    storage = opened(directory)
    reader = JournalReader(storage, first)
    newest = min(last or reader.last_sequence, reader.last_sequence)
    begin = max(first, reader.first_sequence)
    if begin > newest:
        raise click.UsageError(
            f"no frame is from {first} to {last or 'the end'}: the journal holds"
            f" {reader.first_sequence} to {reader.last_sequence}"
        )
    exporter = Exporter()
    with Steps("frames exported", newest - begin + 1) as steps:
        for frame in reader.read_from(begin):
            if frame.sequence > newest:
                return
            click.echo(json.dumps(exporter.document(frame), ensure_ascii=False))
            steps.advance(1)
