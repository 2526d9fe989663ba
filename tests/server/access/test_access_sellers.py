"""A caller of seller A against what is seller B's: every call, every way of naming it.

Each request is made twice, once naming what exists and is B's, once naming what never existed. The
answers must be the same byte for byte after the names themselves are made alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from access_defining import (
    upsert_exchange_rates,
    upsert_fee_schedules,
    upsert_sellers,
    upsert_strategies,
)
from access_guards import advised, asked, declared, events, told
from access_server import Guarded, caller, serve
from test_access_claims import BY_CLAIM
from test_access_claims import BY_SELLER as CLAIMS_BY_SELLER

from engine.schema import InputKind
from repriced.v1 import (
    catalog_pb2,
    fees_pb2,
    ingestion_pb2,
    pricing_pb2,
    types_pb2,
)
from server.access.caller import Role
from server.access.roles import ROLES
from server.wire.limits import REQUESTS
from tests.server.conftest import (
    MARKETPLACE,
    SELLER,
    Running,
    key,
    listing,
    now_ms,
    request_id,
    rival,
)
from tests.server.test_ingestion_call import offer_changed

MINE, THEIRS, NOBODY = "A1MINE", "B1THEIRS", "B9NOBODY"
ASIN = "B000000001"
EVENT_MS = now_ms() - 60_000
THEIR_ID, NO_ID = 3, 9


def definition(seller_id: str, sku: str, **fields: Any) -> catalog_pb2.Listing:
    """A listing of a seller."""
    made = listing(sku, **({"asin": ASIN} | fields))
    made.key.CopyFrom(key(sku, seller_id))
    return made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One server with a listing, a strategy, offers and a decision of each seller."""
    for server in serve(tmp_path_factory.mktemp("access")):
        everybody = server.as_caller(caller("everybody", roles=frozenset({Role.ADMIN})))
        fill(everybody)
        yield server


def fill(everybody: Running) -> None:
    """What both sellers have."""
    for seller in (MINE, THEIRS):
        strategy = catalog_pb2.Strategy(
            seller_id=seller, strategy_id="own", currency="EUR", buy_box={}
        )
        everybody.catalog.BatchUpsertStrategies(
            catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[strategy])
        )
        made = everybody.upsert(
            definition(seller, "SKU", strategy_id="own"), definition(seller, "GONE")
        )
        assert not made.errors
        slip = everybody.upsert(definition(seller, "GONE", floor_minor=1))
        assert [each.reason for each in slip.warnings] == ["BOUNDS_HELD"]
        held = everybody.upsert(definition(seller, "SKU", strategy_id="own", floor_minor=1))
        assert [each.reason for each in held.warnings] == ["BOUNDS_HELD"]
        assert everybody.reprice(offers(key("SKU", seller))).decisions
        gone = catalog_pb2.ListingRef(key=key("GONE", seller))
        everybody.catalog.BatchDeleteListings(
            catalog_pb2.BatchDeleteListingsRequest(request_id=request_id(), listings=[gone])
        )


@pytest.fixture(scope="module")
def mine(guarded: Guarded) -> Running:
    """Seller A's caller, with every role."""
    return guarded.as_caller(caller("mine", MINE, roles=frozenset({Role.ADMIN})))


def address(name: Any) -> dict[str, Any]:
    """The oneof `listing` of a row."""
    if isinstance(name, int):
        return {"listing_id": name}
    return {"asin" if isinstance(name, types_pb2.AsinKey) else "key": name}


def offers(name: Any) -> pricing_pb2.OfferSnapshot:
    """A snapshot of a listing; the time is fixed so that both requests are alike."""
    fields = address(name) | {"currency": "EUR", "event_ms": EVENT_MS, "offers": [rival(1000)]}
    return pricing_pb2.OfferSnapshot(**fields)


def asin_of(seller_id: str) -> types_pb2.AsinKey:
    """Every listing of a seller on the ASIN."""
    return types_pb2.AsinKey(
        seller_id=seller_id, marketplace_id=MARKETPLACE, asin=ASIN, condition="CONDITION_NEW"
    )


def refs(name: Any) -> list[Any]:
    """The rows of a request that only names listings."""
    return [catalog_pb2.ListingRef(**address(name))]


