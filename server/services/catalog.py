"""CatalogService: sellers, strategies and listings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import numpy as np

from engine.catalog import Catalog
from engine.columns import Address
from engine.errors import InputError, NotFoundError
from engine.pipeline import Engine
from engine.resolve import describe
from engine.schema import InputKind, RowFlag
from engine.scope import Scope, inside
from repriced.v1 import catalog_pb2, fees_pb2
from server.services.calls import Core, Handlers, mutation, reading
from server.services.erasing import erase_seller
from server.services.export import SellerExport
from server.services.pages import page_size, page_start, page_token
from server.wire import key_definition, listing_state_message, seller_message, strategy_message
from server.wire.bounds import exchange_rate_message, fee_schedule_message

NAME = "repriced.v1.CatalogService"
READ_ROWS = 50
"""Listings turned into messages in one turn on the writer."""
SCAN_ROWS = 50_000
"""Rows looked at in one turn on the writer."""


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    reads = CatalogReads(core)
    return {
        "BatchUpsertSellers": mutation(core, InputKind.SELLERS),
        "BatchUpsertStrategies": mutation(core, InputKind.STRATEGIES),
        "BatchUpsertFeeSchedules": mutation(core, InputKind.FEE_SCHEDULES),
        "ReportFeePreviews": mutation(core, InputKind.FEE_PREVIEWS),
        "BatchUpsertExchangeRates": mutation(core, InputKind.EXCHANGE_RATES),
        "BatchUpsertListings": mutation(core, InputKind.LISTINGS),
        "BatchDeleteListings": mutation(core, InputKind.DELETE),
        "EraseSeller": grpc.unary_unary_rpc_method_handler(partial(erase_seller, core)),
        "ExportSeller": grpc.unary_stream_rpc_method_handler(SellerExport(core).stream),
        "ListSellers": reading(core, catalog_pb2.ListSellersRequest, reads.list_sellers),
        "ListStrategies": reading(core, catalog_pb2.ListStrategiesRequest, reads.list_strategies),
        "ListFeeSchedules": reading(
            core, fees_pb2.ListFeeSchedulesRequest, reads.list_fee_schedules
        ),
        "ListExchangeRates": reading(
            core, fees_pb2.ListExchangeRatesRequest, reads.list_exchange_rates
        ),
        "GetListing": reading(core, catalog_pb2.GetListingRequest, reads.get_listing),
        "ListListings": reading(core, catalog_pb2.ListListingsRequest, reads.list_listings),
    }


def listing_address(request: Any) -> Address:
    """How a request names its listing. Raises InputError."""
    which = request.WhichOneof("listing")
    if which == "listing_id" and request.listing_id:
        return int(request.listing_id)
    if which == "key":
        return key_definition(request.key)
    raise InputError(
        "listing is missing; allowed: listing_id above 0, or key",
        reason="LISTING_MISSING",
        field="listing",
    )


def find_listing(catalog: Catalog, address: Address, scope: Scope) -> int:
    """Id of a listing inside the scope. Raises NotFoundError."""
    found = catalog.find(address, scope)
    if not found:
        raise NotFoundError(
            f"listing: {describe(address)} is not known", reason="UNKNOWN_LISTING", field="listing"
        )
    return found[0]


class CatalogReads:
    """The reading calls."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list_sellers(self, request: Any) -> catalog_pb2.ListSellersResponse:
        """Sellers in the order in which they were created."""
        size = page_size(request.page_size)
        start = page_start("sellers", request.page_token, 0)
        scope = self._core.scope
        sellers = self._core.read(lambda engine: engine.catalog.sellers[start:])
        found = [
            (at, each)
            for at, each in enumerate(sellers, start)
            if each.seller_id and inside(scope, each.seller_id)
        ]
        more = len(found) > size
        return catalog_pb2.ListSellersResponse(
            sellers=[seller_message(each) for _, each in found[:size]],
            next_page_token=page_token("sellers", found[size][0]) if more else "",
        )

    def list_strategies(self, request: Any) -> catalog_pb2.ListStrategiesResponse:
        """Strategies of a seller, or of all."""
        wanted = request.seller_id
        query = f"strategies of {wanted}"
        size = page_size(request.page_size)
        start = page_start(query, request.page_token, 1)
        scope = self._core.scope
        strategies = self._core.read(lambda engine: engine.catalog.strategies[start:])
        found = [
            (at, each)
            for at, each in enumerate(strategies, start)
            if each.seller_id and wanted in ("", each.seller_id) and inside(scope, each.seller_id)
        ]
        more = len(found) > size
        return catalog_pb2.ListStrategiesResponse(
            strategies=[strategy_message(each) for _, each in found[:size]],
            next_page_token=page_token(query, found[size][0]) if more else "",
        )

    def list_fee_schedules(self, request: Any) -> fees_pb2.ListFeeSchedulesResponse:
        """Fee schedules of a seller, or of all, in the order in which they were created."""
        found, token = self._of_a_seller(
            request, "fee schedules", lambda engine: engine.state.bounds.schedules
        )
        return fees_pb2.ListFeeSchedulesResponse(
            fee_schedules=[fee_schedule_message(each) for each in found], next_page_token=token
        )

    def list_exchange_rates(self, request: Any) -> fees_pb2.ListExchangeRatesResponse:
        """Exchange rates of a seller, or of all, in the order in which they were created."""
        found, token = self._of_a_seller(
            request, "exchange rates", lambda engine: engine.state.bounds.rates.pairs
        )
        return fees_pb2.ListExchangeRatesResponse(
            exchange_rates=[exchange_rate_message(each) for each in found], next_page_token=token
        )

    def _of_a_seller(
        self, request: Any, what: str, table: Callable[[Engine], dict[Any, Any]]
    ) -> tuple[list[Any], str]:
        """A page of definitions of a seller, or of all, and the token of the next one."""
        wanted = request.seller_id
        query = f"{what} of {wanted}"
        size = page_size(request.page_size)
        start = page_start(query, request.page_token, 0)
        scope = self._core.scope
        every = self._core.read(lambda engine: list(table(engine).values()))
        found = [
            (at, each)
            for at, each in enumerate(every[start:], start)
            if wanted in ("", each.seller_id) and inside(scope, each.seller_id)
        ]
        token = page_token(query, found[size][0]) if len(found) > size else ""
        return [each for _, each in found[:size]], token

    def get_listing(self, request: Any) -> catalog_pb2.GetListingResponse:
        """One listing and its state."""
        address, scope = listing_address(request), self._core.scope
        state = self._core.read(
            lambda engine: listing_state_message(
                engine.state, find_listing(engine.catalog, address, scope)
            )
        )
        return catalog_pb2.GetListingResponse(listing=state)

    def list_listings(self, request: Any) -> catalog_pb2.ListListingsResponse:
        """Listings of a seller, or of all, in the order of their ids."""
        wanted = request.seller_id
        query = f"listings of {wanted} {request.only_proposed}"
        size = page_size(request.page_size)
        at = page_start(query, request.page_token, 1)
        scope = self._core.scope
        found: list[catalog_pb2.ListingState] = []
        more = True
        while more and len(found) < size:
            part = min(READ_ROWS, size - len(found))
            look = partial(
                listing_part, seller_id=wanted, only_proposed=request.only_proposed, scope=scope,
                start=at, limit=part,
            )  # fmt: skip
            states, at, more = self._core.read(look)
            found.extend(states)
        return catalog_pb2.ListListingsResponse(
            listings=found, next_page_token=page_token(query, at) if more else ""
        )


def listing_part(
    engine: Engine, seller_id: str, only_proposed: bool, scope: Scope, start: int, limit: int
) -> tuple[list[catalog_pb2.ListingState], int, bool]:
    """At most `limit` listings from an id on; where to go on, and whether there is more."""
    catalog = engine.catalog
    last = max(start, min(catalog.count, start + SCAN_ROWS))
    wanted = (catalog.rows["flags"][start:last] & np.uint16(RowFlag.ACTIVE)) != 0
    sellers = catalog.records["seller"][start:last]
    if seller_id:
        wanted &= sellers == catalog.seller_at.get(seller_id, -1)
    if scope is not None:
        wanted &= np.isin(sellers, [catalog.seller_at.get(each, -1) for each in scope])
    if only_proposed:
        wanted &= np.isin(np.arange(start, last), list(engine.state.bounds.proposed))
    ids = np.flatnonzero(wanted) + start
    if len(ids) > limit:
        ids, last = ids[:limit], int(ids[limit])
    states = [listing_state_message(engine.state, each) for each in ids.tolist()]
    return states, last, last < catalog.count
