"""Proposes bounds for listings that come without them, from what the state knows."""

from __future__ import annotations

from dataclasses import replace

from engine.bounds.fees import FULL_BP
from engine.bounds.goals import Goal
from engine.bounds.proposed import USUAL_GOAL, Known, ProposedBounds, lowest_of, propose
from engine.checks import check_definition, value_error
from engine.columns import AsinKey, ListingDefinition
from engine.guards import EventKind, Guard
from engine.held import held_definition, listed_of
from engine.schema import MAX_PRICE_MINOR
from engine.state import State

SEEN_MS = 7 * 86_400_000
"""Offers of others that are older propose nothing."""


def proposing(
    state: State, definition: ListingDefinition
) -> tuple[ListingDefinition, ProposedBounds | None]:
    """The definition with proposed bounds, and these; as it is where none are asked for.

    A listing that has bounds already keeps those that are not stated. Raises InputError.
    """
    if not definition.propose_bounds:
        return definition, None
    check_definition(definition)
    if None not in (definition.floor_minor, definition.ceiling_minor):
        raise value_error(
            "propose_bounds", True, "false where both bounds are stated", "PROPOSE_BOUNDS"
        )
    listing_id = state.catalog.id_of(definition.key)
    if listing_id and listing_id not in state.bounds.proposed:
        return kept(definition, held_definition(state, listing_id)), None
    definition = with_goal(definition, USUAL_GOAL)
    found = propose(known_of(state, definition, listing_id))
    return replace(
        definition, floor_minor=found.floor_minor, ceiling_minor=found.ceiling_minor
    ), found


def kept(definition: ListingDefinition, held: ListingDefinition) -> ListingDefinition:
    """A definition with the bounds and the goal that the listing has where it states none."""
    floor, ceiling, known = definition.floor_minor, definition.ceiling_minor, held.computed_bounds
    definition = replace(
        definition,
        floor_minor=held.floor_minor if floor is None else floor,
        ceiling_minor=held.ceiling_minor if ceiling is None else ceiling,
        propose_bounds=False,
    )
    return with_goal(definition, known.goal if known and known.goal else USUAL_GOAL)


def with_goal(definition: ListingDefinition, goal: Goal) -> ListingDefinition:
    """A definition whose computed bounds have a goal where they have none."""
    wanted = definition.computed_bounds
    if wanted is None or wanted.goal is not None:
        return definition
    return replace(definition, computed_bounds=replace(wanted, goal=goal))


def known_of(state: State, definition: ListingDefinition, listing_id: int) -> Known:
    """What is known where bounds are proposed for a definition; `listing_id` 0: it is new."""
    row = state.catalog.rows[listing_id]
    top = definition.ceiling_minor or MAX_PRICE_MINOR
    asked = replace(definition, floor_minor=definition.floor_minor or 1, ceiling_minor=top)
    listed = listed_of(state, asked)
    cost = definition.cost_minor
    featured, rival = seen_of(state, definition)
    return Known(
        currency=definition.currency,
        floor_minor=definition.floor_minor or 0,
        ceiling_minor=definition.ceiling_minor or 0,
        price_minor=int(row["live_price_minor"]) or definition.price_minor,
        featured_minor=featured,
        rival_minor=rival,
        cost_minor=state.guards.cost_of(listing_id) if cost is None else cost,
        map_minor=definition.map_minor,
        economics=state.bounds.economics_of(listed) if listed else None,
        wanted=definition.computed_bounds,
    )


def seen_of(state: State, definition: ListingDefinition) -> tuple[int, int]:
    """Lowest featured price and lowest price of a competitor that the seller's listings of the
    ASIN have seen lately, as item prices of this one; 0: not seen."""
    catalog, key = state.catalog, definition.key
    asin = AsinKey(
        key.seller_id, key.marketplace_id, definition.asin, definition.condition, key.audience
    )
    ids = catalog.find(asin, None) if definition.asin else [catalog.id_of(key)]
    rows = catalog.rows[ids]
    rows = rows[rows["observed_ms"] > state.now_ms - SEEN_MS]
    offset, bp = definition.shipping_minor - definition.points_minor, definition.points_bp
    featured, rival = (
        lowest_of([(each - offset) * FULL_BP // (FULL_BP - bp) for each in seen if each > 0])
        for seen in (rows["featured_minor"].tolist(), rows["reference_minor"].tolist())
    )
    return featured, rival


def accept(state: State, listing_id: int) -> None:
    """Ends the dry run of a listing whose bounds a person stated."""
    if state.bounds.proposed.pop(listing_id, None) is None:
        return
    state.guards.proposals.pop(listing_id)
    state.guards.tell(
        state.catalog, state.now_ms, Guard.DRY_RUN,
        "bounds were stated in place of the proposed ones; prices go out from now on",
        kind=EventKind.RELEASED, listing_id=listing_id,
    )  # fmt: skip
