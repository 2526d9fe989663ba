"""Seeded random tables, strategies and inputs that lead listings through every state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.columns import OfferColumns
from engine.schema import (
    COMMAND,
    FEEDBACK,
    MAX_PRICE_MINOR,
    MAX_SHIPPING_MINOR,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    ROW,
    SNAPSHOT,
    SOURCES_LOST,
    STRATEGY,
    CommandKind,
    CycleState,
    FeedbackKind,
    OfferBit,
    Reason,
    RowFlag,
    StrategyKind,
)

Records = NDArray[np.void]
Rng = np.random.Generator

START_MS = 1_750_000_000_000
SELLERS = 12
SCALES = np.array([30, 2_000, 150_000, MAX_PRICE_MINOR // 2])


def pick(rng: Rng, size: int, **weights: float) -> NDArray[np.int64]:
    """Values given as v0=weight, v1=weight, ... drawn by weight."""
    values = np.array([int(name[1:]) for name in weights])
    chances = np.array(list(weights.values()), float)
    return rng.choice(values, size, p=chances / chances.sum())


def chance(rng: Rng, size: int, share: float) -> NDArray[np.bool_]:
    """True with a probability."""
    return rng.random(size) < share


def make_pool(rng: Rng, strategies: Records) -> NDArray[np.uint64]:
    """Seller lists of the strategies; a third have each kind of list."""
    pool: list[int] = []
    for strategy in strategies:
        for name, share in (("include", 0.2), ("exclude", 0.4), ("target", 0.7)):
            size = int(rng.integers(1, SELLERS)) if rng.random() < share else 0
            strategy[f"{name}_begin"] = len(pool)
            pool.extend(sorted(rng.choice(np.arange(1, SELLERS + 1), size, replace=False).tolist()))
            strategy[f"{name}_end"] = len(pool)
    return np.array(pool, np.uint64)


def make_strategies(rng: Rng, count: int) -> Records:
    """Strategies of every kind and choice; most are tame enough to let the cycle run."""
    s = np.zeros(count, STRATEGY)
    s["kind"] = pick(rng, count, v1=6, v2=3, v3=1, v4=2, v5=2, v6=2, v7=2)
    kinds = list(StrategyKind)[:count]
    s["kind"][: len(kinds)] = kinds
    s["step_minor"] = pick(rng, count, v1=5, v3=1, v50=1, v100000=0.3)
    s["min_change_minor"] = pick(rng, count, v1=6, v2=1, v40=1)
    s["step_limit_minor"] = pick(rng, count, v0=4, v1=1, v500=1)
    s["step_limit_ppm"] = pick(rng, count, v0=4, v20000=1, v300000=1, v8000000=0.3)
    s["max_probe_ppm"] = pick(rng, count, v0=3, v10000=1, v8000000=0.3)
    s["standalone_minor"] = pick(rng, count, v1500=1, v40=1, v100000=1)
    s["fixed_minor"] = pick(rng, count, v1200=1, v25=1, v90000=1)
    s["stay_below_next_minor"] = pick(rng, count, v1=3, v10=1)
    s["max_offer_age_ms"] = pick(rng, count, v86400000=3, v600000=1)
    for at in range(4):
        s["offset_minor"][:, at] = rng.integers(-20, 21, count)
        s["offset_ppm"][:, at] = pick(rng, count, v0=2, v10000=1, v5000000=0.1) - pick(
            rng, count, v0=3, v15000=1, v999900=0.1
        )
    s["reanchor_ppm"] = pick(rng, count, v1000=1, v5000=2, v50000=1, v1000000=0.2)
    s["hold_s"] = pick(rng, count, v1=1, v600=2, v1800=1)
    s["cooldown_s"] = pick(rng, count, v1=1, v900=1, v7200=1)
    s["live_wait_s"] = pick(rng, count, v1=1, v1800=2)
    s["verdict_wait_s"] = pick(rng, count, v1=1, v1800=2)
    s["retry_s"] = pick(rng, count, v1=1, v7200=2)
    s["evidence_max_age_s"] = pick(rng, count, v3600=1, v604800=2)
    forbidden = np.zeros(count, np.uint32)
    for bit in (OfferBit.NOT_FEATURED, OfferBit.AVAILABLE_WITH_DATE, OfferBit.AMAZON):
        forbidden |= chance(rng, count, 0.3).astype(np.uint32) * np.uint32(bit)
    s["forbidden_bits"] = forbidden
    s["min_rating_count"] = pick(rng, count, v0=3, v100=1)
    s["min_rating_bp"] = pick(rng, count, v0=3, v8000=1)
    s["max_handling_hours"] = pick(rng, count, v65535=3, v48=1)
    s["share_target_bp"] = pick(rng, count, v5000=3, v1=0.3, v10000=0.3)
    s["any_condition"] = rng.integers(0, 2, count)
    s["respect_unfiltered_winner"] = chance(rng, count, 0.7)
    s["below_floor"] = rng.integers(1, 5, count)
    s["alone"] = pick(rng, count, v1=3, v2=1, v3=1)
    s["suppressed"] = pick(rng, count, v1=3, v2=1)
    s["when_winning"] = rng.integers(1, 4, count)
    s["min_samples"] = pick(rng, count, v1=3, v2=1, v3=1, v7=0.2)
    s["max_reemits"] = pick(rng, count, v1=1, v3=2, v15=0.3)
    s["max_rejections"] = pick(rng, count, v1=0.3, v2=1, v3=2, v15=0.3)
    s["changes_per_hour"] = pick(rng, count, v1=0.5, v4=1, v12=2, v120=1)
    s["targets"] = rng.integers(0, 7, (count, 4))
    s["direction"] = pick(rng, count, v1=6, v2=1, v3=1)
    s["position"] = pick(rng, count, v1=3, v2=3, v3=2, v20=0.5)
    s["tie"] = rng.integers(1, 3, count)
    s["gap_minor"] = pick(rng, count, v0=2, v1=3, v30=1, v2000=0.3)
    s["gap_ppm"] = pick(rng, count, v0=4, v10000=1, v900000=0.3)
    add_endings(rng, s)
    add_push(rng, s)
    s["schedule_action"] = pick(rng, count, v0=6, v1=1, v2=1, v3=1)
    s["schedule_until_s"] = START_MS // 1000 + rng.integers(0, 10**6, count)
    s["schedule_price_minor"] = pick(rng, count, v1300=1, v30=1, v90000=1)
    return s


def add_push(rng: Rng, s: Records) -> None:
    """Steps, rules and periods; kinds that do not use them ignore them."""
    count = len(s)
    s["start_minor"] = pick(rng, count, v1300=3, v30=1, v100000=1)
    s["push_minor"] = rng.integers(-30, 31, (count, 16))
    s["push_ppm"] = rng.integers(-20_000, 20_001, (count, 16)) * chance(rng, count, 0.5)[:, None]
    s["push_units"] = rng.integers(1, 9, (count, 16))
    s["push_times"] = rng.integers(1, 4, (count, 16))
    s["push_times"][:, 8:] = rng.integers(0, 2, (count, 8))
    s["push_count"], s["rule_count"] = rng.integers(0, 9, count), rng.integers(0, 9, count)
    s["period_s"] = pick(rng, count, v0=1, v3600=2, v7200=2)
    s["day_begin_s"] = START_MS // 1000 - pick(rng, count, v0=1, v3600=1)
    s["percent_of"] = rng.integers(1, 3, count)
    s["keep_buy_box"] = rng.integers(0, 2, count)


def add_endings(rng: Rng, s: Records) -> None:
    """Price endings for a third of the strategies."""
    digits = pick(rng, len(s), v0=6, v1=1, v2=2, v4=0.3)
    for strategy, count in zip(s, digits.tolist(), strict=True):
        if count:
            chosen = rng.integers(0, 10**count, int(rng.integers(1, 9)))
            strategy["ending_modulus"], strategy["ending_count"] = 10**count, len(chosen)
            strategy["endings"][: len(chosen)] = chosen


def make_rows(rng: Rng, count: int, strategy_count: int) -> Records:
    """Fresh listings, tiny to the largest prices."""
    rows = np.zeros(count, ROW)
    scale = SCALES[pick(rng, count, v0=1, v1=6, v2=1, v3=0.5)]
    rows["floor_minor"] = np.maximum(1, (scale * rng.uniform(0.3, 1, count)).astype(np.int64))
    span = rng.uniform(1, 2, count) * ~chance(rng, count, 0.03)
    rows["ceiling_minor"] = np.maximum(1, (rows["floor_minor"] * span).astype(np.int64))
    wide = scale > 10**9
    offset = rng.integers(-50, 400, count) * chance(rng, count, 0.4)
    far = rng.integers(-MAX_SHIPPING_MINOR, MAX_SHIPPING_MINOR + 1, count)
    rows["landed_offset_minor"] = np.where(wide, far, offset)
    rows["points_bp"] = pick(rng, count, v0=8, v100=1, v1000=1, v9000=0.2)
    rows["strategy"] = rng.integers(0, strategy_count, count)
    rows["flags"] = RowFlag.ACTIVE | pick(rng, count, v0=1, v1=6, v2=1)
    for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
        rows[name] = PREMIUM_UNKNOWN
    rows["state"], rows["draws"], rows["reason"] = CycleState.SEEKING, 1, Reason.NEW
    return rows


def event_times(rng: Rng, rows: Records, ids: NDArray[np.int64], now_ms: int) -> NDArray[np.int64]:
    """Mostly just past, else repeated, old, or far behind."""
    recent = now_ms - rng.integers(0, 20_000, len(ids))
    kind = pick(rng, len(ids), v0=16, v1=1, v2=1, v3=0.5)
    observed = rows["observed_ms"][ids]
    other = np.choose(kind, [recent, observed, observed - 5_000, np.full(len(ids), now_ms - 10**8)])
    return np.maximum(1, other)


def around(rng: Rng, rows: Records, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Prices near the bounds of listings, within the limits of amounts."""
    middle = rows["floor_minor"][ids] * rng.uniform(0.85, 1.6, len(ids))
    return np.clip(middle.astype(np.int64), 1, MAX_PRICE_MINOR)


