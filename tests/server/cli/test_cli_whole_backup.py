"""`repriced backup` and `restore` of everything that a server keeps, beside the running server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result

from engine.claims.lifecycle import Ledger
from engine.claims.store import Store as ClaimsStore
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2
from server.access.store import Store
from server.cli import main
from tests.server.conftest import request_id
from tests.server.recovery.full_house import (
    GONE,
    STAYS,
    bring_claims,
    calling,
    enter,
    fill,
    running,
)


@pytest.fixture
def house(tmp_path: Path) -> tuple[Path, str]:
    """The directory of a stopped server, and a token."""
    data = tmp_path / "data"
    with running(data) as app:
        boss = enter(data, "boss")
        app.access._refresh()
        fill(data, app, boss, request_id)
    bring_claims(data)
    return data, boss


def repriced(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def told(*words: str | Path) -> dict[str, Any]:
    """What a command that must work says."""
    result = repriced(*words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def claims_of(data: Path) -> list[Any]:
    """Claims with their documents."""
    with ClaimsStore(data / "claims") as store:
        ledger = Ledger(store)
        return [(each, ledger.documents(each.claim_id)) for each in list(ledger.all())]


def test_a_running_server_is_copied_whole(house: tuple[Path, str], tmp_path: Path) -> None:
    data, boss = house
    with running(data) as app:
        busy = threading.Event()

        def work() -> None:
            with calling(app, boss) as (catalog, _):
                while not busy.is_set():
                    catalog.BatchUpsertSellers(one_seller("A3MEANWHILE"))

        thread = threading.Thread(target=work)
        thread.start()
        facts = told("backup", data, tmp_path / "backup")
        busy.set()
        thread.join()
    assert (facts["access_file"], facts["claims"], facts["insights"]) == (True, True, True)
    assert os.stat(tmp_path / "backup" / "insights.sqlite3").st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "backup" / "access.sqlite3").st_mode & 0o777 == 0o600
    again = tmp_path / "again"
    assert told("restore", tmp_path / "backup", again)["last_sequence"] == facts["last_sequence"]
    assert claims_of(again) == claims_of(data)
    with running(again) as app, calling(app, boss) as (catalog, _):
        sellers = catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers
        assert {each.seller_id for each in sellers} >= {GONE, STAYS}
        assert app.engine.state.guards.switch.sellers
        assert [len(app.history.seen(each)) for each in (GONE, STAYS)] == [1, 1]
        assert [each.note for each in app.history.answers(GONE)] == ["SKU-OF-THE-LEAVING"]
        hashed = state_hash(app.engine.state)
    assert told("replay", again, "--verify")["state_hash"] == hashed


def one_seller(seller_id: str) -> catalog_pb2.BatchUpsertSellersRequest:
    """Defines a seller."""
    seller = catalog_pb2.Seller(seller_id=seller_id)
    return catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=[seller])


def test_parts_that_are_elsewhere(house: tuple[Path, str], tmp_path: Path) -> None:
    data, _ = house
    for name in ("access.sqlite3", "claims"):
        (data / name).rename(tmp_path / f"elsewhere-{name}")
    assert told("backup", data, tmp_path / "bare")["claims"] is False
    config = tmp_path / "server.toml"
    config.write_text(
        f'[access]\nfile = "{tmp_path}/elsewhere-access.sqlite3"\n'
        f'[claims]\nstore = "{tmp_path}/elsewhere-claims"\n'
    )
    facts = told("backup", data, tmp_path / "whole", "--config", config)
    assert (facts["access_file"], facts["claims"]) == (True, True)
    assert Store(tmp_path / "whole" / "access.sqlite3").audit(9)


@pytest.mark.parametrize(
    "part",
    [
        "claims/claims.sqlite",
        "access.sqlite3",
        "insights.sqlite3",
        "parquet",
        "lost",
    ],
)
def test_damage_is_named(house: tuple[Path, str], tmp_path: Path, part: str) -> None:
    told("backup", house[0], tmp_path / "backup")
    files = sorted((tmp_path / "backup").rglob("*.parquet"))
    broken = files[0] if part in ("parquet", "lost") else tmp_path / "backup" / part
    if part == "lost":
        broken.unlink()
    else:
        raw = bytearray(broken.read_bytes())
        middle = len(raw) // 2
        raw[middle : middle + 600] = bytes(each ^ 0xFF for each in raw[middle : middle + 600])
        broken.write_bytes(raw)
    result = repriced("restore", tmp_path / "backup", tmp_path / "again")
    assert result.exit_code == 1
    assert broken.name in result.stderr
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [("backup", "copy_claims"), ("backup", "checked"), ("restore", "copy_summed"),
     ("restore", "copy_whole")],
)  # fmt: skip
def test_a_killed_copy_is_no_copy(
    house: tuple[Path, str], tmp_path: Path, command: str, name: str
) -> None:
    """Nothing has the name of the copy, the source is what it was, and the next run works."""
    data, boss = house
    told("backup", data, tmp_path / "first")
    source, target = (data if command == "backup" else tmp_path / "first"), tmp_path / "target"
    script = (
        "import os, signal, sys\n"
        "import server.cli.backup as module\n"
        "from server.cli import main\n"
        f"module.{name} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main(sys.argv[1:])\n"
    )
    words = [sys.executable, "-c", script, command, str(source), str(target)]
    killed = subprocess.run(words, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not target.exists()
    assert list(tmp_path.glob(".target.unfinished-*"))
    told(command, source, target)
    assert not list(tmp_path.glob(".target.unfinished-*"))
    shutil.copytree(target, tmp_path / "served")
    with running(tmp_path / "served") as app, calling(app, boss) as (catalog, _):
        assert len(catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers) == 2
        with pytest.raises(grpc.RpcError), calling(app, "rpr_wrong") as (other, _):
            other.ListSellers(catalog_pb2.ListSellersRequest())