def ingest(server: Running, seller_id: str, event_ms: int = EVENT_MS, name: str = "one") -> Any:
    """Sends a message about a seller's ASIN."""
    body = offer_changed(ASIN, name, event_ms=event_ms).decode().replace(SELLER, seller_id)
    message = ingestion_pb2.Notification(json=body.encode())
    return server.ingestion.IngestNotifications(
        ingestion_pb2.IngestNotificationsRequest(request_id=request_id(), notifications=[message])
    )


def streamed(server: Running, name: Any) -> Any:
    """The answer of StreamReprice to one batch."""
    batch = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[offers(name)])
    message = pricing_pb2.StreamRepriceRequest(request=batch)
    return next(server.pricing.StreamReprice(iter([message])))


def watched(server: Running, seller_id: str) -> Any:
    """What WatchDecisions tells of a seller from the beginning; nothing within a second."""
    request = pricing_pb2.WatchDecisionsRequest(after_decision_id=0, seller_id=seller_id)
    return next(server.pricing.WatchDecisions(request, timeout=1.5))


Ask = Callable[[Running, Any], Any]
CATALOG, PRICING = "/repriced.v1.CatalogService/", "/repriced.v1.PricingService/"
INSIGHTS = "/repriced.v1.InsightsService/"


def listed(kind: Any, method: str) -> Ask:
    """A call that takes listings by name and nothing else."""
    service = "catalog" if kind is InputKind.DELETE else "pricing"

    def ask(server: Running, name: Any) -> Any:
        request = REQUESTS[kind](request_id=request_id(), listings=refs(name))
        return getattr(getattr(server, service), method)(request)

    return ask


def feedback(server: Running, name: Any) -> Any:
    """A verdict on a listing's price."""
    row = pricing_pb2.Feedback(
        **address(name), kind="FEEDBACK_KIND_WON", price_minor=990, currency="EUR",
        event_ms=EVENT_MS,
    )  # fmt: skip
    request = pricing_pb2.ReportFeedbackRequest(request_id=request_id(), feedback=[row])
    return server.pricing.ReportFeedback(request)


def stock(server: Running, name: Any) -> Any:
    """A listing without stock."""
    row = pricing_pb2.StockLevel(**address(name), quantity=0, event_ms=EVENT_MS)
    request = pricing_pb2.ReportStockRequest(request_id=request_id(), levels=[row])
    return server.pricing.ReportStock(request)


BY_LISTING: dict[str, Ask] = {
    PRICING + "Reprice": lambda server, name: server.reprice(offers(name)),
    PRICING + "StreamReprice": streamed,
    PRICING + "ReportFeedback": feedback,
    PRICING + "ReportStock": stock,
    PRICING + "ReportSales": lambda server, name: server.pricing.ReportSales(
        pricing_pb2.ReportSalesRequest(request_id=request_id(), sales=[address(name)])
    ),
    PRICING + "PauseRepricing": listed(InputKind.PAUSE, "PauseRepricing"),
    PRICING + "ResumeRepricing": listed(InputKind.RESUME, "ResumeRepricing"),
    PRICING + "StopRepricing": listed(InputKind.STOP, "StopRepricing"),
    PRICING + "RestartRepricing": listed(InputKind.RESTART, "RestartRepricing"),
    PRICING + "ExplainPrice": lambda server, name: server.pricing.ExplainPrice(
        pricing_pb2.ExplainPriceRequest(**address(name))
    ),
    PRICING + "EvaluatePrice": lambda server, name: server.pricing.EvaluatePrice(
        pricing_pb2.EvaluatePriceRequest(snapshots=[offers(name)])
    ),
    CATALOG + "ReportFeePreviews": lambda server, name: server.catalog.ReportFeePreviews(
        fees_pb2.ReportFeePreviewsRequest(
            request_id=request_id(), previews=[fees_pb2.FeePreview(**address(name))]
        )
    ),
    CATALOG + "GetListing": lambda server, name: server.catalog.GetListing(
        catalog_pb2.GetListingRequest(**address(name))
    ),
    CATALOG + "BatchDeleteListings": listed(InputKind.DELETE, "BatchDeleteListings"),
}
"""Calls that name listings."""


def exported(server: Running, seller_id: str) -> Any:
    """The first message of ExportSeller."""
    return next(server.catalog.ExportSeller(catalog_pb2.ExportSellerRequest(seller_id=seller_id)))


