"""Reports in: kinds, encodings, bad rows and files, replaced ranges, crashes."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest

from engine.claims import audit
from engine.claims.imports import ImportResult, import_paths
from engine.claims.lifecycle import Ledger
from engine.claims.specs import REPORTS, recognise
from engine.claims.staging import stage
from engine.claims.store import Store
from engine.errors import InputError, LimitError, StateError

MANUAL = Path(__file__).parents[3] / "docs" / "claims.md"
AS_OF = date(2025, 9, 1)
LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity\n"
)
RETURNS = (
    "return-date\torder-id\tsku\tasin\tfnsku\tproduct-name\tquantity\tfulfillment-center-id\t"
    "detailed-disposition\treason\tstatus\tlicense-plate-number\tcustomer-comments\n"
)
REIMBURSEMENTS = (
    "approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,fnsku,asin,product-name,"
    "condition,currency-unit,amount-per-unit,amount-total,quantity-reimbursed-cash,"
    "quantity-reimbursed-inventory,quantity-reimbursed-total\n"
)


def loss(day: str, reference: str = "R1", quantity: str = "-1", title: str = "Mug") -> str:
    return f'{day},X1,B1,MUG,"{title}",Adjustments,{reference},{quantity},LEJ1,SELLABLE,M,DE,0,1\n'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def bring(store: Path, name: str, content: str | bytes, as_of: date = AS_OF) -> ImportResult:
    """Imports one file."""
    path = store.parent / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_paths(store, "A1", [path], as_of)


def rows(store: Path, kind: str) -> list[tuple[object, ...]]:
    """All stored rows of a kind."""
    with Store(store) as opened:
        files = [str(store / each.path) for each in opened.files("A1", kind)]
    if not files:
        return []
    return duckdb.execute("SELECT * FROM read_parquet(?) ORDER BY ALL", [files]).fetchall()


def test_bad_rows_are_named_by_file_line_and_reason_and_the_others_go_on(store: Path) -> None:
    text = (
        LEDGER
        + loss("08/01/2025", title="a\nb")
        + loss("02/30/2025")
        + loss("08/02/2025", quantity="-1x")
        + "08/03/2025,X1\n"
        + loss("08/04/2025")
    )
    result = bring(store, "ledger.csv", text)
    assert [(each.line, each.column, each.reason) for each in result.rejected] == [
        (4, "date", "DATE"),
        (5, "quantity", "QUANTITY"),
        (6, "", "MALFORMED"),
    ]
    assert result.reports[0].rows == 2
    assert result.rejects_path is not None
    assert "ledger.csv,4,date,DATE" in result.rejects_path.read_text(encoding="utf-8")


def days(store: Path) -> list[tuple[date, date]]:
    with Store(store) as opened:
        return sorted((each.first, each.last) for each in opened.coverage("A1"))


def test_the_day_of_a_refused_row_counts_as_missing(store: Path) -> None:
    first, last = date(2025, 8, 1), date(2025, 8, 31)
    path = store.parent / "a.csv"
    path.write_text(LEDGER + loss("08/10/2025"), encoding="utf-8")
    import_paths(store, "A1", [path], AS_OF, covers=(first, last))
    assert days(store) == [(first, last)]
    path.write_text(LEDGER + loss("08/10/2025") + loss("08/20/2025", "R2", "x"), encoding="utf-8")
    import_paths(store, "A1", [path], AS_OF, covers=(first, last))
    parts = [(first, date(2025, 8, 19)), (date(2025, 8, 21), last)]
    assert sorted(set(days(store))) == parts
    path.write_text(LEDGER + loss("08/10/2025") + loss("08/40/2025", "R2"), encoding="utf-8")
    import_paths(store, "A1", [path], AS_OF, covers=(first, last))
    assert days(store) == [], "nobody knows of which day the refused row is"
    path.write_text(LEDGER + loss("08/10/2025") + loss("08/20/2025", "R2"), encoding="utf-8")
    import_paths(store, "A1", [path], AS_OF, covers=(first, last))
    assert days(store) == [(first, last)]


def test_repeated_rows_are_kept_and_a_re_import_replaces_its_range(store: Path) -> None:
    bring(store, "a.csv", LEDGER + loss("08/01/2025") * 2 + loss("08/20/2025"))
    assert len(rows(store, "ledger")) == 3
    again = bring(store, "b.csv", LEDGER + loss("08/10/2025", "R2") + loss("08/30/2025", "R3"))
    assert again.reports[0].replaced == 1
    assert len(rows(store, "ledger")) == 4
    with Store(store) as opened:
        spans = {(each.first, each.last) for each in opened.coverage("A1")}
    assert (date(2025, 8, 1), date(2025, 8, 20)) in spans
    assert (date(2025, 8, 10), AS_OF) in spans


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-8", "Kännchen"),
        ("utf-8-sig", "Kännchen"),
        ("cp1252", "Kännchen für Öl, groß"),
        ("cp932", "マグカップ 茶碗"),
        ("utf-16", "Kännchen"),
    ],
)
def test_encodings(store: Path, encoding: str, title: str) -> None:
    text = LEDGER + loss("08/30/2025", title=title)
    result = bring(store, "ledger.csv", text.encode(encoding))
    assert not result.refused
    assert result.reports[0].rows == 1


def test_buyer_data_is_never_stored(store: Path) -> None:
    line = "2025-08-30\t302-1111111-1111111\tMUG\tB1\tX1\tMug\tx\tLEJ1\tSELLABLE\t\t\t\tSECRET\n"
    result = bring(store, "returns.txt", RETURNS + line.replace("\tx\t", "\t1\t") + line)
    assert (result.reports[0].rows, len(result.rejected)) == (1, 1)
    for path in store.rglob("*"):
        assert not path.is_file() or b"SECRET" not in path.read_bytes()
    assert "SECRET" not in str(rows(store, "returns"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "FILE_EMPTY"),
        (b"hello,you\n1,2\n", "REPORT_UNKNOWN"),
        ((LEDGER + loss("08/30/2025") + "08/31/2025,X1,B1").encode(), "FILE_TRUNCATED"),
        (LEDGER.encode() + b"x" * (2 << 20), "LINE_TOO_LONG"),
        (LEDGER.encode() + b"\0\n", "FILE_NOT_TEXT"),
        (
            (LEDGER + loss("08/30/2025", title="Kännchen")).encode()
            + loss("08/31/2025", title="Käse").encode("cp1252"),
            "ENCODING_MIXED",
        ),
    ],
)
def test_unusable_files_are_refused_whole(store: Path, content: bytes, reason: str) -> None:
    result = bring(store, "file.csv", content)
    assert [each.reason for each in result.refused] == [reason]
    assert result.refused[0].message.startswith("file.csv: ")
    assert not rows(store, "ledger")


def test_a_report_of_another_kind_is_refused(store: Path) -> None:
    path = store.parent / "ledger.csv"
    path.write_text(LEDGER + loss("08/30/2025"), encoding="utf-8")
    result = import_paths(store, "A1", [path], AS_OF, kind="returns")
    assert [each.reason for each in result.refused] == ["REPORT_OF_OTHER_KIND"]
    assert "looks like Inventory Ledger" in result.refused[0].message


def test_money_is_exact_or_refused(store: Path) -> None:
    def line(number: int, currency: str, amount: str) -> str:
        return (
            f"2025-08-{number:02}T10:00:00+00:00,P{number},,,Lost_Warehouse,MUG,X1,B1,Mug,,"
            f'{currency},"{amount}","{amount}",1,0,1\n'
        )

    given = [
        ("EUR", "1234.50"), ("EUR", "1234,50"), ("USD", "1,234.50"), ("EUR", "1.234,50"),
        ("JPY", "1,234"), ("KWD", "1.234"), ("EUR", "1.005"), ("EUR", "1,234"), ("XYZ", "1.00"),
    ]  # fmt: skip
    text = REIMBURSEMENTS + "".join(line(20 + at, *each) for at, each in enumerate(given))
    result = bring(store, "r.csv", text)
    with Store(store) as opened:
        files = [str(store / each.path) for each in opened.files("A1", "reimbursements")]
    minor = duckdb.execute(
        "SELECT total_minor FROM read_parquet(?) ORDER BY approval_date", [files]
    ).fetchall()
    assert [each[0] for each in minor] == [123450] * 4 + [1234, 1234]
    assert [each.reason for each in result.rejected] == ["MONEY", "MONEY", "CURRENCY"]


def test_unknown_codes_are_kept_counted_and_told(store: Path) -> None:
    result = bring(store, "l.csv", LEDGER + loss("08/30/2025").replace(",M,", ",Z9,"))
    assert result.unknown_codes == {("ledger", "Z9"): 1}
    assert len(rows(store, "ledger")) == 1


def test_archives_and_folders(store: Path) -> None:
    folder = store.parent / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "reports.zip", "w") as archive:
        archive.writestr("deep/ledger.csv", LEDGER + loss("08/30/2025"))
    (folder / "broken.zip").write_bytes(b"PK\3\4 no archive")
    result = import_paths(store, "A1", [folder / "reports.zip", folder / "broken.zip"], AS_OF)
    assert [each.name for each in result.reports] == ["reports.zip/deep/ledger.csv"]
    assert [each.reason for each in result.refused] == ["ARCHIVE_BROKEN"]


def test_a_crash_leaves_all_or_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(store, "a.csv", LEDGER + loss("08/30/2025"))
    before = rows(store, "ledger")

    def stop(*given: object) -> object:
        stage(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("engine.claims.imports.stage", stop)
        with pytest.raises(KeyboardInterrupt):
            bring(store, "b.csv", LEDGER + loss("08/30/2025", "R2") * 2)
    assert rows(store, "ledger") == before
    bring(store, "b.csv", LEDGER + loss("08/30/2025", "R2") * 2)
    assert len(rows(store, "ledger")) == 2


def test_one_writer_at_a_time(store: Path) -> None:
    with (
        Store(store) as opened,
        opened.writing(),
        pytest.raises(LimitError, match="another import or audit"),
    ):
        bring(store, "a.csv", LEDGER)


def test_a_claim_lives_on(store: Path) -> None:
    """Found, filed once its window is open, paid, taken back; the same audit changes nothing."""
    text = LEDGER + loss("07/20/2025") + loss("08/31/2025", "R2")
    bring(store, "l.csv", text)
    line = (
        "2025-08-30T10:00:00+00:00,P1,C1,,Lost_Warehouse,CUP,X2,B2,Cup,,EUR,4.00,4.00,1,0,1\n"
        "2025-06-30T10:00:00+00:00,P0,,,Lost_Warehouse,CUP,X2,B2,Cup,,EUR,4.00,4.00,1,0,1\n"
    )
    bring(store, "r.csv", REIMBURSEMENTS + line)
    first = audit.run(store, AS_OF)
    assert audit.run(store, AS_OF) == first
    ready = next(each for each in first.claims if each.subject_key["reference_id"] == "R1")
    assert ready.state == "ready"
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        with pytest.raises(InputError, match="case id"):
            ledger.update(ready.claim_id, "filed", AS_OF)
        with pytest.raises(StateError, match="may be filed from"):
            ledger.update(ready.claim_id, "filed", date(2025, 9, 19), case_id="C1")
        with pytest.raises(StateError, match="cannot become paid"):
            ledger.update(ready.claim_id, "paid", AS_OF)
        ledger.update(ready.claim_id, "filed", AS_OF, case_id="C1")
    audit.run(store, AS_OF)
    with Store(store) as opened:
        ledger = Ledger(opened)
        assert ledger.get(ready.claim_id).state == "paid"
        assert [each.state for each in ledger.timeline(ready.claim_id)] == [
            "ready", "filed", "paid",
        ]  # fmt: skip


def test_filings_of_a_day_are_limited(store: Path) -> None:
    losses = "".join(loss("07/20/2025", f"R{number}") for number in range(100, 121))
    bring(store, "l.csv", LEDGER + losses + loss("08/31/2025", "R2"))
    bring(store, "r.csv", REIMBURSEMENTS.replace("\n", "\n", 1) + PAID_LONG_AGO)
    ready = [each for each in audit.run(store, AS_OF).claims if each.state == "ready"]
    assert len(ready) == 21
    with Store(store) as opened, opened.writing():
        ledger = Ledger(opened)
        for each in ready[:20]:
            ledger.update(each.claim_id, "filed", AS_OF, case_id=each.claim_id)
        with pytest.raises(LimitError, match="20 cases were filed today"):
            ledger.update(ready[20].claim_id, "filed", AS_OF, case_id="C")


PAID_LONG_AGO = (
    "2025-08-30T10:00:00+00:00,P1,,,Lost_Warehouse,CUP,X2,B2,Cup,,EUR,4.00,4.00,1,0,1\n"
    "2025-06-30T10:00:00+00:00,P0,,,Lost_Warehouse,CUP,X2,B2,Cup,,EUR,4.00,4.00,1,0,1\n"
)


@pytest.mark.parametrize(
    ("approved", "currency", "day"),
    [
        ("2025-10-01T21:59:59+00:00", "EUR", date(2025, 10, 1)),
        ("2025-10-01T22:00:00Z", "EUR", date(2025, 10, 2)),
        ("2026-01-01T23:40:00+0000", "EUR", date(2026, 1, 2)),
        ("2026-01-01T23:40:00+00:00", "GBP", date(2026, 1, 1)),
        ("2025-08-02T06:59:00+00:00", "USD", date(2025, 8, 1)),
        ("2025-08-01T23:40:00-07:00", "USD", date(2025, 8, 1)),
        ("2025-08-01T15:00:00+00:00", "JPY", date(2025, 8, 2)),
        ("2025-08-01T23:40:00", "EUR", date(2025, 8, 1)),
        ("2025-08-01T23:40:00+00:00", "CHF", date(2025, 8, 1)),
    ],
)
def test_an_approval_is_of_the_local_day_of_its_region(
    store: Path, approved: str, currency: str, day: date
) -> None:
    text = f"{approved},P1,,,Lost_Warehouse,MUG,X1,B1,Mug,New,{currency},4,4,1,0,1\n"
    result = bring(store, "reimbursements.csv", REIMBURSEMENTS + text, date(2026, 2, 1))
    assert (result.reports[0].rows, result.reports[0].first) == (1, day)


SETTLEMENT = (
    "settlement-id\tsettlement-start-date\tsettlement-end-date\tdeposit-date\ttotal-amount\t"
    "currency\ttransaction-type\torder-id\tmarketplace-name\tamount-type\tamount-description\t"
    "amount\tfulfillment-id\tposted-date\torder-item-code\tsku\tquantity-purchased\n"
)


def settlement(identity: str) -> str:
    """A settlement of one line, which is its head."""
    return SETTLEMENT + f"{identity}\t2025-08-01\t2025-08-14\t\t1.00\tEUR" + "\t" * 11 + "\n"


def test_a_settlement_is_replaced_without_opening_files_of_others(store: Path) -> None:
    for identity in ("100", "102", "104"):
        bring(store, f"{identity}.txt", settlement(identity))
    with Store(store) as opened:
        first, second, third = (each.path for each in opened.files("A1", "settlement"))
    for other in (first, third):
        (store / other).write_bytes(b"cannot be opened")
    again = bring(store, "again.txt", settlement("102"))
    assert (again.refused, again.reports[0].replaced) == ([], 1)
    with Store(store) as opened:
        left = {each.path for each in opened.files("A1", "settlement")}
    assert len(left) == 3
    assert {first, third} < left
    assert second not in left


def test_storage_fees_of_a_month_replace_those_of_the_same_month(store: Path) -> None:
    head = "".join(f"{each.names[0]}\t" for each in REPORTS["storage_fees"].columns).rstrip("\t")
    names = [each.name for each in REPORTS["storage_fees"].columns]

    def fees(month: str) -> str:
        cells = {"month": month, "country": "DE", "currency": "EUR"}
        filled = {each.name for each in REPORTS["storage_fees"].columns if each.filled}
        row = [cells.get(name, "1" if name in filled else "") for name in names]
        return head + "\n" + "\t".join(row) + "\n"

    bring(store, "june.txt", fees("2025-06"))
    bring(store, "july.txt", fees("2025-07"))
    again = bring(store, "again.txt", fees("2025-06"))
    assert (again.rejected, again.refused, again.reports[0].replaced) == ([], [], 1)
    assert len(rows(store, "storage_fees")) == 2


def test_the_lists_of_the_manual_are_recognised() -> None:
    lines = MANUAL.read_text(encoding="utf-8").splitlines()
    start = lines.index("| list | columns |")
    rows = [line.strip("| ").split(" | ") for line in lines[start + 2 : start + 9]]
    found = {title: recognise(columns.split(", "))[0] for title, columns in rows}
    assert {title: spec and spec.title.lower() for title, spec in found.items()} == {
        "sourcing costs": "sourcing costs",
        "measured dimensions": "measured dimensions",
        "categories": "referral categories",
        "removals received": "removals received",
        "tracking": "tracking of removals",
        "cases filed elsewhere": "cases filed elsewhere",
        "documents at hand": "documents at hand",
    }
