"""The market's own rules: the Buy Box, the oracle, competitors, messages, the named policies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.market.buybox import NOBODY, chances, draw_winners, own_share
from bench.market.chance import TICKS_A_DAY, Chance, Floats
from bench.market.grid_experiment import (
    KEEP,
    LOWEST_PPM,
    PENALTY,
    SATURATED,
    WEIGHT,
    WIDTH_PPM,
    WIN,
    GridExperiment,
)
from bench.market.messages import UNSAID, Frame, Inbox, Messages
from bench.market.oracle import best_price, value_of
from bench.market.policies import AmazonRule, Fixed, MatchLowest, Undercut
from bench.market.regimes import ORACLE, REGIMES, UNDERCUT
from bench.market.rivals import Rivals
from bench.market.simulation import LIVE_TICKS, Setting, Simulation
from bench.market.world import MATCHER, OURS, SELLERS, UNDERCUTTER, World, draw_world

KINDS = ("still", "noisy", "sharp", "sticky", "rotation", "suppression", "stockouts")
NONE = np.zeros(0, np.int64)


def market(
    name: str, *, seeds: tuple[int, ...] = (7,), rows: int = 40, days: int = 1
) -> Simulation:
    return Simulation(Setting(REGIMES[name], seeds, rows, days))


def after(name: str, ticks: int, **given: int) -> Simulation:
    """A market some ticks old; its Buy Box has been given."""
    simulation = market(name, **given)  # type: ignore[arg-type]
    for tick in range(ticks):
        simulation.rivals.step(simulation.offers, tick)
        simulation._play(tick)
    return simulation


# Regimes


def test_the_regimes_and_their_budgets() -> None:
    budgets = {name: each.budget for name, each in REGIMES.items()}
    assert budgets == {
        "still": 0.97, "noisy": 0.97, "sharp": 0.97, "sticky": 0.95, "drift": 0.95,
        "rotation": 0.95, "sparse_feedback": 0.95, "suppression": 0.93, "amazon_enters": 0.93,
        "stockouts": 0.93, "undercut_bot": 1.3, "ratio_bot": 1.3, "matcher_bot": 1.3,
        "bots_vs_bots": 1.3, "night": None,
    }  # fmt: skip
    bots = {name for name, each in REGIMES.items() if each.bots}
    assert {each.against for each in REGIMES.values()} == {ORACLE, UNDERCUT}
    assert bots == {name for name, each in REGIMES.items() if each.against == UNDERCUT}


@pytest.mark.parametrize("name", REGIMES)
def test_a_world_is_what_it_should_be(name: str) -> None:
    world = draw_world(REGIMES[name], (1, 2), 50, TICKS_A_DAY)
    sellers = world.seated.sum(axis=1)
    assert sellers.min() >= 2
    assert sellers.max() <= SELLERS
    assert len(set(sellers.tolist())) > 5
    assert ((world.buy_box_part >= 0.82) & (world.buy_box_part <= 0.90)).all()
    assert (world.floor < world.ceiling).all()
    assert (0.85 * world.floor > world.cost).all()
    assert np.allclose(world.segment_part.sum(axis=1), 1)
    assert world.fba[:, OURS].any()
    assert not world.fba[:, OURS].all()


# Chance


def test_a_seed_has_the_same_draws_whoever_runs_beside_it() -> None:
    alone, together = Chance((5,), 3), Chance((4, 5, 6), 3)
    for tick in (0, 17, TICKS_A_DAY + 3):
        assert np.array_equal(
            alone.uniform("moves", tick, 2), together.uniform("moves", tick, 2)[3:6]
        )
    first = alone.uniform("moves", 1)
    assert not np.array_equal(first, alone.uniform("moves", 2))
    assert not np.array_equal(first, alone.uniform("churn", 1))


@pytest.mark.parametrize("name", ["drift", "stockouts", "suppression", "amazon_enters"])
def test_what_others_do_does_not_depend_on_our_price(name: str) -> None:
    low, high = market(name), market(name)
    high.offers.item[:, OURS] *= 3
    for tick in range(200):
        for each in (low, high):
            each.rivals.step(each.offers, tick)
    same = slice(1, SELLERS - 1)
    assert np.array_equal(low.offers.item[:, same], high.offers.item[:, same])
    assert np.array_equal(low.offers.listed(), high.offers.listed())
    assert np.array_equal(low.offers.cap, high.offers.cap)
    assert not np.array_equal(low.offers.item, market(name).offers.item)


# Buy Box and oracle


@pytest.mark.parametrize("name", KINDS)
def test_our_chance_is_that_of_the_draw(name: str) -> None:
    """`own_share` asks about our price alone, `chances` about everybody's: they agree."""
    simulation = after(name, 50)
    contest, bonus = simulation.contest(), simulation.own_bonus()
    drawn = chances(contest)
    assert np.allclose(drawn.sum(axis=1)[drawn.sum(axis=1) > 0], 1)
    share = own_share(contest, contest.landed[:, :1], bonus)[:, 0]
    here = simulation.offers.listed()[:, OURS]
    assert here.any()
    assert np.allclose(np.nan_to_num(share)[here], drawn[here][:, OURS], atol=1e-9)
    assert (np.isnan(share[:, 0]) == (drawn[:, :, 0].sum(axis=1) == 0))[here].all()


