"""Checks of a strategy's definition: every refusal names field, value and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.follow_checks import check_follow
from engine.money import currency_index
from engine.push_checks import check_push
from engine.schema import (
    MAX_ENDINGS,
    MAX_MATCH_TARGETS,
    MAX_POSITION,
    MAX_PRICE_MINOR,
    MAX_SELLER_LIST,
    Alone,
    BelowFloor,
    CountBy,
    Direction,
    Fulfilment,
    MatchTarget,
    StrategyKind,
    Suppressed,
    Tie,
    WhenWinning,
)
from engine.stock import check_rules
from engine.timetable_checks import check_schedule

if TYPE_CHECKING:
    from engine.strategies import Filter, StrategyDefinition

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
ANY_HANDLING = 65_535
MAX_OFFSET_BP = 50_000
MAX_RATE_BP = 80_000  # 8 * 10^6 ppm of the largest price still fits int64
SUB_CONDITIONS = 13
MAX_ENDING_DIGITS = 6

LIMITS = {
    "standalone_minor": (0, MAX_PRICE_MINOR),
    "step_limit_minor": (0, MAX_PRICE_MINOR),
    "step_limit_bp": (0, MAX_RATE_BP),
    "changes_per_hour": (1, 120),
    "min_change_minor": (1, MAX_PRICE_MINOR),
    "max_offer_age_ms": (1_000, 30 * DAY_MS),
    "step_minor": (1, MAX_PRICE_MINOR),
    "hold_ms": (1_000, 30 * DAY_MS),
    "cooldown_ms": (1_000, 30 * DAY_MS),
    "share_target_bp": (1, 10_000),
    "min_samples": (1, 7),
    "max_probe_bp": (0, MAX_RATE_BP),
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
    "direction": Direction,
    "count_by": CountBy,
    "tie": Tie,
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
    "direction": "limits.direction",
    "count_by": "push.count_by",
    "tie": "position.tie",
}


def refuse(name: str, value: object, allowed: str, reason: str) -> InputError:
    """Error that names field, value and what is allowed."""
    path = FIELD_NAMES.get(name, name)
    return InputError(f"{path} is {value!r}; allowed: {allowed}", reason=reason, field=path)


def check(definition: StrategyDefinition) -> None:
    """Raises InputError for the first field that is not allowed."""
    if not definition.strategy_id or len(definition.strategy_id) > 100:
        text = definition.strategy_id
        raise refuse("strategy_id", text, "1 to 100 characters", "STRATEGY_ID_INVALID")
    if definition.kind not in set(StrategyKind):
        kinds = ", ".join(kind.name.lower() for kind in StrategyKind)
        raise refuse("kind", "", f"one of {kinds}", "STRATEGY_KIND_MISSING")
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
    check_endings(definition)
    check_offsets(definition)
    check_filter(definition.filter)
    check_kind(definition)
    check_schedule(definition)
    check_rules(definition.stock_rules)


def check_standalone(definition: StrategyDefinition) -> None:
    """STANDALONE needs a price."""
    wants = definition.alone == Alone.STANDALONE or (
        definition.below_floor == BelowFloor.STANDALONE
    )
    if wants and definition.standalone_minor == 0:
        raise refuse(
            "standalone_minor", 0, "a positive price where STANDALONE is chosen", "PRICE_MISSING"
        )


def check_endings(definition: StrategyDefinition) -> None:
    """Endings have their number of digits, and there are not too many."""
    digits, endings = definition.ending_digits, definition.endings
    if not digits and not endings:
        return
    if not 1 <= digits <= MAX_ENDING_DIGITS:
        raise refuse(
            "limits.endings.digits", digits, f"1 to {MAX_ENDING_DIGITS}", "ENDINGS_INVALID"
        )
    if not 1 <= len(endings) <= MAX_ENDINGS or max(endings) >= 10**digits:
        raise refuse(
            "limits.endings.endings",
            list(endings),
            f"1 to {MAX_ENDINGS} endings below {10**digits}",
            "ENDINGS_INVALID",
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
    for name, values, count in (
        ("fulfilments", chosen.fulfilments, max(Fulfilment)),
        ("sub_conditions", chosen.sub_conditions, SUB_CONDITIONS),
    ):
        if any(not 1 <= value <= count for value in values):
            allowed = f"values 1 to {int(count)}"
            raise refuse(f"filter.{name}", list(values), allowed, "STRATEGY_CHOICE_UNKNOWN")
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
    """What only one kind needs."""
    if definition.kind == StrategyKind.POSITION:
        check_position(definition)
    if definition.kind in (StrategyKind.PUSH, StrategyKind.DAILY_PUSH):
        check_push(definition)
    if definition.kind == StrategyKind.FOLLOW:
        check_follow(definition)
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


def check_position(definition: StrategyDefinition) -> None:
    """A rank that a marketplace shows, and a gap that does not point upwards."""
    if not 1 <= definition.position <= MAX_POSITION:
        raise refuse(
            "position.position", definition.position, f"1 to {MAX_POSITION}", "POSITION_INVALID"
        )
    gap = definition.gap
    if gap is None:
        return
    if not 0 <= gap.amount_minor <= MAX_PRICE_MINOR:
        raise refuse("position.gap", gap.amount_minor, f"0 to {MAX_PRICE_MINOR}", "GAP_INVALID")
    if not 0 <= gap.basis_points < 10_000:
        raise refuse("position.gap", gap.basis_points, "0 to 9999 basis points", "GAP_INVALID")
