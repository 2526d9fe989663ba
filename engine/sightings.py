"""What offers show of the sources that FOLLOW strategies follow."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.columns import AsinKey, SnapshotBatch
from engine.errors import RowProblem
from engine.following import Sighting
from engine.reference import load
from engine.reference_market import eligible, forbidden_bits, offer_at
from engine.resolve import Resolved
from engine.schema import BuyBoxStatus, FollowValue, OfferBit
from engine.scope import Scope, inside
from engine.strategies import seller_hash

if TYPE_CHECKING:
    from engine.catalog import Catalog
    from engine.state import State
    from engine.watched import Watcher


def note_offers(
    state: State, batch: SnapshotBatch, resolved: Resolved, scope: Scope
) -> list[RowProblem]:
    """Notes what snapshots show of sources; the problems of rows that nobody had a use for.

    A snapshot of an ASIN that its seller does not list is of use where a strategy follows it.
    """
    catalog = state.catalog
    if not catalog.watched:
        return resolved.problems
    rows = resolved.rows
    for at in np.flatnonzero(catalog.are_watched(rows["listing_id"])).tolist():
        listing_id = int(rows["listing_id"][at])
        record = catalog.records[listing_id]
        for watcher in catalog.watchers(listing_id):
            snapshot = load(rows, at)
            condition = int(record["condition"])
            note(state, watcher, batch, snapshot, condition, int(record["currency"]))
    used = set()
    for index, at, key in unlisted(batch, resolved.problems):
        for watcher in catalog.watched.get(key, ()) if inside(scope, key.seller_id) else ():
            snapshot = load(batch.rows, at)
            note(state, watcher, batch, snapshot, key.condition, int(batch.currency[at]))
            used.add(index)
    return [each for each in resolved.problems if each.index not in used]


def unlisted(
    batch: SnapshotBatch, problems: list[RowProblem]
) -> Iterator[tuple[int, int, AsinKey]]:
    """Rows of ASINs that no listing has: index in the request, place in the batch, key."""
    for each in problems:
        if each.reason == "UNKNOWN_LISTING":
            at = int(np.searchsorted(batch.rows["index"], each.index))
            key = batch.addresses[at]
            if isinstance(key, AsinKey):
                yield each.index, at, key


def note(
    state: State, watcher: Watcher, batch: SnapshotBatch, snapshot: Any, condition: int,
    currency: int,
) -> None:  # fmt: skip
    """Takes in one snapshot of a source, unless it is older than the strategy allows."""
    strategy = load(state.catalog.strategy_records, watcher[0])
    if state.now_ms - snapshot.event_ms > strategy.max_offer_age_ms:
        return
    minor = shown(state.catalog, watcher[0], strategy, batch, snapshot, condition)
    state.following.note(watcher, Sighting(minor, snapshot.event_ms, currency))


def shown(
    catalog: Catalog, index: int, strategy: Any, batch: SnapshotBatch, snapshot: Any,
    condition: int,
) -> int:  # fmt: skip
    """What a snapshot shows of what a strategy follows, landed; 0: nothing.

    Offers of the seller's own account are no competitors, but one of them may be featured.
    """
    definition = catalog.strategies[index]
    if definition.follow_value == FollowValue.EFFECTIVE:
        return 0
    listed = [offer_at(batch.offers, at) for at in range(snapshot.offer_begin, snapshot.offer_end)]
    if definition.follow_value == FollowValue.BUY_BOX:
        if snapshot.buy_box_status == BuyBoxStatus.SUPPRESSED:
            return 0
        winners = [each.landed_minor for each in listed if each.bits & OfferBit.WINNER]
        return min(winners, default=int(snapshot.featured_minor))
    own = account_of(catalog, definition.seller_id)
    pool = catalog.pool.tolist()
    forbidden = forbidden_bits(SimpleNamespace(flags=condition), strategy)
    found = [
        each.landed_minor
        for each in listed
        if each.landed_minor > 0
        and each.seller not in own
        and eligible(strategy, pool, forbidden, each)
    ]
    return min(found, default=0)


def account_of(catalog: Catalog, seller_id: str) -> set[int]:
    """Hashes of the sellers of a seller's account group, its own first of all."""
    index = catalog.seller_at.get(seller_id)
    if index is None:
        return {seller_hash(seller_id)}
    group = catalog.seller_groups == catalog.seller_groups[index]
    return set(catalog.seller_hashes[group].tolist())
