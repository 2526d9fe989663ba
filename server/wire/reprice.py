"""Offer snapshots: bytes of Reprice and EvaluatePrice to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.columns import Address, SnapshotBatch
from engine.errors import RowProblem
from engine.schema import SNAPSHOT
from repriced.v1 import pricing_pb2, types_pb2
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.offers import fault_of, first_faults, named_skus, offer_columns, read_columns
from server.wire.rows import RowFault, address_of, currency, event_time, member, optional_price

HEAD = (
    "event_ms",
    "competitive_minor",
    "featured_minor",
    "offer_total",
    "buy_box_status",
    "listing_id",
    "index",
)
"""Fields of `schema.SNAPSHOT` that a row states by itself."""

MAX_TOTAL = 65_535
"""More offers than the column can say are as many as it can."""


@dataclass(slots=True)
class Snapshots:
    """Rows read so far; the first lists have an entry for each row that is good."""

    heads: list[tuple[int, ...]] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    currency: list[int] = field(default_factory=list)
    offers: list[Sequence[types_pb2.Offer]] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    def read(self, index: int, snapshot: pricing_pb2.OfferSnapshot, limits: WireLimits) -> None:
        """Takes a row in, all but the values of its offers. Raises RowFault."""
        address = address_of(snapshot)
        event_ms = event_time(snapshot)
        code = currency(snapshot.currency)
        competitive = optional_price(snapshot, "competitive_price_minor")
        featured = optional_price(snapshot, "featured_price_minor")
        status = member("buy_box_status", snapshot.buy_box_status, types_pb2.BuyBoxStatus)
        offers = snapshot.offers
        check_offer_count(len(offers), limits)
        listing_id = address if isinstance(address, int) else 0
        total = min(snapshot.total_offer_count, MAX_TOTAL)
        self.heads.append((event_ms, competitive, featured, total, status, listing_id, index))
        self.addresses.append(address)
        self.currency.append(code)
        self.offers.append(offers)

    def drop(self, faults: dict[int, RowFault]) -> None:
        """Moves the rows at these positions to the problems."""
        for position in sorted(faults, reverse=True):
            index = self.heads.pop(position)[-1]
            self.problems.append(faults[position].problem(index))
            del self.addresses[position], self.currency[position], self.offers[position]
        self.problems.sort(key=lambda problem: problem.index)

    def all_offers(self) -> list[types_pb2.Offer]:
        """Offers of all rows, one after the other."""
        return [offer for offers in self.offers for offer in offers]

    def ends(self) -> NDArray[np.int64]:
        """For each row the place after its last offer."""
        return np.cumsum([len(offers) for offers in self.offers], dtype=np.int64)


def check_offer_count(count: int, limits: WireLimits) -> None:
    """Raises RowFault, TOO_MANY_OFFERS."""
    limit = limits.max_offers_per_snapshot
    if count > limit:
        raise RowFault(
            "offers",
            "TOO_MANY_OFFERS",
            f"offers has {count} offers; allowed: at most {limit} (max_offers_per_snapshot)",
        )


def decode_reprice(payload: bytes, limits: WireLimits) -> SnapshotBatch:
    """Batch of a RepriceRequest. Pure. Raises InputError."""
    request = parse(pricing_pb2.RepriceRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    return decode_snapshots(request_id, request.snapshots, limits)


def decode_evaluate(payload: bytes, limits: WireLimits) -> SnapshotBatch:
    """Batch of an EvaluatePriceRequest, which needs no request id. Pure. Raises InputError."""
    request = parse(pricing_pb2.EvaluatePriceRequest, payload, limits)
    return decode_snapshots("", request.snapshots, limits)


def decode_snapshots(
    request_id: str, snapshots: Sequence[pricing_pb2.OfferSnapshot], limits: WireLimits
) -> SnapshotBatch:
    """Batch of snapshots. A bad offer fails its whole row: half a market decides no price."""
    check_count("snapshots", len(snapshots), "max_rows_per_call", limits)
    read = Snapshots()
    for index, snapshot in enumerate(snapshots):
        try:
            read.read(index, snapshot, limits)
        except RowFault as fault:
            read.problems.append(fault.problem(index))
    offers = read.all_offers()
    columns = read_columns(offers)
    found = first_faults(columns)
    if found.any():
        read.drop(faults_by_row(offers, found, read.ends()))
        offers = read.all_offers()
        columns = read_columns(offers)
    return SnapshotBatch(
        request_id=request_id,
        row_count=len(snapshots),
        rows=snapshot_rows(read),
        addresses=read.addresses,
        currency=np.array(read.currency, np.uint8),
        item_minor=columns["item_price_minor"],
        offers=offer_columns(offers, columns),
        skus=named_skus(offers),
        problems=read.problems,
    )


def faults_by_row(
    offers: list[types_pb2.Offer], found: NDArray[np.int64], ends: NDArray[np.int64]
) -> dict[int, RowFault]:
    """The first bad offer of each row that has one, by the row's position."""
    bad = np.flatnonzero(found)
    rows, first = np.unique(np.searchsorted(ends, bad, side="right"), return_index=True)
    faults = {}
    for row, offer in zip(rows.tolist(), bad[first].tolist(), strict=True):
        begin = int(ends[row - 1]) if row else 0
        faults[row] = fault_of(offers[offer], offer - begin, int(found[offer]))
    return faults


def snapshot_rows(read: Snapshots) -> NDArray[np.void]:
    """Rows of `schema.SNAPSHOT`; own offers are found later by the engine."""
    rows = np.zeros(len(read.heads), SNAPSHOT)
    heads = np.array(read.heads, np.int64).reshape(-1, len(HEAD))
    for place, name in enumerate(HEAD):
        rows[name] = heads[:, place]
    ends = read.ends()
    rows["offer_end"] = ends
    rows["offer_begin"][1:] = ends[:-1]
    rows["own_offer"] = -1
    return rows


def snapshot_naming(
    payload: bytes, addresses: Sequence[Address]
) -> pricing_pb2.OfferSnapshot | None:
    """The last snapshot of a RepriceRequest that names a listing in one of these ways."""
    for snapshot in reversed(pricing_pb2.RepriceRequest.FromString(payload).snapshots):
        try:
            if address_of(snapshot) in addresses:
                return snapshot
        except RowFault:
            continue
    return None


def decode_alone(snapshot: pricing_pb2.OfferSnapshot, limits: WireLimits) -> SnapshotBatch:
    """Batch of one snapshot that was taken earlier."""
    return decode_snapshots("", [snapshot], limits)
