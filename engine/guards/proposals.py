"""Decisions that were made and did not go out: held by a guard, or of a seller in dry run.

Beside each stands the input that led to it, so that a release can evaluate it again: the row is
as it was, therefore the input is as new as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import OfferColumns
from engine.schema import NO_INDEX, SNAPSHOT, DecisionStatus

MAX_PROPOSALS = 100_000
"""Listings whose proposal is kept; beyond, the price is held all the same, and the next input
decides after a release."""
MAX_KEPT_OFFERS = 1_000_000

OFFER = np.dtype(
    [
        ("landed_minor", "<i8"),
        ("seller", "<u8"),
        ("bits", "<u4"),
        ("rating_count", "<u4"),
        ("rating_bp", "<u2"),
        ("handling_hours", "<u2"),
    ]
)
"""One offer of `columns.OfferColumns`."""


class Origin(IntEnum):
    """The kind of input that led to a proposal."""

    OFFERS = 1
    FEEDBACK = 2
    COMMAND = 3
    TIMER = 4
    PERSON = 5


@dataclass(frozen=True, slots=True)
class Proposal:
    """`row` is a `schema.SNAPSHOT` or `schema.FEEDBACK` as bytes, `offers` are of `OFFER`."""

    hold_id: int
    decision_id: int
    status: int
    listing_id: int
    price_minor: int
    previous_minor: int
    reason: int
    held_ms: int
    origin: int
    row: bytes = b""
    offers: bytes = b""


PLAIN = ("hold_id", "decision_id", "status", "listing_id", "price_minor", "previous_minor",
         "reason", "held_ms", "origin")  # fmt: skip
STORED = np.dtype([(name, "<i8") for name in PLAIN] + [("row", "<u4"), ("offers", "<u4")])


def pack_offers(offers: OfferColumns, begin: int, end: int) -> bytes:
    """Offers begin to end as bytes of `OFFER`."""
    packed = np.zeros(end - begin, OFFER)
    for name in OFFER.names or ():
        packed[name] = getattr(offers, name)[begin:end]
    return packed.tobytes()


def unpack_inputs(proposals: Iterable[Proposal]) -> tuple[NDArray[np.void], OfferColumns]:
    """Snapshots and offers of proposals that offers led to, as one batch."""
    rows, offers, begin = [], [], 0
    for each in proposals:
        row = np.frombuffer(each.row, SNAPSHOT).copy()
        count = len(each.offers) // OFFER.itemsize
        if row["own_offer"][0] >= 0:
            row["own_offer"] = row["own_offer"][0] - int(row["offer_begin"][0]) + begin
        row["offer_begin"], row["offer_end"] = begin, begin + count
        row["index"] = NO_INDEX
        rows.append(row)
        offers.append(np.frombuffer(each.offers, OFFER))
        begin += count
    packed = np.concatenate([np.zeros(0, OFFER), *offers])
    columns = OfferColumns.empty(len(packed))
    for name in OFFER.names or ():
        getattr(columns, name)[:] = packed[name]
    return np.concatenate([np.zeros(0, SNAPSHOT), *rows]), columns


class Proposals:
    """The newest proposal of each listing that has one."""

    def __init__(self) -> None:
        self.by_listing: dict[int, Proposal] = {}
        self._kept_offers = 0

    def put(self, proposal: Proposal) -> None:
        """Replaces the listing's proposal; where there is no room, nothing is kept."""
        self.pop(proposal.listing_id)
        offers = len(proposal.offers) // OFFER.itemsize
        full = self._kept_offers + offers > MAX_KEPT_OFFERS
        if full or len(self.by_listing) >= MAX_PROPOSALS:
            return
        self._kept_offers += offers
        self.by_listing[proposal.listing_id] = proposal

    def pop(self, listing_id: int) -> Proposal | None:
        """Takes the listing's proposal away."""
        found = self.by_listing.pop(listing_id, None)
        if found is not None:
            self._kept_offers -= len(found.offers) // OFFER.itemsize
        return found

    def pop_all(self, listing_ids: Iterable[int]) -> None:
        """Takes the proposals of these listings away."""
        if self.by_listing:
            for each in listing_ids:
                self.pop(each)

    def repeats(self, listing_id: int, price_minor: int, status: DecisionStatus) -> bool:
        """Whether the same price is proposed already."""
        known = self.by_listing.get(listing_id)
        return known is not None and (known.price_minor, known.status) == (price_minor, status)

    def dump(self) -> tuple[NDArray[np.void], bytes]:
        """All proposals as records and the bytes of their inputs one after the other."""
        records = np.zeros(len(self.by_listing), STORED)
        for record, each in zip(records, self.by_listing.values(), strict=True):
            for name in PLAIN:
                record[name] = getattr(each, name)
            record["row"], record["offers"] = len(each.row), len(each.offers)
        return records, b"".join(each.row + each.offers for each in self.by_listing.values())

    def load(self, records: NDArray[np.void], inputs: bytes) -> None:
        """Replaces everything by what `dump` gave."""
        self.by_listing, self._kept_offers, at = {}, 0, 0
        for record in records:
            middle = at + int(record["row"])
            end = middle + int(record["offers"])
            fields: dict[str, Any] = {name: int(record[name]) for name in PLAIN}
            fields |= {"row": inputs[at:middle], "offers": inputs[middle:end]}
            self.put(Proposal(**fields))
            at = end
