"""`python -m bench`: measures, prints the table and writes bench/results/latest.json."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click
from rich.console import Console

from bench import history, report
from bench.growth_rows import bytes_per_listing, call_growth, held_growth
from bench.kernel_rows import PEERS, kernel_vs_copy, kernel_vs_peer
from bench.notification_rows import notification_vs_msgspec
from bench.ratios import PAIRS
from bench.recovery_rows import replay_vs_live, start_vs_read
from bench.report import Result
from bench.rpc_rows import rpc_large, rpc_small_vs_echo
from bench.wire_rows import PEERS as WIRE_PEERS
from bench.wire_rows import decode_row

Row = Callable[[int, bool], Result]


def rpc_row(id: str, mode: str, listings: int) -> Row:
    """A row over gRPC; tiny, it has fifty listings."""
    return lambda pairs, tiny: rpc_large(id, mode, 50 if tiny else listings, pairs)


ROWS: dict[str, Row] = {
    "kernel_vs_copy": kernel_vs_copy,
    **{f"kernel_vs_{peer}": partial(kernel_vs_peer, peer) for peer in PEERS},
    **{id: partial(decode_row, id) for id in WIRE_PEERS},
    "rpc_memory_vs_echo": rpc_row("rpc_memory_vs_echo", "off", 10_000),
    "rpc_memory_vs_echo_1000": rpc_row("rpc_memory_vs_echo_1000", "off", 1_000),
    "rpc_journaled_vs_floor": rpc_row("rpc_journaled_vs_floor", "always", 10_000),
    "rpc_small_vs_echo": rpc_small_vs_echo,
    "notification_vs_msgspec": notification_vs_msgspec,
    "held_growth": held_growth,
    "call_growth": call_growth,
    "bytes_per_listing": bytes_per_listing,
    "start_vs_read": start_vs_read,
    "replay_vs_live": replay_vs_live,
}


@click.command(help="Measures how fast repriced is, as ratios against floors and peers.")
@click.option("--tiny", is_flag=True, help="Small sizes that only show that all works; no file.")
@click.option(
    "--only", "ids", multiple=True, type=click.Choice(list(ROWS)), help="These rows only."
)
@click.option("--pairs", type=click.IntRange(1), help=f"Interleaved pairs, {PAIRS} by default.")
@click.option("--check", is_flag=True, help="A few rows against what is accepted; no file.")
@click.option("--accept", is_flag=True, help="Accept the results for this kind of machine.")
def main(tiny: bool, ids: tuple[str, ...], pairs: int | None, check: bool, accept: bool) -> None:
    """Runs the rows one after another."""
    console = Console(width=120)
    for name, value in report.machine().items():
        console.print(f"{name}: {value}", highlight=False)
    pairs = pairs or (3 if tiny else history.PAIRS if check else PAIRS)
    results = []
    for id in ids or (history.CHECKED if check else ROWS):
        console.print(f"measuring {id}, {pairs} pairs", highlight=False)
        results.append(ROWS[id](pairs, tiny))
    report.show(results, console)
    if check:
        compare(results, history.AGAIN * pairs, tiny, console)
    elif not tiny:
        report.write(results, report.LATEST)
        console.print(f"written: {report.LATEST}", highlight=False)
    if accept:
        report.write(results, history.accepted_path())
        console.print(f"accepted: {history.accepted_path()}", highlight=False)


def compare(results: list[Result], pairs: int, tiny: bool, console: Console) -> None:
    """Fails where something is much worse than accepted for this kind of machine.

    What looks so is measured once more with more pairs, and fails if it still does.
    """
    known = history.accepted()
    if not known:
        console.print(f"{history.accepted_path()} does not exist: nothing to compare with")
    found: list[str] = []
    for each in results:
        for sentence in history.worse([each], known):
            console.print(f"{sentence}; once more, {pairs} pairs", highlight=False)
            found += history.worse([ROWS[each.id](pairs, tiny)], known)
    for sentence in found:
        console.print(sentence, style="red", highlight=False)
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
