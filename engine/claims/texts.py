"""Files, folders and archives as UTF-8 texts with a recognised header.

A file is looked at once as a stream: encoding, line length, NUL bytes. UTF-8 is read where it
lies; cp1252, Shift-JIS and UTF-16 are written again as UTF-8, a chunk at a time.
"""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj

from engine.claims.specs import REPORTS, ReportSpec, folded, recognise
from engine.errors import InputError

__all__ = ["MAX_LINE_BYTES", "FoundFile", "ReportFile", "files_in", "open_report"]

MAX_LINE_BYTES = 1 << 20
MAX_ARCHIVE_BYTES = 64 << 30
CHUNK_BYTES = 1 << 20
SUFFIXES = {".csv", ".txt", ".tsv", ".zip"}
KANA = range(0x3040, 0x3100)
WIDE_PER_KANA = 20
"""A Japanese text has at least one kana among so many wide characters; cp1252 read so has none."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file on disk and the name to tell people, with the archive it came in."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A UTF-8 text whose kind is known.

    `positions` maps a column of the kind to its place in the file, from 0. `header_line` is the
    line of the header, from 1. `quote` is "" where quotes are ordinary characters.
    """

    name: str
    path: Path
    spec: ReportSpec
    delimiter: str
    quote: str
    width: int
    header_line: int
    positions: dict[str, int]


def files_in(paths: Iterable[Path], staging: Path) -> Iterator[FoundFile]:
    """All report files of files, folders and zip archives, in order of their names.

    Members of archives are unpacked into `staging`. Raises InputError for a path that does not
    exist or an archive that cannot be read.
    """
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            for each in inside:
                yield from unpacked(each, str(each.relative_to(path)), staging)
        elif path.exists():
            yield from unpacked(path, path.name, staging)
        else:
            raise refusal(path.name, "FILE_MISSING", f"{path} does not exist")


