"""Files, folders and standard input as single JSON documents, each with the place it came from."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

SUFFIXES = {".json", ".jsonl", ".ndjson"}
BOM = b"\xef\xbb\xbf"
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Document = tuple[str, bytes]
"""Where a document begins ("messages.jsonl:12") and its text."""


def documents_of(paths: Iterable[str]) -> Iterator[Document]:
    """Documents of all paths in order; `-` is standard input."""
    for text in paths:
        if text == "-":
            yield from documents("stdin", sys.stdin.buffer)
            continue
        for file in files_of(Path(text)):
            try:
                with file.open("rb") as stream:
                    yield from documents(str(file), stream)
            except OSError as error:
                raise click.ClickException(f"{file}: {error.strerror}") from error


def check_paths(paths: Iterable[str]) -> None:
    """Raises UsageError for a path without messages, before anything is sent."""
    for text in paths:
        if text != "-" and not files_of(Path(text)):
            known = ", ".join(sorted(SUFFIXES))
            raise click.UsageError(
                f"{text}: the folder holds no file that ends in {known}"
                if Path(text).is_dir()
                else f"{text}: no such file or folder"
            )


def files_of(path: Path) -> list[Path]:
    """The file itself, or the message files of a folder and the folders in it, by name."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    return [path] if path.exists() else []


def documents(name: str, stream: BinaryIO) -> Iterator[Document]:
    """Documents of one stream: one a line, or a single one over many lines.

    Lines are read as they come if the first one is a whole document. Otherwise the whole text is
    one document, or, where it is none and a line of it is, one a line with broken ones among them.
    The elements of an array are documents of their own.
    """
    lines = enumerate(stream, 1)
    for number, line in lines:
        first = line.removeprefix(BOM) if number == 1 else line
        if not first.strip():
            continue
        if is_json(first):
            yield from elements(name, number, first)
            for at, each in lines:
                yield from elements(name, at, each)
        else:
            rest = [first, *(each for _, each in lines)]
            yield from whole_or_lines(name, number, rest)


def whole_or_lines(name: str, number: int, lines: list[bytes]) -> Iterator[Document]:
    """A text whose first line is no document by itself."""
    text = b"".join(lines)
    one_a_line = not is_json(text) and any(
        each.startswith(b"{") and is_json(each) for each in lines
    )
    if not one_a_line:
        yield from elements(name, number, text)
        return
    for at, each in enumerate(lines, number):
        yield from elements(name, at, each)


def elements(name: str, number: int, text: bytes) -> Iterator[Document]:
    """The document itself, or those of an array; nothing for a blank text."""
    if not text.strip():
        return
    place = f"{name}:{number}"
    if text.lstrip().startswith(b"["):
        try:
            parts = msgspec.json.decode(text, type=list[msgspec.Raw])
        except NOT_JSON:
            parts = []
        if parts:
            yield from ((f"{place}[{at}]", bytes(part)) for at, part in enumerate(parts))
            return
    yield place, text


def is_json(text: bytes) -> bool:
    """Whether the text is one whole JSON document."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except NOT_JSON:
        return False
    return True
