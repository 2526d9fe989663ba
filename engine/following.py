"""FOLLOW: what the sources of a strategy cost together, and when that has to be found out anew.

A source is a listing of the seller or an ASIN. A listing's live price is read off its row; what
offers show of a source is noted here when they come, for the strategy whose source it is, so that
nobody follows what another seller has sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.columns import ListingKey
from engine.follow_checks import source_key
from engine.money import currency_code
from engine.reference import load
from engine.reference_rules import own_landed
from engine.schema import (
    COMMAND,
    MAX_PRICE_MINOR,
    NO_INDEX,
    SOURCES_LOST,
    Aggregate,
    CommandKind,
    FollowValue,
    RowFlag,
)

if TYPE_CHECKING:
    from engine.bounds.rates import Pair, Rates
    from engine.catalog import Catalog
    from engine.results import TickResult
    from engine.shard import Shard
    from engine.state import State
    from engine.strategies import FollowSource, StrategyDefinition
    from engine.watched import Watcher

SEEN_WITH = ("follow_sources", "follow_value", "filter")
"""Fields without which what was seen means something else."""


class Sighting(NamedTuple):
    """What offers showed of a source: a landed price (0: none), when, and in which currency."""

    minor: int
    event_ms: int
    currency: int


class Found(NamedTuple):
    """What is known of the sources of a strategy; `until_ms` 0: until something comes in."""

    minor: int
    """What they cost together, landed, for the units of the follower; 0: too few are known."""
    known: int
    until_ms: int


class KeptFollowing(NamedTuple):
    """What snapshots hold of `Following`."""

    due: list[int]
    seen: list[tuple[int, int, Sighting]]
    """Strategy, place of the source, and what was seen."""
    short_ms: list[tuple[int, int]]
    wakes_ms: list[tuple[int, int]]


@dataclass(slots=True)
class Following:
    """Belongs to the writer thread. Strategies are named by their index."""

    due: set[int] = field(default_factory=set)
    """Strategies whose sources changed."""
    seen: dict[int, dict[int, Sighting]] = field(default_factory=dict)
    """By strategy and place of the source."""
    short_ms: dict[int, int] = field(default_factory=dict)
    """Since when too few sources of a strategy are known."""
    wakes_ms: dict[int, int] = field(default_factory=dict)
    """When a source grows too old, or a strategy has waited long enough."""
    next_ms: int = 0
    """The first of them; 0: there is none."""

    def dump(self) -> KeptFollowing:
        """Everything, in order."""
        seen = [(index, *each) for index, found in self.seen.items() for each in found.items()]
        return KeptFollowing(
            sorted(self.due), sorted(seen), sorted(self.short_ms.items()),
            sorted(self.wakes_ms.items()),
        )  # fmt: skip

    @classmethod
    def load(cls, kept: KeptFollowing) -> Following:
        """What `dump` gave."""
        seen: dict[int, dict[int, Sighting]] = {}
        for index, place, sighting in kept.seen:
            seen.setdefault(index, {})[place] = sighting
        loaded = cls(set(kept.due), seen, dict(kept.short_ms), dict(kept.wakes_ms))
        loaded.next_ms = min(loaded.wakes_ms.values(), default=0)
        return loaded

    def live_changed(self, catalog: Catalog, listing_ids: list[int]) -> None:
        """Notes who follows one of these listings."""
        ids = np.array(listing_ids, np.uint32)
        for listing_id in ids[catalog.are_watched(ids)].tolist():
            self.due.update(index for index, _ in catalog.watchers(listing_id))

    def rates_changed(self, catalog: Catalog, pairs: set[Pair]) -> None:
        """Notes who may follow a source in the first currency of these pairs."""
        priced = {(seller_id, target) for seller_id, _, target in pairs}
        for index, each in enumerate(catalog.strategies):
            if each.has_sources and (each.seller_id, each.currency) in priced:
                self.due.add(index)

    def note(self, watcher: Watcher, sighting: Sighting) -> None:
        """Takes in what offers show of a source, unless something newer is known."""
        index, place = watcher
        of_strategy = self.seen.setdefault(index, {})
        before = of_strategy.get(place)
        if before is not None and before.event_ms >= sighting.event_ms:
            return
        of_strategy[place] = sighting
        other = before is None or before._replace(event_ms=sighting.event_ms) != sighting
        if other or index in self.short_ms:
            self.due.add(index)

    def redefined(
        self, index: int, before: StrategyDefinition | None, after: StrategyDefinition
    ) -> None:
        """Takes in a new definition of a strategy."""
        if any(getattr(before, each, None) != getattr(after, each) for each in SEEN_WITH):
            self.forget([index])
        if after.has_sources:
            self.due.add(index)

    def forget(self, strategies: list[int]) -> None:
        """Forgets what was seen of the sources of strategies."""
        for index in strategies:
            self.due.discard(index)
            for each in (self.seen, self.short_ms, self.wakes_ms):
                each.pop(index, None)

    def is_due(self, now_ms: int) -> bool:
        """Whether listings have something to follow."""
        return bool(self.due) or 0 < self.next_ms <= now_ms

    def take_due(self, now_ms: int) -> list[int]:
        """Strategies to be looked at, in the order of their index."""
        due = self.due | {index for index, at_ms in self.wakes_ms.items() if at_ms <= now_ms}
        self.due = set()
        return sorted(due)

    def take(self, index: int, found: Found, grace_ms: int, now_ms: int) -> int:
        """What the sources of a strategy cost together now; 0: not known yet, or SOURCES_LOST."""
        minor, wake_ms = found.minor, found.until_ms
        if minor > 0:
            self.short_ms.pop(index, None)
        else:
            given_up_ms = self.short_ms.setdefault(index, now_ms) + grace_ms
            if grace_ms and given_up_ms <= now_ms:
                minor = SOURCES_LOST
            elif grace_ms:
                wake_ms = min(wake_ms or given_up_ms, given_up_ms)
        self.wakes_ms.pop(index, None)
        if wake_ms:
            self.wakes_ms[index] = wake_ms
        return minor


def follow(shard: Shard, tick: TickResult) -> None:
    """Lets listings follow sources that changed."""
    catalog, following, now_ms = shard.state.catalog, shard.state.following, shard.state.now_ms
    if not following.is_due(now_ms):
        return
    for index in following.take_due(now_ms):
        listing_ids, of_strategy = catalog.listings_using({index}), catalog.strategies[index]
        commands = np.zeros(len(listing_ids), COMMAND)
        commands["listing_id"], commands["index"] = listing_ids, NO_INDEX
        commands["kind"] = CommandKind.FOLLOW
        found, grace_ms = sources_found(shard.state, index, now_ms), of_strategy.follow_grace_ms
        commands["sources_minor"] = following.take(index, found, grace_ms, now_ms)
        shard.command(commands, tick)
    following.next_ms = min(following.wakes_ms.values(), default=0)


def sources_found(state: State, index: int, now_ms: int) -> Found:
    """What is known of the sources of a strategy now."""
    catalog, following = state.catalog, state.following
    definition = catalog.strategies[index]
    prices: list[tuple[int, int]] = []
    until: list[int] = []
    for place, source in enumerate(definition.follow_sources):
        sighting = sighting_of(catalog, following, index, place)
        minor = converted(definition, source, sighting, state.bounds.rates)
        too_old_ms = sighting.event_ms + definition.follow_max_age_ms + 1
        if definition.follow_max_age_ms and too_old_ms <= now_ms:
            continue
        if minor > 0:
            prices.append((minor, source.weight))
            until += [too_old_ms] if definition.follow_max_age_ms else []
    enough = len(prices) >= (definition.quorum or len(definition.follow_sources))
    minor = aggregated(sorted(prices), definition.aggregate) if prices and enough else 0
    return Found(minor, len(prices), min(until, default=0))


def sighting_of(catalog: Catalog, following: Following, index: int, place: int) -> Sighting:
    """What is known of one source; a listing that is gone is not."""
    definition = catalog.strategies[index]
    key = source_key(definition.seller_id, definition.follow_sources[place])
    nothing = Sighting(0, 0, 0)
    if isinstance(key, ListingKey):
        listing_id = catalog.id_of(key)
        row = load(catalog.rows, listing_id)
        if not listing_id or not row.flags & RowFlag.ACTIVE:
            return nothing
        if definition.follow_value == FollowValue.EFFECTIVE:
            landed = own_landed(row, row.live_price_minor) if row.live_price_minor > 0 else 0
            currency = int(catalog.records["currency"][listing_id])
            return Sighting(max(0, landed), row.observed_ms, currency)
    return following.seen.get(index, {}).get(place, nothing)


def converted(
    definition: StrategyDefinition, source: FollowSource, sighting: Sighting, rates: Rates
) -> int:
    """A source's price in the strategy's currency for the units of the follower, rounded down once;
    0: there is no rate."""
    if not sighting.currency:
        return 0
    currency = currency_code(sighting.currency)
    ratio = rates.ratio((definition.seller_id, currency, definition.currency))
    if ratio is None:
        return 0
    product = sighting.minor * definition.follow_units * ratio[0]
    return min(product // (source.units * ratio[1]), MAX_PRICE_MINOR)


def aggregated(prices: list[tuple[int, int]], aggregate: int) -> int:
    """One price of several in order, each with its weight; a mean rounds down."""
    minors = [minor for minor, _ in prices]
    if aggregate == Aggregate.MIN:
        return minors[0]
    if aggregate == Aggregate.MAX:
        return minors[-1]
    if aggregate == Aggregate.MEAN:
        return sum(minors) // len(minors)
    if aggregate == Aggregate.WEIGHTED:
        return sum(minor * weight for minor, weight in prices) // sum(each for _, each in prices)
    middle = len(minors) // 2
    return minors[middle] if len(minors) % 2 else sum(minors[middle - 1 : middle + 1]) // 2
