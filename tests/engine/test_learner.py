"""The learner: what draws teach, what price follows, and where it has no word."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market import Listing, offer
from market.listing import LISTING_ID, LOSES, WINS
from market.listing import PATIENT as ONE_DRAW

from engine import learner_tables as tables
from engine import reference_learner as learner
from engine.reference import load, store
from engine.schema import CycleState, FeedbackKind, LastDraw, Reason

FOLDER = Path(learner.__file__).parent
NATIVE = "".join((FOLDER / name).read_text() for name in ("_learner.pxd", "_chances.pxd"))
REFERENCE = 1000
PATIENT = replace(ONE_DRAW, min_samples=3)
"""One draw is no verdict, so draws are weighed."""


def taught(*draws: tuple[int, bool]) -> Listing:
    """A listing that saw these draws: our landed price, and whether it won."""
    listing = Listing(PATIENT, 500, 2500, price=1000)
    for price, won in draws:
        listing.now_ms += 1000
        mine, theirs = (WINS, LOSES) if won else (LOSES, WINS)
        listing.snapshot(offer(REFERENCE, theirs), own=price, verdict=mine)
    return listing


def grid_of(listing: Listing) -> Any:
    """The grid as an object."""
    return load(listing.grids, LISTING_ID)


def chances(listing: Listing, holds: int) -> list[int]:
    """Chance at each step in parts of WHOLE."""
    return learner.chances(learner.unpack(grid_of(listing), holds))


def opened(listing: Listing) -> tuple[Any, learner.Grids, Any]:
    """Row, grid and strategy for the rules themselves."""
    grids = learner.Grids(lambda: grid_of(listing))
    return load(listing.rows, LISTING_ID), grids, load(listing.strategies, 0)


def step(price: int) -> int:
    """Step of a landed price."""
    return learner.step_of(price, REFERENCE)


def test_constants_are_those_of_the_native_learner() -> None:
    native = dict(re.findall(r"^    ([A-Z_]+) = (-?\d+)$", NATIVE, re.MULTILINE))
    shared = {name: int(value) for name, value in native.items() if hasattr(tables, name)}
    assert len(shared) == 16
    assert shared == {name: getattr(tables, name) for name in shared}


def test_tables_fall_and_rise_with_the_price() -> None:
    for wins, lost in zip(tables.WINS, tables.BITS_IF_LOST, strict=True):
        assert len(wins) == len(lost) == 2 * tables.REACH + 1
        assert list(wins) == sorted(wins, reverse=True)
        assert list(lost) == sorted(lost, reverse=True)


def test_a_grid_of_zeros_knows_nothing() -> None:
    listing = Listing(PATIENT, 500, 2500)
    assert not any(listing.grids[LISTING_ID].tobytes())
    listing.snapshot(offer(REFERENCE))
    assert (listing.reason, listing.price_minor) == (Reason.SEEK_OFFSET, 999)


def test_wins_and_losses_move_the_chance_where_they_happened() -> None:
    chance = chances(taught(*[(1020, True), (1060, False)] * 6), 1)
    assert chance == sorted(chance, reverse=True)
    assert chance[step(1010)] > 900
    assert chance[step(1060)] < 200


def test_one_lost_draw_among_many_won_ones_says_little_of_lower_prices() -> None:
    listing = taught(*[(1040, True)] * 8, (1040, False))
    assert chances(listing, 1)[step(1020)] > 700
    assert chances(listing, 1)[step(1000)] > 900


def test_a_draw_outside_the_grid_teaches_only_what_holds_inside() -> None:
    assert grid_of(taught((1500, False))).last == LastDraw.NONE
    assert grid_of(taught((700, True))).last == LastDraw.NONE
    assert grid_of(taught((1500, True))).last == LastDraw.WON
    assert grid_of(taught((700, False))).last == LastDraw.LOST


def test_where_one_draw_is_a_verdict_none_is_weighed() -> None:
    listing = Listing(ONE_DRAW, 500, 2500, price=1000)
    listing.now_ms += 1000
    listing.snapshot(offer(REFERENCE, LOSES), own=1000, verdict=WINS)
    assert grid_of(listing).last == LastDraw.NONE
    assert listing.state == CycleState.HOLDING


def test_a_refused_proposal_teaches_nothing() -> None:
    listing = taught((1000, True))
    before = listing.image()
    listing.accepted = lambda count: np.zeros(count, np.bool_)  # type: ignore[method-assign]
    listing.now_ms += 1000
    listing.snapshot(offer(REFERENCE, LOSES), own=1000, verdict=WINS)
    assert listing.image() == before


def test_what_takes_and_what_keeps_are_learned_apart() -> None:
    draws = [(990, True), (1040, True), (1040, True), (1080, False), (1040, False), (1040, False)]
    listing = taught(*draws * 3)
    at = step(1040)
    assert chances(listing, 0)[at] < 300 < 600 < chances(listing, 1)[at]


def test_evidence_ages_until_nothing_is_known() -> None:
    week = replace(PATIENT, evidence_max_age_ms=7 * 86_400_000)
    row, grids, strategy = opened(Listing(week, 500, 2500, price=1000))
    for _ in range(6):
        learner.learn_draw(row, grids, strategy, False, 1060, REFERENCE, 10**9)
    grid = grids.open(row)
    sure = learner.unpack(grid, 0)[1]
    learner.age_grid(row, grids, strategy, 10**9 + 3 * 86_500)
    assert learner.unpack(grid, 0)[1] == [max(0, each - 3) for each in sure]
    assert grid.last == LastDraw.LOST
    learner.age_grid(row, grids, strategy, 10**9 + 30 * 86_500)
    assert grid.last == LastDraw.NONE


@pytest.mark.parametrize(("share", "expected"), [(9_000, 1020), (2_000, 1050)])
def test_the_price_is_the_highest_that_reaches_the_target(share: int, expected: int) -> None:
    listing = taught(*[(1020, True), (1060, False)] * 6)
    row, grids, strategy = opened(listing)
    strategy.share_target_bp, grids.open(row).best = share, 0
    best = learner.choose(row, grids, strategy, REFERENCE, 1, False)
    assert abs(learner.step_landed(row, REFERENCE, best) - expected) <= 15


def test_the_competitive_price_is_a_cap() -> None:
    listing = taught(*[(1020, True), (1060, False)] * 6)
    row = load(listing.rows, LISTING_ID)
    row.competitive_minor = 1005
    assert learner.step_landed(row, REFERENCE, step(1020)) == 1005


def test_a_share_counts_as_four_draws() -> None:
    listing = taught((1000, True))
    listing.now_ms += 1000
    row, grids, strategy = opened(listing)
    for won in (False, True, True, True):
        learner.learn_draw(row, grids, strategy, won, listing.price_minor, REFERENCE, 0)
    listing.feedback(FeedbackKind.SHARE, price=listing.price_minor, share=7_500)
    found = grid_of(listing)
    assert found.keep_bits == grids.open(row).keep_bits
    assert found.take_bits == grids.open(row).take_bits
    assert found.last == LastDraw.LOST


def test_the_best_price_is_found_in_noise() -> None:
    """Chances fall from 0.95 at 1040 to 0.05 at 1060; the price comes to rest near the knee."""
    rng = np.random.default_rng(3)
    listing = Listing(replace(PATIENT, cooldown_ms=6 * 3_600_000), 800, 1500, price=990)
    seen = []
    for _ in range(600):
        listing.now_ms += 900_000
        price = listing.price_minor or 990
        won = rng.random() < 1 / (1 + np.exp((price - 1050) / 3.4))
        mine, theirs = (WINS, LOSES) if won else (LOSES, WINS)
        listing.snapshot(offer(REFERENCE, theirs), own=price, verdict=mine)
        while listing.deadline_s and listing.deadline_s * 1000 <= listing.now_ms:
            if listing.timers() is None:
                break
        seen.append(listing.price_minor)
    assert 1015 <= np.median(seen[200:]) <= 1045
    assert listing.state in (CycleState.HOLDING, CycleState.PROBING, CycleState.AWAITING)


def after_silence(held: int, *, wins: int, loses: int) -> tuple[int, Any, Listing]:
    """A probe from the price held that nobody answers, with this learned about what keeps; the
    price that was tried, what silence led to, and the listing."""
    listing = Listing(PATIENT, 500, 2500, price=held)
    listing.now_ms += 1000
    listing.snapshot(offer(REFERENCE, LOSES), own=held, verdict=WINS)
    assert listing.wait().reason == Reason.PROBE_UP
    tried, grid = listing.price_minor, grid_of(listing)
    for _ in range(6):
        learner.add_draw(grid, 1, True, step(wins))
        learner.add_draw(grid, 1, False, step(loses))
    store(listing.grids, LISTING_ID, grid)
    return tried, listing.wait(), listing


def test_silence_leaves_a_price_that_the_learner_expects_to_hold() -> None:
    tried, done, listing = after_silence(990, wins=1005, loses=1060)
    assert (done.reason, listing.state) == (Reason.PROBE_UNANSWERED, CycleState.HOLDING)
    assert 990 < done.price_minor < tried
    assert chances(listing, 1)[step(done.price_minor)] >= 0.9 * tables.WHOLE
    assert listing.cooldown_until_s > listing.now_ms // 1000


def test_silence_leaves_the_probe_itself_where_it_is_expected_to_hold() -> None:
    tried, done, listing = after_silence(990, wins=1100, loses=1150)
    assert (done.changed, done.price_minor, listing.state) == (0, tried, CycleState.HOLDING)
    assert listing.cooldown_until_s > listing.now_ms // 1000


def test_silence_leads_back_where_no_higher_price_is_expected_to_hold() -> None:
    _, done, _ = after_silence(990, wins=985, loses=1000)
    assert (done.reason, done.price_minor) == (Reason.PROBE_UNANSWERED, 990)


def test_silence_leads_back_to_a_price_that_the_learner_never_saw() -> None:
    _, done, _ = after_silence(890, wins=1100, loses=1150)
    assert (done.reason, done.price_minor) == (Reason.PROBE_UNANSWERED, 890)
