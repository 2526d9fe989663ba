"""Bad input through the service: a clear answer each time, nothing half done, nothing lost."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from repriced.v1 import claims_pb2, claims_pb2_grpc
from server.app import App
from server.config import parse

TODAY = datetime.now(UTC).date()
LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity\n"
)
PAID = (
    "approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,fnsku,asin,currency-unit,"
    "amount-per-unit,amount-total,quantity-reimbursed-cash,quantity-reimbursed-inventory\n"
)
LOST_ON = f"{TODAY - timedelta(days=40):%m/%d/%Y}"
ROW = LOST_ON + ",X1,B1,MUG,Mug,Adjustments,R1,-2,LEJ1,SELLABLE,M,DE,0,2\n"
BAD_FILES = {
    "FILE_TRUNCATED": (LEDGER + ROW * 3 + ROW[:40]).encode(),
    "ENCODING_MIXED": LEDGER.encode()
    + ROW.replace("Mug", "Café").encode()
    + ROW.replace("Mug", "Café").encode("cp1252"),
    "LINE_TOO_LONG": LEDGER.encode() + b"x" * (2 << 20),
    "FILE_NOT_TEXT": LEDGER.encode() + bytes(64),
    "FILE_EMPTY": b"",
    "REPORT_UNKNOWN": b"a,b,c\n1,2,3\n",
}
BAD_ROWS = {
    "DATE": LEDGER + ROW + "02/30/2025" + ROW[10:],
    "QUANTITY": LEDGER + ROW + ROW.replace(",-2,", ",-99999999999999999999,"),
    "COUNT": LEDGER + ROW + ROW.replace(",0,2\n", ",0,two\n"),
    "NEGATIVE": LEDGER + ROW + ROW.replace(",0,2\n", ",0,-2\n"),
    "BLANK": LEDGER + ROW + ROW.replace(",X1,", ",,"),
    "MALFORMED": LEDGER + ROW + "too,few\n",
    "CURRENCY": PAID + f"{TODAY},P1,,,Lost_Warehouse,MUG,X1,B1,XQZ,4,4,1,0\n",
    "MONEY": PAID + f"{TODAY},P1,,,Lost_Warehouse,MUG,X1,B1,EUR,4,4.001,1,0\n",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with a store of claims of its own."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    running = App(
        parse(
            '[server]\nlisten = "127.0.0.1:0"\nmetrics_listen = "127.0.0.1:0"\n'
            f'drain_seconds = 2\n[journal]\nmode = "off"\n[claims]\nstore = "{folder}/store"\n'
        )
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stub(app: App) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield claims_pb2_grpc.ClaimsServiceStub(channel)


def new_id() -> str:
    return str(uuid4())


def bring(stub: Any, content: bytes, **head: str) -> Any:
    """The last answer to an import."""
    facts = {
        "seller_id": "A1", "file_name": "report.csv", "request_id": new_id(),
        "first_day": f"{TODAY - timedelta(days=90)}", "last_day": f"{TODAY}",
    } | head  # fmt: skip
    requests = [claims_pb2.ImportReportsRequest(head=claims_pb2.ImportHead(**facts))]
    requests += [
        claims_pb2.ImportReportsRequest(content=content[at : at + 50_000])
        for at in range(0, len(content), 50_000)
    ]
    return list(stub.ImportReports(iter(requests), timeout=120))[-1]


def claims_of(stub: Any) -> list[tuple[str, str]]:
    listed = stub.ListClaims(claims_pb2.ListClaimsRequest()).claims
    return [(each.claim_id, each.state) for each in listed]


@pytest.mark.parametrize("reason", BAD_FILES)
def test_a_file_that_cannot_be_used_changes_nothing(stub: Any, reason: str) -> None:
    before = claims_of(stub)
    answer = bring(stub, BAD_FILES[reason])
    assert [(each.reason, each.row_count) for each in answer.files] == [(reason, 0)]
    assert answer.files[0].message.startswith("report.csv: ")
    assert claims_of(stub) == before


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_row_that_cannot_be_read_is_named_and_the_others_go_on(stub: Any, reason: str) -> None:
    answer = bring(stub, BAD_ROWS[reason].encode())
    (row,) = answer.rejected
    assert (row.reason, row.file, row.line) == (
        reason,
        "report.csv",
        3 - ("P1" in BAD_ROWS[reason]),
    )
    assert row.message
    assert "MUG" not in row.message


@pytest.mark.parametrize(
    ("head", "field"),
    [
        ({"seller_id": "../../etc"}, "seller_id"),
        ({"seller_id": ""}, "seller_id"),
        ({"file_name": ""}, "file_name"),
        ({"file_name": ".."}, "file_name"),
        ({"file_name": "a\0b"}, "file_name"),
        ({"file_name": "x" * 300}, "file_name"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"first_day": "2025-02-30"}, "first_day"),
        ({"last_day": ""}, "first_day"),
        ({"first_day": f"{TODAY}", "last_day": "2025-01-01"}, "covers"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "7"}, "request_id"),
    ],
)
def test_a_bad_head_is_refused_by_its_field(stub: Any, head: dict[str, str], field: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        bring(stub, (LEDGER + ROW).encode(), **head)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in refused.value.details()


def test_the_store_is_for_the_server_alone(app: App, stub: Any) -> None:
    bring(stub, (LEDGER + ROW).encode())
    folder = Path(app.config.claims.store)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_name_with_folders_stays_in_its_folder(app: App, stub: Any) -> None:
    answer = bring(stub, (LEDGER + ROW).encode(), file_name="../../../tmp/evil\\..\\x.csv")
    assert [each.name for each in answer.files] == ["x.csv"]


def test_audits_and_imports_that_overlap_agree_or_are_told_to_come_back(stub: Any) -> None:
    bring(stub, (LEDGER + ROW).encode())
    bring(stub, PAID.encode())

    def audit(_: int) -> str:
        request = claims_pb2.RunAuditRequest(request_id=new_id())
        try:
            return str(list(stub.RunAudit(request, timeout=120))[-1].claims_by_state)
        except grpc.RpcError as error:
            call: Any = error
            assert call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "try again" in call.details()
            return ""

    with ThreadPoolExecutor(4) as pool:
        told = {each for each in pool.map(audit, range(4)) if each}
    assert told == {audit(0)}
    assert [state for _, state in claims_of(stub)] == ["ready"]
