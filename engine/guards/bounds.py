"""The last look at a price before it leaves: written apart from the rules, sharing nothing.

A price must be positive and inside [floor, max(floor, ceiling)] of the row it belongs to, and both
bounds must exist (design: a price outside its bounds, or for a listing without bounds, never
leaves the engine).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inside_bounds(scratch: NDArray[np.void], outcomes: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which outcomes may leave.

    `scratch` holds the proposed rows (`schema.ROW`) and `outcomes` what they lead to
    (`schema.OUTCOME`), both of the same length. An outcome without a change always may.
    """
    price = outcomes["price_minor"]
    floor = scratch["floor_minor"]
    ceiling = scratch["ceiling_minor"]
    bounded = (floor > 0) & (ceiling > 0)
    not_below = price >= floor
    not_above = (price <= ceiling) | (price == floor)
    allowed: NDArray[np.bool_] = (outcomes["changed"] == 0) | (bounded & not_below & not_above)
    return allowed


def keeps_bounds(
    rows: NDArray[np.void], scratch: NDArray[np.void], outcomes: NDArray[np.void]
) -> NDArray[np.bool_]:
    """Which proposals leave their bounds as they are; only an upsert may change them.

    `rows` is the table of `schema.ROW`, the others as in `inside_bounds`.
    """
    ids = outcomes["listing_id"]
    floor_kept = rows["floor_minor"][ids] == scratch["floor_minor"]
    ceiling_kept = rows["ceiling_minor"][ids] == scratch["ceiling_minor"]
    kept: NDArray[np.bool_] = floor_kept & ceiling_kept
    return kept
