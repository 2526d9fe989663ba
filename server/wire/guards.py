"""Requests to the guards, and what they hold and tell, as messages."""

from __future__ import annotations

from typing import Any

from engine.catalog import Catalog
from engine.columns import HoldBatch, RestoreBatch, StopBatch
from engine.errors import InputError
from engine.guards import Event
from engine.guards.holds import Hold
from engine.guards.state import Guards
from repriced.v1 import event_pb2, pricing_pb2
from server.wire.definitions import key_message
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.rows import RowFault, address_of, shown


def decode_stop(request_type: Any, payload: bytes, limits: WireLimits) -> StopBatch:
    """Batch of a StopRepricingRequest or RestartRepricingRequest. Raises InputError."""
    request = parse(request_type, payload, limits)
    batch = StopBatch(
        request_id_of(request.request_id),
        len(request.listings) + len(request.seller_ids) + int(request.everything),
        request.everything, list(request.seller_ids), [], [],
    )  # fmt: skip
    if not (request.everything or request.seller_ids or request.listings):
        raise InputError(
            "nothing is named; allowed: everything, seller_ids or listings",
            reason="EMPTY_BATCH",
            field="listings",
        )
    for name in ("seller_ids", "listings"):
        if len(getattr(request, name)):
            check_count(name, len(getattr(request, name)), "max_rows_per_call", limits)
    for index, ref in enumerate(request.listings):
        try:
            batch.addresses.append(address_of(ref))
            batch.indices.append(index)
        except RowFault as fault:
            batch.problems.append(fault.problem(index))
    return batch


def decode_holds(request_type: Any, payload: bytes, limits: WireLimits) -> HoldBatch:
    """Batch of a ReleaseHeldRequest or DiscardHeldRequest. Raises InputError."""
    request = parse(request_type, payload, limits)
    request_id = request_id_of(request.request_id)
    if request.hold_ids and request.seller_id:
        raise InputError(
            f"hold_ids has {len(request.hold_ids)} ids and seller_id is"
            f" {shown(request.seller_id)}; allowed: one of the two",
            reason="HOLDS_UNCLEAR",
            field="hold_ids",
        )
    if not request.seller_id:
        check_count("hold_ids", len(request.hold_ids), "max_rows_per_call", limits)
    return HoldBatch(
        request_id, len(request.hold_ids) or 1, list(request.hold_ids), request.seller_id,
        request.marketplace_id,
    )  # fmt: skip


def decode_restore(payload: bytes, limits: WireLimits) -> RestoreBatch:
    """Batch of a RestorePricesRequest. Raises InputError."""
    request = parse(pricing_pb2.RestorePricesRequest, payload, limits)
    return RestoreBatch(
        request_id_of(request.request_id), 1, request.seller_id, request.marketplace_id,
        request.at_ms,
    )  # fmt: skip


def hold_message(guards: Guards, catalog: Catalog, hold: Hold) -> pricing_pb2.Hold:
    """One held thing."""
    seller, marketplace = guards.watch.groups[hold.group]
    kind: Any = int(hold.kind)
    return pricing_pb2.Hold(
        hold_id=hold.hold_id,
        kind=kind,
        seller_id=catalog.sellers[seller].seller_id,
        marketplace_id=catalog.marketplaces[marketplace],
        listing_id=hold.listing_id,
        key=key_message(catalog.key_of(hold.listing_id)) if hold.listing_id else None,
        price_minor=hold.price_minor,
        floor_minor=hold.floor_minor,
        ceiling_minor=hold.ceiling_minor,
        decision_id=hold.decision_id,
        held_ms=hold.held_ms,
        why=hold.why,
    )


def event_message(event: Event) -> event_pb2.Event:
    """One event."""
    codes: dict[str, Any] = {"guard": event.guard, "kind": event.kind}
    return event_pb2.Event(
        event_id=event.event_id,
        at_ms=event.at_ms,
        message=event.message,
        seller_id=event.seller_id,
        marketplace_id=event.marketplace_id,
        listing_id=event.listing_id,
        hold_id=event.hold_id,
        **codes,
    )
