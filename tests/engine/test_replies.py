"""Repeated requests get their first answer, inside a window of time, count and bytes."""

from __future__ import annotations

import pytest
from market.shard import answer, definitions, key, listing, new_engine, rival, snapshots

from engine import replies
from engine.errors import ConflictError
from engine.pipeline import Input
from engine.replies import WINDOW_MS, Replies
from engine.results import Answer
from engine.schema import InputKind


def kept(known: Replies[str], *names: str) -> list[str | None]:
    return [known.find(("caller", 1, name), name.encode()) for name in names]


def remember(known: Replies[str], name: str, now_ms: int = 0, size: int = 10) -> None:
    known.remember(("caller", 1, name), name.encode(), f"answer {name}", size, now_ms)


def test_a_repeat_gets_the_first_answer() -> None:
    known: Replies[str] = Replies(1000)
    remember(known, "a")
    assert kept(known, "a", "b") == ["answer a", None]
    assert known.find(("other caller", 1, "a"), b"a") is None
    assert known.find(("caller", 2, "a"), b"a") is None


def test_the_same_id_with_another_body_is_a_conflict() -> None:
    known: Replies[str] = Replies(1000)
    remember(known, "a")
    with pytest.raises(ConflictError) as caught:
        known.find(("caller", 1, "a"), b"another body")
    assert (caught.value.field, caught.value.reason) == ("request_id", "REQUEST_ID_REUSED")
    assert "'a'" in caught.value.message


def test_the_window_of_time() -> None:
    known: Replies[str] = Replies(1000)
    remember(known, "a", 0)
    remember(known, "b", WINDOW_MS)
    assert kept(known, "a") == ["answer a"]
    remember(known, "c", WINDOW_MS + 1)
    assert kept(known, "a", "b", "c") == [None, "answer b", "answer c"]


def test_the_window_of_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "WINDOW_COUNT", 2)
    known: Replies[str] = Replies(1000)
    for name in "abc":
        remember(known, name)
    assert kept(known, "a", "b", "c") == [None, "answer b", "answer c"]


def test_the_window_of_bytes_keeps_the_newest() -> None:
    known: Replies[str] = Replies(25)
    for name in "abc":
        remember(known, name)
    assert kept(known, "a", "b", "c") == [None, "answer b", "answer c"]
    remember(known, "large", size=100)
    assert kept(known, "b", "c", "large") == [None, None, "answer large"]


def test_the_engine_applies_a_request_once() -> None:
    engine = new_engine()
    batch = definitions([listing()])
    batch.request_id = "one"
    first = answer(engine, InputKind.LISTINGS, batch)
    assert answer(engine, InputKind.LISTINGS, batch) is first
    assert engine.catalog.count == 2
    clash = answer(engine, InputKind.LISTINGS, batch, body=b"another body")
    assert isinstance(clash, ConflictError)


def test_a_repeat_in_the_same_group_waits_for_the_first() -> None:
    engine = new_engine()
    answer(engine, InputKind.LISTINGS, definitions([listing()]))
    batch = snapshots((key(), [rival(1000)]))
    batch.request_id = "twice"
    same = Input(InputKind.REPRICE, "caller", b"body", batch)
    other = Input(InputKind.REPRICE, "caller", b"changed", batch)
    first, repeat, clash = engine.apply_group([same, same, other], engine.now_ms + 1)
    assert isinstance(first, Answer)
    assert repeat is first
    assert isinstance(clash, ConflictError)
    assert engine.state.next_decision_id == 2
