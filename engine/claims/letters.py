"""Cases: the text, table and documents that a person files with Amazon, in its language."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from babel.dates import format_date
from babel.numbers import format_currency

from engine.claims.lifecycle import FILEABLE, KeptClaim, Ledger
from engine.claims.policy import load_policy
from engine.errors import ConflictError
from engine.money import minor_text

__all__ = ["CSV_COLUMNS", "Letter", "archive", "as_csv", "check_open", "letter_of"]

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
CSV_COLUMNS = (
    "claim_id", "rule", "state", "marketplace", "sku", "fnsku", "asin", "units", "currency",
    "amount", "value_grade", "event_date", "open_date", "ready_date", "close_date", "subject",
    "case_id", "next_action",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Letter:
    """A case as text. `warning` says that its window is about to close, else ""."""

    language: str
    subject: str
    body: str
    warning: str


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
    """Raises ConflictError for a claim that must not be filed on a day."""
    facts = claim.facts
    if not facts["open_date"] <= today.isoformat() <= facts["close_date"]:
        raise ConflictError(
            f"claim {claim.claim_id} may be filed from {facts['open_date']} to"
            f" {facts['close_date']}; today is {today}",
            reason="CLAIM_WINDOW",
        )
    if claim.state not in FILEABLE:
        raise ConflictError(
            f"claim {claim.claim_id} is {claim.state} and not to be filed: {claim.next_action}",
            reason="CLAIM_STATE",
        )


def letter_of(claim: KeptClaim, today: date) -> Letter:
    """The text of a case. Raises ConflictError before its window opens and after it closed."""
    check_open(claim, today)
    policy, facts = load_policy(), claim.facts
    language = policy.language(facts["marketplace"])
    topic = TOPICS[language][TOPIC_OF.get(facts["rule"], "fee")]
    subject = ", ".join(value for value in facts["subject_key"].values() if value)
    text = environment().get_template(f"{language}.txt").render(
        claim=facts, topic=topic, subject=subject,
        event_date=format_date(date.fromisoformat(facts["event_date"]), "long", locale=language),
        amount=amount_text(facts, language),
        evidence=[(name, value) for name, value in facts["evidence"].items() if value is not None],
        documents=facts["documents"],
    )  # fmt: skip
    title, _, body = text.partition("\n\n")
    left = (date.fromisoformat(facts["close_date"]) - today).days
    warning = f"the window closes in {left} days" if left <= policy.days("warn_days") else ""
    return Letter(language, title, body, warning)


def amount_text(facts: dict[str, Any], language: str) -> str:
    """The amount as people of a language write it; "" if it is unknown."""
    if facts["amount_minor"] is None or not facts["currency"]:
        return ""
    amount = Decimal(minor_text(facts["amount_minor"], facts["currency"]))
    return str(format_currency(amount, facts["currency"], locale=language))


def as_csv(claims: list[KeptClaim]) -> str:
    """Claims as a table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for each in claims:
        facts = each.facts | {
            "state": each.state, "case_id": each.case_id, "next_action": each.next_action,
            "subject": " ".join(f"{k}={v}" for k, v in each.facts["subject_key"].items()),
            "amount": "" if each.facts["amount_minor"] is None or not each.facts["currency"]
            else minor_text(each.facts["amount_minor"], each.facts["currency"]),
        }  # fmt: skip
        writer.writerow([facts[name] for name in CSV_COLUMNS])
    return out.getvalue()


def archive(ledger: Ledger, claims: list[KeptClaim], today: date) -> bytes:
    """A ZIP with the table, and a folder per case that may be filed: its text and documents."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        add(bundle, "claims.csv", as_csv(claims).encode())
        for each in claims:
            try:
                letter = letter_of(each, today)
            except ConflictError:
                continue
            add(bundle, f"{each.claim_id}/case.txt", f"{letter.subject}\n\n{letter.body}".encode())
            for kind, name, content in ledger.documents(each.claim_id):
                safe = name.replace("/", "_").replace("\\", "_")
                add(bundle, f"{each.claim_id}/{kind}-{safe}", content)
    return out.getvalue()


def add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A member whose date does not depend on the clock."""
    bundle.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
