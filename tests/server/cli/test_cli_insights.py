"""`repriced insights`: what people and programs see of advice, reviews and profit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Run, runner_for

from tests.server.conftest import MARKETPLACE, SELLER, Running, listing, run
from tests.server.test_insights import TODAY, bring, on_trial, past


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Running, str]]:
    """A server with a trial and a listing that nobody competes with, and the trial's id."""
    for server in run(directory=tmp_path_factory.mktemp("tried")):
        review_id = on_trial(server)
        (alone,) = bring(server, listing("ALONE", price_minor=1200))
        past(server, alone, TODAY - 1, None, 1200, known=96, ours=96, alone=96)
        yield runner_for(server.app), server, review_id


def test_advice_asks_and_explains(tried: tuple[Run, Running, str]) -> None:
    repriced, _, _ = tried
    told = repriced("insights", "recommend", SELLER)
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0] == "Advised as a seller without much experience; listings in 1 marketplaces."
    assert f"{MARKETPLACE}/EUR/B2C/NEW/ALONE: 1 listings -> BUY_BOX" in lines
    assert "The answers to these questions would change the advice:" in lines
    assert lines[-1].endswith("(--own-brand)")
    told = repriced("insights", "recommend", SELLER, "--own-brand", "--months-selling", "2")
    assert f"{MARKETPLACE}/EUR/B2C/NEW/ALONE: 1 listings -> PUSH" in told.output
    assert "    ALONE: start 12.00 EUR, ceiling 15.60 EUR; A ceiling of 130 %" in told.output
    assert "your sales do." in told.output
    answer = json.loads(repriced("insights", "recommend", SELLER, "--own-brand", "--json").output)
    assert {each["market"] for each in answer["groups"]} == {"MARKET_ALONE", "MARKET_COMPETITION"}


def test_a_review_and_its_answer(tried: tuple[Run, Running, str]) -> None:
    repriced, _, review_id = tried
    told = repriced("insights", "review", SELLER)
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    at = lines.index(f"{review_id}: 1 listings")
    assert "Buy Box 25 %, price 20.00 EUR, units 140" in lines[at + 1]
    assert lines[at + 2].endswith("revenue 2940.00 EUR, profit 419.58 EUR")
    assert lines[at + 3] == "  keep: Profit went from 322.84 EUR to 419.58 EUR."
    answered = repriced(
        "insights", "review", SELLER, "--answer", review_id, "keep", "accepted", "--note", "gladly"
    )
    assert answered.output.splitlines()[-1].endswith(f"{review_id} keep: accepted (gladly)")
    kept = json.loads(repriced("insights", "review", SELLER, "--quarter", "--json").output)
    assert [each["note"] for each in kept["timeline"]] == ["gladly"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("review", SELLER, "--answer", "x", "double", "accepted"), "CHANGE is 'double'; allowed"),
        (("review", SELLER, "--answer", "x", "keep", "perhaps"), "ANSWER is 'perhaps'; allowed"),
        (("review", SELLER, "--answer", "x", "keep", "later"), "answers[0].review_id is 'x'"),
        (("profitability", SELLER, "--from", "2026-01-01"), "--from and --to belong together"),
        (("recommend", "A9NOBODY"), "seller 'A9NOBODY' is not known"),
    ],
)
def test_mistakes_are_told(
    tried: tuple[Run, Running, str], words: tuple[str, ...], told: str
) -> None:
    result = tried[0]("insights", *words)
    assert result.exit_code in (1, 2)
    assert told in result.output


def test_profit_as_a_table_and_as_json(tried: tuple[Run, Running, str]) -> None:
    repriced, _, _ = tried
    table = repriced("insights", "profitability", SELLER).output.splitlines()
    assert table[0].split()[0] == "marketplace"
    rows: list[Any] = [line.split() for line in table[1:]]
    assert [row[1] for row in rows] == ["-", "new"]
    assert rows[0][3:] == ["100", "%", "12.00", "EUR", "?", "?", "?", "0"]
    assert rows[1][-3:] == ["772.39", "EUR", "0"]
    words = ("--by", "listing", "--json")
    lines = repriced("insights", "profitability", SELLER, *words).output.splitlines()
    assert [json.loads(each)["key"]["sku"] for each in lines] == ["ALONE", "TRIAL"]


def test_nothing_seen_is_told(tmp_path: Path) -> None:
    for server in run(directory=tmp_path):
        bring(server, listing("NEW"))
        told = runner_for(server.app)("insights", "review", SELLER)
        assert told.output == "nothing has been seen of this seller's listings yet\n"
