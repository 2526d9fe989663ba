"""Applies what people ask of the guards: stop, restart, release, discard, restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.apply_catalog import confirm_bounds
from engine.catalog import Catalog
from engine.columns import HoldBatch, RestoreBatch, StopBatch
from engine.errors import RowProblem
from engine.guards import EventKind, Guard
from engine.guards.holds import Hold, HoldKind, all_holds
from engine.guards.proposals import Origin, Proposal, unpack_inputs
from engine.redefining import redefine_listings, redefine_outside
from engine.resolve import FUTURE_LIMIT_MS, resolve_refs
from engine.results import CountResult, TickResult
from engine.schema import FEEDBACK, Reason
from engine.scope import Scope, inside

if TYPE_CHECKING:
    from engine.shard import Shard

GUARD_OF = {
    HoldKind.BOUNDS: Guard.PLAUSIBILITY,
    HoldKind.BREAKER: Guard.BREAKER,
    HoldKind.DECISION: Guard.BREAKER,
    HoldKind.SPIRAL: Guard.SPIRAL,
}


def listings_of(catalog: Catalog, seller: int = -1, marketplace: int = -1) -> NDArray[np.uint32]:
    """Active listings: all, of a seller, or of a seller in a marketplace."""
    chosen = catalog.active[: catalog.count].copy()
    if seller >= 0:
        chosen &= catalog.records["seller"][: catalog.count] == seller
    if marketplace >= 0:
        chosen &= catalog.records["marketplace"][: catalog.count] == marketplace
    return np.flatnonzero(chosen).astype(np.uint32)


def find_seller(
    catalog: Catalog, seller_id: str, marketplace_id: str, problems: list[RowProblem], scope: Scope
) -> tuple[int, int] | None:
    """Indices of a seller and, where one is named, of a marketplace (else -1)."""
    seller = catalog.seller_at.get(seller_id)
    if seller is None or not inside(scope, seller_id):
        problems.append(unknown_seller(0, seller_id))
        return None
    if not marketplace_id:
        return seller, -1
    if marketplace_id in catalog.marketplaces:
        return seller, catalog.marketplaces.index(marketplace_id)
    message = f"marketplace_id: {marketplace_id!r} has no listings"
    problems.append(RowProblem(0, "marketplace_id", "UNKNOWN_MARKETPLACE", message))
    return None


def unknown_seller(index: int, seller_id: str) -> RowProblem:
    """The same answer for a seller that does not exist and for one that is not the caller's."""
    return RowProblem(
        index, "seller_id", "UNKNOWN_SELLER", f"seller_id: {seller_id!r} is not known"
    )


# Kill switch


@dataclass(slots=True)
class Named:
    """What a request names and what exists of it; everything is of a caller of all sellers only."""

    everything: bool
    sellers: list[int]
    listings: list[int]


def named(shard: Shard, batch: StopBatch, result: CountResult, scope: Scope) -> Named:
    """What a request names; a caller of some sellers means all of these by everything."""
    catalog = shard.state.catalog
    sellers: dict[int, None] = {}
    for index, seller_id in enumerate(batch.sellers):
        seller = catalog.seller_at.get(seller_id)
        if seller is None or not inside(scope, seller_id):
            result.problems.append(unknown_seller(index, seller_id))
        else:
            sellers[seller] = None
    if batch.everything and scope is not None:
        sellers |= dict.fromkeys(at for name, at in catalog.seller_at.items() if name in scope)
    _, listing_ids, problems = resolve_refs(batch, catalog, scope)
    result.problems.extend(problems)
    listings = list(dict.fromkeys(listing_ids.tolist()))
    return Named(batch.everything and scope is None, list(sellers), listings)


def apply_stop(shard: Shard, batch: StopBatch, sequence: int, scope: Scope) -> CountResult:
    """Stops listings, sellers or everything, and takes their pending decisions back."""
    state, result = shard.state, CountResult(sequence, problems=list(batch.problems))
    switch = state.guards.switch
    meant = named(shard, batch, result, scope)
    ids = listings_of(state.catalog)
    before = switch.stops(state.catalog, ids)
    switch.stop(meant.everything, meant.sellers, meant.listings)
    stopped = ids[switch.stops(state.catalog, ids) & ~before]
    shard.evaluator.withdraw_pending(stopped, Reason.STOPPED)
    result.count = len(stopped)
    tell_switch(shard, meant, EventKind.TRIPPED)
    return result


