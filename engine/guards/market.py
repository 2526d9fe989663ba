"""Tells of listings whose market has changed in kind: their strategy deserves a new look.

Nothing is held. A listing is told of once in two weeks, since markets change to and fro; where many
of a seller's listings change together, one event tells of all of them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.guards.events import Guard
from engine.guards.slices import COUNTING, Slice
from engine.schema import CLASS_BITS, CLASS_SHIFT, CycleState, ReferenceClass, StrategyKind

if TYPE_CHECKING:
    from engine.state import State

QUIET_S = 14 * 86_400
MANY = 10
"""So many of a slice and a group are told of together."""


class Change(IntEnum):
    """What a market has become."""

    NONE = 0
    COMPETITOR = 1
    SUPPRESSED = 2
    AMAZON = 3


TOLD = {
    Change.COMPETITOR: "a competitor has come to a product that nobody else offered",
    Change.SUPPRESSED: "nobody is featured any more, since prices exceed what the marketplace calls"
    " competitive",
    Change.AMAZON: "Amazon itself has become the competitor that sets the reference price",
}
ADVICE = "look at the strategy again (RecommendStrategy)"


def tell_market(state: State, part: Slice) -> None:
    """Tells of the changes of a slice that were not told of lately."""
    guards = state.guards
    found = changes(part)
    for change in (Change.AMAZON, Change.SUPPRESSED, Change.COMPETITOR):
        ids = [
            each
            for each in part.ids[found == change].tolist()
            if guards.market_told_s.get(each, 0) <= part.now_s - QUIET_S
        ]
        if not ids:
            continue
        guards.market_told_s.update(dict.fromkeys(ids, part.now_s))
        guards.trips[Guard.MARKET] += len(ids)
        groups = guards.watch.groups_of(part.catalog, np.array(ids, np.uint32)).tolist()
        for group in sorted(set(groups)):
            mine = [each for each, of in zip(ids, groups, strict=True) if of == group]
            if len(mine) >= MANY:
                guards.tell_group(
                    part.catalog, state.now_ms, Guard.MARKET,
                    f"of {len(mine)} listings: {TOLD[change]}; {ADVICE}", group,
                )  # fmt: skip
                continue
            for listing_id in mine:
                guards.tell(
                    part.catalog, state.now_ms, Guard.MARKET, f"{TOLD[change]}; {ADVICE}",
                    listing_id=listing_id,
                )  # fmt: skip


def changes(part: Slice) -> NDArray[np.uint8]:
    """`Change` of each slot, by the rows before and after."""
    before, after = part.catalog.rows[part.ids], part.scratch
    seen = before["observed_ms"] > 0
    kinds = part.catalog.strategy_records["kind"][after["strategy"]]
    cycles, counts = kinds == StrategyKind.BUY_BOX, np.isin(kinds, COUNTING)
    alone = seen & (before["reference_minor"] == 0) & (kinds != StrategyKind.FOLLOW)
    # PUSH and DAILY_PUSH take the reference price of their own wins only.
    met = (after["reference_minor"] > 0) & (~counts | (before["good_price_minor"] > 0))
    lost = counts & is_ours(before) & (after["featured_minor"] > 0) & ~is_ours(after)
    amazon = seen & cycles & (class_of(after) == ReferenceClass.AMAZON)
    amazon &= class_of(before) != ReferenceClass.AMAZON
    suppressed = seen & (after["state"] == CycleState.SUPPRESSED)
    suppressed &= before["state"] != CycleState.SUPPRESSED
    found = np.where(alone & (met | lost), Change.COMPETITOR, Change.NONE)
    found = np.where(suppressed, Change.SUPPRESSED, found)
    return np.where(amazon, Change.AMAZON, found).astype(np.uint8)


def is_ours(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the featured offer costs what ours does."""
    price = rows["live_price_minor"]
    landed = price + rows["landed_offset_minor"]
    landed -= price * rows["points_bp"].astype(np.int64) // 10_000
    ours: NDArray[np.bool_] = (price > 0) & (rows["featured_minor"] == landed)
    return ours


def class_of(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    """`schema.ReferenceClass` of the offer that sets the reference price."""
    return (rows["flags"] >> CLASS_SHIFT & CLASS_BITS).astype(np.uint8)
