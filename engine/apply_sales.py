"""Applies reported sales: what listings of PUSH and DAILY_PUSH, and their neighbours, sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.columns import SalesBatch
from engine.errors import InputError, RowProblem
from engine.resolve import resolve_refs
from engine.results import TickResult
from engine.schema import COMMAND, CommandKind, CountBy
from engine.scope import Scope

if TYPE_CHECKING:
    from engine.shard import Shard


def apply_sales(shard: Shard, batch: SalesBatch, sequence: int, scope: Scope) -> TickResult:
    """Takes hours over and lets prices follow them, each listing once."""
    state = shard.state
    positions, listing_ids, problems = resolve_refs(batch, state.catalog, scope)
    result = TickResult(sequence, problems=batch.problems + problems)
    more: dict[int, list[int]] = {}  # first row and units, by listing
    counting: dict[int, list[int]] = {}
    for position, listing_id in zip(positions.tolist(), listing_ids.tolist(), strict=True):
        index = int(batch.indices[position])
        source, hour_ms, reported = batch.sold[position]
        try:
            units = state.sales.put(listing_id, source, hour_ms, reported, state.now_ms)
        except InputError as error:
            result.problems.append(RowProblem(index, error.field, error.reason, error.message))
            continue
        for each in counted_for(shard, listing_id, counting):
            entry = more.setdefault(each, [index, 0])
            entry[1] += units
    commands = np.zeros(len(more), COMMAND)
    for command, (listing_id, (index, units)) in zip(commands, more.items(), strict=True):
        command["index"], command["listing_id"] = index, listing_id
        command["kind"], command["units"] = CommandKind.SALES, units
        command["units_today"] = units_today(shard, listing_id)
    shard.command(commands, result)
    result.evaluated = len(positions) - (len(result.problems) - len(batch.problems) - len(problems))
    return result


def counted_for(shard: Shard, listing_id: int, counting: dict[int, list[int]]) -> list[int]:
    """The listings whose price follows a sale of this one.

    `counting` keeps those that count their ASIN's sales, by the first listing of the ASIN.
    """
    catalog = shard.state.catalog
    found = [listing_id] if count_by(shard, listing_id) == CountBy.SKU else []
    if catalog.asins[listing_id]:
        sharing = catalog.names.sharing(catalog.record_bytes, listing_id)
        first = sharing[0]
        if first not in counting:
            counting[first] = [each for each in sharing if count_by(shard, each) == CountBy.ASIN]
        found += counting[first]
    return found


def count_by(shard: Shard, listing_id: int) -> int:
    """Whose sales the strategy of a listing counts; without an ASIN only its own can be."""
    catalog = shard.state.catalog
    strategy = catalog.strategies[int(catalog.rows["strategy"][listing_id])]
    return strategy.count_by if catalog.asins[listing_id] else CountBy.SKU


def units_today(shard: Shard, listing_id: int) -> int:
    """Units that count for a listing since the day of its strategy began."""
    catalog, sales = shard.state.catalog, shard.state.sales
    strategy = int(catalog.rows["strategy"][listing_id])
    begin_ms = int(catalog.strategy_records["day_begin_s"][strategy]) * 1000
    if begin_ms == 0:
        return 0
    listed = [listing_id]
    if count_by(shard, listing_id) == CountBy.ASIN:
        listed = catalog.names.sharing(catalog.record_bytes, listing_id)
    return sum(sales.since(each, begin_ms) for each in listed)