def make_bits(rng: Rng, size: int, winner_share: float) -> NDArray[np.uint32]:
    """Attributes as a marketplace reports them, some absent."""
    bits = np.uint32(1) << (rng.integers(0, 2, size).astype(np.uint32))
    bits |= np.uint32(1) << pick(rng, size, v2=14, v3=2, v5=1).astype(np.uint32)
    bits |= np.uint32(1) << rng.integers(7, 20, size).astype(np.uint32)
    bits |= np.uint32(1) << pick(rng, size, v20=12, v21=1, v22=1).astype(np.uint32)
    bits |= np.uint32(1) << pick(rng, size, v23=10, v24=1).astype(np.uint32)
    wins = chance(rng, size, winner_share)
    bits |= np.where(wins, OfferBit.WINNER, OfferBit.NOT_WINNER).astype(np.uint32)
    for bit, share in (
        (OfferBit.PRIME, 0.2),
        (OfferBit.AMAZON, 0.04),
        (OfferBit.OWN_ACCOUNT, 0.04),
    ):
        bits |= chance(rng, size, share).astype(np.uint32) * np.uint32(bit)
    return bits


def make_snapshots(
    rng: Rng, rows: Records, ids: NDArray[np.int64], now_ms: int, offers_each: int | None = None
) -> tuple[Records, OfferColumns]:
    """One snapshot per id, of a few offers if not said otherwise; ids may repeat."""
    count = len(ids)
    snapshots = np.zeros(count, SNAPSHOT)
    sizes = pick(rng, count, v0=3, v1=4, v2=4, v5=4, v10=2, v40=0.1)
    if offers_each is not None:
        sizes[:] = offers_each
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if count else 0
    of = np.repeat(np.arange(count), sizes)
    offers = OfferColumns.empty(total)
    offers.landed_minor[:] = around(rng, rows, ids[of])
    odd = chance(rng, total, 0.01)
    extremes = np.array([-5, 0, 1, MAX_PRICE_MINOR])
    offers.landed_minor[odd] = rng.choice(extremes, int(odd.sum()))
    offers.seller[:] = rng.integers(0, SELLERS + 3, total)
    offers.bits[:] = make_bits(rng, total, 0.12)
    offers.rating_count[:] = rng.integers(0, 2_000, total)
    offers.rating_bp[:] = rng.integers(6_000, 10_001, total)
    offers.handling_hours[:] = pick(rng, total, v0=3, v24=2, v72=1)
    snapshots["event_ms"] = event_times(rng, rows, ids, now_ms)
    snapshots["competitive_minor"] = around(rng, rows, ids) * chance(rng, count, 0.25)
    snapshots["featured_minor"] = around(rng, rows, ids) * chance(rng, count, 0.4)
    snapshots["listing_id"] = ids
    snapshots["offer_begin"], snapshots["offer_end"] = ends - sizes, ends
    snapshots["index"] = np.arange(count)
    snapshots["offer_total"] = (sizes + pick(rng, count, v0=4, v1=1)) * chance(rng, count, 0.4)
    snapshots["buy_box_status"] = pick(rng, count, v0=4, v1=4, v2=1)
    put_own_offers(rng, rows, ids, snapshots, sizes, offers)
    return snapshots, offers


