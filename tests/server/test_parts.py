"""A large Reprice in parts: the same answer, each part once, and others served in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from engine.errors import ApplyError, JournalFullError
from engine.journal import MemoryJournal
from engine.pipeline import Engine, Input
from engine.replies import identity_of
from engine.results import Answer
from engine.schema import InputKind, JournalMode
from repriced.v1 import catalog_pb2, pricing_pb2
from server.config import LimitsConfig
from server.metrics import Metrics
from server.wire import WireCodec
from server.wire import parts as parts_module
from server.wire.parts import joined, split
from server.writer import TURN_BYTES, Work, Writer
from tests.server.conftest import Running, listing, now_ms, request_id, rival, snapshot
from tests.server.recovery.shards import Opened, open_shard, same

ROWS, EACH, START_MS = 23, 5, 1_700_000_000_000
SKUS = [f"SKU-{at:02}" for at in range(ROWS)]
HEAD_BYTES = 6


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of five rows."""
    monkeypatch.setattr(parts_module, "PART_ROWS", EACH)


def catalogue() -> bytes:
    """A listing for each SKU."""
    request = catalog_pb2.BatchUpsertListingsRequest(
        request_id=request_id(), listings=[listing(each) for each in SKUS]
    )
    return request.SerializeToString()


def reprice(price: int = 1_000, at_ms: int = START_MS) -> bytes:
    """Offers for each listing; one row is unknown, one faulty, and one comes twice."""
    rows = [snapshot(sku, rival(price + at), event_ms=at_ms) for at, sku in enumerate(SKUS)]
    rows[7] = snapshot("NOBODY", rival(price), event_ms=at_ms)
    rows[11].currency = "euro"
    rows[19] = snapshot(SKUS[0], rival(price), event_ms=at_ms)
    request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=rows)
    return request.SerializeToString()


def whole(engine: Engine, payload: bytes) -> list[Input]:
    return [engine.shape(InputKind.REPRICE, payload, "caller")]


def in_parts(engine: Engine, payload: bytes) -> list[Input]:
    """The inputs that the server makes of a large request."""
    shaped = [engine.shape(InputKind.REPRICE_PART, each, "caller") for each in split(payload)]
    identity = identity_of("caller", InputKind.REPRICE, str(shaped[0].batch.request_id), payload)
    return [replace(each, identity=identity, part=at) for at, each in enumerate(shaped)]


def in_memory() -> Engine:
    engine = Engine(WireCodec(), MemoryJournal(1 << 20))
    engine.apply_group([engine.shape(InputKind.LISTINGS, catalogue(), "caller")], START_MS)
    return engine


def payloads(given: list[Any]) -> list[bytes]:
    assert all(isinstance(each, Answer) for each in given), given
    return [each.payload for each in given]


def message(payload: bytes) -> Any:
    """An answer without what depends on how many frames it took."""
    found = pricing_pb2.RepriceResponse.FromString(payload)
    found.sequence = 0
    return found


def test_parts_say_and_lead_to_what_the_whole_does() -> None:
    payload = reprice()
    one, other = in_memory(), in_memory()
    (wanted,) = payloads(one.apply_group(whole(one, payload), START_MS))
    made = in_parts(other, payload)
    assert [each.batch.row_count for each in made] == [5, 5, 5, 5, 3]
    found = [payloads(other.apply_group([each], START_MS))[0] for each in made]
    assert message(joined(found)) == message(wanted)
    answer = message(wanted)
    assert [each.index for each in answer.errors] == [7, 11]
    assert answer.evaluated_count == ROWS - 2
    assert [each.index for each in answer.ignored] == [19]
    assert np.array_equal(one.catalog.rows, other.catalog.rows)
    assert np.array_equal(one.decisions.dump(), other.decisions.dump())


def test_any_decoder_reads_a_part() -> None:
    payload = reprice()
    parsed = pricing_pb2.RepriceRequest.FromString(payload)
    pieces = [pricing_pb2.RepriceRequest.FromString(each) for each in split(payload)]
    assert [row for each in pieces for row in each.snapshots] == list(parsed.snapshots)
    assert {each.request_id for each in pieces} == {parsed.request_id}


