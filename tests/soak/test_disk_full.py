"""A real server whose disk is full, or fails. The kernel refuses the writes: a limit of file size,
set from outside while the server runs and lifted again, is what no room looks like to it."""

from __future__ import annotations

import os
import resource
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from engine.journal import DirectoryStorage, Frame
from engine.journal.reader import JournalReader
from engine.schema import InputKind
from engine.verification import verify_journal
from repriced.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc, types_pb2
from server.wire import WireCodec
from server.writer import EXIT_JOURNAL_FAILED
from tests.soak.lives import CONFIG, SERVER, Life

CALL_S = 20
ROOM = 5_000
LISTINGS = 20


class Shop:
    """A server with listings, and what it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.acknowledged: list[bytes] = []
        self._config = folder / "config.toml"
        self._config.write_text(CONFIG.format(directory=self.data))
        self._channel: grpc.Channel | None = None

    def start(self, command: tuple[str, ...] = SERVER, **env: str) -> Life:
        """A new life on the same directory."""
        self.close()
        self.life = Life(command, self._config, env)
        self.life.wait_serving()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.life.port}")
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channel)
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self._channel)
        self.health = health_pb2_grpc.HealthStub(self._channel)
        return self.life

    def close(self) -> None:
        """Closes the connection."""
        if self._channel is not None:
            self._channel.close()

    def define(self) -> None:
        """Brings the listings in."""
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid.uuid4()))
        for at in range(LISTINGS):
            request.listings.add(key=key(at), currency="EUR", floor_minor=800, ceiling_minor=1500)
        self._noted(self.catalog.BatchUpsertListings, request)

    def reprice(self, at: int) -> pricing_pb2.RepriceResponse:
        """A snapshot with a competitor."""
        request = pricing_pb2.RepriceRequest(request_id=str(uuid.uuid4()))
        seen = request.snapshots.add(
            key=key(at % LISTINGS), currency="EUR", event_ms=time.time_ns() // 10**6
        )
        seen.offers.add(seller_id="A2RIVAL", item_price_minor=900 + at % 500, buy_box_winner=True)
        answer: pricing_pb2.RepriceResponse = self._noted(self.pricing.Reprice, request)
        return answer

    def pause(self, at: int) -> tuple[Any, pricing_pb2.PauseRepricingRequest]:
        """Pauses a listing."""
        request = pricing_pb2.PauseRepricingRequest(request_id=str(uuid.uuid4()))
        request.listings.add(key=key(at))
        return self.pricing.PauseRepricing(request, timeout=CALL_S), request

    def state_of(self, at: int) -> int:
        """The state of a listing as it is read."""
        request = catalog_pb2.GetListingRequest(key=key(at))
        return int(self.catalog.GetListing(request, timeout=CALL_S).listing.state)

    def fill(self) -> Any:
        """Leaves little room and uses it up; the refusal."""
        newest = max(self.data.glob("journal-*.log"))
        limit = newest.stat().st_size + ROOM
        resource.prlimit(self.life.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for at in range(10_000):
            try:
                self.reprice(at)
            except grpc.RpcError as error:
                return error
        raise AssertionError("the disk is never full")

    def make_room(self) -> None:
        """Lifts the limit."""
        free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.life.pid, resource.RLIMIT_FSIZE, free)

    def _noted(self, method: Any, request: Any) -> Any:
        answer = method(request, timeout=CALL_S)
        self.acknowledged.append(request.SerializeToString())
        return answer

    def check(self) -> list[Frame]:
        """All acknowledged inputs are there once, and the replay is equal; the inputs."""
        storage = DirectoryStorage(self.data)
        reader = JournalReader(storage)
        _, verified = verify_journal(storage, reader, WireCodec())
        assert verified.differences == []
        inputs = [each for each in reader.read_from(1) if isinstance(each.kind, InputKind)]
        payloads = [each.payload for each in inputs]
        assert [payloads.count(each) for each in self.acknowledged] == [1] * len(self.acknowledged)
        return inputs


def key(at: int) -> types_pb2.ListingKey:
    return types_pb2.ListingKey(
        seller_id="A1SHOP", marketplace_id="A1PA6795UKMFR9", sku=f"MUG-{at}"
    )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()
    if shop.life.code is None:
        shop.life.kill(whole_session=True)


def reason_of(error: Any) -> tuple[str, float]:
    """Reason and seconds of RetryInfo of a refusal."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in rpc_status.from_call(error).details:
        detail.Unpack(info)
        detail.Unpack(retry)
    return info.reason, retry.retry_delay.ToMilliseconds() / 1000


