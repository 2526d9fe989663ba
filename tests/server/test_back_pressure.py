"""Too much of anything: refused at once with a time to come back, and it costs no memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from engine.errors import ConfigError, InputError
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.caller import Caller, Rates, Role
from server.access.rates import Meter
from server.config import MIB, LimitsConfig, parse
from server.wire import WireCodec, WireLimits
from server.wire.limits import REQUESTS, check_nested
from tests.server.conftest import Running, listing, now_ms, request_id, rival, run, snapshot

REQUEST_ID = b"\x0a\x24" + b"11111111-2222-4333-8444-555555555555"
EMPTY_ROW = b"\x12\x00"
EMPTY_OFFER = b"\x32\x00"
HUNDRED_OFFERS = b"\x12\xc8\x01" + EMPTY_OFFER * 100
CALENDAR, EXCLUDED, TIERS = b"\x12\x00" * 100, b"\x52\x00" * 100, b"\x22\x00" * 100


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (REQUEST_ID + EMPTY_ROW * 101, "TOO_MANY_ROWS"),
        (REQUEST_ID + HUNDRED_OFFERS * 3, "TOO_MANY_OFFERS"),
        (REQUEST_ID + EMPTY_ROW * 3_000, "REQUEST_TOO_LARGE"),
        (REQUEST_ID + b"\x0b" * 3_000, "MALFORMED_REQUEST"),
        (REQUEST_ID + b"\x12\x05\x32\x0b\x0b", "MALFORMED_REQUEST"),
    ],
)
def test_counts_are_held_before_the_parser(body: bytes, reason: str) -> None:
    limits = WireLimits(max_rows_per_call=100, max_offers_per_call=250, max_request_bytes=4_096)
    with pytest.raises(InputError) as refused:
        WireCodec(limits).decode(InputKind.REPRICE, body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (InputKind.STRATEGIES, b"\x12\xcb\x01\x6a\xc8\x01" + CALENDAR, "TOO_MANY_ENTRIES"),
        (InputKind.STRATEGIES, b"\x12\xcb\x01\x3a\xc8\x01" + EXCLUDED, "TOO_MANY_ENTRIES"),
        (InputKind.FEE_SCHEDULES, b"\x12\xc8\x01" + TIERS, "TOO_MANY_ENTRIES"),
        (InputKind.STOP, b"\x1a\x00" * 101, "TOO_MANY_ENTRIES"),
        (InputKind.STRATEGIES, EMPTY_ROW * 101, "TOO_MANY_ROWS"),
        (InputKind.STRATEGIES, b"\x12\x05\x0b", "MALFORMED_REQUEST"),
    ],
)
def test_lists_inside_rows_are_held_before_the_parser(
    kind: InputKind, body: bytes, reason: str
) -> None:
    limits = WireLimits(max_rows_per_call=100, max_definitions_per_call=100)
    with pytest.raises(InputError) as refused:
        check_nested(REQUESTS[kind], body, limits)
    assert refused.value.reason == reason


HUNGRY = """
import resource, sys
from engine.errors import InputError
from engine.schema import InputKind
from server.wire import WireCodec
head, row, times = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
body = head + row * times
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
try:
    WireCodec().decode(InputKind.REPRICE, body)
    sys.exit("it was taken")
except InputError as error:
    sys.stdout.write(f"{error.reason} {len(body)} {peak() - before}")
