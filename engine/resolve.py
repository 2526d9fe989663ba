"""Turns the names in a batch into listing ids and finds our own offers among the others.

Which offer is ours is decided by seller id, then SKU where given, else by fulfilment; what stays
ambiguous is unknown. Condition needs no look: a snapshot holds the offers of one condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engine._names import resolve
from engine._own_offers import mark_own
from engine.addresses import Addresses, Skus
from engine.catalog import Catalog
from engine.columns import (
    Address,
    AsinKey,
    FeedbackBatch,
    FeePreviewBatch,
    RefBatch,
    SalesBatch,
    SnapshotBatch,
    StockBatch,
    StopBatch,
)
from engine.errors import RowProblem
from engine.money import currency_code
from engine.room import as_bytes
from engine.schema import MAX_LISTINGS_NAMED
from engine.scope import Scope

FUTURE_LIMIT_MS = 5 * 60_000
"""An event time farther ahead than this is refused."""


Places = NDArray[np.uint32]


class RowState(IntEnum):
    """What resolving a row found."""

    GOOD = 0
    IN_FUTURE = 1
    UNKNOWN = 2
    OTHER_CURRENCY = 3
    TOO_MANY = 4


@dataclass(slots=True)
class Resolved:
    """Rows with listing ids, ready for the kernel, and the rows that were refused."""

    rows: NDArray[np.void]
    problems: list[RowProblem]
    ambiguous_own: int = 0


def describe(address: Address) -> str:
    """The way a row named its listing, for messages."""
    if isinstance(address, int):
        return f"listing_id {address}"
    if isinstance(address, AsinKey):
        return f"asin {address.asin!r} of seller {address.seller_id!r} in {address.marketplace_id}"
    return f"sku {address.sku!r} of seller {address.seller_id!r} in {address.marketplace_id}"


def unknown(index: int, address: Address) -> RowProblem:
    """The same answer for a listing that does not exist and for one that is not the caller's."""
    return RowProblem(
        index, "listing", "UNKNOWN_LISTING", f"listing: {describe(address)} is not known"
    )


def in_future(index: int, event_ms: int, now_ms: int) -> RowProblem:
    """Refuses an event from more than five minutes ahead."""
    return RowProblem(
        index,
        "event_ms",
        "EVENT_IN_FUTURE",
        f"event_ms is {event_ms}, {event_ms - now_ms} ms ahead of the server; allowed: up to"
        f" {FUTURE_LIMIT_MS} ms",
    )


def too_many(index: int) -> RowProblem:
    """Refuses a row of an input that names too many listings."""
    return RowProblem(
        index,
        "listing",
        "TOO_MANY_LISTINGS",
        f"listing: the rows up to this one name more than {MAX_LISTINGS_NAMED} listings by their"
        " ASINs; allowed: up to that in one call",
    )


def wrong_currency(catalog: Catalog, index: int, listed: list[int], given: int) -> RowProblem:
    """Refuses amounts in another currency than that of one of these listings."""
    present = catalog.records["currency"][listed]
    wanted = currency_code(int(present[present != given][0]))
    return RowProblem(
        index,
        "currency",
        "CURRENCY_MISMATCH",
        f"currency is {currency_code(given)!r}; the listing is priced in {wanted}",
    )


def expand(
    catalog: Catalog,
    rows: NDArray[np.void],
    addresses: Sequence[Address],
    currency: NDArray[np.uint8],
    now_ms: int,
    scope: Scope,
) -> tuple[Places, NDArray[np.uint32], list[RowProblem]]:
    """Positions of usable rows and the listing of each; a row by ASIN can stand for several."""
    positions, listing_ids, states = found(
        catalog, addresses, rows["event_ms"], currency, now_ms + FUTURE_LIMIT_MS, scope
    )
    problems = []
    for at in np.flatnonzero(states).tolist():
        index, state = int(rows["index"][at]), RowState(int(states[at]))
        if state == RowState.IN_FUTURE:
            problems.append(in_future(index, int(rows["event_ms"][at]), now_ms))
        elif state == RowState.TOO_MANY:
            problems.append(too_many(index))
        elif state == RowState.OTHER_CURRENCY and (listed := catalog.find(addresses[at], scope)):
            problems.append(wrong_currency(catalog, index, listed, int(currency[at])))
        else:
            problems.append(unknown(index, addresses[at]))
    return positions, listing_ids, problems


