"""Checks of FOLLOW: every refusal names field, value and what is allowed; circles are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.columns import AsinKey, ListingDefinition, ListingKey
from engine.money import currency_code
from engine.schema import (
    Aggregate,
    Audience,
    Condition,
    FollowValue,
    StrategyKind,
)
from engine.timetable_checks import refuse

if TYPE_CHECKING:
    from engine.bounds.rates import Rates
    from engine.strategies import FollowSource, StrategyDefinition
    from engine.strategy_table import StrategyTable

MAX_SOURCES = 20
MAX_UNITS = 10_000
MAX_WEIGHT = 10_000
MAX_DEPTH = 4
"""Listings that follow one another in a row."""
LONGEST_WAIT_MS = 365 * 86_400_000
SourceKey = ListingKey | AsinKey
OF_SOURCES = {
    "units": ("follow_units", 1),
    "quorum": ("quorum", 0),
    "value": ("follow_value", FollowValue.EFFECTIVE),
    "max_age_ms": ("follow_max_age_ms", 0),
    "grace_ms": ("follow_grace_ms", 0),
}
"""Fields that mean nothing without sources: their names in the definition and what is unset."""


def source_key(seller_id: str, source: FollowSource) -> SourceKey:
    """The listing that a source names, or the ASIN."""
    if source.asin:
        return AsinKey(
            seller_id, source.marketplace_id, source.asin, source.condition, source.audience
        )
    return ListingKey(seller_id, source.marketplace_id, source.sku, source.audience)


def check_follow(definition: StrategyDefinition) -> None:
    """The sources by themselves. Raises InputError."""
    sources = definition.follow_sources
    if definition.aggregate not in set(Aggregate):
        raise refuse("follow.aggregate", definition.aggregate, "a known one", "AGGREGATE_UNKNOWN")
    if definition.follow_value not in set(FollowValue):
        names = ", ".join(each.name for each in FollowValue)
        raise refuse("follow.value", definition.follow_value, names, "VALUE_UNKNOWN")
    if definition.follow_b2c:
        check_follow_b2c(definition)
        return
    if not 1 <= len(sources) <= MAX_SOURCES:
        raise refuse("follow.sources", len(sources), f"1 to {MAX_SOURCES}", "SOURCES_INVALID")
    before: set[SourceKey] = set()
    for place, source in enumerate(sources):
        check_source(f"follow.sources[{place}]", source, definition, before)
        before.add(source_key("", source))
    if not 1 <= definition.follow_units <= MAX_UNITS:
        raise refuse("follow.units", definition.follow_units, f"1 to {MAX_UNITS}", "UNITS_INVALID")
    if not 0 <= definition.quorum <= len(sources):
        raise refuse("follow.quorum", definition.quorum, f"0 to {len(sources)}", "QUORUM_INVALID")
    for name in ("max_age_ms", "grace_ms"):
        value = getattr(definition, f"follow_{name}")
        if not 0 <= value <= LONGEST_WAIT_MS:
            raise refuse(f"follow.{name}", value, f"0 to {LONGEST_WAIT_MS}", "WAIT_INVALID")


def check_source(
    path: str, source: FollowSource, definition: StrategyDefinition, before: set[SourceKey]
) -> None:
    """One source, and whether it is another than those before. Raises InputError."""
    if not source.marketplace_id:
        raise refuse(f"{path}.marketplace_id", "", "the marketplace of the source", "SOURCE")
    if bool(source.sku) == bool(source.asin):
        raise refuse(f"{path}.sku", source.sku, "a SKU or an asin, one of them", "SOURCE")
    if source.asin and definition.follow_value == FollowValue.EFFECTIVE:
        raise refuse(
            f"{path}.asin", source.asin, "a SKU, or value LOWEST or BUY_BOX", "SOURCE_NOT_LISTED"
        )
    if source.condition not in set(Condition) - {Condition.NONE}:
        raise refuse(f"{path}.condition", source.condition, "a known one", "CONDITION_INVALID")
    if source_key("", source) in before:
        name = "asin" if source.asin else "sku"
        raise refuse(
            f"{path}.{name}", source.asin or source.sku, "each source once", "SOURCE_TWICE"
        )
    if not 1 <= source.units <= MAX_UNITS:
        raise refuse(f"{path}.units", source.units, f"1 to {MAX_UNITS}", "UNITS_INVALID")
    most = MAX_WEIGHT if definition.aggregate == Aggregate.WEIGHTED else 1
    if not 1 <= source.weight <= most:
        allowed = f"1 to {MAX_WEIGHT}, other than 1 with AGGREGATE_WEIGHTED only"
        raise refuse(f"{path}.weight", source.weight, allowed, "WEIGHT_INVALID")


def check_follow_b2c(definition: StrategyDefinition) -> None:
    """A B2B price is at or below the B2C price. Raises InputError."""
    if definition.follow_sources:
        given = len(definition.follow_sources)
        raise refuse("follow.sources", given, "none with b2c_price", "SOURCES_INVALID")
    for name, (field, unset) in OF_SOURCES.items():
        if (given := getattr(definition, field)) != unset:
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
    catalog: StrategyTable, names: Sequence[SourceKey], definition: StrategyDefinition, path: str
) -> None:
    """A listing never follows itself, by whatever way. Raises InputError.

    `names` are its natural key and, where it has one, the key of its ASIN: who follows an ASIN
    follows all of the seller's listings of it.
    """
    listing = names[0]
    assert isinstance(listing, ListingKey)
    own_id, sources = catalog.id_of(listing), set(sources_of(listing, definition))
    reached: set[SourceKey] = set()
    for depth in range(MAX_DEPTH + 1):
        ids = {each for source in sources - reached for each in catalog.find(source, None)}
        if not sources.isdisjoint(names) or own_id in ids:
            raise refuse(
                path, definition.strategy_id,
                f"sources that do not follow listing {listing.sku!r} themselves", "FOLLOW_CIRCLE",
            )  # fmt: skip
        if sources and depth == MAX_DEPTH:
            raise refuse(
                path, definition.strategy_id, f"at most {MAX_DEPTH} listings in a row",
                "FOLLOW_TOO_DEEP",
            )  # fmt: skip
        reached |= sources
        sources = followed_by(catalog, np.array(sorted(ids), np.uint32))


def sources_of(key: ListingKey, definition: StrategyDefinition) -> list[SourceKey]:
    """What a listing with a strategy names as its sources."""
    if definition.follow_b2c:
        return [key._replace(audience=Audience.B2C)]
    return [source_key(definition.seller_id, each) for each in definition.follow_sources]


def followed_by(catalog: StrategyTable, listing_ids: NDArray[np.uint32]) -> set[SourceKey]:
    """The sources of listings, each strategy looked at once."""
    found: set[SourceKey] = set()
    used = catalog.rows["strategy"][listing_ids]
    if catalog.entering:
        present = zip(listing_ids.tolist(), used.tolist(), strict=True)
        used = np.array([catalog.entering.get(*each) for each in present], used.dtype)
    for index in np.unique(used).tolist():
        definition = catalog.strategies[index]
        if definition.kind == StrategyKind.FOLLOW:
            users = listing_ids[used == index].tolist()
            for listing_id in users if definition.follow_b2c else users[:1]:
                found.update(sources_of(catalog.key_of(listing_id), definition))
    return found


def check_users(catalog: StrategyTable, index: int, definition: StrategyDefinition) -> None:
    """The listings that use a strategy may follow its new sources. Raises InputError."""
    if definition.kind != StrategyKind.FOLLOW:
        return
    for listing_id in catalog.listings_using({index}).tolist():
        key = catalog.key_of(listing_id)
        if definition.follow_b2c and key.audience != Audience.B2B:
            raise refuse("follow.b2c_price", True, "false: B2C listings use it", "AUDIENCE_INVALID")
        names = (key, catalog.asin_key(listing_id)) if catalog.asins[listing_id] else (key,)
        check_circle(catalog, names, definition, "follow.sources")


def check_currencies(catalog: StrategyTable, rates: Rates, definition: StrategyDefinition) -> None:
    """The seller has exchange rates for sources in another currency. Raises InputError."""
    if not definition.has_sources:
        return
    for place, source in enumerate(definition.follow_sources):
        for listing_id in catalog.find(source_key(definition.seller_id, source), None):
            currency = currency_code(int(catalog.records["currency"][listing_id]))
            if rates.ratio((definition.seller_id, currency, definition.currency)) is None:
                raise refuse(
                    f"follow.sources[{place}]", source.asin or source.sku,
                    f"a source in {definition.currency}, or in a currency that"
                    f" BatchUpsertExchangeRates has a rate for; its is {currency}",
                    "NO_EXCHANGE_RATE",
                )  # fmt: skip


def check_followed(catalog: StrategyTable, rates: Rates, definition: ListingDefinition) -> None:
    """Those who follow a listing can reckon with its currency. Raises InputError."""
    key = definition.key
    names: tuple[SourceKey, ...] = (key, asin_of(definition))
    for index in {each for name in names for each, _ in catalog.watched.get(name, ())}:
        each = catalog.strategies[index]
        if rates.ratio((key.seller_id, definition.currency, each.currency)) is None:
            raise refuse(
                "currency", definition.currency,
                f"{each.currency}, or a currency that BatchUpsertExchangeRates has a rate for,"
                f" since strategy {each.strategy_id!r} follows the listing", "NO_EXCHANGE_RATE",
            )  # fmt: skip


def asin_of(definition: ListingDefinition) -> AsinKey:
    """The key of a listing's ASIN as the listing is defined."""
    key = definition.key
    names = key.seller_id, key.marketplace_id, definition.asin
    return AsinKey(*names, int(definition.condition), key.audience)
