"""Applies definitions: sellers, strategies and listings, each row on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.checks import ceiling_warning
from engine.columns import DefinitionBatch, ListingDefinition, SellerDefinition
from engine.errors import RepricedError, RowProblem
from engine.results import CountResult, TickResult, UpsertResult
from engine.schema import COMMAND, NO_INDEX, CommandKind
from engine.scope import Scope, check_seller
from engine.strategies import StrategyDefinition

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
    for index, definition in batch.rows:
        try:
            check_seller(scope, "seller_id", definition.seller_id)
            if scope is not None:
                shard.state.catalog.check_group_kept(definition)
            shard.state.catalog.put_seller(definition)
            result.count += 1
        except RepricedError as error:
            result.problems.append(problem(index, error))
    return result


def apply_strategies(
    shard: Shard, batch: DefinitionBatch[StrategyDefinition], sequence: int, scope: Scope
) -> CountResult:
    """Creates or replaces strategies; their listings follow at once."""
    result = CountResult(sequence, problems=list(batch.problems))
    changed: set[int] = set()
    for index, definition in batch.rows:
        try:
            check_seller(scope, "seller_id", definition.seller_id)
            changed.add(shard.state.catalog.put_strategy(definition))
            result.count += 1
        except RepricedError as error:
            result.problems.append(problem(index, error))
    if changed:
        redefine_users(shard, changed, TickResult(sequence))
    return result


def apply_listings(
    shard: Shard, batch: DefinitionBatch[ListingDefinition], sequence: int, scope: Scope
) -> UpsertResult:
    """Creates or replaces listings; prices outside new bounds are clamped in the same input."""
    result = UpsertResult(sequence, problems=list(batch.problems))
    listings: list[tuple[int, ListingDefinition, int, int]] = []
    for index, definition in batch.rows:
        try:
            check_seller(scope, "key.seller_id", definition.key.seller_id)
            listings.append(upsert_listing(shard, index, definition, result))
        except RepricedError as error:
            result.problems.append(problem(index, error))
    tick = TickResult(sequence)
    shard.command(listing_commands(listings), tick)
    result.decisions = tick.decisions
    result.problems.extend(tick.problems)
    return result


def upsert_listing(
    shard: Shard, index: int, definition: ListingDefinition, result: UpsertResult
) -> tuple[int, ListingDefinition, int, int]:
    """Enters one listing; its bounds follow with the command. Raises InputError."""
    catalog = shard.state.catalog
    strategy = catalog.check_listing(definition)
    listing_id, created = catalog.put_listing(definition)
    if created:
        shard.created()
    row, record = catalog.rows[listing_id], catalog.records[listing_id]
    bounds = (definition.floor_minor, definition.ceiling_minor)
    if (int(row["floor_minor"]), int(row["ceiling_minor"])) != bounds:
        record["bounds_version"] += 1
    result.upserted.append((index, listing_id, created))
    warning = ceiling_warning(index, definition)
    if warning is not None:
        result.warnings.append(warning)
    return index, definition, listing_id, strategy


def listing_commands(listings: list[tuple[int, ListingDefinition, int, int]]) -> NDArray[np.void]:
    """UPSERT commands of checked definitions."""
    commands = np.zeros(len(listings), COMMAND)
    for command, (index, definition, listing_id, strategy) in zip(commands, listings, strict=True):
        command["index"], command["listing_id"] = index, listing_id
        command["kind"] = CommandKind.UPSERT
        command["floor_minor"] = definition.floor_minor or 0
        command["ceiling_minor"] = definition.ceiling_minor or 0
        command["landed_offset_minor"] = definition.shipping_minor - definition.points_minor
        command["points_bp"] = definition.points_bp
        command["strategy"] = strategy
        command["condition"] = definition.condition
    return commands


def redefine_users(shard: Shard, strategies: set[int], tick: TickResult) -> None:
    """Lets the listings of changed strategies follow at once."""
    catalog = shard.state.catalog
    ids = catalog.listings_using(strategies)
    commands = np.zeros(len(ids), COMMAND)
    rows = catalog.rows[ids]
    for name in ("floor_minor", "ceiling_minor", "landed_offset_minor", "points_bp", "strategy"):
        commands[name] = rows[name]
    commands["condition"] = catalog.records["condition"][ids]
    commands["listing_id"] = ids
    commands["index"] = NO_INDEX
    commands["kind"] = CommandKind.UPSERT
    shard.command(commands, tick)
