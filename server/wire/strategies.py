"""Strategies between their messages and the engine's definitions, field by field, both ways."""

from __future__ import annotations

from typing import Any

from engine.schema import (
    Alone,
    BelowFloor,
    Direction,
    StrategyKind,
    Suppressed,
    Tie,
    WhenWinning,
)
from engine.stock import StockMeasure, StockRule
from engine.strategies import Filter, Offset, StrategyDefinition
from repriced.v1 import catalog_pb2
from server.wire.following import fill_follow, follow_fields
from server.wire.schedules import fill_push, fill_schedule, push_fields, schedule_fields

KINDS = {
    "buy_box": StrategyKind.BUY_BOX,
    "match": StrategyKind.MATCH,
    "fixed": StrategyKind.FIXED,
    "position": StrategyKind.POSITION,
    "push": StrategyKind.PUSH,
    "daily_push": StrategyKind.DAILY_PUSH,
    "follow": StrategyKind.FOLLOW,
}
KIND_NAMES = {kind: name for name, kind in KINDS.items()}

TOP_FIELDS = ("seller_id", "strategy_id", "currency")

# In the tables below: field of the message, field of the definition.
FILTER_FIELDS = {
    "any_condition": "any_condition",
    "unfeatured_merchants": "unfeatured_merchants",
    "unavailable_offers": "unavailable_offers",
    "min_positive_rating_basis_points": "min_rating_bp",
    "min_rating_count": "min_rating_count",
    "max_handling_hours": "max_handling_hours",
    "exclude_amazon": "exclude_amazon",
}
FILTER_LISTS = ("fulfilments", "sub_conditions", "include_seller_ids", "exclude_seller_ids")

LIMIT_FIELDS = {
    "changes_per_hour": "changes_per_hour",
    "min_change_minor": "min_change_minor",
    "max_offer_age_ms": "max_offer_age_ms",
}
STEP_LIMITS = {
    "step_limit_minor": "step_limit_minor",
    "step_limit_basis_points": "step_limit_bp",
}

KIND_FIELDS = {
    "buy_box": {
        "step_minor": "step_minor",
        "hold_ms": "hold_ms",
        "cooldown_ms": "cooldown_ms",
        "share_target_basis_points": "share_target_bp",
        "min_samples": "min_samples",
        "max_probe_basis_points": "max_probe_bp",
        "reanchor_basis_points": "reanchor_bp",
        "live_wait_ms": "live_wait_ms",
        "verdict_wait_ms": "verdict_wait_ms",
        "retry_ms": "retry_ms",
        "max_reemits": "max_reemits",
        "max_rejections": "max_rejections",
        "evidence_max_age_ms": "evidence_max_age_ms",
        "ignore_unfiltered_winner": "ignore_unfiltered_winner",
    },
    "match": {"stay_below_next_minor": "stay_below_next_minor"},
    "fixed": {"price_minor": "fixed_minor"},
    "position": {"position": "position"},
    "push": {
        "start_price_minor": "start_minor",
        "period_ms": "period_ms",
        "keep_buy_box": "keep_buy_box",
        "cooldown_ms": "cooldown_ms",
        "restart": "restart",
    },
    "follow": {
        "quorum": "quorum",
        "b2c_price": "follow_b2c",
        "max_age_ms": "follow_max_age_ms",
        "grace_ms": "follow_grace_ms",
    },
    "daily_push": {"start_price_minor": "start_minor", "keep_buy_box": "keep_buy_box"},
}
OFFSET_FIELDS = ("offset_amazon_fulfilled", "offset_merchant_fulfilled", "offset_amazon")
"""In the order of StrategyDefinition.offsets."""

SCENARIOS = {
    "alone": Alone.RAISE,
    "suppressed": Suppressed.COMPETITIVE_PRICE,
    "below_floor": BelowFloor.FLOOR,
}
"""What an unspecified scenario means."""


def picked(message: Any, fields: dict[str, str]) -> dict[str, Any]:
    """Fields of a message by their names in the definition."""
    return {ours: getattr(message, theirs) for theirs, ours in fields.items()}


def fill(message: Any, definition: Any, fields: dict[str, str]) -> None:
    """The same the other way."""
    for theirs, ours in fields.items():
        setattr(message, theirs, getattr(definition, ours))


def strategy_definition(message: catalog_pb2.Strategy) -> StrategyDefinition:
    """Definition as the caller stated it, unchecked; zeros mean the defaults."""
    kind = message.WhichOneof("kind")
    fields = {name: getattr(message, name) for name in TOP_FIELDS}
    fields["kind"] = int(KINDS[kind]) if kind else 0
    fields["filter"] = filter_definition(message.filter)
    fields |= picked(message.limits, LIMIT_FIELDS) | picked(message.limits, STEP_LIMITS)
    for name, default in SCENARIOS.items():
        fields[name] = getattr(message.scenarios, name) or int(default)
    fields["direction"] = message.limits.direction or int(Direction.BOTH)
    fields["ending_digits"] = message.limits.endings.digits
    fields["endings"] = tuple(message.limits.endings.endings)
    fields |= schedule_fields(message.schedule)
    fields["stock_rules"] = tuple(stock_rule(each) for each in message.stock_rules)
    fields["standalone_minor"] = message.scenarios.standalone_price_minor
    if kind:
        fields |= picked(getattr(message, kind), KIND_FIELDS[kind])
    if kind in ("buy_box", "match"):
        fields["offsets"] = offsets_definition(getattr(message, kind))
    if kind == "match":
        fields |= match_fields(message.match)
    if kind in ("push", "daily_push"):
        fields |= push_fields(getattr(message, kind))
    if kind == "follow":
        fields |= follow_fields(message.follow)
        if message.follow.HasField("offset"):  # It stands where a merchant's would.
            fields["offsets"] = (None, offset_definition(message.follow.offset), None)
    if kind == "position":
        fields["tie"] = message.position.tie or int(Tie.AHEAD)
        if message.position.HasField("gap"):
            fields["gap"] = offset_definition(message.position.gap)
    return StrategyDefinition(**fields)


