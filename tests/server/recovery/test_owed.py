"""A kill switch on a full disk is once, however often it is asked for before it is journaled."""

from __future__ import annotations

import errno
import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, JournalFullError
from engine.journal import FrameKind
from engine.schema import InputKind
from engine.state_columns import state_hash
from repriced.v1 import pricing_pb2, types_pb2
from tests.server.recovery.shards import Opened, apply, open_shard
from tests.server.test_computed_bounds import START_MS, Book, listing, schedule


class Full:
    """A file of a disk without room."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, *_: Any) -> None:
        """Refuses."""
        raise OSError(errno.ENOSPC, "no room")


@pytest.fixture
def shop(tmp_path: Path) -> Opened:
    """An engine with a listing, whose disk is full."""
    book = Book(tmp_path)
    book.schedules(schedule())
    book.listings(listing())
    return book.shard


def test_repeats_of_what_is_owed_are_neither_applied_nor_journaled(
    shop: Opened, tmp_path: Path
) -> None:
    journal: Any = shop.engine.journal
    active, journal._active = journal._active, Full(journal._active)
    before = journal.last_sequence
    request = pricing_pb2.StopRepricingRequest(request_id=str(uuid.uuid4()), seller_ids=["A1SHOP"])
    stop = InputKind.STOP, request.SerializeToString()
    request.everything = True
    other = InputKind.STOP, request.SerializeToString()
    first, again = apply(shop.engine, START_MS + 60_000, stop, stop)
    later, reused = apply(shop.engine, START_MS + 61_000, stop, other)
    assert first == again == later
    answer = pricing_pb2.StopRepricingResponse.FromString(first)
    assert (answer.stopped_count, answer.journal_mode) == (1, types_pb2.JOURNAL_MODE_PENDING)
    assert isinstance(reused, ConflictError)
    assert shop.engine.owed == 1
    with pytest.raises(JournalFullError):
        shop.engine.pass_time(START_MS + 62_000)
    journal._active = active
    (kept,) = apply(shop.engine, START_MS + 63_000, stop)
    assert pricing_pb2.StopRepricingResponse.FromString(kept).stopped_count == 1
    journal.commit()
    kinds = [each.kind for each in journal.read_from(before + 1) if each.kind != FrameKind.OUTPUT]
    assert kinds == [InputKind.STOP]
    hashed = state_hash(shop.engine.state)
    shop.stop()
    assert state_hash(open_shard(tmp_path, START_MS).engine.state) == hashed
