"""P3 where messages fail: own probes lose the Buy Box at most once per cooldown, in truth.

Truth is what the simulated marketplace did, whether or not the listing ever hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from market import Listing, Market, Marketplace, offer
from market.listing import LOSES, PATIENT, WINS

from engine.schema import BuyBoxStatus, CommandKind, CycleState, FeedbackKind, Reason

RESTING = replace(PATIENT, cooldown_ms=6 * 3_600_000)
DAYS_10 = 240
FAULTS = {
    "loss": {"lost_pct": 50},
    "delay": {"spread_ms": 7_200_000},
    "repeats": {"repeated_pct": 60, "spread_ms": 1_800_000},
    "by hand": {"by_hand_pct": 40, "spread_ms": 1_200_000},
    "all": {"lost_pct": 30, "spread_ms": 5_400_000, "repeated_pct": 40, "by_hand_pct": 30},
}


def played(fault: str, seed: int) -> tuple[Listing, Marketplace]:
    """A listing after ten days in a market that has this fault."""
    random = Random(seed)
    take = random.randrange(900, 1900)
    keep = take + random.choice((0, random.randrange(200)))
    market = Market(random.randrange(800, 2000), take, keep, random.random() < 0.7, **FAULTS[fault])
    listing = Listing(RESTING, 500, 2500)
    place = Marketplace(market, listing, random)
    # Somebody looks now and then, so that a listing that fell quiet goes on.
    for _ in range(DAYS_10 // 8):
        place.look()
        place.run(8)
    return listing, place


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("fault", FAULTS)
def test_probes_lose_once_per_cooldown(fault: str, seed: int) -> None:
    _, place = played(fault, seed)
    gaps = [later - earlier for earlier, later in pairwise(place.probe_losses_ms)]
    assert all(gap >= RESTING.cooldown_ms for gap in gaps), min(gaps) / 3_600_000


@pytest.mark.parametrize("fault", FAULTS)
def test_probes_do_lose(fault: str) -> None:
    """The property above would be empty in markets where no probe loses."""
    assert sum(len(played(fault, seed)[1].probe_losses_ms) for seed in range(5)) > 5


def probing() -> Listing:
    """A listing that holds 999 and whose first probe is live without a verdict."""
    listing = Listing(RESTING, 500, 2500)
    listing.snapshot(offer(1000))
    listing.now_ms += 1000
    listing.snapshot(offer(1000, LOSES), own=999, verdict=WINS)
    assert listing.wait().reason == Reason.PROBE_UP
    listing.now_ms += 1000
    listing.feedback(FeedbackKind.EFFECTIVE, decision=listing.decision_id)
    listing.now_ms += 1000
    assert listing.state == CycleState.PROBING
    assert listing.cooldown_until_s == 0
    return listing


ENDS: dict[str, Callable[[Listing], object]] = {
    "lost": lambda listing: listing.feedback(FeedbackKind.LOST, decision=listing.decision_id),
    "unanswered": lambda listing: listing.wait(),
    "displaced": lambda listing: listing.snapshot(offer(1000), own=1234),
    "reference up": lambda listing: listing.snapshot(offer(1100), own=listing.price_minor),
    "reference down": lambda listing: listing.snapshot(offer(900), own=listing.price_minor),
    "paused": lambda listing: listing.command(CommandKind.PAUSE),
    "out of stock": lambda listing: listing.command(CommandKind.STOCK_OUT),
    "pricing error": lambda listing: listing.feedback(FeedbackKind.PRICING_ERROR),
    "new bounds": lambda listing: listing.bounds(500, 1100),
    "alone": lambda listing: listing.snapshot(own=listing.price_minor),
    "nobody featured": lambda listing: listing.snapshot(
        offer(1000), own=listing.price_minor, status=BuyBoxStatus.SUPPRESSED
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_probe_that_does_not_win_is_followed_by_a_rest(end: str) -> None:
    listing = probing()
    ENDS[end](listing)
    assert listing.cooldown_until_s == listing.now_ms // 1000 + RESTING.cooldown_ms // 1000


def test_a_probe_that_wins_is_not() -> None:
    listing = probing()
    listing.feedback(FeedbackKind.WON, decision=listing.decision_id)
    assert (listing.state, listing.cooldown_until_s) == (CycleState.HOLDING, 0)


def test_a_rejected_probe_lost_nothing() -> None:
    listing = Listing(RESTING, 500, 2500)
    listing.snapshot(offer(1000))
    listing.now_ms += 1000
    listing.snapshot(offer(1000, LOSES), own=999, verdict=WINS)
    assert listing.wait().reason == Reason.PROBE_UP
    done = listing.feedback(FeedbackKind.REJECTED, decision=listing.decision_id)
    assert (done.state, done.price_minor, listing.cooldown_until_s) == (CycleState.HOLDING, 999, 0)


def test_a_displaced_probe_is_not_sent_again() -> None:
    listing = probing()
    listing.snapshot(offer(1000), own=1234)
    done = listing.wait()
    assert (done.reason, done.state) == (Reason.PROBE_UNANSWERED, CycleState.HOLDING)
    assert done.price_minor == 999


def test_a_displaced_probe_that_then_loses_is_a_lost_probe() -> None:
    listing = probing()
    listing.snapshot(offer(1000), own=1234)
    listing.now_ms += 1_000_000
    done = listing.feedback(FeedbackKind.LOST, decision=listing.decision_id)
    assert done.reason == Reason.PROBE_LOST
    assert listing.cooldown_until_s == listing.now_ms // 1000 + RESTING.cooldown_ms // 1000


def fallen(listing: Listing) -> None:
    """The reference price falls by half, and what it leads to is seen live."""
    listing.now_ms += 1000
    assert listing.snapshot(offer(500), own=listing.price_minor).reason == Reason.REANCHOR
    listing.now_ms += 1000
    listing.feedback(FeedbackKind.EFFECTIVE, decision=listing.decision_id)


def test_silence_never_raises_a_price_that_fell_while_probing() -> None:
    listing = probing()
    listing.bounds(300, 2500)
    fallen(listing)
    before = listing.price_minor
    assert listing.state == CycleState.PROBING
    assert listing.wait().reason == Reason.PROBE_UNANSWERED
    assert listing.price_minor == 500 * 999 // 1000
    assert listing.price_minor < before


def test_silence_leads_back_to_the_price_held_and_not_to_one_won_before_the_market_fell() -> None:
    listing = Listing(RESTING, 300, 2500)
    listing.snapshot(offer(1000))
    listing.now_ms += 1000
    listing.snapshot(offer(1000, LOSES), own=999, verdict=WINS)
    fallen(listing)
    held = listing.price_minor
    assert (held, listing.state) == (500 * 999 // 1000, CycleState.HOLDING)
    assert listing.wait().reason == Reason.PROBE_UP
    assert listing.wait().reason == Reason.PROBE_UNANSWERED
    assert listing.price_minor == held
