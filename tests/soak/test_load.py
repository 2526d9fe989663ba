"""The load soak at its smallest: every check of it holds, and each can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.load import FLAT_BYTES, MEMORY_BUDGET, WARM_UP, Load, soak


def test_the_smallest_load(tmp_path: Path) -> None:
    load = soak(tmp_path, callers=22, seconds=2, processes=2)
    assert load.failures() == []
    assert load.proof.answered > 10
    assert load.tally.refusals["UNAUTHENTICATED"] + load.tally.refusals["MALFORMED_REQUEST"] > 0
    assert load.tally.cancelled > 0
    assert load.tally.deaf > 0


def good() -> Load:
    """A run in which all went well."""
    load = Load(1, 1.0, idle_bytes=10, memory=[20] * 100, metrics={"QUEUE_FULL": 3.0})
    load.tally.admitted[1].append(0.1)
    load.tally.refusals["QUEUE_FULL"] = 3
    assert load.failures() == []
    return load


def test_refusals_that_are_not_counted() -> None:
    load = good()
    load.metrics["QUEUE_FULL"] = 2.0
    assert load.failures() == ["QUEUE_FULL: callers saw 3, the server counted 2"]
    load.metrics["QUEUE_FULL"] = 4.0
    assert load.failures() == ["QUEUE_FULL: callers saw 3, the server counted 4"]
    load.tally.unseen = 1
    assert load.failures() == []


@pytest.mark.parametrize(
    ("rise", "told"),
    [(MEMORY_BUDGET, "memory stays within the budget"),
     (FLAT_BYTES, "memory is flat after the warm-up")],
)  # fmt: skip
def test_memory_that_grows(rise: int, told: str) -> None:
    load = good()
    load.memory[-1] += rise
    assert told in load.failures()
    load.memory = [20 + rise, *[20] * 99]
    assert (told in load.failures()) == (rise == MEMORY_BUDGET), f"{WARM_UP} is warm-up"


def test_what_else_must_not_be() -> None:
    load = good()
    load.tally.without_retry = 1
    assert load.failures() == ["every refusal of a full server says when to come back"]
    load = good()
    load.tally.problems.append("garbage was taken")
    load.faults.append("apply_failed")
    load.proof.problems.append("lost")
    assert load.failures() == ["the server logged: apply_failed", "garbage was taken", "lost"]
    load = good()
    load.tally.refusals.clear()
    assert load.failures()[0] == "somebody was refused"