def test_a_full_disk(shop: Shop) -> None:
    """Refused with a reason and a time, reads go on, a pause acts and is journaled later."""
    shop.start()
    shop.define()
    refusal = shop.fill()
    assert refusal.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    reason, retry_s = reason_of(refusal)
    assert (reason, retry_s > 0) == ("DISK_FULL", True)
    assert shop.state_of(3) != types_pb2.CYCLE_STATE_PAUSED
    answer, pause = shop.pause(3)
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_PENDING
    assert shop.state_of(3) == types_pb2.CYCLE_STATE_PAUSED
    paused_ms = time.time_ns() // 10**6
    asked = health_pb2.HealthCheckRequest()
    assert shop.health.Check(asked).status == health_pb2.HealthCheckResponse.SERVING
    for at in range(3):
        time.sleep(0.05)
        with pytest.raises(grpc.RpcError):
            shop.reprice(at)
    shop.make_room()
    assert shop.reprice(1).journal_mode == types_pb2.JOURNAL_MODE_ALWAYS
    again = shop.pricing.PauseRepricing(pause, timeout=CALL_S)
    assert again.paused_count == answer.paused_count == 1
    shop.life.kill(whole_session=True)
    inputs = shop.check()
    (journaled,) = [each for each in inputs if each.payload == pause.SerializeToString()]
    assert journaled.now_ms <= paused_ms, "with the time of the deed"
    shop.start()
    assert shop.state_of(3) == types_pb2.CYCLE_STATE_PAUSED
    assert shop.life.end() == 0
    shop.check()


def test_killed_while_the_disk_is_full(shop: Shop) -> None:
    shop.start()
    shop.define()
    shop.fill()
    answer, _ = shop.pause(3)
    assert answer.journal_mode == types_pb2.JOURNAL_MODE_PENDING
    shop.life.kill(whole_session=True)
    shop.start()
    assert shop.state_of(3) != types_pb2.CYCLE_STATE_PAUSED, "PENDING promised nothing"
    assert shop.reprice(1).journal_mode == types_pb2.JOURNAL_MODE_ALWAYS
    assert shop.life.end() == 0
    shop.check()


def test_stopped_while_the_disk_is_full(shop: Shop) -> None:
    shop.start()
    shop.define()
    shop.fill()
    shop.pause(3)
    code = shop.life.end()
    assert code == 0, list(shop.life.log)
    shop.start()
    shop.reprice(1)
    assert shop.life.end() == 0
    shop.check()


def test_a_disk_that_fails_ends_the_process(shop: Shop, tmp_path: Path) -> None:
    broken = (sys.executable, "-m", "tests.soak.broken_servers", "fails_a_sync")
    shop.start(broken, BROKEN_DISK=str(tmp_path / "BROKEN"))
    shop.define()
    shop.reprice(1)
    (tmp_path / "BROKEN").touch()
    with pytest.raises(grpc.RpcError):
        shop.reprice(2)
    until = time.monotonic() + CALL_S
    while shop.life.code is None and time.monotonic() < until:
        time.sleep(0.01)
    assert shop.life.code == EXIT_JOURNAL_FAILED == os.EX_IOERR
    os.remove(tmp_path / "BROKEN")
    shop.start()
    shop.reprice(3)
    assert shop.life.end() == 0
    shop.check()
