"""Reviews that are due are told once, whatever restarts come between."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import numpy as np

from engine.insights.history import DATABASE, KEPT_DAYS, History
from engine.insights.look import COUNTED, DAY_MS, Look
from engine.insights.notices import NoticeKind, last_notice_id, notices_after, raise_notices

DAY = 20_000


def see(history: History, day: int, *ids: int, seller: str = "A", strategy: str = "s") -> None:
    """A look of a day."""
    counts = np.ones((len(ids), len(COUNTED)), np.int64)
    many = len(ids)
    history.add(Look(np.array(ids), counts, [seller] * many, [strategy] * many, []), day * DAY_MS)


def told(history: History, day: int) -> list[tuple[str, NoticeKind, str]]:
    """Seller, kind and subject of what a day's first look raises."""
    after = last_notice_id(history)
    raised = raise_notices(history, day * DAY_MS)
    found = notices_after(history, after, 100)
    assert raised == len(found)
    return [(each.seller, each.kind, each.subject) for each in found]


def test_a_trial_is_due_when_two_whole_weeks_have_passed() -> None:
    history = History(None)
    see(history, DAY, 1, 2)
    see(history, DAY + 3, 2, strategy="t")
    expected = {
        DAY + 14: [],
        DAY + 15: [("A", NoticeKind.TRIAL_DUE, f"TRIAL/s/{DAY}")],
        DAY + 16: [],
        DAY + 18: [("A", NoticeKind.TRIAL_DUE, f"TRIAL/t/{DAY + 3}")],
        DAY + 19: [],
    }
    for day, subjects in expected.items():
        see(history, day, 1)
        see(history, day, 2, strategy="t")
        assert told(history, day) == subjects, day - DAY
    first, second = notices_after(history, 0, 100)
    assert first.message.startswith("1 listing has had strategy 's' for two weeks now: ReviewTrial")
    assert second.notice_id == first.notice_id + 1
    assert second.at_ms == (DAY + 18) * DAY_MS


def test_each_quarter_is_told_of_once_a_seller() -> None:
    history = History(None)
    see(history, DAY, 1, 2)
    quarters = []
    for day in range(DAY, DAY + 200):
        see(history, day, 1, 2)
        if day >= DAY + 150:
            see(history, day, 3, seller="B")
        quarters += [(day - DAY, *each) for each in told(history, day) if each[1] == 2]
    assert quarters == [(91, "A", 2, "QUARTER/1"), (182, "A", 2, "QUARTER/2")]


def test_listings_that_are_gone_are_not_told_of() -> None:
    history = History(None)
    see(history, DAY, 1)
    see(history, DAY, 2, strategy="")
    see(history, DAY + 15, 2, strategy="")
    assert told(history, DAY + 15) == [("A", NoticeKind.TRIAL_DUE, f"TRIAL//{DAY}")]
    (notice,) = notices_after(history, 0, 100)
    assert "had the default strategy" in notice.message


def test_restarts_tell_nothing_twice(tmp_path: Path) -> None:
    for expected in (1, 0, 0):
        history = History(tmp_path)
        see(history, DAY, 1)
        see(history, DAY + 15, 1)
        assert len(told(history, DAY + 15)) == expected
        history.close()


def test_old_notices_go_and_are_not_told_again() -> None:
    history = History(None)
    for day in (DAY, DAY + 15):
        see(history, day, 1)
    assert len(told(history, DAY + 15)) == 1
    see(history, DAY + 16 + KEPT_DAYS, 1)
    later = told(history, DAY + 16 + KEPT_DAYS)
    assert [each[2] for each in later] == ["QUARTER/2"]
    assert [each.subject for each in notices_after(history, 0, 9)] == ["QUARTER/2"]
    assert last_notice_id(history) == 2


def test_notices_are_exported_and_erased_with_their_seller() -> None:
    history = History(None)
    for day in (DAY, DAY + 15):
        see(history, day, 1)
        see(history, day, 2, seller="B")
    raise_notices(history, (DAY + 15) * DAY_MS)
    held = dict(history.held("A"))
    (row,) = [json.loads(each) for each in held["insight_notices"]]
    assert row["at_ms"] == (DAY + 15) * DAY_MS
    with history.erasing("A"):
        pass
    assert [each.seller for each in notices_after(history, 0, 9)] == ["B"]


def test_a_file_from_before_there_were_notices_is_taken_over(tmp_path: Path) -> None:
    history = History(tmp_path)
    for day in (DAY, DAY + 15):
        see(history, day, 1)
    history.close()
    older = apsw.Connection(str(tmp_path / DATABASE))
    older.execute("DROP TABLE notices")
    older.pragma("user_version", 1)
    older.close()
    history = History(tmp_path)
    assert [each[2] for each in told(history, DAY + 15)] == [f"TRIAL/s/{DAY}"]
    assert history.db.pragma("user_version") == 2
