"""The simulator of FBA years: same seed same files, units that add up, a score that cannot lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.fba.parts import kept_or_new
from bench.fba.printing import HEADERS, Cut, Printer
from bench.fba.score import Said, Score, score
from bench.fba.story import STORIES
from bench.fba.truth import NEEDS, TrueClaim, truths
from bench.fba.world import World
from bench.fba.year import build


@pytest.fixture(scope="module")
def world() -> World:
    """One year with every story and little traffic."""
    return build(1, orders_a_day=1)


def perfect(right: list[TrueClaim]) -> list[Said]:
    """What a perfect audit says."""
    states = {"open": "found", "either": "ready"}
    return [
        Said(
            each.rule,
            each.seller_id,
            each.country,
            each.fnsku,
            each.event,
            each.units,
            each.amount_minor,
            each.grade,
            states.get(each.state, each.state),
            each.story,
        )
        for each in right
    ]


def test_each_rule_has_debts_and_decoys() -> None:
    owed = {story.rule for story in STORIES if story.owed}
    decoys = {story.rule for story in STORIES if not story.owed}
    assert owed == decoys == set(NEEDS)
    assert len(NEEDS) == 18


def test_a_decoy_leaves_no_debt(world: World) -> None:
    decoys = {story.name for story in STORIES if not story.owed}
    assert {each.story for each in truths(world, Cut(), True)} & decoys == set()


def test_the_same_seed_prints_the_same_files(tmp_path: Path) -> None:
    texts = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        printed = Printer(build(3, orders_a_day=0), folder).all()
        texts.append({file.path.name: file.path.read_bytes() for file in printed})
    assert texts[0] == texts[1]
    assert len(texts[0]) > 60


def test_windows_are_hit_to_the_day(world: World) -> None:
    right = [each for each in truths(world, Cut(), True) if each.story == "lost"]
    ages = {((world.today - each.event).days, each.state) for each in right}
    assert {(29, "open"), (30, "ready"), (60, "ready"), (61, "expired")} <= ages


def test_a_perfect_audit_scores_one(world: World) -> None:
    right = truths(world, Cut(), True)
    found = score(right, perfect(right), set())
    total = found.total()
    assert found.wrong == []
    assert (total.ready.precision, total.ready.recall) == (1.0, 1.0)
    assert (total.found.precision, total.found.recall) == (1.0, 1.0)
    assert total.ready.true > 100
    assert total.wrong_amounts == 0


def ready_one(right: list[TrueClaim]) -> int:
    """Place of a ready claim with a declared value."""
    return next(
        place
        for place, each in enumerate(right)
        if each.state == "ready" and each.grade == "declared" and each.story == "lost"
    )


def test_a_missed_claim_lowers_recall(world: World) -> None:
    right = truths(world, Cut(), True)
    said = perfect(right)
    del said[ready_one(right)]
    total = score(right, said, set()).total()
    assert total.ready.recall < 1.0
    assert total.ready.precision == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"units": 9},
        {"fnsku": "X00OTHER"},
        {"country": "SE"},
        {"rule": "warehouse_damaged"},
        {"seller_id": "A2AMERICA"},
    ],
    ids=str,
)
def test_a_false_claim_lowers_precision(world: World, change: dict[str, object]) -> None:
    right = truths(world, Cut(), True)
    said = perfect(right)
    place = ready_one(right)
    said[place] = replace(said[place], **change)
    found = score(right, said, set())
    assert found.total().ready.precision < 1.0
    assert found.wrong != []


def test_a_claim_filed_too_early_is_false(world: World) -> None:
    right = truths(world, Cut(), True)
    said = perfect(right)
    place = next(at for at, each in enumerate(right) if each.state == "open")
    said[place] = replace(said[place], state="ready")
    assert score(right, said, set()).total().ready.false == said[place].units


def test_an_amount_must_be_right_to_the_minor_unit(world: World) -> None:
    right = truths(world, Cut(), True)
    said = perfect(right)
    place = ready_one(right)
    said[place] = replace(said[place], amount_minor=(said[place].amount_minor or 0) + 1)
    assert score(right, said, set()).total().wrong_amounts == 1


def test_a_missing_report_blocks_what_rests_on_it(world: World) -> None:
    cut = Cut("returns", "missing", "A1EUROPE")
    right = truths(world, cut, True)
    missing = [each for each in right if each.rule == "return_missing"]
    assert {each.state for each in missing if each.seller_id == "A1EUROPE"} <= {"blocked", "any"}
    assert "ready" in {each.state for each in missing if each.seller_id == "A2AMERICA"}
    blocked = score(right, [], set())
    assert "A1EUROPE return_missing" in blocked.unnamed
    assert blocked.total().blocked_units > 0


def test_files_hold_the_columns_of_their_report(world: World, tmp_path: Path) -> None:
    for file in Printer(world, tmp_path).all():
        text = file.path.read_bytes().decode("cp1252", errors="replace")
        header = text.splitlines()[0].replace("ï»¿", "").replace('"', "")
        delimiter = "\t" if "\t" in header else ","
        report = file.report
        expected = len(HEADERS[report].split(","))
        if report in {"fee_preview", "ledger"}:
            assert expected - 2 <= len(header.split(delimiter)) <= expected + 4
        else:
            assert len(header.split(delimiter)) == expected


def test_kept_scores_are_not_reckoned_again(world: World, tmp_path: Path) -> None:
    right = truths(world, Cut(), documented=True)
    said = perfect(right)[1:]
    reckoned = []

    def judge() -> dict[str, Score]:
        reckoned.append(1)
        return {"complete": score(right, said, set())}

    first = kept_or_new(tmp_path, 7, 1, judge)
    again = kept_or_new(tmp_path, 7, 1, judge)
    assert again == first
    assert first["complete"].total().ready.true > 0
    kept_or_new(tmp_path, 7, 2, judge)
    kept_or_new(tmp_path, 8, 1, judge)
    assert len(reckoned) == 3
