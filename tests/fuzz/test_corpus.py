"""Everything that was ever found, and good inputs, through each target. Fuzzing itself needs
atheris (`make fuzz`); this does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LARGEST_CORPUS = 200 * 1024


@pytest.mark.parametrize("target", TARGETS)
def test_good_inputs_are_taken(target: str) -> None:
    for data in TARGETS[target].seeds():
        assert TARGETS[target].one(data) == "taken"


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found(target: str) -> None:
    """No exception, whatever becomes of the input."""
    found = sorted((CORPUS / target).iterdir())
    ends = {each.name: TARGETS[target].one(each.read_bytes()) for each in found}
    assert ends
    assert all(ends.values())


@pytest.mark.parametrize("target", TARGETS)
def test_every_cut_of_a_good_input(target: str) -> None:
    for data in TARGETS[target].seeds():
        for size in range(0, len(data), 1 + len(data) // 97):
            TARGETS[target].one(data[:size])


def test_the_corpus_stays_small() -> None:
    assert {each.name for each in CORPUS.iterdir()} == set(TARGETS)
    assert sum(each.stat().st_size for each in CORPUS.rglob("*") if each.is_file()) < LARGEST_CORPUS