def erased(server: Running, seller_id: str) -> Any:
    """Erases a seller."""
    return server.catalog.EraseSeller(
        catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id=seller_id)
    )


BY_SELLER: dict[str, Ask] = {
    CATALOG + "EraseSeller": erased,
    CATALOG + "ExportSeller": exported,
    CATALOG + "BatchUpsertSellers": upsert_sellers,
    CATALOG + "BatchUpsertStrategies": upsert_strategies,
    CATALOG + "BatchUpsertFeeSchedules": upsert_fee_schedules,
    CATALOG + "BatchUpsertExchangeRates": upsert_exchange_rates,
    CATALOG + "ListExchangeRates": lambda server, name: server.catalog.ListExchangeRates(
        fees_pb2.ListExchangeRatesRequest(seller_id=name)
    ),
    CATALOG + "ListFeeSchedules": lambda server, name: server.catalog.ListFeeSchedules(
        fees_pb2.ListFeeSchedulesRequest(seller_id=name)
    ),
    CATALOG + "BatchUpsertListings": lambda server, name: server.upsert(
        definition(name, "SKU", currency="JPY", strategy_id="own"), definition(name, "NEW")
    ),
    CATALOG + "ListSellers": lambda server, _: server.catalog.ListSellers(
        catalog_pb2.ListSellersRequest()
    ),
    CATALOG + "ListStrategies": lambda server, name: server.catalog.ListStrategies(
        catalog_pb2.ListStrategiesRequest(seller_id=name)
    ),
    CATALOG + "ListListings": lambda server, name: server.catalog.ListListings(
        catalog_pb2.ListListingsRequest(seller_id=name)
    ),
    PRICING + "WatchDecisions": watched,
    PRICING + "ReleaseHeld": asked("ReleaseHeld"),
    PRICING + "DiscardHeld": asked("DiscardHeld"),
    PRICING + "RestorePrices": asked("RestorePrices", at_ms=EVENT_MS),
    PRICING + "ListHeld": lambda server, name: server.pricing.ListHeld(
        pricing_pb2.ListHeldRequest(seller_id=name)
    ),
    "/repriced.v1.EventService/WatchEvents": events,
    INSIGHTS + "RecommendStrategy": advised("RecommendStrategy"),
    INSIGHTS + "ReviewTrial": advised("ReviewTrial"),
    INSIGHTS + "QueryProfitability": advised("QueryProfitability"),
    "/repriced.v1.IngestionService/IngestNotifications": ingest,
}
"""Calls that name sellers."""


def test_every_method_is_tried() -> None:
    """A method without a case here, or in test_access_claims.py, fails."""
    of_claims = {f"/repriced.v1.ClaimsService/{name}" for name in (*CLAIMS_BY_SELLER, *BY_CLAIM)}
    assert len(declared()) > 30
    assert set(BY_LISTING) | set(BY_SELLER) | of_claims == declared()
    foreign = {each for each in ROLES if not each.startswith("/repriced.")}
    assert declared() == set(ROLES) - foreign


def alike(answer: bytes) -> bytes:
    """An answer with the names that were asked for made alike; they are as long as each other."""
    named = answer.replace(THEIRS.encode(), NOBODY.encode())
    return named.replace(b"listing_id %d" % THEIR_ID, b"listing_id %d" % NO_ID)


def state_of(guarded: Guarded) -> bytes:
    """Everything that is known of B's listing, its seller and its strategy."""
    engine = guarded.app.engine
    catalog = engine.catalog
    assert catalog.seller_of(THEIR_ID) == THEIRS
    listed = [*catalog.skus], [*catalog.active]
    facts = (catalog.sellers, catalog.strategies, listed, engine.decisions.last_id)
    row, record = catalog.rows[THEIR_ID].tobytes(), catalog.records[THEIR_ID].tobytes()
    return row + record + repr(facts).encode()


TAKES_ASIN = {"Reprice", "StreamReprice", "ReportFeedback", "EvaluatePrice"}
NAMES = {
    "key": (key("SKU", THEIRS), key("SKU", NOBODY)),
    "id": (THEIR_ID, NO_ID),
    "asin": (asin_of(THEIRS), asin_of(NOBODY)),
    "deleted": (key("GONE", THEIRS), key("GONE", NOBODY)),
}
CASES = [
    (method, how)
    for method in BY_LISTING
    for how in NAMES
    if how != "asin" or method.rpartition("/")[2] in TAKES_ASIN
]


