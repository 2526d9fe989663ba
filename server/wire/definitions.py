"""Definitions of sellers and listings, both ways, and the requests that upsert them.

Values are not checked here: the engine does that, once, where it takes a definition.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from engine.columns import DefinitionBatch, ListingDefinition, ListingKey, SellerDefinition
from engine.promotions import Promotion
from engine.schema import Audience
from engine.tiers import Tier
from repriced.v1 import catalog_pb2, fees_pb2, types_pb2
from server.wire.bounds import (
    computed_bounds_definition,
    computed_bounds_message,
    exchange_rate_definition,
    fee_schedule_definition,
)
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.strategies import strategy_definition

UNUSABLE = -1
"""In place of a floor of zero, which the engine refuses."""


def seller_definition(message: catalog_pb2.Seller) -> SellerDefinition:
    """Definition as the caller stated it."""
    dry_run = message.dry_run if message.HasField("dry_run") else None
    return SellerDefinition(message.seller_id, message.account_group, dry_run)


def seller_message(definition: SellerDefinition) -> catalog_pb2.Seller:
    """The same as a message."""
    return catalog_pb2.Seller(
        seller_id=definition.seller_id,
        account_group=definition.account_group,
        dry_run=definition.dry_run,
    )


def key_definition(message: types_pb2.ListingKey) -> ListingKey:
    """Key as the caller stated it, B2C where no audience is said."""
    return ListingKey(
        message.seller_id,
        message.marketplace_id,
        message.sku,
        message.audience or int(Audience.B2C),
    )


def key_message(key: ListingKey) -> types_pb2.ListingKey:
    """The same as a message."""
    fields: dict[str, Any] = key._asdict()
    return types_pb2.ListingKey(**fields)


def listing_definition(message: catalog_pb2.Listing) -> ListingDefinition:
    """Definition as the caller stated it; an absent bound is None."""
    return ListingDefinition(
        key=key_definition(message.key),
        asin=message.asin,
        condition=message.condition,
        fulfilment=message.fulfilment,
        currency=message.currency,
        floor_minor=message.floor_minor if message.HasField("floor_minor") else None,
        ceiling_minor=message.ceiling_minor if message.HasField("ceiling_minor") else None,
        shipping_minor=message.shipping_minor,
        points_minor=message.points_minor,
        points_bp=message.points_basis_points,
        strategy_id=message.strategy_id,
        price_minor=message.price_minor,
        cost_minor=message.cost_minor if message.HasField("cost_minor") else None,
        map_minor=message.map_minor,
        computed_bounds=computed_bounds_definition(message),
        tiers=tuple(
            Tier(each.quantity, each.price_minor, each.discount_basis_points)
            for each in message.quantity_tiers
        ),
        promotions=tuple(promotion_definition(each) for each in message.promotions),
        propose_bounds=message.propose_bounds,
        cost_currency=message.cost_currency,
    )


def promotion_definition(message: catalog_pb2.Promotion) -> Promotion:
    """One promotion; without bounds it holds the price."""
    bounds = message.bounds if message.HasField("bounds") else None
    if bounds is None:
        return Promotion(message.name, message.begin_ms, message.end_ms)
    floor = bounds.floor_minor or UNUSABLE  # Bounds that are given are never a hold.
    return Promotion(message.name, message.begin_ms, message.end_ms, floor, bounds.ceiling_minor)


def fill_promotion(message: catalog_pb2.Promotion, definition: Promotion) -> None:
    """The same the other way."""
    message.name = definition.name
    message.begin_ms, message.end_ms = definition.begin_ms, definition.end_ms
    if definition.floor_minor:
        message.bounds.floor_minor = definition.floor_minor
        message.bounds.ceiling_minor = definition.ceiling_minor
    else:
        message.hold.SetInParent()


def listing_message(definition: ListingDefinition) -> catalog_pb2.Listing:
    """The same as a message."""
    enums: dict[str, Any] = {
        "condition": definition.condition,
        "fulfilment": definition.fulfilment,
    }
    message = catalog_pb2.Listing(
        key=key_message(definition.key),
        asin=definition.asin,
        currency=definition.currency,
        floor_minor=definition.floor_minor,
        ceiling_minor=definition.ceiling_minor,
        shipping_minor=definition.shipping_minor,
        strategy_id=definition.strategy_id,
        price_minor=definition.price_minor,
        cost_minor=definition.cost_minor,
        map_minor=definition.map_minor,
        computed_bounds=computed_bounds_message(definition.computed_bounds),
        propose_bounds=definition.propose_bounds,
        cost_currency=definition.cost_currency,
        **enums,
    )
    if definition.points_minor:
        message.points_minor = definition.points_minor
    if definition.points_bp:
        message.points_basis_points = definition.points_bp
    for promotion in definition.promotions:
        fill_promotion(message.promotions.add(), promotion)
    for tier in definition.tiers:
        row = message.quantity_tiers.add(quantity=tier.quantity)
        if tier.discount_bp:
            row.discount_basis_points = tier.discount_bp
        else:
            row.price_minor = tier.price_minor
    return message


def decode_definitions(
    request_type: Any,
    field: str,
    convert: Callable[[Any], Any],
    payload: bytes,
    limits: WireLimits,
) -> DefinitionBatch[Any]:
    """Batch of an upsert request. Raises InputError."""
    request = parse(request_type, payload, limits)
    request_id = request_id_of(request.request_id)
    rows = getattr(request, field)
    check_count(field, len(rows), "max_definitions_per_call", limits)
    definitions = [(index, convert(message)) for index, message in enumerate(rows)]
    return DefinitionBatch(request_id, len(rows), definitions)


decode_sellers = partial(
    decode_definitions, catalog_pb2.BatchUpsertSellersRequest, "sellers", seller_definition
)
decode_strategies = partial(
    decode_definitions, catalog_pb2.BatchUpsertStrategiesRequest, "strategies", strategy_definition
)
decode_fee_schedules = partial(
    decode_definitions,
    fees_pb2.BatchUpsertFeeSchedulesRequest,
    "fee_schedules",
    fee_schedule_definition,
)
decode_exchange_rates = partial(
    decode_definitions,
    fees_pb2.BatchUpsertExchangeRatesRequest,
    "exchange_rates",
    exchange_rate_definition,
)
decode_listings = partial(
    decode_definitions, catalog_pb2.BatchUpsertListingsRequest, "listings", listing_definition
)
