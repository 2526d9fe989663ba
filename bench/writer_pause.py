"""`python -m bench.writer_pause`: for how long does a snapshot stop the writer itself?

A real server with many listings makes one snapshot after another, as fast as it can, while a
caller reprices. The server measures its own writer (`repriced_snapshot_pause_seconds`): the commit
before a snapshot, and the tidying behind it, which lets segments go. Beside them every commit of a
group, which is what the disk takes anyway. The bound is 5 ms.
"""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import click
import grpc
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from bench.places import folder
from bench.recovery_rows import make_directory, state_of
from bench.report import machine
from bench.snapshot_process import Caller, serving

PAUSE = "repriced_snapshot_pause_seconds"
COMMIT = "repriced_journal_commit_seconds"
CONFIG = """
[journal]
snapshot_bytes = 65536
segment_bytes = 1048576
keep_bytes = 8388608
"""
Counts = dict[str, dict[float, float]]


def counts(metrics: str) -> Counts:
    """Observations up to each bound, by step; of "group commit" too."""
    found: Counts = {}
    with urlopen(f"http://{metrics}/metrics") as page:
        text = page.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name in (PAUSE, COMMIT) else ():
            if sample.name.endswith("_bucket"):
                step = sample.labels.get("step", "group commit")
                found.setdefault(step, {})[float(sample.labels["le"])] = sample.value
    return found


def measure(listings: int, snapshots: int, at: Path) -> Counts:
    """The writer's stops until so many snapshots were made."""
    make_directory(at / "data", state_of(listings))
    config = at / "server.toml"
    config.write_text(CONFIG)
    with (
        serving(at / "data", "--config", str(config)) as (target, metrics),
        grpc.insecure_channel(target) as channel,
    ):
        caller = Caller(channel, listings)
        found = counts(metrics)
        while found["tidy"][float("inf")] < snapshots:
            for _ in range(50):
                caller.call()
            found = counts(metrics)
    return found


@click.command(help=__doc__)
@click.option("--listings", default=1_000_000, show_default=True, type=click.IntRange(100))
@click.option("--snapshots", default=10, show_default=True, type=click.IntRange(1))
def main(listings: int, snapshots: int) -> None:
    """Measures and shows."""
    console = Console(width=120)
    for name, value in machine().items():
        console.print(f"{name}: {value}", highlight=False)
    with folder() as at:
        found = measure(listings, snapshots, at)
    for step, buckets in found.items():
        below = {bound: int(count) for bound, count in buckets.items()}
        console.print(f"{step}: {below[float('inf')]} times", highlight=False)
        for bound in (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025):
            console.print(f"  up to {bound * 1e3:g} ms: {below[bound]}", highlight=False)


if __name__ == "__main__":
    main()
