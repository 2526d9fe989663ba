"""`python -m tests.soak.load`: hundreds of callers at once on one server, many not well-behaved.

The server is a process of its own as in production: journal on, tokens on, guards on, its limits
set so that there are fewer places than callers. Afterwards it is killed, started again and stopped,
and its journal is compared with what every caller was answered (tests/soak/proof.py).

Latency is reported and not judged: the callers share the machine with the server.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import click

from server.config import MIB
from server.metrics import REFUSALS
from tests.soak.lives import SERVER, Life
from tests.soak.load_callers import MANNERS, SIZES, OneCaller, Seller, Tally
from tests.soak.overload import enter, quantile, resident
from tests.soak.proof import Proof, prove

CLIENTS = 4
SELLERS_OF_CLIENT = 5
LISTINGS = (10_000, 1_000, 1_000, 100, 100)
LOOK_S = 0.25
WARM_UP = 0.25
"""The part of the time in which memory may still rise: threads, tables and buffers are made."""
DEFINE_S, JOIN_S = 240.0, 120.0
MEMORY_BUDGET = 384 * MIB
FLAT_BYTES = MEMORY_BUDGET // 6
REQUEST_REASONS = (
    "QUEUE_FULL", "READ_QUEUE_FULL", "TOO_MANY_STREAMS", "UNAUTHENTICATED", "MALFORMED_REQUEST",
    "REQUEST_ID", "UNKNOWN_METHOD",
)  # fmt: skip
"""Reasons that refuse a whole request, so that callers can count them too."""
SETTINGS = f"""
[server]
listen = "127.0.0.1:0"
metrics_listen = "127.0.0.1:0"
drain_seconds = 20
[access]
file = "{{folder}}/access.sqlite3"
[limits]
max_request_bytes = {2 * MIB}
queue_requests = 64
queue_bytes = {64 * MIB}
caller_requests = 16
caller_bytes = {16 * MIB}
queue_reads = 16
streams = 64
slow_reader_seconds = 5
memory_budget_bytes = {MEMORY_BUDGET}
[engine]
decisions_kept = 20000
[journal]
data_directory = "{{folder}}/data"
snapshot_minutes = 1440
"""


@dataclass
class Load:
    """What a run was and found."""

    callers: int
    seconds: float
    processes: int = CLIENTS
    tally: Tally = field(default_factory=Tally)
    metrics: dict[str, float] = field(default_factory=dict)
    memory: list[int] = field(default_factory=list)
    idle_bytes: int = 0
    faults: list[str] = field(default_factory=list)
    proof: Proof = field(default_factory=Proof)

    def failures(self) -> list[str]:
        """Checks that do not hold."""
        tally = self.tally
        checks = {
            "somebody was admitted": sum(map(len, tally.admitted.values())) > 0,
            "somebody was refused": sum(tally.refusals.values()) > 0,
            "every refusal of a full server says when to come back": not tally.without_retry,
            "memory stays within the budget": self.grown() < MEMORY_BUDGET,
            "memory is flat after the warm-up": self.risen() < FLAT_BYTES,
        }
        found = [name for name, holds in checks.items() if not holds]
        found += [f"the server logged: {each}" for each in self.faults[:3]]
        found += tally.problems[:3] + self.proof.problems[:3]
        return found + list(self.miscounted())

    def miscounted(self) -> Iterator[str]:
        """Reasons whose metric is not what the callers saw, give or take what they cannot know."""
        seen = Counter[str]()
        for reason, count in self.tally.refusals.items():
            seen[group_of(reason)] += count
        seen["UNKNOWN_METHOD"] += self.tally.codes["UNIMPLEMENTED"]
        for reason in REQUEST_REASONS:
            counted = self.metrics.get(reason, 0.0)
            if not seen[reason] <= counted <= seen[reason] + self.tally.unseen:
                yield f"{reason}: callers saw {seen[reason]}, the server counted {counted:.0f}"

    def grown(self) -> int:
        """Largest memory over that of a server that nobody calls."""
        return max(self.memory, default=0) - self.idle_bytes

    def risen(self) -> int:
        """How much larger the last third after the warm-up is than the first, at its largest."""
        warm = self.memory[int(len(self.memory) * WARM_UP) :]
        third = max(1, len(warm) // 3)
        return max(warm[-third:], default=0) - max(warm[:third], default=0)


def group_of(reason: str) -> str:
    """The label that a reason is counted under."""
    return next((each for each in REFUSALS if reason.startswith(each)), "OTHER")


def client(
    pipe: Any, number: int, port: int, tokens: dict[str, str], callers: int, to: str
) -> None:
    """A process full of callers: defines its sellers, says so, and goes on for the time it is
    told. Answers its tally."""
    sellers = [
        Seller(name, token, listings)
        for (name, token), listings in zip(tokens.items(), LISTINGS, strict=True)
    ]
    tally = Tally()

    async def all_of_it() -> None:
        every = [
            OneCaller(
                number * callers + at, port, sellers[at % len(sellers)],
                Path(to) / f"caller-{number}-{at}.log", tally,
            )
            for at in range(callers)
        ]  # fmt: skip
        for at in range(min(len(sellers), callers)):
            await every[at].define()
        pipe.send("defined")
        seconds = await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(each.run(MANNERS[at % len(MANNERS)], until) for at, each in enumerate(every))
        )
        for each in every:
            await each.close()

    asyncio.run(all_of_it())
    pipe.send(tally)


def merged(tallies: list[Tally]) -> Tally:
    """All tallies as one."""
    total = Tally()
    for each in tallies:
        for size in SIZES:
            total.admitted[size] += each.admitted[size]
        for name in ("refused_after", "problems"):
            getattr(total, name).extend(getattr(each, name))
        for name in ("refusals", "codes"):
            getattr(total, name).update(getattr(each, name))
        for name in ("without_retry", "unseen", "cancelled", "deaf", "raw"):
            setattr(total, name, getattr(total, name) + getattr(each, name))
    return total


@contextmanager
def clients(port: int, folder: Path, callers: int, count: int) -> Iterator[list[Any]]:
    """Pipes to processes whose sellers are defined."""
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for number in range(count):
        names = [f"seller{number}{at}" for at in range(SELLERS_OF_CLIENT)]
        tokens = {name: enter(folder / "access.sqlite3", name) for name in names}
        share = callers // count + (number < callers % count)
        here, there = spawn.Pipe()
        arguments = (there, number, port, tokens, share, str(folder))
        processes.append(spawn.Process(target=client, args=arguments, daemon=True))
        pipes.append(here)
        processes[-1].start()
    try:
        for pipe in pipes:
            if not pipe.poll(DEFINE_S):
                raise TimeoutError("a client did not define its sellers in time")
            pipe.recv()
        yield pipes
    finally:
        for process in processes:
            process.join(JOIN_S)
            if process.is_alive():
                process.terminate()


def soak(
    folder: Path,
    callers: int,
    seconds: float,
    say: Callable[[str], None] = lambda _: None,
    processes: int = CLIENTS,
) -> Load:
    """Runs everything."""
    load = Load(callers, seconds, processes)
    (folder / "config.toml").write_text(SETTINGS.format(folder=folder))
    enter(folder / "access.sqlite3", "nobody")
    life = Life(SERVER, folder / "config.toml", {})
    try:
        play(load, life, folder, say)
    finally:
        if life.code is None:
            life.kill(whole_session=True)
    say("the server was killed; it is started again")
    again = Life(SERVER, folder / "config.toml", {})
    again.wait_serving()
    code = again.end()
    load.faults += again.faults if code == 0 else [f"the second life ended with {code}"]
    say("the journal is replayed and compared with the callers' logs")
    load.proof = prove(folder / "data", sorted(folder.glob("caller-*.log")))
    return load


def play(load: Load, life: Life, folder: Path, say: Callable[[str], None]) -> None:
    """The first life, in which everybody calls."""
    life.wait_serving()
    load.idle_bytes = resident(life.pid)
    callers, seconds = load.callers, load.seconds
    with clients(life.port, folder, callers, load.processes) as pipes:
        say(f"{callers} callers begin")
        for pipe in pipes:
            pipe.send(seconds)
        while not all(pipe.poll() for pipe in pipes):
            if life.code is not None:
                raise RuntimeError(f"the server ended with {life.code}: " + "\n".join(life.log))
            load.memory.append(resident(life.pid))
            time.sleep(LOOK_S)
        load.tally = merged([pipe.recv() for pipe in pipes])
    load.metrics = refusals_of(life.metrics_port)
    load.faults += life.faults


def refusals_of(metrics_port: int) -> dict[str, float]:
    """What the server counted, by reason."""
    with urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(r'^repriced_inputs_refused_total\{reason="(\w+)"\} (\S+)$', text, re.M)
    return {reason: float(count) for reason, count in found}


def figures(load: Load) -> dict[str, Any]:
    """The table."""
    tally, told = load.tally, {}
    for size, each in tally.admitted.items():
        if each:
            name = f"{size} rows: p50 / p99, ms"
            told[name] = f"{quantile(each, 50):.0f} / {quantile(each, 99):.0f} of {len(each)}"
    rows = sum(size * len(each) for size, each in tally.admitted.items())
    refused = tally.refused_after
    return {
        "callers": load.callers,
        "seconds": load.seconds,
        "answered": tally.codes["OK"],
        "rows repriced": rows,
        **told,
        "refused p50 / p99, ms": f"{quantile(refused, 50):.0f} / {quantile(refused, 99):.0f}",
        "refusals": json.dumps(dict(tally.refusals.most_common())),
        "codes": json.dumps(dict(tally.codes.most_common())),
        "cancelled, deaf, raw bytes": f"{tally.cancelled}, {tally.deaf}, {tally.raw}",
        "counted by the server": json.dumps({k: int(v) for k, v in load.metrics.items() if v}),
        "memory idle, MiB": load.idle_bytes // MIB,
        "memory least / most, MiB": f"{min(load.memory) // MIB} / {max(load.memory) // MIB}",
        "risen after the warm-up, MiB": round(load.risen() / MIB, 1),
        "answered inputs found once": load.proof.answered,
        "inputs in the journal": load.proof.inputs,
    }


@click.command(help=__doc__)
@click.option("--callers", default=500, show_default=True, type=click.IntRange(20, 5_000))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(1, 3_600))
def main(callers: int, seconds: float) -> None:
    """Exit code 0 only if every check holds."""
    folder = Path(tempfile.mkdtemp(prefix="load-"))
    load = soak(folder, callers, seconds, lambda line: click.echo(line, err=True))
    for name, value in figures(load).items():
        click.echo(f"{name:30} {value}")
    failed = load.failures()
    click.echo("all checks hold" if not failed else "does not hold: " + "\n  ".join(failed))
    if failed:
        click.echo(f"kept for a look: {folder}", err=True)
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
