"""Random stories over the whole service; and every story that ever found something, for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server.machine.machine import STORIES, replay, search

SMALL = 20
KEPT = sorted(STORIES.glob("*.json"))


def test_random_stories_hold() -> None:
    """`make soak-machine` plays more of them."""
    found = search(SMALL, seed=1)
    if found is not None:
        error, story = found
        raise AssertionError(f"move this story to {STORIES}: {json.dumps(story)}") from error


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_a_story_that_found_something_holds(path: Path) -> None:
    replay(json.loads(path.read_text()))
