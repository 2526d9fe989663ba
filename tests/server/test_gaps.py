"""The lowest floor: prices that miss the goal between ones that earn it are never had."""

from __future__ import annotations

from typing import Any

import pytest

from engine.schema import Reason
from engine.state_columns import dump, load, state_hash
from repriced.v1 import fees_pb2
from server.wire import listing_state_message
from tests.server.test_computed_bounds import Book, computed, listing, schedule

CLIFF = [
    fees_pb2.ReferralTier(up_to_minor=1_500, rate_basis_points=500),
    fees_pb2.ReferralTier(up_to_minor=2_000, rate_basis_points=1_000),
    fees_pb2.ReferralTier(rate_basis_points=1_700),
]
GAP = (1_501, 1_562)


def cliff() -> fees_pb2.FeeSchedule:
    """5 % to 15.00, 10 % to 20.00, 17 % above, of the whole price."""
    return schedule(386, referral_tiers=CLIFF, tier_kind=fees_pb2.TIER_KIND_WHOLE)


def wanted(lowest_floor: bool = True) -> fees_pb2.ComputedBounds:
    goal = fees_pb2.ProfitGoal(amount_minor=120)
    return computed(vat_basis_points=0, goal=goal, lowest_floor=lowest_floor)


def mug(**given: Any) -> Any:
    return listing(**{"cost_minor": 900, "computed_bounds": wanted()} | given)


@pytest.fixture
def book(tmp_path: Any) -> Book:
    made = Book(tmp_path / "data")
    assert made.schedules(cliff()).upserted_count == 1
    return made


@pytest.mark.parametrize(
    ("lowest_floor", "bounds", "gaps"),
    [(True, (1_480, 3_000), {1: (GAP,)}), (False, (1_563, 3_000), {})],
)
def test_the_worked_example(
    book: Book, lowest_floor: bool, bounds: tuple[int, int], gaps: dict[int, Any]
) -> None:
    assert not book.listings(mug(computed_bounds=wanted(lowest_floor))).errors
    assert book.bounds() == bounds
    assert book.shard.engine.state.bounds.gaps == gaps


CASES = [
    # the competitor, MAP, our price
    (1_450, 0, 1_480),  # the floor
    (1_496, 0, 1_495),
    (1_501, 0, 1_500),
    (1_502, 0, 1_500),  # 15.01 would miss the goal
    (1_563, 0, 1_500),
    (1_564, 0, 1_563),
    (1_700, 0, 1_699),
    (1_450, 1_501, 1_563),  # the MAP stands in the gap: up to its end
    (1_450, 1_500, 1_500),
]


@pytest.mark.parametrize(("rival", "advertised", "expected"), CASES)
def test_a_price_in_a_gap_comes_down(
    book: Book, rival: int, advertised: int, expected: int
) -> None:
    assert not book.listings(mug(map_minor=advertised)).errors
    assert book.rival(rival) == expected


def test_where_bounds_leave_only_the_gap_no_price_goes_out(book: Book) -> None:
    assert not book.listings(mug(map_minor=1_510, ceiling_minor=1_550)).errors
    assert book.rival(1_530) == 0
    assert book.shard.engine.catalog.rows["reason"][1] == Reason.KEEP


def test_a_price_that_stands_in_a_new_gap_leaves_it_at_once(book: Book) -> None:
    (decision,) = book.listings(mug(price_minor=1_520)).decisions
    assert (decision.price_minor, decision.reason) == (1_500, Reason.BOUNDS)
    assert book.bounds() == (1_480, 3_000)
    state = listing_state_message(book.shard.engine.state, 1)
    assert not state.last_decision_withdrawn
    assert state.listing.computed_bounds == wanted()


def test_gaps_follow_the_fee_schedule(book: Book) -> None:
    book.listings(mug())
    assert book.rival(1_541) == 1_500
    flat = fees_pb2.ReferralTier(rate_basis_points=500)
    book.schedules(schedule(386, referral_tiers=[flat]))
    book.advance()
    assert book.shard.engine.state.bounds.gaps == {}
    assert book.rival(1_541) > 1_500
    book.schedules(cliff())
    book.advance()
    assert int(book.shard.engine.catalog.rows["price_minor"][1]) == 1_500


def test_a_snapshot_holds_gaps(book: Book) -> None:
    book.listings(mug())
    again = load(dump(book.shard.engine.state))
    assert again.bounds.gaps == {1: (GAP,)}
    assert state_hash(again) == state_hash(book.shard.engine.state)
    book.listings(mug(computed_bounds=wanted(False)))
    assert book.shard.engine.state.bounds.gaps == {}
