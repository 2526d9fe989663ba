"""Alerts: what a person should hear of without asking. Each is raised once.

deadline_near        a claim that can still be filed closes soon
losses_above_usual   far more units were lost or damaged in a week than is usual for the seller
silence              Amazon has not answered a case for days
reversal             Amazon took a payment back
report_gap           days are missing between imported reports, or a report became too old
unknown_code         a report holds a code that nothing here knows
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import duckdb

from engine.claims.advice import BlindRule
from engine.claims.claim import State
from engine.claims.coverage import CoverageBook
from engine.claims.lifecycle import FILEABLE, KeptClaim, Ledger
from engine.claims.policy import Policy
from engine.claims.specs import REPORTS
from engine.claims.store import Store
from engine.money import format_minor

__all__ = ["Alert", "AlertKind", "alerts_after", "last_alert_id", "look_around", "raise_alerts"]

DAY = timedelta(days=1)
CAN_BE_FILED = FILEABLE | {State.FOUND, State.BLOCKED}
UNANSWERED = {"filed", "in_progress", "appealed"}
LOSSES = """
SELECT coalesce(sum(-quantity) FILTER (date > $today::DATE - $week), 0)::BIGINT,
       coalesce(sum(-quantity) FILTER (date <= $today::DATE - $week), 0)::BIGINT, min(date)
FROM adjustments
WHERE quantity < 0 AND reason IN ('M', '5', 'E') AND is_own(sku)
  AND date > $today::DATE - $week - $before AND date <= $today::DATE
"""
REVERSALS = """
SELECT reimbursement_id, original_id, currency, sum(abs(total_minor))::BIGINT, max(approval_date)
FROM paid_rows
WHERE reason_group = 'CLAWBACK' AND approval_date > $today::DATE - $days
GROUP BY ALL ORDER BY max(approval_date), reimbursement_id
"""


class AlertKind(StrEnum):
    """What an alert is about."""

    DEADLINE_NEAR = "deadline_near"
    LOSSES_ABOVE_USUAL = "losses_above_usual"
    SILENCE = "silence"
    REVERSAL = "reversal"
    REPORT_GAP = "report_gap"
    UNKNOWN_CODE = "unknown_code"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `alert_id` rises with each, 0 until it is kept; `subject` tells it from others."""

    kind: AlertKind
    seller_id: str
    subject: str
    message: str
    claim_id: str = ""
    day: date = date.min
    alert_id: int = 0


def raise_alerts(store: Store, alerts: Iterable[Alert], today: date) -> list[Alert]:
    """Keeps those that were not raised before; these are returned. Needs `store.writing()`."""
    fresh = []
    for each in alerts:
        row = store.db.execute(
            "INSERT OR IGNORE INTO alerts (day, kind, seller, subject, claim_id, message)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (
                today.isoformat(), each.kind.value, each.seller_id, each.subject, each.claim_id,
                each.message,
            ),
        ).fetchone()  # fmt: skip
        if row:
            fresh.append(each)
    return fresh


def alerts_after(store: Store, alert_id: int, limit: int) -> list[Alert]:
    """At most `limit` alerts with a higher id, oldest first."""
    rows = store.db.execute(
        "SELECT id, day, kind, seller, subject, claim_id, message FROM alerts WHERE id > ?"
        " ORDER BY id LIMIT ?",
        (alert_id, limit),
    ).fetchall()
    return [
        Alert(
            AlertKind(str(kind)), str(seller), str(subject), str(message), str(claim_id),
            date.fromisoformat(str(day)), int(str(number)),
        )
        for number, day, kind, seller, subject, claim_id, message in rows
    ]  # fmt: skip


def last_alert_id(store: Store) -> int:
    """The highest id; 0 if there is no alert."""
    row = store.db.execute("SELECT coalesce(max(id), 0) FROM alerts").fetchone()
    return int(row[0]) if row else 0


