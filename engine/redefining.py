"""Evaluates listings against definitions that changed, with the bounds that are in force now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.results import TickResult
from engine.schedules import is_pause
from engine.schema import COMMAND, NO_INDEX, Audience, CommandKind

if TYPE_CHECKING:
    from engine.shard import Shard
    from engine.timetable import CalendarEntry


def redefine_users(shard: Shard, strategies: set[int], tick: TickResult) -> None:
    """Lets the listings of changed strategies follow at once."""
    redefine_listings(shard, shard.state.catalog.listings_using(strategies), tick)


def redefine_listings(
    shard: Shard, ids: NDArray[Any], tick: TickResult, released: bool = False
) -> None:
    """Evaluates listings against their definitions as they are."""
    shard.command(present_commands(shard, ids), tick, released)


def redefine_outside(shard: Shard, ids: NDArray[np.uint32], tick: TickResult) -> None:
    """Puts prices back into the bounds that changed while nothing could go out."""
    rows = shard.state.catalog.rows[ids]
    high = np.maximum(rows["floor_minor"], rows["ceiling_minor"])
    outside = (rows["price_minor"] < rows["floor_minor"]) | (rows["price_minor"] > high)
    redefine_listings(shard, ids[outside & (rows["price_minor"] > 0)], tick)


def put_bounds_in_force(catalog: Catalog, ids: NDArray[Any], commands: NDArray[np.void]) -> None:
    """Bounds as calendars, stock and B2C prices make them, where those can."""
    bounded = [*catalog.schedules.entries, *catalog.stocked]
    differ = np.isin(commands["strategy"], bounded) | np.isin(ids, list(catalog.terms))
    differ |= np.isin(ids, list(catalog.promotions))
    differ |= (catalog.coupled[ids] != 0) & (catalog.records["audience"][ids] == Audience.B2B)
    for at in np.flatnonzero(differ).tolist():
        listing_id, strategy = int(ids[at]), int(commands["strategy"][at])
        commands["floor_minor"][at], commands["ceiling_minor"][at] = catalog.put_terms(
            listing_id, catalog.own_terms(listing_id), strategy
        )


def redefine_resumed(
    shard: Shard, before: dict[int, CalendarEntry], changed: set[int], tick: TickResult
) -> None:
    """Lets listings that a calendar entry of `before` paused take the price that is right now.

    A first evaluation only resumes: one that a guard holds would leave them paused.
    """
    resumed = {each for each in changed if is_pause(before.get(each))}
    if resumed:
        redefine_users(shard, resumed, tick)


def follow_calendars(shard: Shard, tick: TickResult) -> None:
    """Lets listings follow the calendar entries and promotions that began or ended."""
    catalog = shard.state.catalog
    before_ms, entries = catalog.schedules.at_ms, catalog.schedules.entries
    changed = catalog.pass_time(shard.state.now_ms)
    if changed:
        redefine_users(shard, changed, tick)
    redefine_resumed(shard, entries, changed, tick)
    promoted = catalog.promotions_changed(before_ms)
    if promoted:
        redefine_listings(shard, np.array(sorted(promoted), np.uint32), tick)


def present_commands(shard: Shard, ids: NDArray[Any]) -> NDArray[np.void]:
    """UPSERT commands that change nothing by themselves."""
    catalog = shard.state.catalog
    commands = np.zeros(len(ids), COMMAND)
    rows = catalog.rows[ids]
    for name in ("floor_minor", "ceiling_minor", "landed_offset_minor", "points_bp", "strategy"):
        commands[name] = rows[name]
    put_bounds_in_force(catalog, ids, commands)
    commands["condition"] = catalog.records["condition"][ids]
    commands["listing_id"] = ids
    commands["index"] = NO_INDEX
    commands["kind"] = CommandKind.UPSERT
    return commands
