"""What a seller should look at now: a trial of two weeks is over, or another quarter has passed.

Each is raised once, whatever restarts come between, and kept beside the days that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from engine.insights.history import KEPT_DAYS, History
from engine.insights.look import DAY_MS
from engine.insights.review import QUARTER_DAYS, TRIAL_DAYS, Kind

SEEN_LATELY = "EXISTS (SELECT 1 FROM days WHERE listing_id = listings.listing_id AND day >= ?)"
TRIALS = (
    "SELECT seller, strategy, since_day, count(*) FROM listings"
    f" WHERE since_day > ? AND since_day <= ? AND {SEEN_LATELY}"
    " GROUP BY seller, strategy, since_day ORDER BY seller, since_day, strategy"
)
SELLERS = (
    f"SELECT seller, min(first_day) FROM listings WHERE {SEEN_LATELY}"
    " GROUP BY seller ORDER BY seller"
)
RAISE = (
    "INSERT INTO notices (seller, at_ms, kind, subject, message) SELECT ?1, ?2, ?3, ?4, ?5"
    " WHERE NOT EXISTS (SELECT 1 FROM notices WHERE seller = ?1 AND subject = ?4)"
)


class NoticeKind(IntEnum):
    """Which review is due."""

    TRIAL_DUE = int(Kind.TRIAL)
    QUARTER_DUE = int(Kind.QUARTER)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `notice_id` rises with each; `subject` tells it from the seller's others."""

    seller: str
    at_ms: int
    kind: NoticeKind
    subject: str
    message: str
    notice_id: int = 0


def raise_notices(history: History, now_ms: int) -> int:
    """Raises what is due and was not raised before; how many that are. Raises LimitError."""
    with history.keeping():
        before = history.db.total_changes()
        history.db.execute("DELETE FROM notices WHERE at_ms < ?", (now_ms - KEPT_DAYS * DAY_MS,))
        deleted = history.db.total_changes() - before
        for each in list(due(history, now_ms)):
            row = (each.seller, each.at_ms, int(each.kind), each.subject, each.message)
            history.db.execute(RAISE, row)
        return history.db.total_changes() - before - deleted


def due(history: History, now_ms: int) -> Iterator[Notice]:
    """Every review that is due for listings that were seen since yesterday."""
    today = now_ms // DAY_MS
    over = today - TRIAL_DAYS - 1  # The day of the change is in neither period.
    for seller, strategy, since_day, count in history.db.execute(
        TRIALS, (today - KEPT_DAYS, over, today - 1)
    ).fetchall():
        listings = "1 listing has" if count == 1 else f"{count} listings have"
        named = f"strategy {strategy!r}" if strategy else "the default strategy"
        yield Notice(
            str(seller), now_ms, NoticeKind.TRIAL_DUE, f"TRIAL/{strategy}/{since_day}",
            f"{listings} had {named} for two weeks now: ReviewTrial compares them with the two"
            " weeks before and proposes what to change.",
        )  # fmt: skip
    for seller, first_day in history.db.execute(SELLERS, (today - 1,)).fetchall():
        quarters = (today - int(str(first_day))) // QUARTER_DAYS
        if quarters > 0:
            yield Notice(
                str(seller), now_ms, NoticeKind.QUARTER_DUE, f"QUARTER/{quarters}",
                "Another quarter has passed: ReviewTrial with QUARTER compares it with the one"
                " before and proposes what to change.",
            )  # fmt: skip


def notices_after(history: History, notice_id: int, limit: int) -> list[Notice]:
    """At most `limit` notices with a higher id, oldest first."""
    with history.reading():
        rows = history.db.execute(
            "SELECT seller, at_ms, kind, subject, message, id FROM notices WHERE id > ?"
            " ORDER BY id LIMIT ?",
            (notice_id, limit),
        ).fetchall()
    return [notice_of(*row) for row in rows]


def notice_of(
    seller: Any, at_ms: Any, kind: Any, subject: Any, message: Any, number: Any
) -> Notice:
    """A row of the table."""
    return Notice(seller, at_ms, NoticeKind(kind), subject, message, number)


def last_notice_id(history: History) -> int:
    """The highest id that was ever given; 0 if there was no notice."""
    with history.reading():
        row = history.db.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'notices'"
        ).fetchone()
    return int(str(row[0])) if row else 0
