"""`python -m bench.pauses`: how long does the writer stop while a catalogue grows, or time passes?

Growing: listings are entered one by one past the sizes at which the tables of names and texts
double. Time: slices of 2,000 listings, none of them due, then all. Shown is processor time of the
writer's thread, because a busy machine takes the thread away for longer than any of these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import click
import numpy as np
from rich.console import Console

from bench.recovery_rows import START_MS, state_of
from bench.report import machine
from bench.requests import MARKETPLACE
from engine.columns import ListingDefinition
from engine.journal import MemoryJournal
from engine.keys import ListingKey
from engine.pipeline import Engine
from engine.schema import CycleState
from engine.state import State
from server.timers import SLICE
from server.wire import WireCodec

DOUBLINGS = (6_291_456, 8_388_608)
"""Listings at which the table of keys, and then the places of texts, double below ten million."""
BEFORE, BEHIND = 5_000, 280_000
"""Listings measured before a doubling, and behind it until the last entry has moved."""


def each_ms(does: Callable[[int], object], arguments: Iterable[int]) -> np.ndarray:
    """Milliseconds of processor time of each call."""
    found = []
    for argument in arguments:
        begun = time.thread_time_ns()
        does(argument)
        found.append((time.thread_time_ns() - begun) / 1e6)
    return np.array(found)


def told(spent: np.ndarray) -> str:
    """Median, and the worst."""
    return f"median {np.median(spent):.3f} ms, worst {spent.max():.2f} ms"


def growing(first: int, count: int) -> np.ndarray:
    """Milliseconds of each listing that is entered into a catalogue of `first`."""
    catalog = state_of(first).catalog
    seller = catalog.sellers[0].seller_id

    def enter(at: int) -> None:
        own = ListingKey(seller, MARKETPLACE, f"NEW-{at:016d}", 1)
        asin, condition, fulfilment = f"N{at:09d}", 1, 1
        catalog.put_listing(ListingDefinition(own, asin, condition, fulfilment, "EUR", 800, 20_000))

    return each_ms(enter, range(count))


def passing(state: State, due: bool) -> np.ndarray:
    """Milliseconds of each slice of one round over all listings."""
    count = state.catalog.count
    rows = state.catalog.rows[1:count]
    rows["state"] = CycleState.AWAITING
    rows["deadline_s"] = START_MS // 1000 + (-60 if due else 86_400)
    engine = Engine(WireCodec(), MemoryJournal(1), state)
    return each_ms(
        lambda first: engine.advance(START_MS, first, first + SLICE), range(1, count, SLICE)
    )


@click.command(help=__doc__)
@click.option("--tiny", is_flag=True, help="Small sizes that only show that all works.")
def main(tiny: bool) -> None:
    """Measures and prints."""
    console = Console(width=120)
    for name, value in machine().items():
        console.print(f"{name}: {value}", highlight=False)
    before, behind = (100, 400) if tiny else (BEFORE, BEHIND)
    for size in (1_600, 2_048) if tiny else DOUBLINGS:
        spent = growing(size - before, before + behind)
        console.print(f"a listing more, around {size}: {told(spent)}", highlight=False)
    state = state_of(5_000 if tiny else 1_000_000)
    for due in (False, True):
        spent = passing(state, due)
        what = "all due" if due else "none due"
        console.print(f"a slice of {SLICE} listings, {what}: {told(spent)}", highlight=False)


if __name__ == "__main__":
    main()
