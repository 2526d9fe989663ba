"""B2B listings over gRPC: tiers in, one decision with price and quantity prices out."""

from __future__ import annotations

from typing import Any

from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.writer import wall_ms
from tests.server.conftest import Running, request_id

SELLER = "A1TESTSELLER"


def key(audience: types_pb2.Audience = types_pb2.AUDIENCE_B2C) -> types_pb2.ListingKey:
    return types_pb2.ListingKey(
        seller_id=SELLER, marketplace_id="A1PA6795UKMFR9", sku="MUG", audience=audience
    )


BUSINESS = key(types_pb2.AUDIENCE_B2B)


def listed(**given: Any) -> catalog_pb2.Listing:
    fields: dict[str, Any] = {"currency": "EUR", "floor_minor": 800, "ceiling_minor": 1500}
    return catalog_pb2.Listing(**(fields | given))


def upsert(server: Running, *rows: catalog_pb2.Listing) -> Any:
    request = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=rows)
    return server.catalog.BatchUpsertListings(request)


def started(server: Running) -> Any:
    """A B2C listing at 10 EUR, and the answer to a B2B listing 5 % below it with two tiers."""
    match = catalog_pb2.Strategy(
        seller_id=SELLER, strategy_id="match", currency="EUR",
        match=catalog_pb2.MatchStrategy(targets=["MATCH_TARGET_LOWEST"]),
    )  # fmt: skip
    below = catalog_pb2.Strategy(
        seller_id=SELLER, strategy_id="below", currency="EUR",
        follow=catalog_pb2.FollowStrategy(
            b2c_price=True, offset=catalog_pb2.Offset(basis_points=-500)
        ),
    )  # fmt: skip
    request = catalog_pb2.BatchUpsertStrategiesRequest(
        request_id=request_id(), strategies=[match, below]
    )
    assert not server.catalog.BatchUpsertStrategies(request).errors
    business = listed(key=BUSINESS, strategy_id="below")
    business.quantity_tiers.add(quantity=5, discount_basis_points=500)
    business.quantity_tiers.add(quantity=10, discount_basis_points=1000)
    return upsert(server, listed(key=key(), price_minor=1000, strategy_id="match"), business)


def sent(decision: types_pb2.Decision) -> tuple[int, list[tuple[int, int]]]:
    tiers = [(each.quantity, each.price_minor) for each in decision.quantity_prices]
    return decision.price_minor, tiers


def test_one_decision_has_price_and_quantity_prices(server: Running) -> None:
    (decision,) = started(server).decisions
    assert sent(decision) == (950, [(5, 902), (10, 855)])
    snapshot = pricing_pb2.OfferSnapshot(key=key(), event_ms=wall_ms(), currency="EUR")
    snapshot.offers.add(seller_id="RIVAL", item_price_minor=900)
    answer = server.pricing.Reprice(
        pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[snapshot])
    )
    consumer, business = answer.decisions
    assert sent(consumer) == (900, [])
    assert sent(business) == (855, [(5, 812)])  # 769.5 would be below the floor
    assert not business.HasField("index")
    watched = server.pricing.WatchDecisions(
        pricing_pb2.WatchDecisionsRequest(after_decision_id=consumer.decision_id)
    )
    (again,) = next(watched).decisions
    assert sent(again) == sent(business)
    assert again.key == BUSINESS
    watched.cancel()
    found = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=BUSINESS)).listing
    assert [each.quantity for each in found.listing.quantity_tiers] == [5, 10]
    assert found.ceiling_in_force_minor == 900
    assert found.listing.ceiling_minor == 1500


def test_a_tier_that_does_not_fall_is_refused_by_name(server: Running) -> None:
    wrong = listed(key=BUSINESS)
    wrong.quantity_tiers.add(quantity=5, price_minor=900)
    wrong.quantity_tiers.add(quantity=10, price_minor=900)
    (error,) = upsert(server, wrong).errors
    assert error.field == "quantity_tiers[1].price_minor"
    assert error.message == "quantity_tiers[1].price_minor is 900; allowed: 1 to 899: prices fall"
