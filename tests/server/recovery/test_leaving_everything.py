"""A seller leaves every store of the data directory: at once, and after a kill in the middle."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from engine.claims.store import Store as ClaimsStore
from engine.insights.history import History
from engine.journal.retention import DAY_MS
from engine.journal.snapshots import list_snapshots
from repriced.v1 import catalog_pb2
from server.access.store import Store
from tests.server.conftest import request_id
from tests.server.recovery.full_house import (
    ALONE,
    DOCUMENT,
    GONE,
    SKU,
    STAYS,
    bring_claims,
    calling,
    enter,
    fill,
    running,
    traces,
)
from tests.server.recovery.shards import open_shard
from tests.server.recovery.test_leaving import keep_house

KEPT_FOR_A_WHILE = ("journal-", "snapshot-")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The directory of a stopped server, and the tokens of its callers."""
    data = tmp_path_factory.mktemp("house") / "data"
    with running(data) as app:
        tokens = {
            "boss": enter(data, "boss"),
            ALONE: enter(data, ALONE, GONE),
            "both": enter(data, "both", GONE, STAYS),
        }
        app.access._refresh()
        fill(data, app, tokens["boss"], request_id)
        fill(data, app, tokens["both"], request_id)
        with calling(app, tokens[ALONE]) as (catalog, _):
            catalog.BatchUpsertSellers(seller_request())
    bring_claims(data)
    return data, tokens


@pytest.fixture
def house(furnished: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(furnished[0], tmp_path / "data"))


def seller_request() -> catalog_pb2.BatchUpsertSellersRequest:
    """Defines the seller that leaves."""
    seller = catalog_pb2.Seller(seller_id=GONE)
    return catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=[seller])


def erase(app: object, token: str, request: str = "") -> catalog_pb2.EraseSellerResponse:
    """Erases the seller that leaves."""
    with calling(app, token) as (catalog, _):  # type: ignore[arg-type]
        made = catalog_pb2.EraseSellerRequest(request_id=request or request_id(), seller_id=GONE)
        answer: catalog_pb2.EraseSellerResponse = catalog.EraseSeller(made)
    return answer


def test_claims_and_access_forget_at_once(
    house: Path, furnished: tuple[Path, dict[str, str]]
) -> None:
    tokens = furnished[1]
    before = traces(house)
    names = ("access.sqlite3", "claims/claims.sqlite", f"claims/reports/seller={GONE}")
    for name in (*names, "insights.sqlite3"):
        assert any(each.startswith(name) for each in before), name
    with running(house) as app:
        first = request_id()
        answer = erase(app, tokens["boss"], first)
        assert (answer.erased_listings_count, len(answer.errors)) == (1, 0)
        assert traces(house, *KEPT_FOR_A_WHILE) == []
        assert erase(app, tokens["boss"], first) == answer, "a repeat gets the first answer"
        assert [each.reason for each in erase(app, tokens["boss"]).errors] == ["UNKNOWN_SELLER"]
        app.access._refresh()
        with pytest.raises(grpc.RpcError) as refused, calling(app, tokens[ALONE]) as (catalog, _):
            catalog.ListSellers(catalog_pb2.ListSellersRequest())
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        with calling(app, tokens["both"]) as (catalog, _):
            listed = catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers
        assert [each.seller_id for each in listed] == [STAYS]
    assert_the_other_stays(house)


