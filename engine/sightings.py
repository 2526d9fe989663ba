"""What offers show of the sources that FOLLOW strategies follow."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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

K = TypeVar("K")

FILTER = (
    "max_offer_age_ms", "forbidden_bits", "any_condition", "min_rating_bp", "min_rating_count",
    "max_handling_hours", "include_begin", "include_end", "exclude_begin", "exclude_end",
)  # fmt: skip
"""Fields of a compiled strategy that say which offers count."""


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
    watched = np.flatnonzero(catalog.are_watched(rows["listing_id"]))
    for listing_id, at in newest(rows, watched, rows["listing_id"][watched].tolist()).items():
        record = catalog.records[listing_id]
        for watcher in catalog.watchers(listing_id):
            snapshot = load(rows, at)
            condition = int(record["condition"])
            note(state, watcher, batch, snapshot, condition, int(record["currency"]))
    found = [
        each
        for each in unlisted(batch, resolved.problems)
        if inside(scope, each[2].seller_id) and each[2] in catalog.watched
    ]
    places = np.array([at for _, at, _ in found], np.intp)
    for key, at in newest(batch.rows, places, [key for *_, key in found]).items():
        snapshot = load(batch.rows, at)
        for watcher in catalog.watched[key]:
            note(state, watcher, batch, snapshot, key.condition, int(batch.currency[at]))
    used = {index for index, *_ in found}
    return [each for each in resolved.problems if each.index not in used]


def newest(rows: NDArray[np.void], places: NDArray[np.intp], sources: list[K]) -> dict[K, int]:
    """The place of each source's newest row, the first of equals: what is older shows nothing, and
    many rows of one source cost no more than one."""
    found: dict[K, int] = {}
    event_ms = rows["event_ms"]
    for at, source in zip(places.tolist(), sources, strict=True):
        if source not in found or event_ms[at] > event_ms[found[source]]:
            found[source] = at
    return found


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
    record = state.catalog.strategy_records[watcher[0]]
    strategy = SimpleNamespace(**{name: int(record[name]) for name in FILTER})
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
    pool = catalog.sellers_pool
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
