"""Claims as a table, and cases as a ZIP: a folder each with text, evidence and documents."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from datetime import date
from typing import Any

from engine.claims.cells import plain_cell
from engine.claims.letters import Letter, letter_of
from engine.claims.lifecycle import KeptClaim, Ledger
from engine.errors import StateError
from engine.money import minor_text

__all__ = ["CSV_COLUMNS", "archive", "as_csv", "evidence_csv"]

CSV_COLUMNS = (
    "claim_id", "rule", "state", "marketplace", "sku", "fnsku", "asin", "units", "currency",
    "amount", "value_grade", "event_date", "open_date", "ready_date", "close_date", "subject",
    "case_id", "next_action",
)  # fmt: skip
EVIDENCE_COLUMNS = (
    "claim_id", "sku", "fnsku", "asin", "units", "currency", "amount", "value_grade", "event_date",
)  # fmt: skip


def as_csv(claims: Iterable[KeptClaim]) -> str:
    """Claims as a table."""
    return table(CSV_COLUMNS, map(cells_of, claims))


def evidence_csv(claims: list[KeptClaim]) -> str:
    """What proves the claims of a case: one line a claim, one column for each kind of evidence."""
    names = dict.fromkeys(name for each in claims for name in each.facts["evidence"])
    extra = tuple(name for name in names if name not in EVIDENCE_COLUMNS)
    return table(
        EVIDENCE_COLUMNS + extra, (each.facts["evidence"] | cells_of(each) for each in claims)
    )


def cells_of(claim: KeptClaim) -> dict[str, Any]:
    """A claim's facts as a table shows them."""
    facts = claim.facts
    known = facts["amount_minor"] is not None and facts["currency"]
    return facts | {
        "state": claim.state, "case_id": claim.case_id, "next_action": claim.next_action,
        "subject": " ".join(f"{name}={value}" for name, value in facts["subject_key"].items()),
        "amount": minor_text(facts["amount_minor"], facts["currency"]) if known else "",
    }  # fmt: skip


def table(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> str:
    """Rows as CSV; what a row does not have is blank."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([plain_cell(row.get(name)) for name in columns])
    return out.getvalue()


def archive(ledger: Ledger, claims: list[KeptClaim], today: date) -> bytes:
    """A ZIP with the table, and a folder for each case that may be filed or appealed."""
    out, done = io.BytesIO(), set[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        add(bundle, "claims.csv", as_csv(claims).encode())
        for each in claims:
            if each.claim_id in done:
                continue
            try:
                letter = letter_of(ledger, each, today)
            except StateError:
                continue
            done |= set(letter.claims)
            add_case(bundle, ledger, letter)
    return out.getvalue()


def add_case(bundle: zipfile.ZipFile, ledger: Ledger, letter: Letter) -> None:
    """The folder of one case, named after its first claim."""
    folder = letter.claims[0]
    name = "appeal.txt" if letter.appeal else "case.txt"
    add(bundle, f"{folder}/{name}", f"{letter.subject}\n\n{letter.body}".encode())
    claims = [ledger.get(claim_id) for claim_id in letter.claims]
    add(bundle, f"{folder}/evidence.csv", evidence_csv(claims).encode())
    for claim in claims:
        for kind, title, content in ledger.documents(claim.claim_id):
            safe = re.sub(r"[^\w.-]", "_", f"{kind}-{title}")
            add(bundle, f"{folder}/{claim.claim_id}-{safe}", content)


def add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A member whose date does not depend on the clock."""
    bundle.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
