import numpy as np
from numpy.typing import NDArray

def decide(
    records: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.intp],
    status: NDArray[np.uint8],
    first_id: int,
    now_ms: int,
    decisions: NDArray[np.uint8],
) -> None: ...
