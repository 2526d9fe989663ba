"""`python -m bench.journal_floor`: what the journal costs over the bare writes it stands on.

One group of 5 MB and one of 64 small frames against a write and fdatasync of the same bytes into
the same directory; opening a journal and reading a snapshot against reading and hashing the file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import google_crc32c
import numpy as np
from rich.console import Console

from bench.ratios import PAIRS, Pairs, Side, measure, summary
from bench.report import machine
from engine.journal import DirectoryStorage, FileJournal
from engine.journal.recovery import examine
from engine.journal.snapshots import read_snapshot, write_snapshot
from engine.schema import RECORD, ROW, InputKind

CHUNK = 1024 * 1024


def commit(folder: Path, frames: int, size: int, pairs: int) -> Pairs:
    """A group of `frames` inputs of `size` bytes against one bare write of all of them."""
    payload = np.random.default_rng(1).bytes(size)
    joined = payload * frames
    journal = FileJournal.open(DirectoryStorage(folder), bytes(16))
    bare = os.open(folder / "bare", os.O_RDWR | os.O_CREAT)

    def ours(_: None) -> None:
        for _ in range(frames):
            journal.append(InputKind.REPRICE, payload, 1, b"caller")
        journal.commit()

    def theirs(_: None) -> None:
        os.pwrite(bare, joined, os.fstat(bare).st_size)
        os.fdatasync(bare)

    found = measure(Side(lambda: None, ours), Side(lambda: None, theirs), pairs)
    journal.close()
    os.close(bare)
    return found


def opening(folder: Path, frames: int, size: int, pairs: int) -> Pairs:
    """Checking every frame of a journal against reading and hashing its files."""
    payload = np.random.default_rng(1).bytes(size)
    journal = FileJournal.open(DirectoryStorage(folder), bytes(16))
    for _ in range(frames):
        journal.append(InputKind.REPRICE, payload, 1, b"caller")
    journal.commit()
    journal.close()
    files = sorted(folder.glob("journal-*.log"))
    storage = DirectoryStorage(folder)
    return against_hash(lambda: examine(storage), files, pairs)


def snapshot(folder: Path, listings: int, pairs: int) -> Pairs:
    """Reading the rows of a snapshot against reading and hashing its file."""
    storage = DirectoryStorage(folder)
    columns = {"rows": np.zeros(listings, ROW), "records": np.zeros(listings, RECORD)}
    name = write_snapshot(storage, 1, 1, 1, "", columns)
    return against_hash(lambda: read_snapshot(storage, name), [folder / name], pairs)


def against_hash(ours: Callable[[], object], files: list[Path], pairs: int) -> Pairs:
    """Something against reading files in chunks of 1 MiB and hashing them."""

    def theirs(_: None) -> None:
        buffer = bytearray(CHUNK)
        view = np.frombuffer(buffer, np.uint8)
        for path in files:
            crc = 0
            with path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    crc = google_crc32c.extend(crc, view[:count])

    return measure(Side(lambda: None, lambda _: ours()), Side(lambda: None, theirs), pairs)


@click.command(help=__doc__)
@click.option("--tiny", is_flag=True, help="Small sizes that only show that all works.")
@click.option(
    "--directory", type=click.Path(path_type=Path), default=Path(), help="Where to write."
)
def main(tiny: bool, directory: Path) -> None:
    """Measures all and shows the ratios."""
    console = Console(width=120)
    for name, value in machine().items():
        console.print(f"{name}: {value}", highlight=False)
    shrink, pairs = (100, 2) if tiny else (1, PAIRS)
    rows: dict[str, Callable[[Path], Pairs]] = {
        "commit of one frame of 5 MB / write + fdatasync": lambda folder: commit(
            folder, 1, 5_000_000 // shrink, pairs
        ),
        "commit of 64 frames of 515 bytes / write + fdatasync": lambda folder: commit(
            folder, 64, 515, pairs
        ),
        "checking 40 frames of 5 MB / reading and hashing": lambda folder: opening(
            folder, 40, 5_000_000 // shrink, pairs
        ),
        "checking 100,000 frames of 515 bytes / reading and hashing": lambda folder: opening(
            folder, 100_000 // shrink, 515, pairs
        ),
        "snapshot of 1,000,000 listings / reading and hashing": lambda folder: snapshot(
            folder, 1_000_000 // shrink, pairs
        ),
    }
    for question, row in rows.items():
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            found = row(Path(folder))
        ratio, low, high = summary(found.over_floor())
        console.print(
            f"{question}: {ratio:.2f} ({low:.2f} to {high:.2f}), {found.ours_s * 1e3:.2f} ms",
            highlight=False,
        )


if __name__ == "__main__":
    main()
