"""What listings are called, and which of them a name stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._names import Names
from engine._tables import Texts
from engine.addresses import AddressKind
from engine.columns import Address, AsinKey, ListingKey, SellerDefinition
from engine.room import as_bytes
from engine.schema import RowFlag
from engine.scope import Scope, inside


class Named:
    """The part of the catalogue that finds listings by id, natural key or ASIN."""

    names: Names
    rows: NDArray[np.void]
    records: NDArray[np.void]
    count: int
    sellers: list[SellerDefinition]
    marketplaces: list[str]

    @property
    def skus(self) -> Texts:
        """SKU of each listing, by id."""
        return self.names.skus

    @property
    def asins(self) -> Texts:
        """ASIN of each listing, by id; empty: not given."""
        return self.names.asins

    @property
    def record_bytes(self) -> NDArray[np.uint8]:
        """The records as memory."""
        return as_bytes(self.records)

    def key_of(self, listing_id: int) -> ListingKey:
        """Natural key of a listing."""
        record = self.records[listing_id]
        return ListingKey(
            self.seller_of(listing_id),
            self.marketplaces[int(record["marketplace"])],
            self.skus[listing_id],
            int(record["audience"]),
        )

    def asin_key(self, listing_id: int) -> AsinKey:
        """All listings that a message about this listing's ASIN and condition means."""
        key, record = self.key_of(listing_id), self.records[listing_id]
        return AsinKey(
            key.seller_id,
            key.marketplace_id,
            self.asins[listing_id],
            int(record["condition"]),
            key.audience,
        )

    def id_of(self, key: ListingKey) -> int:
        """Listing of a natural key; 0: none."""
        return self.names.find(self.record_bytes, AddressKind.KEY, *key, 0)

    def seller_of(self, listing_id: int) -> str:
        """Seller id of a listing."""
        return self.sellers[int(self.records["seller"][listing_id])].seller_id

    def outside(self, scope: Scope, listing_ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these listings are those of sellers outside the scope."""
        outside = np.array([not inside(scope, each.seller_id) for each in self.sellers], np.bool_)
        marked: NDArray[np.bool_] = outside[self.records["seller"][listing_ids]]
        return marked

    def find(self, address: Address, scope: Scope) -> list[int]:
        """Ids of the listings inside the scope that an address names; empty when none is."""
        if isinstance(address, int):
            known = 0 < address < self.count
            live = known and int(self.rows["flags"][address]) & RowFlag.ACTIVE
            return [address] if live and inside(scope, self.seller_of(address)) else []
        if not inside(scope, address.seller_id):
            return []
        if isinstance(address, AsinKey):
            seller, marketplace, asin, condition, audience = address
            names, kind = (seller, marketplace, asin), AddressKind.ASIN
            first = self.names.find(self.record_bytes, kind, *names, audience, condition)
            return self.names.sharing(self.record_bytes, first) if first else []
        listing_id = self.id_of(address)
        return [listing_id] if listing_id else []
