"""SHA-256 sums of the files of a backup that have no checksums of their own.

The file is what `sha256sum --check` reads.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from engine.claims.copies import copy_file
from engine.claims.store import sync
from engine.errors import JournalDamagedError

NAME = "SHA256SUMS"
PRIVATE = 0o600


def write_sums(directory: Path, parts: list[Path]) -> None:
    """Notes the sums of the files in some folders, or of single files; synced."""
    files = [each for part in parts for each in ([part] if part.is_file() else part.rglob("*"))]
    names = sorted(str(each.relative_to(directory)) for each in files if each.is_file())
    lines = [f"{digest(directory / name)}  {name}\n" for name in names]
    handle = os.open(directory / NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def sums_of(backup: Path) -> list[tuple[str, str]]:
    """Names of files and their sums, as a backup noted them; none where it noted none."""
    if not (backup / NAME).exists():
        return []
    lines = (backup / NAME).read_text(encoding="utf-8").splitlines()
    return [(name, wanted) for wanted, _, name in (line.partition("  ") for line in lines)]


def check_sums(directory: Path, backup: Path) -> None:
    """Compares the files of a directory with what a backup noted. Raises JournalDamagedError."""
    for name, wanted in sums_of(backup):
        path = directory / name
        if not path.is_file() or digest(path) != wanted:
            raise JournalDamagedError(
                f"{name} is not what {NAME} of the backup says", reason="BACKUP_DAMAGED"
            )


def copy_summed(backup: Path, target: Path) -> None:
    """Copies the files that a backup noted; all of it synced."""
    folders = {target}
    for name, _ in sums_of(backup):
        copy_file(backup / name, target / name)
        folders |= {each for each in (target / name).parents if target in each.parents}
    for folder in folders:
        sync(folder)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
