from typing import Any

import numpy as np
from numpy.typing import NDArray

class Decoded:
    error: int
    is_overfull: bool
    row_count: int
    used: int
    offers_used: int
    skus_used: int
    faults_used: int
    request_id: bytes
    def column(self, section: int, dtype: Any, count: int) -> NDArray[Any]: ...

def decode(
    payload: bytes,
    kind: int,
    id_field: int,
    rows_field: int,
    max_rows: int,
    max_offers: int,
    max_offers_in_all: int,
) -> Decoded: ...
def cut(
    message: bytes, id_field: int, rows_field: int, every: int
) -> tuple[list[int], bytes] | None: ...
def without_field(message: bytes, field: int) -> bytes: ...
def hash_addresses(addresses: NDArray[np.void], texts: bytes) -> None: ...
def hash_bytes(text: bytes, seed: int = 0) -> int: ...
def check_layout(
    addresses: NDArray[np.void], faults: NDArray[np.void], skus: NDArray[np.void]
) -> None: ...
