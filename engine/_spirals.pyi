import numpy as np
from numpy.typing import NDArray

def answers(
    records: NDArray[np.uint8],
    movers: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    rows: NDArray[np.uint8],
    first: int,
    landed_minor: NDArray[np.int64],
    seller: NDArray[np.uint64],
    bits: NDArray[np.uint32],
    now_s: int,
    answer_s: int,
    least: int,
    distance_bp: int,
    found: NDArray[np.intp],
) -> int: ...
def held(
    records: NDArray[np.uint8],
    movers: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.intp],
    now_s: int,
) -> bool: ...
def move(
    records: NDArray[np.uint8],
    movers: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.intp],
    rows: NDArray[np.uint8],
    first: int,
    landed_minor: NDArray[np.int64],
    seller: NDArray[np.uint64],
    bits: NDArray[np.uint32],
    now_s: int,
) -> None: ...