def put_own_offers(
    rng: Rng,
    rows: Records,
    ids: NDArray[np.int64],
    snapshots: Records,
    sizes: NDArray[np.int64],
    offers: OfferColumns,
) -> None:
    """Makes one offer of most snapshots ours, mostly at the price that was decided last."""
    count = len(ids)
    has = (sizes > 0) & chance(rng, count, 0.75)
    place = snapshots["offer_begin"] + rng.integers(0, np.maximum(sizes, 1))
    snapshots["own_offer"] = np.where(has, place, -1)
    current = rows["price_minor"][ids]
    other = around(rng, rows, ids)
    price = np.where((current > 0) & chance(rng, count, 0.85), current, other)
    points = rows["points_bp"][ids].astype(np.int64)
    landed = price + rows["landed_offset_minor"][ids] - price * points // 10_000
    own = place[has]
    snapshots["own_price_minor"] = price * has
    offers.landed_minor[own] = landed[has]
    wins = chance(rng, len(own), 0.5)
    flags = np.where(wins, OfferBit.WINNER, OfferBit.NOT_WINNER).astype(np.uint32)
    offers.bits[own] = flags * ~chance(rng, len(own), 0.1)


def make_feedback(rng: Rng, rows: Records, ids: NDArray[np.int64], now_ms: int) -> Records:
    """Feedback of every kind, mostly on the current price."""
    count = len(ids)
    feedback = np.zeros(count, FEEDBACK)
    feedback["event_ms"] = event_times(rng, rows, ids, now_ms)
    which = pick(rng, count, v0=2, v1=6, v2=1)
    current, other = rows["price_minor"][ids], around(rng, rows, ids)
    feedback["price_minor"] = np.choose(which, [np.zeros(count, np.int64), current, other])
    feedback["competitive_minor"] = around(rng, rows, ids) * chance(rng, count, 0.2)
    feedback["listing_id"], feedback["index"] = ids, np.arange(count)
    feedback["kind"] = pick(rng, count, v1=1, v2=2, v3=5, v4=5, v5=4, v6=2, v7=0.1, v8=0.1, v9=2)
    feedback["names_decision"] = pick(rng, count, v0=5, v1=5, v2=1)
    feedback["share_bp"] = rng.integers(0, 10_001, count)
    assert set(feedback["kind"]) <= set(FeedbackKind)
    return feedback


