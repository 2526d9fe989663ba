"""Reports in: files become typed rows of the store, as a whole or not at all.

Each file is read once by DuckDB and written as Parquet into the staging folder, refused rows
beside it; then the rows that it replaces are taken out, the files get their place, and one
transaction makes all of it true.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

from engine.claims.codes import unknown_codes
from engine.claims.rejects import Rejected, write_rejects
from engine.claims.replacing import key_span, leftovers
from engine.claims.specs import REPORTS, Replace, ReportSpec
from engine.claims.staging import Staged, stage
from engine.claims.store import Store, StoredFile, check_seller, sync
from engine.claims.texts import FoundFile, ReportFile, files_in, open_report
from engine.claims.warehouse import connect
from engine.errors import InputError

__all__ = ["ImportResult", "ImportedReport", "RefusedFile", "import_paths"]

Progress = Callable[[str, int, int], None]
Range = tuple[date, date]


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file of which nothing was imported, and why."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportedReport:
    """What one file brought. `first` and `last` are the dates that it now covers."""

    name: str
    kind: str
    rows: int
    rejected: int
    replaced: int
    first: date
    last: date
    as_of: date


@dataclass(slots=True)
class ImportResult:
    """What became of an import. `rejects_path` is None if no row was refused."""

    import_id: int
    reports: list[ImportedReport] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unknown_codes: dict[tuple[str, str], int] = field(default_factory=dict)
    rejects_path: Path | None = None


def import_paths(
    store_path: Path,
    seller_id: str,
    paths: Iterable[Path],
    as_of: date,
    *,
    covers: Range | None = None,
    kind: str | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Imports report files, folders and zip archives of one seller.

    `as_of` is the day of the download. `covers` are the first and last day that the reports were
    requested for; without it a report covers its first to its last row, and reaches `as_of` if the
    last row is not older than is usual for its kind (`ReportSpec.quiet_days`). An import replaces
    the stored rows of the same kind in the covered dates. `kind` forces a kind of report.

    A file that cannot be used is named in `refused`, a row in `rejected`; the others go on. Raises
    InputError for an unusable argument and ConflictError while another process writes.
    """
    check_seller(seller_id)
    if covers is not None and covers[0] > covers[1]:
        raise InputError(
            f"covers is {covers[0]} to {covers[1]}; allowed: the first day before the last",
            reason="COVERS",
            field="covers",
        )
    if kind is not None and kind not in REPORTS:
        raise InputError(
            f"kind is {kind[:40]!r}; allowed: {', '.join(REPORTS)}",
            reason="KIND_UNKNOWN",
            field="kind",
        )
    with Store(store_path) as store, store.writing():
        work = Import(store, seller_id, as_of, covers)
        found = list(usable(work, paths, kind))
        for number, report in enumerate(found):
            if progress:
                progress(report.name, number, len(found))
            work.add(report)
        if progress:
            progress("", len(found), len(found))
        return work.finish()


def usable(work: Import, paths: Iterable[Path], kind: str | None) -> Iterable[ReportFile]:
    """Reports that can be read; the others are noted as refused."""
    for path in paths:
        try:
            found = list(files_in([path], work.staging))
        except InputError as error:
            work.refuse(path.name, error)
            continue
        if not found:
            work.refuse(path.name, no_reports(path))
        for each in found:
            report = opened(work, each, kind)
            if report is not None:
                yield report


def opened(work: Import, found: FoundFile, kind: str | None) -> ReportFile | None:
    """A file that is a report, or None."""
    try:
        return open_report(found, work.staging, kind)
    except InputError as error:
        work.refuse(found.name, error)
        return None


def no_reports(path: Path) -> InputError:
    """An error about a folder or archive without report files."""
    return InputError(
        f"{path.name}: holds no file that ends in .csv, .txt, .tsv or .zip",
        reason="NO_REPORTS",
        field="paths",
    )


