"""Everything that waits for a person, as one list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from engine.catalog import Catalog
from engine.guards.plausibility import known_slip
from engine.guards.state import Guards
from engine.schema import DecisionStatus
from engine.scope import Scope, inside


class HoldKind(IntEnum):
    """What is held."""

    BOUNDS = 1  # new bounds that look like a slip
    BREAKER = 2  # all falls of a seller in a marketplace
    DECISION = 3  # one decision, by the breaker
    SPIRAL = 4  # the price of a listing


@dataclass(frozen=True, slots=True)
class Hold:
    """One held thing; `group` is of `WatchTable`, prices are 0 where there is none."""

    hold_id: int
    kind: HoldKind
    group: int
    listing_id: int = 0
    price_minor: int = 0
    floor_minor: int = 0
    ceiling_minor: int = 0
    decision_id: int = 0
    held_ms: int = 0
    why: str = ""


def group_of(guards: Guards, catalog: Catalog, listing_id: int) -> int:
    """Group of one listing; 0: none was given yet, so nothing is held in it."""
    record = catalog.records[listing_id]
    return guards.watch.known_group(int(record["seller"]), int(record["marketplace"]))


def all_holds(guards: Guards, catalog: Catalog, now_ms: int, scope: Scope) -> list[Hold]:
    """All holds of the sellers in a scope in the order in which they began; changes nothing."""
    found = [
        Hold(hold_id, HoldKind.BREAKER, group, why="prices of the seller crashed")
        for group, hold_id in guards.breaker.tripped.items()
    ]
    for each in guards.plausibility.held.values():
        found.append(Hold(
            each.hold_id, HoldKind.BOUNDS, group_of(guards, catalog, each.listing_id),
            each.listing_id, floor_minor=each.floor_minor, ceiling_minor=each.ceiling_minor,
            held_ms=each.held_ms, why=known_slip(each.slip),
        ))  # fmt: skip
    for proposal in guards.proposals.by_listing.values():
        if proposal.status == DecisionStatus.HELD:
            found.append(Hold(
                proposal.hold_id, HoldKind.DECISION,
                group_of(guards, catalog, proposal.listing_id), proposal.listing_id,
                proposal.price_minor, decision_id=proposal.decision_id, held_ms=proposal.held_ms,
                why="prices of the seller crashed",
            ))  # fmt: skip
    movers = guards.spirals.movers
    for slot in np.flatnonzero(movers["until_s"] > now_ms // 1000).tolist():
        listing_id = int(movers["listing_id"][slot])
        found.append(Hold(
            int(movers["hold_id"][slot]), HoldKind.SPIRAL, group_of(guards, catalog, listing_id),
            listing_id, int(movers["hold_minor"][slot]),
            why="a competitor answered each of our changes in the same direction",
        ))  # fmt: skip
    mine = (each for each in found if inside(scope, seller_of(guards, catalog, each)))
    return sorted(mine, key=lambda each: each.hold_id)


def count_holds(guards: Guards, now_ms: int) -> dict[HoldKind, int]:
    """How many things of each kind wait for a person; any thread."""
    proposals = list(guards.proposals.by_listing.values())
    return {
        HoldKind.BOUNDS: len(guards.plausibility.held),
        HoldKind.BREAKER: len(guards.breaker.tripped),
        HoldKind.DECISION: sum(each.status == DecisionStatus.HELD for each in proposals),
        HoldKind.SPIRAL: int((guards.spirals.movers["until_s"] > now_ms // 1000).sum()),
    }


def seller_of(guards: Guards, catalog: Catalog, hold: Hold) -> str:
    """Id of the seller of a hold."""
    return catalog.sellers[guards.watch.groups[hold.group][0]].seller_id
