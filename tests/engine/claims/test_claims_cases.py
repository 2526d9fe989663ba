"""Cases: what is filed together, in which language, and what contradicts an answer."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from case_store import REACH, SELLER, write_report

from engine.claims import audit
from engine.claims.cases import update_case
from engine.claims.cells import plain_cell
from engine.claims.export import archive, as_csv, evidence_csv
from engine.claims.imports import import_paths
from engine.claims.letters import Letter, letter_of
from engine.claims.lifecycle import KeptClaim, Ledger
from engine.claims.policy import load_policy
from engine.claims.rules import load_rules
from engine.claims.store import Store
from engine.errors import StateError

TODAY = date(2025, 9, 1)
LEDGER = (
    "date,fnsku,asin,sku,event_type,reference_id,quantity,fulfillment_center,disposition,reason,"
    "country,reconciled_quantity,unreconciled_quantity\n"
)
PAID = (
    "approval_date,reimbursement_id,case_id,reason,sku,fnsku,asin,currency,unit_minor,total_minor,"
    "quantity_cash,quantity_inventory\n"
)
COSTS = (
    "sku,from_date,to_date,sourcing_minor,currency,declared_on\n"
    "MUG,2025-04-01,,4,{0},2025-04-01\nCUP,2025-04-01,,3,{0},2025-04-01\n"
)


def loss(reference: str, sku: str, country: str = "DE", units: int = 2) -> str:
    return (
        f"2025-07-20,X-{sku},B1-{sku},{sku},Adjustments,{reference},-{units},FC1,SELLABLE,M,"
        f"{country},0,{units}\n"
    )


def look(folder: Path, ledger: str, paid: str = "", currency: str = "EUR") -> Path:
    """A store with these reports, audited."""
    return again(folder, TODAY, ledger, paid, COSTS.format(currency))


def again(folder: Path, day: date, ledger: str, paid: str = "", costs: str = "") -> Path:
    """Newer reports, audited again."""
    paths = [
        write_report(folder, "ledger", LEDGER + ledger),
        write_report(folder, "reimbursements", PAID + paid if paid else ""),
    ]
    if costs:
        paths.append(write_report(folder, "costs", costs))
    result = import_paths(folder / "store", SELLER, paths, day, covers=(day - REACH, day))
    assert not result.refused + result.rejected
    audit.run(folder / "store", day)
    return folder / "store"


def by_sku(ledger: Ledger) -> dict[str, KeptClaim]:
    return {each.facts["sku"]: each for each in ledger.all()}


def letter(store: Path, sku: str = "MUG", day: date = TODAY) -> Letter:
    with Store(store) as opened:
        ledger = Ledger(opened)
        return letter_of(ledger, by_sku(ledger)[sku], day)


def answer(store: Path, sku: str, state: str, day: date = TODAY, **how: str) -> list[str]:
    """Notes an answer; the SKUs that it was noted for."""
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        given = {"case_id": "", "note": ""} | how
        claims = update_case(ledger, by_sku(ledger)[sku], state, day, **given)
        return sorted(each.facts["sku"] for each in claims)


def test_policy_says_for_every_rule_what_is_one_case() -> None:
    known = load_policy().data["case_by"]
    for rule in load_rules():
        if not rule.candidate:
            assert set(known[rule.name]) <= {*rule.subject, "sku"}, rule.name


def test_losses_of_one_transaction_are_one_case(tmp_path: Path) -> None:
    store = look(tmp_path, loss("R1", "MUG") + loss("R1", "CUP", units=1) + loss("R2", "JUG"))
    whole = letter(store)
    assert len(whole.claims) == 2
    assert "Fall" not in whole.subject
    assert "3 Einheiten" in whole.body
    assert "11,00\xa0€" in whole.body
    assert whole.body.count(", ASIN ") == 2
    assert letter(store, "CUP") == whole
    assert answer(store, "CUP", "filed", case_id="C1") == ["CUP", "MUG"]
    with Store(store) as opened:
        assert by_sku(Ledger(opened))["JUG"].state == "ready"


@pytest.mark.parametrize(
    ("country", "currency", "language", "words"),
    [
        ("DE", "EUR", "de", ("Antrag", "20. Juli 2025", "8,00\xa0€", "Widerspruch (Fall C1)")),
        ("GB", "GBP", "en", ("Claim", "July 20, 2025", "£8.00", "Appeal (case C1)")),
        ("FR", "EUR", "fr", ("Demande", "20 juillet 2025", "8,00\xa0€", "Recours (cas C1)")),
        ("IT", "EUR", "it", ("Richiesta", "20 luglio 2025", "8,00\xa0€", "Ricorso (caso C1)")),
        ("ES", "EUR", "es", ("Solicitud", "20 de julio de 2025", "8,00\xa0€", "(caso C1)")),
        ("JP", "JPY", "ja", ("請求", "2025年7月20日", "￥8", "(ケース C1)")),
    ],
)
def test_a_case_and_its_appeal_speak_the_language_of_the_marketplace(
    tmp_path: Path, country: str, currency: str, language: str, words: tuple[str, ...]
) -> None:
    paid = f"2025-08-30,P1,,Lost_Warehouse,JUG,X9,B9,{currency},4,4,1,0\n"
    store = look(tmp_path, loss("R1", "MUG", country), paid, currency)
    first = letter(store)
    assert first.language == language
    for word in words[:3]:
        assert word in first.subject + first.body
    answer(store, "MUG", "filed", case_id="C1")
    answer(store, "MUG", "denied", note="nothing found")
    with pytest.raises(StateError, match="nothing to appeal with"):
        letter(store)
    later = TODAY + timedelta(days=40)
    paid += f"2025-10-08,P2,,Lost_Warehouse,JUG,X9,B9,{currency},4,4,1,0\n"
    again(tmp_path, later, loss("R1", "MUG", country), paid)
    appeal = letter(store, day=later)
    assert appeal.appeal
    assert words[3] in appeal.subject
    for word in ("nothing found", "R1", "2025"):
        assert word in appeal.body


def test_an_appeal_asks_for_what_the_newest_reports_still_show(tmp_path: Path) -> None:
    store = look(tmp_path, loss("R1", "MUG", units=3))
    answer(store, "MUG", "filed", case_id="C1")
    row = "2025-09-08,P1,C1,Lost_Warehouse,MUG,X-MUG,B1-MUG,EUR,4,8,2,0\n"
    day = date(2025, 9, 10)
    again(tmp_path, day, loss("R1", "MUG", units=3).replace(",0,3", ",2,1"), row)
    with Store(store) as opened:
        claim = by_sku(Ledger(opened))["MUG"]
        assert (claim.state, claim.paid_minor, claim.facts["units"]) == ("partly_paid", 800, 3)
    appeal = letter(store, day=day)
    assert "noch 1 Einheit" in appeal.body
    assert "4,00\xa0€" in appeal.body
    assert "Bisher gezahlt: 8,00\xa0€" in appeal.body
    answer(store, "MUG", "appealed", day)
    again(tmp_path, day, loss("R1", "MUG", units=3).replace(",0,3", ",2,1"), row)
    with Store(store) as opened:
        assert by_sku(Ledger(opened))["MUG"].state == "appealed"


def test_payments_of_a_case_are_shared_by_its_claims(tmp_path: Path) -> None:
    both = loss("R1", "MUG") + loss("R1", "CUP")
    store = look(tmp_path, both)
    answer(store, "MUG", "filed", case_id="C1")
    day = date(2025, 9, 10)
    half = "2025-09-08,P1,C1,Lost_Warehouse,MUG,X-MUG,B1-MUG,EUR,4,8,2,0\n"
    mug_settled = loss("R1", "MUG").replace(",0,2", ",2,0")
    again(tmp_path, day, mug_settled + loss("R1", "CUP"), half)
    with Store(store) as opened:
        claims = by_sku(Ledger(opened))
    assert (claims["MUG"].state, claims["MUG"].paid_minor) == ("paid", 800)
    assert (claims["CUP"].state, claims["CUP"].paid_minor) == ("filed", 0)
    rest = "2025-09-09,P2,C1,Lost_Warehouse,CUP,X-CUP,B1-CUP,EUR,3,6,2,0\n"
    again(tmp_path, day, both.replace(",0,2", ",2,0"), half + rest)
    with Store(store) as opened:
        assert {each.state for each in by_sku(Ledger(opened)).values()} == {"paid"}


def test_the_archive_holds_a_folder_a_case(tmp_path: Path) -> None:
    store = look(tmp_path, loss("R1", "MUG") + loss("R1", "CUP") + loss("R2", "JUG"))
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        claims = list(ledger.all())
        cup = by_sku(ledger)["CUP"].claim_id
        ledger.attach(cup, "invoice", "../bill one.pdf", b"%PDF", TODAY)
        whole = archive(ledger, claims, TODAY)
    with zipfile.ZipFile(io.BytesIO(whole)) as bundle:
        names = bundle.namelist()
        assert sum(name.endswith("/case.txt") for name in names) == 2
        assert f"{cup}-invoice-.._bill_one.pdf" in {name.split("/")[-1] for name in names}
        assert all(name.count("/") <= 1 for name in names)
        tables = [bundle.read(n).decode() for n in names if n.endswith("/evidence.csv")]
    assert sorted(text.count("\n") for text in tables) == [2, 3]
    assert all("unreconciled_quantity" in text for text in tables)


def cases(folder: Path, rows: str) -> list[str]:
    """Imports a list of cases; what could not be noted."""
    path = write_report(folder, "cases", "case_id,subject_key,state,date\n" + rows)
    result = import_paths(folder / "store", SELLER, [path], date(2025, 9, 20))
    return [each.message for each in result.rejected]


def test_answers_come_back_by_a_list_of_cases(tmp_path: Path) -> None:
    store = look(tmp_path, loss("R1", "MUG") + loss("R2", "CUP") + loss("R3", "JUG"))
    with Store(store) as opened:
        mug = by_sku(Ledger(opened))["MUG"].claim_id
    rows = f"C1,{mug},Open,2025-09-02\nC2,R2,denied,2025-09-05\nC9,NOBODY,open,2025-09-02\n"
    assert cases(tmp_path, rows) == []
    assert cases(tmp_path, rows) == [], "a second time changes nothing"
    assert cases(tmp_path, f"C1,{mug},Approved,2025-09-06\n") == []
    assert cases(tmp_path, "C7,R2,approved,2025-09-07\n") == [
        f"claim {claim_of(store, 'CUP').claim_id} has case C2; the list says C7"
    ]
    day = date(2025, 9, 10)
    again(tmp_path, day, loss("R1", "MUG") + loss("R2", "CUP") + loss("R3", "JUG"))
    states = {sku: claim_of(store, sku).state for sku in ("MUG", "CUP", "JUG")}
    assert states == {"MUG": "approved", "CUP": "denied", "JUG": "ready"}
    assert claim_of(store, "MUG").case_id == "C1"
    assert letter(store, "CUP", day).appeal
    with Store(store) as opened:
        lines = Ledger(opened).timeline(mug)
    assert [each.state for each in lines] == ["ready", "filed", "approved"]


def claim_of(store: Path, sku: str) -> KeptClaim:
    with Store(store) as opened:
        return by_sku(Ledger(opened))[sku]


def test_a_case_filed_by_others_withdraws_nothing_that_is_unknown(tmp_path: Path) -> None:
    write_report(tmp_path, "cases", "")
    look(tmp_path, loss("R2", "CUP"))
    cases(tmp_path, "C1,R1,odd words,2025-09-02\n")
    store = again(tmp_path, TODAY, loss("R1", "MUG") + loss("R2", "CUP"))
    with Store(store) as opened:
        assert sorted(by_sku(Ledger(opened))) == ["CUP"]


def test_texts_of_reports_are_no_formulas_in_a_table(tmp_path: Path) -> None:
    store = look(tmp_path, loss("=HYPERLINK(1)", "@SUM(A1)") + loss("+49-R2", "-CUP"))
    with Store(store) as opened:
        claims = list(Ledger(opened).all())
    for text in (as_csv(claims), evidence_csv(claims)):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert {"'@SUM(A1)", "'-CUP"} <= set(cells)
        assert not [cell for cell in cells if cell[:1] in set("=+@\t")]
    assert "-2" in cells, "a number is left as it is"


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@A1", "\t=1", "\r=1"])
def test_a_cell_that_begins_like_a_formula_is_a_text(text: str) -> None:
    assert plain_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["", "-16", "+1.50", "-1,5", "A=1", -16, 0, True])
def test_other_cells_stay(value: object) -> None:
    assert plain_cell(value) == value