class Import:
    """One import while it happens, inside a transaction of the store."""

    def __init__(self, store: Store, seller: str, as_of: date, covers: Range | None) -> None:
        self.store, self.seller, self.as_of, self.covers = store, seller, as_of, covers
        self.staging = store.clear_leftovers()
        self.result = ImportResult(store.next_import())
        self.database = connect(self.staging / "spill")
        self._written = 0
        self._folders: set[Path] = set()

    def refuse(self, name: str, error: InputError) -> None:
        """Notes a file of which nothing is imported."""
        self.result.refused.append(RefusedFile(name, error.reason, error.message))

    def add(self, report: ReportFile) -> None:
        """Types the rows of a file and puts them in place of those it replaces."""
        folder = self.staging / f"typed-{len(self.result.reports)}-{report.spec.kind}"
        try:
            staged = stage(self.database, report, folder, self.as_of)
        except (InputError, duckdb.Error) as error:
            self.refuse(report.name, as_input_error(report.name, error))
            return
        self.result.rejected += staged.rejected
        self._note_codes(report.spec.kind, staged)
        covered = self._covered(report.spec, staged)
        replaced = self._replace(report.spec, staged, covered)
        for month, path in staged.months:
            self._keep(report.spec.kind, month, path)
        if staged.first is not None or not report.spec.date or self.covers is not None:
            self._note_coverage(report.spec, staged, covered)
        first, last, as_of = covered
        self.result.reports.append(
            ImportedReport(
                report.name, report.spec.kind, staged.rows, len(staged.rejected), replaced,
                first, last, as_of,
            )
        )  # fmt: skip

    def finish(self) -> ImportResult:
        """Writes the rejects and waits until everything is on disk."""
        self.database.close()
        result = self.result
        if result.rejected:
            result.rejects_path = write_rejects(
                self.store.rejects_of(result.import_id), result.rejected
            )
        for folder in self._folders:
            sync(folder)
        self.store.db.execute(
            "INSERT INTO imports VALUES (?, ?, ?, ?)",
            (result.import_id, self.seller, self.as_of.isoformat(), len(result.rejected)),
        )
        return result

    def _covered(self, spec: ReportSpec, staged: Staged) -> tuple[date, date, date]:
        """First and last day covered and the day that the report is true of."""
        first, last = staged.first or self.as_of, staged.last or self.as_of
        if not spec.date:
            return self.as_of, self.as_of, self.as_of
        if self.covers is not None:
            return min(first, self.covers[0]), max(last, self.covers[1]), self.as_of
        if last + timedelta(days=spec.quiet_days) >= self.as_of:
            return first, max(last, self.as_of), self.as_of
        return first, last, last

    def _replace(self, spec: ReportSpec, staged: Staged, covered: tuple[date, date, date]) -> int:
        """Takes out the stored rows that a file replaces; how many."""
        replaced = 0
        keys = key_span(self.database, spec, staged.paths)
        for old in self.store.files(self.seller, spec.kind):
            if spec.replace == Replace.RANGE and not overlaps(old, covered):
                continue
            if keys and old.keys and (old.keys[1] < keys[0] or keys[1] < old.keys[0]):
                continue
            target = self.staging / f"left-{self._written}.parquet"
            left = leftovers(
                self.database, spec, self.store.path / old.path, staged, covered[:2], target
            )
            if left == old.rows:
                continue
            replaced += old.rows - left
            self.store.db.execute("DELETE FROM files WHERE path = ?", (old.path,))
            self.store.db.execute("DELETE FROM keys WHERE path = ?", (old.path,))
            if left:
                self._keep(spec.kind, old.month, target)
        return replaced

    def _keep(self, kind: str, month: str, path: Path) -> None:
        """Moves a staged Parquet file to its place and names it in the manifest."""
        folder = self.store.folder_of(self.seller) / f"report={kind}" / f"month={month}"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{self.result.import_id}-{self._written}.parquet"
        self._written += 1
        sync(path)
        os.replace(path, target)
        self._folders |= {folder, *folder.parents[:3]}
        row = self.database.execute(
            "SELECT min(row_date), max(row_date), count(*) FROM read_parquet(?)", [str(target)]
        ).fetchone()
        first, last, rows = row or (None, None, 0)
        self.store.db.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(target.relative_to(self.store.path)), self.seller, kind, month,
                first and first.isoformat(), last and last.isoformat(), rows,
                self.result.import_id,
            ),
        )  # fmt: skip
        keys = key_span(self.database, REPORTS[kind], [str(target)])
        if keys:
            self.store.db.execute(
                "INSERT INTO keys VALUES (?, ?, ?)",
                (str(target.relative_to(self.store.path)), *keys),
            )

    def _note_coverage(
        self, spec: ReportSpec, staged: Staged, covered: tuple[date, date, date]
    ) -> None:
        first, last, as_of = covered
        whole = [(scope, first, last) for scope in staged.scopes or [""]]
        for scope, first, last in staged.spans or whole:
            self.store.db.execute(
                "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    self.seller, spec.kind, scope, first.isoformat(), last.isoformat(),
                    as_of.isoformat(), self.result.import_id,
                ),
            )  # fmt: skip

    def _note_codes(self, kind: str, staged: Staged) -> None:
        for code, rows in unknown_codes(self.database, kind, staged.paths).items():
            counted = self.result.unknown_codes
            counted[kind, code] = counted.get((kind, code), 0) + rows
            self.store.db.execute(
                "INSERT OR REPLACE INTO codes VALUES (?, ?, ?, ?, ?)",
                (self.seller, kind, code, rows, self.result.import_id),
            )


def overlaps(old: StoredFile, covered: tuple[date, date, date]) -> bool:
    """Whether a stored file holds dates that a new one covers."""
    if old.first is None or old.last is None:
        return True
    return old.first <= covered[1] and covered[0] <= old.last


def as_input_error(name: str, error: Exception) -> InputError:
    """What DuckDB says of an unreadable file, as an error about that file."""
    if isinstance(error, InputError):
        return error
    first_line = str(error).splitlines()[0][:200]
    return InputError(f"{name}: cannot be read ({first_line})", reason="FILE_BROKEN", field="paths")
