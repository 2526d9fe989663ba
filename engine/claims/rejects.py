"""Rows that were refused: where they stand and why, never the row: it may hold buyer data."""

from __future__ import annotations

import csv
import os
from dataclasses import astuple, dataclass
from pathlib import Path

from engine.claims.cells import plain_cell
from engine.claims.texts import ReportFile

__all__ = ["Rejected", "exact_lines", "write_rejects"]

HEADER = ("file", "line", "column", "reason", "message")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refused row, or an answer that could not be noted, which has line 0.

    `line` is where a row begins, from 1; `column` is "" for a row as a whole.
    """

    file: str
    line: int
    column: str
    reason: str
    message: str


def write_rejects(path: Path, rows: list[Rejected]) -> Path:
    """Writes a rejects file and waits until it is on disk."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(map(plain_cell, astuple(each)) for each in rows)
        file.flush()
        os.fsync(file.fileno())
    return path


def exact_lines(report: ReportFile, records: list[int]) -> list[int]:
    """Lines on which records begin; records are counted from 1 and ascend.

    Quoted cells may hold line breaks, so the lines of a quoted file are counted by reading it.
    """
    if not records:
        return []
    if not report.quote:
        return [record + report.header_line for record in records]
    lines: dict[int, int] = {}
    last, wanted = records[-1], set(records)
    with report.path.open(encoding="utf-8-sig", newline="") as file:
        for _ in range(report.header_line):
            next(file)
        number, line, open_quote = 0, report.header_line, False
        for text in file:
            line += 1
            if not open_quote and text.strip():
                number += 1
                if number in wanted:
                    lines[number] = line
            open_quote ^= text.count('"') % 2 == 1
            if number > last:
                break
    return [lines.get(record, record + report.header_line) for record in records]
