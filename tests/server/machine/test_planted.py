"""The machine proves its teeth: each planted bug is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server.machine.machine import search
from tests.server.machine.planted import SOON, planted

STORIES, SEED = 150, 1


@pytest.mark.parametrize("bug", SOON, ids=[bug.__name__ for bug in SOON])
def test_a_planted_bug_is_found(bug: Callable[[], Any]) -> None:
    with planted(bug):
        assert search(STORIES, SEED, small=False) is not None
