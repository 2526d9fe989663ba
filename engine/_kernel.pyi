from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

def evaluate_offers(
    rows: Array,
    grids: Array,
    strategies: Array,
    pool: Array,
    snapshots: Array,
    first: int,
    last: int,
    landed_minor: Array,
    seller: Array,
    bits: Array,
    rating_count: Array,
    rating_bp: Array,
    handling_hours: Array,
    now_ms: int,
    scratch: Array,
    proposed: Array,
    outcomes: Array,
) -> int: ...
def evaluate_feedback(
    rows: Array,
    grids: Array,
    strategies: Array,
    feedback: Array,
    first: int,
    last: int,
    now_ms: int,
    scratch: Array,
    proposed: Array,
    outcomes: Array,
) -> int: ...
def evaluate_commands(
    rows: Array,
    grids: Array,
    strategies: Array,
    commands: Array,
    first: int,
    last: int,
    now_ms: int,
    scratch: Array,
    proposed: Array,
    outcomes: Array,
) -> int: ...
def evaluate_timers(
    rows: Array,
    grids: Array,
    strategies: Array,
    first_id: int,
    last_id: int,
    now_ms: int,
    scratch: Array,
    proposed: Array,
    outcomes: Array,
) -> tuple[int, int]: ...
def commit(
    rows: Array,
    grids: Array,
    scratch: Array,
    proposed: Array,
    outcomes: Array,
    accepted: Array,
    strategies: Array,
    counters: Array,
    count: int,
) -> None: ...
def copy_floor(
    rows: Array,
    snapshots: Array,
    first: int,
    last: int,
    landed_minor: Array,
    seller: Array,
    bits: Array,
    rating_count: Array,
    rating_bp: Array,
    handling_hours: Array,
    scratch: Array,
    landed_space: Array,
    seller_space: Array,
    bits_space: Array,
    count_space: Array,
    rating_space: Array,
    handling_space: Array,
) -> int: ...
def unfit_snapshot(
    snapshots: Array, first: int, last: int, row_count: int, offer_count: int
) -> int: ...
def check_layout(
    rows: Array,
    grids: Array,
    records: Array,
    strategies: Array,
    snapshots: Array,
    feedback: Array,
    commands: Array,
    outcomes: Array,
    decisions: Array,
) -> dict[str, int]: ...
