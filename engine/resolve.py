"""Turns the names in a batch into listing ids and finds our own offers among the others.

Which offer is ours is decided by seller id, then SKU where given, else by fulfilment; what stays
ambiguous is unknown. Condition needs no look: a snapshot holds the offers of one condition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.columns import (
    Address,
    AsinKey,
    FeedbackBatch,
    OfferColumns,
    RefBatch,
    SnapshotBatch,
    StockBatch,
    StopBatch,
)
from engine.errors import RowProblem
from engine.money import currency_code
from engine.schema import FULFILMENT_SHIFT, OfferBit

FUTURE_LIMIT_MS = 5 * 60_000
"""An event time farther ahead than this is refused."""


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


def in_future(index: int, event_ms: int, now_ms: int) -> RowProblem | None:
    """Refuses an event from more than five minutes ahead."""
    if event_ms <= now_ms + FUTURE_LIMIT_MS:
        return None
    return RowProblem(
        index,
        "event_ms",
        "EVENT_IN_FUTURE",
        f"event_ms is {event_ms}, {event_ms - now_ms} ms ahead of the server; allowed: up to"
        f" {FUTURE_LIMIT_MS} ms",
    )


def wrong_currency(catalog: Catalog, index: int, listing_id: int, given: int) -> RowProblem | None:
    """Refuses amounts in another currency than the listing's."""
    wanted = int(catalog.records["currency"][listing_id])
    if given == wanted:
        return None
    return RowProblem(
        index,
        "currency",
        "CURRENCY_MISMATCH",
        f"currency is {currency_code(given)!r}; the listing is priced in {currency_code(wanted)}",
    )


def expand(
    catalog: Catalog,
    rows: NDArray[np.void],
    addresses: list[Address],
    currency: NDArray[np.uint8],
    now_ms: int,
) -> tuple[list[int], list[int], list[RowProblem]]:
    """Positions of usable rows and the listing of each; a row by ASIN can stand for several."""
    positions: list[int] = []
    listing_ids: list[int] = []
    problems: list[RowProblem] = []
    indices = rows["index"].tolist()
    events = rows["event_ms"].tolist()
    given = currency.tolist()
    for at, address in enumerate(addresses):
        found = catalog.find(address)
        problem = in_future(indices[at], events[at], now_ms)
        if problem is None and not found:
            problem = unknown(indices[at], address)
        for listing_id in found:
            if problem is None and given[at]:
                problem = wrong_currency(catalog, indices[at], listing_id, given[at])
        if problem is not None:
            problems.append(problem)
            continue
        positions.extend([at] * len(found))
        listing_ids.extend(found)
    return positions, listing_ids, problems


def resolve_snapshots(batch: SnapshotBatch, catalog: Catalog, now_ms: int) -> Resolved:
    """Rows of `schema.SNAPSHOT` with listings, own offers, and OWN_ACCOUNT set on the offers."""
    positions, listing_ids, problems = expand(
        catalog, batch.rows, batch.addresses, batch.currency, now_ms
    )
    rows = batch.rows[positions]
    rows["listing_id"] = listing_ids
    ambiguous = mark_own(catalog, rows, batch)
    return Resolved(rows, problems, ambiguous)


