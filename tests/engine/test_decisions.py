"""The newest decisions, in order, for those who watch them."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.decisions import DecisionLog
from engine.errors import NotFoundError
from engine.schema import DECISION


def batch(first: int, count: int) -> NDArray[np.void]:
    decisions = np.zeros(count, DECISION)
    decisions["decision_id"] = np.arange(first, first + count)
    return decisions


def ids(decisions: NDArray[np.void]) -> list[int]:
    return [int(each) for each in decisions["decision_id"]]


def test_decisions_after_an_id() -> None:
    log = DecisionLog(100)
    assert ids(log.after(0, 10)) == []
    log.append(batch(1, 3))
    log.append(batch(4, 0))
    log.append(batch(4, 2))
    assert log.last_id == 5
    assert ids(log.after(0, 10)) == [1, 2, 3, 4, 5]
    assert ids(log.after(2, 2)) == [3, 4]
    assert ids(log.after(5, 10)) == ids(log.after(9, 10)) == []


def test_old_decisions_leave_whole_batches_at_a_time() -> None:
    log = DecisionLog(4)
    log.append(batch(1, 3))
    log.append(batch(4, 3))
    assert ids(log.after(3, 10)) == [4, 5, 6]
    with pytest.raises(NotFoundError) as caught:
        log.after(2, 10)
    assert (caught.value.field, caught.value.reason) == ("after_decision_id", "CURSOR_TOO_OLD")
    assert "from 4 on" in caught.value.message


def test_a_batch_over_the_limit_is_kept_whole() -> None:
    log = DecisionLog(2)
    log.append(batch(1, 5))
    assert ids(log.after(0, 10)) == [1, 2, 3, 4, 5]


def test_cursors_stay_valid_where_decisions_were_forgotten() -> None:
    log = DecisionLog(100)
    log.append(batch(1, 2))
    theirs = batch(3, 2)
    theirs["listing_id"] = 7
    log.append(theirs)
    log.append(batch(5, 1))
    log.forget(np.array([0]))
    assert ids(log.after(0, 10)) == [3, 4]
    log.forget(np.array([7]))
    assert [ids(log.after(cursor, 10)) for cursor in range(6)] == [[]] * 6
    assert log.last_id == 5
    again = DecisionLog(100)
    again.load(log.dump(), log.kept_from, log.last_id)
    assert (again.kept_from, again.last_id) == (1, 5)
    assert not again.wait(5, 0)


def test_waiting() -> None:
    log = DecisionLog(10)
    assert not log.wait(0, 0.01)
    writer = Thread(target=log.append, args=(batch(1, 1),))
    writer.start()
    assert log.wait(0, 10)
    writer.join()
    assert log.wait(0, 0)
    assert not log.wait(1, 0)
