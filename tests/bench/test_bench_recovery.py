"""The rows about starting again, and the measurement of a snapshot's neighbour, tiny."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import pauses
from bench.__main__ import ROWS
from bench.snapshot_process import main


@pytest.mark.parametrize("id", ["start_vs_read", "replay_vs_live"])
def test_rows(id: str) -> None:
    row = ROWS[id](2, True)
    assert row.id == id
    assert row.ratio > 0
    assert row.budget


def test_the_neighbour_of_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--listings", "500", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    assert "beside a snapshot / alone" in result.output
    assert "a snapshot of 500 listings takes" in result.output
    assert not list(tmp_path.iterdir())


def test_pauses() -> None:
    result = CliRunner().invoke(pauses.main, ["--tiny"])
    assert result.exit_code == 0, result.output
    assert result.output.count("a listing more") == 2
    assert result.output.count("a slice of") == 2
    assert result.output.count("worst") == 4
