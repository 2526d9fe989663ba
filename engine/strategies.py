"""Strategies as callers define them, compiled at upsert into one fixed `schema.STRATEGY` record.

Amounts are minor units of the strategy's currency, rates basis points, durations milliseconds. A
zero means the default named in `catalog.proto`. What the record cannot express is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import xxhash
from numpy.typing import NDArray

from engine.errors import InputError
from engine.money import currency_index
from engine.schema import (
    AVAILABILITY_SHIFT,
    FULFILMENT_SHIFT,
    MAX_MATCH_TARGETS,
    MAX_PRICE_MINOR,
    MAX_SELLER_LIST,
    STRATEGY,
    SUB_CONDITION_MASK,
    SUB_CONDITION_SHIFT,
    Alone,
    BelowFloor,
    MatchTarget,
    OfferBit,
    StrategyKind,
    Suppressed,
    WhenWinning,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
ANY_HANDLING = 65_535
MAX_OFFSET_BP = 50_000


def seller_hash(seller_id: str) -> int:
    """64-bit key of a seller id in the offer columns; never 0 for a given id."""
    return xxhash.xxh64_intdigest(seller_id.encode()) or 1


@dataclass(frozen=True, slots=True)
class Offset:
    """Signed distance from a target's landed price: an amount or basis points."""

    amount_minor: int = 0
    basis_points: int = 0


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


