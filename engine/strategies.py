"""Strategies as callers define them, compiled at upsert into one fixed `schema.STRATEGY` record.

Amounts are minor units of the strategy's currency, rates basis points, durations milliseconds. A
zero means the default named in `catalog.proto`. What the record cannot express is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import xxhash
from numpy.typing import NDArray

from engine.schema import (
    AVAILABILITY_SHIFT,
    FULFILMENT_SHIFT,
    MAX_PUSH_STEPS,
    STRATEGY,
    SUB_CONDITION_MASK,
    SUB_CONDITION_SHIFT,
    Aggregate,
    Alone,
    Audience,
    BelowFloor,
    Condition,
    CountBy,
    Direction,
    FollowValue,
    OfferBit,
    PercentOf,
    StrategyKind,
    Suppressed,
    Tie,
    WhenWinning,
)
from engine.stock import StockRule
from engine.strategy_checks import ANY_HANDLING, DAY_MS, HOUR_MS, MINUTE_MS, check
from engine.timetable import CalendarEntry


def seller_hash(seller_id: str) -> int:
    """64-bit key of a seller id in the offer columns; never 0 for a given id."""
    return xxhash.xxh64_intdigest(seller_id.encode()) or 1


@dataclass(frozen=True, slots=True)
class Offset:
    """Signed distance from a target's landed price: an amount or basis points."""

    amount_minor: int = 0
    basis_points: int = 0


@dataclass(frozen=True, slots=True)
class PushStep:
    """A step or threshold of units; of a rule, `fewer` turns "at least" into "fewer than"."""

    units: int
    delta: Offset
    times: int = 1
    fewer: bool = False


@dataclass(frozen=True, slots=True)
class FollowSource:
    """A listing of the same seller whose price is followed, or an ASIN in place of the SKU, and how
    many units it sells as one."""

    marketplace_id: str
    sku: str
    audience: int = Audience.B2C
    units: int = 1
    asin: str = ""
    condition: int = Condition.NEW
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Filter:
    """Which competitor offers count; see CompetitorFilter in catalog.proto."""

    fulfilments: tuple[int, ...] = ()
    any_condition: bool = False
    sub_conditions: tuple[int, ...] = ()
    unfeatured_merchants: bool = False
    unavailable_offers: bool = False
    min_rating_bp: int = 0
    min_rating_count: int = 0
    max_handling_hours: int = 0
    exclude_amazon: bool = False
    include_seller_ids: tuple[str, ...] = ()
    exclude_seller_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StrategyDefinition:
    """One strategy of one seller. Fields of other kinds than `kind` are ignored.

    Offsets stand in the order Amazon-fulfilled, merchant-fulfilled, Amazon; None is the default.
    """

    seller_id: str
    strategy_id: str
    currency: str
    kind: int
    filter: Filter = field(default_factory=Filter)
    alone: int = Alone.RAISE
    suppressed: int = Suppressed.COMPETITIVE_PRICE
    below_floor: int = BelowFloor.FLOOR
    standalone_minor: int = 0
    step_limit_minor: int = 0
    step_limit_bp: int = 0
    changes_per_hour: int = 0
    min_change_minor: int = 0
    max_offer_age_ms: int = 0
    offsets: tuple[Offset | None, Offset | None, Offset | None] = (None, None, None)
    step_minor: int = 0
    hold_ms: int = 0
    cooldown_ms: int = 0
    share_target_bp: int = 0
    min_samples: int = 0
    max_probe_bp: int = 0
    reanchor_bp: int = 0
    live_wait_ms: int = 0
    verdict_wait_ms: int = 0
    retry_ms: int = 0
    max_reemits: int = 0
    max_rejections: int = 0
    evidence_max_age_ms: int = 0
    ignore_unfiltered_winner: bool = False
    targets: tuple[int, ...] = ()
    target_seller_ids: tuple[str, ...] = ()
    when_winning: int = WhenWinning.FOLLOW
    stay_below_next_minor: int = 0
    fixed_minor: int = 0
    endings: tuple[int, ...] = ()
    ending_digits: int = 0
    direction: int = Direction.BOTH
    position: int = 0
    gap: Offset | None = None
    """Of POSITION; None is the default."""
    tie: int = Tie.AHEAD
    start_minor: int = 0
    push_steps: tuple[PushStep, ...] = ()
    period_ms: int = 0
    push_rules: tuple[PushStep, ...] = ()
    percent_of: int = PercentOf.CURRENT
    keep_buy_box: bool = False
    count_by: int = CountBy.SKU
    restart: bool = False
    follow_sources: tuple[FollowSource, ...] = ()
    follow_units: int = 1
    aggregate: int = Aggregate.MIN
    quorum: int = 0
    follow_value: int = FollowValue.EFFECTIVE
    follow_max_age_ms: int = 0
    follow_grace_ms: int = 0
    follow_b2c: bool = False
    """FOLLOW the B2C price of the same SKU instead of sources."""
    time_zone: str = ""
    zone_offsets: tuple[tuple[int, int], ...] = ()
    """(from this instant on, seconds ahead of UTC); empty where the zone is unknown."""
    calendar: tuple[CalendarEntry, ...] = ()
    stock_rules: tuple[StockRule, ...] = ()

    @property
    def has_sources(self) -> bool:
        """Whether listings follow the live prices of others."""
        return self.kind == StrategyKind.FOLLOW and not self.follow_b2c