def filter_definition(message: catalog_pb2.CompetitorFilter) -> Filter:
    """Filter as the caller stated it."""
    fields = picked(message, FILTER_FIELDS)
    fields |= {name: tuple(getattr(message, name)) for name in FILTER_LISTS}
    return Filter(**fields)


def offsets_definition(message: Any) -> tuple[Offset | None, ...]:
    """Offsets by class; None where one is absent. Without a distance an offset is "equal"."""
    return tuple(
        offset_definition(getattr(message, name)) if message.HasField(name) else None
        for name in OFFSET_FIELDS
    )


def offset_definition(message: catalog_pb2.Offset) -> Offset:
    """One distance."""
    return Offset(message.amount_minor, message.basis_points)


def stock_rule(message: catalog_pb2.StockRule) -> StockRule:
    """One rule; 0 for a measure that is not said."""
    measure = message.WhichOneof("when")
    return StockRule(
        int(StockMeasure[measure.upper()]) if measure else 0,
        getattr(message, measure) if measure else 0,
        message.raise_floor_basis_points,
        message.lower_ceiling_basis_points,
    )


def fill_stock_rules(message: catalog_pb2.Strategy, definition: StrategyDefinition) -> None:
    """The same the other way."""
    for rule in definition.stock_rules:
        row = message.stock_rules.add()
        setattr(row, StockMeasure(rule.measure).name.lower(), rule.number)
        if rule.lower_ceiling_bp:
            row.lower_ceiling_basis_points = rule.lower_ceiling_bp
        else:
            row.raise_floor_basis_points = rule.raise_floor_bp


def match_fields(message: catalog_pb2.MatchStrategy) -> dict[str, Any]:
    """What only MATCH has."""
    return {
        "targets": tuple(message.targets),
        "target_seller_ids": tuple(message.target_seller_ids),
        "when_winning": message.when_winning or int(WhenWinning.FOLLOW),
    }


def strategy_message(definition: StrategyDefinition) -> catalog_pb2.Strategy:
    """Message of a definition that the engine has taken."""
    message = catalog_pb2.Strategy()
    fill(message, definition, {name: name for name in TOP_FIELDS})
    fill(message.filter, definition.filter, FILTER_FIELDS)
    for name in FILTER_LISTS:
        getattr(message.filter, name).extend(getattr(definition.filter, name))
    fill(message.scenarios, definition, {name: name for name in SCENARIOS})
    message.scenarios.standalone_price_minor = definition.standalone_minor
    fill(message.limits, definition, LIMIT_FIELDS)
    for theirs, ours in STEP_LIMITS.items():
        if getattr(definition, ours):
            setattr(message.limits, theirs, getattr(definition, ours))
    message.limits.direction = definition.direction  # type: ignore[assignment]
    if definition.endings or definition.ending_digits:
        message.limits.endings.digits = definition.ending_digits
        message.limits.endings.endings.extend(definition.endings)
    if definition.time_zone or definition.calendar:
        fill_schedule(message.schedule, definition)
    fill_stock_rules(message, definition)
    fill_kind(message, definition)
    return message


def fill_kind(message: catalog_pb2.Strategy, definition: StrategyDefinition) -> None:
    """The part of the message that its kind decides."""
    name = KIND_NAMES[StrategyKind(definition.kind)]
    part = getattr(message, name)
    part.SetInParent()
    fill(part, definition, KIND_FIELDS[name])
    if name in ("push", "daily_push"):
        fill_push(part, definition)
    if name == "follow":
        fill_follow(part, definition)
        if definition.offsets[1] is not None:
            fill_offset(part.offset, definition.offsets[1])
    if name == "position":
        part.tie = definition.tie
        if definition.gap is not None:
            fill_offset(part.gap, definition.gap)
    if name not in ("buy_box", "match"):
        return
    for field, offset in zip(OFFSET_FIELDS, definition.offsets, strict=True):
        if offset is not None:
            fill_offset(getattr(part, field), offset)
    if name == "match":
        part.targets.extend(definition.targets)
        part.target_seller_ids.extend(definition.target_seller_ids)
        part.when_winning = definition.when_winning


def fill_offset(message: catalog_pb2.Offset, offset: Offset) -> None:
    """One distance; zero is stated too, because an absent offset means the default."""
    if offset.basis_points:
        message.basis_points = offset.basis_points
    else:
        message.amount_minor = offset.amount_minor
