"""`repriced listings import --propose`, `proposals` and `accept` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import Run, runner_for

from repriced.v1 import fees_pb2
from tests.server.conftest import MARKETPLACE, SELLER, request_id, rival, run, snapshot
from tests.server.test_proposed_bounds import FEES

HEADER = (
    "seller_id,marketplace_id,sku,currency,price,cost,fee_schedule_id,vat_basis_points,"
    "margin_basis_points"
)


def write(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "first.csv"
    rows = [header, *(f"{SELLER},{MARKETPLACE},{line}" for line in lines)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_first_import_from_file_to_prices(tmp_path: Path) -> None:
    for server in run(directory=tmp_path / "data"):
        repriced = runner_for(server.app)
        made = fees_pb2.BatchUpsertFeeSchedulesRequest(
            request_id=request_id(), fee_schedules=[FEES]
        )
        assert not server.catalog.BatchUpsertFeeSchedules(made).errors
        first = write(
            tmp_path, "MUG,EUR,20.00,8.00,home,1900,", "PLATE,EUR,10.00,,,,",
            "JUG,EUR,20.00,8.00,home,1900,1500", "FORK,EUR,,,,,",
        )  # fmt: skip
        checked = repriced("listings", "import", "--propose", "--dry-run", first)
        assert "4 listings would be imported" in checked.output
        told = repriced("listings", "import", "--propose", first)
        assert told.exit_code == 1
        assert "line 5, floor: floor_minor: no bounds can be proposed" in told.stderr
        assert "3 listings imported, 1 lines refused" in told.stdout
        offers = snapshot("PLATE", rival(1_150, buy_box_winner=True))
        assert not server.reprice(offers).decisions

        shown = repriced("listings", "proposals", SELLER).output
        assert f"MUG ({MARKETPLACE}): 18.98 EUR to 26.25 EUR, from cost-and-fees" in shown
        assert f"JUG ({MARKETPLACE}): 20.39 EUR to 26.25 EUR, from cost-and-fees" in shown
        assert "  - Accepting raises your price from 20.00 EUR." in shown
        assert "  price 10.00 EUR; it would become 11.49 EUR" in shown
        assert shown.endswith("3 listings wait for their bounds to be accepted\n")
        lines = repriced("listings", "export").stdout.splitlines()
        jug = f"{SELLER},{MARKETPLACE},JUG,B2C,,,,EUR,,,,,,,20.00,,8.00,,home,1900,1500"
        assert [each.replace("B0JUG", "") for each in lines if ",JUG," in each] == [jug]

        assert "nothing is proposed for SPOON" in accept(repriced, "--sku", "SPOON", code=1)
        assert accept(repriced, "--sku", "MUG").startswith("1 listings have their proposed")
        group = ("--all", "--from", "own-price", "--marketplace", MARKETPLACE)
        assert json.loads(accept(repriced, *group, "--json")) == {"accepted": 1, "refused": []}
        left = repriced("listings", "proposals", SELLER, "--json").output
        assert [json.loads(each)["listing"]["key"]["sku"] for each in left.splitlines()] == ["JUG"]
        (decision,) = server.reprice(snapshot("PLATE", rival(1_150, buy_box_winner=True))).decisions
        assert decision.price_minor == 1_149
        again = repriced("listings", "import", "--propose", first)
        assert "3 listings imported" in again.stdout
        assert repriced("listings", "proposals", SELLER, "--json").output.count("\n") == 1
        assert accept(repriced, "--all").startswith("1 listings have")


def accept(repriced: Run, *options: str, code: int = 0) -> str:
    told = repriced("listings", "accept", SELLER, *options)
    assert told.exit_code == code, told.output
    return told.output


@pytest.mark.parametrize("options", [(), ("--all", "--sku", "MUG")])
def test_accept_wants_to_know_which(shared: Run, options: tuple[str, ...]) -> None:
    told = shared("listings", "accept", SELLER, *options)
    assert told.exit_code == 2
    assert "say which listings" in told.output


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("MUG,EUR,20.00,8.00,,1900,", "vat_basis_points"),
        ("MUG,EUR,20.00,8.00,,,1500", "margin_basis_points"),
        ("MUG,EUR,20.00,8.00,home,19 %,", "vat_basis_points"),
        ("MUG,EUR,20.00,8.001,,,", "cost"),
    ],
)
def test_bad_cost_and_fees_are_named(shared: Run, tmp_path: Path, line: str, column: str) -> None:
    told = shared("listings", "import", "--propose", write(tmp_path, line), "--json")
    [problem] = json.loads(told.stdout)["problems"]
    assert (problem["line"], problem["column"]) == (2, column)
