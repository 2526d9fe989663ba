"""When a claim may be filed and when it is wise to: the window and the state that follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from engine.claims.candidates import Candidate
from engine.claims.policy import SURE, Policy

__all__ = ["Dates", "dates_of"]


@dataclass(frozen=True, slots=True)
class Dates:
    """The window of a claim, both ends inclusive, and the first day on which filing is wise."""

    open: date
    close: date
    ready: date
    certainty: str
    tight: bool


def dates_of(policy: Policy, found: Candidate, event: date, today: date, country: str) -> Dates:
    """Window by the day of filing; waited out: Amazon's own payment, and late rows of reports."""
    rule = found.rule
    subject = rule.window
    if rule.window_without_refund and not found.refund_known:
        subject = rule.window_without_refund
    window = policy.window(subject, country, today)
    opened = event + timedelta(days=window.not_before)
    close = event + timedelta(days=window.not_after)
    ready = max(
        opened,
        event + timedelta(days=policy.days("proactive_days")),
        event + timedelta(days=policy.days("pad_days")),
    )
    if rule.extra_wait:
        ready = max(ready, opened + timedelta(days=policy.days("return_extra_days")))
    if found.not_before is not None:
        ready = max(ready, found.not_before)
    last_good = close - timedelta(days=policy.days("tight_days"))
    tight = ready > last_good
    if tight:
        ready = max(opened, last_good)
    certainty = window.certainty if rule.certainty == SURE else rule.certainty
    return Dates(opened, close, ready, certainty, tight)
