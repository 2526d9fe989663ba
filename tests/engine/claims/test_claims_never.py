"""What must never be claimed: each has a case table, which asks for nothing wrong."""

from __future__ import annotations

import pytest
from case_store import load_cases

NEVER = {
    "found later": ("warehouse_lost", "found later"),
    "found under another FNSKU": ("warehouse_lost", "found under another FNSKU of the ASIN"),
    "paid under another reason word": (
        "warehouse_lost", "paid in kind, under another reason word",
    ),
    "paid in kind": ("reimbursement_underpaid", "paid in kind is paid in full"),
    "paid in instalments": ("warehouse_lost", "paid in instalments"),
    "instalments are not underpaid": ("reimbursement_underpaid", "paid in instalments"),
    "paid, clawed and re-paid": ("warehouse_lost", "paid, taken back and paid again"),
    "a reversal that was paid again": (
        "reimbursement_reversed", "paid, taken back and paid again",
    ),
    "O after a payment": ("warehouse_damaged", "paid, and a correction after the payment"),
    "D after a payment": (
        "disposed_without_request", "disposed of after Amazon paid for it",
    ),
    "disposal by automatic removal; donation of a requested disposal": (
        "disposed_without_request",
        "disposal by automatic removal, and donation of a requested disposal",
    ),
    "unsellable loss": (
        "warehouse_lost", "unsellable stock, stock of Amazon's, and other reasons",
    ),
    "unsellable disposal": (
        "disposed_without_request", "unsellable stock may be disposed of",
    ),
    "partial refund": ("return_missing", "a part was refunded"),
    "goodwill": ("return_missing", "goodwill alone is no refund of a unit"),
    "return under amzn.gr.": ("return_missing", "sent back under a SKU of Amazon's"),
    "return without order id": (
        "return_missing", "a return without order id may be this one",
    ),
    "return posted 35 days late": (
        "return_missing", "sent back 35 days late, in whatever condition",
    ),
    "refund in one settlement, fee credit in the next; admin fee": (
        "refund_fee_not_returned",
        "the administration fee stays, and the credit came with the next settlement",
    ),
    "sibling-shipment surplus": (
        "inbound_short", "surplus in a sibling shipment of the plan",
    ),
    "receipt in ledger but not yet in the shipment API": (
        "inbound_short", "received in the ledger but not yet in the shipment",
    ),
    "negative receipt corrected later": (
        "inbound_short", "a negative receipt, corrected later",
    ),
    "replacement also refunded": (
        "replacement_not_returned", "also refunded: the other rule has it",
    ),
    "MCF order": (
        "return_missing", "chargebacks, A-to-z claims, own shipping and other channels",
    ),
    "removal delivered but uncounted": ("removal_lost", "delivered but uncounted"),
    "fee change by schedule date": (
        "fee_dimensions", "a fee that rose for everybody is no wrong measure",
    ),
    "VAT in the fee": (
        "referral_fee_overcharge", "value added tax is part of the base in Germany",
    ),
    "DST in the fee": (
        "referral_fee_overcharge",
        "the digital services tax in the fee of three lines is no other category",
    ),
    "order older than coverage": (
        "return_missing", "an order older than the settlements is blocked",
    ),
    "already filed by someone": ("warehouse_lost", "filed by somebody else"),
    "loss outside the window": ("warehouse_lost", "the day after the window"),
    "account's other country": (
        "warehouse_lost", "found in another country of the same account",
    ),
}  # fmt: skip
WITH_A_CLAIM_BESIDE = {
    "P after E": ("warehouse_damaged", "the P after an E gives nothing back"),
    "fee change by peak and band": (
        "fee_dimensions",
        "in the peak, below the price band and on a day without a table nothing is priced",
    ),
}  # fmt: skip
"""What stands beside a claim that is right: only that one comes out."""

ASKS_FOR_NOTHING = {"paid_proactively", "expired", "blocked"}
CASES = {(case.rule, case.name): case for case in load_cases()}


@pytest.mark.parametrize("line", NEVER)
def test_it_is_never_claimed(line: str) -> None:
    """The case itself is run with all the others, by test_claims_rules.py."""
    expected = CASES[NEVER[line]].expect
    assert {each.get("state") for each in expected} <= ASKS_FOR_NOTHING


@pytest.mark.parametrize("line", WITH_A_CLAIM_BESIDE)
def test_it_adds_nothing_to_the_claim_beside_it(line: str) -> None:
    assert len(CASES[WITH_A_CLAIM_BESIDE[line]].expect) == 1
