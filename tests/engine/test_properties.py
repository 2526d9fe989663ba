"""P1 to P6: what the Buy Box cycle promises, in simulated markets, still and sticky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import Listing, Market, Marketplace, offer
from market.listing import LOSES, PATIENT, WINS

from engine.learner_tables import CELL_PPM, LOWEST_PPM, STEP_PPM, STEPS
from engine.schema import (
    FIRST_UNCHANGED_REASON,
    BuyBoxStatus,
    CycleState,
    FeedbackKind,
    Reason,
)

DAYS_20 = 480
GRID_PROBES = STEPS // 4
CELLS_OFF, CELLS_OFF_STICKY = 3, 5
EXACT_TO_MINOR = 1_000_000
"""Premiums are parts per million: up to this reference price they are exact to the minor unit."""


@st.composite
def markets(draw: st.DrawFn, sticky: bool = False) -> tuple[Market, int, int, int]:
    """(market, floor, ceiling, step): the threshold lies between floor and ceiling."""
    floor = draw(st.integers(100, 100_000))
    ceiling = draw(st.integers(floor + 10, floor * 4 + 10))
    step = draw(st.integers(1, min(200, ceiling - floor)))
    keep = draw(st.integers(floor, ceiling))
    take = draw(st.integers(floor, keep)) if sticky else keep
    reference = draw(st.integers(max(1, ceiling // 6), min(ceiling * 2, EXACT_TO_MINOR)))
    return Market(reference, take, keep, shows_own=draw(st.booleans())), floor, ceiling, step


def tolerance(market: Market, step: int) -> int:
    """How far below the threshold a price may come to rest: some cells of the learner's grid where
    the threshold lies in it or next to it, else a step."""
    premium = (market.keep - market.reference) * 1_000_000 // market.reference
    last = LOWEST_PPM + STEP_PPM * STEPS
    near = LOWEST_PPM - 4 * CELL_PPM <= premium <= last + 4 * CELL_PPM
    cells = CELLS_OFF if market.keep == market.take else CELLS_OFF_STICKY
    return step + cells * CELL_PPM * market.reference // 1_000_000 if near else step


def bound(floor: int, ceiling: int, step: int) -> int:
    """floor(log2((ceiling - floor) / step)) + 2 of the brackets, and those through the grid."""
    return ((ceiling - floor) // step).bit_length() - 1 + 2 + GRID_PROBES


def played(market: Market, listing: Listing, hours: int = DAYS_20) -> Marketplace:
    """The listing after that many hours in the market."""
    place = Marketplace(market, listing)
    place.look()
    place.run(hours)
    return place


def probes(listing: Listing) -> list[SimpleNamespace]:
    """Decisions that tried a higher price."""
    return [each for each in listing.outcomes if each.changed and each.reason == Reason.PROBE_UP]


def first_win(listing: Listing) -> int:
    """Landed price that won first."""
    won = next(
        each
        for each in listing.outcomes
        if each.verdict == FeedbackKind.WON and each.state == CycleState.HOLDING
    )
    return listing.landed(won.previous_minor)


def assert_held(listing: Listing, threshold: int, step: int) -> None:
    assert listing.state == CycleState.HOLDING
    assert listing.reason == Reason.NO_ROOM
    held = listing.landed(listing.price_minor)
    assert threshold - step < held <= threshold


@settings(max_examples=50, deadline=None)
@given(markets())
def test_p1_still_market(case: tuple[Market, int, int, int]) -> None:
    market, floor, ceiling, step = case
    listing = Listing(replace(PATIENT, step_minor=step), floor, ceiling)
    played(market, listing)
    assert_held(listing, market.keep, tolerance(market, step))
    assert len(probes(listing)) <= bound(floor, ceiling, step)


@settings(max_examples=20, deadline=None)
@given(markets(), st.integers(5, 40))
def test_p1_still_market_with_step_limit(case: tuple[Market, int, int, int], parts: int) -> None:
    market, floor, ceiling, step = case
    limit = max(step, (ceiling - floor) // parts)
    strategy = replace(PATIENT, step_minor=step, step_limit_minor=limit)
    listing = Listing(strategy, floor, ceiling)
    played(market, listing, 4 * DAYS_20)
    assert_held(listing, market.keep, tolerance(market, step))
    extra = -((first_win(listing) - market.keep) // limit)
    assert len(probes(listing)) <= bound(floor, ceiling, step) + extra


@settings(max_examples=50, deadline=None)
@given(markets(sticky=True))
def test_p2_sticky_market(case: tuple[Market, int, int, int]) -> None:
    market, floor, ceiling, step = case
    listing = Listing(replace(PATIENT, step_minor=step), floor, ceiling)
    played(market, listing)
    assert_held(listing, market.keep, tolerance(market, step))
    assert len(probes(listing)) <= bound(floor, ceiling, step)


@pytest.mark.parametrize("seed", range(40))
def test_p3_own_probes_lose_at_most_once_per_cooldown(seed: int) -> None:
    random = Random(seed)
    take = random.randrange(900, 1900)
    market = Market(
        random.randrange(800, 2000), take, take + random.randrange(200), random.random() < 0.5,
        spread_ms=400_000, repeated_pct=30,
    )  # fmt: skip
    listing = Listing(replace(PATIENT, min_samples=1), 500, 2500)
    played(market, listing)
    lost = [
        each.now_ms
        for each in listing.outcomes
        if each.changed and each.reason == Reason.PROBE_LOST
    ]
    assert probes(listing)
    assert all(later - earlier >= PATIENT.cooldown_ms for earlier, later in pairwise(lost))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(100, 10_000), st.integers(0, 50_000), st.integers(0, 80_000), st.integers(1, 500),
    st.integers(0, 9000), st.booleans(),
)  # fmt: skip
def test_p4_alone(
    floor: int, room: int, competitive: int, step: int, points_bp: int, known_price: bool
) -> None:
    ceiling = floor + room
    listing = Listing(
        replace(PATIENT, step_minor=step), floor, ceiling, points_bp=points_bp,
        price=floor if known_price else 0,
    )  # fmt: skip
    place = Marketplace(Market(0, 10**9, 10**9, shows_own=False), listing)
    done = listing.snapshot(competitive=competitive)
    if done.changed:
        place.submit(done.price_minor, listing.decision_id)
    elif listing.price_minor:
        listing.feedback(FeedbackKind.EFFECTIVE, price=floor)
    place.run(DAYS_20)
    assert listing.state == CycleState.ALONE
    best = listing.price_minor
    assert floor <= best <= ceiling
    if competitive:
        assert best == floor or listing.landed(best) <= competitive
        assert best == ceiling or listing.landed(best + 1) > competitive
    else:
        assert best == ceiling


def test_alone_and_not_featured_rests_at_the_last_featured_price_until_one_is_stated() -> None:
    listing = Listing(PATIENT, 500, 2500)
    nobody = BuyBoxStatus.SUPPRESSED
    listing.snapshot(own=0)
    assert listing.price_minor == 2500
    listing.now_ms += 1000
    listing.snapshot(own=2500, status=nobody, featured=1400)
    assert listing.price_minor == 1400
    listing.now_ms += 1000
    listing.snapshot(own=1400, verdict=WINS)
    while listing.wait() is not None:
        continue
    assert listing.price_minor == 1400
    listing.now_ms += 1000
    listing.snapshot(own=1400, verdict=WINS, competitive=1500)
    for _ in range(40):
        if (done := listing.wait()) is None:
            break
        listing.now_ms += 1000
        listing.snapshot(own=done.price_minor, verdict=WINS)
    assert listing.price_minor == 1500


@pytest.mark.parametrize("seed", range(60))
def test_p5_every_outcome_has_a_reason(seed: int) -> None:
    listing, _ = noisy(seed)
    assert listing.outcomes
    for each in listing.outcomes:
        changed = 0 < each.reason < FIRST_UNCHANGED_REASON
        assert changed == bool(each.changed), Reason(each.reason).name
        if each.changed and each.reason != Reason.REEMIT:
            assert each.price_minor != each.previous_minor


@pytest.mark.parametrize("seed", range(60))
def test_p6_repeats_leave_the_row_as_it_is(seed: int) -> None:
    listing, applied = noisy(seed)
    for apply in applied:
        before = listing.image()
        done = apply()
        assert listing.image() == before, Reason(done.reason).name


def repeated(listing: Listing, apply: Callable[[], SimpleNamespace]) -> None:
    """A repeat changes no bit of the row."""
    before = listing.image()
    apply()
    assert listing.image() == before


def later(listing: Listing, **given: int) -> Callable[[], SimpleNamespace]:
    """Feedback of this moment, to be delivered any number of times."""
    listing.now_ms += 1000
    event = listing.now_ms
    return lambda: listing.feedback(
        FeedbackKind(given["kind"]),
        price=given.get("price", 0),
        decision=given.get("decision", 0),
        event_ms=event,
        competitive=given.get("competitive", 0),
    )


def holding() -> Listing:
    """A listing that holds the Buy Box at 999."""
    listing = Listing(PATIENT, 500, 2500)
    listing.snapshot(offer(1000))
    listing.now_ms += 1000
    listing.snapshot(offer(1000, LOSES), own=999, verdict=WINS)
    assert listing.state == CycleState.HOLDING
    return listing


def probe_unanswered(listing: Listing) -> None:
    """Tries a higher price once it may, hears nothing, and goes back."""
    while (done := listing.wait()).reason == Reason.COOLDOWN:
        continue
    assert done.reason == Reason.PROBE_UP
    assert listing.wait().reason == Reason.PROBE_UNANSWERED


def test_p6_a_rejection_repeated_after_seeking_the_same_price_again() -> None:
    listing = Listing(PATIENT, 500, 2500)
    listing.snapshot(offer(1000))
    rejected = later(listing, kind=FeedbackKind.REJECTED, decision=listing.decision_id)
    rejected()
    listing.now_ms += 1000
    listing.snapshot(offer(1000))
    repeated(listing, rejected)


def test_p6_effective_by_price_repeated_after_the_price_came_back() -> None:
    listing = holding()
    probe_unanswered(listing)
    effective = later(listing, kind=FeedbackKind.EFFECTIVE, price=999)
    effective()
    probe_unanswered(listing)
    repeated(listing, effective)


def test_p6_lost_at_another_price_repeated_after_that_price_came_back() -> None:
    listing = holding()
    assert listing.wait().reason == Reason.PROBE_UP
    lost = later(listing, kind=FeedbackKind.LOST, price=999)
    assert lost().reason == Reason.OTHER_PRICE
    assert listing.wait().reason == Reason.PROBE_UNANSWERED
    repeated(listing, lost)


def test_p6_two_competitive_prices_of_one_moment() -> None:
    listing = holding()
    first = later(listing, kind=FeedbackKind.WON, price=999, competitive=1500)
    first()
    listing.feedback(FeedbackKind.LOST, price=999, competitive=1600, event_ms=listing.now_ms)
    repeated(listing, first)


def noisy(seed: int) -> tuple[Listing, list[Callable[[], SimpleNamespace]]]:
    """A listing after random inputs, and those inputs to be applied again."""
    random = Random(seed)
    listing = Listing(replace(PATIENT, max_rejections=15), 500, 2500)
    applied = []
    for _ in range(60):
        listing.now_ms += random.randrange(1000, 900_000)
        apply = random_input(listing, random)
        if random.random() < 0.3:
            listing.wait()
        apply()
        applied.append(apply)
    return listing, applied


def random_input(listing: Listing, random: Random) -> Callable[[], SimpleNamespace]:
    """One offer snapshot or feedback, true or not, as a function that applies it."""
    event = listing.now_ms - random.choice((0, 0, 1000, 700_000))
    if random.random() < 0.5:
        own = random.choice((0, listing.price_minor, listing.price_minor, 1234))
        mine, theirs = random.choice(((WINS, LOSES), (LOSES, WINS)))
        rivals = [offer(random.choice((1000, 1000, 1010, 1400)), theirs)]
        shown = rivals if random.random() < 0.9 else []
        competitive = random.choice((0, 0, 1500))
        return lambda: listing.snapshot(
            *shown, own=own, verdict=mine, event_ms=event, competitive=competitive
        )
    kind = random.choice(list(FeedbackKind))
    decision = random.choice((0, listing.decision_id, max(0, listing.decision_id - 1)))
    price = random.choice((0, listing.price_minor, 999))
    share, competitive = random.randrange(10_001), random.choice((0, 0, 1300, 1600))
    return lambda: listing.feedback(
        kind, decision=decision, price=price, event_ms=event, share=share, competitive=competitive
    )
