"""Amazon's answers from the seller's list of cases: case ids and states, put to the claims.

A line names a claim by its id or by an id of its matter (reference, order, shipment, removal order,
reimbursement). What a list says twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from engine.claims.cases import own_ids
from engine.claims.lifecycle import AUDITED, FOLLOWS, KeptClaim, Ledger

__all__ = ["Answer", "apply_answers"]

WORDS = {
    "filed": "filed open opened submitted pending new closed",
    "in_progress": "inprogress underreview working reopened moreinformation",
    "approved": "approved accepted granted",
    "denied": "denied rejected declined refused",
    "appealed": "appealed",
    "paid": "paid reimbursed",
    "withdrawn": "withdrawn cancelled canceled",
}
STATES = {word: state for state, words in WORDS.items() for word in words.split()}
ORDER = ("filed", "in_progress", "approved", "denied", "appealed", "partly_paid", "paid")


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of the list of cases."""

    case_id: str
    subject_key: str
    state: str
    day: date


def apply_answers(ledger: Ledger, seller: str, answers: Iterable[Answer]) -> list[str]:
    """Notes answers with the claims they name; those that cannot be noted, in words for people.

    A line that names no claim is no error: it says that somebody filed the matter.
    """
    named: dict[str, list[str]] = {}
    for claim in ledger.all(seller):
        for key in own_ids(claim.facts["subject_key"]) | {claim.claim_id}:
            named.setdefault(key, []).append(claim.claim_id)
    problems = []
    for answer in sorted(answers, key=lambda each: (each.day, each.case_id, each.subject_key)):
        for claim_id in named.get(answer.subject_key, ()):
            problems.append(note(ledger, ledger.get(claim_id), answer))
    return [each for each in problems if each]


def note(ledger: Ledger, claim: KeptClaim, answer: Answer) -> str:
    """Notes one answer with one claim; what is wrong with it, or ""."""
    word = re.sub(r"[^a-z]", "", answer.state.lower())
    state = STATES.get(word, "filed")
    said = "the list of cases says so" if word in STATES else (
        f"the list of cases says {answer.state[:40]!r}, which is no known state"
    )  # fmt: skip
    if claim.state in {"expired", "paid_proactively"}:
        return ""
    if claim.state in AUDITED:
        ledger.set_case(claim.claim_id, answer.case_id)
        ledger.move(claim, "filed", f"as case {answer.case_id}: {said}", answer.day)
        claim = ledger.get(claim.claim_id)
    if claim.case_id not in ("", answer.case_id):
        return f"claim {claim.claim_id} has case {claim.case_id}; the list says {answer.case_id}"
    if not claim.case_id:
        ledger.set_case(claim.claim_id, answer.case_id)
    if claim.state == state or is_past(claim.state, state):
        return ""
    if claim.state not in FOLLOWS[state]:
        return f"claim {claim.claim_id} is {claim.state} and cannot become {state}"
    ledger.move(claim, state, said, answer.day)
    return ""


def is_past(now: str, answered: str) -> bool:
    """Whether a claim is further than an answer, which the list then repeats from earlier."""
    if now not in ORDER or answered not in ORDER or {now, answered} == {"approved", "denied"}:
        return False
    return ORDER.index(answered) < ORDER.index(now)
