"""Every rule against its case tables."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from case_store import CASES, REACH, SELLER, Case, load_cases, matches, run_case, write_report

from engine.claims import audit
from engine.claims.imports import import_paths
from engine.claims.rules import Rule, load_rules
from engine.claims.specs import REPORTS

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
        found = [each for case in ALL if case.rule == rule for each in case.expect]
        nothing = [case for case in ALL if case.rule == rule and not case.expect]
        assert found, f"{rule} has no positive case"
        assert nothing, f"{rule} has no negative case"


AROUND_A_WINDOW = {
    "the day before the window opens",
    "the first day of the window",
    "the day before it is ready",
    "the first day it is ready",
    "the last day of the window",
    "the day after the window",
}
"""Days that every window is tried on. Where it opens with its event, that is still to come on the
day before: then nothing is said, or the reports do not reach it."""

SKIPPED = {
    ("fee_dimensions", "the day after the window"),  # a newer charge opens a new window
    ("inbound_short", "the day before the window opens"),  # a shipment closes after its delivery
    ("inbound_short", "the first day of the window"),  # a shipment closes days after its delivery
    ("reimbursement_missing", "the first day of the window"),  # a payment is missed after 21 days
    ("removal_incomplete", "the first day of the window"),  # an order is complete after 14 days
}


@pytest.mark.parametrize("rule", [each for each in load_rules() if not each.candidate])
def test_every_rule_is_tried_around_its_window(rule: Rule) -> None:
    tried = {case.name for case in ALL if case.rule == rule.name}
    skipped = {name for name_of, name in SKIPPED if name_of == rule.name}
    assert tried >= AROUND_A_WINDOW - skipped


def bring(folder: Path, kinds: set[str], as_of: date) -> None:
    """Imports empty reports that reach far back."""
    paths = [write_report(folder, kind, "") for kind in sorted(kinds)]
    import_paths(folder / "store", SELLER, paths, as_of, covers=(as_of - REACH, as_of))


def test_rules_without_their_source_report_are_named_though_they_have_no_claims(
    tmp_path: Path,
) -> None:
    today = date(2025, 9, 1)
    bring(tmp_path, set(REPORTS) - {"replacements", "returns"}, today)
    bring(tmp_path, {"returns"}, today - timedelta(days=30))
    found = audit.run(tmp_path / "store", today, sellers=[SELLER])
    assert found.claims == []
    assert {each.seller_id for each in found.blind} == {SELLER}
    lacks = {each.rule: each.lacks for each in found.blind}
    needing = {
        rule.name
        for rule in load_rules()
        if not rule.candidate and {"replacements", "returns"} & {need.report for need in rule.needs}
    }
    assert set(lacks) == needing
    assert lacks["replacement_not_returned"] == (
        "replacements: FBA Replacements is not imported",
        "returns: FBA Customer Returns is of 2025-08-02, too old",
    )
    bring(tmp_path, {"replacements", "returns"}, today)
    assert audit.run(tmp_path / "store", today, sellers=[SELLER]).blind == []
