"""CatalogService: sellers, strategies and listings."""

from __future__ import annotations

from typing import Any

import grpc

from engine.catalog import Catalog
from engine.columns import Address
from engine.errors import InputError, NotFoundError
from engine.resolve import describe
from engine.schema import InputKind, RowFlag
from repriced.v1 import catalog_pb2
from server.services.calls import Core, Handlers, mutation, reading
from server.services.pages import page_size, page_start
from server.wire import key_definition, listing_state_message, seller_message, strategy_message

NAME = "repriced.v1.CatalogService"


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    reads = CatalogReads(core)
    return {
        "BatchUpsertSellers": mutation(core, InputKind.SELLERS),
        "BatchUpsertStrategies": mutation(core, InputKind.STRATEGIES),
        "BatchUpsertListings": mutation(core, InputKind.LISTINGS),
        "BatchDeleteListings": mutation(core, InputKind.DELETE),
        "ListSellers": reading(reads.list_sellers, catalog_pb2.ListSellersRequest),
        "ListStrategies": reading(reads.list_strategies, catalog_pb2.ListStrategiesRequest),
        "GetListing": reading(reads.get_listing, catalog_pb2.GetListingRequest),
        "ListListings": reading(reads.list_listings, catalog_pb2.ListListingsRequest),
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


def find_listing(catalog: Catalog, address: Address) -> int:
    """Id of a listing. Raises NotFoundError."""
    found = catalog.find(address)
    if not found:
        raise NotFoundError(
            f"listing: {describe(address)} is not known", reason="UNKNOWN_LISTING", field="listing"
        )
    return found[0]


class CatalogReads:
    """The reading calls."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list_sellers(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Sellers in the order in which they were created."""
        size, start = page_size(request.page_size), page_start(request.page_token, 0)
        sellers = self._core.writer.read(
            lambda engine: engine.catalog.sellers[start : start + size]
        )
        return catalog_pb2.ListSellersResponse(
            sellers=[seller_message(each) for each in sellers],
            next_page_token=str(start + size) if len(sellers) == size else "",
        )

    def list_strategies(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Strategies of a seller, or of all."""
        size, start = page_size(request.page_size), page_start(request.page_token, 1)
        wanted = request.seller_id
        strategies = self._core.writer.read(lambda engine: list(engine.catalog.strategies))
        found: list[Any] = []
        at = start
        while at < len(strategies) and len(found) < size:
            if not wanted or strategies[at].seller_id == wanted:
                found.append(strategy_message(strategies[at]))
            at += 1
        return catalog_pb2.ListStrategiesResponse(
            strategies=found, next_page_token=str(at) if at < len(strategies) else ""
        )

    def get_listing(self, request: Any, _: grpc.ServicerContext) -> Any:
        """One listing and its state."""
        address = listing_address(request)
        state = self._core.writer.read(
            lambda engine: listing_state_message(
                engine.catalog, find_listing(engine.catalog, address)
            )
        )
        return catalog_pb2.GetListingResponse(listing=state)

    def list_listings(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Listings of a seller, or of all, in the order of their ids."""
        size, start = page_size(request.page_size), page_start(request.page_token, 1)
        return self._core.writer.read(
            lambda engine: listing_page(engine.catalog, request.seller_id, start, size)
        )


def listing_page(catalog: Catalog, seller_id: str, start: int, size: int) -> Any:
    """One page; it looks at a bounded number of rows, so a page can be short."""
    found: list[Any] = []
    at, last = start, min(catalog.count, start + 50 * size)
    wanted = catalog.seller_at.get(seller_id, -1)
    while at < last and len(found) < size:
        live = int(catalog.rows["flags"][at]) & RowFlag.ACTIVE
        if live and (not seller_id or int(catalog.records["seller"][at]) == wanted):
            found.append(listing_state_message(catalog, at))
        at += 1
    return catalog_pb2.ListListingsResponse(
        listings=found, next_page_token=str(at) if at < catalog.count else ""
    )
