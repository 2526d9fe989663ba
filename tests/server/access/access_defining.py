"""Calls that define something of a seller."""

from __future__ import annotations

from typing import Any

from repriced.v1 import catalog_pb2, fees_pb2
from tests.server.conftest import Running, request_id


def upsert_sellers(server: Running, seller_id: str) -> Any:
    """Defines a seller."""
    request = catalog_pb2.BatchUpsertSellersRequest(
        request_id=request_id(), sellers=[catalog_pb2.Seller(seller_id=seller_id)]
    )
    return server.catalog.BatchUpsertSellers(request)


def upsert_strategies(server: Running, seller_id: str) -> Any:
    """Defines a strategy, of another kind than B's, which B's listings use."""
    strategy = catalog_pb2.Strategy(
        seller_id=seller_id, strategy_id="own", currency="JPY", fixed={"price_minor": 5}
    )
    return server.catalog.BatchUpsertStrategies(
        catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
    )


def upsert_fee_schedules(server: Running, seller_id: str) -> Any:
    """Defines a fee schedule."""
    own = {"seller_id": seller_id, "fee_schedule_id": "own", "currency": "JPY"}
    made = fees_pb2.FeeSchedule(**own, referral_tiers=[{"rate_basis_points": 800}])
    return server.catalog.BatchUpsertFeeSchedules(
        fees_pb2.BatchUpsertFeeSchedulesRequest(request_id=request_id(), fee_schedules=[made])
    )


def upsert_exchange_rates(server: Running, seller_id: str) -> Any:
    """Defines an exchange rate."""
    own = {"seller_id": seller_id, "from_currency": "CNY", "to_currency": "JPY"}
    made = fees_pb2.ExchangeRate(**own, rate_billionths=20_000_000_000, day="2026-11-25")
    return server.catalog.BatchUpsertExchangeRates(
        fees_pb2.BatchUpsertExchangeRatesRequest(request_id=request_id(), exchange_rates=[made])
    )
