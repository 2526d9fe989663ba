"""Stock levels, sales, fee previews, pauses, deletions: bytes to batches that name listings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from engine.columns import (
    Address,
    EraseBatch,
    FeePreviewBatch,
    RefBatch,
    SalesBatch,
    StockBatch,
)
from engine.errors import InputError, RowProblem
from engine.stock import AGE_UNKNOWN
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2
from server.wire.bounds import preview_definition
from server.wire.limits import WireLimits, check_count, parse, request_id_of
from server.wire.rows import RowFault, address_of, event_time

T = TypeVar("T")


def decode_stock(payload: bytes, limits: WireLimits) -> StockBatch:
    """Batch of a ReportStockRequest. Raises InputError."""
    request = parse(pricing_pb2.ReportStockRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    check_count("levels", len(request.levels), "max_rows_per_call", limits)
    good: list[tuple[int, Address, int, int, int]] = []
    problems: list[RowProblem] = []
    for index, level in enumerate(request.levels):
        try:
            address, event_ms = read_level(level)
        except RowFault as fault:
            problems.append(fault.problem(index))
            continue
        age = level.age_days if level.HasField("age_days") else AGE_UNKNOWN
        good.append((index, address, level.quantity, event_ms, age))
    return StockBatch(
        request_id=request_id,
        row_count=len(request.levels),
        indices=np.array([each[0] for each in good], np.uint32),
        addresses=[each[1] for each in good],
        quantities=np.array([each[2] for each in good], np.uint32),
        event_ms=np.array([each[3] for each in good], np.int64),
        ages=np.array([each[4] for each in good], np.uint32),
        problems=problems,
    )


def read_level(level: pricing_pb2.StockLevel) -> tuple[Address, int]:
    """Address and event time of a stock level. Raises RowFault."""
    return address_of(level), event_time(level)


def named_rows(
    rows: Iterable[T], problems: list[RowProblem]
) -> tuple[list[int], list[Address], list[T]]:
    """Places and addresses of the rows that name a listing, and these rows; what is wrong with the
    others is added to the problems."""
    indices: list[int] = []
    addresses: list[Address] = []
    named: list[T] = []
    for index, row in enumerate(rows):
        try:
            addresses.append(address_of(row))
        except RowFault as fault:
            problems.append(fault.problem(index))
            continue
        indices.append(index)
        named.append(row)
    return indices, addresses, named


def decode_sales(payload: bytes, limits: WireLimits) -> SalesBatch:
    """Batch of a ReportSalesRequest. Raises InputError."""
    request = parse(pricing_pb2.ReportSalesRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    count, problems = len(request.sales), list[RowProblem]()
    check_count("sales", count, "max_rows_per_call", limits)
    indices, addresses, named = named_rows(request.sales, problems)
    sold = [(each.source, each.hour_ms, each.units) for each in named]
    return SalesBatch(request_id, count, indices, addresses, sold, problems)


def decode_fee_previews(payload: bytes, limits: WireLimits) -> FeePreviewBatch:
    """Batch of a ReportFeePreviewsRequest. Raises InputError."""
    request = parse(fees_pb2.ReportFeePreviewsRequest, payload, limits)
    request_id = request_id_of(request.request_id)
    count, problems = len(request.previews), list[RowProblem]()
    check_count("previews", count, "max_rows_per_call", limits)
    indices, addresses, named = named_rows(request.previews, problems)
    previews = [preview_definition(each) for each in named]
    return FeePreviewBatch(request_id, count, indices, addresses, previews, problems)


def decode_refs(request_type: Any, payload: bytes, limits: WireLimits) -> RefBatch:
    """Batch of a request that names listings and nothing else. Raises InputError."""
    request = parse(request_type, payload, limits)
    request_id = request_id_of(request.request_id)
    count, problems = len(request.listings), list[RowProblem]()
    check_count("listings", count, "max_rows_per_call", limits)
    indices, addresses, _ = named_rows(request.listings, problems)
    return RefBatch(request_id, count, indices, addresses, problems)


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
