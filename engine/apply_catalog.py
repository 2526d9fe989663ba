"""Applies definitions: sellers, strategies and listings, each row on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.bounds.book import Bounds
from engine.bounds.proposed import ProposedBounds
from engine.catalog import Catalog
from engine.checks import MAX_TEXT, ceiling_warning, value_error
from engine.columns import DefinitionBatch, ListingDefinition, ListingKey, SellerDefinition
from engine.costs import put_cost, with_cost
from engine.errors import RepricedError, RowProblem
from engine.follow_checks import check_currencies, check_followed
from engine.gaps import leave_gaps
from engine.guards import EventKind, Guard
from engine.guards.plausibility import MAX_HELD_BOUNDS, Change, HeldBounds, Slip, known_slip
from engine.held import listed_of
from engine.proposing import accept, proposing
from engine.redefining import present_commands, redefine_outside, redefine_resumed
from engine.results import CountResult, TickResult, UpsertResult
from engine.schema import COMMAND, CommandKind, Reason
from engine.scope import Scope, check_seller
from engine.state import State
from engine.strategies import StrategyDefinition
from engine.terms import Terms

if TYPE_CHECKING:
    from engine.shard import Shard


def problem(index: int, error: RepricedError) -> RowProblem:
    """A refused definition as a row of the answer."""
    return RowProblem(index, error.field, error.reason, error.message)


def apply_sellers(
    shard: Shard, batch: DefinitionBatch[SellerDefinition], sequence: int, scope: Scope
) -> CountResult:
    """Creates or replaces sellers."""
    result = CountResult(sequence, problems=list(batch.problems))
    catalog = shard.state.catalog
    for index, definition in batch.rows:
        try:
            check_seller(scope, "seller_id", definition.seller_id)
            if scope is not None:
                check_group_kept(catalog, definition)
            was_dry = catalog.seller_at.get(definition.seller_id) in catalog.dry_run_sellers
            seller = catalog.put_seller(definition)
            if (seller in catalog.dry_run_sellers) != was_dry:
                switch_dry_run(shard, seller, not was_dry, sequence)
            result.count += 1
        except RepricedError as error:
            result.problems.append(problem(index, error))
    return result


def check_group_kept(catalog: Catalog, definition: SellerDefinition) -> None:
    """Raises InputError for another account group than the seller has.

    A group joins sellers, so a caller of some sellers must not change it: whoever entered the
    group of another account would stop being a competitor of its listings.
    """
    index = catalog.seller_at.get(definition.seller_id)
    present = "" if index is None else catalog.sellers[index].account_group
    if definition.account_group != present:
        raise value_error(
            "account_group",
            definition.account_group[:MAX_TEXT],
            f"{present!r}, what it is; only a caller of all sellers changes account groups",
            "ACCOUNT_GROUP_FIXED",
        )


def switch_dry_run(shard: Shard, seller: int, on: bool, sequence: int) -> None:
    """Nothing decided earlier goes out in a dry run; nothing it proposed stays after it."""
    state, guards = shard.state, shard.state.guards
    mine = state.catalog.active & (state.catalog.records["seller"] == seller)
    ids = np.flatnonzero(mine[: state.catalog.count]).astype(np.uint32)
    guards.proposals.pop_all(ids.tolist())
    if on:
        shard.evaluator.withdraw_pending(ids, Reason.DRY_RUN)
    else:
        redefine_outside(shard, ids, TickResult(sequence))
    guards.events.add(
        state.now_ms, Guard.DRY_RUN, EventKind.TRIPPED if on else EventKind.RELEASED,
        "dry run: decisions are shown and not sent" if on else "the dry run has ended",
        seller_id=state.catalog.sellers[seller].seller_id,
    )  # fmt: skip


def apply_strategies(
    shard: Shard, batch: DefinitionBatch[StrategyDefinition], sequence: int, scope: Scope
) -> CountResult:
    """Creates or replaces strategies; their listings follow at once."""
    result = CountResult(sequence, problems=list(batch.problems))
    catalog, entries = shard.state.catalog, shard.state.catalog.schedules.entries
    changed: set[int] = set()
    restarted: set[int] = set()
    for index, definition in batch.rows:
        try:
            check_seller(scope, "seller_id", definition.seller_id)
            catalog.check_strategy(definition)
            check_currencies(catalog, shard.state.bounds.rates, definition)
            before = catalog.strategy(definition.seller_id, definition.strategy_id)
            index_of = catalog.put_strategy(definition)
            changed.add(index_of)
            shard.state.following.redefined(index_of, before, definition)
            if definition.restart:
                restarted.add(index_of)
            result.count += 1
        except RepricedError as error:
            result.problems.append(problem(index, error))
    if changed:
        commands = present_commands(shard, catalog.listings_using(changed))
        commands["restart"] = np.isin(commands["strategy"], list(restarted))
        shard.command(commands, TickResult(sequence))
        redefine_resumed(shard, entries, changed, TickResult(sequence))
    return result


@dataclass(slots=True)
class Entry:
    """A listing that was entered, and the bounds that are to be in force."""

    index: int
    definition: ListingDefinition | None
    """None: only its bounds change."""
    listing_id: int
    strategy: int
    floor_minor: int
    ceiling_minor: int
    proposed: ProposedBounds | None = None
    """They are only proposed."""


def apply_listings(
    shard: Shard, batch: DefinitionBatch[ListingDefinition], sequence: int, scope: Scope
) -> UpsertResult:
    """Creates or replaces listings; prices outside new bounds are clamped in the same input."""
    result, tick = UpsertResult(sequence, problems=list(batch.problems)), TickResult(sequence)
    entries: list[Entry] = []
    entered: set[ListingKey] = set()
    for index, definition in batch.rows:
        if definition.propose_bounds and definition.key in entered:
            # What an earlier row of the listing led to decides whether anything is proposed.
            put_entries(shard, entries, result, tick)
            entries, entered = [], set()
        try:
            check_seller(scope, "key.seller_id", definition.key.seller_id)
            entries.append(enter(shard, index, definition, result))
            entered.add(definition.key)
        except RepricedError as error:
            result.problems.append(problem(index, error))
    put_entries(shard, entries, result, tick)
    result.decisions, result.set_aside = tick.decisions, tick.set_aside
    result.problems.extend(tick.problems)
    return result


def put_entries(shard: Shard, entries: list[Entry], result: UpsertResult, tick: TickResult) -> None:
    """Puts entered listings into force."""
    put_bounds(shard, entries, result)
    dry = shard.state.bounds.proposed
    entries = [each for each in entries if each.proposed is None or each.listing_id in dry]
    shard.command(listing_commands(shard.state.catalog, entries), tick)
    shard.state.catalog.entering.clear()
    leave_gaps(shard, [each.listing_id for each in entries], tick)


def enter(shard: Shard, index: int, definition: ListingDefinition, result: UpsertResult) -> Entry:
    """Enters one listing; its bounds follow with the command. Raises InputError."""
    state = shard.state
    catalog, guards = state.catalog, state.guards
    definition, foreign = with_cost(state, definition)
    definition, proposed = proposing(state, definition)
    strategy = catalog.check_listing(definition)
    check_followed(catalog, state.bounds.rates, definition)
    listed = listed_of(state, definition)
    bounds = state.bounds.bounds_of(listed) if listed else None
    listing_id, created = catalog.put_listing(definition)
    catalog.entering[listing_id] = strategy
    before = catalog.own_terms(listing_id)[:2]
    guards.watch.cover(catalog.count)
    put_cost(state, listing_id, definition, foreign)
    if created:
        shard.created()
    if created and definition.price_minor > 0:
        live = np.array([definition.price_minor], np.int64)
        guards.live_log.note(
            state.now_ms, np.array([listing_id], np.uint32), np.zeros(1, np.int64), live
        )
    state.following.live_changed(catalog, [listing_id])
    if catalog.strategies[strategy].has_sources:
        state.following.due.add(strategy)
    result.upserted.append((index, listing_id, created))
    warning = ceiling_warning(index, definition)
    if warning is not None:
        result.warnings.append(warning)
    floor, ceiling = definition.floor_minor or 0, definition.ceiling_minor or 0
    state.bounds.clear(listing_id)
    if listed is not None and bounds is not None:
        state.bounds.listings[listing_id] = listed
        floor, ceiling = bounds.floor_minor, bounds.ceiling_minor
        state.bounds.put_gaps(listing_id, bounds.gaps)
        if before not in ((0, 0), (floor, ceiling)):
            tell_computed(state, listing_id, bounds, before)
        if not bounds.reachable:
            result.warnings.append(unreachable(index, ceiling))
    return Entry(index, definition, listing_id, strategy, floor, ceiling, proposed)


def tell_computed(state: State, listing_id: int, bounds: Bounds, before: tuple[int, int]) -> None:
    """An event of old and new computed bounds."""
    told = f"computed bounds are {bounds.floor_minor} to {bounds.ceiling_minor}, they were"
    told += f" {before[0]} to {before[1]}"
    if not bounds.reachable:
        told += "; no price up to the ceiling earns the goal"
    state.guards.tell(
        state.catalog, state.now_ms, Guard.COMPUTED_BOUNDS, told, listing_id=listing_id
    )


def unreachable(index: int, ceiling_minor: int) -> RowProblem:
    """Says that no price earns what is to be earned."""
    return RowProblem(
        index, "computed_bounds.goal", "GOAL_UNREACHABLE",
        f"no price up to the ceiling {ceiling_minor} earns computed_bounds.goal; the floor is the"
        " ceiling",
    )  # fmt: skip


def listing_commands(catalog: Catalog, entries: list[Entry]) -> NDArray[np.void]:
    """UPSERT commands of entered listings, with the bounds that are in force."""
    commands = np.zeros(len(entries), COMMAND)
    for command, entry in zip(commands, entries, strict=True):
        definition = entry.definition
        assert definition is not None
        command["index"], command["listing_id"] = entry.index, entry.listing_id
        command["kind"] = CommandKind.UPSERT
        own = Terms(entry.floor_minor, entry.ceiling_minor, definition.map_minor)
        command["floor_minor"], command["ceiling_minor"] = catalog.put_terms(
            entry.listing_id, own, entry.strategy
        )
        command["landed_offset_minor"] = definition.shipping_minor - definition.points_minor
        command["points_bp"] = definition.points_bp
        command["strategy"] = entry.strategy
        command["condition"] = definition.condition
    return commands


def put_bounds(shard: Shard, entries: list[Entry], result: UpsertResult) -> None:
    """Keeps old bounds in force where the new ones look like a slip, and says so."""
    state = shard.state
    records = state.catalog.records
    wary = wary_sellers(shard, entries)
    in_force: dict[int, tuple[int, int]] = {}
    for entry in entries:
        record = records[entry.listing_id]
        present = in_force.get(entry.listing_id) or bounds_before(shard, entry)
        cost_minor = state.guards.cost_of(entry.listing_id)
        if entry.proposed is not None:
            state.bounds.proposed[entry.listing_id] = entry.proposed
            state.guards.plausibility.held.pop(entry.listing_id, None)
            if entry.floor_minor * 2 < cost_minor:
                result.warnings.append(low_floor(entry, cost_minor))
        elif present != (0, 0):
            wanted = (entry.floor_minor, entry.ceiling_minor)
            before = stated_before(shard, entry) or present
            change = change_of(shard, entry.listing_id, before, wanted)
            slip = state.guards.plausibility.slip(change, state.now_ms // 1000)
            if slip is None and change.lowers and change.seller in wary:
                slip = Slip.MANY_FLOORS_LOWERED
            if slip is None:
                state.guards.plausibility.apply(change, state.now_ms // 1000)
                accept(state, entry.listing_id)
            else:
                entry.floor_minor, entry.ceiling_minor = present
                hold_bounds(shard, entry, change, slip, result)
        elif entry.floor_minor * 2 < cost_minor:
            result.warnings.append(low_floor(entry, cost_minor))
        in_force[entry.listing_id] = entry.floor_minor, entry.ceiling_minor
        if in_force[entry.listing_id] != present:
            record["bounds_version"] += 1


def bounds_before(shard: Shard, entry: Entry) -> tuple[int, int]:
    """Bounds in force before a call; those of a deleted listing still count for its successor."""
    present = shard.state.catalog.own_terms(entry.listing_id)[:2]
    return present if present != (0, 0) else buried_bounds(shard, entry) or present


def buried_bounds(shard: Shard, entry: Entry) -> tuple[int, int] | None:
    """Bounds of the deleted listing whose successor is entered."""
    definition = entry.definition
    if definition is None:
        return None
    return shard.state.guards.plausibility.buried.get((*definition.key, definition.currency))


def stated_before(shard: Shard, entry: Entry) -> tuple[int, int] | None:
    """Bounds that a person stated before anything was proposed: a proposal, which takes in what is
    stated with it, is no way around them. None: they are those in force."""
    return buried_bounds(shard, entry) if entry.listing_id in shard.state.bounds.proposed else None


def change_of(
    shard: Shard, listing_id: int, present: tuple[int, int], wanted: tuple[int, int]
) -> Change:
    """Wanted bounds beside those in force."""
    seller = int(shard.state.catalog.records["seller"][listing_id])
    cost_minor = shard.state.guards.cost_of(listing_id)
    return Change(listing_id, seller, *present, *wanted, cost_minor)


def wary_sellers(shard: Shard, entries: list[Entry]) -> set[int]:
    """Sellers of whose floors too many would have come down in a day."""
    state = shard.state
    lowering: dict[int, set[int]] = {}
    for entry in entries:
        if entry.proposed is None and entry.floor_minor < bounds_before(shard, entry)[0]:
            seller = int(state.catalog.records["seller"][entry.listing_id])
            lowering.setdefault(seller, set()).add(entry.listing_id)
    wary = set()
    for seller, more in lowering.items():
        guards, now_s = state.guards, state.now_ms // 1000
        lately = len(guards.plausibility.lowered_lately(seller, now_s).keys() | more)
        if lately < guards.settings.floors_lowered:
            continue
        mine = state.catalog.active & (state.catalog.records["seller"] == seller)
        listings = int(np.count_nonzero(mine[: state.catalog.count]))
        if guards.plausibility.too_many(seller, more, listings, now_s, guards.settings):
            wary.add(seller)
    return wary


def hold_bounds(
    shard: Shard, entry: Entry, change: Change, slip: Slip, result: UpsertResult
) -> None:
    """Keeps new bounds for a person to confirm; a repeat keeps its hold id."""
    state, guards = shard.state, shard.state.guards
    held, known = guards.plausibility.held, guards.plausibility.held.get(entry.listing_id)
    wanted = (change.floor, change.ceiling)
    if known is None or (known.floor_minor, known.ceiling_minor) != wanted:
        if known is None and len(held) >= MAX_HELD_BOUNDS:
            result.problems.append(RowProblem(
                entry.index, "floor_minor", "TOO_MANY_HELD",
                f"{MAX_HELD_BOUNDS} changes of bounds are held; release or discard some",
            ))  # fmt: skip
            return
        known = HeldBounds(
            guards.new_hold(), entry.listing_id, int(slip), *wanted, held_ms=state.now_ms
        )
        held[entry.listing_id] = known
        guards.watch.groups_of(state.catalog, np.array([entry.listing_id], np.uint32))
        guards.trips[Guard.PLAUSIBILITY] += 1
        guards.tell(
            state.catalog, state.now_ms, Guard.PLAUSIBILITY,
            f"new bounds {wanted[0]} to {wanted[1]} are held, because {known_slip(slip)}",
            listing_id=entry.listing_id, hold_id=known.hold_id,
        )  # fmt: skip
    field = "ceiling_minor" if slip == Slip.CEILING_TENFOLD else "floor_minor"
    result.warnings.append(RowProblem(
        entry.index, field, "BOUNDS_HELD",
        f"bounds {wanted[0]} to {wanted[1]} are held as hold {known.hold_id}, because"
        f" {known_slip(slip)}; {entry.floor_minor} to {entry.ceiling_minor} stay in force until"
        " ReleaseHeld",
    ))  # fmt: skip


def low_floor(entry: Entry, cost_minor: int) -> RowProblem:
    """Says that a new listing may be sold far below its cost."""
    return RowProblem(
        entry.index, "floor_minor", "FLOOR_UNDER_HALF_COST",
        f"floor_minor is {entry.floor_minor}, under half of cost_minor {cost_minor}",
    )  # fmt: skip


def confirm_bounds(shard: Shard, listing_ids: list[int], tick: TickResult) -> None:
    """Puts held bounds into force."""
    state = shard.state
    commands = present_commands(shard, np.array(listing_ids, np.uint32))
    for command, listing_id in zip(commands, listing_ids, strict=True):
        held = state.guards.plausibility.held[listing_id]
        own = state.catalog.own_terms(listing_id)
        wanted = held.floor_minor, held.ceiling_minor
        change = change_of(shard, listing_id, own[:2], wanted)
        state.guards.plausibility.apply(change, state.now_ms // 1000)
        accept(state, listing_id)
        command["floor_minor"], command["ceiling_minor"] = state.catalog.put_terms(
            listing_id, Terms(*wanted, own.map_minor), int(command["strategy"])
        )
        state.catalog.records["bounds_version"][listing_id] += 1
        if held.slip == Slip.MANY_FLOORS_LOWERED:
            state.guards.plausibility.confirm(change.seller)
    shard.command(commands, tick)
