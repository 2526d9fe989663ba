"""Every rule against its case tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_store import CASES, Case, load_cases, matches, run_case

from engine.claims.rules import load_rules

ALL = load_cases()


@pytest.mark.parametrize("case", ALL, ids=[case.id for case in ALL])
def test_case(case: Case, tmp_path: Path) -> None:
    claims = run_case(case, tmp_path)
    left = list(claims)
    for expected in case.expect:
        found = next((each for each in left if matches(each, expected)), None)
        assert found is not None, f"{expected} not among {claims}"
        left.remove(found)
    assert not left, "more than was expected"


def test_every_rule_has_cases() -> None:
    rules = {rule.name for rule in load_rules()}
    assert {path.name for path in CASES.iterdir()} == rules
    for rule in rules:
        states = [each["state"] for case in ALL if case.rule == rule for each in case.expect]
        nothing = [case for case in ALL if case.rule == rule and not case.expect]
        assert states, f"{rule} has no positive case"
        assert nothing, f"{rule} has no negative case"
