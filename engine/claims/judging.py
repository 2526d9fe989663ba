"""The state of a claim: coverage, window, documents, certainty, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine.claims.candidates import Candidate
from engine.claims.cases import own_ids
from engine.claims.claim import Claim, Grade, State, claim_id
from engine.claims.coverage import CoverageBook
from engine.claims.policy import SURE, Policy
from engine.claims.values import worth
from engine.claims.windows import Dates, dates_of

__all__ = ["Desk", "judged"]

CONFIRM = ("confirm: ",)


@dataclass(slots=True)
class Desk:
    """What judging needs, for one seller and one day."""

    seller: str
    today: date
    policy: Policy
    coverage: CoverageBook
    filed_subjects: set[str]
    documents: dict[str, set[str]]
    _missing: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def lacks(self, found: Candidate, event: date) -> list[str]:
        """Reports that are missing, stale or gappy for a candidate."""
        texts = list(found.blocked)
        for need in found.rule.needs:
            if need.report in found.needless:
                continue
            key = (need, event, found.country, found.currency)
            if key not in self._missing:
                self._missing[key] = self.coverage.missing(
                    need, event, found.country, found.currency
                )
            if self._missing[key]:
                texts.append(self._missing[key])
        return texts

    def filed_elsewhere(self, claim: Claim) -> bool:
        """Whether a case that the seller listed names a claim."""
        if claim.rule == "reimbursement_missing":
            return False
        return bool(self.filed_subjects & ({claim.claim_id} | own_ids(claim.subject_key)))


def judged(desk: Desk, found: Candidate) -> Claim | None:
    """A candidate as a claim; None if nothing is owed."""
    if found.only_matches or (found.units == 0 and not found.blocked and not found.paid_units):
        return None
    event = found.event_date or desk.today
    dates = dates_of(desk.policy, found, event, desk.today, found.country)
    lacks = desk.lacks(found, event)
    missing_documents = documents_missing(desk, found)
    paid = found.units == 0 and found.paid_units > 0
    units = found.paid_units if paid else found.units
    state = (
        State.PAID_PROACTIVELY if paid
        else state_of(desk, found, dates, lacks, missing_documents)
    )  # fmt: skip
    flags = [*found.flags, *(["tight"] if dates.tight else [])]
    return Claim(
        claim_id=claim_id(desk.seller, found.rule.name, found.subject),
        seller_id=desk.seller,
        marketplace=found.country,
        rule=found.rule.name,
        subject_key=found.subject,
        units=units,
        currency=found.currency,
        amount_minor=worth(found, units),
        value_grade=Grade(found.grade),
        state=state,
        event_date=event,
        open_date=dates.open,
        close_date=dates.close,
        ready_date=dates.ready,
        evidence=found.evidence,
        sku=found.sku,
        fnsku=found.fnsku,
        asin=found.asin,
        order_id=found.order_id,
        certainty=dates.certainty,
        policy_version=desk.policy.version,
        review=found.review or found.rule.candidate,
        flags=flags,
        blocked_by=lacks,
        documents=missing_documents,
        payments=found.payments,
        paid_units=found.paid_units,
    )


def documents_missing(desk: Desk, found: Candidate) -> list[str]:
    """Documents that a rule wants and nobody brought; `a|b` means one of them."""
    at_hand: set[str] = set()
    whole = claim_id(desk.seller, found.rule.name, found.subject)
    for key in {whole, found.sku, found.fnsku, *found.subject.values()} - {""}:
        at_hand |= desk.documents.get(key, set())
    wanted = [*found.rule.documents, *found.extra_documents]
    return [each for each in wanted if not at_hand & set(each.split("|"))]


def state_of(
    desk: Desk, found: Candidate, dates: Dates, lacks: list[str], documents: list[str]
) -> State:
    """The first state that holds, from the hardest to the best."""
    if desk.today > dates.close:
        return State.EXPIRED
    if lacks:
        return State.BLOCKED
    if desk.today < dates.ready or found.rule.candidate or found.review:
        return State.FOUND
    if documents:
        return State.NEEDS_DOCUMENTS
    uncertain = dates.certainty != SURE or not found.country
    if uncertain or any(each.startswith(CONFIRM) for each in found.flags):
        return State.NEEDS_CONFIRMATION
    return State.READY
