"""However hostile the inputs: no price outside its bounds, none without bounds, and no limit
broken but by a change back into bounds."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from market import Listing, offer
from market.listing import ELIGIBLE, LOSES, SILENT, WINS, Offer

from engine.schema import (
    MAX_PRICE_MINOR,
    MAX_SHIPPING_MINOR,
    SOURCES_LOST,
    Alone,
    BelowFloor,
    BuyBoxStatus,
    CommandKind,
    CycleState,
    Direction,
    FeedbackKind,
    MatchTarget,
    OfferBit,
    Reason,
    StrategyKind,
    Suppressed,
    Tie,
    WhenWinning,
)
from engine.strategies import FollowSource, Offset, PushStep, StrategyDefinition

HOUR_MS = 3_600_000
EXTREMES = (1, 2, 99, 1000, 1001, 123_456, MAX_PRICE_MINOR - 1, MAX_PRICE_MINOR)


def any_price(random: Random, near: int = 0) -> int:
    """An extreme amount, or one near another."""
    if near and random.random() < 0.6:
        return min(MAX_PRICE_MINOR, max(1, near + random.randrange(-near // 3 - 2, near // 3 + 2)))
    return random.choice(EXTREMES)


def any_endings(random: Random) -> dict[str, object]:
    """Price endings for a third of the strategies."""
    digits = random.choice((0, 0, 0, 0, 1, 6))
    return {"ending_digits": digits, "endings": (3, 9, 10**digits - 1)} if digits else {}


def any_push(random: Random) -> dict[str, object]:
    """Steps and rules that move prices far; the day of DAILY_PUSH is that of UTC."""
    deltas = [Offset(amount_minor=any_price(random)), Offset(basis_points=-10_000), Offset(-7)]
    steps = tuple(PushStep(at, random.choice(deltas)) for at in (1, 2, 900_000))
    rules = tuple(PushStep(2, random.choice(deltas), fewer=each) for each in (True, False))
    return {"start_minor": any_price(random), "push_steps": steps, "push_rules": rules,
            "period_ms": HOUR_MS, "keep_buy_box": random.random() < 0.5,
            "follow_sources": (FollowSource("M1", "OTHER"),), "time_zone": "UTC",
            "zone_offsets": ((0, 0),)}  # fmt: skip


def any_strategy(random: Random) -> StrategyDefinition:
    """A strategy with every choice at random."""
    kind = random.choice((*StrategyKind, StrategyKind.BUY_BOX))
    limit = random.choice(({}, {"step_limit_minor": random.choice((1, 7, 500))},
                           {"step_limit_bp": random.choice((1, 300, 80_000))}))  # fmt: skip
    return StrategyDefinition(
        "S", "hostile", "EUR", kind, alone=random.choice(list(Alone)),
        suppressed=random.choice(list(Suppressed)), below_floor=random.choice(list(BelowFloor)),
        standalone_minor=any_price(random), changes_per_hour=random.choice((1, 2, 5, 120)),
        offsets=(Offset(basis_points=random.choice((-9999, 50_000))),
                 Offset(amount_minor=random.choice((-MAX_PRICE_MINOR, MAX_PRICE_MINOR, -5))), None),
        step_minor=any_price(random), min_samples=random.choice((1, 1, 3)),
        hold_ms=random.choice((1000, 60_000)), cooldown_ms=random.choice((1000, 600_000)),
        live_wait_ms=60_000, verdict_wait_ms=60_000, retry_ms=60_000,
        targets=(MatchTarget.BUY_BOX, MatchTarget.LOWEST),
        when_winning=random.choice(list(WhenWinning)), fixed_minor=any_price(random),
        max_rejections=15, min_change_minor=random.choice((1, 1, 50)),
        position=random.choice((1, 2, 20)), tie=random.choice(list(Tie)),
        gap=random.choice((None, Offset(basis_points=9_999), Offset(amount_minor=MAX_PRICE_MINOR))),
        direction=random.choice((Direction.BOTH, *Direction)), **limit,
        **any_endings(random), **any_push(random),
    )  # fmt: skip


class Attacker:
    """Sends anything at all to one listing."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.definition = any_strategy(random)
        floor, ceiling = self.two_bounds(1000)
        self.listing = Listing(
            self.definition, floor, ceiling, price=random.choice((0, 1, 1000, MAX_PRICE_MINOR)),
            shipping=random.choice((0, -MAX_SHIPPING_MINOR, MAX_SHIPPING_MINOR, 399)),
            points_bp=random.choice((0, 0, 9000, 333)),
        )  # fmt: skip

    def two_bounds(self, near: int) -> tuple[int, int]:
        """Bounds in any order, sometimes equal."""
        floor = any_price(self.random, near)
        return floor, self.random.choice((floor, any_price(self.random, near), MAX_PRICE_MINOR))

    def step(self) -> SimpleNamespace | None:
        """One input of any kind after any time."""
        random, listing = self.random, self.listing
        listing.now_ms += random.choice((0, 1, 999, 30_000, 400_000, 4_000_000, 90_000_000))
        actions = (self.offers, self.offers, self.offers, self.verdict, self.verdict,
                   listing.wait, listing.timers, self.order)  # fmt: skip
        return random.choice(actions)()

    def offers(self) -> SimpleNamespace:
        random, listing = self.random, self.listing
        near = listing.price_minor
        rivals = [
            Offer(any_price(random, near), random.choice((
                ELIGIBLE | WINS, ELIGIBLE | LOSES, ELIGIBLE, OfferBit.NOT_FEATURED | WINS,
                ELIGIBLE | OfferBit.AMAZON, ELIGIBLE | OfferBit.OWN_ACCOUNT | WINS,
                ELIGIBLE | OfferBit.FULFILLED_BY_AMAZON)))
            for _ in range(random.randrange(4))
        ]  # fmt: skip
        return listing.snapshot(
            *rivals, own=random.choice((0, near, near, any_price(random))),
            verdict=random.choice((WINS, LOSES, SILENT)),
            status=random.choice(list(BuyBoxStatus)), event_ms=self.event(),
            competitive=random.choice((0, 0, any_price(random, near))),
            featured=random.choice((0, 0, any_price(random, near))),
        )  # fmt: skip

    def verdict(self) -> SimpleNamespace:
        random, listing = self.random, self.listing
        return listing.feedback(
            random.choice(list(FeedbackKind)), event_ms=self.event(),
            price=random.choice((0, listing.price_minor, any_price(random))),
            decision=random.choice((0, listing.decision_id, 77)), share=random.randrange(10_001),
            competitive=random.choice((0, 0, any_price(random, listing.price_minor))),
        )  # fmt: skip

    def event(self) -> int:
        return self.listing.now_ms + self.random.choice((0, 0, 0, -1000, -900_000, 299_999))

    def order(self) -> SimpleNamespace:
        kind = self.random.choice((*CommandKind, CommandKind.UPSERT, CommandKind.RESUME))
        if kind in (CommandKind.UPSERT, CommandKind.DELETE):
            return self.listing.bounds(*self.two_bounds(self.listing.price_minor))
        sources = self.random.choice((0, SOURCES_LOST, any_price(self.random)))
        return self.listing.command(kind, sources_minor=sources)


