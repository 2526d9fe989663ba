"""Which claims are filed together: policy says by which ids, per rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from engine.claims.lifecycle import FILEABLE, KeptClaim, Ledger
from engine.claims.policy import load_policy

__all__ = ["case_key", "case_of", "own_ids", "update_case"]


def case_key(facts: dict[str, Any]) -> tuple[str, ...]:
    """Equal for claims that are one case: seller, marketplace, rule, and the ids of policy.

    Raises KeyError for a rule that policy does not know.
    """
    names = load_policy().data["case_by"][facts["rule"]]
    ids = facts["subject_key"] | {"sku": facts["sku"]}
    return facts["seller_id"], facts["marketplace"], facts["rule"], *(ids[name] for name in names)


def case_of(claim: KeptClaim, every: Iterable[KeptClaim]) -> list[KeptClaim]:
    """The claims that are filed with a claim, itself among them, in the order given.

    Before it is filed: those with its key that may be filed. Afterwards: those with its case id
    and state, because Amazon may answer parts of a case differently.
    """
    if claim.state in FILEABLE:
        key = case_key(claim.facts)
        return [each for each in every if each.state in FILEABLE and case_key(each.facts) == key]
    if not claim.case_id:
        return [claim]
    seller = claim.facts["seller_id"]
    return [
        each
        for each in every
        if (each.case_id, each.state, each.facts["seller_id"])
        == (claim.case_id, claim.state, seller)
    ]


def update_case(
    ledger: Ledger, claim: KeptClaim, state: str, today: date, *, case_id: str, note: str
) -> list[KeptClaim]:
    """Notes a state of one claim; `filed` of every claim of its case whose window is open.

    Raises what `Ledger.update` raises.
    """
    group = [claim]
    if state == "filed" and claim.state in FILEABLE:
        day = today.isoformat()
        group += [
            each
            for each in case_of(claim, ledger.all(claim.facts["seller_id"]))
            if each.claim_id != claim.claim_id
            and each.facts["open_date"] <= day <= each.facts["close_date"]
        ]
    return [
        ledger.update(each.claim_id, state, today, case_id=case_id, note=note) for each in group
    ]


def own_ids(subject_key: dict[str, str]) -> set[str]:
    """Ids of a subject that name a transaction by themselves; SKUs and numbers do not."""
    return {
        value
        for name, value in subject_key.items()
        if value and (name.endswith("_id") or name == "license_plate")
    }
