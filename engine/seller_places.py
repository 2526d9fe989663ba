"""Which of our sellers a hash in the offer columns is: a table by hash for the native loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST_PLACES = 64


def placed(places: NDArray[np.uint32], hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """The table with the last of the sellers entered, made anew where it is too small.

    `hashes` is by seller index. The table holds indexes plus one, 0 where it is free; its length is
    a power of two, at most half of it is used, and a seller stands at its hash or after it.
    """
    first = len(hashes) - 1
    if 2 * len(hashes) > len(places):
        places = np.zeros(2 * len(places), np.uint32)
        first = 0
    last = len(places) - 1
    for index in range(first, len(hashes)):
        at = int(hashes[index]) & last
        while places[at]:
            at = at + 1 & last
        places[at] = index + 1
    return places
