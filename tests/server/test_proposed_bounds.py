"""Bounds that are proposed for listings without them: in dry run until somebody states bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.recovery import save
from engine.replay import Replayer
from engine.schema import DecisionStatus
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2, event_pb2, fees_pb2, pricing_pb2, types_pb2
from tests.server.conftest import (
    SELLER,
    Running,
    key,
    listing,
    request_id,
    rival,
    run,
    snapshot,
)
from tests.server.recovery.shards import open_shard, same
from tests.server.test_computed_bounds import Book, computed, schedule
from tests.server.test_computed_bounds import listing as german

FEES = fees_pb2.FeeSchedule(
    seller_id=SELLER, fee_schedule_id="home", currency="EUR",
    referral_tiers=[fees_pb2.ReferralTier(rate_basis_points=1_500)],
    fulfilment_bands=[fees_pb2.FulfilmentBand(fee_minor=350)],
)  # fmt: skip
KNOWN: dict[str, Any] = {
    "cost_minor": 800,
    "computed_bounds": fees_pb2.ComputedBounds(fee_schedule_id="home", vat_basis_points=1_900),
}
DRY = types_pb2.DECISION_STATUS_DRY_RUN


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """A server of its own, with a directory and a fee schedule."""
    for server in run(directory=tmp_path):
        made = fees_pb2.BatchUpsertFeeSchedulesRequest(
            request_id=request_id(), fee_schedules=[FEES]
        )
        assert not server.catalog.BatchUpsertFeeSchedules(made).errors
        yield server


def bare(sku: str, **fields: Any) -> catalog_pb2.Listing:
    """A listing without bounds that asks for proposed ones."""
    made = listing(sku, propose_bounds=True, **fields)
    for name in ("floor_minor", "ceiling_minor"):
        if name not in fields:
            made.ClearField(name)
    return made


def state_of(server: Running, sku: str) -> catalog_pb2.ListingState:
    request = catalog_pb2.GetListingRequest(key=key(sku))
    return server.catalog.GetListing(request).listing


def bring(server: Running, *listings: catalog_pb2.Listing) -> catalog_pb2.ListingState:
    """Brings listings in; the state of the first."""
    answer = server.upsert(*listings)
    assert not answer.errors, answer.errors
    return state_of(server, listings[0].key.sku)


def proposed(server: Running, **fields: Any) -> tuple[int, int, int]:
    """Floor, ceiling and source that are proposed for a listing."""
    found = bring(server, bare("MUG", **fields)).proposed_bounds
    return found.floor_minor, found.ceiling_minor, found.source


COST, OWN, MARKET = (
    fees_pb2.PROPOSAL_SOURCE_COST_AND_FEES,
    fees_pb2.PROPOSAL_SOURCE_OWN_PRICE,
    fees_pb2.PROPOSAL_SOURCE_MARKET,
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # 11.50 / (0.9/1.19 - 0.15) is 18.967; the fee is rounded up to 2.85, so 18.98 is the first
        (KNOWN, (1_898, 2_625, COST)),
        (KNOWN | {"price_minor": 2_900}, (1_898, 2_900, COST)),
        (KNOWN | {"price_minor": 1_500}, (1_898, 2_625, COST)),
        (KNOWN | {"floor_minor": 2_000}, (2_000, 2_625, COST)),
        (KNOWN | {"ceiling_minor": 2_200}, (1_898, 2_200, COST)),
        ({"price_minor": 1_999}, (1_800, 2_498, OWN)),
        ({"price_minor": 1_999, "cost_minor": 1_900}, (1_900, 2_498, OWN)),
        ({"price_minor": 1_999, "ceiling_minor": 2_100}, (1_800, 2_100, OWN)),
        ({"price_minor": 1, "currency": "JPY"}, (1, 1, OWN)),
        ({"price_minor": 1_000, "map_minor": 1_100}, (900, 1_250, OWN)),
        ({"price_minor": 1_000, "map_minor": 1_300}, (900, 1_300, OWN)),
    ],
)
def test_what_is_proposed(fresh: Running, fields: Any, expected: Any) -> None:
    assert proposed(fresh, **fields) == expected


@pytest.mark.parametrize(
    ("ceiling", "expected"),
    [
        ({"ceiling_goal": fees_pb2.ProfitGoal(margin_basis_points=2_000)}, 2_203),
        ({"ceiling_over_floor_basis_points": 5_000}, 2_847),
        ({"list_price_minor": 3_499}, 3_499),
        ({"ceiling_goal": fees_pb2.ProfitGoal(margin_basis_points=10_000)}, 2_625),
    ],
)
def test_a_ceiling_that_is_asked_for_is_proposed(
    fresh: Running, ceiling: dict[str, Any], expected: int
) -> None:
    wanted = fees_pb2.ComputedBounds(**ceiling)
    wanted.MergeFrom(KNOWN["computed_bounds"])
    assert proposed(fresh, **KNOWN | {"computed_bounds": wanted})[1] == expected


def test_each_proposal_says_why(fresh: Running) -> None:
    dear = bring(fresh, bare("DEAR", price_minor=1_500, **KNOWN)).proposed_bounds
    assert list(dear.reasons) == [
        "From this floor on a sale earns at least 10 % of the net price.",
        "At the ceiling a sale earns at least 30 % of the net price.",
        "Accepting raises your price from 15.00 EUR.",
    ]
    plain = bring(fresh, bare("PLAIN", price_minor=1_500)).proposed_bounds
    assert plain.reasons[0].startswith("The floor is 10 % below your price of 15.00 EUR")


def test_what_others_ask_is_taken_in_when_it_is_proposed_anew(fresh: Running) -> None:
    first = bring(fresh, bare("MUG", price_minor=1_000)).proposed_bounds
    assert (first.floor_minor, first.ceiling_minor) == (900, 1_250)
    dear = rival(1_400, buy_box_winner=True, fulfilment=types_pb2.FULFILMENT_AMAZON)
    fresh.reprice(snapshot("MUG", dear, rival(700)))
    again = bring(fresh, bare("MUG")).proposed_bounds
    assert (again.floor_minor, again.ceiling_minor) == (900, 1_400)
    assert any("14.00 EUR" in each for each in again.reasons)
    twin = bring(fresh, bare("TWIN", asin="B0MUG")).proposed_bounds
    assert (twin.floor_minor, twin.ceiling_minor, twin.source) == (1_400, 1_750, MARKET)


def test_nothing_goes_out_until_bounds_are_stated(fresh: Running) -> None:
    bring(fresh, bare("MUG", price_minor=1_000))
    answer = fresh.reprice(snapshot("MUG", rival(1_150, buy_box_winner=True)))
    assert not answer.decisions
    (aside,) = answer.set_aside
    assert (aside.status, aside.price_minor) == (DRY, 1_149)
    shown = state_of(fresh, "MUG")
    assert (shown.price_minor, shown.set_aside.price_minor) == (1_000, 1_149)
    assert shown.listing.propose_bounds
    assert not shown.listing.HasField("floor_minor")
    assert (shown.floor_in_force_minor, shown.ceiling_in_force_minor) == (900, 1_250)
    told = fresh.pricing.ExplainPrice(pricing_pb2.ExplainPriceRequest(key=key("MUG")))
    assert "only proposed" in str(told)
    accepted = listing("MUG", floor_minor=900, ceiling_minor=1_250)
    after = bring(fresh, accepted)
    assert not after.HasField("proposed_bounds")
    assert not after.listing.propose_bounds
    assert not after.HasField("set_aside")
    (decision,) = fresh.reprice(snapshot("MUG", rival(1_150, buy_box_winner=True))).decisions
    assert decision.price_minor == 1_149


def test_accepting_moves_a_price_that_is_outside_at_once(fresh: Running) -> None:
    bring(fresh, bare("MUG", price_minor=1_500, **KNOWN))
    assert not fresh.reprice(snapshot("MUG", rival(1_000))).decisions
    wanted = state_of(fresh, "MUG")
    accepted = wanted.listing
    accepted.floor_minor = wanted.proposed_bounds.floor_minor
    accepted.ceiling_minor = wanted.proposed_bounds.ceiling_minor
    accepted.propose_bounds = False
    assert accepted.computed_bounds.goal.margin_basis_points == 1_000
    answer = fresh.upsert(accepted)
    assert not answer.errors
    assert [each.price_minor for each in answer.decisions] == [1_898]


def test_a_slip_in_place_of_a_proposal_is_held_and_the_listing_stays_dry(fresh: Running) -> None:
    bring(fresh, bare("MUG", price_minor=1_000))
    answer = fresh.upsert(listing("MUG", floor_minor=90, ceiling_minor=1_250))
    assert [each.reason for each in answer.warnings] == ["BOUNDS_HELD"]
    assert state_of(fresh, "MUG").HasField("proposed_bounds")
    assert not fresh.reprice(snapshot("MUG", rival(800, buy_box_winner=True))).decisions
    release = pricing_pb2.ReleaseHeldRequest(request_id=request_id(), seller_id=SELLER)
    assert fresh.pricing.ReleaseHeld(release).released_count == 1
    shown = state_of(fresh, "MUG")
    assert (shown.floor_in_force_minor, shown.HasField("proposed_bounds")) == (90, False)


def test_one_call_that_proposes_and_states_knows_the_stated_bounds_only(fresh: Running) -> None:
    answer = fresh.upsert(
        bare("MUG", price_minor=1_600, ceiling_minor=1_500), listing("MUG", ceiling_minor=2_000)
    )
    assert not answer.errors
    assert not answer.decisions
    assert not state_of(fresh, "MUG").HasField("proposed_bounds")


def test_what_was_only_proposed_is_not_remembered_of_a_deleted_listing(fresh: Running) -> None:
    bring(fresh, bare("MUG", price_minor=5_000))
    refs = [catalog_pb2.ListingRef(key=key("MUG"))]
    request = catalog_pb2.BatchDeleteListingsRequest(request_id=request_id(), listings=refs)
    assert fresh.catalog.BatchDeleteListings(request).deleted_count == 1
    answer = fresh.upsert(listing("MUG"))
    assert not answer.warnings
    assert state_of(fresh, "MUG").floor_in_force_minor == 800


def test_a_listing_with_bounds_keeps_them(fresh: Running) -> None:
    bring(fresh, listing("MUG"))
    kept = bring(fresh, bare("MUG", price_minor=5_000))
    assert (kept.listing.floor_minor, kept.listing.ceiling_minor) == (800, 1_500)
    assert not kept.HasField("proposed_bounds")


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({}, "floor_minor", "NOTHING_TO_PROPOSE_FROM"),
        ({"cost_minor": 500}, "floor_minor", "NOTHING_TO_PROPOSE_FROM"),
        ({"price_minor": -5}, "price_minor", "AMOUNT_OUT_OF_RANGE"),
        ({"price_minor": 500, "floor_minor": 0}, "floor_minor", "BOUND_NOT_POSITIVE"),
        (
            {"floor_minor": 1, "ceiling_minor": 2},
            "propose_bounds",
            "PROPOSE_BOUNDS_INVALID",
        ),
        ({"computed_bounds": KNOWN["computed_bounds"]}, "cost_minor", "COST_MISSING"),
        (
            {"cost_minor": 5, "computed_bounds": fees_pb2.ComputedBounds(fee_schedule_id="no")},
            "computed_bounds.fee_schedule_id",
            "UNKNOWN_FEE_SCHEDULE",
        ),
    ],
)
def test_what_nothing_follows_from_is_refused_by_name(
    fresh: Running, fields: dict[str, Any], field: str, reason: str
) -> None:
    answer = fresh.upsert(bare("MUG", **fields), bare("PLATE", price_minor=500))
    assert [(each.index, each.field, each.reason) for each in answer.errors] == [(0, field, reason)]
    assert [each.index for each in answer.upserted] == [1]


def test_bounds_stay_mandatory_where_none_are_asked_for(fresh: Running) -> None:
    made = bare("MUG", price_minor=500)
    made.propose_bounds = False
    (error,) = fresh.upsert(made).errors
    assert (error.field, error.reason) == ("floor_minor", "BOUND_MISSING")


def test_proposals_are_listed_by_themselves(fresh: Running) -> None:
    bring(fresh, *(bare(f"P{at}", price_minor=1_000) for at in range(3)), listing("STATED"))
    request = catalog_pb2.ListListingsRequest(seller_id=SELLER, only_proposed=True, page_size=2)
    pages: list[list[str]] = []
    while not pages or request.page_token:
        answer = fresh.catalog.ListListings(request)
        pages.append([each.listing.key.sku for each in answer.listings])
        request.page_token = answer.next_page_token
    assert pages == [["P0", "P1"], ["P2"]]


def test_accepting_is_told(fresh: Running) -> None:
    bring(fresh, bare("MUG", price_minor=1_000))
    bring(fresh, listing("MUG"))
    found = fresh.app.engine.state.guards.events.after(0, 100)
    (event,) = [each for each in found if each.guard == event_pb2.GUARD_DRY_RUN]
    assert (event.kind, event.listing_id) == (event_pb2.EVENT_KIND_RELEASED, 1)


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_a_restart_finds_proposals(tmp_path: Path, with_snapshot: bool) -> None:
    book = Book(tmp_path / "data")
    book.schedules(schedule())
    unbound = german(propose_bounds=True, computed_bounds=computed(goal=None))
    for name in ("floor_minor", "ceiling_minor"):
        unbound.ClearField(name)
    assert not book.listings(unbound).errors
    engine = book.shard.engine
    if with_snapshot:
        engine.journal.commit()
        save(book.shard.storage, Replayer(engine), engine.journal.last_sequence)
    book.shard.stop()
    again = open_shard(book.path, book.now_ms)
    same(engine.state, again.engine.state)
    found = again.engine.state.bounds.proposed
    assert found == engine.state.bounds.proposed
    assert (found[1].floor_minor, found[1].ceiling_minor) == (1_898, 2_625)
    before = state_hash(again.engine.state)
    found.clear()
    assert state_hash(again.engine.state) != before
    again.stop()


def test_a_proposal_follows_its_fee_schedule(tmp_path: Path) -> None:
    book = Book(tmp_path / "data")
    book.schedules(schedule())
    unbound = german(propose_bounds=True)
    for name in ("floor_minor", "ceiling_minor"):
        unbound.ClearField(name)
    assert not book.listings(unbound).errors
    before = book.bounds()
    book.schedules(schedule(1_000, fixed_minor=0))
    book.advance()
    state = book.shard.engine.state
    assert book.bounds()[0] > before[0]
    assert book.bounds() == (
        state.bounds.proposed[1].floor_minor, state.bounds.proposed[1].ceiling_minor,
    )  # fmt: skip
    book.schedules(schedule(0))
    book.advance()
    assert book.bounds()[0] < before[0]
    assert not state.guards.plausibility.held
    assert book.rival(3_000) == 0
    assert state.guards.proposals.by_listing[1].status == DecisionStatus.DRY_RUN
