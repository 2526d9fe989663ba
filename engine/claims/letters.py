"""Cases: the text, table and documents that a person files with Amazon, in its language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from babel.dates import format_date
from babel.numbers import format_currency

from engine.claims.cases import case_of
from engine.claims.lifecycle import FILEABLE, KeptClaim, Ledger, check_window
from engine.claims.policy import load_policy
from engine.errors import StateError
from engine.money import minor_text

__all__ = ["Letter", "check_open", "letter_of"]

APPEALABLE = {"denied", "partly_paid"}

TOPICS = {
    "en": {"lost": "units lost", "damaged": "units damaged", "return": "customer return",
           "inbound": "inbound shipment", "removal": "removal order", "fee": "fee",
           "reimbursement": "reimbursement"},
    "de": {"lost": "verlorene Einheiten", "damaged": "beschädigte Einheiten",
           "return": "Kundenrücksendung", "inbound": "Anlieferung",
           "removal": "Remissionsauftrag", "fee": "Gebühr", "reimbursement": "Erstattung"},
    "fr": {"lost": "unités perdues", "damaged": "unités endommagées", "return": "retour client",
           "inbound": "expédition entrante", "removal": "commande de retrait", "fee": "frais",
           "reimbursement": "remboursement"},
    "it": {"lost": "unità smarrite", "damaged": "unità danneggiate", "return": "reso del cliente",
           "inbound": "spedizione in entrata", "removal": "ordine di rimozione",
           "fee": "commissione", "reimbursement": "rimborso"},
    "es": {"lost": "unidades perdidas", "damaged": "unidades dañadas",
           "return": "devolución de cliente", "inbound": "envío entrante",
           "removal": "pedido de retirada", "fee": "tarifa", "reimbursement": "reembolso"},
    "ja": {"lost": "紛失した商品", "damaged": "破損した商品", "return": "返品", "inbound": "納品",
           "removal": "返送", "fee": "手数料", "reimbursement": "補填"},
}  # fmt: skip
TOPIC_OF = {
    "warehouse_lost": "lost",
    "warehouse_damaged": "damaged",
    "disposed_without_request": "lost",
    "inbound_short": "inbound",
    "removal_lost": "removal",
    "removal_incomplete": "removal",
    "return_missing": "return",
    "return_not_restocked": "return",
    "return_damaged_by_amazon": "return",
    "replacement_not_returned": "return",
    "reimbursement_underpaid": "reimbursement",
    "reimbursement_reversed": "reimbursement",
    "reimbursement_missing": "reimbursement",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A case as text. `warning` says that its window is about to close, else "".

    `claims` are those that it asks for; an `appeal` answers Amazon's answer. `documents` are the
    kinds to attach.
    """

    language: str
    subject: str
    body: str
    warning: str
    claims: tuple[str, ...]
    documents: tuple[str, ...]
    appeal: bool


@cache
def environment() -> jinja2.Environment:
    """Templates of all languages; a name that is not given is an error."""
    folder = resources.files("engine.claims") / "letters"
    texts = {
        file.name: file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".txt")
    }
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts), undefined=jinja2.StrictUndefined, autoescape=False
    )


def check_open(claim: KeptClaim, today: date) -> None:
    """Raises StateError for a claim that must not be filed on a day."""
    check_window(claim, today)
    if claim.state not in FILEABLE:
        raise StateError(
            f"claim {claim.claim_id} is {claim.state} and not to be filed: {claim.next_action}",
            reason="CLAIM_STATE",
            field="claim_id",
        )


def check_contradiction(claim: KeptClaim) -> None:
    """Raises StateError where the reports do not contradict Amazon's answer."""
    if claim.facts.get("now", {}).get("units", 0) <= 0:
        raise StateError(
            f"claim {claim.claim_id} is {claim.state}, and the newest audit does not find it owed"
            " any more; there is nothing to appeal with",
            reason="CLAIM_SETTLED",
            field="claim_id",
        )