def make_commands(rng: Rng, rows: Records, ids: NDArray[np.int64], strategy_count: int) -> Records:
    """Commands of every kind; upserts move the bounds."""
    count = len(ids)
    commands = np.zeros(count, COMMAND)
    commands["kind"] = pick(rng, count, v1=4, v2=0.4, v3=6, v4=0.4, v5=4, v6=0.1, v7=5, v8=3, v9=1)
    fresh = make_rows(rng, count, strategy_count)
    moved = chance(rng, count, 0.7)
    factor = rng.uniform(0.8, 1.25, count)
    for name in ("floor_minor", "ceiling_minor"):
        near = np.clip((rows[name][ids] * factor).astype(np.int64), 1, MAX_PRICE_MINOR)
        commands[name] = np.where(moved, near, fresh[name])
    for name in ("landed_offset_minor", "points_bp", "strategy"):
        commands[name] = np.where(chance(rng, count, 0.8), rows[name][ids], fresh[name])
    commands["units"] = rng.integers(-3, 12, count)
    commands["units_today"] = rng.integers(0, 30, count)
    sources = around(rng, rows, ids) * chance(rng, count, 0.8)
    commands["sources_minor"] = np.where(chance(rng, count, 0.1), SOURCES_LOST, sources)
    commands["restart"] = chance(rng, count, 0.1)
    commands["capped"] = chance(rng, count, 0.3)
    commands["condition"] = pick(rng, count, v0=1, v1=6, v2=1)
    commands["listing_id"], commands["index"] = ids, np.arange(count)
    assert set(commands["kind"]) <= set(CommandKind)
    return commands


def within_limits(strategies: Records) -> bool:
    """Whether rates keep to what int64 products allow."""
    names = ("step_limit_ppm", "max_probe_ppm", "reanchor_ppm", "offset_ppm", "gap_ppm", "push_ppm")
    return all(int(np.abs(strategies[name]).max()) <= PREMIUM_LIMIT_PPM for name in names)
