"""The soak of crashes, small: a real server is killed, and faulty ones are seen through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.soak.crash import Run

KILLS = 25


def test_nothing_answered_is_lost_or_doubled(tmp_path: Path) -> None:
    soak = Run(tmp_path, seed=1).go(KILLS, progress=False)
    assert soak.problems == []
    assert sum(soak.kills.values()) + sum(soak.missed.values()) == KILLS
    assert soak.proof.answered == soak.answered > 100
    assert soak.proof.unanswered <= soak.given_up
    assert soak.proof.snapshots >= 2
    assert soak.repeated > 10
    assert soak.unsure > 0, "calls were under way when the server was killed"


@pytest.mark.parametrize(
    ("fault", "kills", "told"),
    [
        ("answers_before_commit", 3, ("answered, and lost", "leads to another answer")),
        ("applies_repeats", 3, ("applied 2 times",)),
        ("changes_its_state", 2, ("has state",)),
    ],
)
def test_a_faulty_server_is_seen_through(
    tmp_path: Path, fault: str, kills: int, told: tuple[str, ...]
) -> None:
    """Whichever comes first: the next start finds it out, or the proof does."""
    command = (sys.executable, "-m", "tests.soak.broken_servers", fault)
    soak = Run(tmp_path, seed=2, command=command).go(kills, progress=False, only="serving")
    assert any(words in each for each in soak.problems for words in told), soak.problems
