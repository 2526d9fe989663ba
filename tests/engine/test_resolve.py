"""Names become listings, and our own offer is found among the others, or is unknown."""

from __future__ import annotations

import pytest
from market.listing import ELIGIBLE, START_MS
from market.shard import (
    apply,
    definitions,
    feedback,
    key,
    listing,
    new_engine,
    own_offer,
    rival,
    snapshots,
)

from engine import resolve
from engine.columns import AsinKey, SellerDefinition
from engine.pipeline import Engine
from engine.resolve import FUTURE_LIMIT_MS, resolve_feedback, resolve_snapshots
from engine.schema import (
    Audience,
    Condition,
    FeedbackKind,
    Fulfilment,
    InputKind,
    OfferBit,
)

FBA = ELIGIBLE | OfferBit.FULFILLED_BY_AMAZON
FBM = ELIGIBLE | OfferBit.FULFILLED_BY_MERCHANT
ASIN = AsinKey("S1", "M1", "ASIN-1", Condition.NEW, Audience.B2C)


def engine_with(*listings: object) -> Engine:
    engine = new_engine()
    apply(engine, InputKind.LISTINGS, definitions(listings))
    return engine


def owns(engine: Engine, *offers: tuple[str, int, int, str], address: object = ASIN
         ) -> tuple[list[int], int]:  # fmt: skip
    """(own item price seen by each listing the address names, how many stayed ambiguous)."""
    batch = snapshots((address, list(offers)))  # type: ignore[arg-type]
    found = resolve_snapshots(batch, engine.catalog, START_MS, None)
    assert not found.problems
    return found.rows["own_price_minor"].tolist(), found.ambiguous_own


def test_own_offer_by_seller_id() -> None:
    engine = engine_with(listing())
    batch = snapshots((key(), [rival(900), own_offer(950)]))
    row = resolve_snapshots(batch, engine.catalog, START_MS, None).rows[0]
    assert (row["own_offer"], row["own_price_minor"]) == (1, 950)
    assert [bool(each & OfferBit.OWN_ACCOUNT) for each in batch.offers.bits] == [False, True]


def test_no_own_offer_is_unknown_and_not_ambiguous() -> None:
    assert owns(engine_with(listing()), rival(900)) == ([0], 0)
    assert owns(engine_with(listing())) == ([0], 0)


def test_own_offer_by_sku() -> None:
    engine = engine_with(listing("A"), listing("B"))
    assert owns(engine, own_offer(950, sku="B"), own_offer(940, sku="A")) == ([940, 950], 0)


def test_own_offer_by_fulfilment() -> None:
    engine = engine_with(listing("A", fulfilment=Fulfilment.AMAZON),
                         listing("B", fulfilment=Fulfilment.MERCHANT))  # fmt: skip
    assert owns(engine, own_offer(950, FBM), own_offer(940, FBA)) == ([940, 950], 0)


def test_two_own_offers_alike_are_ambiguous() -> None:
    engine = engine_with(listing())
    assert owns(engine, own_offer(950), own_offer(940)) == ([0], 1)


def test_one_own_offer_of_two_listings_alike_is_ambiguous() -> None:
    engine = engine_with(listing("A"), listing("B"))
    assert owns(engine, own_offer(950)) == ([0, 0], 2)


def test_sister_accounts_do_not_compete() -> None:
    engine = new_engine()
    sellers = [SellerDefinition("S1", "group"), SellerDefinition("S2", "group"),
               SellerDefinition("S3")]  # fmt: skip
    apply(engine, InputKind.SELLERS, definitions(sellers))
    apply(engine, InputKind.LISTINGS, definitions([listing()]))
    batch = snapshots((key(), [own_offer(700, seller="S2"), own_offer(1000, seller="S3")]))
    result = apply(engine, InputKind.REPRICE, batch)
    own = [bool(each & OfferBit.OWN_ACCOUNT) for each in batch.offers.bits]
    assert own == [True, False]
    assert result.decisions["reference_minor"].tolist() == [1000]


@pytest.mark.parametrize("ahead", [FUTURE_LIMIT_MS, FUTURE_LIMIT_MS + 1])
def test_events_from_the_future(ahead: int) -> None:
    engine = engine_with(listing())
    batch = snapshots((key(), [rival(900)]), event_ms=START_MS + ahead)
    reasons = [
        each.reason for each in resolve_snapshots(batch, engine.catalog, START_MS, None).problems
    ]
    assert reasons == ["EVENT_IN_FUTURE"] * (ahead > FUTURE_LIMIT_MS)


def test_rows_by_asin_name_so_many_listings_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MAX_LISTINGS_NAMED", 5)
    engine = engine_with(listing("A", asin="ASIN-1"), listing("B", asin="ASIN-1"))
    batch = snapshots(*[(ASIN, [rival(900)])] * 3, (key("A"), [rival(900)]))
    found = resolve_snapshots(batch, engine.catalog, START_MS, None)
    assert found.rows["listing_id"].tolist() == [1, 2, 1, 2, 1]
    assert found.rows["index"].tolist() == [0, 0, 1, 1, 3]
    (problem,) = found.problems
    assert (problem.index, problem.reason) == (2, "TOO_MANY_LISTINGS")


def test_another_currency() -> None:
    engine = engine_with(listing())
    found = resolve_snapshots(
        snapshots((key(), [rival(900)]), currency="JPY"), engine.catalog, START_MS, None
    )
    (problem,) = found.problems
    assert (problem.field, problem.reason) == ("currency", "CURRENCY_MISMATCH")
    assert "'JPY'" in problem.message
    assert "EUR" in problem.message


@pytest.mark.parametrize(
    "address", [0, 2, 99, key("B"), key(seller="S2"), key(audience=Audience.B2B),
                ASIN._replace(asin="ASIN-2"), ASIN._replace(condition=Condition.USED)]
)  # fmt: skip
def test_unknown_listings(address: object) -> None:
    engine = engine_with(listing())
    batch = snapshots((address, [rival(900)]), (key(), [rival(900)]))  # type: ignore[arg-type]
    result = apply(engine, InputKind.REPRICE, batch)
    (problem,) = result.problems
    assert (problem.index, problem.reason) == (0, "UNKNOWN_LISTING")
    assert result.decisions["index"].tolist() == [1]


def test_feedback_names_the_current_decision_or_another() -> None:
    engine = engine_with(listing())
    apply(engine, InputKind.REPRICE, snapshots((key(), [rival(1000)])))
    named = [
        int(resolve_feedback(feedback(key(), FeedbackKind.WON, decision=decision), engine.catalog,
                             START_MS, None).rows["names_decision"][0])
        for decision in (0, 1, 2)
    ]  # fmt: skip
    assert named == [0, 1, 2]


def test_feedback_by_fulfilment() -> None:
    engine = engine_with(listing("A", fulfilment=Fulfilment.AMAZON),
                         listing("B", fulfilment=Fulfilment.AMAZON))  # fmt: skip
    fits = resolve_feedback(
        feedback(ASIN, FeedbackKind.LOST, fulfilment=Fulfilment.AMAZON),
        engine.catalog,
        START_MS,
        None,
    )
    assert fits.rows["listing_id"].tolist() == [1, 2]
    none = resolve_feedback(
        feedback(ASIN, FeedbackKind.LOST, fulfilment=Fulfilment.MERCHANT),
        engine.catalog,
        START_MS,
        None,
    )
    assert len(none.rows) == 0
    assert [each.reason for each in none.problems] == ["UNKNOWN_LISTING"]