def letter_of(ledger: Ledger, claim: KeptClaim, today: date) -> Letter:
    """The text of the case that a claim belongs to, or of the appeal against its answer.

    Raises StateError before a window opens, after it closed, and where nothing is left to ask.
    """
    appeal = claim.state in APPEALABLE
    if appeal:
        check_contradiction(claim)
    else:
        check_open(claim, today)
    group = case_of(claim, ledger.all(claim.facts["seller_id"]))
    together = [each for each in group if appeal or is_open(each, today)]
    if appeal:
        together = [each for each in group if each.facts.get("now", {}).get("units", 0) > 0]
    return text_of(ledger, claim, together, today, appeal)


def is_open(claim: KeptClaim, today: date) -> bool:
    """Whether a day lies in a claim's window."""
    return bool(claim.facts["open_date"] <= today.isoformat() <= claim.facts["close_date"])


def text_of(
    ledger: Ledger, claim: KeptClaim, group: list[KeptClaim], today: date, appeal: bool
) -> Letter:
    """Renders the template of the marketplace's language."""
    policy, facts = load_policy(), claim.facts
    language = policy.language(facts["marketplace"])
    topic = TOPICS[language][TOPIC_OF.get(facts["rule"], "fee")]
    shown = [shown_claim(each, language, appeal) for each in group]
    named = {part: None for each in group for part in key_parts(each)}
    documents = tuple(sorted({kind for each in group for kind in each.facts["documents"]}
                             | {kind for each in group
                                for kind, _, _ in ledger.documents(each.claim_id)}))  # fmt: skip
    text = environment().get_template(f"{language}.txt").render(
        topic=topic, subject=", ".join(named), claims=shown, documents=documents,
        marketplace=facts["marketplace"], units=sum(each["units"] for each in shown),
        amount=total_text(group, language, appeal),
        appeal=appeal_facts(ledger, claim, group, language) if appeal else None,
    )  # fmt: skip
    title, _, body = text.partition("\n\n")
    left = min((date.fromisoformat(each.facts["close_date"]) - today).days for each in group)
    warning = (
        "" if appeal or left > policy.days("warn_days") else (f"the window closes in {left} days")
    )
    return Letter(
        language, title, body, warning, tuple(each.claim_id for each in group), documents, appeal
    )


def key_parts(claim: KeptClaim) -> list[str]:
    """The ids that name a claim; the place among equal rows is none."""
    return [v for name, v in claim.facts["subject_key"].items() if v and name != "occurrence"]


def shown_claim(claim: KeptClaim, language: str, appeal: bool) -> dict[str, Any]:
    """A claim as the template shows it: for an appeal as the newest audit finds it."""
    now = claim.facts["now"] if appeal else claim.facts
    return {
        "sku": claim.facts["sku"], "fnsku": claim.facts["fnsku"], "asin": claim.facts["asin"],
        "units": now["units"],
        "amount": amount_text(now["amount_minor"], claim.facts["currency"], language),
        "event_date": format_date(
            date.fromisoformat(claim.facts["event_date"]), "long", locale=language
        ),
        "evidence": [(name, v) for name, v in now["evidence"].items() if v is not None],
    }  # fmt: skip


def total_text(group: list[KeptClaim], language: str, appeal: bool) -> str:
    """The sum of a case, "" if a part of it is unknown."""
    amounts = [(each.facts["now"] if appeal else each.facts)["amount_minor"] for each in group]
    currencies = {each.facts["currency"] for each in group}
    if None in amounts or len(currencies) != 1:
        return ""
    return amount_text(sum(amounts), currencies.pop(), language)


def appeal_facts(
    ledger: Ledger, claim: KeptClaim, group: list[KeptClaim], language: str
) -> dict[str, str]:
    """What an appeal says of the case: its id, what was answered and paid, and as of when."""
    paid = sum(each.paid_minor for each in group)
    answers = [each.note for each in ledger.timeline(claim.claim_id) if each.state == claim.state]
    day = date.fromisoformat(claim.facts["now"]["day"])
    return {
        "case_id": claim.case_id,
        "day": format_date(day, "long", locale=language),
        "paid": amount_text(paid, claim.facts["currency"], language) if paid else "",
        "answer": answers[-1] if claim.state == "denied" and answers[-1] != "noted" else "",
    }


def amount_text(minor: int | None, currency: str, language: str) -> str:
    """The amount as people of a language write it; "" if it is unknown."""
    if minor is None or not currency:
        return ""
    amount = Decimal(minor_text(minor, currency))
    return str(format_currency(amount, currency, locale=language))
