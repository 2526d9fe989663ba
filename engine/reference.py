"""The pricing core in plain Python: slow, obvious, and the oracle of the native kernel.

The functions here have the signatures of `engine.kernel.Kernel` and must give the same bytes in
`scratch`, `proposed` (grids), `outcomes`, the tables and the counters. This file holds the loops.
The rules of one row are in `reference_steps` and `reference_commands` (inputs), `reference_buybox`,
`reference_probe`, `reference_targets`, `reference_evidence` and `reference_learner` (the Buy Box
cycle), `reference_match` and `reference_position` (other strategies), `reference_market`,
`reference_endings` and `reference_rules`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import OfferColumns
from engine.counters import REASONS, STATES, TRANSITIONS_AT, VERDICTS_AT
from engine.reference_commands import step_command, step_timer
from engine.reference_learner import Grids
from engine.reference_steps import step_feedback, step_offers
from engine.schema import NO_INDEX, OUTCOME, CommandKind, RowFlag

Records = NDArray[np.void]


def load(array: Records, index: int) -> Any:
    """Record as an object with int attributes; subarrays become lists."""
    values = array[index].item()
    return SimpleNamespace(
        **{
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in zip(array.dtype.names or (), values, strict=True)
        }
    )


def store(array: Records, index: int, value: Any) -> None:
    """Writes an object from `load` back."""
    array[index] = tuple(getattr(value, name) for name in array.dtype.names or ())


class Strategies(dict[int, Any]):
    """Strategies of one call, each loaded once."""

    def __init__(self, array: Records) -> None:
        super().__init__()
        self.array = array

    def __missing__(self, index: int) -> Any:
        self[index] = load(self.array, index)
        return self[index]


def begin(rows: Records, grids: Records, listing_id: int, index: int) -> tuple[Any, Grids, Any]:
    """Proposed row, its grid, and empty outcome."""
    r, g = load(rows, listing_id), Grids(lambda: load(grids, listing_id))
    o = SimpleNamespace(**dict.fromkeys(OUTCOME.names or (), 0))
    o.listing_id, o.index = listing_id, index
    o.previous_minor, o.state_before = r.price_minor, r.state
    return r, g, o


def finish(
    rows: Records, scratch: Records, proposed: Records, outcomes: Records,
    slot: int, r: Any, g: Grids, o: Any,
) -> None:  # fmt: skip
    """Puts a proposed row, its grid and its outcome into scratch and marks the listing as taken."""
    o.price_minor, o.state = r.price_minor, r.state
    store(scratch, slot, r)
    if g.proposed is not None:
        store(proposed, slot, g.proposed)
    store(outcomes, slot, o)
    rows["flags"][o.listing_id] |= RowFlag.IN_SLICE


def taken(rows: Records, listing_id: int) -> bool:
    """Whether the slice already holds a proposal for the listing."""
    return bool(int(rows["flags"][listing_id]) & RowFlag.IN_SLICE)


def evaluate_offers(
    rows: Records,
    grids: Records,
    strategies: Records,
    pool: NDArray[np.uint64],
    snapshots: Records,
    first: int,
    last: int,
    offers: OfferColumns,
    now_ms: int,
    scratch: Records,
    proposed: Records,
    outcomes: Records,
) -> int:
    """Evaluates snapshots first to last; ends early at a listing that the slice already holds.

    Returns the number of proposals written to `scratch` and `outcomes`.
    """
    known, sellers = Strategies(strategies), pool.tolist()
    for slot, at in enumerate(range(first, last)):
        snapshot = load(snapshots, at)
        if taken(rows, snapshot.listing_id):
            return slot
        r, g, o = begin(rows, grids, snapshot.listing_id, snapshot.index)
        s = known[r.strategy]
        step_offers(r, g, s, sellers, snapshot, offers, now_ms, o)
        finish(rows, scratch, proposed, outcomes, slot, r, g, o)
    return last - first


def evaluate_feedback(
    rows: Records,
    grids: Records,
    strategies: Records,
    feedback: Records,
    first: int,
    last: int,
    now_ms: int,
    scratch: Records,
    proposed: Records,
    outcomes: Records,
) -> int:
    """Like `evaluate_offers`, for feedback rows."""
    known = Strategies(strategies)
    for slot, at in enumerate(range(first, last)):
        f = load(feedback, at)
        if taken(rows, f.listing_id):
            return slot
        r, g, o = begin(rows, grids, f.listing_id, f.index)
        s = known[r.strategy]
        step_feedback(r, g, s, f, now_ms, o)
        finish(rows, scratch, proposed, outcomes, slot, r, g, o)
    return last - first


def evaluate_commands(
    rows: Records,
    grids: Records,
    strategies: Records,
    commands: Records,
    first: int,
    last: int,
    now_ms: int,
    scratch: Records,
    proposed: Records,
    outcomes: Records,
) -> int:
    """Like `evaluate_offers`, for command rows."""
    known = Strategies(strategies)
    for slot, at in enumerate(range(first, last)):
        c = load(commands, at)
        if taken(rows, c.listing_id):
            return slot
        r, g, o = begin(rows, grids, c.listing_id, c.index)
        index = c.strategy if c.kind == CommandKind.UPSERT else r.strategy
        s = known[index]
        step_command(r, s, c, now_ms, o)
        finish(rows, scratch, proposed, outcomes, slot, r, g, o)
    return last - first


def evaluate_timers(
    rows: Records,
    grids: Records,
    strategies: Records,
    first_id: int,
    last_id: int,
    now_ms: int,
    scratch: Records,
    proposed: Records,
    outcomes: Records,
) -> tuple[int, int]:
    """Evaluates the due timers of listings first_id to last_id until `scratch` is full.

    Returns the number of proposals and the id to go on with.
    """
    known, slot = Strategies(strategies), 0
    for listing_id in range(first_id, last_id):
        deadline = int(rows["deadline_s"][listing_id])
        if deadline == 0 or deadline * 1000 > now_ms:
            continue
        if slot == len(scratch):
            return slot, listing_id
        r, g, o = begin(rows, grids, listing_id, NO_INDEX)
        s = known[r.strategy]
        step_timer(r, g, s, now_ms, o)
        finish(rows, scratch, proposed, outcomes, slot, r, g, o)
        slot += 1
    return slot, last_id


def commit(
    rows: Records,
    grids: Records,
    scratch: Records,
    proposed: Records,
    outcomes: Records,
    accepted: NDArray[np.uint8],
    strategies: Records,
    counters: NDArray[np.int64],
    count: int,
) -> None:
    """Takes accepted proposals over into the table, counts them, and frees the slice's listings.

    A refused proposal leaves its row as it was and is not counted here.
    """
    known = Strategies(strategies)
    for slot in range(count):
        o = load(outcomes, slot)
        if accepted[slot]:
            rows[o.listing_id] = scratch[slot]
            if int(scratch["flags"][slot]) & RowFlag.IN_SLICE:
                grids[o.listing_id] = proposed[slot]
            count_outcome(counters, known[int(scratch["strategy"][slot])], o)
        rows["flags"][o.listing_id] &= ~int(RowFlag.IN_SLICE) & 0xFFFF


def count_outcome(counters: NDArray[np.int64], s: Any, o: Any) -> None:
    """Counts one accepted proposal."""
    counters[s.kind * REASONS + o.reason] += 1
    if o.state != o.state_before:
        counters[TRANSITIONS_AT + o.state_before * STATES + o.state] += 1
    if o.verdict:
        counters[VERDICTS_AT + o.verdict] += 1
