"""`repriced fees check` on reports as Amazon writes them, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runner import Run, runner_for

from bench.fba.printing import HEADERS
from repriced.v1 import fees_pb2
from tests.server.conftest import MARKETPLACE, SELLER, listing, request_id, run
from tests.server.test_insights import KNOWN_COST
from tests.server.test_proposed_bounds import FEES

EUROPE, AMERICA = HEADERS["fee_preview_eu"].split(","), HEADERS["fee_preview"].split(",")
REFERRAL = "estimated-referral-fee-per-unit"


@pytest.fixture(scope="module")
def repriced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    for server in run(directory=tmp_path_factory.mktemp("fees")):
        made = fees_pb2.BatchUpsertFeeSchedulesRequest(
            request_id=request_id(), fee_schedules=[FEES]
        )
        assert not server.catalog.BatchUpsertFeeSchedules(made).errors
        assert not server.upsert(listing("MUG", **KNOWN_COST), listing("PLAIN")).errors
        yield runner_for(server.app)


def report(
    tmp_path: Path, columns: list[str], *rows: dict[str, str], delimiter: str = "\t",
    encoding: str = "utf-8",
) -> Path:  # fmt: skip
    path = tmp_path / "fees.txt"
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(row.get(each, "") for each in columns) for row in rows]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def check(repriced: Run, path: Path, *options: str) -> dict[str, object]:
    where = ("--seller", SELLER, "--marketplace", MARKETPLACE)
    told = repriced("fees", "check", path, *where, "--json", *options)
    assert told.exit_code == 0, told.output
    found: dict[str, object] = json.loads(told.stdout)
    return found


def row(sku: str = "MUG", referral: str = "3.00", **more: str) -> dict[str, str]:
    given = {"sku": sku, "currency": "EUR", "your-price": "20.00", REFERRAL: referral}
    return given | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize(
    ("columns", "fulfilment", "style"),
    [
        (EUROPE, "expected-domestic-fulfilment-fee-per-unit", {"encoding": "cp1252"}),
        (AMERICA, "expected-fulfillment-fee-per-unit", {"delimiter": ","}),
        (AMERICA, "expected-fulfillment-fee-per-unit", {"encoding": "utf-8-sig"}),
    ],
)
def test_a_report_is_compared(
    repriced: Run, tmp_path: Path, columns: list[str], fulfilment: str, style: dict[str, str]
) -> None:
    rows = (
        row() | {fulfilment: "3.50", "product-name": "Tasse für Müsli"},
        row(referral="3.40") | {fulfilment: "3.50"},
        row("PLAIN"), row("NOBODY"), row(currency="GBP"), row(referral="--"),
        row(referral="2.25", sales_price="15.00") | {fulfilment: "3.60"},
    )  # fmt: skip
    path = report(tmp_path, columns, *rows, **style)
    found = check(repriced, path)
    assert found["checked"] == 3
    assert found["differing"] == [
        {"sku": "MUG", "message": "the referral fee at 20.00 EUR is 3.00 EUR by fee schedule 'home'"
         " and 3.40 EUR by Amazon's preview"},
        {"sku": "MUG", "message": "the fulfilment fee at 15.00 EUR is 3.50 EUR by fee schedule"
         " 'home' and 3.60 EUR by Amazon's preview"},
    ]  # fmt: skip
    assert found["left_out"] == {
        "OTHER_CURRENCY": 1, "NO_PRICE_OR_FEE": 1, "NO_FEE_SCHEDULE": 1, "UNKNOWN_LISTING": 1,
    }  # fmt: skip


def test_what_people_see(repriced: Run, tmp_path: Path) -> None:
    path = report(tmp_path, EUROPE, row(), row(referral="3.40"), row("NOBODY"))
    where = ("--seller", SELLER, "--marketplace", MARKETPLACE)
    told = repriced("fees", "check", path, *where)
    assert told.stdout.splitlines()[-1] == "2 fee previews checked, 1 differ"
    assert "MUG: the referral fee at 20.00 EUR is 3.00 EUR" in told.stdout
    assert "1 lines left out: UNKNOWN_LISTING" in told.stderr


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (["sku", "currency"], (), "is no fee preview report"),
        (EUROPE, ("--marketplace", "ELSEWHERE"), "'ELSEWHERE' is not known"),
    ],
)
def test_wrong_usage(
    repriced: Run, tmp_path: Path, columns: list[str], options: tuple[str, ...], words: str
) -> None:
    path = report(tmp_path, columns)
    where = ("--seller", SELLER, "--marketplace", MARKETPLACE)
    told = repriced("fees", "check", path, *where, *options)
    assert told.exit_code == 2
    assert words in " ".join(told.stderr.split())
