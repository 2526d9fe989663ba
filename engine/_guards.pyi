import numpy as np
from numpy.typing import NDArray

def look(
    rows: NDArray[np.uint8],
    scratch: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    records: NDArray[np.uint8],
    may_define: bool,
    changed: NDArray[np.intp],
    lived: NDArray[np.intp],
) -> tuple[int, int, int]: ...
def moving(
    outcomes: NDArray[np.uint8], slots: NDArray[np.intp], chosen: NDArray[np.intp]
) -> int: ...
def see(
    records: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    shorter: NDArray[np.int64],
    longer: NDArray[np.int64],
    resets: NDArray[np.int64],
    now_s: int,
) -> None: ...
def weigh(
    records: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.intp],
    shorter: NDArray[np.int64],
    longer: NDArray[np.int64],
    resets: NDArray[np.int64],
    now_s: int,
    listings: int,
    share_bp: int,
    depth_bp: int,
    day_depth_bp: int,
    weights: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> bool: ...
def count(
    records: NDArray[np.uint8],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.intp],
    shorter: NDArray[np.int64],
    longer: NDArray[np.int64],
    weights: NDArray[np.int64],
    now_s: int,
) -> None: ...
def check_layout(records: NDArray[np.void], movers: NDArray[np.void]) -> tuple[int, int]: ...
