"""Competitors that answer our price: what counts as an answer, who stays, and who leads."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from market import Listing, offer
from market.listing import LISTING_ID, LOSES, WINS
from market.listing import PATIENT as ONE_DRAW

from engine.explain_words import WHY_CHANGED, WHY_NOT
from engine.learner_tables import ANSWER, ANSWERS, LEADING, TOPPED
from engine.reference import load
from engine.schema import CycleState, FeedbackKind, Reason

PATIENT = replace(ONE_DRAW, min_samples=3, evidence_max_age_ms=7 * 86_400_000)
FLOOR, CEILING = 500, 1400
MINUTE_MS = 60_000


def marks(listing: Listing) -> Any:
    """The byte of the last draw, with what is known of answers."""
    return int(load(listing.grids, LISTING_ID).last)


def answers(listing: Listing) -> int:
    """How many answers are known."""
    return (marks(listing) & ANSWERS) // ANSWER


def sees(listing: Listing, reference: int, won: bool = True, minutes: int = 5) -> SimpleNamespace:
    """The offers some minutes later: our live price, a competitor's, and who has the Buy Box."""
    listing.now_ms += minutes * MINUTE_MS
    mine, theirs = (WINS, LOSES) if won else (LOSES, WINS)
    return listing.snapshot(offer(reference, theirs), own=listing.price_minor, verdict=mine)


def holding() -> Listing:
    """A listing that holds 1000 below a competitor at 1050."""
    listing = Listing(PATIENT, FLOOR, CEILING, price=1000)
    sees(listing, 1050)
    assert listing.state == CycleState.HOLDING
    return listing


def answered() -> Listing:
    """The same after a competitor came to two of its prices: to 1000, and to its first probe."""
    listing = holding()
    sees(listing, 1000)
    assert listing.wait().reason == Reason.PROBE_UP
    sees(listing, listing.price_minor)
    assert (listing.state, answers(listing)) == (CycleState.HOLDING, 2)
    return listing


def leading() -> Listing:
    """The same with its leading price live, and the competitor not there yet."""
    listing = answered()
    listing.wait()
    while listing.state == CycleState.HOLDING:
        listing.wait()
    assert listing.state == CycleState.PROBING
    return listing


def test_a_price_to_which_the_competitor_came_stays_while_it_wins() -> None:
    listing = holding()
    done = sees(listing, 1000)
    assert (done.reason, listing.price_minor, answers(listing)) == (Reason.FOLLOWED, 1000, 1)


@pytest.mark.parametrize(
    ("reference", "won", "price"),
    [(1000, False, 955), (1030, True, 981), (999, True, 1000), (1012, True, 1000)],
    ids=["lost", "not at our price", "a cent below us", "a per cent above us"],
)
def test_a_reference_that_comes_down(reference: int, won: bool, price: int) -> None:
    listing = holding()
    sees(listing, reference, won)
    assert listing.price_minor == price


ANSWERS_SEEN = {
    "comes to us": (1000, 5, 1),
    "a per cent above": (1010, 5, 1),
    "stops elsewhere": (1030, 5, 0),
    "moves too little": (1046, 5, 0),
    "too late": (1000, 90, 0),
}


@pytest.mark.parametrize("case", ANSWERS_SEEN)
def test_what_is_an_answer(case: str) -> None:
    reference, minutes, expected = ANSWERS_SEEN[case]
    listing = holding()
    sees(listing, reference, minutes=minutes)
    assert answers(listing) == expected


def test_answers_are_forgotten_one_in_a_seventh_of_the_age() -> None:
    listing = answered()
    sees(listing, listing.price_minor, minutes=25 * 60)
    assert answers(listing) == 1


def test_nobody_is_led_before_a_second_answer() -> None:
    listing = holding()
    sees(listing, 1000)
    done = listing.wait()
    assert (done.reason, answers(listing)) == (Reason.PROBE_UP, 1)


def test_a_probe_during_which_the_reference_rose_rests_though_it_won() -> None:
    """When it went live the competitor was lower, and nobody saw whether it lost then."""
    listing = answered()
    assert listing.cooldown_until_s == listing.now_ms // 1000 + PATIENT.cooldown_ms // 1000


def test_the_lead_goes_to_the_ceiling_after_the_rest() -> None:
    listing = answered()
    held, rest = listing.price_minor, listing.cooldown_until_s
    listing = leading()
    assert listing.outcomes[-1].reason == Reason.LEAD_UP
    assert listing.now_ms // 1000 >= rest
    assert (listing.price_minor, listing.good_price_minor) == (CEILING, held)
    assert marks(listing) & LEADING


def test_a_lead_is_no_longer_than_a_probe_may_be() -> None:
    listing = answered()
    listing.strategies["max_probe_ppm"] = 50_000
    held = listing.price_minor
    while listing.state == CycleState.HOLDING:
        listing.wait()
    assert listing.price_minor == held + held * 5 // 100


@pytest.mark.parametrize("verdict", ["offers", "feedback"])
def test_a_lead_that_loses_waits_for_the_answer(verdict: str) -> None:
    listing = leading()
    held = listing.reference_minor
    sees(listing, held, won=False)
    if verdict == "feedback":
        listing.now_ms += MINUTE_MS
        listing.feedback(FeedbackKind.LOST, decision=listing.decision_id)
    assert (listing.state, listing.price_minor) == (CycleState.PROBING, CEILING)
    assert listing.reason == Reason.WAITING_FOR_VERDICT


def test_a_competitor_who_comes_along_is_held_at_the_new_price() -> None:
    listing = leading()
    sees(listing, listing.reference_minor, won=False)
    sees(listing, CEILING)
    assert (listing.state, listing.price_minor) == (CycleState.HOLDING, CEILING)
    assert not marks(listing) & (LEADING | TOPPED)
    assert listing.cooldown_until_s > listing.now_ms // 1000


def test_a_competitor_who_stops_on_the_way_is_met_there() -> None:
    listing = leading()
    sees(listing, listing.reference_minor, won=False)
    done = sees(listing, 1200, won=False)
    assert done.reason == Reason.PROBE_LOST
    assert 1100 < listing.price_minor < 1250


def test_a_small_answer_is_the_top_and_is_not_tried_again() -> None:
    listing = leading()
    held = listing.reference_minor
    sees(listing, held, won=False)
    sees(listing, held + held * 2 // 100, won=False)
    assert marks(listing) & TOPPED


def test_nobody_comes_along() -> None:
    listing = leading()
    held = listing.good_price_minor
    sees(listing, listing.reference_minor, won=False)
    done = listing.wait()
    assert (done.reason, listing.price_minor) == (Reason.PROBE_UNANSWERED, held)
    assert (answers(listing), marks(listing) & LEADING) == (0, 0)
    assert listing.cooldown_until_s > listing.now_ms // 1000


def test_a_lost_draw_beside_a_competitor_who_answers_is_no_reason_to_cut() -> None:
    listing = answered()
    for _ in range(3):
        sees(listing, listing.price_minor)
    held = listing.price_minor
    done = sees(listing, held, won=False)
    assert (done.reason, listing.price_minor) == (Reason.FOLLOWED, held)


def test_a_price_that_mostly_loses_beside_it_is_cut() -> None:
    listing = answered()
    held = listing.price_minor
    for _ in range(4):
        sees(listing, held, won=False)
    assert listing.price_minor < held


def test_both_are_said_in_a_sentence() -> None:
    assert "answers our price" in WHY_CHANGED[Reason.LEAD_UP]
    assert "would be answered too" in WHY_NOT[Reason.FOLLOWED]