def assert_the_other_stays(house: Path) -> None:
    """The other seller's claims and lines are what they were; the leaver's lines have a mark."""
    with ClaimsStore(house / "claims") as store:
        for table in ("imports", "files", "coverage", "claims"):
            found = store.db.execute(f"SELECT DISTINCT seller FROM {table}").fetchall()
            assert found == [(STAYS,)], table
        (name,) = store.db.execute("SELECT name FROM attachments").fetchall()
        assert name == ("SKU-THAT-STAYS.pdf",)
        (path,) = store.db.execute("SELECT path FROM files").fetchall()
        assert (house / "claims" / str(path[0])).is_file()
        assert [each.name for each in (house / "claims" / "rejects").iterdir()] == ["2.csv"]
    history = History(house)
    assert (len(history.seen(STAYS)), len(history.answers(STAYS))) == (1, 2)
    assert not history.seen(GONE)
    history.close()
    access = Store(house / "access.sqlite3")
    lines = access.audit(100)
    access.close()
    rows = [(each.action, each.caller, json.loads(each.detail).get("first")) for each in lines]
    stopped = [first for action, _, first in rows if action == "stop"]
    (mark,) = {each for first in stopped for each in first} - {STAYS}
    assert mark.startswith("erased-")
    assert stopped == [[STAYS, mark], [STAYS, STAYS]] * 2
    assert ("define sellers", mark, [mark]) in rows
    assert ("erase seller", "boss", [mark]) in rows
    created = [json.loads(each.detail) for each in lines if each.action == "create caller"]
    assert [each["name"] for each in created] == ["boss", mark, "both"]
    assert created[2]["rights"]["sellers"] == [mark, STAYS]


