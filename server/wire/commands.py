"""Stock levels, pauses and deletions: bytes to batches that only name listings."""

from __future__ import annotations

from functools import partial
from typing import Any

from engine.columns import EraseBatch, RefBatch, StockBatch
from engine.errors import InputError
from repriced.v1 import catalog_pb2, pricing_pb2
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.rows import RowFault, address_of, event_time


def decode_stock(payload: bytes, limits: WireLimits) -> StockBatch:
    """Batch of a ReportStockRequest. Raises InputError."""
    request = parse(pricing_pb2.ReportStockRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    check_count("levels", request.levels, "max_rows_per_call", limits)
    batch = StockBatch(request_id, len(request.levels), [], [], [], [])
    for index, level in enumerate(request.levels):
        try:
            address, event_ms = address_of(level), event_time(level)
        except RowFault as fault:
            batch.problems.append(fault.problem(index))
            continue
        batch.indices.append(index)
        batch.addresses.append(address)
        batch.quantities.append(level.quantity)
        batch.event_ms.append(event_ms)
    return batch


def decode_refs(request_type: Any, payload: bytes, limits: WireLimits) -> RefBatch:
    """Batch of a request that names listings and nothing else. Raises InputError."""
    request = parse(request_type, payload, limits)
    request_id = request_id_of(request.request_id)
    check_count("listings", request.listings, "max_rows_per_call", limits)
    batch = RefBatch(request_id, len(request.listings), [], [])
    for index, ref in enumerate(request.listings):
        try:
            address = address_of(ref)
        except RowFault as fault:
            batch.problems.append(fault.problem(index))
            continue
        batch.indices.append(index)
        batch.addresses.append(address)
    return batch


def decode_erase(payload: bytes, limits: WireLimits) -> EraseBatch:
    """Batch of an EraseSellerRequest. Raises InputError."""
    request = parse(catalog_pb2.EraseSellerRequest, payload, limits)
    return EraseBatch(request_id_of(request.request_id), seller_id_of(request))


def seller_id_of(request: Any) -> str:
    """The seller that a request is about. Raises InputError, SELLER_ID_MISSING."""
    if not request.seller_id.strip():
        raise InputError(
            "seller_id is missing; allowed: the marketplace's id of a seller",
            reason="SELLER_ID_MISSING",
            field="seller_id",
        )
    return str(request.seller_id)


decode_delete = partial(decode_refs, catalog_pb2.BatchDeleteListingsRequest)
decode_pause = partial(decode_refs, pricing_pb2.PauseRepricingRequest)
decode_resume = partial(decode_refs, pricing_pb2.ResumeRepricingRequest)
