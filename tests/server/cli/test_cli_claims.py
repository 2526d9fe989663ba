"""`repriced claims` on a folder of raw reports, without any configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import main

LEDGER = """\
Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,\
Reason,Country,Reconciled Quantity,Unreconciled Quantity
07/20/2025,X1,B1,MUG,Becher,Adjustments,R1,-2,LEJ1,SELLABLE,M,DE,0,2
08/31/2025,X1,B1,MUG,Becher,Receipts,FBA1,5,LEJ1,SELLABLE,,DE,,
"""
PAID = """\
approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,fnsku,asin,currency-unit,\
amount-per-unit,amount-total,quantity-reimbursed-cash,quantity-reimbursed-inventory
2025-06-30,P0,,,Lost_Warehouse,MUG,X1,B1,EUR,4.20,4.20,1,0
2025-08-30,P1,,,Lost_Warehouse,CUP,X2,B2,EUR,4.20,4.20,1,0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports in a folder."""
    path = tmp_path_factory.mktemp("reports")
    (path / "ledger.csv").write_text(LEDGER, encoding="utf-8")
    (path / "paid.csv").write_text(PAID, encoding="utf-8")
    return path


def claims(folder: Path, *words: str | Path) -> Result:
    """A command on the store beside the reports."""
    env = {"REPRICED_CLAIMS": str(folder.parent / f"{folder.name}-store")}
    return CliRunner().invoke(main, ["claims", *map(str, words)], env=env)


def test_from_raw_reports_to_a_case(folder: Path) -> None:
    day = ("--today", "2025-09-01")
    audit = claims(folder, "audit", folder, *day)
    assert audit.exit_code == 0, audit.output
    for text in (
        "warehouse_lost", "8.40 EUR", "The most valuable", "file 1 ready claims",
        "What could not be seen:", "return_missing: Settlement V2 is not imported",
        "expired                0 claims", "paid proactively       0 claims",
    ):  # fmt: skip
        assert text in audit.output
    (claim,) = json.loads(claims(folder, "list", "--state", "ready", "--json").output)
    assert (claim["units"], claim["amount_minor"], claim["value_grade"]) == (
        2, 840, "amazon_shown",
    )  # fmt: skip
    shown = claims(folder, "show", claim["claim_id"][:8]).output
    assert "found by the audit" in shown
    case = json.loads(claims(folder, "case", claim["claim_id"], "--json", *day).output)
    assert case["language"] == "de"
    assert "8,40\xa0€" in case["body"]
    assert "20. Juli 2025" in case["body"]
    early = claims(folder, "case", claim["claim_id"], "--today", "2025-07-19")
    assert early.exit_code == 2
    assert "may be filed from 2025-07-20 to 2025-09-18" in early.output
    coverage = claims(folder, "coverage", *day).output
    assert "never imported: FBA Customer Returns" in coverage
    assert "fetch next: FBA Customer Returns is not imported" in coverage
    assert "hand it out back to 2024-09-01" in coverage
    assert "without it nothing is seen by" in coverage
    assert "declare the sourcing cost of 1 SKUs before the next loss, such as MUG" in audit.output
    attached = claims(folder, "attach", claim["claim_id"][:8], "invoice", folder / "paid.csv")
    assert "has invoice: paid.csv" in attached.output
    assert "attach: invoice" in claims(folder, "case", claim["claim_id"], *day).output
    filed = claims(folder, "update", claim["claim_id"], "filed", "--case", "C1", *day)
    assert "is filed; next: wait for Amazon's answer" in filed.output
    export = folder.parent / "claims.csv"
    assert claims(folder, "export", export, *day).exit_code == 0
    assert "C1" in export.read_text(encoding="utf-8")
    assert "filed" in claims(folder, "stats", *day).output
