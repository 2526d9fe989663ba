"""Which days an import covers: not those of rows that could not be read.

A refused row may be the very one that answers a claim, so its day counts as missing; where its day
cannot be read either, the whole file does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from engine.claims.store import Store

__all__ = ["Covered", "cut", "days_of", "note_coverage"]

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Covered:
    """Days of a scope, both inclusive."""

    scope: str
    first: date
    last: date


def days_of(span: Covered) -> Iterator[date]:
    """Every day of a span."""
    for number in range((span.last - span.first).days + 1):
        yield span.first + timedelta(days=number)


def cut(spans: Iterable[Covered], days: Iterable[date]) -> Iterator[Covered]:
    """Spans without some days."""
    gone = sorted(set(days))
    for span in spans:
        first = span.first
        for day in gone:
            if first <= day <= span.last:
                if first < day:
                    yield Covered(span.scope, first, day - DAY)
                first = day + DAY
        if first <= span.last:
            yield Covered(span.scope, first, span.last)


def note_coverage(
    store: Store, seller: str, kind: str, spans: list[Covered], lost: Iterable[date], as_of: date,
    import_id: int,
) -> None:  # fmt: skip
    """Notes what an import covers, and takes the lost days out of what was covered before."""
    gone = set(lost)
    if gone:
        uncover(store, seller, kind, gone)
    for span in cut(spans, gone):
        row = span.scope, span.first.isoformat(), span.last.isoformat(), as_of.isoformat()
        store.db.execute(
            "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)", (seller, kind, *row, import_id)
        )


def uncover(store: Store, seller: str, kind: str, gone: set[date]) -> None:
    """Splits earlier coverage around days whose rows are gone."""
    rows = store.db.execute(
        "SELECT rowid, scope, first, last, as_of, import FROM coverage"
        " WHERE seller = ? AND report = ? AND first <= ? AND last >= ?",
        (seller, kind, max(gone).isoformat(), min(gone).isoformat()),
    ).fetchall()
    for number, scope, first, last, as_of, import_id in rows:
        span = Covered(str(scope), date.fromisoformat(str(first)), date.fromisoformat(str(last)))
        store.db.execute("DELETE FROM coverage WHERE rowid = ?", (number,))
        for left in cut([span], gone):
            store.db.execute(
                "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    seller, kind, left.scope, left.first.isoformat(), left.last.isoformat(),
                    as_of, import_id,
                ),
            )  # fmt: skip
