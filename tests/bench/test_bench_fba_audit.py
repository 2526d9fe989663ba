"""The real audit before the judge, small: a few stories, one damaged report, one large ledger."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.fba import sample, speed
from bench.fba.judge import judge
from bench.fba.printing import Cut
from bench.fba.story import STORIES

TOLD = {
    "lost",
    "lost_and_paid",
    "lost_and_found_later",
    "refunded_and_never_back",
    "refunded_and_back",
    "lost_and_already_filed",
}


def test_a_few_stories_are_judged_rightly() -> None:
    stories = [story for story in STORIES if story.name in TOLD]
    cut = Cut("returns", "missing", "A1EUROPE")
    scores = judge(1, [cut], stories, orders_a_day=0, days=150)
    whole, damaged = scores[str(Cut())], scores[str(cut)]
    assert whole.wrong == []
    assert whole.total().ready.true > 20
    assert whole.total().wrong_amounts == 0
    assert damaged.wrong == []
    assert damaged.total().blocked_units > 0
    assert damaged.unnamed == []


def test_the_large_ledger_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(speed.main, ["--tiny"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "audit_vs_scan" in result.output


def test_the_sample_year_ends_with_a_readable_summary(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = {"lost", "lost_and_paid", "refunded_and_never_back"}
    stories = [each for each in STORIES if each.name in told]
    sample.audit(sample.write(tmp_path / "reports", 0, stories), tmp_path / "store")
    shown = capfd.readouterr().out
    for text in (
        "warehouse_lost", "return_missing", "All together:", "ready", "blocked", "expired",
        "paid proactively", "The most valuable:", "Next steps:", "first deadline",
    ):  # fmt: skip
        assert text in shown
