"""Definitions of listings as the engine holds them."""

from __future__ import annotations

from engine.bounds.book import Listed
from engine.columns import ListingDefinition
from engine.money import currency_code
from engine.state import State


def held_definition(state: State, listing_id: int) -> ListingDefinition:
    """Definition of a listing; its price is the one that is live. Bounds that are only proposed
    are none."""
    catalog, listed = state.catalog, state.bounds.listings.get(listing_id)
    row, record = catalog.rows[listing_id], catalog.records[listing_id]
    own = catalog.own_terms(listing_id)
    floor: int | None = listed.floor_minor if listed else own.floor_minor
    ceiling: int | None = listed.ceiling_minor if listed else own.ceiling_minor
    proposed = state.bounds.proposed.get(listing_id)
    if proposed is not None:
        floor = proposed.stated_floor_minor or None
        ceiling = proposed.stated_ceiling_minor or None
    fixed_points = catalog.fixed_points.get(listing_id, 0)
    strategy = int(row["strategy"])
    foreign = state.bounds.rates.costs.get(listing_id)
    return ListingDefinition(
        key=catalog.key_of(listing_id),
        asin=catalog.asins[listing_id],
        condition=int(record["condition"]),
        fulfilment=int(record["fulfilment"]),
        currency=currency_code(int(record["currency"])),
        floor_minor=floor,
        ceiling_minor=ceiling,
        shipping_minor=int(row["landed_offset_minor"]) + fixed_points,
        points_minor=fixed_points,
        points_bp=int(row["points_bp"]),
        strategy_id=catalog.strategies[strategy].strategy_id if strategy else "",
        price_minor=int(row["live_price_minor"]),
        cost_minor=foreign.cost_minor if foreign else state.guards.cost_of(listing_id) or None,
        cost_currency=foreign.pair[1] if foreign else "",
        computed_bounds=listed.wanted if listed else None,
        map_minor=own.map_minor,
        tiers=catalog.tiers.get(listing_id, ()),
        promotions=catalog.promotions.get(listing_id, ()),
        propose_bounds=proposed is not None,
    )


def listed_of(state: State, definition: ListingDefinition) -> Listed | None:
    """What bounds of a definition are computed from; None: they are the stated ones."""
    if definition.computed_bounds is None:
        return None
    cost = definition.cost_minor
    if cost is None:
        found = state.catalog.find(definition.key, None)
        cost = state.guards.cost_of(found[0]) if found else 0
    return Listed(
        definition.key.seller_id, definition.currency, definition.computed_bounds,
        definition.floor_minor or 0, definition.ceiling_minor or 0, cost,
        definition.shipping_minor, definition.points_minor, definition.points_bp,
    )  # fmt: skip