def test_winners_are_drawn_by_their_chances() -> None:
    simulation = after("noisy", 5, rows=20)
    chance = chances(simulation.contest())
    draws = Chance((3,), 20)
    winners = np.stack([draw_winners(chance, draws.uniform("w", tick, 2)) for tick in range(2_000)])
    for seat in range(SELLERS):
        part = (winners == seat).mean(axis=0)
        assert np.abs(part - chance[:, seat]).max() < 0.06


def test_nobody_is_featured_above_the_competitive_price() -> None:
    simulation = market("still")
    simulation.offers.cap[:] = 0.1
    chance = chances(simulation.contest())
    assert (chance == 0).all()
    winners = draw_winners(chance, np.full((len(chance), 2), 0.5, np.float32))
    assert (winners == NOBODY).all()


def test_an_incumbent_keeps_the_buy_box_at_a_higher_price() -> None:
    simulation = market("sticky")
    others = simulation.own_bonus()
    simulation.incumbent[:] = OURS
    assert np.allclose(simulation.own_bonus() - others, 0.03)


@pytest.mark.parametrize("name", KINDS)
def test_the_oracle_finds_what_brute_force_finds(name: str) -> None:
    simulation = after(name, 30, rows=25)
    world, contest = simulation.world, simulation.contest()
    demand, bonus = simulation.demand(30), simulation.own_bonus()
    best = best_price(world, contest, demand, bonus, simulation.shipping, world.start)
    count = int((world.ceiling - world.floor).max()) + 1
    every = np.minimum(world.floor[:, None] + np.arange(count), world.ceiling[:, None])
    for part in np.array_split(every, 30, axis=1):
        value = value_of(world, contest, demand, bonus, simulation.shipping, part)
        assert (value.max(axis=1) <= best.value * 1.005 + 1e-9).all()
    assert ((best.item >= world.floor) & (best.item <= world.ceiling)).all()


def test_the_oracle_stays_unless_another_price_is_better() -> None:
    simulation = after("still", 10)
    world, contest = simulation.world, simulation.contest()
    known = contest, simulation.demand(10), simulation.own_bonus(), simulation.shipping
    first = best_price(world, *known, world.start)
    assert np.array_equal(best_price(world, *known, first.item).item, first.item)


# Competitors


@pytest.mark.parametrize(
    ("name", "kind", "below"), [("undercut_bot", UNDERCUTTER, 1), ("matcher_bot", MATCHER, 0)]
)
def test_bots_follow_the_lowest_other_within_their_bounds(name: str, kind: int, below: int) -> None:
    simulation = market(name)
    world, seat = simulation.world, 1
    assert (world.bot[:, seat] == kind).all()
    for tick in range(36):
        simulation.rivals.step(simulation.offers, tick)
    landed = np.where(
        simulation.offers.listed() & world.featured, simulation.offers.item + world.shipping, 10**9
    )
    landed[:, seat] = 10**9
    wanted = landed.min(axis=1) - below
    low, high = (bound[:, seat] * world.base for bound in (world.bot_floor, world.bot_ceiling))
    found = simulation.offers.item[:, seat] + world.shipping[:, seat]
    assert np.abs(found - np.clip(wanted, low, high)).max() <= 1
    assert (found == wanted).sum() > 10


def test_by_night_bots_go_up_and_buyers_sleep() -> None:
    simulation = market("night")
    world = simulation.world
    for tick in range(24):
        simulation.rivals.step(simulation.offers, tick)
    landed = simulation.offers.item[:, 1] + world.shipping[:, 1]
    assert np.abs(landed - world.bot_ceiling[:, 1] * world.base).max() <= 1
    assert (simulation.demand(0).units < simulation.demand(100).units).all()


