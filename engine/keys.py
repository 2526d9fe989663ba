"""The names of a listing, and hashes of names."""

from __future__ import annotations

from typing import NamedTuple

import xxhash


class ListingKey(NamedTuple):
    """Natural key of a listing; `audience` is a `schema.Audience`."""

    seller_id: str
    marketplace_id: str
    sku: str
    audience: int


class AsinKey(NamedTuple):
    """All of a seller's listings of an ASIN in one condition (`schema.Condition`)."""

    seller_id: str
    marketplace_id: str
    asin: str
    condition: int
    audience: int


Address = ListingKey | AsinKey | int
"""How a row names its listing: a natural key, an ASIN, or a listing id."""


def text_hash(*parts: str | int) -> int:
    """64-bit hash of a list of texts and numbers."""
    joined = "".join(f"{len(each)} {each}" for each in map(str, parts))
    return xxhash.xxh3_64_intdigest(joined.encode())
