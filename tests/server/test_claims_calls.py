"""ClaimsService on a real server: a report in, claims out, one of them filed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest

from repriced.v1 import claims_pb2, claims_pb2_grpc
from server.app import App
from server.config import parse

HEADER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity\n"
)
PAID = (
    "approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,fnsku,asin,currency-unit,"
    "amount-per-unit,amount-total,quantity-reimbursed-cash,quantity-reimbursed-inventory\n"
)
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with a store of claims of its own."""
    folder: Path = tmp_path_factory.mktemp("claims")
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
def stub(app: App) -> Iterator[claims_pb2_grpc.ClaimsServiceStub]:
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield claims_pb2_grpc.ClaimsServiceStub(channel)


def bring(
    stub: claims_pb2_grpc.ClaimsServiceStub, name: str, text: str
) -> list[claims_pb2.ImportReportsResponse]:
    head = claims_pb2.ImportHead(
        seller_id="A1",
        file_name=name,
        first_day=(TODAY - timedelta(days=90)).isoformat(),
        last_day=TODAY.isoformat(),
    )
    raw = text.encode()
    pieces = [raw[at : at + 100] for at in range(0, len(raw), 100)]
    requests = [
        claims_pb2.ImportReportsRequest(head=head),
        *(claims_pb2.ImportReportsRequest(content=each) for each in pieces),
    ]
    return list(stub.ImportReports(iter(requests), timeout=120))


def test_a_report_becomes_a_filed_claim(app: App, stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    day = (TODAY - timedelta(days=40)).strftime("%m/%d/%Y")
    line = f"{day},X1,B1,MUG,Mug,Adjustments,R{{}},-2,LEJ1,SELLABLE,M,DE,0,2\n"
    answers = bring(stub, "ledger.csv", HEADER + line.format(1) + line.format(2) + "broken\n")
    files = answers[-1].files
    assert [(each.kind, each.row_count, each.rejected_count) for each in files] == [
        ("ledger", 2, 1)
    ]
    assert [each.reason for each in answers[-1].rejected] == ["MALFORMED"]
    bring(stub, "paid.csv", PAID)
    steps = list(stub.RunAudit(claims_pb2.RunAuditRequest(), timeout=120))
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert dict(steps[-1].claims_by_state) == {"ready": 2}

    first = stub.ListClaims(claims_pb2.ListClaimsRequest(page_size=1, states=["ready"]))
    rest = stub.ListClaims(
        claims_pb2.ListClaimsRequest(
            page_size=1, states=["ready"], page_token=first.next_page_token
        )
    )
    assert len({first.claims[0].claim_id, rest.claims[0].claim_id}) == 2
    assert not rest.next_page_token
    found = stub.ListClaims(claims_pb2.ListClaimsRequest(search="r2")).claims
    assert [each.subject_key["reference_id"] for each in found] == ["R2"]
    assert not found[0].HasField("amount_minor")

    claim_id = found[0].claim_id
    stub.AttachDocument(
        claims_pb2.AttachDocumentRequest(
            claim_id=claim_id, kind="invoice", name="a.pdf", content=b"x"
        )
    )
    filed = stub.UpdateClaim(
        claims_pb2.UpdateClaimRequest(claim_id=claim_id, state="filed", case_id="C1")
    ).claim
    assert (filed.state, filed.case_id) == ("filed", "C1")
    timeline = stub.GetClaim(claims_pb2.GetClaimRequest(claim_id=claim_id)).timeline
    assert [each.state for each in timeline] == ["ready", "ready", "filed"]
    table = b"".join(each.content for each in stub.ExportClaims(claims_pb2.ExportClaimsRequest()))
    assert table.count(b"warehouse_lost") == 2
    with urlopen(f"http://127.0.0.1:{app.metrics_port}/metrics") as page:
        metrics = page.read().decode()
    assert 'repriced_claims_open{type="warehouse_lost"} 2.0' in metrics


def test_refusals(stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as unknown:
        stub.GetClaim(claims_pb2.GetClaimRequest(claim_id="nothing"))
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as nameless:
        list(stub.ImportReports(iter([claims_pb2.ImportReportsRequest()]), timeout=30))
    assert nameless.value.code() == grpc.StatusCode.INVALID_ARGUMENT
