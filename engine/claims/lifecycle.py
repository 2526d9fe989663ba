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
from engine.errors import ConflictError, InputError, LimitError, NotFoundError

__all__ = ["NEXT_ACTIONS", "Event", "KeptClaim", "Ledger", "Progress"]

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
    "denied": "appeal if the ledger contradicts the answer, else withdraw",
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

    def merge(
        self, seller: str, claims: list[Claim], paid_cases: dict[str, int], today: date
    ) -> None:
        """Brings the claims of an audit in; `paid_cases` are minor units net paid by case id."""
        known = {each.claim_id: each for each in self.all(seller)}
        for claim in claims:
            old = known.pop(claim.claim_id, None)
            facts = json.dumps(as_facts(claim), sort_keys=True)
            if old is None:
                self._store.db.execute(
                    "INSERT INTO claims VALUES (?, ?, ?, ?, '', 0, ?, ?)",
                    (
                        claim.claim_id, seller, claim.rule, claim.state.value,
                        claim.close_date.isoformat(), facts,
                    ),
                )  # fmt: skip
                self._note(claim.claim_id, today, claim.state.value, "found by the audit")
            elif old.state in AUDITED or (old.state == "withdrawn" and reappeared(claim)):
                self._store.db.execute(
                    "UPDATE claims SET body = ?, close = ? WHERE claim_id = ?",
                    (facts, claim.close_date.isoformat(), claim.claim_id),
                )
                self._move(old, claim.state.value, "the audit says so", today)
            else:
                self._reconcile(old, claim, paid_cases, today)
        for old in known.values():
            self._vanished(old, paid_cases, today)

    def _reconcile(
        self, old: KeptClaim, claim: Claim, paid_cases: dict[str, int], today: date
    ) -> None:
        """A claim that people work on: payments are noted, a payment taken back reopens it."""
        if claim.state == State.PAID_PROACTIVELY:
            self._move(old, "paid", "the reimbursements report shows the payment", today)
        elif old.case_id in paid_cases and old.state in WAITING | {"paid"}:
            paid, owed = paid_cases[old.case_id], old.facts["amount_minor"]
            state = "paid" if owed is None or paid >= owed else "partly_paid"
            if paid <= 0:
                state, note = "in_progress", "reopened: Amazon took the payment back"
            else:
                note = f"the reimbursements report shows {paid} minor units for the case"
            self._store.db.execute(
                "UPDATE claims SET paid_minor = ? WHERE claim_id = ?", (paid, old.claim_id)
            )
            self._move(old, state, note, today)
        elif old.state == "paid" and old.paid_minor == 0 and claim.state in FILEABLE:
            self._move(old, "in_progress", "reopened: the units are owed again", today)

    def _vanished(self, old: KeptClaim, paid_cases: dict[str, int], today: date) -> None:
        """A claim that the audit does not find any more."""
        if old.state in {"expired", "paid_proactively"}:
            return
        if old.state in AUDITED:
            self._move(old, "withdrawn", "no longer owed: found, returned or paid since", today)
        elif old.case_id in paid_cases and old.state in WAITING:
            self._move(old, "paid", "the units are settled and the case was paid", today)

    def update(
        self, claim_id: str, state: str, today: date, *, case_id: str = "", note: str = ""
    ) -> KeptClaim:
        """Notes what a person did or Amazon answered.

        Raises NotFoundError, InputError for a state that cannot follow, ConflictError for a claim
        whose window is not open, LimitError at the daily limit of filings.
        """
        old = self.get(claim_id)
        if state not in FOLLOWS:
            raise InputError(
                f"state is {state[:40]!r}; allowed: {', '.join(FOLLOWS)}",
                reason="CLAIM_STATE", field="state",
            )  # fmt: skip
        if old.state not in FOLLOWS[state]:
            raise InputError(
                f"claim {claim_id} is {old.state} and cannot become {state}; that follows"
                f" {', '.join(sorted(FOLLOWS[state]))}",
                reason="CLAIM_STATE", field="state",
            )  # fmt: skip
        if state == "filed":
            self._check_filing(old, case_id, today)
        if case_id:
            self._store.db.execute(
                "UPDATE claims SET case_id = ? WHERE claim_id = ?", (case_id, claim_id)
            )
        self._move(old, state, note or "noted", today)
        return self.get(claim_id)

    def _check_filing(self, old: KeptClaim, case_id: str, today: date) -> None:
        opened, close = old.facts["open_date"], old.facts["close_date"]
        if not opened <= today.isoformat() <= close:
            raise ConflictError(
                f"claim {old.claim_id} may be filed from {opened} to {close}; today is {today}",
                reason="CLAIM_WINDOW", field="state",
            )  # fmt: skip
        if not case_id:
            raise InputError(
                f"claim {old.claim_id} needs the case id that Amazon gave it",
                reason="CASE_ID", field="case_id",
            )  # fmt: skip
        limit = load_policy().days("daily_filing_limit")
        row = self._store.db.execute(
            "SELECT count(*) FROM timeline WHERE state = 'filed' AND day = ?", (today.isoformat(),)
        ).fetchone()
        if row and int(row[0]) >= limit:
            raise LimitError(
                f"{limit} claims were filed today; more can get all of them refused",
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
        self._note(claim_id, today, old.state, f"attached {kind}: {name}")

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

    def _move(self, old: KeptClaim, state: str, note: str, today: date) -> None:
        if old.state == state:
            return
        self._store.db.execute(
            "UPDATE claims SET state = ? WHERE claim_id = ?", (state, old.claim_id)
        )
        self._note(old.claim_id, today, state, note)

    def _note(self, claim_id: str, today: date, state: str, note: str) -> None:
        self._store.db.execute(
            "INSERT INTO timeline (claim_id, day, state, note) VALUES (?, ?, ?, ?)",
            (claim_id, today.isoformat(), state, note),
        )


def reappeared(claim: Claim) -> bool:
    """Whether a withdrawn claim is owed again."""
    return claim.state not in {State.EXPIRED, State.PAID_PROACTIVELY}


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