def found(
    catalog: Catalog,
    addresses: Sequence[Address],
    event_ms: NDArray[np.int64],
    currency: NDArray[np.uint8],
    latest_ms: int,
    scope: Scope,
) -> tuple[Places, NDArray[np.uint32], NDArray[np.uint8]]:
    """Places of good addresses, the listing of each, and the RowState of every address.

    A listing outside the scope is not found. All that one address names have the same seller.
    """
    given = Addresses.of(addresses)
    positions, listing_ids, states = resolve(
        catalog.names,
        given.columns,
        given.texts,
        as_bytes(catalog.rows),
        catalog.record_bytes,
        catalog.count,
        event_ms,
        currency,
        latest_ms,
        MAX_LISTINGS_NAMED,
    )
    if scope is None:
        return positions, listing_ids, states
    outside = catalog.outside(scope, listing_ids)
    states[positions[outside]] = RowState.UNKNOWN
    return positions[~outside], listing_ids[~outside], states


def resolve_snapshots(
    batch: SnapshotBatch, catalog: Catalog, now_ms: int, scope: Scope
) -> Resolved:
    """Rows of `schema.SNAPSHOT` with listings, own offers, and OWN_ACCOUNT set on the offers."""
    positions, listing_ids, problems = expand(
        catalog, batch.rows, batch.addresses, batch.currency, now_ms, scope
    )
    rows = taken(batch.rows, positions)
    rows["listing_id"] = listing_ids
    return Resolved(rows, problems, own_offers(catalog, rows, batch))


def taken(rows: NDArray[np.void], positions: Places) -> NDArray[np.void]:
    """Rows at these ascending places; the same array where each row stands for one listing."""
    count = len(rows)
    if len(positions) == count and (count == 0 or np.array_equal(positions, np.arange(count))):
        return rows
    return rows[positions]


def own_offers(catalog: Catalog, rows: NDArray[np.void], batch: SnapshotBatch) -> int:
    """Sets own offers and OWN_ACCOUNT; returns how many own offers stayed ambiguous."""
    skus = Skus.of(batch.skus)
    return mark_own(
        catalog.names,
        rows,
        catalog.record_bytes,
        catalog.shares_asin.view(np.uint8),
        catalog.seller_places,
        catalog.seller_hashes,
        catalog.seller_groups,
        skus.columns,
        skus.texts,
        batch.offers.seller,
        batch.item_minor,
        batch.offers.bits,
    )


def resolve_feedback(batch: FeedbackBatch, catalog: Catalog, now_ms: int, scope: Scope) -> Resolved:
    """Rows of `schema.FEEDBACK` with listings; a decision id is compared with the current one."""
    positions, listing_ids, problems = expand(
        catalog, batch.rows, batch.addresses, batch.currency, now_ms, scope
    )
    rows = batch.rows[positions]
    rows["listing_id"] = listing_ids
    wanted = batch.fulfilment[positions]
    present = catalog.records["fulfilment"][listing_ids]
    fits = (wanted == 0) | (present == 0) | (wanted == present)
    given = batch.decision_ids[positions]
    current = catalog.records["decision_id"][listing_ids]
    rows["names_decision"] = np.where(given == 0, 0, np.where(given == current, 1, 2))
    missed = {int(each) for each in rows["index"][~fits]} - {int(e) for e in rows["index"][fits]}
    for index in sorted(missed):
        message = "fulfilment: no listing of this ASIN has the fulfilment that is judged"
        problems.append(RowProblem(index, "fulfilment", "UNKNOWN_LISTING", message))
    return Resolved(rows[fits], problems)


def resolve_refs(
    batch: RefBatch | StockBatch | SalesBatch | StopBatch | FeePreviewBatch,
    catalog: Catalog,
    scope: Scope,
) -> tuple[Places, NDArray[np.uint32], list[RowProblem]]:
    """Places of the known listings of a batch, their ids, and the unknown ones."""
    count = len(batch.addresses)
    positions, listing_ids, states = found(
        catalog, batch.addresses, np.zeros(count, np.int64), np.zeros(count, np.uint8), 0, scope
    )
    missing = np.flatnonzero(states).tolist()
    problems = [unknown(int(batch.indices[at]), batch.addresses[at]) for at in missing]
    return positions, listing_ids, problems
