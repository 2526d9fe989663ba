"""A real process killed in the middle of an import or an audit: all of it or nothing, and go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from case_store import REACH, SELLER, write_report

from engine.claims import audit
from engine.claims.imports import import_paths
from engine.claims.lifecycle import Ledger
from engine.claims.store import Store

TODAY = date(2025, 9, 1)
FILES = 4
LEDGER = (
    "date,fnsku,asin,sku,event_type,reference_id,quantity,fulfillment_center,disposition,reason,"
    "country,reconciled_quantity,unreconciled_quantity\n"
)
WORKER = """
import sys, time
from datetime import date
from pathlib import Path
from engine.claims import audit
from engine.claims.imports import import_paths

work, store, stop, *paths = sys.argv[1:]
today = date(2025, 9, 1)

def progress(step, done, total):
    print(done, total, flush=True)
    if done == (total if stop == "end" else int(stop)):
        time.sleep(600)

if work == "import":
    covers = (date(2024, 7, 28), today)
    import_paths(Path(store), "A1SELLER", map(Path, paths), today, covers=covers, progress=progress)
else:
    audit.run(Path(store), today, progress=progress)
"""


def losses(folder: Path, units: int) -> list[Path]:
    """Reports with a loss each month, one file for the ledger and three of other kinds."""
    days = (TODAY - timedelta(days=35 + 30 * month) for month in range(9))
    rows = "".join(
        f"{day},X1,B1,MUG,Adjustments,R{day},-{units},LEJ1,SELLABLE,M,DE,0,{units}\n"
        for day in days
    )
    return [
        write_report(folder, "ledger", LEDGER + rows),
        write_report(folder, "reimbursements", ""),
        write_report(folder, "returns", ""),
        write_report(folder, "removal_orders", ""),
    ]


def kill_at(work: str, store: Path, stop: str, paths: list[Path]) -> None:
    """Starts the work in a process of its own and kills it when it reaches a step."""
    words = [sys.executable, "-c", WORKER, work, str(store), stop, *map(str, paths)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done, total = line.split()
            if done == (total if stop == "end" else stop):
                break
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def content(store: Path) -> str:
    """Everything that the store says, without the numbers of imports."""
    with Store(store) as opened:
        ledger = Ledger(opened)
        claims = [(each.claim_id, each.state, each.facts) for each in ledger.all()]
        files = [
            (each.month, each.rows, opened.path.joinpath(each.path).exists())
            for kind in ("ledger", "reimbursements", "returns", "removal_orders")
            for each in opened.files(SELLER, kind)
        ]
        coverage = [repr(each) for each in opened.coverage(SELLER)]
        timelines = [repr(ledger.timeline(claim_id)) for claim_id, *_ in claims]
    return json.dumps([claims, files, coverage, timelines], sort_keys=True)


def bring(store: Path, paths: list[Path]) -> None:
    import_paths(store, SELLER, paths, TODAY, covers=(TODAY - REACH, TODAY))


@pytest.mark.parametrize("stop", ["1", str(FILES - 1), "end"])
def test_a_killed_import_leaves_nothing_and_a_second_one_finishes(
    tmp_path: Path, stop: str
) -> None:
    store, paths = tmp_path / "killed", losses(tmp_path, 2)
    bring(store, paths)
    audit.run(store, TODAY)
    before = content(store)
    newer = losses(tmp_path, 3)
    kill_at("import", store, stop, newer)
    assert content(store) == before
    bring(store, newer)
    audit.run(store, TODAY)
    with Store(store) as opened:
        assert {each.facts["units"] for each in Ledger(opened).all()} == {3}
    bring(store, newer)
    with Store(store) as opened:
        kept = {str(store / each.path) for each in opened.files(SELLER, "ledger")}
    left = {str(each) for each in (store / "reports").rglob("*report=ledger/**/*.parquet")}
    assert kept <= left
    assert not [each for each in left if "/1-" in each], "what was replaced first is gone"


@pytest.mark.parametrize("stop", ["1", "9", "end"])
def test_a_killed_audit_leaves_nothing_and_a_second_one_finishes(tmp_path: Path, stop: str) -> None:
    store, paths = tmp_path / "killed", losses(tmp_path, 2)
    bring(store, paths)
    audit.run(store, TODAY)
    bring(store, losses(tmp_path, 3))
    before = content(store)
    kill_at("audit", store, stop, [])
    assert content(store) == before
    audit.run(store, TODAY)
    with Store(store) as opened:
        assert {each.facts["units"] for each in Ledger(opened).all()} == {3}
