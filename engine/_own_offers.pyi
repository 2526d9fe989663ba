import numpy as np
from numpy.typing import NDArray

from engine._names import Names

def mark_own(
    names: Names,
    snapshots: NDArray[np.void],
    records: NDArray[np.uint8],
    shares_asin: NDArray[np.uint8],
    seller_places: NDArray[np.uint32],
    seller_hashes: NDArray[np.uint64],
    seller_groups: NDArray[np.int64],
    skus: NDArray[np.void],
    texts: bytes,
    seller: NDArray[np.uint64],
    item_minor: NDArray[np.int64],
    bits: NDArray[np.uint32],
) -> int: ...
