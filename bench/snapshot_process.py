"""`python -m bench.snapshot_process`: what do callers notice of a snapshot by a second process?

A real server with many listings answers one caller after another. Every second round a process
replays the journal beside it and writes a snapshot; the rounds between are as long. Also shown: how
long the process takes, and how much memory.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import grpc
from rich.console import Console

from bench.places import folder
from bench.ratios import summary
from bench.recovery_rows import make_directory, state_of
from bench.report import machine
from repriced.v1 import pricing_pb2, pricing_pb2_grpc

ROWS = 10
LEAST_S = 0.5
CLI = (sys.executable, "-m", "server.cli")


@dataclass
class Rounds:
    """Seconds of each call, by round, and of each snapshot; bytes of memory at its most."""

    alone: list[list[float]] = field(default_factory=list)
    beside: list[list[float]] = field(default_factory=list)
    snapshot_s: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    memory: int = 0

    def ratios(self, share: float) -> list[float]:
        """Latency beside a snapshot over that without, at a quantile, round by round."""
        return [
            quantile(beside, share) / quantile(alone, share)
            for beside, alone in zip(self.beside, self.alone, strict=True)
        ]


def quantile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


@contextmanager
def serving(directory: Path, *more: str) -> Iterator[tuple[str, str]]:
    """A server process on a data directory; its address and that of its metrics."""
    words = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", *more]
    command = [*CLI, "serve", *words, "--data-directory", str(directory)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if '"serving"' in line:
                started = json.loads(line)
                yield started["listen"], started["metrics"]
                return
        raise RuntimeError("the server did not start")
    finally:
        process.terminate()
        process.stderr.close()
        process.wait()


class Caller:
    """Reprices random listings."""

    def __init__(self, channel: grpc.Channel, listings: int) -> None:
        self._stub = pricing_pb2_grpc.PricingServiceStub(channel)
        self._listings = listings
        self._random = random.Random(1)

    def call(self) -> float:
        """Seconds of one call."""
        request = pricing_pb2.RepriceRequest(request_id=str(uuid.uuid4()))
        for _ in range(ROWS):
            seen = request.snapshots.add(
                listing_id=self._random.randint(1, self._listings),
                currency="EUR",
                event_ms=time.time_ns() // 10**6,
            )
            for _ in range(5):
                price = self._random.randint(900, 2_000)
                seen.offers.add(seller_id="A2RIVAL", item_price_minor=price)
        begun = time.perf_counter()
        answer = self._stub.Reprice(request, timeout=60)
        took = time.perf_counter() - begun
        if answer.errors:
            raise RuntimeError(f"the server refused a row: {answer.errors[0]}")
        return took


def measure(listings: int, rounds: int, at: Path) -> Rounds:
    """Rounds in turn."""
    found = Rounds()
    make_directory(at / "data", state_of(listings))
    with serving(at / "data") as (target, _), grpc.insecure_channel(target) as channel:
        caller = Caller(channel, listings)
        caller.call()
        for _ in range(rounds):
            begun = time.perf_counter()
            found.beside.append(during_snapshot(caller, at / "data", found))
            until = time.perf_counter() + max(time.perf_counter() - begun, LEAST_S)
            found.alone.append([])
            while time.perf_counter() < until:
                found.alone[-1].append(caller.call())
    return found


def during_snapshot(caller: Caller, directory: Path, found: Rounds) -> list[float]:
    """Calls while a process makes a snapshot."""
    calls = []
    begun = time.perf_counter()
    command = [*CLI, "snapshot", "--server", str(os.getpid()), str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        calls.append(caller.call())
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the snapshot failed with {process.returncode}")
    found.snapshot_s.append(time.perf_counter() - begun)
    found.processor_s.append(usage.ru_utime + usage.ru_stime)
    found.memory = max(found.memory, usage.ru_maxrss * 1024)
    return calls


@click.command(help=__doc__)
@click.option("--listings", default=1_000_000, show_default=True, type=click.IntRange(100))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
def main(listings: int, rounds: int) -> None:
    """Measures and shows."""
    console = Console(width=120)
    for name, value in machine().items():
        console.print(f"{name}: {value}", highlight=False)
    with folder() as at:
        found = measure(listings, rounds, at)
    for name, share in (("median", 0.5), ("99th percentile", 0.99)):
        ratio, low, high = summary(found.ratios(share))
        console.print(
            f"{name} of latency, beside a snapshot / alone: {ratio:.2f} ({low:.2f} to {high:.2f})",
            highlight=False,
        )
    calls = [each for one in found.alone for each in one]
    whole, busy = (statistics.median(each) for each in (found.snapshot_s, found.processor_s))
    console.print(
        f"alone {statistics.median(calls) * 1e3:.2f} ms; a snapshot of {listings} listings takes"
        f" {whole:.1f} s, {busy:.1f} s of them on a processor, and {found.memory / 2**20:.0f} MiB",
        highlight=False,
    )


if __name__ == "__main__":
    main()
