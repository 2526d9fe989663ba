"""One report file as typed Parquet, a file a month, and its refused rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

from engine.claims.policy import scope_sql
from engine.claims.rejects import Rejected, exact_lines
from engine.claims.specs import ReportSpec
from engine.claims.texts import MAX_LINE_BYTES, ReportFile
from engine.claims.typed import problem, sql_text, typed

__all__ = ["Staged", "stage"]

REFUSED = "refused"
SNAPSHOT = "all"
CLOCK_DAYS = 2
"""A report's day may be ahead of ours by a time zone."""


@dataclass(slots=True)
class Staged:
    """Typed rows of one file. `spans`: (scope, first, last) where the file itself states them.

    `lost_days` are those of refused rows; `lost` says that a refused row has no day that is sure.
    """

    rows: int = 0
    first: date | None = None
    last: date | None = None
    scopes: list[str] = field(default_factory=list)
    months: list[tuple[str, Path]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    spans: list[tuple[str, date, date]] = field(default_factory=list)
    lost_days: set[date] = field(default_factory=set)
    lost: bool = False

    @property
    def paths(self) -> list[str]:
        """The Parquet files."""
        return [str(path) for _, path in self.months]


def stage(
    database: duckdb.DuckDBPyConnection, report: ReportFile, folder: Path, as_of: date
) -> Staged:
    """Reads a file once and writes typed rows by month into `folder`.

    Raises duckdb.Error for a file that cannot be read at all.
    """
    database.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    if report.spec.kind == "settlement":
        read_settlement_heads(database, report)
    folder.mkdir()
    database.execute(
        f"COPY ({rows_sql(report, as_of)}) TO {sql_text(str(folder))}"
        " (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (file_month),"
        " WRITE_PARTITION_COLUMNS false)"
    )
    staged = Staged()
    for path in sorted(folder.glob("file_month=*/*.parquet")):
        month = path.parent.name.partition("=")[2]
        if month != REFUSED:
            staged.months.append((month, path))
    malformed = database.execute(
        "SELECT DISTINCT line, error_type FROM reject_errors ORDER BY line"
    ).fetchall()
    refused = sorted(folder.glob(f"file_month={REFUSED}/*.parquet"))
    staged.rejected = rejected_rows(database, report, as_of, refused, malformed)
    staged.lost_days, unsure = lost_days(database, report.spec, refused)
    staged.lost = unsure or bool(malformed)
    measure(database, report.spec, staged, as_of)
    return staged


def read_sql(report: ReportFile) -> str:
    """The file as columns c0, c1, ... of texts, rows in order."""
    names = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(report.width))
    quote = report.quote and ", escape = '\"'"
    return (
        f"read_csv({sql_text(str(report.path))}, columns = {{{names}}}, auto_detect = false,"
        f" header = false, skip = {report.header_line}, delim = {sql_text(report.delimiter)},"
        f" quote = {sql_text(report.quote)}{quote}, store_rejects = true,"
        f" strict_mode = {'true' if report.quote else 'false'}, max_line_size = {MAX_LINE_BYTES})"
    )


def rows_sql(report: ReportFile, as_of: date, *, numbered: bool = False) -> str:
    """Typed rows with `row_date`, `scope`, `as_of`, `problem` and `file_month`.

    `numbered`: with `record` too, from 1; rows are then read one after the other, not in parallel.
    """
    spec, places = report.spec, dict(report.positions)
    texts = {name: f"trim(coalesce(c{at}, ''))" for name, at in places.items()}
    texts.setdefault("currency", "''")
    source, record = read_sql(report), ""
    if numbered:
        unheard = source.replace("store_rejects = true", "ignore_errors = true")
        source, record = f"(SELECT *, row_number() OVER () AS record FROM {unheard})", "record, "
    if spec.kind == "settlement":
        texts["currency"] = f"coalesce(nullif({texts['currency']}, ''), head_currency, '')"
        source += (
            " LEFT JOIN settlement_heads ON head_id ="
            f" trim(coalesce(c{places['settlement_id']}, ''))"
        )
    trimmed = ", ".join(f"{text} AS t_{name}" for name, text in texts.items())
    columns = ", ".join(
        f"{typed(spec, column, column.name in places)} AS {column.name}" for column in spec.columns
    )
    latest = (as_of + timedelta(days=CLOCK_DAYS)).isoformat()
    wrong = problem(spec, places, latest)
    month = f"strftime({row_date(spec)}, '%Y-%m')" if spec.date else f"'{SNAPSHOT}'"
    return f"""
        SELECT *, CASE WHEN problem IS NOT NULL THEN '{REFUSED}'
                       ELSE coalesce({month}, '{SNAPSHOT}') END AS file_month
        FROM (SELECT * EXCLUDE (t_factor, {", ".join(f"t_{name}" for name in texts)}),
                     {row_date(spec)} AS row_date, {scope_sql(spec)} AS scope,
                     DATE '{as_of.isoformat()}' AS as_of, {wrong} AS problem
              FROM (SELECT *, {columns} FROM (
                  SELECT *, minor_factor(upper(t_currency)) AS t_factor
                  FROM (SELECT {record}{trimmed} FROM {source}))))
    """