DEFAULTS = {
    "changes_per_hour": 12,
    "min_change_minor": 1,
    "max_offer_age_ms": DAY_MS,
    "step_minor": 1,
    "hold_ms": 30 * MINUTE_MS,
    "cooldown_ms": 6 * HOUR_MS,
    "share_target_bp": 9_000,
    "min_samples": 3,
    "reanchor_bp": 50,
    "live_wait_ms": 30 * MINUTE_MS,
    "verdict_wait_ms": HOUR_MS,
    "retry_ms": 6 * HOUR_MS,
    "max_reemits": 3,
    "max_rejections": 3,
    "evidence_max_age_ms": 7 * DAY_MS,
    "stay_below_next_minor": 1,
}


def with_defaults(definition: StrategyDefinition) -> StrategyDefinition:
    """The same with every zero that means a default replaced by it."""
    unset = {name: value for name, value in DEFAULTS.items() if not getattr(definition, name)}
    return replace(definition, **unset)  # type: ignore[arg-type]


def forbidden_bits(chosen: Filter) -> int:
    """Mask of the offer attributes that a filter excludes; condition is added per listing."""
    bits = 0
    if chosen.fulfilments:
        bits |= OfferBit.FULFILLED_BY_AMAZON | OfferBit.FULFILLED_BY_MERCHANT
        for fulfilment in chosen.fulfilments:
            bits &= ~(1 << (FULFILMENT_SHIFT + fulfilment))
    if chosen.sub_conditions:
        bits |= SUB_CONDITION_MASK
        for sub_condition in chosen.sub_conditions:
            bits &= ~(1 << (SUB_CONDITION_SHIFT + sub_condition))
    if not chosen.unfeatured_merchants:
        bits |= OfferBit.NOT_FEATURED
    if not chosen.unavailable_offers:
        bits |= (1 << (AVAILABILITY_SHIFT + 2)) | (1 << (AVAILABILITY_SHIFT + 3))
    if chosen.exclude_amazon:
        bits |= OfferBit.AMAZON
    return int(bits)