@pytest.mark.parametrize("behind", [False, True])
def test_the_id_may_stand_anywhere_but_once(behind: bool) -> None:
    name = pricing_pb2.RepriceRequest(request_id=request_id()).SerializeToString()
    payload = reprice()[len(name) :]
    assert len(split(payload + name if behind else name + payload)) == 5
    assert split(payload) == []
    assert split(name + payload + name) == []
    assert split((name + payload)[:-1]) == []


def test_as_many_rows_as_a_part_has_are_one_part() -> None:
    rows = [snapshot(each, rival(900)) for each in SKUS[: 2 * EACH]]
    for count, parts in ((0, 1), (1, 1), (EACH, 1), (EACH + 1, 2), (2 * EACH, 2)):
        request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=rows[:count])
        assert len(split(request.SerializeToString())) == parts


# Once, whatever happens


def opened(path: Path) -> Opened:
    return open_shard(path, START_MS)


@pytest.mark.parametrize("before", range(1, 6))
def test_a_repeat_after_a_crash_goes_on_where_the_first_attempt_ended(
    tmp_path: Path, before: int
) -> None:
    definitions, payload = catalogue(), reprice()
    ends = []
    for name, applied in (("undisturbed", 0), ("crashed", before)):
        shard = opened(tmp_path / name)
        shard.engine.apply_group(
            [shard.engine.shape(InputKind.LISTINGS, definitions, "caller")], START_MS
        )
        for each in in_parts(shard.engine, payload)[:applied]:
            payloads(shard.engine.apply_group([each], START_MS))
        shard.stop()
        shard = opened(tmp_path / name)
        answers = [
            payloads(shard.engine.apply_group([each], START_MS))[0]
            for each in in_parts(shard.engine, payload)
        ]
        again = shard.engine.apply_group(in_parts(shard.engine, payload), START_MS)
        assert payloads(again) == answers
        ends.append((shard, answers))
    (one, wanted), (other, found) = ends
    assert message(joined(found)) == message(joined(wanted))
    assert np.array_equal(one.engine.catalog.rows, other.engine.catalog.rows)
    one.stop()
    other.stop()


def test_a_replay_of_parts_is_the_same_state(tmp_path: Path) -> None:
    shard = opened(tmp_path / "data")
    engine = shard.engine
    engine.apply_group([engine.shape(InputKind.LISTINGS, catalogue(), "caller")], START_MS)
    large, small = in_parts(engine, reprice()), whole(engine, reprice(950, START_MS + 5))
    for group in ([large[0]], [large[1], *small], large[2:]):
        payloads(engine.apply_group(group, START_MS + 10))
    shard.stop()
    again = opened(tmp_path / "data")
    assert (again.recovered.inputs, again.recovered.compared) == (8, 4)
    same(engine.state, again.engine.state)
    again.stop()


def test_another_body_under_the_same_id_is_refused_before_anything_is_applied() -> None:
    engine = in_memory()
    payload = reprice()
    payloads(engine.apply_group(in_parts(engine, payload)[:2], START_MS))
    name = pricing_pb2.RepriceRequest.FromString(payload).request_id
    other = pricing_pb2.RepriceRequest.FromString(reprice(700))
    other.request_id = name
    (refused,) = engine.apply_group(in_parts(engine, other.SerializeToString())[2:3], START_MS)
    assert getattr(refused, "reason", "") == "REQUEST_ID_REUSED"


# Turns


class Sized(WireCodec):
    """A codec that cannot encode one answer."""

    broken = -1

    def encode(self, kind: InputKind, result: Any, catalog: Any, mode: JournalMode) -> bytes:
        assert kind != InputKind.REPRICE_PART or result.sequence != self.broken, "a defect"
        return super().encode(kind, result, catalog, mode)


@pytest.fixture
def writer() -> Iterator[Writer]:
    """A writer that is not started yet."""
    engine = Engine(Sized(), MemoryJournal(64 * TURN_BYTES))
    engine.apply_group([engine.shape(InputKind.LISTINGS, catalogue(), "caller")], START_MS)
    made = Writer(engine, LimitsConfig(), Metrics())
    yield made
    made.stop()


