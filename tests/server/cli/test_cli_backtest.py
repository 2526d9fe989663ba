"""`repriced backtest`: recorded inputs under another strategy."""

from __future__ import annotations

import csv
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.journal.segments import sequence_of
from engine.recovery import save
from engine.replay import Replayer
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.cli import main
from tests.server.recovery.shards import apply, open_shard

START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
GERMANY = "A1PA6795UKMFR9"
LOWEST = {"match": {"targets": ["MATCH_TARGET_LOWEST"]}}


def request_id() -> str:
    return str(uuid.uuid4())


def listing(seller: str, sku: str) -> catalog_pb2.Listing:
    key = types_pb2.ListingKey(seller_id=seller, marketplace_id=GERMANY, sku=sku)
    return catalog_pb2.Listing(
        key=key, currency="EUR", floor_minor=800, ceiling_minor=1500, strategy_id="equal"
    )


def seen(seller: str, sku: str, at_ms: int, rival_minor: int) -> tuple[InputKind, bytes]:
    key = types_pb2.ListingKey(seller_id=seller, marketplace_id=GERMANY, sku=sku)
    snapshot = pricing_pb2.OfferSnapshot(key=key, event_ms=at_ms, currency="EUR")
    snapshot.offers.add(seller_id="A2RIVAL", item_price_minor=rival_minor, buy_box_winner=True)
    request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[snapshot])
    return InputKind.REPRICE, request.SerializeToString()


def definitions() -> list[tuple[InputKind, bytes]]:
    strategies = catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id())
    listings = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id())
    for seller in ("A1SHOP", "A1OTHER"):
        equal = strategies.strategies.add(seller_id=seller, strategy_id="equal", currency="EUR")
        equal.match.targets.append(catalog_pb2.MATCH_TARGET_LOWEST)
        listings.listings.extend([listing(seller, "MUG"), listing(seller, "PLATE")])
    return [
        (InputKind.STRATEGIES, strategies.SerializeToString()),
        (InputKind.LISTINGS, listings.SerializeToString()),
    ]


def record(path: Path, snapshot_after: int = -1) -> None:
    """Ten hours in which the rival of the mug goes from 11.00 to 12.00 after four."""
    shard = open_shard(path, START_MS, segment_bytes=1 << 10)
    apply(shard.engine, START_MS, *definitions())
    for hour in range(11):
        now_ms = START_MS + hour * HOUR_MS
        for seller in ("A1SHOP", "A1OTHER"):
            rival = 1100 if hour < 4 else 1200
            apply(shard.engine, now_ms, seen(seller, "MUG", now_ms, rival))
            apply(shard.engine, now_ms, seen(seller, "PLATE", now_ms, 900))
        if hour == snapshot_after:
            shard.engine.journal.commit()
            save(shard.storage, Replayer(shard.engine), shard.engine.journal.last_sequence)
    shard.engine.journal.commit()
    shard.stop()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "data"
    record(path)
    return path


def backtest(path: Path, tmp_path: Path, strategy: dict[str, Any], *words: str) -> Result:
    file = tmp_path / "strategy.json"
    given = {"seller_id": "A1SHOP", "strategy_id": "tested", "currency": "EUR", **strategy}
    file.write_text(json.dumps(given), encoding="utf-8")
    return CliRunner().invoke(
        main, ["backtest", "--journal", str(path), "--strategy", str(file), *words]
    )


def lines(path: Path, tmp_path: Path, strategy: dict[str, Any]) -> dict[str, dict[str, str]]:
    output = tmp_path / "prices.csv"
    result = backtest(path, tmp_path, strategy, "--output", str(output))
    assert result.exit_code == 0, result.output
    with output.open(encoding="utf-8") as file:
        return {row["sku"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("strategy_id", ["tested", "equal"])
def test_the_same_strategy_decides_the_same(
    recorded: Path, tmp_path: Path, strategy_id: str
) -> None:
    result = backtest(recorded, tmp_path, {**LOWEST, "strategy_id": strategy_id}, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["listings"] == 2
    assert facts["listings_that_differ"] == 0
    assert facts["recorded_decisions"] == facts["tested_decisions"] > 0
    assert (facts["time_equal"], facts["time_higher"]) == ("100.0 %", "0.0 %")


def test_another_strategy_is_compared_by_the_time_its_prices_would_have_stood(
    recorded: Path, tmp_path: Path
) -> None:
    found = lines(recorded, tmp_path, {"fixed": {"price_minor": 1150}})
    assert found.keys() == {"MUG", "PLATE"}
    mug = found["MUG"]
    assert (mug["recorded_price"], mug["tested_price"]) == ("12.00", "11.50")
    assert (mug["hours"], mug["hours_higher"], mug["hours_lower"]) == ("10.00", "4.00", "6.00")
    # Four hours 0.50 higher, six hours 0.50 lower.
    assert mug["mean_difference"] == "-0.10"
    assert found["PLATE"]["mean_difference"] == "2.50"
    assert {row["seller_id"] for row in found.values()} == {"A1SHOP"}


def test_the_largest_differences_are_told(recorded: Path, tmp_path: Path) -> None:
    result = backtest(recorded, tmp_path, {"fixed": {"price_minor": 1150}})
    told = result.output.splitlines()
    assert f"{GERMANY} PLATE: 2.50 EUR on average; at the end 11.50 instead of 9.00" in told


def test_it_goes_from_a_snapshot_where_the_journal_was_pruned(tmp_path: Path) -> None:
    path = tmp_path / "data"
    record(path, snapshot_after=5)
    segments = sorted(each for each in path.iterdir() if sequence_of(each.name) is not None)
    snapshot = next(int(each.stem.split("-")[1]) for each in path.glob("snapshot-*"))
    begins = [sequence_of(each.name) or 0 for each in segments]
    keep = max(at for at, begin in enumerate(begins) if begin <= snapshot + 1)
    assert keep > 0
    for each in segments[:keep]:
        each.unlink()
    mug = lines(path, tmp_path, {"fixed": {"price_minor": 1150}})["MUG"]
    assert (mug["recorded_price"], mug["tested_price"]) == ("12.00", "11.50")


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"fixed": {"price_minor": -1}}, "price_minor"),
        ({**LOWEST, "currency": "XXQ"}, "currency"),
        ({"nonsense": 1}, "is no strategy"),
        ({**LOWEST, "seller_id": "A1NOBODY"}, "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    recorded: Path, tmp_path: Path, strategy: dict[str, Any], words: str
) -> None:
    result = backtest(recorded, tmp_path, strategy)
    assert result.exit_code == 2, result.output
    assert words in result.output


def test_nothing_in_the_directory_changes(recorded: Path, tmp_path: Path) -> None:
    before = {each.name: each.read_bytes() for each in recorded.iterdir()}
    backtest(recorded, tmp_path, LOWEST)
    assert {each.name: each.read_bytes() for each in recorded.iterdir()} == before
