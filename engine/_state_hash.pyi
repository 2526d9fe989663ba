from numpy import int64, uint8, uint64
from numpy.typing import NDArray

def hash_rows(
    rows: NDArray[uint8],
    grids: NDArray[uint8],
    records: NDArray[uint8],
    definitions: NDArray[uint64],
    strategies: NDArray[uint64],
) -> int: ...
def count_states(rows: NDArray[uint8], counts: NDArray[int64]) -> None: ...
def places_needed(rows: NDArray[uint8], records: NDArray[uint8]) -> tuple[int, int, int, int]: ...
