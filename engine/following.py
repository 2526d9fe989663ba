"""FOLLOW: which listings follow which, and what the sources of a strategy cost together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from engine.columns import ListingKey
from engine.money import currency_index
from engine.reference import load
from engine.reference_rules import own_landed
from engine.schema import COMMAND, NO_INDEX, Aggregate, Audience, CommandKind, RowFlag, StrategyKind
from engine.timetable_checks import refuse

if TYPE_CHECKING:
    from engine.results import TickResult
    from engine.shard import Shard
    from engine.strategies import FollowSource, StrategyDefinition
    from engine.strategy_table import StrategyTable

MAX_SOURCES = 20
MAX_UNITS = 10_000
MAX_DEPTH = 4
"""Listings that follow one another in a row."""


def source_key(seller_id: str, source: FollowSource) -> ListingKey:
    """The listing that a source names."""
    return ListingKey(seller_id, source.marketplace_id, source.sku, source.audience)


def check_follow(definition: StrategyDefinition) -> None:
    """The sources by themselves. Raises InputError."""
    sources = definition.follow_sources
    if definition.aggregate not in set(Aggregate):
        raise refuse("follow.aggregate", definition.aggregate, "a known one", "AGGREGATE_UNKNOWN")
    if definition.follow_b2c:
        check_follow_b2c(definition)
        return
    if not 1 <= len(sources) <= MAX_SOURCES:
        raise refuse("follow.sources", len(sources), f"1 to {MAX_SOURCES}", "SOURCES_INVALID")
    for place, source in enumerate(sources):
        path = f"follow.sources[{place}]"
        if not source.sku or not source.marketplace_id:
            raise refuse(f"{path}.sku", source.sku, "marketplace and SKU of a listing", "SOURCE")
        if source in sources[:place]:
            raise refuse(f"{path}.sku", source.sku, "each listing once", "SOURCE_TWICE")
        if not 1 <= source.units <= MAX_UNITS:
            raise refuse(f"{path}.units", source.units, f"1 to {MAX_UNITS}", "UNITS_INVALID")
    if not 1 <= definition.follow_units <= MAX_UNITS:
        raise refuse("follow.units", definition.follow_units, f"1 to {MAX_UNITS}", "UNITS_INVALID")
    if not 0 <= definition.quorum <= len(sources):
        raise refuse("follow.quorum", definition.quorum, f"0 to {len(sources)}", "QUORUM_INVALID")


def check_follow_b2c(definition: StrategyDefinition) -> None:
    """A B2B price is at or below the B2C price. Raises InputError."""
    if definition.follow_sources:
        given = len(definition.follow_sources)
        raise refuse("follow.sources", given, "none with b2c_price", "SOURCES_INVALID")
    if definition.follow_units != 1 or definition.quorum:
        name = "units" if definition.follow_units != 1 else "quorum"
        given = definition.follow_units if name == "units" else definition.quorum
        raise refuse(f"follow.{name}", given, "none with b2c_price", "SOURCES_INVALID")
    offset = definition.offsets[1]
    if offset is not None and (offset.amount_minor > 0 or offset.basis_points > 0):
        above = offset.amount_minor or offset.basis_points
        raise refuse("follow.offset", above, "none or below with b2c_price", "OFFSET_OUT_OF_RANGE")


def check_b2b(key: ListingKey, definition: StrategyDefinition) -> None:
    """Only a B2B listing follows the B2C price of its SKU. Raises InputError."""
    if definition.follow_b2c and key.audience != Audience.B2B:
        raise refuse(
            "strategy_id", definition.strategy_id,
            "for a B2C listing a strategy without follow.b2c_price", "AUDIENCE_INVALID",
        )  # fmt: skip


def check_circle(
    catalog: StrategyTable, listing: ListingKey, definition: StrategyDefinition, path: str
) -> None:
    """A listing never follows itself, by whatever way. Raises InputError."""
    reached, chain = {listing}, [(listing, definition)]
    for depth in range(MAX_DEPTH + 1):
        sources = [source for key, each in chain for source in sources_of(key, each)]
        if listing in sources:
            raise refuse(
                path, definition.strategy_id,
                f"sources that do not follow listing {listing.sku!r} themselves", "FOLLOW_CIRCLE",
            )  # fmt: skip
        if sources and depth == MAX_DEPTH:
            raise refuse(
                path, definition.strategy_id, f"at most {MAX_DEPTH} listings in a row",
                "FOLLOW_TOO_DEEP",
            )  # fmt: skip
        fresh = [each for each in sources if each not in reached]
        reached.update(fresh)
        chain = [(each, found) for each in fresh if (found := followed_by(catalog, each))]


def sources_of(key: ListingKey, definition: StrategyDefinition) -> list[ListingKey]:
    """The listings that a listing with a strategy follows."""
    if definition.follow_b2c:
        return [key._replace(audience=Audience.B2C)]
    return [source_key(definition.seller_id, each) for each in definition.follow_sources]


def followed_by(catalog: StrategyTable, key: ListingKey) -> StrategyDefinition | None:
    """The FOLLOW strategy of a listing, if it has one."""
    listing_id = catalog.id_of(key)
    if not listing_id:
        return None
    found = catalog.strategies[int(catalog.rows["strategy"][listing_id])]
    return found if found.kind == StrategyKind.FOLLOW else None


def check_users(catalog: StrategyTable, index: int, definition: StrategyDefinition) -> None:
    """The listings that use a strategy may follow its new sources. Raises InputError."""
    if definition.kind != StrategyKind.FOLLOW:
        return
    for listing_id in catalog.listings_using({index}).tolist():
        key = catalog.key_of(listing_id)
        if definition.follow_b2c and key.audience != Audience.B2B:
            raise refuse("follow.b2c_price", True, "false: B2C listings use it", "AUDIENCE_INVALID")
        check_circle(catalog, key, definition, "follow.sources")


class Following:
    """Strategies whose sources changed. Belongs to the writer thread."""

    def __init__(self, due: Iterable[int] = ()) -> None:
        self.due = set(due)

    def live_changed(self, catalog: StrategyTable, listing_ids: list[int]) -> None:
        """Notes which strategies have one of these listings among their sources."""
        for index in catalog.followers:
            each = catalog.strategies[index]
            sources = {catalog.id_of(source_key(each.seller_id, s)) for s in each.follow_sources}
            if not sources.isdisjoint(listing_ids):
                self.due.add(index)


def follow(shard: Shard, tick: TickResult) -> None:
    """Lets listings follow sources that changed."""
    due, shard.state.following.due = shard.state.following.due, set()
    catalog = shard.state.catalog
    for index in sorted(due):
        listing_ids = catalog.listings_using({index})
        commands = np.zeros(len(listing_ids), COMMAND)
        commands["listing_id"], commands["index"] = listing_ids, NO_INDEX
        commands["kind"] = CommandKind.FOLLOW
        commands["sources_minor"] = sources_minor(catalog, catalog.strategies[index])
        shard.command(commands, tick)


def sources_minor(catalog: StrategyTable, definition: StrategyDefinition) -> int:
    """What the sources cost together, landed, for the units of the follower; 0: not known."""
    prices = []
    for source in definition.follow_sources:
        listing_id = catalog.id_of(source_key(definition.seller_id, source))
        row = load(catalog.rows, listing_id)
        priced_in = int(catalog.records["currency"][listing_id])
        known = listing_id and row.flags & RowFlag.ACTIVE and row.live_price_minor > 0
        if known and priced_in == currency_index(definition.currency):
            landed = own_landed(row, row.live_price_minor)
            prices.append(max(0, landed) * definition.follow_units // source.units)
    needed = definition.quorum or len(definition.follow_sources)
    if len(prices) < needed or not all(prices):
        return 0
    return aggregated(sorted(prices), definition.aggregate)


def aggregated(prices: list[int], aggregate: int) -> int:
    """One price of several in order; a mean rounds down."""
    if aggregate == Aggregate.MIN:
        return prices[0]
    if aggregate == Aggregate.MAX:
        return prices[-1]
    if aggregate == Aggregate.MEAN:
        return sum(prices) // len(prices)
    middle = len(prices) // 2
    return prices[middle] if len(prices) % 2 else sum(prices[middle - 1 : middle + 1]) // 2
