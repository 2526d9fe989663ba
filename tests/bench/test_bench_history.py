"""Accepted results: what fails, what is forgiven, and which file belongs to a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import history, report
from bench.__main__ import ROWS, main
from bench.report import FASTER, OVER_FLOOR, Result

KNOWN: dict[str, Any] = {"kernel_vs_copy": {"ratio": 2.0}, "kernel_vs_numpy": {"ratio": 6.0}}


@pytest.mark.parametrize(
    ("id", "unit", "spread", "is_worse"),
    [
        ("kernel_vs_copy", OVER_FLOOR, (3.1, 4.0), True),
        ("kernel_vs_copy", OVER_FLOOR, (2.9, 9.0), False),
        ("kernel_vs_numpy", FASTER, (1.0, 3.9), True),
        ("kernel_vs_numpy", FASTER, (1.0, 4.1), False),
        ("replay_vs_live", FASTER, (0.1, 0.2), False),
    ],
)
def test_the_good_end_of_the_spread_decides(
    id: str, unit: str, spread: tuple[float, float], is_worse: bool
) -> None:
    found = history.worse([Result(id, sum(spread) / 2, spread, unit)], KNOWN)
    assert bool(found) is is_worse
    assert all(id in sentence for sentence in found)


def test_accepted_files_are_of_rows_that_exist() -> None:
    files = list(history.HISTORY.glob("*.json"))
    assert files
    for path in files:
        rows = json.loads(path.read_text(encoding="utf-8"))
        assert rows.keys() <= ROWS.keys()
        assert set(history.CHECKED) <= rows.keys()


def test_a_row_much_worse_than_accepted_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "HISTORY", tmp_path)
    command = ["--tiny", "--only", "kernel_vs_numpy", "--pairs", "2"]
    new = CliRunner().invoke(main, [*command, "--check"])
    assert (new.exit_code, "nothing to compare" in new.output) == (0, True)
    assert CliRunner().invoke(main, [*command, "--accept"]).exit_code == 0
    row = history.accepted()["kernel_vs_numpy"]
    report.write([Result("kernel_vs_numpy", 1_000 * row["ratio"], (1, 1), FASTER)],
                 history.accepted_path())  # fmt: skip
    worse = CliRunner().invoke(main, [*command, "--check"])
    assert worse.exit_code == 1
    assert "kernel_vs_numpy is" in worse.output
