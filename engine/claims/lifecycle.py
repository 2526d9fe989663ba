"""Claims over time: what the audit says, what people did, and what Amazon answered.

    found, blocked, needs_documents, needs_confirmation, ready     the audit moves between these
    ready ... -> filed -> in_progress -> approved / denied -> appealed
    -> paid / partly_paid / withdrawn; or paid_proactively; or expired

Every change is a line of the claim's timeline. Claims are never deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from engine.claims.claim import Claim, State
from engine.claims.policy import load_policy
from engine.claims.store import Store
from engine.errors import InputError, LimitError, NotFoundError, StateError

__all__ = [
    "AUDITED", "FILEABLE", "FOLLOWS", "NEXT_ACTIONS", "WAITING", "Event", "KeptClaim", "Ledger",
    "Progress", "as_facts", "check_window",
]  # fmt: skip

SCHEMA = """
CREATE TABLE IF NOT EXISTS claims (
    claim_id TEXT PRIMARY KEY, seller TEXT NOT NULL, rule TEXT NOT NULL, state TEXT NOT NULL,
    case_id TEXT NOT NULL, paid_minor INTEGER NOT NULL, close TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS timeline (
    number INTEGER PRIMARY KEY, claim_id TEXT NOT NULL, day TEXT NOT NULL, state TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timeline_of_claim ON timeline (claim_id, number);
CREATE TABLE IF NOT EXISTS attachments (
    claim_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (claim_id, kind, name)
);
"""
DOCUMENT_BYTES = 10 << 20


class Progress(StrEnum):
    """States that people and Amazon bring about."""

    FILED = "filed"
    IN_PROGRESS = "in_progress"
    APPROVED = "approved"
    DENIED = "denied"
    APPEALED = "appealed"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    WITHDRAWN = "withdrawn"


NEXT_ACTIONS = {
    "found": "wait until {ready_date}; Amazon may pay by itself before",
    "blocked": "import what is missing, then audit again",
    "needs_documents": "attach {documents}, then audit again or confirm",
    "needs_confirmation": "check the evidence and the policy, then file by {close_date}",
    "ready": "file by {close_date}",
    "expired": "nothing; the window closed on {close_date}",
    "paid_proactively": "nothing; Amazon paid without a claim",
    "filed": "wait for Amazon's answer; ask again after four days of silence",
    "in_progress": "answer what Amazon asks",
    "approved": "wait for the payment; import reimbursements",
    "denied": "appeal if the reports contradict the answer, else withdraw",
    "appealed": "wait for Amazon's answer",
    "paid": "nothing",
    "partly_paid": "appeal for the rest, or withdraw",
    "withdrawn": "nothing",
}
FILEABLE = {State.READY, State.NEEDS_CONFIRMATION, State.NEEDS_DOCUMENTS}
FOLLOWS: dict[str, set[str]] = {
    "filed": {*FILEABLE},
    "in_progress": {"filed", "appealed"},
    "approved": {"filed", "in_progress", "appealed"},
    "denied": {"filed", "in_progress", "appealed"},
    "appealed": {"denied", "partly_paid"},
    "paid": {"filed", "in_progress", "approved", "appealed", "partly_paid"},
    "partly_paid": {"filed", "in_progress", "approved", "appealed"},
    "withdrawn": {*(each.value for each in State), *(each.value for each in Progress)},
}
AUDITED = {each.value for each in State}
WAITING = {"filed", "in_progress", "approved", "denied", "appealed", "partly_paid"}


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a timeline."""

    day: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class KeptClaim:
    """A claim as the store keeps it. `facts` are those of `Claim`, dates as ISO text."""

    claim_id: str
    state: str
    case_id: str
    paid_minor: int
    facts: dict[str, Any]

    @property
    def next_action(self) -> str:
        """What somebody should do now."""
        facts = self.facts | {"documents": ", ".join(self.facts["documents"]) or "the documents"}
        return NEXT_ACTIONS[self.state].format(**facts)


class Ledger:
    """Claims of a store, kept across audits. Changes need `store.writing()` around them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.db.execute(SCHEMA)

    def update(
        self, claim_id: str, state: str, today: date, *, case_id: str = "", note: str = ""
    ) -> KeptClaim:
        """Notes what a person did or Amazon answered about one claim.

        Raises NotFoundError, InputError for a state that there is not, StateError for one that
        cannot follow and for a claim whose window is not open, LimitError at the daily limit.
        """
        old = self.get(claim_id)
        if state not in FOLLOWS:
            raise InputError(
                f"state is {state[:40]!r}; allowed: {', '.join(FOLLOWS)}",
                reason="CLAIM_STATE", field="state",
            )  # fmt: skip
        if state == "filed" and old.state in AUDITED:
            check_window(old, today)
        if old.state not in FOLLOWS[state]:
            raise StateError(
                f"claim {claim_id} is {old.state} and cannot become {state}; that follows"
                f" {', '.join(sorted(FOLLOWS[state]))}",
                reason="CLAIM_STATE", field="state",
            )  # fmt: skip
        if state == "filed":
            self._check_filing(old, case_id, today)
        if case_id:
            self.set_case(claim_id, case_id)
        self.move(old, state, note or "noted", today)
        return self.get(claim_id)

    def _check_filing(self, old: KeptClaim, case_id: str, today: date) -> None:
        if not case_id:
            raise InputError(
                f"claim {old.claim_id} needs the case id that Amazon gave it",
                reason="CASE_ID", field="case_id",
            )  # fmt: skip
        limit = load_policy().days("daily_filing_limit")
        cases = {
            str(case)
            for (case,) in self._store.db.execute(
                "SELECT DISTINCT c.case_id FROM timeline AS t JOIN claims AS c USING (claim_id)"
                " WHERE t.state = 'filed' AND t.day = ? AND c.seller = ?",
                (today.isoformat(), old.facts["seller_id"]),
            )
        }
        if case_id not in cases and len(cases) >= limit:
            raise LimitError(
                f"{limit} cases were filed today; more can get all of them refused",
                reason="FILING_LIMIT", field="state",
            )  # fmt: skip

    def attach(self, claim_id: str, kind: str, name: str, content: bytes, today: date) -> None:
        """Keeps a document with a claim. Raises NotFoundError, InputError."""
        old = self.get(claim_id)
        if not kind or not name or not 0 < len(content) <= DOCUMENT_BYTES:
            raise InputError(
                f"document {name[:40]!r} of kind {kind[:40]!r} has {len(content)} bytes; allowed:"
                f" a kind, a name and 1 to {DOCUMENT_BYTES} bytes",
                reason="DOCUMENT", field="content",
            )  # fmt: skip
        self._store.db.execute(
            "INSERT OR REPLACE INTO attachments VALUES (?, ?, ?, ?)",
            (claim_id, kind.lower(), name, content),
        )
        self.note(claim_id, today, old.state, f"attached {kind}: {name}")

    def attached(self, seller: str) -> dict[str, set[str]]:
        """Kinds of attached documents by claim id."""
        found: dict[str, set[str]] = {}
        for claim_id, kind in self._store.db.execute(
            "SELECT a.claim_id, a.kind FROM attachments AS a JOIN claims AS c USING (claim_id)"
            " WHERE c.seller = ?",
            (seller,),
        ):
            found.setdefault(str(claim_id), set()).add(str(kind))
        return found

    def documents(self, claim_id: str) -> list[tuple[str, str, bytes]]:
        """Kind, name and content of a claim's documents."""
        return [
            (str(kind), str(name), bytes(content))
            for kind, name, content in self._store.db.execute(
                "SELECT kind, name, content FROM attachments WHERE claim_id = ? ORDER BY 1, 2",
                (claim_id,),
            )
        ]

    def get(self, claim_id: str) -> KeptClaim:
        """One claim, by its id or the beginning of it. Raises NotFoundError."""
        rows = self._store.db.execute(
            "SELECT claim_id, state, case_id, paid_minor, body FROM claims"
            " WHERE substr(claim_id, 1, length(?1)) = ?1 LIMIT 2",
            (claim_id,),
        ).fetchall()
        if len(rows) != 1 or not claim_id:
            raise NotFoundError(
                f"claim {claim_id[:40]!r} is not known, or names more than one",
                reason="CLAIM_UNKNOWN", field="claim_id",
            )  # fmt: skip
        return kept(rows[0])

    def all(self, seller: str = "") -> Iterator[KeptClaim]:
        """Claims of a seller or of all, those that close first first."""
        rows = self._store.db.execute(
            "SELECT claim_id, state, case_id, paid_minor, body FROM claims"
            " WHERE ?1 = '' OR seller = ?1 ORDER BY close, claim_id",
            (seller,),
        ).fetchall()
        return map(kept, rows)

    def timeline(self, claim_id: str) -> list[Event]:
        """All that happened to a claim, oldest first."""
        rows = self._store.db.execute(
            "SELECT day, state, note FROM timeline WHERE claim_id = ? ORDER BY number", (claim_id,)
        )
        return [Event(str(day), str(state), str(note)) for day, state, note in rows]

    def add(self, claim: Claim, today: date) -> None:
        """Keeps a new claim."""
        self._store.db.execute(
            "INSERT INTO claims VALUES (?, ?, ?, ?, '', 0, ?, ?)",
            (
                claim.claim_id, claim.seller_id, claim.rule, claim.state.value,
                claim.close_date.isoformat(), json.dumps(as_facts(claim), sort_keys=True),
            ),
        )  # fmt: skip
        self.note(claim.claim_id, today, claim.state.value, "found by the audit")

    def set_facts(self, claim_id: str, facts: dict[str, Any]) -> None:
        """Replaces what a claim says."""
        self._store.db.execute(
            "UPDATE claims SET body = ?, close = ? WHERE claim_id = ?",
            (json.dumps(facts, sort_keys=True), facts["close_date"], claim_id),
        )

    def set_case(self, claim_id: str, case_id: str) -> None:
        """Notes the case id that Amazon gave."""
        self._store.db.execute(
            "UPDATE claims SET case_id = ? WHERE claim_id = ?", (case_id, claim_id)
        )

    def set_paid(self, claim_id: str, paid_minor: int) -> None:
        """Notes what was paid so far."""
        self._store.db.execute(
            "UPDATE claims SET paid_minor = ? WHERE claim_id = ?", (paid_minor, claim_id)
        )

    def move(self, old: KeptClaim, state: str, note: str, today: date) -> None:
        """Changes the state, if it is another one, and adds a line to the timeline."""
        if old.state == state:
            return
        self._store.db.execute(
            "UPDATE claims SET state = ? WHERE claim_id = ?", (state, old.claim_id)
        )
        self.note(old.claim_id, today, state, note)

    def note(self, claim_id: str, today: date, state: str, note: str) -> None:
        """Adds a line to the timeline."""
        self._store.db.execute(
            "INSERT INTO timeline (claim_id, day, state, note) VALUES (?, ?, ?, ?)",
            (claim_id, today.isoformat(), state, note),
        )


def check_window(claim: KeptClaim, today: date) -> None:
    """Raises StateError for a claim whose window is not open on a day."""
    opened, close = claim.facts["open_date"], claim.facts["close_date"]
    if not opened <= today.isoformat() <= close:
        raise StateError(
            f"claim {claim.claim_id} may be filed from {opened} to {close}; today is {today}",
            reason="CLAIM_WINDOW", field="claim_id",
        )  # fmt: skip


def as_facts(claim: Claim) -> dict[str, Any]:
    """A claim as JSON can hold it."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(claim).items()
    }


def kept(row: tuple[Any, ...]) -> KeptClaim:
    """A row of the table."""
    claim_id, state, case_id, paid_minor, body = row
    return KeptClaim(str(claim_id), str(state), str(case_id), int(paid_minor), json.loads(body))