def unpacked(path: Path, name: str, staging: Path) -> Iterator[FoundFile]:
    """The file itself, or the report files inside an archive."""
    if path.suffix.lower() != ".zip":
        yield FoundFile(name, path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if wanted(m)]
            size = sum(member.file_size for member in members)
            if size > MAX_ARCHIVE_BYTES:
                raise refusal(
                    name, "ARCHIVE_TOO_LARGE",
                    f"holds {size} bytes; allowed: {MAX_ARCHIVE_BYTES}",
                )  # fmt: skip
            for member in members:
                target = staging / f"member-{len(list(staging.iterdir()))}.csv"
                with archive.open(member) as source, target.open("wb") as out:
                    copyfileobj(source, out, CHUNK_BYTES)
                yield FoundFile(f"{name}/{member.filename}", target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise refusal(
            name, "ARCHIVE_BROKEN", f"is not a readable zip archive ({error}); download it again"
        ) from error


def wanted(member: zipfile.ZipInfo) -> bool:
    """Whether a member of an archive may be a report."""
    suffix = Path(member.filename).suffix.lower()
    return not member.is_dir() and suffix in SUFFIXES - {".zip"}


def open_report(found: FoundFile, staging: Path, kind: str | None = None) -> ReportFile:
    """Decodes a file and recognises it, or checks that it is of the stated kind.

    Raises InputError naming the file and what is wrong.
    """
    path = decoded(found, staging)
    line, text = header_of(found.name, path)
    delimiter = "\t" if "\t" in text else ("," if "," in text else ";")
    quote = '"' if delimiter != "\t" or text.startswith('"') else ""
    cells = split(text, delimiter, quote)
    spec, missing = recognise(cells)
    if kind is not None:
        spec = stated(found.name, kind, spec, cells)
    if spec is None:
        raise refusal(found.name, "REPORT_UNKNOWN", f"is no report that is known: {missing}")
    check_end(found.name, path, cells, delimiter, quote)
    return ReportFile(
        found.name, path, spec, delimiter, quote, len(cells), line, positions(spec, cells)
    )


def stated(name: str, kind: str, spec: ReportSpec | None, cells: list[str]) -> ReportSpec:
    """The kind that the caller says a file has. Raises InputError when its header differs."""
    if kind not in REPORTS:
        raise refusal(name, "KIND_UNKNOWN", f"kind is {kind!r}; allowed: {', '.join(REPORTS)}")
    wanted_spec = REPORTS[kind]
    present = {folded(each) for each in cells}
    missing = [c.names[0] for c in wanted_spec.columns if c.required and not present & {*c.names}]
    if missing:
        looks = f"; it looks like {spec.title}" if spec else ""
        raise refusal(
            name, "REPORT_OF_OTHER_KIND",
            f"is not {wanted_spec.title}: its header lacks {', '.join(missing)}{looks}",
        )  # fmt: skip
    return wanted_spec


def positions(spec: ReportSpec, cells: list[str]) -> dict[str, int]:
    """Where each column of the kind stands; of two names for one column the first listed wins."""
    places: dict[str, int] = {}
    for at, cell in enumerate(cells):
        places.setdefault(folded(cell), at)
    return {
        column.name: next(places[name] for name in column.names if name in places)
        for column in spec.columns
        if any(name in places for name in column.names)
    }


def header_of(name: str, path: Path) -> tuple[int, str]:
    """Number and text of the first line that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                return number, line.rstrip("\r\n")
    raise refusal(name, "FILE_EMPTY", "is empty; a report has at least a header line")


def split(text: str, delimiter: str, quote: str) -> list[str]:
    """Cells of one line."""
    if not quote:
        return text.split(delimiter)
    return next(csv.reader([text], delimiter=delimiter), [])


def check_end(name: str, path: Path, header: list[str], delimiter: str, quote: str) -> None:
    """Raises InputError when a file ends in the middle of its last line."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MAX_LINE_BYTES))
        tail = file.read()
    if tail.endswith((b"\n", b"\r")) or b"\n" not in tail:
        return
    last = tail.rsplit(b"\n", 1)[1].decode("utf-8", "replace")
    if last.strip() and (
        len(split(last, delimiter, quote)) < len(header) or (quote and last.count('"') % 2)
    ):
        raise refusal(
            name, "FILE_TRUNCATED",
            f"ends in the middle of a line ({last[:40]!r}); nothing of it was imported, download"
            " it again",
        )  # fmt: skip


def decoded(found: FoundFile, staging: Path) -> Path:
    """Path of the text as UTF-8. Raises InputError for what is no text."""
    encoding = encoding_of(found)
    if encoding == "utf-8":
        return found.path
    target = staging / f"utf8-{len(list(staging.iterdir()))}.csv"
    decoder = codecs.getincrementaldecoder(encoding)()
    with found.path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as out:
        while chunk := source.read(CHUNK_BYTES):
            out.write(decoder.decode(chunk))
        out.write(decoder.decode(b"", True))
    return target


def encoding_of(found: FoundFile) -> str:
    """utf-8, utf-16, cp932 (Shift-JIS) or cp1252. Raises InputError."""
    with found.path.open("rb") as file:
        start = file.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    utf8 = codecs.getincrementaldecoder("utf-8")()
    good, line_open = True, 0
    with found.path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            line_open = check_chunk(found.name, chunk, line_open)
            if good:
                try:
                    utf8.decode(chunk)
                except UnicodeDecodeError:
                    good = False
    if good and not utf8.getstate()[0]:
        return "utf-8"
    return single_or_double_byte(found)


def check_chunk(name: str, chunk: bytes, line_open: int) -> int:
    """Bytes of the line that a chunk leaves open. Raises InputError."""
    if b"\0" in chunk:
        raise refusal(name, "FILE_NOT_TEXT", "holds NUL bytes; a report is a text file")
    ends = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
    line_open = line_open + len(chunk) if ends < 0 else len(chunk) - ends - 1
    if line_open > MAX_LINE_BYTES:
        raise refusal(
            name, "LINE_TOO_LONG", f"has a line of more than {MAX_LINE_BYTES} bytes"
        )  # fmt: skip
    return line_open


def single_or_double_byte(found: FoundFile) -> str:
    """Which older encoding a text has that is not UTF-8.

    Shift-JIS is taken if the whole text decodes and holds kana: umlauts decode to rare ideographs.
    A text that is UTF-8 in some lines and not in others is refused: no reading of it is right.
    """
    kana = wide = 0
    japanese_ok, windows_ok, utf8_line, other_line = True, True, 0, 0
    with found.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isascii():
                continue
            if readable(line, "utf-8-sig"):
                utf8_line = utf8_line or number
                continue
            other_line = other_line or number
            windows_ok = windows_ok and readable(line, "cp1252")
            if japanese_ok and (japanese_ok := readable(line, "cp932")):
                characters = [ord(c) for c in line.decode("cp932") if ord(c) > 127]
                wide += len(characters)
                kana += sum(c in KANA for c in characters)
    if japanese_ok and WIDE_PER_KANA * kana > wide:
        return "cp932"
    if utf8_line and other_line:
        raise refusal(
            found.name, "ENCODING_MIXED",
            f"mixes encodings: line {utf8_line} is UTF-8, line {other_line} is not; save it in one",
        )  # fmt: skip
    if windows_ok:
        return "cp1252"
    raise refusal(
        found.name, "ENCODING_UNKNOWN",
        f"line {other_line} is neither UTF-8 nor cp1252 nor Shift-JIS",
    )  # fmt: skip


def readable(line: bytes, encoding: str) -> bool:
    """Whether a line decodes."""
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def refusal(name: str, reason: str, message: str) -> InputError:
    """An error about one file."""
    return InputError(f"{name}: {message}", reason=reason, field="paths")
