"""A data directory that holds two sellers in every store: engine, claims and access file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from engine.claims import audit
from engine.claims.imports import import_paths
from engine.claims.lifecycle import Ledger
from engine.claims.store import Store as ClaimsStore
from engine.insights.history import Answered
from engine.insights.notices import RAISE, NoticeKind
from repriced.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    fees_pb2,
    pricing_pb2,
    pricing_pb2_grpc,
    types_pb2,
)
from server.access.caller import UNLIMITED, Caller, Role
from server.access.store import Store
from server.app import App
from server.config import Config, parse

GONE, STAYS = "A1GOESAWAY", "A2REMAINS"
MARKETPLACE = "A1PA6795UKMFR9"
HOUR_MS = 3_600_000
SKU, DOCUMENT, ALONE = "SKU-OF-THE-LEAVING", b"invoice of the leaving", "only-of-the-leaving"
LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity\n"
)


def config_of(data: Path) -> Config:
    """Everything in one directory."""
    return parse(f"""
        [server]
        listen = "127.0.0.1:0"
        metrics_listen = "127.0.0.1:0"
        drain_seconds = 2
        [journal]
        data_directory = "{data}"
        [access]
        file = "{data}/access.sqlite3"
        [claims]
        store = "{data}/claims"
    """)


@contextmanager
def running(data: Path) -> Iterator[App]:
    """A server on the directory."""
    app = App(config_of(data))
    app.start()
    try:
        yield app
    finally:
        app.stop()


def enter(data: Path, name: str, *sellers: str) -> str:
    """Enters a caller; its token."""
    store = Store(data / "access.sqlite3")
    made = Caller(name, frozenset(Role), frozenset(sellers) or None, {}, UNLIMITED)
    token = store.create(made, "test", certificate=None)
    store.close()
    return token


@contextmanager
def calling(app: App, token: str) -> Iterator[tuple[Any, Any]]:
    """Stubs of catalogue and prices whose calls bring a token."""
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        header = (("authorization", f"Bearer {token}"),)
        yield (
            With(catalog_pb2_grpc.CatalogServiceStub(channel), header),
            With(pricing_pb2_grpc.PricingServiceStub(channel), header),
        )


class With:
    """A stub whose calls bring headers and end in time."""

    def __init__(self, stub: Any, header: Any) -> None:
        self._stub, self._header = stub, header

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._stub, name)
        return lambda request: call(request, metadata=self._header, timeout=60)


def fill(data: Path, app: App, boss: str, request_id: Any) -> None:
    """What a caller can bring of each seller: definitions, offers, sales, a stop and a pause."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    for seller in (GONE, STAYS):
        key = types_pb2.ListingKey(seller_id=seller, marketplace_id=MARKETPLACE, sku=sku_of(seller))
        with calling(app, boss) as (catalog, pricing):
            define(seller, key, catalog, request_id)
            offer = types_pb2.Offer(seller_id="A9RIVAL", item_price_minor=1000)
            offers = pricing_pb2.OfferSnapshot(
                key=key, currency="EUR", event_ms=now_ms, offers=[offer]
            )
            pricing.Reprice(pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[offers]))
            sold = pricing_pb2.SoldUnits(
                key=key,
                hour_ms=now_ms - now_ms % HOUR_MS,
                units=3,
                source=f"tills {sku_of(seller)}",
            )
            sales = pricing_pb2.ReportSalesRequest(request_id=request_id(), sales=[sold])
            assert pricing.ReportSales(sales).applied_count == 1
            stop = pricing_pb2.StopRepricingRequest(request_id=request_id())
            stop.seller_ids.extend([STAYS, seller])
            pricing.StopRepricing(stop)
            pricing.PauseRepricing(
                pricing_pb2.PauseRepricingRequest(
                    request_id=request_id(), listings=[catalog_pb2.ListingRef(key=key)]
                )
            )
        with app.history.keeping() as kept:
            note = sku_of(seller)
            kept.answer(seller, Answered(1, "TRIAL/M/EUR/B2C//1", "KEEP", "It paid.", 1, note))
            kept.db.execute(RAISE, (seller, now_ms, NoticeKind.TRIAL_DUE, f"TRIAL/{note}/1", note))
    app.looks.look(now_ms)