"""


@pytest.mark.parametrize(
    ("row", "reason"), [(EMPTY_ROW, "TOO_MANY_ROWS"), (HUNDRED_OFFERS, "TOO_MANY_OFFERS")]
)
def test_eight_mebibytes_of_nothing_cost_no_more_than_they_bring(row: bytes, reason: str) -> None:
    times = (8 * MIB - len(REQUEST_ID)) // len(row)
    words = [sys.executable, "-c", HUNGRY, REQUEST_ID.hex(), row.hex(), str(times)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == reason
    assert int(told[2]) < int(told[1])


def test_the_memory_budget_is_checked_at_start() -> None:
    with pytest.raises(ConfigError) as refused:
        parse("[limits]\nmemory_budget_bytes = 1_000_000_000")
    places = LimitsConfig().places
    assert f"at least max_request_bytes times {places} calls at once = {places * 8 * MIB}" in (
        refused.value.message
    )
    parse(f"[limits]\nmemory_budget_bytes = {places * 8 * MIB}")


def details(error: Any) -> tuple[str, int]:
    """(reason, wait in ms) of a refusal."""
    status = rpc_status.from_call(error)
    assert status is not None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert any(each.Unpack(info) for each in status.details)
    assert any(each.Unpack(retry) for each in status.details)
    return info.reason, int(retry.retry_delay.ToMilliseconds())


def fill(server: Running, count: int) -> None:
    """Decisions of `count` listings, so that a watcher has much to read."""
    skus = [f"W{each}" for each in range(count)]
    for first in range(0, count, 1_000):
        server.upsert(*(listing(each) for each in skus[first : first + 1_000]))
    for price in (1400, 1300, 1200, 1100):
        at = now_ms() - 20_000 + (1400 - price) * 10
        server.reprice(*(snapshot(each, rival(price), event_ms=at) for each in skus))


def dropped(server: Running) -> float:
    """Streams that were dropped for not reading."""
    value = server.app.metrics.registry.get_sample_value(
        "repriced_inputs_refused_total", {"reason": "SLOW_READER"}
    )
    return value or 0.0


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for something that happens soon."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def never_reads(server: Running) -> tuple[grpc.Channel, Any]:
    """A watcher that asks for everything and takes nothing."""
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", 1024),
    ]
    channel = grpc.insecure_channel(f"127.0.0.1:{server.app.port}", options=options)
    watch = channel.unary_stream("/repriced.v1.PricingService/WatchDecisions")
    request = pricing_pb2.WatchDecisionsRequest(after_decision_id=0)
    return channel, watch(request.SerializeToString())


def test_a_reader_that_never_reads_is_dropped_and_gives_its_place_back() -> None:
    settings = "[limits]\nslow_reader_seconds = 1\nstreams = 1\nwatch_batch = 10000\n"
    for server in run(settings):
        fill(server, 5_000)
        channel, stream = never_reads(server)
        until(lambda server=server: dropped(server) == 1)
        until(lambda server=server: server.app.admission._streams == 0)
        good = server.pricing.WatchDecisions(
            pricing_pb2.WatchDecisionsRequest(after_decision_id=0), timeout=20
        )
        assert len(next(good).decisions) > 0
        good.cancel()
        with pytest.raises(grpc.RpcError) as ended:
            for _ in stream:
                pass
        assert ended.value.code() is grpc.StatusCode.CANCELLED
        channel.close()


def test_a_stream_that_sends_and_never_reads_is_dropped() -> None:
    for server in run("[limits]\nslow_reader_seconds = 1\n"):
        server.upsert(*(listing(f"S{each}") for each in range(3_000)))
        sent: list[int] = []
        channel = grpc.insecure_channel(
            f"127.0.0.1:{server.app.port}",
            options=[("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)],
        )
        stream = channel.stream_stream("/repriced.v1.PricingService/StreamReprice")(batches(sent))
        until(lambda server=server: dropped(server) == 1, 40)
        assert len(sent) < 200, "it could not go on sending for ever"
        stream.cancel()
        channel.close()


def batches(sent: list[int]) -> Iterator[bytes]:
    """Requests without end; each of them moves every price."""
    for turn in range(1_000):
        sent.append(turn)
        rows = [
            snapshot(f"S{each}", rival(1_000 + turn % 2 * 300), event_ms=now_ms())
            for each in range(3_000)
        ]
        request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=rows)
        yield pricing_pb2.StreamRepriceRequest(request=request).SerializeToString()


# The meter, with a clock of its own


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def member(**rates: int) -> Caller:
    """A caller with these limits."""
    wanted = {"calls_per_second": 0, "rows_per_second": 0, "concurrent_calls": 0} | rates
    return Caller("one", frozenset(Role), None, {}, Rates(**wanted))


def test_a_second_brings_its_rate_back() -> None:
    clock = Clock()
    meter, who = Meter(clock), member(calls_per_second=3)
    assert [allowed(meter, who) for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.5
    assert [allowed(meter, who) for _ in range(3)] == [True, True, False]
    clock.now += 1_000
    assert [allowed(meter, who) for _ in range(5)] == [True, True, True, False, False]


def allowed(meter: Meter, who: Caller) -> bool:
    """Whether a call is let in."""
    try:
        with meter.call(who):
            return True
    except Exception as error:
        return bool(getattr(error, "retry_after_ms", 0) <= 0)


def test_a_batch_above_the_rate_is_slowed_down_and_not_refused_for_ever() -> None:
    clock = Clock()
    meter, who = Meter(clock), member(rows_per_second=100)
    meter.rows(who, 1_000)
    with pytest.raises(Exception, match="allowed: 100 rows a second") as refused:
        meter.rows(who, 1)
    wait_ms = refused.value.retry_after_ms  # type: ignore[attr-defined]
    assert 8_900 <= wait_ms <= 9_100
    clock.now += wait_ms / 1000
    meter.rows(who, 1_000)


def test_places_are_given_back_when_calls_fail() -> None:
    meter, who = Meter(Clock()), member(concurrent_calls=1)
    for _ in range(3):
        with pytest.raises(KeyError), meter.call(who):
            raise KeyError
    with meter.call(who), pytest.raises(Exception, match="1 calls open"), meter.call(who):
        pass


def test_changed_rates_count_at_once() -> None:
    clock = Clock()
    meter = Meter(clock)
    for _ in range(10):
        assert allowed(meter, member(calls_per_second=10))
    clock.now += 1
    assert [allowed(meter, member(calls_per_second=1)) for _ in range(2)] == [True, False]
    assert all(allowed(meter, member()) for _ in range(50))


def test_a_refused_caller_learns_when_to_come_back() -> None:
    for server in run("[limits]\nqueue_reads = 1\n"):
        made = server.upsert(listing("READ")).upserted[0].listing_id
        get = catalog_pb2.GetListingRequest(listing_id=made)
        with server.app.admission.read(), pytest.raises(grpc.RpcError) as full:
            server.catalog.GetListing(get, timeout=5)
        assert details(full.value) == ("READ_QUEUE_FULL", 200)
