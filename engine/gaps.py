"""Prices within bounds that a listing never has, because they miss the goal of computed bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.bounds.solver import snapped
from engine.redefining import present_commands
from engine.results import TickResult

if TYPE_CHECKING:
    from engine.shard import Shard


def leave_gaps(shard: Shard, listing_ids: list[int], tick: TickResult) -> None:
    """Moves the prices of listings out of gaps that they stand in now.

    To the rules that is a bound for a moment: the price moves as it does with any new bound.
    """
    rows, gaps = shard.state.catalog.rows, shard.state.bounds.gaps
    goals: dict[int, int] = {}
    for listing_id in listing_ids:
        row = rows[listing_id]
        price, floor = int(row["price_minor"]), int(row["floor_minor"])
        high = max(floor, int(row["ceiling_minor"]))
        good = snapped(gaps.get(listing_id, ()), price, floor, high)
        if good not in (0, price):
            goals[listing_id] = good
    commands = present_commands(shard, np.array(list(goals), np.uint32))
    back = commands.copy()
    for command, good in zip(commands, goals.values(), strict=True):
        bound = (
            "ceiling_minor" if good < rows["price_minor"][command["listing_id"]] else "floor_minor"
        )
        command[bound] = good
    back["capped"] = 1
    shard.command(np.concatenate([commands, back]), tick)
