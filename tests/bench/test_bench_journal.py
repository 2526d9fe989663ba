"""The journal's benchmark runs, tiny."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from bench.journal_floor import main


def test_the_journal_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--tiny", "--directory", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.output.count(" ms\n") == 5
    assert not list(tmp_path.iterdir()), "everything it wrote is gone"