def look_around(
    ledger: Ledger, seller: str, database: duckdb.DuckDBPyConnection, book: CoverageBook,
    blind: Iterable[BlindRule], policy: Policy, today: date,
) -> Iterator[Alert]:  # fmt: skip
    """Everything that is worth an alert at the end of a seller's audit.

    `database` holds the shared tables of the audit.
    """
    for claim in ledger.all(seller):
        yield from deadline(claim, policy, today)
        yield from silence(ledger, claim, policy, today)
    yield from losses(seller, database, policy, today)
    days = policy.days("alert_reversal_days")
    for row in database.execute(REVERSALS, {"today": today, "days": days}).fetchall():
        reversal, original, currency, minor, day = row
        yield Alert(
            AlertKind.REVERSAL, seller, str(reversal),
            f"Amazon took {format_minor(minor, currency)} back on {day}: reversal {reversal} of"
            f" reimbursement {original or 'unknown'}",
        )  # fmt: skip
    yield from gaps(seller, book)
    for text in dict.fromkeys(lack for each in blind for lack in each.lacks if "too old" in lack):
        yield Alert(AlertKind.REPORT_GAP, seller, text, text.partition(": ")[2])


def deadline(claim: KeptClaim, policy: Policy, today: date) -> Iterator[Alert]:
    """A claim that closes within the days of policy's warning."""
    close = date.fromisoformat(claim.facts["close_date"])
    if claim.state in CAN_BE_FILED and not claim.facts["review"]:
        left = (close - today).days
        if 0 <= left <= policy.days("warn_days"):
            yield Alert(
                AlertKind.DEADLINE_NEAR, claim.facts["seller_id"], claim.claim_id,
                f"claim {claim.claim_id} ({claim.facts['rule']}, {claim.state}) closes on {close}",
                claim.claim_id,
            )  # fmt: skip


def silence(ledger: Ledger, claim: KeptClaim, policy: Policy, today: date) -> Iterator[Alert]:
    """A case that nothing was heard of for days."""
    if claim.state in UNANSWERED:
        last = date.fromisoformat(ledger.timeline(claim.claim_id)[-1].day)
        if (today - last).days >= policy.days("alert_silence_days"):
            yield Alert(
                AlertKind.SILENCE, claim.facts["seller_id"], f"{claim.claim_id} {last}",
                f"case {claim.case_id} of claim {claim.claim_id} is {claim.state}, and nothing was"
                f" heard since {last}: ask again",
                claim.claim_id,
            )  # fmt: skip


def losses(
    seller: str, database: duckdb.DuckDBPyConnection, policy: Policy, today: date
) -> Iterator[Alert]:
    """Units lost or damaged in the last week against the weeks before."""
    week, before = policy.days("alert_loss_days"), policy.days("alert_loss_base_days")
    row = database.execute(LOSSES, {"today": today, "week": week, "before": before}).fetchone()
    oldest = database.execute("SELECT min(date) FROM ledger").fetchone()
    if row is None or oldest is None or oldest[0] is None:
        return
    known_days = min(before, (today - timedelta(days=week) - oldest[0]).days)
    now, earlier, least = int(row[0]), int(row[1]), policy.days("alert_loss_units")
    if known_days < policy.days("alert_loss_known_days") or now < least:
        return
    if now * known_days > policy.days("alert_loss_factor") * earlier * week:
        year, number, _ = today.isocalendar()
        yield Alert(
            AlertKind.LOSSES_ABOVE_USUAL, seller, f"{year}-{number}",
            f"{now} units were lost or damaged in {week} days; in the {known_days} days before it"
            f" were {earlier}",
        )  # fmt: skip


def gaps(seller: str, book: CoverageBook) -> Iterator[Alert]:
    """Days between imported ranges of a report that nothing covers."""
    for (report, scope), known in book.reports().items():
        for one, other in zip(known.spans, known.spans[1:], strict=False):
            if REPORTS[report].date:
                first, last = one.last + DAY, other.first - DAY
                where = f" of {scope}" if scope else ""
                yield Alert(
                    AlertKind.REPORT_GAP, seller, f"{report} {scope} {first}",
                    f"{REPORTS[report].title}{where} has a gap from {first} to {last}",
                )  # fmt: skip