@pytest.mark.parametrize(("method", "how"), CASES)
def test_a_foreign_listing_is_an_unknown_one(
    guarded: Guarded, mine: Running, method: str, how: str
) -> None:
    ask, (theirs, nobodys) = BY_LISTING[method], NAMES[how]
    before = state_of(guarded)
    foreign, unknown = (told(lambda name=name: ask(mine, name)) for name in (theirs, nobodys))
    assert alike(foreign) == unknown
    assert b"UNKNOWN_LISTING" in unknown
    assert state_of(guarded) == before


@pytest.mark.parametrize("method", BY_SELLER)
def test_a_foreign_seller_is_an_unknown_one(guarded: Guarded, mine: Running, method: str) -> None:
    before = state_of(guarded)
    foreign, unknown = (told(lambda name=name: BY_SELLER[method](mine, name))
                        for name in (THEIRS, NOBODY))  # fmt: skip
    assert alike(foreign) == unknown
    assert state_of(guarded) == before


@pytest.mark.parametrize("method", [each for each in BY_LISTING if "Delete" not in each])
def test_the_same_calls_work_on_ones_own(mine: Running, method: str) -> None:
    """Else the tests above would hold for a server that refuses everything."""
    assert b"UNKNOWN" not in told(lambda: BY_LISTING[method](mine, key("SKU", MINE)))


def test_lists_hold_ones_own_only(mine: Running) -> None:
    sellers = mine.catalog.ListSellers(catalog_pb2.ListSellersRequest()).sellers
    strategies = mine.catalog.ListStrategies(catalog_pb2.ListStrategiesRequest()).strategies
    listings = mine.catalog.ListListings(catalog_pb2.ListListingsRequest()).listings
    assert {each.seller_id for each in (*sellers, *strategies)} == {MINE}
    assert {each.listing.key.seller_id for each in listings} == {MINE}
    assert {each.key.seller_id for each in watched(mine, "").decisions} == {MINE}


def test_one_sellers_strategy_is_not_anothers(mine: Running) -> None:
    answer = mine.upsert(definition(MINE, "BORROWED", strategy_id="theirs"))
    assert [each.reason for each in answer.errors] == ["STRATEGY_UNKNOWN"]


def test_nobody_joins_a_foreign_account(guarded: Guarded, mine: Running) -> None:
    """Sellers of one account group do not compete: joining one would move its prices."""
    everybody = guarded.as_caller(caller("grouping", roles=frozenset({Role.ADMIN})))
    group(everybody, THEIRS, "theirs")
    for name in ("theirs", "nobodys"):
        (error,) = group(mine, MINE, name).errors
        assert error.reason == "ACCOUNT_GROUP_FIXED_INVALID"
        assert error.message.replace(repr(name), "it") == (
            "account_group is it; allowed: '', what it is; only a caller of all sellers changes"
            " account groups"
        )
    assert not group(mine, MINE, "").errors
    assert not group(everybody, MINE, "theirs").errors
    assert not group(mine, MINE, "theirs").errors, "what it is may stay"
    group(everybody, MINE, "")


def group(server: Running, seller_id: str, name: str) -> Any:
    """Puts a seller into an account group."""
    seller = catalog_pb2.Seller(seller_id=seller_id, account_group=name)
    return server.catalog.BatchUpsertSellers(
        catalog_pb2.BatchUpsertSellersRequest(request_id=request_id(), sellers=[seller])
    )


def test_a_message_id_of_one_seller_is_free_for_another(guarded: Guarded, mine: Running) -> None:
    """Who knows the id of B's message cannot make the server take it for a repeat."""
    theirs = guarded.as_caller(caller("theirs", THEIRS))
    at = now_ms()
    assert reasons(ingest(mine, MINE, at, "shared")) == []
    assert reasons(ingest(theirs, THEIRS, at, "shared")) == []
    assert reasons(ingest(theirs, THEIRS, at, "shared")) == ["REPEATED"]
    assert reasons(ingest(mine, THEIRS, at, "shared")) == ["UNKNOWN_LISTING"]


def reasons(answer: Any) -> list[str]:
    """Why messages were not applied."""
    return [each.reason for each in answer.unapplied]
