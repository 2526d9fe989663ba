"""Sources of FOLLOW and what is followed of them, between messages and definitions."""

from __future__ import annotations

from typing import Any

from engine.schema import Aggregate, Audience, Condition, FollowValue
from engine.strategies import FollowSource, StrategyDefinition
from repriced.v1 import catalog_pb2


def follow_fields(message: catalog_pb2.FollowStrategy) -> dict[str, Any]:
    """What only FOLLOW has, its distance aside."""
    return {
        "follow_sources": tuple(source_definition(each) for each in message.sources),
        "follow_units": message.units or 1,
        "aggregate": message.aggregate or int(Aggregate.MIN),
        "follow_value": message.value or int(FollowValue.EFFECTIVE),
    }


def source_definition(message: catalog_pb2.FollowSource) -> FollowSource:
    """One source as the caller stated it."""
    return FollowSource(
        message.marketplace_id, message.sku, message.audience or int(Audience.B2C),
        message.units or 1, message.asin, message.condition or int(Condition.NEW),
        message.weight or 1,
    )  # fmt: skip


def fill_follow(part: catalog_pb2.FollowStrategy, definition: StrategyDefinition) -> None:
    """The same the other way."""
    for source in definition.follow_sources:
        given: Any = {
            name: getattr(source, name)
            for name in ("marketplace_id", "sku", "audience", "units", "asin", "weight")
        }
        if source.asin:
            given["condition"] = source.condition
        part.sources.add(**given)
    codes: Any = {"aggregate": definition.aggregate, "value": definition.follow_value}
    part.MergeFrom(catalog_pb2.FollowStrategy(units=definition.follow_units, **codes))