def row_date(spec: ReportSpec) -> str:
    """Expression of the date that places a row in time."""
    if not spec.date:
        return "NULL::DATE"
    if spec.kind == "settlement":
        return "coalesce(posted_date, settlement_end, settlement_start)"
    return spec.date


def read_settlement_heads(database: duckdb.DuckDBPyConnection, report: ReportFile) -> None:
    """Currency of each settlement: only its first line names it."""
    identity, currency = (report.positions[name] for name in ("settlement_id", "currency"))
    database.execute(
        "CREATE OR REPLACE TEMP TABLE settlement_heads AS"
        f" SELECT trim(c{identity}) AS head_id, max(trim(c{currency})) AS head_currency"
        f" FROM {read_sql(report).replace('store_rejects = true', 'ignore_errors = true')}"
        f" WHERE trim(coalesce(c{currency}, '')) <> '' GROUP BY ALL"
    )


def rejected_rows(
    database: duckdb.DuckDBPyConnection,
    report: ReportFile,
    as_of: date,
    refused: list[Path],
    malformed: list[tuple[int, str]],
) -> list[Rejected]:
    """Refused rows with the line they begin on.

    Records that could not be split are numbered by DuckDB from the top of the file; those that
    could are counted without them, in a second reading that only a file with refused rows needs.
    """
    found: list[tuple[int, str, str, str]] = []
    broken = [line - report.header_line for line, _ in malformed]
    for line, kind in malformed:
        found.append((line - report.header_line, "", "MALFORMED", words_of(kind)))
    if refused:
        rows = database.execute(
            f"SELECT record, problem FROM ({rows_sql(report, as_of, numbered=True)})"
            " WHERE problem IS NOT NULL ORDER BY record"
        ).fetchall()
        skipped = 0
        for record, text in rows:
            while skipped < len(broken) and broken[skipped] <= record + skipped:
                skipped += 1
            column, reason, message = str(text).split("|", 2)
            found.append((record + skipped, column, reason, message))
    found.sort()
    lines = exact_lines(report, [record for record, *_ in found])
    return [
        Rejected(report.name, line, column, reason, message)
        for line, (_, column, reason, message) in zip(lines, found, strict=True)
    ]


def lost_days(
    database: duckdb.DuckDBPyConnection, spec: ReportSpec, refused: list[Path]
) -> tuple[set[date], bool]:
    """Days of refused rows, and whether the day of some is not sure."""
    if not refused:
        return set(), False
    date_name = spec.by_name[spec.date].names[0] if spec.date else ""
    rows = database.execute(
        "SELECT DISTINCT CASE WHEN split_part(problem, '|', 1) <> ? THEN row_date END"
        " FROM read_parquet(?)",
        [date_name, [str(path) for path in refused]],
    ).fetchall()
    days = {day for (day,) in rows}
    return days - {None}, None in days


def words_of(error_type: str) -> str:
    """What DuckDB calls a malformed record, in plain words."""
    return {
        "MISSING COLUMNS": "has fewer columns than the header",
        "TOO MANY COLUMNS": "has more columns than the header",
        "UNQUOTED VALUE": "has a quote that is not closed",
        "LINE SIZE OVER MAXIMUM": "is too long",
        "INVALID ENCODING": "is not UTF-8",
    }.get(error_type, f"cannot be split into columns ({error_type.lower()})")


def measure(
    database: duckdb.DuckDBPyConnection, spec: ReportSpec, staged: Staged, as_of: date
) -> None:
    """Counts the rows and finds the dates and scopes that they cover."""
    if not staged.months:
        return
    rows = database.execute(
        "SELECT scope, count(*), min(row_date), max(row_date) FROM read_parquet(?)"
        " GROUP BY scope ORDER BY scope",
        [staged.paths],
    ).fetchall()
    staged.rows = sum(count for _, count, _, _ in rows)
    staged.scopes = [str(scope) for scope, *_ in rows]
    staged.first = min((first for _, _, first, _ in rows if first), default=None)
    staged.last = max((last for _, _, _, last in rows if last), default=None)
    if spec.kind == "settlement":
        staged.spans = settlement_spans(database, staged, as_of)
    if spec.kind == "storage_fees":
        staged.spans = [
            (str(scope), first, min(last, as_of))
            for scope, first, last in database.execute(
                "SELECT scope, min(row_date), last_day(max(row_date)) FROM read_parquet(?)"
                " GROUP BY scope, row_date ORDER BY 1, 2",
                [staged.paths],
            ).fetchall()
        ]


def settlement_spans(
    database: duckdb.DuckDBPyConnection, staged: Staged, as_of: date
) -> list[tuple[str, date, date]]:
    """Scope and period of each settlement, as it states them itself."""
    rows = database.execute(
        "SELECT scope, coalesce(min(settlement_start), min(row_date)),"
        " coalesce(max(settlement_end), max(row_date)) FROM read_parquet(?)"
        " GROUP BY scope, settlement_id ORDER BY 1, 2",
        [staged.paths],
    ).fetchall()
    return [(str(scope), first, min(last, as_of)) for scope, first, last in rows]