def test_nothing_is_left_after_the_retention(
    house: Path, furnished: tuple[Path, dict[str, str]]
) -> None:
    """Snapshots and housekeeping every six hours: gone after eight days and one more round."""
    with running(house) as app:
        erase(app, furnished[1]["boss"])
        now_ms = app.engine.now_ms
    shard = open_shard(house, now_ms)
    verified = [each.sequence for each in list_snapshots(shard.storage)]
    for _ in range(8 * 4 + 1):
        now_ms += DAY_MS // 4
        shard.engine.pass_time(now_ms)
        keep_house(shard, verified)
    assert traces(house) == []
    shard.stop()
    with running(house) as app:
        assert STAYS in app.engine.catalog.seller_at
    assert traces(house) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("server.leaving", "Erasure.run"),
        ("server.access.audit", "Audit.forget"),
        ("engine.claims.leaving", "shutil.rmtree"),
        ("engine.claims.leaving", "forget_deleted"),
        ("engine.insights.history", "forget_log"),
        ("server.access.store", "forget_deleted"),
        ("server.leaving", "remove"),
    ],
)
def test_a_killed_erasure_is_finished_by_the_next_start(
    house: Path, furnished: tuple[Path, dict[str, str]], module: str, name: str
) -> None:
    boss = furnished[1]["boss"]
    command = [sys.executable, "-m", "tests.server.recovery.full_house", str(house), boss]
    killed = subprocess.run([*command, module, name], capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert traces(house), "the note, at least, is there"
    with running(house) as app:
        assert GONE not in app.engine.catalog.seller_at
        assert STAYS in app.engine.catalog.seller_at
        assert traces(house, *KEPT_FOR_A_WHILE) == []
        assert [each.reason for each in erase(app, boss).errors] == ["UNKNOWN_SELLER"]
    assert traces(house, *KEPT_FOR_A_WHILE) == []


def test_a_busy_store_of_claims_leaves_everything_as_it_was(
    house: Path, furnished: tuple[Path, dict[str, str]]
) -> None:
    boss = furnished[1]["boss"]
    with running(house) as app:
        with ClaimsStore(house / "claims") as store, store.writing():
            with pytest.raises(grpc.RpcError) as refused:
                erase(app, boss)
            assert "another import or audit is writing" in str(refused.value.details())
        assert GONE in app.engine.catalog.seller_at
        assert not list(house.glob("*leaving-*"))
        assert not erase(app, boss).errors
        assert traces(house, *KEPT_FOR_A_WHILE) == []


def test_what_a_start_cannot_finish_is_told_and_finished_later(
    house: Path, furnished: tuple[Path, dict[str, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    boss = furnished[1]["boss"]
    command = [sys.executable, "-m", "tests.server.recovery.full_house", str(house), boss]
    subprocess.run([*command, "server.leaving", "Erasure.run"], capture_output=True, timeout=120)
    (noted,) = house.glob("leaving-*")
    (house / ".leaving-torn").write_text(GONE[:4])
    with ClaimsStore(house / "claims") as store, store.writing(), running(house) as app:
        assert GONE in app.engine.catalog.seller_at, "all of it is still there"
        assert noted.exists()
    assert "erasure_unfinished" in "".join(capfd.readouterr())
    assert not (house / ".leaving-torn").exists(), "who was never wholly noted does not leave"
    with running(house) as app:
        assert GONE not in app.engine.catalog.seller_at
        assert not noted.exists()
    assert traces(house, *KEPT_FOR_A_WHILE) == []


def test_odd_names_leave_the_access_file_too(tmp_path: Path) -> None:
    odd = 'A"1\\é, b'
    enter(tmp_path, "odd", odd)
    enter(tmp_path, "pair", odd, "A")
    store = Store(tmp_path / "access.sqlite3")
    detail = json.dumps({"sequence": 1, "first": [[odd, "M", "S"], ["A", odd[0], "S"]]})
    store.note([(1, "odd", "pause", detail)])
    forgotten = store.forget(odd, 1)
    assert forgotten.callers == {"odd"}
    last = store.audit(1)[0]
    assert (last.caller, json.loads(last.detail)["first"]) == (
        forgotten.mark, [forgotten.mark, ["A", "A", "S"]],
    )  # fmt: skip
    assert forgotten.late("odd", detail) == (last.caller, last.detail)
    later = json.dumps({"sequence": 2, "first": [[odd]]})
    assert forgotten.late("odd", later) == ("odd", later), "it has come back since"
    assert [each.caller.sellers for each in store.tokens()] == [frozenset({"A"})]
    store.close()
    for file in tmp_path.iterdir():
        assert "é, b".encode() not in file.read_bytes()


def test_a_seller_of_claims_alone_leaves_too(
    house: Path, furnished: tuple[Path, dict[str, str]]
) -> None:
    boss = furnished[1]["boss"]
    with running(house) as app:
        erase(app, boss)
    bring_claims(house)
    assert traces(house, *KEPT_FOR_A_WHILE)
    with running(house) as app:
        request = request_id()
        first = erase(app, boss, request)
        assert [each.reason for each in first.errors] == ["UNKNOWN_SELLER"]
        assert "what else is kept" in first.errors[0].message
        assert traces(house, *KEPT_FOR_A_WHILE) == []
        assert erase(app, boss, request) == first


def test_an_export_holds_the_claims(house: Path, furnished: tuple[Path, dict[str, str]]) -> None:
    with running(house) as app, calling(app, furnished[1]["boss"]) as (catalog, _):
        held = list(catalog.ExportSeller(catalog_pb2.ExportSellerRequest(seller_id=GONE)))
    rows = {each.claims_data.table: each.claims_data.rows_json for each in held}
    rows = {name: [json.loads(row) for row in found] for name, found in rows.items()}
    assert {"imports", "coverage", "claims", "timeline", "ledger", "rejects"} <= set(rows)
    assert [row["facts"]["sku"] for row in rows["claims"]] == [SKU]
    assert [row["sku"] for row in rows["ledger"]] == [SKU]
    insights = {each.insights_data.table: each.insights_data.rows_json for each in held}
    assert [json.loads(each)["looks"] for each in insights["insight_days"]] == [1]
    assert {json.loads(each)["note"] for each in insights["insight_answers"]} == {SKU}
    assert {json.loads(each)["message"] for each in insights["insight_notices"]} == {SKU}
    pieces = [each.document for each in held if each.HasField("document")]
    assert b"".join(each.content for each in pieces) == DOCUMENT * 300
    assert not any(STAYS in each.SerializeToString().decode(errors="replace") for each in held
                   if each.HasField("claims_data"))  # fmt: skip
