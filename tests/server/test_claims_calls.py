"""ClaimsService on a real server: a report in, claims out, one of them filed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import grpc
import pytest

from engine.claims.store import BUSY_MS, Store
from repriced.v1 import claims_pb2, claims_pb2_grpc, event_pb2, event_pb2_grpc
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
SHIPPED = (
    "request-date,order-id,shipment-date,sku,fnsku,disposition,shipped-quantity,carrier,"
    "tracking-number,removal-order-type\n"
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


def new_id() -> str:
    return str(uuid4())


def bring(
    stub: claims_pb2_grpc.ClaimsServiceStub, name: str, text: str, request_id: str = ""
) -> list[claims_pb2.ImportReportsResponse]:
    head = claims_pb2.ImportHead(
        seller_id="A1",
        file_name=name,
        first_day=(TODAY - timedelta(days=90)).isoformat(),
        last_day=TODAY.isoformat(),
        request_id=request_id or new_id(),
    )
    raw = text.encode()
    pieces = [raw[at : at + 100] for at in range(0, len(raw), 100)]
    requests = [
        claims_pb2.ImportReportsRequest(head=head),
        *(claims_pb2.ImportReportsRequest(content=each) for each in pieces),
    ]
    return list(stub.ImportReports(iter(requests), timeout=120))


def run_audit(stub: claims_pb2_grpc.ClaimsServiceStub) -> list[claims_pb2.RunAuditResponse]:
    return list(stub.RunAudit(claims_pb2.RunAuditRequest(request_id=new_id()), timeout=120))


def test_a_report_becomes_a_filed_claim(app: App, stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    day = (TODAY - timedelta(days=40)).strftime("%m/%d/%Y")
    line = f"{day},X1,B1,MUG,Mug,Adjustments,R{{}},-2,LEJ1,SELLABLE,M,DE,0,2\n"
    answers = bring(stub, "ledger.csv", HEADER + line.format(1) + line.format(2) + "broken\n")
    files = answers[-1].files
    assert [(each.kind, each.row_count, each.rejected_count) for each in files] == [
        ("ledger", 2, 1)
    ]
    assert [each.reason for each in answers[-1].rejected] == ["MALFORMED"]
    paid = bring(stub, "paid.csv", PAID + f"{TODAY},P1,,,Odd_Word,CUP,X9,B9,EUR,1,1,1,0\n")
    assert [(each.code, each.row_count) for each in paid[-1].unknown_codes] == [("Odd_Word", 1)]
    unsure = run_audit(stub)[-1]
    assert dict(unsure.claims_by_state) == {"blocked": 2}, "the broken row may be the found unit"
    bring(stub, "ledger.csv", HEADER + line.format(1) + line.format(2))
    steps = run_audit(stub)
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert dict(steps[-1].claims_by_state) == {"ready": 2}
    blind = {each.rule: list(each.lacks) for each in steps[-1].blind_rules}
    assert "returns: FBA Customer Returns is not imported" in blind["return_missing"]
    assert "warehouse_lost" not in blind
    totals = {each.state: (each.claim_count, each.units) for each in steps[-1].totals}
    assert totals == {"ready": (2, 4), "blocked": (0, 0), "expired": (0, 0),
                      "paid_proactively": (0, 0)}  # fmt: skip

    first = stub.ListClaims(claims_pb2.ListClaimsRequest(page_size=1, states=["ready"]))
    rest = stub.ListClaims(
        claims_pb2.ListClaimsRequest(
            page_size=1, states=["ready"], page_token=first.next_page_token
        )
    )
    assert len({first.claims[0].claim_id, rest.claims[0].claim_id}) == 2
    assert not rest.next_page_token
    none = stub.ListClaims(claims_pb2.ListClaimsRequest(states=["blocked"]))
    assert not none.claims
    assert {each.state: each.claim_count for each in none.totals}["ready"] == 2
    found = stub.ListClaims(claims_pb2.ListClaimsRequest(search="r2")).claims
    assert [each.subject_key["reference_id"] for each in found] == ["R2"]
    assert not found[0].HasField("amount_minor")

    claim_id = found[0].claim_id
    case = stub.GetClaim(claims_pb2.GetClaimRequest(claim_id=claim_id)).case
    assert (case.language, list(case.claim_ids), case.appeal) == ("de", [claim_id], False)
    stub.AttachDocument(
        claims_pb2.AttachDocumentRequest(
            claim_id=claim_id, kind="invoice", name="a.pdf", content=b"x", request_id=new_id()
        )
    )
    filing = claims_pb2.UpdateClaimRequest(
        claim_id=claim_id, state="filed", case_id="C1", request_id=new_id()
    )
    filed = stub.UpdateClaim(filing).claim
    assert (filed.state, filed.case_id) == ("filed", "C1")
    timeline = stub.GetClaim(claims_pb2.GetClaimRequest(claim_id=claim_id)).timeline
    assert [each.state for each in timeline] == ["blocked", "ready", "ready", "filed"]
    assert stub.UpdateClaim(filing).claim == filed, "a repeat gets the first answer"
    filing.case_id = "C2"
    with pytest.raises(grpc.RpcError) as other:
        stub.UpdateClaim(filing)
    assert other.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert len(stub.GetClaim(claims_pb2.GetClaimRequest(claim_id=claim_id)).timeline) == 4
    table = b"".join(each.content for each in stub.ExportClaims(claims_pb2.ExportClaimsRequest()))
    assert table.count(b"warehouse_lost") == 2
    with urlopen(f"http://127.0.0.1:{app.metrics_port}/metrics") as page:
        metrics = page.read().decode()
    assert 'repriced_claims_open{type="warehouse_lost"} 2.0' in metrics


def test_a_repeated_import_or_audit_is_not_done_again(
    app: App, stub: claims_pb2_grpc.ClaimsServiceStub
) -> None:
    name = new_id()
    first = bring(stub, "paid.csv", PAID, name)
    again = bring(stub, "paid.csv", PAID, name)
    assert again == [first[-1]]
    with pytest.raises(grpc.RpcError) as other:
        bring(stub, "paid.csv", PAID + "\n", name)
    assert other.value.code() == grpc.StatusCode.ALREADY_EXISTS
    request = claims_pb2.RunAuditRequest(request_id=new_id())
    whole = list(stub.RunAudit(request, timeout=120))
    assert len(whole) > 1
    assert list(stub.RunAudit(request, timeout=120)) == [whole[-1]]
    with pytest.raises(grpc.RpcError) as nameless:
        list(stub.RunAudit(claims_pb2.RunAuditRequest(), timeout=120))
    assert nameless.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_repeat_in_flight_waits_for_the_first(stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    request = claims_pb2.RunAuditRequest(request_id=new_id())
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: list(stub.RunAudit(request, timeout=120))[-1], range(4)))
    assert told == [told[0]] * 4


def test_alerts_are_watched(app: App, stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    old = (TODAY - timedelta(days=55)).strftime("%m/%d/%Y")
    line = f"{old},X5,B5,JUG,Jug,Adjustments,R5,-2,LEJ1,SELLABLE,M,DE,0,2\n"
    bring(stub, "ledger.csv", HEADER + line)
    bring(stub, "paid.csv", PAID + f"{TODAY},P1,,,Odder_Word,CUP,X9,B9,EUR,1,1,1,0\n")
    run_audit(stub)
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        events = event_pb2_grpc.EventServiceStub(channel)
        stream = events.WatchEvents(event_pb2.WatchEventsRequest(after_alert_id=0), timeout=60)
        first = next(stream)
        kinds = [event_pb2.ClaimAlert.Name(each.claim_alert) for each in first.events]
        assert "CLAIM_ALERT_DEADLINE_NEAR" in kinds
        assert "CLAIM_ALERT_UNKNOWN_CODE" in kinds
        deadline = next(each for each in first.events if each.claim_id)
        assert "closes on" in deadline.message
        assert deadline.event_id == 0
        bring(stub, "paid.csv", PAID + f"{TODAY},P1,,,Newest_Word,CUP,X9,B9,EUR,1,1,1,0\n")
        (live,) = next(stream).events
        assert "Newest_Word" in live.message
        ahead = event_pb2.WatchEventsRequest(after_alert_id=10**6)
        with pytest.raises(grpc.RpcError) as future:
            next(events.WatchEvents(ahead, timeout=60))
        assert future.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_refusals(stub: claims_pb2_grpc.ClaimsServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as unknown:
        stub.GetClaim(claims_pb2.GetClaimRequest(claim_id="nothing"))
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as nameless:
        list(stub.ImportReports(iter([claims_pb2.ImportReportsRequest()]), timeout=30))
    assert nameless.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_change_waits_for_an_audit_that_is_writing(
    app: App, stub: claims_pb2_grpc.ClaimsServiceStub
) -> None:
    day = (TODAY - timedelta(days=41)).strftime("%m/%d/%Y")
    line = f"{day},X6,B6,PAN,Pan,Adjustments,R6,-1,LEJ1,SELLABLE,M,DE,0,1\n"
    bring(stub, "ledger.csv", HEADER + line)
    run_audit(stub)
    (claim,) = stub.ListClaims(claims_pb2.ListClaimsRequest(search="PAN")).claims
    request = claims_pb2.AttachDocumentRequest(
        claim_id=claim.claim_id, kind="photos", name="a.png", content=b"x", request_id=new_id()
    )
    with Store(Path(app.config.claims.store)) as store, ThreadPoolExecutor(1) as pool:
        with store.writing():
            waiting = pool.submit(stub.AttachDocument, request, timeout=60)
            with pytest.raises(FutureTimeout):
                waiting.result(timeout=BUSY_MS / 1000 + 0.5)
        assert waiting.result().claim.claim_id == claim.claim_id
        request.request_id = new_id()
        with store.writing(), pytest.raises(grpc.RpcError) as refused:
            stub.AttachDocument(request, timeout=2)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_case_is_refused_before_its_window_opens(
    stub: claims_pb2_grpc.ClaimsServiceStub,
) -> None:
    shipped = TODAY - timedelta(days=3)
    bring(
        stub, "shipped.csv", SHIPPED + f"{shipped},RO1,{shipped},BOX,X7,SELLABLE,2,UPS,T1,Return\n"
    )
    bring(stub, "tracking.csv", f"tracking,status,date\nT1,lost,{TODAY}\n")
    run_audit(stub)
    (claim,) = stub.ListClaims(claims_pb2.ListClaimsRequest(rules=["removal_lost"])).claims
    wanted = claims_pb2.GetClaimRequest(claim_id=claim.claim_id, case_wanted=True)
    assert claim.open_date > TODAY.isoformat()
    for call, request in (
        (stub.GetClaim, wanted),
        (stub.UpdateClaim, claims_pb2.UpdateClaimRequest(
            claim_id=claim.claim_id, state="filed", case_id="C9", request_id=new_id())),
    ):  # fmt: skip
        with pytest.raises(grpc.RpcError) as early:
            call(request)
        assert early.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert f"may be filed from {claim.open_date}" in early.value.details()
    wanted.case_wanted = False
    assert not stub.GetClaim(wanted).HasField("case")
