"""What listings cost: as stated, or by an exchange rate."""

from __future__ import annotations

from dataclasses import replace

from engine.bounds.rates import ForeignCost
from engine.checks import value_error
from engine.columns import ListingDefinition
from engine.money import currency_index
from engine.schema import MAX_PRICE_MINOR
from engine.state import State


def with_cost(
    state: State, definition: ListingDefinition
) -> tuple[ListingDefinition, ForeignCost | None]:
    """A definition whose cost is in its own currency, and the cost as it was stated in another.

    Raises InputError for another currency without a cost or without an exchange rate.
    """
    cost, currency = definition.cost_minor, definition.cost_currency
    if currency in ("", definition.currency):
        return with_known_cost(state, definition) if cost is None else (definition, None)
    if currency_index(currency) == 0:
        raise value_error("cost_currency", currency[:20], "an ISO 4217 code", "CURRENCY")
    if cost is None:
        raise value_error(
            "cost_currency", currency, "none without cost_minor, whose currency it is", "CURRENCY"
        )
    if not 0 <= cost <= MAX_PRICE_MINOR:
        return definition, None  # It is refused with all other amounts.
    foreign = ForeignCost((definition.key.seller_id, currency, definition.currency), cost)
    return replace(definition, cost_minor=state.bounds.rates.converted(foreign)), foreign


def with_known_cost(
    state: State, definition: ListingDefinition
) -> tuple[ListingDefinition, ForeignCost | None]:
    """A definition with the cost that is known in another currency, at the rate of now."""
    foreign = state.bounds.rates.costs.get(state.catalog.id_of(definition.key))
    if foreign is None:
        return definition, None
    return replace(definition, cost_minor=state.bounds.rates.converted(foreign)), foreign


def put_cost(
    state: State, listing_id: int, definition: ListingDefinition, foreign: ForeignCost | None
) -> None:
    """Keeps the cost of a definition that `with_cost` gave; without one the known cost stays."""
    if definition.cost_minor is None:
        return
    state.guards.watch.records["cost_minor"][listing_id] = definition.cost_minor
    state.bounds.rates.costs.pop(listing_id, None)
    if foreign is not None:
        state.bounds.rates.costs[listing_id] = foreign


def convert_again(state: State, listing_id: int) -> None:
    """Lets the cost of a listing follow its exchange rate."""
    foreign = state.bounds.rates.costs.get(listing_id)
    if foreign is None:
        return
    cost = state.bounds.rates.converted(foreign)
    state.guards.watch.records["cost_minor"][listing_id] = cost
    listed = state.bounds.listings.get(listing_id)
    if listed is not None:
        state.bounds.listings[listing_id] = replace(listed, cost_minor=cost)
