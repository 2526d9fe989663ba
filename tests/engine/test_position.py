"""POSITION: a rank among the competitors, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from market import Listing, offer
from market.listing import PATIENT, Strategy

from engine.schema import BelowFloor, OfferBit, Reason, StrategyKind, Tie
from engine.strategies import Offset

FIRST = replace(PATIENT, kind=StrategyKind.POSITION, position=1)
SECOND, THIRD = replace(FIRST, position=2), replace(FIRST, position=3)
WIDE = Offset(amount_minor=50)
SHARED = replace(SECOND, gap=WIDE, tie=Tie.SHARE)

CASES = [
    (FIRST, (1000, 1100), 999, Reason.POSITION),
    (replace(FIRST, gap=Offset()), (1000, 1100), 1000, Reason.POSITION),
    (replace(FIRST, gap=Offset(basis_points=250)), (1000, 1100), 975, Reason.POSITION),
    (SECOND, (1000, 1100), 1099, Reason.POSITION),
    (SECOND, (1100, 1000), 1099, Reason.POSITION),
    (replace(SECOND, gap=WIDE), (1000, 1100), 1050, Reason.POSITION),
    # The gap reaches the competitor before us: just below the one at our rank, or as it.
    (replace(SECOND, gap=WIDE), (1000, 1030), 1029, Reason.POSITION),
    (SHARED, (1000, 1030), 1030, Reason.POSITION),
    (replace(SECOND, gap=WIDE), (1000, 1001), 1000, Reason.POSITION_NO_ROOM),
    (replace(SECOND, gap=WIDE), (1000, 1000), 1000, Reason.POSITION_NO_ROOM),
    # Just enough competitors: above the last of them.
    (SECOND, (1000,), 1001, Reason.POSITION_LAST),
    (replace(THIRD, gap=WIDE), (1000, 1100), 1150, Reason.POSITION_LAST),
    # Below the floor, above the ceiling.
    (FIRST, (700, 1100), 800, Reason.POSITION),
    (replace(FIRST, below_floor=BelowFloor.CEILING), (700, 1100), 1500, Reason.BELOW_FLOOR_CHOICE),
    (replace(FIRST, below_floor=BelowFloor.KEEP), (700, 1100), 1200, Reason.KEEP),
    (SECOND, (1000, 1900), 1500, Reason.POSITION),
    # Too few of them: as without a competitor, a step up.
    (THIRD, (1000,), 1350, Reason.ALONE),
    (FIRST, (), 1350, Reason.ALONE),
]


@pytest.mark.parametrize(("strategy", "competitors", "price", "reason"), CASES)
def test_positions(
    strategy: Strategy, competitors: tuple[int, ...], price: int, reason: Reason
) -> None:
    listing = Listing(strategy, 800, 1500, price=1200)
    done = listing.snapshot(*(offer(each) for each in competitors), own=1200)
    assert (done.price_minor, done.reason) == (price, reason)


def test_offers_of_sister_accounts_have_no_rank() -> None:
    listing = Listing(FIRST, 800, 1500, price=1200)
    sister = offer(900, OfferBit.OWN_ACCOUNT)
    assert listing.snapshot(sister, offer(1000), own=1200).price_minor == 999


def test_offers_that_the_filter_leaves_out_have_no_rank() -> None:
    listing = Listing(FIRST, 800, 1500, price=1200)
    unfeatured = offer(900, bits=OfferBit.CONDITION_NEW | OfferBit.NOT_FEATURED)
    assert listing.snapshot(unfeatured, offer(1000), own=1200).price_minor == 999


def test_a_rank_beyond_the_offers_shown_holds() -> None:
    listing = Listing(replace(FIRST, position=20), 800, 1500, price=1200)
    shown = [offer(1000 + each) for each in range(18)]
    done = listing.snapshot(*shown, own=1200, total=45)
    assert (done.price_minor, done.reason) == (1200, Reason.POSITION_UNSEEN)
    listing.now_ms += 1
    shown = [offer(1000 + each) for each in range(20)]
    done = listing.snapshot(*shown, total=45)
    assert (done.price_minor, done.reason) == (1018, Reason.POSITION_NO_ROOM)