def apply_restart(shard: Shard, batch: StopBatch, sequence: int, scope: Scope) -> CountResult:
    """Lifts switches; prices that bounds left behind meanwhile go back into them at once."""
    state, result = shard.state, CountResult(sequence, problems=list(batch.problems))
    switch = state.guards.switch
    meant = named(shard, batch, result, scope)
    ids = listings_of(state.catalog)
    before = switch.stops(state.catalog, ids)
    switch.restart(meant.everything, meant.sellers, meant.listings)
    restarted = ids[before & ~switch.stops(state.catalog, ids)]
    result.count = len(restarted)
    tell_switch(shard, meant, EventKind.RELEASED)
    tick = TickResult(sequence)
    redefine_outside(shard, restarted, tick)
    result.decisions = tick.decisions
    return result


def tell_switch(shard: Shard, meant: Named, kind: EventKind) -> None:
    """One event for everything, one for each seller, one for each listing."""
    state, guards = shard.state, shard.state.guards
    word = "stopped" if kind == EventKind.TRIPPED else "allowed again"
    if meant.everything:
        guards.tell(state.catalog, state.now_ms, Guard.STOP, f"repricing is {word}", kind=kind)
    for seller in meant.sellers:
        guards.events.add(
            state.now_ms, Guard.STOP, kind, f"repricing of the seller is {word}",
            seller_id=state.catalog.sellers[seller].seller_id,
        )  # fmt: skip
    for listing_id in meant.listings:
        message = f"repricing of the listing is {word}"
        guards.tell(
            state.catalog, state.now_ms, Guard.STOP, message, kind=kind, listing_id=listing_id
        )


# Held things


def chosen_holds(shard: Shard, batch: HoldBatch, result: CountResult, scope: Scope) -> list[Hold]:
    """The holds that a request names; those of foreign sellers are not known."""
    state = shard.state
    holds = all_holds(state.guards, state.catalog, state.now_ms, scope)
    if not batch.seller_id:
        by_id = {each.hold_id: each for each in holds}
        for index, hold_id in enumerate(batch.hold_ids):
            if hold_id not in by_id:
                message = f"hold_ids[{index}] is {hold_id}, which is not held"
                result.problems.append(RowProblem(index, "hold_ids", "UNKNOWN_HOLD", message))
        return [by_id[each] for each in dict.fromkeys(batch.hold_ids) if each in by_id]
    where = find_seller(
        state.catalog, batch.seller_id, batch.marketplace_id, result.problems, scope
    )
    if where is None:
        return []
    groups = state.guards.watch.groups
    return [each for each in holds if matches(groups[each.group], where)]


def matches(group: tuple[int, int], where: tuple[int, int]) -> bool:
    """Whether a group is of a seller and, unless that is -1, in a marketplace."""
    return group[0] == where[0] and where[1] in (-1, group[1])


def apply_release(shard: Shard, batch: HoldBatch, sequence: int, scope: Scope) -> CountResult:
    """Confirms held bounds, resets breakers and spirals, and evaluates held decisions again."""
    result, tick = CountResult(sequence, problems=list(batch.problems)), TickResult(sequence)
    holds = chosen_holds(shard, batch, result, scope)
    guards = shard.state.guards
    confirm_bounds(shard, [each.listing_id for each in holds if each.kind == HoldKind.BOUNDS], tick)
    for each in holds:
        if each.kind == HoldKind.SPIRAL:
            guards.spirals.forget(each.listing_id)
    evaluate_again(shard, free(shard, holds), tick)
    result.count, result.decisions = len(holds), tick.decisions
    tell_holds(shard, holds, EventKind.RELEASED)
    return result


def apply_discard(shard: Shard, batch: HoldBatch, sequence: int, scope: Scope) -> CountResult:
    """Drops held bounds and held decisions; a breaker is reset; a spiral has nothing to drop."""
    result = CountResult(sequence, problems=list(batch.problems))
    holds = chosen_holds(shard, batch, result, scope)
    holds = [each for each in holds if each.kind != HoldKind.SPIRAL]
    for each in holds:
        if each.kind == HoldKind.BOUNDS:
            shard.state.guards.plausibility.held.pop(each.listing_id)
    free(shard, holds)
    result.count = len(holds)
    tell_holds(shard, holds, EventKind.DISCARDED)
    return result


