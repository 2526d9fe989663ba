"""What an audit says, brought into the claims that are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from engine.claims.claim import Claim, State
from engine.claims.lifecycle import AUDITED, FILEABLE, WAITING, KeptClaim, Ledger, as_facts

__all__ = ["PaidCases", "merge"]

PaidCases = dict[tuple[str, str], int]


def merge(
    ledger: Ledger,
    seller: str,
    found: Iterable[Claim],
    filed: Iterable[Claim],
    paid_cases: PaidCases,
    today: date,
) -> None:
    """Brings the claims of an audit in.

    `filed` are still owed, but a case that the seller listed names them. `paid_cases` are minor
    units net paid by case id and FNSKU. The same audit twice changes nothing.
    """
    known = {each.claim_id: each for each in ledger.all(seller)}
    paid = shares(known.values(), paid_cases)
    for claim in found:
        old = known.pop(claim.claim_id, None)
        if old is None:
            ledger.add(claim, today)
        elif old.state in AUDITED or (old.state == "withdrawn" and reappeared(claim)):
            ledger.set_facts(claim.claim_id, as_facts(claim))
            ledger.move(old, claim.state.value, "the audit says so", today)
        else:
            reconcile(ledger, old, claim, paid, today)
        note_case(ledger, claim, old)
    for claim in filed:
        old = known.pop(claim.claim_id, None)
        if old is not None and old.state in AUDITED:
            ledger.move(old, "withdrawn", "filed elsewhere, as the list of cases says", today)
        elif old is not None:
            reconcile(ledger, old, claim, paid, today)
    for old in known.values():
        vanished(ledger, old, paid, today)


def reconcile(
    ledger: Ledger, old: KeptClaim, claim: Claim, paid: dict[str, int], today: date
) -> None:
    """A claim that people work on: payments are noted, a payment taken back reopens it."""
    owed = 0 if claim.state == State.PAID_PROACTIVELY else claim.units
    remember(ledger, old, {"units": owed, "amount_minor": claim.amount_minor if owed else 0,
                           "evidence": as_facts(claim)["evidence"]}, today)  # fmt: skip
    if claim.state == State.PAID_PROACTIVELY:
        ledger.move(old, "paid", "the reimbursements report shows the payment", today)
    elif old.claim_id in paid and old.state in WAITING | {"paid"}:
        paid_minor, claimed = paid[old.claim_id], old.facts["amount_minor"]
        state = "paid" if claimed is None or paid_minor >= claimed else "partly_paid"
        if paid_minor <= 0:
            state, note = "in_progress", "reopened: Amazon took the payment back"
        else:
            note = f"the reimbursements report shows {paid_minor} minor units for the case"
        ledger.set_paid(old.claim_id, paid_minor)
        if not (old.state == "appealed" and paid_minor == old.paid_minor):
            ledger.move(old, state, note, today)
    elif old.state == "paid" and old.paid_minor == 0 and claim.state in FILEABLE:
        ledger.move(old, "in_progress", "reopened: the units are owed again", today)


def vanished(ledger: Ledger, old: KeptClaim, paid: dict[str, int], today: date) -> None:
    """A claim that the audit does not find any more."""
    if old.state in {"expired", "paid_proactively"}:
        return
    if old.state in AUDITED:
        ledger.move(old, "withdrawn", "no longer owed: found, returned or paid since", today)
        return
    remember(ledger, old, {"units": 0, "amount_minor": 0, "evidence": {}}, today)
    if old.claim_id in paid and old.state in WAITING:
        ledger.set_paid(old.claim_id, paid[old.claim_id])
        ledger.move(old, "paid", "the units are settled and the case was paid", today)


def remember(ledger: Ledger, old: KeptClaim, now: dict[str, Any], today: date) -> None:
    """Keeps beside what was claimed what the newest audit finds owed; an appeal rests on it."""
    before = old.facts.get("now", {})
    if now | {"day": ""} != before | {"day": ""}:
        ledger.set_facts(old.claim_id, old.facts | {"now": now | {"day": today.isoformat()}})


def note_case(ledger: Ledger, claim: Claim, old: KeptClaim | None) -> None:
    """Case ids come back with payments."""
    cases = [each["case_id"] for each in claim.payments if each.get("case_id")]
    if cases and not (old and old.case_id):
        ledger.set_case(claim.claim_id, cases[-1])


def shares(known: Iterable[KeptClaim], paid_cases: PaidCases) -> dict[str, int]:
    """What of a case's payments is for each of its claims, in minor units.

    A payment is for the claims of its FNSKU, or for all of its case where none has it; each claim
    gets at most what it asks for and the last one, in the order of ids, what is left. A claim that
    no payment is for is not in the answer.
    """
    cases: dict[str, list[KeptClaim]] = defaultdict(list)
    for each in sorted(known, key=lambda claim: claim.claim_id):
        cases[each.case_id].append(each)
    found: dict[str, int] = defaultdict(int)
    for (case, fnsku), minor in sorted(paid_cases.items()):
        every = cases.get(case, [])
        claims = [each for each in every if each.facts["fnsku"] == fnsku] or every
        left = minor
        for each in claims:
            asked = each.facts["amount_minor"]
            share = left if asked is None or each is claims[-1] else min(left, asked)
            found[each.claim_id] += share
            left -= share
    return found


def reappeared(claim: Claim) -> bool:
    """Whether a withdrawn claim is owed again."""
    return claim.state not in {State.EXPIRED, State.PAID_PROACTIVELY}
