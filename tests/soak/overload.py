"""More callers than a server has places for, and one among them with very large requests.

Question one: what is refused, does each refusal say when to come back, is anything lost that was
answered OK, and does memory stay within what the settings allow? Question two: how much longer does
a small call take while another caller sends large ones, as a ratio within the same run?

    python tests/soak/overload.py --callers 24 --seconds 10 --rows 10000

Exit code 0 only if every check holds. Latency is reported and not judged.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import click
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from repriced.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc, types_pb2
from server.access.caller import UNLIMITED, Caller, Role
from server.access.store import Store
from server.app import App, share_the_interpreter
from server.config import MIB, parse
from server.logs import configure

SETTINGS = """
[server]
listen = "127.0.0.1:0"
metrics_listen = "127.0.0.1:0"
[access]
file = "{file}"
[limits]
queue_requests = 8
caller_requests = 2
queue_bytes = {queue_bytes}
[engine]
keep_input_bytes = 16777216
decisions_kept = 100000
[journal]
mode = "off"
[log]
level = "warning"
"""
QUEUE_BYTES = 128 * MIB
SLACK_BYTES = 256 * MIB
"""What answers, replies, kept inputs, parsed rows and the allocator may take besides the queue."""
REPRICE = "/repriced.v1.PricingService/Reprice"
MARKETPLACE = "A1PA6795UKMFR9"
VARIANTS = 6
PHASE_S = 2.0
DEFINED_AT_ONCE = 10_000


def serve(pipe: Any, file: str) -> None:
    """The server in a process of its own, until the pipe says so."""
    configure("warning")
    share_the_interpreter()
    app = App(parse(SETTINGS.format(file=file, queue_bytes=QUEUE_BYTES)))
    app.start()
    pipe.send((app.port, app.metrics_port))
    pipe.recv()
    app.stop()


def elephant(pipe: Any, port: int, token: str, rows: int) -> None:
    """Sends very large requests while told to; answers how many were taken and refused."""
    bodies = [snapshots("elephant", rows, turn) for turn in range(VARIANTS)]
    call = connect(port).unary_unary(REPRICE)
    pipe.send("ready")
    turn = taken = 0
    while pipe.recv() == "go":
        while not pipe.poll():
            call(headed(bodies[turn % VARIANTS]), metadata=bearer(token))
            turn, taken = turn + 1, taken + 1
        pipe.recv()
        pipe.send(taken)


def snapshots(seller_id: str, rows: int, turn: int, at_ms: int = 0) -> bytes:
    """Rows of a Reprice without their head; each turn is later than the one before."""
    event_ms = at_ms or time.time_ns() // 1_000_000 - 60_000 + turn
    price = 1_000 + 100 * (turn % 3)
    rival = types_pb2.Offer(seller_id="A2RIVAL", item_price_minor=price)
    request = pricing_pb2.RepriceRequest()
    for row in range(rows):
        request.snapshots.add(
            key=key(seller_id, row), event_ms=event_ms, currency="EUR", offers=[rival]
        )
    return request.SerializeToString()


def headed(rows: bytes) -> bytes:
    """A request of these rows with an id of its own."""
    return pricing_pb2.RepriceRequest(request_id=str(uuid.uuid4())).SerializeToString() + rows


def key(seller_id: str, row: int) -> types_pb2.ListingKey:
    """A listing of a caller."""
    return types_pb2.ListingKey(seller_id=seller_id, marketplace_id=MARKETPLACE, sku=f"S{row}")


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call."""
    return (("authorization", f"Bearer {token}"),)


def connect(port: int) -> grpc.Channel:
    """A connection of its own."""
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),
    ]
    return grpc.insecure_channel(f"127.0.0.1:{port}", options)