def free(shard: Shard, holds: list[Hold]) -> list[Proposal]:
    """Resets breakers and takes out what they and these holds held, in order."""
    state, guards = shard.state, shard.state.guards
    breakers = {each.group for each in holds if each.kind == HoldKind.BREAKER}
    for group in sorted(breakers):
        guards.breaker.reset(group, state.now_ms // 1000)
    decisions = [each.listing_id for each in holds if each.kind == HoldKind.DECISION]
    if breakers:
        decisions += [
            each.listing_id
            for each in all_holds(guards, state.catalog, state.now_ms, None)
            if each.kind == HoldKind.DECISION and each.group in breakers
        ]
    taken = [guards.proposals.pop(each) for each in dict.fromkeys(decisions)]
    return [each for each in taken if each is not None]


def evaluate_again(shard: Shard, proposals: list[Proposal], tick: TickResult) -> None:
    """Evaluates the inputs that led to held decisions again, as the world is now."""
    evaluator = shard.evaluator
    by_origin: dict[int, list[Proposal]] = {each: [] for each in Origin}
    for each in proposals:
        by_origin[each.origin].append(each)
    rows, offers = unpack_inputs(by_origin[Origin.OFFERS])
    evaluator.offers(rows, offers, tick, released=True)
    verdicts = [np.frombuffer(each.row, FEEDBACK) for each in by_origin[Origin.FEEDBACK]]
    evaluator.feedback(np.concatenate([np.zeros(0, FEEDBACK), *verdicts]), tick, released=True)
    ids = np.array([each.listing_id for each in by_origin[Origin.COMMAND]], np.uint32)
    redefine_listings(shard, ids, tick, released=True)
    for each in by_origin[Origin.TIMER]:
        deadlines = shard.state.catalog.rows["deadline_s"]
        deadlines[each.listing_id] = shard.state.now_ms // 1000
        evaluator.timers(each.listing_id, each.listing_id + 1, tick, released=True)


def tell_holds(shard: Shard, holds: list[Hold], kind: EventKind) -> None:
    """Events for what a person decided; single decisions of a breaker go with it."""
    state, guards = shard.state, shard.state.guards
    words = "released by a person" if kind == EventKind.RELEASED else "discarded by a person"
    for each in holds:
        if each.kind == HoldKind.BREAKER:
            guards.tell_group(
                state.catalog, state.now_ms, Guard.BREAKER, f"held falls were {words}", each.group,
                kind=kind, hold_id=each.hold_id,
            )  # fmt: skip
        else:
            guards.tell(
                state.catalog, state.now_ms, GUARD_OF[each.kind], f"what was held was {words}",
                kind=kind, listing_id=each.listing_id, hold_id=each.hold_id,
            )  # fmt: skip


# Restore


def apply_restore(shard: Shard, batch: RestoreBatch, sequence: int, scope: Scope) -> CountResult:
    """Goes back to the live prices of an earlier time and holds them: the listings are paused."""
    state, result = shard.state, CountResult(sequence, problems=list(batch.problems))
    where = find_seller(
        state.catalog, batch.seller_id, batch.marketplace_id, result.problems, scope
    )
    if where is None or not reaches(shard, batch.at_ms, result):
        return result
    guards, catalog = state.guards, state.catalog
    ids = listings_of(catalog, *where)
    prices = guards.live_log.prices_at(batch.at_ms, ids, catalog.rows["live_price_minor"][ids])
    ids, prices = ids[prices > 0], prices[prices > 0]
    for listing_id in ids.tolist():
        guards.proposals.pop(listing_id)
        guards.spirals.forget(listing_id)
    tick = TickResult(sequence)
    shard.evaluator.restore(ids, prices, tick)
    guards.trips[Guard.RESTORE] += len(tick.decisions)
    guards.events.add(
        state.now_ms, Guard.RESTORE, EventKind.TRIPPED,
        f"{len(tick.decisions)} listings go back to their live prices of"
        f" {np.datetime64(batch.at_ms, 'ms')}Z and are paused",
        seller_id=batch.seller_id, marketplace_id=batch.marketplace_id,
    )  # fmt: skip
    result.count, result.decisions = len(tick.decisions), tick.decisions
    return result


def reaches(shard: Shard, at_ms: int, result: CountResult) -> bool:
    """Whether the log of live prices says what they were at a time."""
    first, last = shard.state.guards.live_log.reaches_ms, shard.state.now_ms + FUTURE_LIMIT_MS
    if max(1, first) <= at_ms <= last:
        return True
    reason = "RESTORE_TIME_TOO_OLD" if at_ms <= last else "RESTORE_TIME_IN_FUTURE"
    message = f"at_ms is {at_ms}; allowed: {max(1, first)}, as far as live prices are kept, to now"
    result.problems.append(RowProblem(0, "at_ms", reason, message))
    return False
