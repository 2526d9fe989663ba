"""Rows of the table about growth: does a listing cost more where there are more of them?

held_growth        10,000 random listings a call by id, 10,000 to 10,000,000 held
call_growth        1,000 to 100,000 listings a call by id, 100,000 held
bytes_per_listing  memory of 10,000,000 listings: rows, grids, records, 20-character keys, index

The first two are cost per listing over gRPC, journaled, over that of the smallest size, in
interleaved pairs; all servers run at once and start from a snapshot of their listings. Every call
evaluates all of its listings by a MATCH strategy, and none changes its price, as floor and ceiling
are one: where few are held each is in every call, and guards hold prices that change so often.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from bench import echo_server, requests
from bench.places import folder
from bench.ratios import Pairs, Side, measure, summary
from bench.recovery_rows import make_directory, state_of
from bench.report import BYTES, OVER_SMALLEST, Result, machine, result
from bench.rpc_rows import UNLIMITED, Client, check, decisions_made
from engine.schema import LastDraw, MatchTarget, StrategyKind
from engine.state import State
from engine.strategies import StrategyDefinition

BLOCKS = 10_000
"""Snapshots with different offers; larger requests repeat them under other ids."""
HELD = (10_000, 100_000, 1_000_000, 10_000_000)
CALLED = (1_000, 10_000, 100_000)


def state_for_calls(listings: int) -> State:
    """Listings whose price follows the lowest offer and has no room to do so."""
    state = state_of(listings)
    follow = StrategyDefinition(
        state.catalog.sellers[0].seller_id,
        "follow",
        "EUR",
        StrategyKind.MATCH,
        targets=(MatchTarget.LOWEST,),
    )
    rows = state.catalog.rows[1 : listings + 1]
    rows["strategy"] = state.catalog.put_strategy(follow)
    rows["floor_minor"] = rows["ceiling_minor"] = rows["price_minor"]
    return state


class Calls:
    """Requests for random ids below `held`, each call with ids, prices and times of its own."""

    def __init__(self, held: int, listings: int) -> None:
        blocks = min(listings, BLOCKS)
        self._bodies = [
            requests.Numbered(requests.reference_request(range(blocks), variant), listings)
            for variant in range(2)
        ]
        self._held, self._listings = held, listings
        self._chance = np.random.default_rng(listings + held)
        self._at = 0

    def next(self) -> bytes:
        """Bytes of the next call."""
        self._at += 1
        ids = self._chance.choice(self._held, self._listings, replace=False, shuffle=True) + 1
        return self._bodies[self._at % 2].fresh(requests.now_ms(), ids)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that holds so many listings."""

    client: Client
    metrics_port: int


@contextmanager
def server_of(held: int) -> Iterator[Served]:
    """A server process that started from a snapshot of so many listings."""
    with folder() as place:
        build = multiprocessing.get_context("spawn").Process(target=prepare, args=(place, held))
        build.start()
        build.join()
        if build.exitcode != 0:
            raise RuntimeError(f"the snapshot of {held} listings was not made")
        with (
            echo_server.started_in(place, "always") as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}", options=UNLIMITED) as channel,
        ):
            yield Served(Client(channel, server.token), server.metrics_port)


def prepare(place: Path, held: int) -> None:
    """Makes the data directory of a server."""
    make_directory(place / "data", state_for_calls(held))


def growth(id: str, sizes: list[tuple[int, int]], pairs: int) -> Result:
    """Cost per listing at each (held, listings a call) over that at the first; the last counts."""
    with ExitStack() as stack:
        servers = {
            held: stack.enter_context(server_of(held)) for held in sorted({h for h, _ in sizes})
        }
        small = sizes[0]
        theirs = Calls(*small)
        curve = {}
        for size in sizes[1:]:
            ours = Calls(*size)
            found = measure(
                Side(ours.next, servers[size[0]].client.reprice),
                Side(theirs.next, servers[small[0]].client.reprice),
                pairs,
            )
            answer = servers[size[0]].client.reprice(ours.next())
            check(answer, size[1], least_decisions=0)
            each = per_listing(found, size[1], small[1])
            median, low, high = summary(each.over_floor())
            curve[f"{size[0]} held, {size[1]} a call"] = {
                "ratio": round(median, 3),
                "spread": [round(low, 3), round(high, 3)],
                "us_per_listing": round(each.ours_s * 1e6, 3),
            }
        decided = sum(decisions_made(each.metrics_port) for each in servers.values())
    if decided:
        raise RuntimeError(f"{decided} prices changed; the sizes did not do the same work")
    conditions: dict[str, Any] = {
        "smallest": f"{small[0]} held, {small[1]} a call",
        "offers_each": requests.OFFERS_EACH,
        "journal": "always",
        "curve": curve,
    }
    return result(id, each, OVER_SMALLEST, 1, conditions)


def per_listing(found: Pairs, ours: int, theirs: int) -> Pairs:
    """Seconds of a listing in place of those of a call."""
    return Pairs([each / ours for each in found.ours], [each / theirs for each in found.theirs])


def held_growth(pairs: int, tiny: bool) -> Result:
    """Does a call cost more where more listings are held?"""
    held, listings = ((100, 300), 50) if tiny else (HELD, 10_000)
    return growth("held_growth", [(each, listings) for each in held], pairs)


def call_growth(pairs: int, tiny: bool) -> Result:
    """Does a listing cost more in a large call than in a small one?"""
    sizes = (10, 50) if tiny else CALLED
    return growth("call_growth", [(sizes[-1], each) for each in sizes], pairs)


def bytes_per_listing(_: int, tiny: bool) -> Result:
    """How much memory does a listing take?"""
    listings = 50_000 if tiny else 10_000_000
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        parts = pool.apply(measured_memory, (listings,))
    each = parts.pop("all") / listings
    own = {"listings": listings, "pairs": 1, "our_us_per_listing": 0.0}
    shares = {name: round(size / listings, 1) for name, size in parts.items()}
    conditions = machine() | own | {"bytes_by_column": shares}
    rounded = round(each, 1)
    return Result("bytes_per_listing", rounded, (rounded, rounded), BYTES, conditions)


def measured_memory(listings: int) -> dict[str, int]:
    """Memory that this process has more with so many listings, and bytes of each column."""
    state_of(1_000)
    before = resident_bytes()
    state = state_of(listings)
    state.catalog.grids["last"] = LastDraw.WON  # Every listing has learned something.
    after = resident_bytes()
    columns: dict[str, NDArray[Any]] = state.catalog.columns()
    return {"all": after - before} | {name: each.nbytes for name, each in columns.items()}


def resident_bytes() -> int:
    """Memory of this process that is nobody else's file."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not say how much memory a process has")
