"""The overload soak at its smallest: every check of it holds, and it can fail."""

from __future__ import annotations

from collections import Counter
from typing import Any

import overload
import pytest


def test_the_smallest_overload() -> None:
    found = overload.soak(callers=12, seconds=1.5, rows=100, pairs=1)
    assert found["failed"] == []
    assert found["admitted"] == found["inputs applied"] > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"without_retry": 1}, "every refusal says when to come back"),
        ({"refusals": Counter()}, "somebody was refused"),
        ({"refusals": Counter(INTERNAL=1)}, "each refusal is RESOURCE_EXHAUSTED by a queue"),
        ({"sequences": {1}}, "what was answered was applied once"),
        ({"ok": 0}, "nobody was starved"),
    ],
)
def test_the_checks_see_what_they_should(change: dict[str, Any], told: str) -> None:
    member = overload.Member("one", "", 1, ok=2, sequences={1, 2})
    member.refusals["QUEUE_FULL"] = 3
    assert overload.failures([member], 2, [True], 0) == []
    for name, value in change.items():
        setattr(member, name, value)
    assert told in overload.failures([member], 2, [True], 0)


def test_lost_answers_and_memory_are_seen() -> None:
    member = overload.Member("one", "", 1, ok=1, sequences={1})
    member.refusals["QUEUE_FULL"] = 1
    assert overload.failures([member], 1, [False], 0) == ["the newest answered offers are known"]
    grown = overload.QUEUE_BYTES + overload.SLACK_BYTES
    assert overload.failures([member], 1, [True], grown) == ["memory is bounded"]