def offers_of_rows(rows: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offer index and row of every offer of every row."""
    begin = rows["offer_begin"].astype(np.int64)
    counts = rows["offer_end"].astype(np.int64) - begin
    row = np.repeat(np.arange(len(rows)), counts)
    first = np.cumsum(counts) - counts
    return np.arange(len(row)) - first[row] + begin[row], row


def mark_own(catalog: Catalog, rows: NDArray[np.void], batch: SnapshotBatch) -> int:
    """Sets own offers and OWN_ACCOUNT; returns how many own offers stayed ambiguous."""
    rows["own_offer"] = -1
    rows["own_price_minor"] = 0
    if len(rows) == 0 or len(batch.offers) == 0:
        return 0
    offer, row = offers_of_rows(rows)
    seller_of_row = catalog.records["seller"][rows["listing_id"]]
    hashes = batch.offers.seller[offer]
    mark_account(catalog, batch.offers, offer, hashes, seller_of_row[row])
    mine = hashes == catalog.seller_hashes[seller_of_row][row]
    return choose_own(catalog, rows, batch, offer[mine], row[mine])


def mark_account(
    catalog: Catalog,
    offers: OfferColumns,
    offer: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    seller: NDArray[np.uint32],
) -> None:
    """Sets OWN_ACCOUNT on offers of the listing's own account group."""
    order = np.argsort(catalog.seller_hashes)
    known = catalog.seller_hashes[order]
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    is_known = known[at] == hashes
    group = catalog.seller_groups[order[at]]
    own = is_known & (group == catalog.seller_groups[seller])
    offers.bits[offer[own]] |= np.uint32(OfferBit.OWN_ACCOUNT)


def choose_own(
    catalog: Catalog,
    rows: NDArray[np.void],
    batch: SnapshotBatch,
    offer: NDArray[np.int64],
    row: NDArray[np.int64],
) -> int:
    """Picks each listing's own offer among those of its seller."""
    bits = batch.offers.bits[offer]
    fulfilment = catalog.records["fulfilment"][rows["listing_id"]][row].astype(np.int64)
    reported = bits & np.uint32(OfferBit.FULFILLED_BY_AMAZON | OfferBit.FULFILLED_BY_MERCHANT)
    wanted = np.where(fulfilment > 0, 1 << np.maximum(fulfilment + FULFILMENT_SHIFT, 0), 0)
    fits = (reported == 0) | (wanted == 0) | (reported == wanted)
    if batch.skus:
        fits &= sku_fits(catalog, rows, batch, offer, row)
    offer, row = offer[fits], row[fits]
    found = np.bincount(row, minlength=len(rows))
    shared = catalog.shares_asin[rows["listing_id"]]
    if batch.skus:
        named = np.array([at in batch.skus for at in offer.tolist()], np.bool_)
        shared = shared & ~np.isin(np.arange(len(rows)), row[named])
    sure = (found[row] == 1) & ~shared[row]
    rows["own_offer"][row[sure]] = offer[sure]
    rows["own_price_minor"][row[sure]] = batch.item_minor[offer[sure]]
    return int(np.count_nonzero((found > 1) | ((found == 1) & shared)))


def sku_fits(
    catalog: Catalog,
    rows: NDArray[np.void],
    batch: SnapshotBatch,
    offer: NDArray[np.int64],
    row: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether each offer names no SKU or the listing's."""
    listing_ids = rows["listing_id"][row].tolist()
    fits = [
        batch.skus.get(at, catalog.skus[listing_id]) == catalog.skus[listing_id]
        for at, listing_id in zip(offer.tolist(), listing_ids, strict=True)
    ]
    return np.array(fits, np.bool_)


def resolve_feedback(batch: FeedbackBatch, catalog: Catalog, now_ms: int) -> Resolved:
    """Rows of `schema.FEEDBACK` with listings; a decision id is compared with the current one."""
    positions, listing_ids, problems = expand(
        catalog, batch.rows, batch.addresses, batch.currency, now_ms
    )
    rows = batch.rows[positions]
    rows["listing_id"] = listing_ids
    wanted = batch.fulfilment[positions]
    present = catalog.records["fulfilment"][listing_ids] if listing_ids else wanted
    fits = (wanted == 0) | (present == 0) | (wanted == present)
    given = batch.decision_ids[positions]
    if listing_ids:
        current = catalog.records["decision_id"][listing_ids]
        names = np.where(given == current, 1, 2)
        rows["names_decision"] = np.where(given == 0, 0, names)
    missed = {int(each) for each in rows["index"][~fits]} - {int(e) for e in rows["index"][fits]}
    for index in sorted(missed):
        message = "fulfilment: no listing of this ASIN has the fulfilment that is judged"
        problems.append(RowProblem(index, "fulfilment", "UNKNOWN_LISTING", message))
    return Resolved(rows[fits], problems)


def resolve_refs(
    batch: RefBatch | StockBatch | StopBatch, catalog: Catalog
) -> tuple[list[tuple[int, int, int]], list[RowProblem]]:
    """(position, index, listing id) of every known listing, and the unknown ones."""
    found: list[tuple[int, int, int]] = []
    problems: list[RowProblem] = []
    for at, (index, address) in enumerate(zip(batch.indices, batch.addresses, strict=True)):
        listing_ids = catalog.find(address)
        if listing_ids:
            found.extend((at, index, listing_id) for listing_id in listing_ids)
        else:
            problems.append(unknown(index, address))
    return found, problems
