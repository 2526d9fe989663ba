"""Alerts: each kind is raised when it should be, once, and not when it should not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from case_store import REACH, SELLER, write_report

from engine.claims import audit
from engine.claims.alerts import Alert, AlertKind, alerts_after, last_alert_id
from engine.claims.imports import import_paths
from engine.claims.lifecycle import Ledger
from engine.claims.store import Store

TODAY = date(2025, 9, 1)
LEDGER = (
    "date,fnsku,asin,sku,event_type,reference_id,quantity,fulfillment_center,disposition,reason,"
    "country,reconciled_quantity,unreconciled_quantity\n"
)
PAID = (
    "approval_date,reimbursement_id,case_id,reason,sku,fnsku,asin,currency,unit_minor,total_minor,"
    "quantity_cash,quantity_inventory,original_id\n"
)
Covers = tuple[date, date]


def loss(day: date, reference: str = "R1", units: int = 1) -> str:
    text = f"X1,B1,MUG,Adjustments,{reference},-{units},LEJ1,SELLABLE,M,DE,0,{units}"
    return f"{day},{text}\n"


def bring(
    folder: Path, ledger: str, paid: str = "", as_of: date = TODAY, covers: Covers | None = None
) -> None:
    paths = [
        write_report(folder, "ledger", LEDGER + ledger if ledger else ""),
        write_report(folder, "reimbursements", PAID + paid if paid else ""),
    ]
    given = covers or (as_of - REACH, as_of)
    result = import_paths(folder / "store", SELLER, paths, as_of, covers=given)
    assert not result.refused + result.rejected


def look(folder: Path, kind: AlertKind, today: date = TODAY) -> list[Alert]:
    """New alerts of a kind."""
    found = audit.run(folder / "store", today, sellers=[SELLER])
    return [each for each in found.alerts if each.kind == kind]


def test_a_deadline_is_told_once_and_within_its_days(tmp_path: Path) -> None:
    bring(tmp_path, loss(TODAY - timedelta(days=46)) + loss(TODAY - timedelta(days=45), "R2"))
    (told,) = look(tmp_path, AlertKind.DEADLINE_NEAR)
    assert "closes on 2025-09-15" in told.message
    with Store(tmp_path / "store") as opened:
        assert Ledger(opened).get(told.claim_id).facts["subject_key"]["reference_id"] == "R1"
    assert look(tmp_path, AlertKind.DEADLINE_NEAR) == []


def test_losses_far_above_the_usual_rate(tmp_path: Path) -> None:
    calm = "".join(loss(TODAY - timedelta(days=7 * week), f"C{week}", 3) for week in range(1, 27))
    bring(tmp_path, calm + loss(TODAY - timedelta(days=2), "N1", 9))
    assert look(tmp_path, AlertKind.LOSSES_ABOVE_USUAL) == []
    bring(tmp_path, calm + loss(TODAY - timedelta(days=2), "N1", 10))
    (told,) = look(tmp_path, AlertKind.LOSSES_ABOVE_USUAL)
    assert told.message.startswith("10 units were lost or damaged in 7 days")
    assert look(tmp_path, AlertKind.LOSSES_ABOVE_USUAL) == []


def test_a_new_seller_has_no_usual_rate(tmp_path: Path) -> None:
    bring(tmp_path, loss(TODAY - timedelta(days=30), "C1") + loss(TODAY, "N1", 90))
    assert look(tmp_path, AlertKind.LOSSES_ABOVE_USUAL) == []


def test_silence_is_told_after_four_days_and_again_after_the_next_word(tmp_path: Path) -> None:
    bring(tmp_path, loss(TODAY - timedelta(days=40)))
    audit.run(tmp_path / "store", TODAY)
    with Store(tmp_path / "store") as opened, opened.writing():
        ledger = Ledger(opened)
        (claim,) = ledger.all()
        ledger.update(claim.claim_id, "filed", TODAY, case_id="C1")
    day = timedelta(days=1)
    assert look(tmp_path, AlertKind.SILENCE, TODAY + 3 * day) == []
    (told,) = look(tmp_path, AlertKind.SILENCE, TODAY + 4 * day)
    assert "case C1" in told.message
    assert look(tmp_path, AlertKind.SILENCE, TODAY + 5 * day) == []
    with Store(tmp_path / "store") as opened, opened.writing():
        Ledger(opened).update(claim.claim_id, "in_progress", TODAY + 5 * day)
    assert len(look(tmp_path, AlertKind.SILENCE, TODAY + 9 * day)) == 1


def test_a_reversal_is_told(tmp_path: Path) -> None:
    row = "2025-08-{},{},,{},MUG,X1,B1,EUR,4,{}4,{}1,0,{}\n"
    paid = row.format("01", "P1", "Lost_Warehouse", "", "", "")
    back = row.format("20", "P2", "Reimbursement_Reversal", "-", "-", "P1")
    bring(tmp_path, loss(date(2025, 7, 20)), paid + back)
    (told,) = look(tmp_path, AlertKind.REVERSAL)
    assert told.message == (
        "Amazon took 4.00 EUR back on 2025-08-20: reversal P2 of reimbursement P1"
    )
    assert look(tmp_path, AlertKind.REVERSAL) == []


def test_gaps_and_old_reports_are_told(tmp_path: Path) -> None:
    early, late = date(2025, 3, 1), date(2025, 8, 22)
    bring(tmp_path, loss(early), as_of=early, covers=(early, date(2025, 5, 31)))
    bring(tmp_path, loss(late), as_of=late, covers=(date(2025, 6, 10), late))
    told = [each.message for each in look(tmp_path, AlertKind.REPORT_GAP)]
    assert "Inventory Ledger, detailed view of EU has a gap from 2025-06-01 to 2025-06-09" in told
    assert "FBA Reimbursements is of 2025-08-22, too old" in told
    assert look(tmp_path, AlertKind.REPORT_GAP) == []


def test_an_unknown_code_is_told_by_the_import(tmp_path: Path) -> None:
    paid = "2025-08-01,P1,,Brand_New_Word,MUG,X1,B1,EUR,4,4,1,0,\n"
    for _ in range(2):
        bring(tmp_path, loss(TODAY), paid)
    with Store(tmp_path / "store") as opened:
        (told,) = alerts_after(opened, 0, 10)
        assert (told.kind, told.alert_id) == (AlertKind.UNKNOWN_CODE, last_alert_id(opened))
        assert alerts_after(opened, told.alert_id, 10) == []
    assert "'Brand_New_Word' in 1 rows" in told.message