@dataclass
class Member:
    """One caller with one listing; what it was answered."""

    name: str
    token: str
    port: int
    ok: int = 0
    last_event_ms: int = 0
    sequences: set[int] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    without_retry: int = 0
    latencies: list[float] = field(default_factory=list)
    refused_after: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._channel = connect(self.port)
        self._call = self._channel.unary_unary(REPRICE)

    def define(self, listings: int) -> None:
        """Brings the caller's listings in."""
        stub = catalog_pb2_grpc.CatalogServiceStub(self._channel)
        for first in range(0, listings, DEFINED_AT_ONCE):
            request = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid.uuid4()))
            for row in range(first, min(first + DEFINED_AT_ONCE, listings)):
                request.listings.add(
                    key=key(self.name, row), currency="EUR", floor_minor=500, ceiling_minor=2_000
                )
            answer = stub.BatchUpsertListings(request, metadata=bearer(self.token))
            if answer.errors:
                raise RuntimeError(f"the server refused the catalogue: {answer.errors[0]}")

    def once(self) -> None:
        """One small call, noted."""
        event_ms = max(self.last_event_ms + 1, time.time_ns() // 1_000_000)
        body = headed(snapshots(self.name, 1, event_ms, event_ms))
        started = time.perf_counter()
        try:
            answer = self._call(body, metadata=bearer(self.token))
        except grpc.RpcError as error:
            self._refused(error, time.perf_counter() - started)
            return
        self.latencies.append(time.perf_counter() - started)
        self.ok += 1
        self.last_event_ms = event_ms
        self.sequences.add(pricing_pb2.RepriceResponse.FromString(answer).sequence)

    def _refused(self, error: Any, seconds: float) -> None:
        self.refused_after.append(seconds)
        status = rpc_status.from_call(error)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        found = status is not None and any(each.Unpack(info) for each in status.details)
        self.refusals[info.reason if found else error.code().name] += 1
        if status is None or not any(each.Unpack(retry) for each in status.details):
            self.without_retry += 1
        time.sleep(min(retry.retry_delay.ToMilliseconds() / 1000, 0.02))

    def keeps_what_was_answered(self) -> bool:
        """Whether the server knows the newest offers that it said OK to, and none it refused."""
        stub = pricing_pb2_grpc.PricingServiceStub(self._channel)
        request = pricing_pb2.ExplainPriceRequest(key=key(self.name, 0))
        answer = stub.ExplainPrice(request, metadata=bearer(self.token))
        return bool(answer.offers_event_ms == self.last_event_ms)


def ticks(metrics_port: int) -> int:
    """Inputs that the server applied."""
    with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("repriced_ticks_total "):
                return int(float(line.rpartition(" ")[2]))
    raise RuntimeError("no repriced_ticks_total")


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def started(file: Path) -> Iterator[tuple[int, int, int]]:
    """(gRPC port, metrics port, process id) of a server."""
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=serve, args=(there, str(file)), daemon=True)
    process.start()
    try:
        port, metrics_port = here.recv()
        yield port, metrics_port, process.pid or 0
        here.send("stop")
    finally:
        process.join(60)
        if process.is_alive():
            process.terminate()


def enter(file: Path, name: str) -> str:
    """Enters a caller of its own seller and returns its token."""
    store = Store(file)
    roles = frozenset({Role.READ, Role.INGEST, Role.OPERATE})
    token = store.create(Caller(name, roles, frozenset({name}), {}, UNLIMITED), "soak")
    store.close()
    return token


