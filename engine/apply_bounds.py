"""Applies fee schedules and exchange rates, and lets computed bounds follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.apply_catalog import Entry, problem, put_bounds, tell_computed
from engine.bounds.book import Bounds
from engine.bounds.definitions import FeeScheduleDefinition
from engine.bounds.rates import ExchangeRate, Pair
from engine.columns import DefinitionBatch
from engine.costs import convert_again, with_cost
from engine.errors import InputError, RepricedError
from engine.gaps import leave_gaps
from engine.guards import EventKind, Guard
from engine.held import held_definition, listed_of
from engine.proposing import proposing
from engine.redefining import present_commands
from engine.results import CountResult, TickResult, UpsertResult
from engine.schema import NO_INDEX
from engine.scope import Scope, check_seller
from engine.state import State
from engine.terms import Terms

if TYPE_CHECKING:
    from engine.shard import Shard

AT_ONCE = 100
"""Listings whose bounds are computed in one turn: about ten milliseconds."""


def apply_fee_schedules(
    shard: Shard, batch: DefinitionBatch[FeeScheduleDefinition], sequence: int, scope: Scope
) -> CountResult:
    """Creates or replaces fee schedules; bounds computed with them become due."""
    result = CountResult(sequence, problems=list(batch.problems))
    state = shard.state
    for index, definition in batch.rows:
        try:
            check_seller(scope, "seller_id", definition.seller_id)
            due = state.bounds.put_schedule(definition)
        except RepricedError as error:
            result.problems.append(problem(index, error))
            continue
        result.count += 1
        if due:
            state.guards.events.add(
                state.now_ms, Guard.COMPUTED_BOUNDS, EventKind.TRIPPED,
                f"fee schedule {definition.fee_schedule_id!r} has changed; the bounds of {due}"
                " listings follow",
                seller_id=definition.seller_id,
            )  # fmt: skip
    return result


def apply_exchange_rates(
    shard: Shard, batch: DefinitionBatch[ExchangeRate], sequence: int, scope: Scope
) -> CountResult:
    """Takes exchange rates over; costs in their first currency become due, and bounds with them,
    and so do the strategies that follow sources in it."""
    result = CountResult(sequence, problems=list(batch.problems))
    state = shard.state
    changed: dict[Pair, ExchangeRate] = {}
    for index, rate in batch.rows:
        try:
            check_seller(scope, "seller_id", rate.seller_id)
            if state.bounds.rates.put(rate):
                changed[rate.pair] = rate
        except RepricedError as error:
            result.problems.append(problem(index, error))
            continue
        result.count += 1
    for pair, due in state.bounds.rates.following(set(changed)).items():
        state.bounds.due.update(dict.fromkeys(due))
        state.guards.events.add(
            state.now_ms, Guard.COMPUTED_BOUNDS, EventKind.TRIPPED,
            f"the exchange rate has changed: {changed[pair]}; the costs of {len(due)} listings"
            " follow",
            seller_id=changed[pair].seller_id,
        )  # fmt: skip
    state.following.rates_changed(state.catalog, set(changed))
    return result


def recompute_due(shard: Shard, tick: TickResult) -> None:
    """Computes the bounds that have been due longest and puts them into force."""
    state = shard.state
    changed: dict[int, Bounds] = {}
    due: list[int] = []
    for listing_id in state.bounds.take_due(AT_ONCE):
        try:
            convert_again(state, listing_id)
            if listing_id not in state.bounds.listings:
                continue
            bounds = computed_again(state, listing_id)
        except InputError as error:
            state.guards.tell(
                state.catalog, state.now_ms, Guard.COMPUTED_BOUNDS,
                f"cost and computed bounds stay as they were: {error.message}",
                listing_id=listing_id,
            )  # fmt: skip
            continue
        before = state.catalog.own_terms(listing_id)[:2]
        state.bounds.put_gaps(listing_id, bounds.gaps)
        due.append(listing_id)
        if before == (bounds.floor_minor, bounds.ceiling_minor):
            state.guards.plausibility.held.pop(listing_id, None)
            continue
        changed[listing_id] = bounds
        tell_computed(state, listing_id, bounds, before)
    if changed:
        change_bounds(shard, changed, tick)
    leave_gaps(shard, due, tick)


def computed_again(state: State, listing_id: int) -> Bounds:
    """Bounds of a listing by cost and fees as they are; proposed ones are proposed again."""
    bounds = state.bounds
    if listing_id in bounds.proposed:
        definition, _ = with_cost(state, held_definition(state, listing_id))
        definition, proposed = proposing(state, definition)
        listed = listed_of(state, definition)
        assert proposed is not None
        assert listed is not None
        bounds.proposed[listing_id], bounds.listings[listing_id] = proposed, listed
    return bounds.bounds_of(bounds.listings[listing_id])


def change_bounds(shard: Shard, changed: dict[int, Bounds], tick: TickResult) -> None:
    """Puts computed bounds into force, where they do not look like a slip."""
    rows = shard.state.catalog.rows
    entries = [
        Entry(
            int(NO_INDEX),
            None,
            each,
            int(rows["strategy"][each]),
            b.floor_minor,
            b.ceiling_minor,
            shard.state.bounds.proposed.get(each),
        )
        for each, b in changed.items()
    ]
    put_bounds(shard, entries, UpsertResult(tick.sequence))
    commands = present_commands(shard, np.array(list(changed), np.uint32))
    for command, entry in zip(commands, entries, strict=True):
        own = shard.state.catalog.own_terms(entry.listing_id)
        computed = Terms(entry.floor_minor, entry.ceiling_minor, own.map_minor)
        command["floor_minor"], command["ceiling_minor"] = shard.state.catalog.put_terms(
            entry.listing_id, computed, entry.strategy
        )
    shard.command(commands, tick)
