"""Ratios, and the file that they are written to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import report
from bench.__main__ import ROWS, main
from bench.ratios import Pairs, Side, measure, summary
from bench.report import FASTER, OVER_FLOOR, Result

IDS = {
    "kernel_vs_copy", "kernel_vs_numpy", "kernel_vs_numba", "kernel_vs_polars", "kernel_vs_python",
    "decode_vs_parser", "decode_vs_walk", "rpc_memory_vs_echo", "rpc_memory_vs_echo_1000",
    "rpc_journaled_vs_floor", "rpc_small_vs_echo", "held_growth", "call_growth",
    "bytes_per_listing", "start_vs_read", "replay_vs_live",
}  # fmt: skip
LEDGER_IDS = {"audit_vs_scan", "import_vs_scan"}
"""Measured by a command of their own, because they need a large ledger."""


def test_the_file_holds_ratio_spread_unit_and_conditions_by_id(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    pairs = Pairs([2.0, 4.0, 6.0], [1.0, 1.0, 1.0])
    first = report.result("kernel_vs_copy", pairs, OVER_FLOOR, 1_000, {"listings": 1_000})
    report.write([first], path)
    report.write([report.result("kernel_vs_numpy", pairs, FASTER, 10, {})], path)
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written.keys() == {"kernel_vs_copy", "kernel_vs_numpy"}
    row = written["kernel_vs_copy"]
    assert row.keys() == {"ratio", "spread", "unit", "conditions"}
    assert (row["ratio"], row["spread"]) == (4.0, [2.4, 5.6])
    assert row["conditions"]["our_us_per_listing"] == 4_000
    assert written["kernel_vs_numpy"]["ratio"] == 0.25


def test_every_row_has_a_budget() -> None:
    assert ROWS.keys() == IDS
    assert report.BUDGETS.keys() == IDS | LEDGER_IDS


@pytest.mark.parametrize(
    ("unit", "ratio", "kept"),
    [(OVER_FLOOR, 1.9, True), (OVER_FLOOR, 2.1, False), (FASTER, 2.1, True), (FASTER, 1.9, False)],
)
def test_a_floor_is_stayed_under_and_a_peer_is_outrun(unit: str, ratio: float, kept: bool) -> None:
    assert Result("kernel_vs_copy", ratio, (ratio, ratio), unit).within_budget is kept


def test_pairs_are_interleaved_and_begin_in_turn() -> None:
    calls: list[str] = []
    sides = [
        Side(lambda name=name: name, calls.append)  # type: ignore[misc]
        for name in ("ours", "theirs")
    ]
    found = measure(sides[0], sides[1], pairs=4, warm_ups=2)
    assert len(found.ours) == len(found.theirs) == 4
    assert calls == ["ours", "theirs", "theirs", "ours"] * 3


def test_median_and_percentiles() -> None:
    assert summary([3.0]) == (3.0, 3.0, 3.0)
    assert summary([float(each) for each in range(11)]) == (5.0, 1.0, 9.0)


def test_the_command_names_a_row_that_does_not_exist() -> None:
    refused = CliRunner().invoke(main, ["--only", "kernel_vs_hope"])
    assert refused.exit_code == 2
    assert "kernel_vs_hope" in refused.output


def test_the_command_prints_conditions_and_the_table() -> None:
    done = CliRunner().invoke(main, ["--tiny", "--only", "kernel_vs_numpy", "--pairs", "2"])
    assert done.exit_code == 0, done.output
    for word in ("cpu:", "level:", "cores:", "python:", "kernel_vs_numpy"):
        assert word in done.output
