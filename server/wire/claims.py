"""Claims, totals and results of the audit, as messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from engine.claims.advice import BlindRule
from engine.claims.alerts import Alert
from engine.claims.audit import AuditResult
from engine.claims.imports import ImportResult
from engine.claims.letters import Letter
from engine.claims.lifecycle import KeptClaim
from engine.claims.summary import Line
from repriced.v1 import claims_pb2, event_pb2

SHOWN_REJECTS = 1_000
PLAIN_FACTS = (
    "claim_id", "seller_id", "marketplace", "rule", "units", "currency", "value_grade",
    "event_date", "open_date", "ready_date", "close_date", "sku", "fnsku", "asin", "order_id",
    "policy_version",
)  # fmt: skip
DAY_MS = 86_400_000
EPOCH_ORDINAL = 719_163
"""Ordinal of 1970-01-01."""


def claim_message(claim: KeptClaim) -> Any:
    """A claim."""
    facts = claim.facts
    sent = claims_pb2.Claim(
        state=claim.state, case_id=claim.case_id, paid_minor=claim.paid_minor,
        next_action=claim.next_action, blocked_by=facts["blocked_by"],
        documents=facts["documents"], flags=facts["flags"], subject_key=facts["subject_key"],
        evidence={k: str(v) for k, v in facts["evidence"].items() if v is not None},
        **{name: facts[name] for name in PLAIN_FACTS},
    )  # fmt: skip
    if facts["amount_minor"] is not None:
        sent.amount_minor = facts["amount_minor"]
    return sent


def case_message(letter: Letter) -> Any:
    """The text of a case."""
    return claims_pb2.ClaimCase(
        language=letter.language, subject=letter.subject, body=letter.body,
        warning=letter.warning, claim_ids=letter.claims, documents=letter.documents,
        appeal=letter.appeal,
    )  # fmt: skip


def total_message(line: Line) -> Any:
    """Claims of one state in figures."""
    return claims_pb2.StateTotal(
        state=line.state, claim_count=line.claims, units=line.units,
        amounts_minor=dict(line.amounts), unknown_count=line.unknown,
    )  # fmt: skip


def fill_audit(answer: Any, result: AuditResult, totals: Iterable[Line]) -> None:
    """What an audit found, into its last message."""
    answer.claims_by_state.update(Counter(each.state.value for each in result.claims))
    answer.blind_rules.extend(map(blind_message, result.blind))
    answer.filed_elsewhere_count = result.already_filed
    answer.skus_without_cost.extend(result.without_cost)
    answer.totals.extend(map(total_message, totals))


def blind_message(blind: BlindRule) -> Any:
    """A rule that saw nothing."""
    return claims_pb2.BlindRule(seller_id=blind.seller_id, rule=blind.rule, lacks=blind.lacks)


def fill_import(answer: Any, result: ImportResult) -> None:
    """What became of an import, into its last message."""
    for each in result.reports:
        answer.files.add(
            name=each.name, kind=each.kind, row_count=each.rows, rejected_count=each.rejected,
            replaced_count=each.replaced, first_day=each.first.isoformat(),
            last_day=each.last.isoformat(),
        )  # fmt: skip
    for refused in result.refused:
        answer.files.add(name=refused.name, reason=refused.reason, message=refused.message)
    for row in result.rejected[:SHOWN_REJECTS]:
        answer.rejected.add(
            file=row.file, line=row.line, column=row.column, reason=row.reason, message=row.message
        )
    for (kind, code), count in result.unknown_codes.items():
        answer.unknown_codes.add(kind=kind, code=code, row_count=count)


def alert_message(alert: Alert) -> Any:
    """A claim alert as an event."""
    code: Any = event_pb2.ClaimAlert.Value(f"CLAIM_ALERT_{alert.kind.value.upper()}")
    return event_pb2.Event(
        alert_id=alert.alert_id, claim_alert=code, message=alert.message,
        seller_id=alert.seller_id, claim_id=alert.claim_id,
        at_ms=(alert.day.toordinal() - EPOCH_ORDINAL) * DAY_MS,
    )  # fmt: skip
