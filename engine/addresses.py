"""How rows name listings, and offers their SKUs: columns over the texts of the request.

An address is a `columns.Address` only where somebody looks at one; the columns hold where its texts
stand in the request's bytes, and a hash by which the catalogue finds the listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import overload

import numpy as np
from numpy.typing import NDArray

from engine import _wire
from engine.keys import Address, AsinKey, ListingKey


class AddressKind(IntEnum):
    """Which of the ways a row uses."""

    ID = 1
    KEY = 2
    ASIN = 3


ADDRESS = np.dtype(
    [
        ("hash", "<u8"),  # of kind, audience, condition and the three texts
        ("listing_id", "<u4"),
        ("seller_at", "<u4"),  # places and lengths in bytes of UTF-8
        ("seller_length", "<u4"),
        ("marketplace_at", "<u4"),
        ("marketplace_length", "<u4"),
        ("name_at", "<u4"),  # SKU or ASIN
        ("name_length", "<u4"),
        ("kind", "u1"),  # AddressKind
        ("audience", "u1"),
        ("condition", "u1"),  # of an ASIN, else 0
        ("padding", "u1", (1,)),
    ]
)
"""One address; of a listing id nothing but that and the kind."""


SKU = np.dtype([("offer", "<u4"), ("at", "<u4"), ("length", "<u4")])
"""An offer that names a SKU: its place in the columns and that of the text."""


@dataclass(slots=True, eq=False)
class Addresses(Sequence[Address]):
    """A sequence of addresses. `columns` is ADDRESS, `texts` the bytes that it points into."""

    columns: NDArray[np.void]
    texts: bytes

    @classmethod
    def of(cls, addresses: Iterable[Address]) -> Addresses:
        """Columns of addresses made by hand."""
        if isinstance(addresses, Addresses):
            return addresses
        texts = bytearray()
        rows = [packed(address, texts) for address in addresses]
        columns = np.array(rows, ADDRESS) if rows else np.zeros(0, ADDRESS)
        found = cls(columns, bytes(texts))
        _wire.hash_addresses(found.columns, found.texts)
        return found

    def __len__(self) -> int:
        return len(self.columns)

    @overload
    def __getitem__(self, at: int) -> Address: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Address]: ...

    def __getitem__(self, at: int | slice) -> Address | Sequence[Address]:
        if isinstance(at, slice):
            return Addresses(self.columns[at], self.texts)
        row = self.columns[at]
        if row["kind"] == AddressKind.ID:
            return int(row["listing_id"])
        texts = (self._text(row, "seller"), self._text(row, "marketplace"), self._text(row, "name"))
        if row["kind"] == AddressKind.KEY:
            return ListingKey(*texts, int(row["audience"]))
        return AsinKey(*texts, int(row["condition"]), int(row["audience"]))

    def _text(self, row: np.void, part: str) -> str:
        at = int(row[f"{part}_at"])
        return str(self.texts[at : at + int(row[f"{part}_length"])], "utf-8")


def packed(address: Address, texts: bytearray) -> tuple[object, ...]:
    """Fields of ADDRESS of one address, whose texts are added to `texts`."""
    if isinstance(address, int):
        return (0, address, *[0] * 6, AddressKind.ID, 0, 0, (0,))
    places: list[int] = []
    for text in address[:3]:
        encoded = text.encode()
        places += [len(texts), len(encoded)]
        texts += encoded
    if isinstance(address, AsinKey):
        kind, condition = AddressKind.ASIN, address.condition
    else:
        kind, condition = AddressKind.KEY, 0
    return (0, 0, *places, kind, address.audience, condition, (0,))


@dataclass(slots=True, eq=False)
class Skus:
    """SKUs of the offers that name one. `columns` is SKU in the order of the offers."""

    columns: NDArray[np.void]
    texts: bytes

    @classmethod
    def of(cls, skus: Mapping[int, str] | Skus) -> Skus:
        """Columns of SKUs by the place of their offer."""
        if isinstance(skus, Skus):
            return skus
        texts = bytearray()
        columns = np.zeros(len(skus), SKU)
        for row, (offer, sku) in zip(columns, sorted(skus.items()), strict=True):
            encoded = sku.encode()
            row["offer"], row["at"], row["length"] = offer, len(texts), len(encoded)
            texts += encoded
        return cls(columns, bytes(texts))

    def by_offer(self) -> dict[int, str]:
        """SKUs by the place of their offer."""
        return {
            offer: str(self.texts[at : at + length], "utf-8")
            for offer, at, length in self.columns.tolist()
        }
