import numpy as np
from numpy.typing import NDArray

from engine._tables import Texts

class Names:
    sellers: Texts
    marketplaces: Texts
    skus: Texts
    asins: Texts
    def follow(self, chain: NDArray[np.uint32]) -> None: ...
    def dump(self) -> dict[str, NDArray[np.generic]]: ...
    def load(self, columns: dict[str, NDArray[np.generic]], count: int) -> None: ...
    def enter_key(self, records: NDArray[np.uint8], id: int) -> None: ...
    def leave_key(self, records: NDArray[np.uint8], id: int) -> None: ...
    def find(
        self,
        records: NDArray[np.uint8],
        kind: int,
        seller: str,
        marketplace: str,
        name: str,
        audience: int,
        condition: int,
    ) -> int: ...
    def join_asin(self, records: NDArray[np.uint8], id: int) -> None: ...
    def leave_asin(self, records: NDArray[np.uint8], id: int) -> None: ...
    def sharing(self, records: NDArray[np.uint8], id: int) -> list[int]: ...

def resolve(
    names: Names,
    addresses: NDArray[np.void],
    texts: bytes,
    rows: NDArray[np.uint8],
    records: NDArray[np.uint8],
    row_count: int,
    event_ms: NDArray[np.int64],
    currency: NDArray[np.uint8],
    latest_ms: int,
    most: int,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]: ...
