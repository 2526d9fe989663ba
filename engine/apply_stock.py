"""Applies reported stock: out of stock pauses, and bounds follow the rules of the strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.columns import StockBatch
from engine.redefining import present_commands
from engine.resolve import FUTURE_LIMIT_MS, in_future, resolve_refs
from engine.results import TickResult
from engine.schema import COMMAND, CommandKind, Reason
from engine.scope import Scope
from engine.stock import AGE_UNKNOWN

if TYPE_CHECKING:
    from engine.shard import Shard


def apply_stock(shard: Shard, batch: StockBatch, sequence: int, scope: Scope) -> TickResult:
    """Takes levels over in their order; one that is older than what is known is ignored."""
    catalog, now_ms = shard.state.catalog, shard.state.now_ms
    positions, listing_ids, problems = resolve_refs(batch, catalog, scope)
    result = TickResult(sequence, problems=batch.problems + problems)
    taken: list[tuple[int, int, int]] = []
    old: dict[int, int] = {}
    for position, listing_id in zip(positions.tolist(), listing_ids.tolist(), strict=True):
        index, event_ms = int(batch.indices[position]), int(batch.event_ms[position])
        stock = catalog.stock[listing_id]
        if event_ms > now_ms + FUTURE_LIMIT_MS:
            result.problems.append(in_future(index, event_ms, now_ms))
        elif event_ms < stock["event_ms"]:
            old[index] = Reason.OLD_INPUT
        else:
            if stock["event_ms"] == 0:
                stock["age_days"] = AGE_UNKNOWN
            stock["event_ms"], stock["quantity"] = event_ms, batch.quantities[position]
            if batch.ages[position] != AGE_UNKNOWN:
                stock["age_days"] = batch.ages[position]
            kind = CommandKind.STOCK_IN if stock["quantity"] else CommandKind.STOCK_OUT
            taken.append((index, listing_id, kind))
    commands = np.zeros(len(taken), COMMAND)
    for command, row in zip(commands, taken, strict=True):
        command["index"], command["listing_id"], command["kind"] = row
    shard.command(commands, result)
    result.evaluated += len(old)
    result.ignored_rows.update(old)
    follow_stock(shard, sorted({each for _, each, _ in taken}), result)
    return result


def follow_stock(shard: Shard, listing_ids: list[int], result: TickResult) -> None:
    """Puts the bounds into force that the rules make of the stock now."""
    catalog = shard.state.catalog
    ids = np.array(listing_ids, np.uint32)
    ids = ids[np.isin(catalog.rows["strategy"][ids], list(catalog.stocked))]
    commands = present_commands(shard, ids)
    other = np.zeros(len(ids), np.bool_)
    for name in ("floor_minor", "ceiling_minor"):
        other |= commands[name] != catalog.rows[name][ids]
    tick = TickResult(result.sequence)
    shard.command(commands[other], tick)
    result.join(tick)