def define(seller: str, key: types_pb2.ListingKey, catalog: Any, request_id: Any) -> None:
    """A seller with a strategy, a fee schedule, and a listing that uses both."""
    name = f"of {sku_of(seller)}"
    told = catalog.BatchUpsertSellers(
        catalog_pb2.BatchUpsertSellersRequest(
            request_id=request_id(),
            sellers=[catalog_pb2.Seller(seller_id=seller, account_group=f"group {name}")],
        )
    )
    assert not told.errors, told
    strategy = catalog_pb2.Strategy(seller_id=seller, strategy_id=name, currency="EUR")
    strategy.buy_box.SetInParent()
    strategy.filter.exclude_seller_ids.append(f"A9FRIEND {name}")
    told = catalog.BatchUpsertStrategies(
        catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
    )
    assert not told.errors, told
    fees = fees_pb2.FeeSchedule(
        seller_id=seller, fee_schedule_id=name, currency="EUR",
        referral_tiers=[fees_pb2.ReferralTier(rate_basis_points=1500)],
    )  # fmt: skip
    told = catalog.BatchUpsertFeeSchedules(
        fees_pb2.BatchUpsertFeeSchedulesRequest(request_id=request_id(), fee_schedules=[fees])
    )
    assert not told.errors, told
    rate = fees_pb2.ExchangeRate(
        seller_id=seller, from_currency="USD", to_currency="EUR", rate_billionths=900_000_000,
        day="2026-11-25",
    )  # fmt: skip
    told = catalog.BatchUpsertExchangeRates(
        fees_pb2.BatchUpsertExchangeRatesRequest(request_id=request_id(), exchange_rates=[rate])
    )
    assert not told.errors, told
    bounds = fees_pb2.ComputedBounds(
        fee_schedule_id=name, goal=fees_pb2.ProfitGoal(amount_minor=10)
    )
    listing = catalog_pb2.Listing(
        key=key, currency="EUR", floor_minor=800, ceiling_minor=1500, asin="B000000001",
        condition=types_pb2.CONDITION_NEW, strategy_id=name, cost_minor=500, cost_currency="USD",
        computed_bounds=bounds,
    )  # fmt: skip
    told = catalog.BatchUpsertListings(
        catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=[listing])
    )
    assert not told.errors, told


def sku_of(seller: str) -> str:
    """The SKU of a seller's only listing."""
    return SKU if seller == GONE else "SKU-THAT-STAYS"


def bring_claims(data: Path) -> None:
    """A ledger with a refused row, a claim with a document, for each seller."""
    today = datetime.now(UTC).date()
    day, _ = ((today - timedelta(days=each)).strftime("%m/%d/%Y") for each in (40, 60))
    for seller in (GONE, STAYS):
        sku = sku_of(seller)
        line = f"{day},X-{sku},B1,{sku},Mug,Adjustments,R1,-2,LEJ1,SELLABLE,M,DE,0,2\n"
        file = data.parent / f"ledger-{seller}.csv"
        file.write_text(LEDGER + line + line.replace(",-2,", ",two,"))
        covers = (today - timedelta(days=90), today)
        import_paths(data / "claims", seller, [file], today, covers=covers)
        file.unlink()
    audit.run(data / "claims", today)
    with ClaimsStore(data / "claims") as store, store.writing():
        ledger = Ledger(store)
        for claim in list(ledger.all()):
            seller = claim.facts["seller_id"]
            content = DOCUMENT if seller == GONE else b"invoice of the other"
            ledger.attach(claim.claim_id, "invoice", f"{sku_of(seller)}.pdf", content * 300, today)


def traces(folder: Path, *but: str) -> list[str]:
    """Files whose name or bytes hold the seller, its SKU, its document or its caller.

    `but` are beginnings of file names that are not looked at.
    """
    words = [each.encode() for each in (GONE, SKU, ALONE)] + [DOCUMENT]
    words += [each.decode().encode("utf-16-le") for each in words]
    found = []
    for path in sorted(folder.rglob("*")):
        if path.parent == folder and path.name.startswith(but):
            continue
        raw = str(path.relative_to(folder)).encode()
        if path.is_file():
            raw += path.read_bytes()
        if any(each in raw for each in words):
            found.append(str(path.relative_to(folder)))
    return found


def die(data: Path, token: str, module: str, name: str) -> None:
    """Serves, and is killed when the erasing of GONE comes to a function."""
    import os
    import signal
    import uuid
    from importlib import import_module

    def kill(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    owner: Any = import_module(module)
    *parts, last = name.split(".")
    for part in parts:
        owner = getattr(owner, part)
    with running(data) as app, calling(app, token) as (catalog, _):
        setattr(owner, last, kill)
        catalog.EraseSeller(
            catalog_pb2.EraseSellerRequest(request_id=str(uuid.uuid4()), seller_id=GONE)
        )


if __name__ == "__main__":
    die(Path(sys.argv[1]), *sys.argv[2:])
