"""What the guards do to one listing, in sentences for its seller."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.explain_words import WHY_CHANGED
from engine.guards.holds import group_of
from engine.guards.plausibility import known_slip
from engine.money import currency_code, format_minor
from engine.schema import DecisionStatus, Reason, RowFlag
from engine.state import State

STOPPED = {
    "everything": "Repricing of everything is stopped",
    "seller": "Repricing of this seller is stopped",
    "listing": "Repricing of this listing is stopped",
}


def guard_sentences(state: State, listing_id: int) -> list[str]:
    """Every guard that holds something of the listing, in order of precedence."""
    return [
        *stop_sentences(state, listing_id),
        *withdrawn_sentences(state, listing_id),
        *bounds_sentences(state, listing_id),
        *proposal_sentences(state, listing_id),
        *breaker_sentences(state, listing_id),
        *spiral_sentences(state, listing_id),
    ]


def amount(state: State, listing_id: int, minor: int) -> str:
    """An amount with the listing's currency."""
    return format_minor(minor, currency_code(int(state.catalog.records["currency"][listing_id])))


def instant(seconds: int) -> str:
    """A time as ISO 8601 in UTC."""
    return f"{np.datetime64(seconds, 's')}Z"


def stop_sentences(state: State, listing_id: int) -> Iterator[str]:
    """The kill switch."""
    cause = state.guards.switch.cause(state.catalog, listing_id)
    if cause:
        yield f"{STOPPED[cause]}: no price goes out until a person restarts it."


def withdrawn_sentences(state: State, listing_id: int) -> Iterator[str]:
    """The last decision was taken back."""
    if state.catalog.rows["flags"][listing_id] & RowFlag.WITHDRAWN:
        number = int(state.catalog.records["decision_id"][listing_id])
        yield (
            f"Decision {number} was taken back before the price was seen live and must not be sent;"
            " the price is decided again."
        )


def bounds_sentences(state: State, listing_id: int) -> Iterator[str]:
    """New bounds that wait."""
    held = state.guards.plausibility.held.get(listing_id)
    if held is not None:
        low, high = (amount(state, listing_id, e) for e in (held.floor_minor, held.ceiling_minor))
        yield (
            f"New bounds {low} to {high} wait to be confirmed (hold {held.hold_id}), because"
            f" {known_slip(held.slip)}; until then the old ones are in force."
        )


def proposal_sentences(state: State, listing_id: int) -> Iterator[str]:
    """A decision that did not go out."""
    proposal = state.guards.proposals.by_listing.get(listing_id)
    if proposal is None:
        return
    price = amount(state, listing_id, proposal.price_minor)
    why = WHY_CHANGED.get(Reason(proposal.reason), "the engine decided so")
    at = instant(proposal.held_ms // 1000)
    if proposal.status == DecisionStatus.DRY_RUN:
        only_proposed = listing_id in state.bounds.proposed
        cause = "The bounds are only proposed" if only_proposed else "The seller is in dry run"
        yield (
            f"{cause}: at {at} the price would have become {price}, because {why};"
            " nothing was sent."
        )
    else:
        yield (
            f"At {at} a fall to {price} was decided, because {why}; it is held (hold"
            f" {proposal.hold_id}) until a person releases or discards it."
        )


def breaker_sentences(state: State, listing_id: int) -> Iterator[str]:
    """All falls of the seller are held."""
    group = group_of(state.guards, state.catalog, listing_id)
    hold_id = state.guards.breaker.tripped.get(group)
    if hold_id is not None:
        yield (
            "Many prices of the seller fell far in this marketplace, so every further fall is held"
            f" (hold {hold_id}) until a person releases or discards it; rises go on."
        )


def spiral_sentences(state: State, listing_id: int) -> Iterator[str]:
    """The price is held against a competitor's bot."""
    slot = int(state.guards.watch.records["mover"][listing_id])
    mover = state.guards.spirals.movers[slot]
    if slot and mover["until_s"] > state.now_ms // 1000:
        yield (
            "A competitor answered each of our changes in the same direction and both prices moved"
            f" far, so the price goes no further than"
            f" {amount(state, listing_id, int(mover['hold_minor']))} until"
            f" {instant(int(mover['until_s']))} or until a person ends it (hold"
            f" {int(mover['hold_id'])})."
        )
