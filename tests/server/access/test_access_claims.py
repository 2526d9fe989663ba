"""One seller's caller sees no claim of another seller, and moves none, by any call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from access_server import Guarded, caller, serve

from repriced.v1 import catalog_pb2, claims_pb2, claims_pb2_grpc
from server.access.caller import Role
from server.access.roles import ROLES
from tests.server.conftest import request_id

MINE, THEIRS, NOBODY = "AMINE", "ATHEIRS", "ANOBODY"
CLAIMS = "/repriced.v1.ClaimsService/"
NO_CLAIM = "0" * 20
LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity\n"
    "{day},X1,B1,MUG,Mug,Adjustments,R1,-2,LEJ1,SELLABLE,M,DE,0,2\n"
)
Stub = claims_pb2_grpc.ClaimsServiceStub


def bring(stub: Any, seller_id: str) -> Any:
    """Imports a small ledger and gives the last answer."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=90)
    head = claims_pb2.ImportHead(
        seller_id=seller_id, file_name="ledger.csv", first_day=f"{first}", last_day=f"{today}"
    )
    text = LEDGER.format(day=(today - timedelta(days=40)).strftime("%m/%d/%Y"))
    requests = [
        claims_pb2.ImportReportsRequest(head=head),
        claims_pb2.ImportReportsRequest(content=text.encode()),
    ]
    return list(stub.ImportReports(iter(requests), timeout=120))[-1]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder: Path = tmp_path_factory.mktemp("claims")
    yield from serve(folder, f'[claims]\nstore = "{folder}/store"\n')


@pytest.fixture(scope="module")
def everybody(guarded: Guarded) -> Any:
    """The caller of all sellers, who has brought in a claim of THEIRS."""
    stub = Stub(guarded.as_caller(caller("all", roles=frozenset({Role.ADMIN}))).channel)
    bring(stub, THEIRS)
    list(stub.RunAudit(claims_pb2.RunAuditRequest(), timeout=120))
    return stub


@pytest.fixture(scope="module")
def mine(guarded: Guarded) -> Any:
    """The caller of MINE only, with every role."""
    return Stub(guarded.as_caller(caller("mine", MINE, roles=frozenset({Role.ADMIN}))).channel)


def told(ask: Callable[[], Any]) -> str:
    """All that a call says: the answer, or code and message."""
    try:
        answer = ask()
    except grpc.RpcError as error:
        call: Any = error
        return f"{call.code()} {call.details()}"
    return str(answer)


BY_SELLER: dict[str, Callable[[Any, str], Any]] = {
    "ImportReports": bring,
    "RunAudit": lambda stub, seller: list(
        stub.RunAudit(claims_pb2.RunAuditRequest(seller_id=seller), timeout=120)
    ),
    "ListClaims": lambda stub, seller: stub.ListClaims(
        claims_pb2.ListClaimsRequest(seller_id=seller)
    ),
    "ExportClaims": lambda stub, seller: list(
        stub.ExportClaims(claims_pb2.ExportClaimsRequest(seller_id=seller))
    ),
}
BY_CLAIM: dict[str, Callable[[Any, str], Any]] = {
    "GetClaim": lambda stub, claim: stub.GetClaim(claims_pb2.GetClaimRequest(claim_id=claim)),
    "UpdateClaim": lambda stub, claim: stub.UpdateClaim(
        claims_pb2.UpdateClaimRequest(claim_id=claim, state="filed", case_id="C1")
    ),
    "AttachDocument": lambda stub, claim: stub.AttachDocument(
        claims_pb2.AttachDocumentRequest(claim_id=claim, kind="invoice", name="a.pdf", content=b"x")
    ),
}


def test_every_method_is_tried() -> None:
    methods = {each.removeprefix(CLAIMS) for each in ROLES if each.startswith(CLAIMS)}
    assert set(BY_SELLER) | set(BY_CLAIM) == methods


@pytest.mark.parametrize("method", BY_SELLER)
def test_a_foreign_seller_is_an_unknown_one(everybody: Any, mine: Any, method: str) -> None:
    theirs = told(lambda: BY_SELLER[method](mine, THEIRS))
    nobody = told(lambda: BY_SELLER[method](mine, NOBODY))
    assert theirs.replace(THEIRS, "X") == nobody.replace(NOBODY, "X")


@pytest.mark.parametrize("method", BY_CLAIM)
def test_a_foreign_claim_is_an_unknown_one(everybody: Any, mine: Any, method: str) -> None:
    request = claims_pb2.ListClaimsRequest(seller_id=THEIRS)
    before = everybody.ListClaims(request)
    (claim,) = before.claims
    theirs = told(lambda: BY_CLAIM[method](mine, claim.claim_id))
    nobody = told(lambda: BY_CLAIM[method](mine, NO_CLAIM))
    assert theirs.replace(claim.claim_id, "X") == nobody.replace(NO_CLAIM, "X")
    assert everybody.ListClaims(request) == before


def test_lists_without_a_seller_hold_only_what_is_mine(everybody: Any, mine: Any) -> None:
    assert not mine.ListClaims(claims_pb2.ListClaimsRequest()).claims
    pieces = list(mine.ExportClaims(claims_pb2.ExportClaimsRequest()))
    assert b"X1" not in b"".join(each.content for each in pieces)
    assert everybody.ListClaims(claims_pb2.ListClaimsRequest()).claims


def test_nobody_exports_or_erases_anothers_claims(everybody: Any, guarded: Guarded) -> None:
    catalog = guarded.as_caller(caller("leaver", MINE, roles=frozenset({Role.ADMIN}))).catalog
    request = claims_pb2.ListClaimsRequest(seller_id=THEIRS)
    before = everybody.ListClaims(request)
    for seller in (THEIRS, NOBODY):
        with pytest.raises(grpc.RpcError) as unknown:
            list(catalog.ExportSeller(catalog_pb2.ExportSellerRequest(seller_id=seller)))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        erase = catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id=seller)
        assert [each.reason for each in catalog.EraseSeller(erase).errors] == ["UNKNOWN_SELLER"]
    assert everybody.ListClaims(request) == before
