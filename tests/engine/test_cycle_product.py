"""The full product of states and events: each pair has a transition, or is ignored and counted.

The tables below are the expectation, written from the description of the cycle: the next state and
the reason for each state, in the order of `STATES`.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from market import Listing, offer
from market.listing import ELIGIBLE, LOSES, PATIENT, WINS, Offer

from engine.schema import (
    BuyBoxStatus,
    CommandKind,
    CycleState,
    FeedbackKind,
    OfferBit,
    Reason,
    RowFlag,
)

S, A, H, P, F, L, X, Z = STATES = tuple(CycleState)
R = Reason
NOBODY = BuyBoxStatus.SUPPRESSED
Expected = tuple[CycleState, Reason]

FLOOR, CEILING, REFERENCE = 800, 1500, 1000
OLD_PRICE = 950
PRICES = {S: 990, A: 990, H: 990, P: 1100, F: 800, L: 1200, X: 990, Z: 990}
RESTING = {S: R.NEW, A: R.WAITING_FOR_VERDICT, H: R.HOLDING, P: R.WAITING_FOR_VERDICT,
           F: R.FLOORED, L: R.WAITING_FOR_LIVE, X: R.SUPPRESSED_UNKNOWN, Z: R.PAUSED}  # fmt: skip


def listing_in(state: CycleState, live: bool, cooling: bool = False, used_up: bool = False
               ) -> Listing:  # fmt: skip
    """A listing in a state, with a price that is live or on its way after `OLD_PRICE` held."""
    listing = Listing(PATIENT, FLOOR, CEILING, price=PRICES[state])
    now_s = listing.now_ms // 1000
    listing.decision_id = 5
    listing.set(
        state=state, reference_minor=REFERENCE, observed_ms=listing.now_ms - 600_000,
        live_price_minor=PRICES[state] if live else OLD_PRICE,
        good_price_minor=OLD_PRICE if state != H or not live else PRICES[state],
        effective_s=now_s - 500 if live else 0, premium_ppm=1000 * (PRICES[state] - REFERENCE),
        flags=listing.flags | RowFlag.ACTIVE | 2 << 3, reason=RESTING[state],
        deadline_s=now_s + 60, attempts=3 if used_up else 0,
        cooldown_until_s=now_s + 9000 if cooling else 0,
    )  # fmt: skip
    if state in (H, P):
        listing.set(keep_low_ppm=-50_000, flags=listing.flags | RowFlag.INCUMBENT)
    if state == Z:
        listing.set(flags=listing.flags | RowFlag.PAUSED_BY_USER, deadline_s=0)
    return listing


def assert_step(listing: Listing, before: Listing, done: SimpleNamespace, expected: Expected,
                ignored: bool = False) -> None:  # fmt: skip
    """The outcome is the expected one; an ignored input leaves all but the event time."""
    assert (CycleState(done.state).name, Reason(done.reason).name) == (
        expected[0].name, expected[1].name,
    )  # fmt: skip
    assert listing.state == done.state
    if ignored:
        assert done.ignored
        before.set(observed_ms=listing.observed_ms)
        assert listing.image() == before.image()
    else:
        assert not done.ignored
        assert listing.reason == done.reason
        assert bool(done.changed) == (done.reason < 64)


SEEK = (A, R.SEEK_OFFSET)
STAY = (Z, R.PAUSED)
OFFERS: dict[str, tuple[Expected, ...]] = {
    #            SEEKING        AWAITING                   HOLDING
    #            PROBING        FLOORED                    ALONE            SUPPRESSED   PAUSED
    "won": ((H, R.HOLDING), (H, R.HOLDING), (H, R.HOLDING),
            (H, R.HOLDING), (H, R.HOLDING), (H, R.HOLDING), (H, R.HOLDING), STAY),
    "lost": (SEEK, (A, R.LOWER_AFTER_LOSS), (A, R.HOLD_LOST),
             (A, R.PROBE_LOST), (F, R.FLOORED), SEEK, SEEK, STAY),
    "no verdict": (SEEK, (A, R.WAITING_FOR_VERDICT), (H, R.HOLDING),
                   (P, R.WAITING_FOR_VERDICT), (F, R.FLOORED), SEEK, SEEK, STAY),
    "class change": (SEEK, (A, R.WAITING_FOR_VERDICT), (H, R.HOLDING),
                     (P, R.WAITING_FOR_VERDICT), (F, R.FLOORED), SEEK, SEEK, STAY),
    "reference up": (SEEK, (A, R.REANCHOR), (A, R.REANCHOR),
                     (A, R.REANCHOR), SEEK, SEEK, SEEK, STAY),
    "reference down": (SEEK, (A, R.REANCHOR), (H, R.REANCHOR),
                       (P, R.REANCHOR), (F, R.FLOORED), SEEK, SEEK, STAY),
    "alone": ((L, R.ALONE), (L, R.ALONE), (L, R.ALONE),
              (L, R.ALONE), (L, R.ALONE), (L, R.HOLDING), (L, R.ALONE), STAY),
    "suppressed, cap known": ((X, R.SUPPRESSED), (X, R.SUPPRESSED), (X, R.SUPPRESSED),
                              (X, R.SUPPRESSED), (X, R.AT_TARGET), (X, R.SUPPRESSED),
                              (X, R.SUPPRESSED), STAY),
    "suppressed, no cap": (*((X, R.SUPPRESSED_UNKNOWN),) * 7, STAY),
    "suppressed, cap below the floor": (*((X, R.SUPPRESSED_BELOW_FLOOR),) * 7, STAY),
    "no reference": (*((each, R.NO_REFERENCE) for each in STATES[:7]), STAY),
    "unfiltered winner": (SEEK, (A, R.LOWER_AFTER_LOSS), (A, R.HOLD_LOST),
                          (A, R.PROBE_LOST), (F, R.FLOORED), SEEK, SEEK, STAY),
    "displaced": (SEEK, (A, R.DISPLACED), (A, R.DISPLACED),
                  (P, R.DISPLACED), (F, R.FLOORED), SEEK, SEEK, STAY),
    "old": tuple((each, R.OLD_INPUT) for each in STATES),
    "stale": tuple((each, R.STALE_OFFERS) for each in STATES),
}  # fmt: skip
IGNORED_OFFERS = {"old", "stale"}


def show(listing: Listing, event: str) -> SimpleNamespace:
    """The snapshot of an event."""
    own, calm = listing.price_minor, offer(REFERENCE)
    sister = Offer(REFERENCE, ELIGIBLE | OfferBit.OWN_ACCOUNT | WINS)
    outsider = Offer(REFERENCE - 10, OfferBit.NOT_FEATURED | OfferBit.CONDITION_NEW | WINS)
    fba = Offer(REFERENCE, OfferBit.FULFILLED_BY_AMAZON | ELIGIBLE)
    shots = {
        "won": lambda: listing.snapshot(offer(REFERENCE, LOSES), own=own, verdict=WINS),
        "lost": lambda: listing.snapshot(offer(REFERENCE, WINS), own=own, verdict=LOSES),
        "no verdict": lambda: listing.snapshot(calm, own=own),
        "class change": lambda: listing.snapshot(fba, own=own),
        "reference up": lambda: listing.snapshot(offer(REFERENCE + 100), own=own),
        "reference down": lambda: listing.snapshot(offer(REFERENCE - 50), own=own),
        "alone": lambda: listing.snapshot(own=own),
        "suppressed, cap known": lambda: listing.snapshot(
            calm, own=own, status=NOBODY, competitive=900),
        "suppressed, no cap": lambda: listing.snapshot(calm, own=own, status=NOBODY),
        "suppressed, cap below the floor": lambda: listing.snapshot(
            calm, own=own, status=NOBODY, competitive=700),
        "no reference": lambda: listing.snapshot(sister, own=own),
        "unfiltered winner": lambda: listing.snapshot(outsider, own=own),
        "displaced": lambda: listing.snapshot(calm, own=1234),
        "old": lambda: listing.snapshot(calm, own=own, event_ms=listing.observed_ms),
        "stale": lambda: listing.snapshot(calm, own=own, event_ms=listing.now_ms - 86_400_001),
    }  # fmt: skip
    return shots[event]()


@pytest.mark.parametrize("live", [True, False], ids=["live", "not live"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("event", OFFERS)
def test_offers(event: str, state: CycleState, live: bool) -> None:
    listing, before = listing_in(state, live), listing_in(state, live)
    if event == "stale":
        listing.set(observed_ms=0)
        before.set(observed_ms=0)
    expected = OFFERS[event][state - 1]
    if event == "displaced" and not live and state in (A, H, P):
        expected = (state, R.WAITING_FOR_LIVE if state != H else R.HOLDING)
    assert_step(listing, before, show(listing, event), expected, event in IGNORED_OFFERS)
    if event == "class change" and state in (A, H, P):
        assert listing.flags >> 3 & 3 == 1
        assert listing.keep_low_ppm == -(2**31)


PAUSING = (FeedbackKind.LISTING_SUPPRESSED, FeedbackKind.PRICING_ERROR)
DELIVERY = (FeedbackKind.ACCEPTED, FeedbackKind.REJECTED, FeedbackKind.EFFECTIVE)
K = FeedbackKind
LIVE_NOW = (*((each, reason) for each, reason in (
    (A, R.WAITING_FOR_VERDICT), (H, R.HOLDING), (P, R.WAITING_FOR_VERDICT), (F, R.FLOORED),
    (L, R.HOLDING), (X, R.WAITING_FOR_VERDICT), (Z, R.PAUSED))),)  # fmt: skip
WINNING = ((H, R.HOLDING),) * 4 + ((L, R.HOLDING), (H, R.HOLDING))
APPLIED: dict[FeedbackKind, tuple[Expected, ...]] = {
    # AWAITING and on; SEEKING judges nothing. PAUSED comes last where it takes part.
    K.REJECTED: ((H, R.REJECTED),) * 6,
    K.EFFECTIVE: LIVE_NOW,
    K.WON: WINNING,
    K.SHARE: WINNING,
    K.LOST: ((A, R.LOWER_AFTER_LOSS), (A, R.HOLD_LOST), (A, R.PROBE_LOST), (F, R.FLOORED),
             (L, R.HOLDING), (X, R.SUPPRESSED_UNKNOWN)),
}  # fmt: skip


def feedback_expected(kind: FeedbackKind, names: str, live: bool, state: CycleState
                      ) -> tuple[Expected, bool]:  # fmt: skip
    """(next state and reason, whether it is ignored)."""
    if kind in PAUSING:
        return STAY, False
    if kind == K.LISTING_RESTORED:
        return (STAY, False) if state == Z else ((state, R.NOT_APPLICABLE), True)
    if kind in DELIVERY:
        if names != "current":
            return (state, R.OTHER_PRICE), True
        if live or state == S:
            return (state, R.NOT_APPLICABLE), True
        if kind == K.ACCEPTED:
            return (state, R.ACCEPTED), True
        if kind == K.REJECTED and state == Z:
            return STAY, True
        return APPLIED[kind][state - 2], False
    if state == Z:
        return STAY, True
    if names == "other" or (names == "none" and not live):
        return (state, R.OTHER_PRICE), True
    if state == S:
        return (state, R.NOT_APPLICABLE), True
    return APPLIED[kind][state - 2], False


@pytest.mark.parametrize("live", [True, False], ids=["live", "not live"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("names", ["current", "other", "none"])
@pytest.mark.parametrize("kind", FeedbackKind, ids=lambda kind: kind.name)
def test_feedback(kind: FeedbackKind, names: str, state: CycleState, live: bool) -> None:
    listing, before = listing_in(state, live), listing_in(state, live)
    decision = {"current": 5, "other": 4, "none": 0}[names]
    done = listing.feedback(kind, decision=decision, share=9500)
    expected, ignored = feedback_expected(kind, names, live, state)
    assert_step(listing, before, done, expected, ignored)


@pytest.mark.parametrize("live", [True, False], ids=["live", "not live"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("kind", FeedbackKind, ids=lambda kind: kind.name)
def test_old_feedback_changes_nothing(kind: FeedbackKind, state: CycleState, live: bool) -> None:
    listing = listing_in(state, live)
    before = listing.image()
    done = listing.feedback(kind, price=PRICES[state], event_ms=listing.observed_ms, share=9500)
    assert done.ignored
    assert listing.image() == before


GONE = (S, R.REEMITS_EXHAUSTED)
TIMERS: dict[tuple[bool, bool, bool], tuple[Expected, ...]] = {
    # (live, attempts used up, cooling down)
    (live, used_up, cooling): (
        (S, R.NOT_APPLICABLE),
        GONE if used_up else (A, R.WAITING_FOR_VERDICT if live else R.REEMIT),
        (H, R.COOLDOWN if cooling else R.PROBE_UP) if live else GONE if used_up else (H, R.REEMIT),
        (H, R.PROBE_UNANSWERED),
        SEEK,
        (L, R.ALONE) if live else GONE if used_up else (L, R.REEMIT),
        (X, R.NOT_APPLICABLE) if live else GONE if used_up else (X, R.REEMIT),
        (Z, R.NOT_APPLICABLE),
    )
    for live in (True, False) for used_up in (True, False) for cooling in (True, False)
}  # fmt: skip


@pytest.mark.parametrize("situation", TIMERS)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_timers(state: CycleState, situation: tuple[bool, bool, bool]) -> None:
    live, used_up, cooling = situation
    listing = listing_in(state, live, cooling, used_up)
    before = listing_in(state, live, cooling, used_up)
    listing.set(deadline_s=listing.now_ms // 1000)
    done = listing.timers()
    expected = TIMERS[situation][state - 1]
    if state == H and live and not cooling:
        expected = (P, R.PROBE_UP)
    assert done is not None
    assert_step(listing, before, done, expected)
    assert listing.deadline_s == 0 or listing.deadline_s > listing.now_ms // 1000


def same(reason: Reason) -> tuple[Expected, ...]:
    return tuple((each, reason) for each in STATES)


COMMANDS: dict[str, tuple[Expected, ...]] = {
    "same bounds": tuple((each, RESTING[each]) for each in STATES),
    "price outside": (*((A, R.BOUNDS),) * 7, STAY),
    "pause": (STAY,) * 8,
    "stock out": (STAY,) * 8,
    "resume": (*same(R.NOT_APPLICABLE)[:7], (S, R.NEW)),
    "stock in": (*same(R.NOT_APPLICABLE)[:7], STAY),
    "delete": same(R.NOT_APPLICABLE),
}  # fmt: skip
KINDS = {"pause": CommandKind.PAUSE, "stock out": CommandKind.STOCK_OUT,
         "resume": CommandKind.RESUME, "stock in": CommandKind.STOCK_IN,
         "delete": CommandKind.DELETE}  # fmt: skip


@pytest.mark.parametrize("live", [True, False], ids=["live", "not live"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, state: CycleState, live: bool) -> None:
    listing, before = listing_in(state, live), listing_in(state, live)
    if command in KINDS:
        done = listing.command(KINDS[command])
    else:
        floor = 1300 if command == "price outside" else FLOOR
        done = listing.bounds(floor, CEILING)
    ignored = command in ("resume", "stock in") and state != Z
    assert_step(listing, before, done, COMMANDS[command][state - 1], ignored)
    if command == "price outside" and state != Z:
        assert listing.price_minor == 1300
    if command == "delete":
        assert not listing.has(RowFlag.ACTIVE)


@pytest.mark.parametrize("kind", PAUSING)
def test_the_condition_gone_resumes(kind: FeedbackKind) -> None:
    listing = listing_in(H, live=True)
    listing.feedback(kind)
    listing.now_ms += 1000
    done = listing.feedback(K.LISTING_RESTORED)
    assert (done.state, done.reason) == (S, R.NEW)
    assert listing.keep_low_ppm == -50_000


def test_floored_when_the_floor_loses() -> None:
    listing = listing_in(A, live=True)
    listing.bounds(990, CEILING)
    done = listing.feedback(K.LOST, decision=5)
    assert (done.state, done.reason) == (F, R.FLOORED)


def test_rejections_in_a_row_pause() -> None:
    listing = Listing(replace(PATIENT, max_rejections=2), FLOOR, CEILING)
    for reason in (R.REJECTED, R.MAX_REJECTIONS):
        listing.now_ms += 1000
        listing.snapshot(offer(REFERENCE))
        listing.wait() if reason == R.MAX_REJECTIONS else None
        done = listing.feedback(K.REJECTED, decision=listing.decision_id)
    assert (done.state, done.reason) == (Z, R.MAX_REJECTIONS)


def test_winning_while_awaiting_goes_to_the_highest_price_that_keeps() -> None:
    listing = listing_in(A, live=True)
    listing.set(keep_low_ppm=80_000)
    done = listing.feedback(K.WON, decision=5)
    assert (done.state, done.reason, done.price_minor) == (H, R.RAISE_TO_KEEP, 1080)
