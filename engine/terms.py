"""What a seller defined of a listing, where the row holds something else.

The row holds the bounds in force. They differ from the seller's own where a minimum advertised
price lifts the floor, and while a calendar entry sets them. All other listings have no entry here:
their bounds are in the row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Terms(NamedTuple):
    """The seller's own bounds and the minimum advertised price (0: none), minor units."""

    floor_minor: int
    ceiling_minor: int
    map_minor: int = 0


def replaced(own: Terms, floor_minor: int, ceiling_minor: int) -> tuple[int, int]:
    """Other bounds for a time, instead of the seller's own.

    One that would more than halve the seller's floor, or raise the ceiling tenfold, looks like a
    slip: that bound stays what it is.
    """
    floor, ceiling = own.floor_minor, own.ceiling_minor
    if floor_minor * 2 >= floor:
        floor = floor_minor
    if ceiling_minor < 10 * max(floor, ceiling):
        ceiling = ceiling_minor
    return floor, ceiling


def dump_terms(entries: dict[int, Terms]) -> NDArray[np.int64]:
    """Entries as rows of listing id and fields."""
    plain = [(listing_id, *terms) for listing_id, terms in entries.items()]
    return np.array(plain, np.int64).reshape(-1, 1 + len(Terms._fields))


def load_terms(column: NDArray[np.int64]) -> dict[int, Terms]:
    """What `dump_terms` gave."""
    return {listing_id: Terms(*fields) for listing_id, *fields in column.tolist()}