def large(engine: Engine) -> list[Input]:
    """Parts of which each fills a turn."""
    filler = b"\xfa\x7f" + (TURN_BYTES).to_bytes(4, "little")  # only its length matters here
    return [
        replace(each, payload=each.payload + filler + bytes(TURN_BYTES))
        for each in in_parts(engine, reprice(at_ms=now_ms()))
    ]


def sequences(answers: list[Answer]) -> list[int]:
    return [pricing_pb2.RepriceResponse.FromString(each.payload).sequence for each in answers]


def small(engine: Engine, sku: str) -> Work:
    request = pricing_pb2.RepriceRequest(
        request_id=request_id(), snapshots=[snapshot(sku, rival(900))]
    )
    return Work(whole(engine, request.SerializeToString()))


def test_others_have_their_turn_between_the_parts(writer: Writer) -> None:
    engine = writer._engine
    elephant = writer.apply(Work(large(engine)), "elephant")
    behind = writer.apply(small(engine, SKUS[1]), "elephant")
    mice = [writer.apply(small(engine, sku), f"mouse {sku}") for sku in SKUS[2:5]]
    writer.start()
    parts = sequences(elephant.result(10))
    others = [sequences(each.result(10))[0] for each in mice]
    assert len(parts) == 5
    assert parts == sorted(parts)
    assert max(others) < parts[1], "each had its turn before the second part"
    assert sequences(behind.result(10))[0] > parts[-1], "in the order of their queue"


def test_a_request_that_was_begun_is_applied_to_its_end(writer: Writer) -> None:
    engine = writer._engine
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(True)
        return len(asked) == 1

    done = writer.apply(Work(large(engine), is_wanted=is_wanted), "elephant")
    writer.start()
    assert len(done.result(10)) == 5


def test_a_fault_in_a_part_leaves_the_others(writer: Writer) -> None:
    engine = writer._engine
    first = engine.journal.last_sequence + 1
    writer._engine._codec.broken = first + 2  # type: ignore[attr-defined]
    failed = writer.apply(Work(large(engine)), "elephant")
    writer.start()
    assert isinstance(failed.exception(10), ApplyError)
    prices = engine.catalog.rows["price_minor"][engine.catalog.active]
    assert np.count_nonzero(prices) > 2 * EACH


def test_nothing_follows_a_part_that_the_disk_had_no_room_for(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = writer._engine
    commit, calls = engine.journal.commit, []

    def full_once() -> Any:
        calls.append(True)
        if len(calls) == 2:
            raise JournalFullError("full", reason="JOURNAL_FULL")
        return commit()

    monkeypatch.setattr(engine.journal, "commit", full_once)
    work = Work(large(engine))
    failed = writer.apply(work, "elephant")
    writer.start()
    assert isinstance(failed.exception(10), JournalFullError)
    assert len(calls) == 2
    assert writer.apply(Work(work.inputs), "elephant").result(10), "a repeat goes on"


# Over the wire


def test_a_large_call_is_answered_like_any_other(server: Running) -> None:
    server.catalog.BatchUpsertListings(
        catalog_pb2.BatchUpsertListingsRequest.FromString(catalogue())
    )
    request = pricing_pb2.RepriceRequest(
        request_id=request_id(),
        snapshots=[snapshot(sku, rival(1_000 + at)) for at, sku in enumerate(SKUS)],
    )
    answer = server.pricing.Reprice(request)
    assert answer.evaluated_count == ROWS
    assert [each.index for each in answer.decisions] == list(range(ROWS))
    assert server.pricing.Reprice(request) == answer
    explained = server.pricing.ExplainPrice(
        pricing_pb2.ExplainPriceRequest(key=request.snapshots[-1].key)
    )
    assert explained.offers_event_ms == request.snapshots[-1].event_ms
    assert len(explained.offers) == 1


def test_a_bad_part_refuses_the_whole(server: Running) -> None:
    engine = server.app.writer._engine
    before = engine.journal.last_sequence
    bad = reprice(at_ms=now_ms()).replace(b"SKU-12", b"SKU\xff12")
    with pytest.raises(grpc.RpcError) as refused:
        server.channel.unary_unary("/repriced.v1.PricingService/Reprice")(bad)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert engine.journal.last_sequence == before