def test_amazon_comes_and_goes() -> None:
    simulation = market("amazon_enters", days=2)
    seen = []
    for tick in range(2 * TICKS_A_DAY):
        simulation.rivals.step(simulation.offers, tick)
        seen.append(simulation.offers.present[:, SELLERS - 1].copy())
    there = np.array(seen)
    assert not there[0].any()
    enters = there.any(axis=0)
    assert 0.3 < enters.mean() < 0.9
    assert (there[-1] < enters).any()


def test_sellers_run_out_of_stock_and_come_back() -> None:
    simulation = market("stockouts", days=5)
    seen = []
    for tick in range(5 * TICKS_A_DAY):
        simulation.rivals.step(simulation.offers, tick)
        seen.append(simulation.offers.stocked.copy())
    stocked = np.array(seen)
    assert 0.5 < stocked[:, :, 1:].mean() < 0.95
    assert 0.8 < stocked[:, :, OURS].mean() < 1
    assert stocked[-200:].any(axis=0).mean() > 0.9


# Messages


def flow(lost: float, repeated: float, late: float, ticks: int = 300) -> list[tuple[int, int, int]]:
    """(arrival, event, row) of everything that is notified when every row changes every tick."""
    regime = replace(REGIMES["still"], lost=lost, repeated=repeated, late=late, poll_minutes=10**6)
    messages = Messages(regime, Chance((1,), 8), np.arange(8))
    winners, every = np.zeros((8, 2), np.int64), np.ones(8, np.bool_)
    found = []
    for tick in range(ticks + 10):
        if tick < ticks:
            messages.notify(tick, every, winners, NONE, NONE)
        inbox = messages.receive(tick, every)
        pairs = zip(inbox.events.tolist(), inbox.rows.tolist(), strict=True)
        found += [(tick, event, row) for event, row in pairs]
    return [each for each in found if each[1] > 0]


def test_messages_arrive_once_and_at_once_where_nothing_goes_wrong() -> None:
    found = flow(0, 0, 0)
    assert len(found) == len(set(found)) == 299 * 8
    assert all(arrival == event for arrival, event, _ in found)


def test_messages_are_lost_late_repeated_and_out_of_order() -> None:
    found = flow(lost=0.2, repeated=0.1, late=0.3)
    shown = [(event, row) for _, event, row in found]
    assert 0.75 < len(set(shown)) / (299 * 8) < 0.85
    assert 0.07 < len(shown) / len(set(shown)) - 1 < 0.13
    assert all(arrival >= event for arrival, event, _ in found)
    of_one_row = [event for _, event, row in found if row == 0]
    assert of_one_row != sorted(of_one_row)


def test_a_poll_comes_in_time_even_if_nothing_happens() -> None:
    simulation = market("still", rows=12)
    polls = 0
    for tick in range(120):
        none = np.zeros(12, np.bool_)
        simulation.messages.notify(tick, none, np.zeros((12, 2), np.int64), NONE, NONE)
        polls += len(simulation.messages.receive(tick, ~none).rows)
    assert 0.9 < polls / (12 * 120 / 6) < 1.3


def test_a_message_shows_one_segments_winner_or_says_nothing() -> None:
    regime = replace(REGIMES["still"], flags_absent=0.3)
    rows = 4_000
    messages = Messages(regime, Chance((1,), rows), np.arange(rows))
    winners = np.tile([2, 5], (rows, 1))
    nothing = np.zeros((rows, 1), np.int64)
    messages.show(0, nothing, nothing > 0, winners, np.full(rows, 900), np.full(rows, 0.75))
    frame = messages.frame(0)
    parts = [(frame.winner == each).mean() for each in (UNSAID, 2, 5)]
    assert np.allclose(parts, [0.3, 0.525, 0.175], atol=0.03)
    assert set(frame.competitive.tolist()) == {0, 900}


# Submissions


def test_prices_show_after_one_to_three_ticks_and_the_newest_wins() -> None:
    simulation = market("still", rows=200)
    rows = np.arange(200)
    simulation._submit(0, (rows, np.full(200, 111)))
    simulation._submit(1, (rows[:100], np.full(100, 222)))
    when = np.zeros(200, np.int64)
    for tick in range(1, LIVE_TICKS + 3):
        live = simulation._go_live(tick)
        when[live & (when == 0)] = tick
    assert set(when.tolist()) == {1, 2, 3} | ({4} & set(when.tolist()))
    assert (simulation.offers.item[:100, OURS] == 222).all()
    assert (simulation.offers.item[100:, OURS] == 111).all()