def seconds_up(milliseconds: int) -> int:
    """Duration in whole seconds, rounded up."""
    return -(-milliseconds // 1000)


DIRECT_FIELDS = (
    "min_change_minor", "step_limit_minor", "standalone_minor", "fixed_minor", "step_minor",
    "stay_below_next_minor", "max_offer_age_ms", "share_target_bp", "kind", "below_floor",
    "alone", "suppressed", "when_winning", "min_samples", "max_reemits", "max_rejections",
    "changes_per_hour", "direction", "position", "tie", "start_minor", "percent_of", "keep_buy_box",
)  # fmt: skip
SECOND_FIELDS = (
    "hold", "cooldown", "live_wait", "verdict_wait", "retry", "evidence_max_age", "period",
)  # fmt: skip


def compile_strategy(definition: StrategyDefinition, pool: list[int]) -> NDArray[np.void]:
    """`record_of` a definition that nobody has checked. Raises InputError."""
    definition = with_defaults(definition)
    check(definition)
    return record_of(definition, pool)


def record_of(definition: StrategyDefinition, pool: list[int]) -> NDArray[np.void]:
    """Record of a checked definition with its defaults, shape (1,) of `schema.STRATEGY`.

    Seller lists are appended to `pool`, each part sorted.
    """
    chosen = definition.filter
    record = np.zeros(1, STRATEGY)
    for name in DIRECT_FIELDS:
        record[name] = getattr(definition, name)
    for name in SECOND_FIELDS:
        record[f"{name}_s"] = seconds_up(getattr(definition, f"{name}_ms"))
    record["step_limit_ppm"] = definition.step_limit_bp * 100
    record["max_probe_ppm"] = definition.max_probe_bp * 100
    record["reanchor_ppm"] = definition.reanchor_bp * 100
    record["forbidden_bits"] = forbidden_bits(chosen)
    record["any_condition"] = chosen.any_condition
    record["min_rating_bp"] = chosen.min_rating_bp
    record["min_rating_count"] = chosen.min_rating_count
    record["max_handling_hours"] = chosen.max_handling_hours or ANY_HANDLING
    record["respect_unfiltered_winner"] = not definition.ignore_unfiltered_winner
    if not definition.follow_b2c:  # There the distance is part of what is followed.
        compile_offsets(definition, record)
    gap = definition.gap or Offset(amount_minor=1)
    record["gap_minor"], record["gap_ppm"] = gap.amount_minor, gap.basis_points * 100
    compile_push(definition, record)
    if definition.endings:
        record["ending_modulus"] = 10**definition.ending_digits
        record["ending_count"] = len(definition.endings)
        record["endings"][0, : len(definition.endings)] = definition.endings
    record["targets"][0, : len(definition.targets)] = definition.targets
    for name, sellers in (
        ("include", chosen.include_seller_ids),
        ("exclude", chosen.exclude_seller_ids),
        ("target", definition.target_seller_ids),
    ):
        record[f"{name}_begin"] = len(pool)
        pool.extend(sorted({seller_hash(seller) for seller in sellers}))
        record[f"{name}_end"] = len(pool)
    return record


def compile_push(definition: StrategyDefinition, record: NDArray[np.void]) -> None:
    """Steps or thresholds in the first places, rules in the last."""
    record["push_count"], record["rule_count"] = (
        len(definition.push_steps),
        len(definition.push_rules),
    )
    for first, steps in ((0, definition.push_steps), (MAX_PUSH_STEPS, definition.push_rules)):
        for place, step in enumerate(steps, first):
            record["push_units"][0, place] = step.units
            record["push_minor"][0, place] = step.delta.amount_minor
            record["push_ppm"][0, place] = step.delta.basis_points * 100
            record["push_times"][0, place] = step.times if first == 0 else step.fewer


def compile_offsets(definition: StrategyDefinition, record: NDArray[np.void]) -> None:
    """Offsets by reference class; class 0, an unseen featured offer, is taken as a merchant's."""
    below = Offset(amount_minor=-definition.step_minor)
    default = below if definition.kind == StrategyKind.BUY_BOX else Offset()
    amazon_fulfilled, merchant_fulfilled, amazon = (
        default if offset is None else offset for offset in definition.offsets
    )
    for slot, offset in enumerate(
        (merchant_fulfilled, amazon_fulfilled, merchant_fulfilled, amazon)
    ):
        record["offset_minor"][0, slot] = offset.amount_minor
        record["offset_ppm"][0, slot] = offset.basis_points * 100
