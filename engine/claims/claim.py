"""A claim: what the audit found, and everything needed to judge it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

__all__ = ["Claim", "Grade", "State", "claim_id"]

ID_BYTES = 10


class State(StrEnum):
    """What the audit says of a claim. What people do with it later is in `lifecycle`."""

    FOUND = "found"  # waits for its window, or for Amazon to pay by itself
    BLOCKED = "blocked"  # a report is missing, stale or has a gap
    NEEDS_DOCUMENTS = "needs_documents"
    NEEDS_CONFIRMATION = "needs_confirmation"
    READY = "ready"
    EXPIRED = "expired"
    PAID_PROACTIVELY = "paid_proactively"


class Grade(StrEnum):
    """How sure a value is."""

    EXACT = "exact"  # from the settlement
    DECLARED = "declared"  # sourcing cost that the seller declared before the event
    AMAZON_SHOWN = "amazon_shown"  # what Amazon last paid for a unit of the same FNSKU
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Claim:
    """A claim of one audit.

    `marketplace` is a country code (GB, not UK), "" if nothing tells it. `subject_key` holds the
    ids that name the unit or transaction; its names are those of the rule's header. `units` are
    those still owed, 0 where only the missing report could tell. `amount_minor` is None if the
    value is unknown. `open_date` to `close_date` is the window, both inclusive; `ready_date` is the
    first day on which filing is wise. `blocked_by` names reports in words for people. A `review`
    claim is a hint for a person and never becomes ready.
    """

    claim_id: str
    seller_id: str
    marketplace: str
    rule: str
    subject_key: dict[str, str]
    units: int
    currency: str
    amount_minor: int | None
    value_grade: Grade
    state: State
    event_date: date
    open_date: date
    close_date: date
    evidence: dict[str, Any]
    ready_date: date = date.max
    sku: str = ""
    fnsku: str = ""
    asin: str = ""
    order_id: str = ""
    certainty: str = "sure"
    policy_version: str = ""
    review: bool = False
    flags: list[str] = field(default_factory=list)
    blocked_by: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    paid_units: int = 0


def claim_id(seller: str, rule: str, subject_key: Mapping[str, str]) -> str:
    """The same for the same seller, rule and subject, in every audit."""
    text = json.dumps([seller, rule, sorted(subject_key.items())], ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=ID_BYTES).hexdigest()
