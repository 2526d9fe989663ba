"""What the engine holds about a listing, as messages for the reading calls."""

from __future__ import annotations

from typing import Any

from engine.catalog import Catalog
from engine.guards.proposals import Proposal
from engine.held import held_definition
from engine.money import currency_code
from engine.schedules import is_pause
from engine.schema import PREMIUM_UNKNOWN, CycleState, RowFlag
from engine.state import State
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.wire.answers import add_quantity_prices
from server.wire.bounds import proposed_bounds_message
from server.wire.definitions import listing_message

PPM_PER_BP = 100

PAUSE_CAUSES = {
    RowFlag.PAUSED_BY_USER: types_pb2.PAUSE_CAUSE_USER,
    RowFlag.OUT_OF_STOCK: types_pb2.PAUSE_CAUSE_OUT_OF_STOCK,
    RowFlag.LISTING_SUPPRESSED: types_pb2.PAUSE_CAUSE_LISTING_SUPPRESSED,
    RowFlag.PRICING_ERROR: types_pb2.PAUSE_CAUSE_PRICING_ERROR,
    RowFlag.TOO_MANY_REJECTIONS: types_pb2.PAUSE_CAUSE_REJECTIONS,
}


def listing_state_message(state: State, listing_id: int) -> catalog_pb2.ListingState:
    """Definition, prices and state of a listing that exists."""
    catalog, guards = state.catalog, state.guards
    row, record = catalog.rows[listing_id], catalog.records[listing_id]
    proposal = guards.proposals.by_listing.get(listing_id)
    flags = int(row["flags"])
    codes: dict[str, Any] = {"state": int(row["state"]), "reason": int(row["reason"])}
    message = catalog_pb2.ListingState(
        listing_id=listing_id,
        listing=listing_message(held_definition(state, listing_id)),
        bounds_version=int(record["bounds_version"]),
        price_minor=int(row["price_minor"]),
        live_price_minor=int(row["live_price_minor"]),
        pause_causes=pause_causes(catalog, row),
        last_decision_id=int(record["decision_id"]),
        last_decision_withdrawn=bool(flags & RowFlag.WITHDRAWN),
        stopped=bool(guards.switch.cause(catalog, listing_id)),
        floor_in_force_minor=int(row["floor_minor"]),
        ceiling_in_force_minor=int(row["ceiling_minor"]),
        set_aside=None if proposal is None else proposal_message(proposal, record),
        **codes,
    )
    bounds = state.bounds.proposed.get(listing_id)
    if bounds is not None:
        message.proposed_bounds.CopyFrom(proposed_bounds_message(bounds))
    if proposal is not None:
        add_quantity_prices(catalog, message.set_aside)
    return message


def pause_causes(catalog: Catalog, row: Any) -> list[types_pb2.PauseCause]:
    """Why a listing is paused; empty where it is not."""
    flags = int(row["flags"])
    causes = [cause for flag, cause in PAUSE_CAUSES.items() if flags & flag]
    entry = catalog.schedules.entries.get(int(row["strategy"]))
    if row["state"] == CycleState.PAUSED and is_pause(entry):
        causes.append(types_pb2.PAUSE_CAUSE_CALENDAR)
    return causes


def proposal_message(proposal: Proposal, record: Any) -> types_pb2.Decision:
    """A decision that did not go out; `record` is the `schema.RECORD` of its listing."""
    codes: dict[str, Any] = {"reason": proposal.reason, "status": proposal.status}
    return types_pb2.Decision(
        decision_id=proposal.decision_id,
        listing_id=proposal.listing_id,
        price_minor=proposal.price_minor,
        previous_price_minor=proposal.previous_minor,
        currency=currency_code(int(record["currency"])),
        decided_ms=proposal.held_ms,
        bounds_version=int(record["bounds_version"]),
        **codes,
    )


def bracket_message(
    low_ppm: int, high_ppm: int, prices: tuple[int | None, int | None]
) -> pricing_pb2.Bracket:
    """A bracket with both ends as landed prices; an end that is not known is absent.

    Basis points are rounded so that what they say stays true: what worked is rounded down, what
    failed is rounded up.
    """
    return pricing_pb2.Bracket(
        low_basis_points=None if low_ppm == PREMIUM_UNKNOWN else low_ppm // PPM_PER_BP,
        high_basis_points=None if high_ppm == PREMIUM_UNKNOWN else -(-high_ppm // PPM_PER_BP),
        low_price_minor=prices[0],
        high_price_minor=prices[1],
    )
