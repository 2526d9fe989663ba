"""What is known of a listing where advice is given: read on the writer, used beside it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bounds.goals import UnitEconomics
from engine.columns import ListingKey
from engine.errors import InputError
from engine.insights.look import strategy_name
from engine.money import currency_code
from engine.schema import CycleState
from engine.state import State


@dataclass(frozen=True, slots=True)
class Facts:
    """One listing. Amounts in minor units of its currency, 0: not known."""

    listing_id: int
    key: ListingKey
    asin: str
    currency: str
    strategy_id: str
    kind: int
    """`schema.StrategyKind`."""
    condition: int
    fulfilment: int
    price_minor: int
    """The live price; the last decided one where none was seen."""
    floor_minor: int
    """Bounds in force."""
    ceiling_minor: int
    cost_minor: int
    economics: UnitEconomics | None
    """None: cost or fees are not known."""
    suppressed: bool


def facts_of(state: State, listing_id: int) -> Facts:
    """What is known of a listing."""
    catalog = state.catalog
    row, record = catalog.rows[listing_id], catalog.records[listing_id]
    strategy = int(row["strategy"])
    return Facts(
        listing_id=listing_id,
        key=catalog.key_of(listing_id),
        asin=catalog.asins[listing_id],
        currency=currency_code(int(record["currency"])),
        strategy_id=strategy_name(state, strategy),
        kind=int(catalog.strategies[strategy].kind),
        condition=int(record["condition"]),
        fulfilment=int(record["fulfilment"]),
        price_minor=int(row["live_price_minor"] or row["price_minor"]),
        floor_minor=int(row["floor_minor"]),
        ceiling_minor=max(int(row["floor_minor"]), int(row["ceiling_minor"])),
        cost_minor=state.guards.cost_of(listing_id),
        economics=economics_of(state, listing_id),
        suppressed=int(row["state"]) == CycleState.SUPPRESSED,
    )


def economics_of(state: State, listing_id: int) -> UnitEconomics | None:
    """What a unit of a listing earns at a price; None where cost or fees are not known."""
    listed = state.bounds.listings.get(listing_id)
    if listed is None or listed.cost_minor <= 0:
        return None
    try:
        return state.bounds.economics_of(listed)
    except InputError:
        return None
