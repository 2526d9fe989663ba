"""Days are added up, units replaced, strategies remembered, sellers forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from engine.errors import ConfigError, LimitError
from engine.insights.history import DATABASE, KEPT_DAYS, Answered, Day, History, Seen
from engine.insights.look import COUNTED, DAY_MS, Counts, Look, Sold

DAY = 20_000
ANSWER = Answered(5, "TRIAL/M/EUR/B2C//1", "KEEP", "It paid.", 1, "fine")


def look(*ids: int, seller: str = "A", strategy: str = "s", sold: tuple[Sold, ...] = ()) -> Look:
    """A look that counts 1, 2, 3, ... of each listing."""
    counts = np.tile(np.arange(1, len(COUNTED) + 1), (len(ids), 1))
    many = len(ids)
    return Look(np.array(ids), counts, [seller] * many, [strategy] * many, list(sold))


def counts(looks: int) -> Counts:
    """What so many of those looks add up to."""
    return Counts(*(looks * each for each in range(1, len(COUNTED) + 1)))


def test_looks_add_up_by_day_and_units_are_replaced() -> None:
    history = History(None)
    history.add(look(1, 2, sold=((1, DAY, 3),)), DAY * DAY_MS)
    history.add(look(1, sold=((1, DAY, 2), (1, DAY - 1, 9))), DAY * DAY_MS + 5)
    history.add(look(1, sold=((1, DAY + 1, 0),)), (DAY + 1) * DAY_MS)
    assert history.days([1], DAY - 1, DAY + 2) == [
        Day(1, DAY - 1, Counts(), 9), Day(1, DAY, counts(2), 2), Day(1, DAY + 1, counts(1), 0),
    ]  # fmt: skip
    assert history.days([2, 3], DAY, DAY + 1) == [Day(2, DAY, counts(1), None)]
    assert history.days([1], DAY + 2, DAY + 2) == []


def test_a_change_of_strategy_is_dated() -> None:
    history = History(None)
    for day, strategy in ((DAY, "s"), (DAY + 3, "t"), (DAY + 4, "t")):
        history.add(look(1, strategy=strategy), day * DAY_MS)
    assert history.seen("A") == {1: Seen("t", DAY + 3, DAY)}
    assert history.seen("B") == {}


def test_old_days_go_and_the_last_look_is_known(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.looked_ms == 0
    for day in (DAY, DAY + 1, DAY + KEPT_DAYS + 1):
        history.begin_look(day * DAY_MS)
        history.add(look(1), day * DAY_MS)
    kept = [each.day for each in history.days([1], DAY, DAY + KEPT_DAYS + 2)]
    assert kept == [DAY + 1, DAY + KEPT_DAYS + 1]
    history.close()
    again = History(tmp_path)
    assert again.looked_ms == (DAY + KEPT_DAYS + 1) * DAY_MS
    assert len(again.days([1], DAY, DAY + KEPT_DAYS + 2)) == 2
    assert (tmp_path / DATABASE).stat().st_mode & 0o777 == 0o600
    again.close()


def test_a_seller_leaves_and_the_other_stays(tmp_path: Path) -> None:
    history = History(tmp_path)
    for seller, listing_id in (("A-SELLER-THAT-LEAVES", 1), ("B", 2)):
        history.add(look(listing_id, seller=seller), DAY * DAY_MS)
        with history.keeping() as kept:
            kept.answer(seller, ANSWER)
    with pytest.raises(ZeroDivisionError), history.erasing("A-SELLER-THAT-LEAVES"):
        raise ZeroDivisionError
    assert history.seen("A-SELLER-THAT-LEAVES")
    with history.erasing("A-SELLER-THAT-LEAVES") as gone:
        assert gone == 3
    assert not history.days([1], DAY, DAY + 1)
    assert not history.seen("A-SELLER-THAT-LEAVES")
    assert not history.answers("A-SELLER-THAT-LEAVES")
    assert (history.answers("B"), len(history.days([2], DAY, DAY + 1))) == ([ANSWER], 1)
    for file in tmp_path.iterdir():
        assert b"A-SELLER-THAT-LEAVES" not in file.read_bytes()
    with history.erasing("A-SELLER-THAT-LEAVES") as gone:
        assert gone == 0
    history.close()


def test_everything_held_can_be_exported() -> None:
    history = History(None)
    history.add(look(1, sold=((1, DAY, 3),)), DAY * DAY_MS)
    history.add(look(2, seller="B"), DAY * DAY_MS)
    with history.keeping() as kept:
        kept.answer("A", ANSWER)
    held = {name: [json.loads(each) for each in rows] for name, rows in history.held("A")}
    assert held == {
        "insight_days": [
            {"listing_id": 1, "day": DAY, "units": 3}
            | {name: at for at, name in enumerate(COUNTED, 1)}
        ],
        "insight_answers": [
            {"at_ms": 5, "review": ANSWER.review, "proposal": "KEEP", "why": "It paid.",
             "answer": 1, "note": "fine"}
        ],
    }  # fmt: skip


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database at all, but long enough to be read" * 100)
    with pytest.raises(ConfigError, match="cannot be used"):
        History(tmp_path)
    (tmp_path / DATABASE).unlink()
    newer = apsw.Connection(str(tmp_path / DATABASE))
    newer.pragma("user_version", 99)
    newer.close()
    with pytest.raises(ConfigError, match="has version 99"):
        History(tmp_path)


def test_a_full_disk_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.db.pragma("max_page_count", history.db.pragma("page_count"))
    long = replace(ANSWER, note="x" * 100_000)

    def answer(*given: Answered) -> None:
        with history.keeping() as kept:
            for each in given:
                kept.answer("A", each)

    with pytest.raises(LimitError, match="no room"):
        answer(ANSWER, long)
    assert history.answers("A") == []
    history.db.pragma("max_page_count", 10_000)
    answer(long)
    assert history.answers("A") == [long]
    history.close()
