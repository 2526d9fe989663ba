"""The writer: a failure stays with the request that caused it, and so does everything else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from engine.errors import ApplyError, DeadlineError, InputError, LimitError
from engine.journal import MemoryJournal
from engine.pipeline import Engine, Input
from engine.results import Answer
from engine.schema import InputKind, JournalMode
from repriced.v1 import catalog_pb2, pricing_pb2
from server.admission import Admission
from server.config import LimitsConfig
from server.interceptors import MESSAGE_BYTES, code_of, status_of
from server.metrics import Metrics
from server.timers import LONGEST_PAUSE_S, ROUND_S, SLICE, pause_between
from server.wire import WireCodec
from server.writer import Work, Writer
from tests.server.conftest import Running, listing, rival, snapshot

POISON = "POISON"


class Fragile(WireCodec):
    """A codec with a defect: it cannot encode what one listing leads to."""

    def encode(self, kind: InputKind, result: Any, catalog: Any, mode: JournalMode) -> bytes:
        if kind == InputKind.LISTINGS:
            skus = {catalog.skus[listing_id] for _, listing_id, _ in result.upserted}
            assert POISON not in skus, "a defect"
        return super().encode(kind, result, catalog, mode)


@pytest.fixture
def writer() -> Iterator[Writer]:
    """A writer over an engine with a defect, not started yet."""
    engine = Engine(Fragile(), MemoryJournal(1_000_000))
    made = Writer(engine, LimitsConfig(), Metrics())
    yield made
    made.stop()


def upsert(writer: Writer, sku: str) -> Input:
    """An input that creates a listing."""
    request = catalog_pb2.BatchUpsertListingsRequest(
        request_id=str(uuid.uuid4()), listings=[listing(sku)]
    )
    return writer._engine.shape(InputKind.LISTINGS, request.SerializeToString(), "test")


def test_a_failing_request_fails_alone(writer: Writer) -> None:
    skus = ("FIRST", POISON, "LAST")
    waiting = [writer.apply(Work([upsert(writer, each)]), "one connection") for each in skus]
    writer.start()
    first, poison, last = (each.exception(10) for each in waiting)
    assert first is None
    assert last is None
    assert isinstance(poison, ApplyError)
    assert isinstance(poison.__cause__, AssertionError)
    made: list[Answer] = [waiting[0].result()[0], waiting[2].result()[0]]
    ids = [catalog_pb2.BatchUpsertListingsResponse.FromString(each.payload) for each in made]
    assert [each.upserted[0].created for each in ids] == [True, True]


def test_an_expired_or_unwanted_request_is_not_applied(writer: Writer) -> None:
    late = writer.apply(Work([upsert(writer, "LATE")], expires=0.0), "a")
    gone = writer.apply(Work([upsert(writer, "GONE")], is_wanted=lambda: False), "b")
    done = writer.apply(Work([upsert(writer, "DONE")]), "c")
    writer.start()
    assert done.result(10)
    assert isinstance(late.exception(10), DeadlineError)
    assert isinstance(gone.exception(10), DeadlineError)
    assert {key.sku for key in writer._engine.catalog.ids} == {"DONE"}


def test_a_failing_read_fails_alone(writer: Writer) -> None:
    writer.start()
    assert isinstance(writer.read(lambda _: 1 // 0).exception(10), ZeroDivisionError)
    assert writer.read(lambda engine: engine.catalog.count).result(10) == 1


def test_a_million_listings_are_visited_in_time() -> None:
    assert pause_between(1) == pause_between(SLICE) == LONGEST_PAUSE_S
    assert pause_between(1_000_000) * 1_000_000 / SLICE <= ROUND_S < 10


def test_places_are_given_back() -> None:
    limits = LimitsConfig(queue_requests=2, caller_requests=1)
    admission = Admission(limits)
    with admission.request("a", 10):
        with pytest.raises(LimitError, match="of this caller"):
            admission.request("a", 10).__enter__()
        with (
            admission.request("b", 10),
            pytest.raises(LimitError, match="of all callers") as full,
        ):
            admission.request("c", 10).__enter__()
        assert full.value.retry_after_ms > 0
    assert admission.depth() == 0
    with admission.request("a", limits.caller_bytes):
        assert admission.depth() == 1
    assert admission.drain(0)


def test_errors_outside_the_tree_say_nothing_of_the_server() -> None:
    status = status_of(KeyError("/srv/secret"))
    assert code_of(KeyError()) == grpc.StatusCode.INTERNAL
    assert "secret" not in status.message
    assert not status.details


def test_long_messages_fit_into_a_trailer() -> None:
    status = status_of(InputError("値" * 5_000, reason="X", field="f"))
    assert len(status.message.encode()) <= MESSAGE_BYTES + 3
    assert len(status.SerializeToString()) < 4_000


def test_an_internal_failure_is_one_call_only(server: Running) -> None:
    """The process stays up, the caller learns nothing, and the next call is served."""
    server.upsert(listing("SOUND"))
    codec = server.app.engine._codec
    server.app.engine._codec = Fragile()
    with pytest.raises(grpc.RpcError) as failed:
        server.upsert(listing(POISON))
    server.app.engine._codec = codec
    assert failed.value.code() == grpc.StatusCode.INTERNAL
    assert "defect" not in (failed.value.details() or "")
    answer = server.reprice(snapshot("SOUND", rival(1000)))
    assert isinstance(answer, pricing_pb2.RepriceResponse)
    assert len(answer.decisions) == 1