def test_the_quota_of_a_seller_delays_what_is_too_much() -> None:
    simulation = market("still", seeds=(1, 2), rows=4_000)
    rows = np.concatenate([np.arange(4_000), np.arange(4_000, 4_500)])
    waits = simulation._queued(rows)
    assert np.bincount(waits[:4_000]).tolist() == [1_500, 1_500, 1_000]
    assert (waits[4_000:] == 0).all()
    assert simulation.outcome.delayed == 2_500


# Named policies


def world_of_two() -> World:
    world = draw_world(REGIMES["still"], (1,), 2, TICKS_A_DAY)
    world.floor[:], world.ceiling[:], world.start[:] = 800, 1_500, 1_200
    world.shipping[:], world.featured[:] = 0, True
    world.featured[:, 3] = False
    return world


def told(winner: int, competitive: int = 0, rivals: tuple[int, ...] = (1_000, 1_100)) -> Frame:
    """Both rows see the same: rivals in seats 1 and 2, and an offer of 900 that is not featured."""
    item = np.full((2, SELLERS), 1_200)
    listed = np.zeros((2, SELLERS), np.bool_)
    listed[:, OURS] = listed[:, 3] = True
    item[:, 3] = 900
    for seat, price in enumerate(rivals, 1):
        item[:, seat], listed[:, seat] = price, True
    return Frame(item, listed, np.full(2, winner), np.full(2, competitive))


@pytest.mark.parametrize(
    ("policy", "frame", "price"),
    [
        (Fixed, told(1), None),
        (MatchLowest, told(1), 1_000),
        (MatchLowest, told(1, rivals=(500,)), 800),
        (MatchLowest, told(1, rivals=()), 1_500),
        (Undercut, told(OURS), 999),
        (Undercut, told(1, rivals=(2_000,)), 1_500),
        (AmazonRule, told(2), 1_099),
        (AmazonRule, told(OURS), None),
        (AmazonRule, told(NOBODY, competitive=950), 950),
        (AmazonRule, told(NOBODY), 1_000),
    ],
)
def test_what_the_named_rules_do(policy: type, frame: Frame, price: int | None) -> None:
    rule = policy(world_of_two())
    inbox = Inbox(np.array([1]), np.array([4]), (NONE, NONE, NONE), (NONE, NONE))
    rows, prices = rule.decide(4, inbox, {4: frame}.__getitem__)
    wanted = ([], []) if price is None else ([1], [price])
    assert (rows.tolist(), prices.tolist()) == wanted


def test_a_late_message_does_not_undo_a_newer_one() -> None:
    rule = MatchLowest(world_of_two())
    frames = {3: told(1, rivals=(900,)), 4: told(1, rivals=(1_000,))}
    for event, wanted in ((4, [1_000]), (3, []), (4, [])):
        inbox = Inbox(np.array([0]), np.array([event]), (NONE, NONE, NONE), (NONE, NONE))
        assert rule.decide(5, inbox, frames.__getitem__)[1].tolist() == wanted


def test_the_grid_learns_from_flags_in_integers() -> None:
    assert WIN.dtype == PENALTY.dtype == WEIGHT.dtype == np.int64
    assert (np.diff(WIN, axis=2) <= 0).all()
    assert (np.diff(WIN, axis=1) >= 0).all()
    rule = GridExperiment(world_of_two())
    for event, winner in ((1, OURS), (2, 1)):
        frame = told(winner)
        frame.item[:, OURS] = 1_020 if winner == OURS else 1_060
        inbox = Inbox(np.array([0]), np.array([event]), (NONE, NONE, NONE), (NONE, NONE))
        rule.decide(event, inbox, {event: frame}.__getitem__)
    assert rule.grid.dtype == np.int64
    assert rule.grid.min() == 0
    assert rule.grid.max() <= SATURATED
    sharp = rule.grid[KEEP, 0, 0]
    won, lost = (int((ppm - LOWEST_PPM) // WIDTH_PPM) for ppm in (20_000, 60_000))
    assert sharp[won + 1 : lost].max() < min(sharp[: won - 1].min(), sharp[lost + 2 :].min())
    assert np.array_equal(rule.grid[:, 1, 0, 13], [0, 0])


def test_the_reference_drifts_in_the_drift_regime() -> None:
    def levels(name: str) -> Floats:
        world = draw_world(REGIMES[name], (1,), 30, TICKS_A_DAY)
        rivals = Rivals(REGIMES[name], world, Chance((1,), 30))
        offers = rivals.open()
        for tick in range(TICKS_A_DAY):
            rivals.step(offers, tick)
        return offers.level

    assert (levels("still") == 1).all()
    assert 0.01 < levels("drift").std() < 0.04
