"""Taking decisions back that nobody has seen live: after new bounds, a pause, a stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.guards.proposals import Origin
from engine.guards.slices import Slice, Slots
from engine.schema import (
    DECISION,
    DECISION_VALID_MS,
    NO_INDEX,
    CycleState,
    DecisionStatus,
    Reason,
    RowFlag,
)

WITHDRAWN = np.uint16(RowFlag.WITHDRAWN)


def pending(catalog: Catalog, ids: NDArray[np.uint32], now_ms: int) -> NDArray[np.bool_]:
    """Whose last decision is valid still, not taken back, and not seen live."""
    rows, records = catalog.rows, catalog.records
    waits = (records["decision_id"][ids] > 0) & (rows["effective_s"][ids] == 0)
    waits &= (rows["flags"][ids] & WITHDRAWN) == 0
    waiting: NDArray[np.bool_] = waits & (records["decided_ms"][ids] > now_ms - DECISION_VALID_MS)
    return waiting


def outdated(
    part: Slice, accepted: NDArray[np.bool_], now_ms: int
) -> tuple[Slots, NDArray[np.uint8]]:
    """Slots of accepted proposals whose earlier decision no longer holds, and the `Reason` of each.

    Marks their proposed rows, but for those that get a new decision in the same input; what only
    got other bounds is decided again by its timer at once.
    """
    outcomes, scratch, ids = part.outcomes, part.scratch, part.ids
    reasons = np.zeros(len(ids), np.uint8)
    pauses = (outcomes["state"] == CycleState.PAUSED) & (
        outcomes["state_before"] != CycleState.PAUSED
    )
    reasons[pauses] = Reason.PAUSED
    if part.source.origin == Origin.COMMAND:
        rows = part.catalog.rows
        rebound = rows["floor_minor"][ids] != scratch["floor_minor"]
        rebound |= rows["ceiling_minor"][ids] != scratch["ceiling_minor"]
        if part.source.commands is not None:  # A price under another cap is still good.
            first = part.source.first
            capped = part.source.commands["capped"][first : first + len(ids)] != 0
            rebound &= ~capped | (outcomes["changed"] != 0)
        reasons[rebound] = Reason.BOUNDS
        active = np.uint16(RowFlag.ACTIVE)
        reasons[(rows["flags"][ids] & ~scratch["flags"] & active) != 0] = Reason.NOT_APPLICABLE
    slots = np.flatnonzero((reasons != 0) & accepted)
    if len(slots):
        slots = slots[pending(part.catalog, ids[slots], now_ms)]
        unchanged = slots[outcomes["changed"][slots] == 0]
        scratch["flags"][unchanged] |= WITHDRAWN
        again = unchanged[reasons[unchanged] == Reason.BOUNDS]
        again = again[~np.isin(scratch["state"][again], (CycleState.PAUSED, CycleState.SEEKING))]
        scratch["deadline_s"][again] = part.now_s
    return slots, reasons[slots]


def withdrawals(
    catalog: Catalog,
    ids: NDArray[np.uint32],
    reasons: NDArray[np.uint8],
    first_id: int,
    now_ms: int,
) -> NDArray[np.void]:
    """Records (`schema.DECISION`) that take the last decision of each listing back."""
    rows, records = catalog.rows, catalog.records
    taken = np.zeros(len(ids), DECISION)
    taken["decision_id"] = np.arange(len(ids), dtype=np.uint64) + np.uint64(first_id)
    taken["withdraws"] = records["decision_id"][ids]
    taken["price_minor"] = rows["price_minor"][ids]
    taken["decided_ms"] = now_ms
    taken["listing_id"], taken["index"], taken["reason"] = ids, NO_INDEX, reasons
    taken["bounds_version"] = records["bounds_version"][ids]
    taken["currency"] = records["currency"][ids]
    taken["state"] = rows["state"][ids]
    taken["status"] = DecisionStatus.WITHDRAWAL
    return taken