DEFAULTS = {
    "changes_per_hour": 12,
    "min_change_minor": 1,
    "max_offer_age_ms": DAY_MS,
    "step_minor": 1,
    "hold_ms": 30 * MINUTE_MS,
    "cooldown_ms": 6 * HOUR_MS,
    "share_target_bp": 5_000,
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

LIMITS = {
    "standalone_minor": (0, MAX_PRICE_MINOR),
    "step_limit_minor": (0, MAX_PRICE_MINOR),
    "step_limit_bp": (0, 100_000),
    "changes_per_hour": (1, 120),
    "min_change_minor": (1, MAX_PRICE_MINOR),
    "max_offer_age_ms": (1_000, 30 * DAY_MS),
    "step_minor": (1, MAX_PRICE_MINOR),
    "hold_ms": (1_000, 30 * DAY_MS),
    "cooldown_ms": (1_000, 30 * DAY_MS),
    "share_target_bp": (1, 10_000),
    "min_samples": (1, 7),
    "max_probe_bp": (0, 100_000),
    "reanchor_bp": (1, 10_000),
    "live_wait_ms": (1_000, 7 * DAY_MS),
    "verdict_wait_ms": (1_000, 7 * DAY_MS),
    "retry_ms": (1_000, 30 * DAY_MS),
    "max_reemits": (1, 15),
    "max_rejections": (1, 15),
    "evidence_max_age_ms": (60_000, 365 * DAY_MS),
    "stay_below_next_minor": (1, MAX_PRICE_MINOR),
}

CHOICES = {
    "alone": Alone,
    "suppressed": Suppressed,
    "below_floor": BelowFloor,
    "when_winning": WhenWinning,
}

FIELD_NAMES = {
    "standalone_minor": "scenarios.standalone_price_minor",
    "step_limit_minor": "limits.step_limit_minor",
    "step_limit_bp": "limits.step_limit_basis_points",
    "changes_per_hour": "limits.changes_per_hour",
    "min_change_minor": "limits.min_change_minor",
    "max_offer_age_ms": "limits.max_offer_age_ms",
    "share_target_bp": "buy_box.share_target_basis_points",
    "max_probe_bp": "buy_box.max_probe_basis_points",
    "reanchor_bp": "buy_box.reanchor_basis_points",
    "stay_below_next_minor": "match.stay_below_next_minor",
    "alone": "scenarios.alone",
    "suppressed": "scenarios.suppressed",
    "below_floor": "scenarios.below_floor",
    "when_winning": "match.when_winning",
}


def refuse(name: str, value: object, allowed: str, reason: str) -> InputError:
    """Error that names field, value and what is allowed."""
    path = FIELD_NAMES.get(name, name)
    return InputError(f"{path} is {value!r}; allowed: {allowed}", reason=reason, field=path)


def with_defaults(definition: StrategyDefinition) -> StrategyDefinition:
    """The same with every zero that means a default replaced by it."""
    unset = {name: value for name, value in DEFAULTS.items() if not getattr(definition, name)}
    return replace(definition, **unset)  # type: ignore[arg-type]


def check(definition: StrategyDefinition) -> None:
    """Raises InputError for the first field that is not allowed."""
    if not definition.strategy_id or len(definition.strategy_id) > 100:
        text = definition.strategy_id
        raise refuse("strategy_id", text, "1 to 100 characters", "STRATEGY_ID_INVALID")
    if definition.kind not in set(StrategyKind):
        raise refuse("kind", "", "one of buy_box, match, fixed", "STRATEGY_KIND_MISSING")
    if currency_index(definition.currency) == 0:
        raise refuse("currency", definition.currency, "an ISO 4217 code", "CURRENCY_UNKNOWN")
    for name, (low, high) in LIMITS.items():
        value = getattr(definition, name)
        if not low <= value <= high:
            raise refuse(name, value, f"{low} to {high}", "STRATEGY_VALUE_OUT_OF_RANGE")
    for name, choice in CHOICES.items():
        value = getattr(definition, name)
        if value not in set(choice):
            names = ", ".join(item.name for item in choice)
            raise refuse(name, value, names, "STRATEGY_CHOICE_UNKNOWN")
    check_standalone(definition)
    check_offsets(definition)
    check_filter(definition.filter)
    check_kind(definition)


def check_standalone(definition: StrategyDefinition) -> None:
    """STANDALONE needs a price."""
    wants = definition.alone == Alone.STANDALONE or (
        definition.below_floor == BelowFloor.STANDALONE
    )
    if wants and definition.standalone_minor == 0:
        raise refuse(
            "standalone_minor", 0, "a positive price where STANDALONE is chosen", "PRICE_MISSING"
        )


def check_offsets(definition: StrategyDefinition) -> None:
    """Offsets keep to limits that cannot overflow."""
    for name, offset in zip(
        ("amazon_fulfilled", "merchant_fulfilled", "amazon"), definition.offsets, strict=True
    ):
        path = f"offset_{name}"
        if offset is None:
            continue
        if abs(offset.amount_minor) > MAX_PRICE_MINOR:
            raise refuse(
                path,
                offset.amount_minor,
                f"up to {MAX_PRICE_MINOR} either way",
                "OFFSET_OUT_OF_RANGE",
            )
        if not -10_000 < offset.basis_points <= MAX_OFFSET_BP:
            raise refuse(
                path,
                offset.basis_points,
                f"-9999 to {MAX_OFFSET_BP} basis points",
                "OFFSET_OUT_OF_RANGE",
            )


def check_filter(chosen: Filter) -> None:
    """Filter values and list lengths."""
    if not 0 <= chosen.min_rating_bp <= 10_000:
        raise refuse(
            "filter.min_positive_rating_basis_points",
            chosen.min_rating_bp,
            "0 to 10000",
            "STRATEGY_VALUE_OUT_OF_RANGE",
        )
    if not 0 <= chosen.min_rating_count < 2**31:
        raise refuse(
            "filter.min_rating_count",
            chosen.min_rating_count,
            "0 to 2147483647",
            "STRATEGY_VALUE_OUT_OF_RANGE",
        )
    if not 0 <= chosen.max_handling_hours < ANY_HANDLING:
        raise refuse(
            "filter.max_handling_hours",
            chosen.max_handling_hours,
            f"0 to {ANY_HANDLING - 1}",
            "STRATEGY_VALUE_OUT_OF_RANGE",
        )
    for name in ("include_seller_ids", "exclude_seller_ids"):
        check_sellers(f"filter.{name}", getattr(chosen, name))


def check_sellers(name: str, sellers: tuple[str, ...]) -> None:
    """Length of a seller list, and no blank in it."""
    if len(sellers) > MAX_SELLER_LIST:
        raise refuse(
            name, f"{len(sellers)} sellers", f"at most {MAX_SELLER_LIST}", "TOO_MANY_SELLERS"
        )
    if "" in sellers:
        raise refuse(name, "", "no blank seller id", "SELLER_ID_MISSING")


def check_kind(definition: StrategyDefinition) -> None:
    """What only MATCH or only FIXED needs."""
    if definition.kind == StrategyKind.FIXED:
        if not 0 < definition.fixed_minor <= MAX_PRICE_MINOR:
            raise refuse(
                "fixed.price_minor",
                definition.fixed_minor,
                f"1 to {MAX_PRICE_MINOR}",
                "PRICE_NOT_POSITIVE",
            )
        return
    if definition.kind != StrategyKind.MATCH:
        return
    known = set(MatchTarget) - {MatchTarget.NONE}
    targets = definition.targets
    if not 1 <= len(targets) <= MAX_MATCH_TARGETS or not known.issuperset(targets):
        raise refuse(
            "match.targets",
            list(targets),
            f"1 to {MAX_MATCH_TARGETS} known targets",
            "MATCH_TARGETS_INVALID",
        )
    check_sellers("match.target_seller_ids", definition.target_seller_ids)
    if MatchTarget.SELLERS in targets and not definition.target_seller_ids:
        raise refuse(
            "match.target_seller_ids",
            [],
            "at least one where SELLERS is a target",
            "SELLER_ID_MISSING",
        )


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
    "changes_per_hour",
)  # fmt: skip
SECOND_FIELDS = ("hold", "cooldown", "live_wait", "verdict_wait", "retry", "evidence_max_age")


def compile_strategy(definition: StrategyDefinition, pool: list[int]) -> NDArray[np.void]:
    """Record of a checked definition, shape (1,) of `schema.STRATEGY`.

    Seller lists are appended to `pool`, each part sorted. Raises InputError.
    """
    definition = with_defaults(definition)
    check(definition)
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
    compile_offsets(definition, record)
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
