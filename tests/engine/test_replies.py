"""Repeated requests get their first answer, inside a window of time and count."""

from __future__ import annotations

import pytest
from market.shard import (
    answer,
    definitions,
    given,
    key,
    listing,
    new_engine,
    rival,
    snapshots,
)

from engine import replies
from engine.errors import ConflictError
from engine.replies import WINDOW_MS, Identity, Replies, identity_of
from engine.results import Answer
from engine.schema import InputKind


def identity(name: str, body: bytes = b"body") -> Identity:
    return identity_of("caller", 1, name, body)


def kept(known: Replies, *names: str, now_ms: int = 0) -> list[list[int]]:
    return [known.outputs(identity(name), now_ms) for name in names]


def remember(known: Replies, *names: str, now_ms: int = 0) -> None:
    for name in names:
        known.remember(identity(name), now_ms, ord(name))


def test_a_repeat_is_known_by_caller_method_and_id() -> None:
    known = Replies()
    remember(known, "a")
    assert kept(known, "a", "b") == [[97], []]
    assert known.outputs(identity_of("other caller", 1, "a", b"body"), 0) == []
    assert known.outputs(identity_of("caller", 2, "a", b"body"), 0) == []


def test_no_two_names_are_joined_to_the_same_text() -> None:
    assert identity_of("a 1", 1, "b", b"").name != identity_of("a", 1, "1 b", b"").name


def test_the_same_id_with_another_body_is_a_conflict() -> None:
    known = Replies()
    remember(known, "a")
    with pytest.raises(ConflictError) as caught:
        known.outputs(identity("a", b"another body"), 0)
    assert (caught.value.field, caught.value.reason) == ("request_id", "REQUEST_ID_REUSED")


def test_the_window_of_time_holds_without_a_later_request() -> None:
    known = Replies()
    remember(known, "a", now_ms=0)
    assert kept(known, "a", now_ms=WINDOW_MS) == [[97]]
    assert kept(known, "a", now_ms=WINDOW_MS + 1) == [[]]


def test_what_left_the_window_is_forgotten() -> None:
    known = Replies()
    remember(known, "a", now_ms=0)
    remember(known, "b", now_ms=WINDOW_MS)
    remember(known, "c", now_ms=WINDOW_MS + 1)
    assert [record["output"] for record in known.dump()] == [98, 99]
    assert known.oldest_output == 98


def test_an_id_used_again_after_the_window_is_a_new_request() -> None:
    known = Replies()
    remember(known, "a", now_ms=0)
    known.remember(identity("a", b"another body"), WINDOW_MS + 1, 7)
    assert known.outputs(identity("a", b"another body"), WINDOW_MS + 1) == [7]


def test_the_window_of_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "WINDOW_COUNT", 2)
    known = Replies()
    remember(known, *"abc")
    assert kept(known, "a", "b", "c") == [[], [98], [99]]


def test_parts_of_a_request_are_answered_in_order_and_survive_a_dump() -> None:
    known = Replies()
    remember(known, "a", "b")
    known.remember(identity("a"), 5, 1000)
    for each in (known, Replies.load(known.dump())):
        assert kept(each, "a", "b") == [[97, 1000], [98]]
        assert each.oldest_output == 97


def test_the_engine_applies_a_request_once() -> None:
    engine = new_engine()
    batch = definitions([listing()])
    batch.request_id = "one"
    first = answer(engine, InputKind.LISTINGS, batch)
    again = answer(engine, InputKind.LISTINGS, batch)
    assert isinstance(first, Answer)
    assert again == Answer(None, first.payload)
    assert engine.catalog.count == 2
    clash = answer(engine, InputKind.LISTINGS, batch, body=b"another body")
    assert isinstance(clash, ConflictError)


def test_a_repeat_in_the_same_group_waits_for_the_first() -> None:
    engine = new_engine()
    answer(engine, InputKind.LISTINGS, definitions([listing()]))
    batch = snapshots((key(), [rival(1000)]))
    batch.request_id = "twice"
    same = given(InputKind.REPRICE, batch, b"body")
    other = given(InputKind.REPRICE, batch, b"changed")
    first, repeat, clash = engine.apply_group([same, same, other], engine.now_ms + 1)
    assert isinstance(first, Answer)
    assert repeat == Answer(None, first.payload)
    assert isinstance(clash, ConflictError)
    assert engine.state.next_decision_id == 2


def test_an_answer_that_is_no_longer_kept_is_not_made_up() -> None:
    engine = new_engine(keep_bytes=100)
    batch = definitions([listing()])
    batch.request_id = "one"
    answer(engine, InputKind.LISTINGS, batch)
    answer(engine, InputKind.LISTINGS, definitions([listing("SKU-2")]), body=bytes(200))
    again = answer(engine, InputKind.LISTINGS, batch)
    assert isinstance(again, ConflictError)
    assert again.reason == "ANSWER_NOT_KEPT"