def in_bounds(listing: Listing, price: int) -> bool:
    return listing.floor_minor <= price <= max(listing.floor_minor, listing.ceiling_minor)


@pytest.mark.parametrize("seed", range(80))
def test_no_price_outside_its_bounds(seed: int) -> None:
    attacker = Attacker(seed)
    listing = attacker.listing
    for _ in range(100):
        done = attacker.step()
        assert listing.state in set(CycleState)
        assert not listing.has(1 << 12)
        if done is not None and done.changed:
            assert done.accepted, "the rules themselves keep the bounds"
            assert in_bounds(listing, done.price_minor)
            assert listing.price_minor == done.price_minor


@pytest.mark.parametrize("seed", range(80))
def test_limits_hold(seed: int) -> None:
    attacker = Attacker(seed + 1000)
    listing, definition = attacker.listing, attacker.definition
    free: list[int] = []
    for _ in range(100):
        done = attacker.step()
        if done is None or not done.changed or done.price_minor == done.previous_minor:
            continue
        if done.previous_minor == 0:
            continue
        if not in_bounds(listing, done.previous_minor):
            continue
        free.append(done.now_ms)
        recent = [each for each in free if each > done.now_ms - HOUR_MS]
        assert len(recent) <= definition.changes_per_hour, Reason(done.reason).name
        moved, limit = abs(done.price_minor - done.previous_minor), MAX_PRICE_MINOR
        if definition.step_limit_bp:
            limit = max(1, done.previous_minor * definition.step_limit_bp // 10_000)
        if definition.step_limit_minor:
            limit = definition.step_limit_minor
        assert moved <= limit, Reason(done.reason).name


@pytest.mark.parametrize("missing", ["floor_minor", "ceiling_minor"])
@pytest.mark.parametrize("seed", range(10))
def test_no_price_for_a_listing_that_lacks_a_bound(seed: int, missing: str) -> None:
    attacker = Attacker(seed)
    for _ in range(60):
        attacker.listing.set(**{missing: 0})
        price = attacker.listing.price_minor
        done = attacker.random.choice((attacker.offers, attacker.verdict, attacker.listing.wait))()
        if done is not None and done.changed:
            assert not done.accepted
            assert attacker.listing.price_minor == price


def test_the_first_decision_is_limited_by_bounds_alone() -> None:
    definition = StrategyDefinition(
        "S", "s", "EUR", StrategyKind.BUY_BOX, step_limit_minor=1, changes_per_hour=1
    )
    listing = Listing(definition, 500, 2000)
    assert listing.snapshot(offer(1000)).price_minor == 999
    listing.now_ms += 1000
    done = listing.snapshot(offer(1500))
    assert (done.changed, done.reason) == (0, Reason.CHANGES_PER_HOUR)
    listing.now_ms += 2 * HOUR_MS
    assert listing.snapshot(offer(1500)).price_minor == 1000


def test_a_change_back_into_bounds_passes_every_limit() -> None:
    definition = StrategyDefinition(
        "S", "s", "EUR", StrategyKind.BUY_BOX, step_limit_minor=1, changes_per_hour=1
    )
    listing = Listing(definition, 500, 2000)
    listing.snapshot(offer(1000))
    prices = [listing.bounds(floor, floor + 10).price_minor for floor in range(1200, 1700, 20)]
    assert prices == list(range(1200, 1700, 20))
    assert np.all(np.diff(prices) == 20)