def run_for(seconds: float, work: Callable[[], None]) -> None:
    """Repeats work for a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work()


def beside_the_elephant(
    mouse: Member, port: int, token: str, rows: int, pairs: int
) -> tuple[list[float], list[float], int]:
    """Latencies of small calls alone and beside large ones, phases in turn; large calls made."""
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=elephant, args=(there, port, token, rows), daemon=True)
    process.start()
    here.recv()
    alone: list[float] = []
    beside: list[float] = []
    taken = 0
    for _ in range(pairs):
        for into, loud in ((alone, False), (beside, True)):
            mouse.latencies.clear()
            if loud:
                here.send("go")
            run_for(PHASE_S, mouse.once)
            if loud:
                here.send("rest")
                taken = int(here.recv())
            into.extend(mouse.latencies)
    process.terminate()
    process.join(10)
    return alone, beside, taken


def overload(members: list[Member], seconds: float, pid: int) -> int:
    """All callers at once; the largest memory of the server meanwhile."""
    threads = [
        threading.Thread(target=run_for, args=(seconds, each.once), daemon=True) for each in members
    ]
    for each in threads:
        each.start()
    peak = 0
    while any(each.is_alive() for each in threads):
        peak = max(peak, resident(pid))
        time.sleep(0.05)
    return peak


def quantile(values: list[float], part: int) -> float:
    """A percentile in milliseconds."""
    if len(values) < 2:
        return 1000 * sum(values)
    return 1000 * statistics.quantiles(values, n=100, method="inclusive")[part - 1]


def soak(callers: int, seconds: float, rows: int, pairs: int) -> dict[str, Any]:
    """Runs everything and returns the figures; `failed` names the checks that do not hold."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "access.sqlite3"
        names = ["mouse", "elephant", *(f"caller-{each}" for each in range(callers))]
        tokens = {name: enter(file, name) for name in names}
        with started(file) as (port, metrics_port, pid):
            members = {name: Member(name, tokens[name], port) for name in names}
            for each in members.values():
                each.define(rows if each.name == "elephant" else 1)
            mouse = members["mouse"]
            mouse.once()
            alone, beside, large = beside_the_elephant(mouse, port, tokens["elephant"], rows, pairs)
            crowd = [members[name] for name in names[2:]]
            before, ticks_before = resident(pid), ticks(metrics_port)
            peak = overload(crowd, seconds, pid)
            applied = ticks(metrics_port) - ticks_before
            kept = [each.keeps_what_was_answered() for each in (mouse, *crowd)]
    return figures(crowd, alone, beside, large) | {
        "inputs applied": applied,
        "memory before, MiB": before // MIB,
        "largest memory, MiB": peak // MIB,
        "failed": failures(crowd, applied, kept, peak - before),
    }


def figures(
    crowd: list[Member], alone: list[float], beside: list[float], large: int
) -> dict[str, Any]:
    """The table."""
    admitted = [each for member in crowd for each in member.latencies]
    refused = [each for member in crowd for each in member.refused_after]
    reasons = sum((each.refusals for each in crowd), Counter[str]())
    return {
        "callers": len(crowd),
        "admitted": len(admitted),
        "refused": dict(reasons) or 0,
        "admitted p50 / p99, ms": f"{quantile(admitted, 50):.1f} / {quantile(admitted, 99):.1f}",
        "refused p50 / p99, ms": f"{quantile(refused, 50):.1f} / {quantile(refused, 99):.1f}",
        "small call alone p50 / p99, ms": f"{quantile(alone, 50):.2f} / {quantile(alone, 99):.2f}",
        "beside large ones, ms": f"{quantile(beside, 50):.2f} / {quantile(beside, 99):.2f}",
        "large calls meanwhile": large,
        "ratio p50": round(quantile(beside, 50) / quantile(alone, 50), 1),
        "ratio p99": round(quantile(beside, 99) / quantile(alone, 99), 1),
    }


def failures(crowd: list[Member], applied: int, kept: list[bool], grown: int) -> list[str]:
    """Checks that do not hold."""
    answered = sum(each.ok for each in crowd)
    sequences = [one for each in crowd for one in each.sequences]
    refused = sum(each.refusals.total() for each in crowd)
    checks = {
        "somebody was admitted": answered > 0,
        "somebody was refused": refused > 0,
        "every refusal says when to come back": not any(each.without_retry for each in crowd),
        "each refusal is RESOURCE_EXHAUSTED by a queue": all(
            set(each.refusals) <= {"QUEUE_FULL"} for each in crowd
        ),
        "nobody was starved": all(each.ok for each in crowd),
        "what was answered was applied once": answered == applied == len(set(sequences)),
        "the newest answered offers are known": all(kept),
        "memory is bounded": grown < QUEUE_BYTES + SLACK_BYTES,
    }
    return [name for name, holds in checks.items() if not holds]


@click.command()
@click.option("--callers", default=24, show_default=True, type=click.IntRange(9, 500))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 3_600))
@click.option("--rows", default=10_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--pairs", default=3, show_default=True, type=click.IntRange(1, 1_000))
def main(callers: int, seconds: float, rows: int, pairs: int) -> None:
    """Overload a server and say whether everything went right."""
    found = soak(callers, seconds, rows, pairs)
    failed = found.pop("failed")
    click.echo(f"rows of a large call           {rows}")
    for name, value in found.items():
        click.echo(f"{name:30} {value}")
    click.echo("all checks hold" if not failed else "does not hold: " + "; ".join(failed))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
