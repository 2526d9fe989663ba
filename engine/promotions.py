"""Sales, deals and coupons of one listing, during which its price stays or keeps to a range.

Both are bounds in force for a time: of a held price the price itself. Times are milliseconds since
1970-01-01 UTC, amounts minor units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.schema import MAX_PRICE_MINOR
from engine.terms import Terms, replaced
from engine.timetable_checks import MAX_NAME, refuse

MAX_PROMOTIONS = 20


@dataclass(frozen=True, slots=True)
class Promotion:
    """In force from `begin_ms` until before `end_ms`. Without bounds (0) the price is held."""

    name: str
    begin_ms: int
    end_ms: int
    floor_minor: int = 0
    ceiling_minor: int = 0


def check_promotions(promotions: tuple[Promotion, ...]) -> None:
    """One after another. Raises InputError for the first field that is not allowed."""
    if len(promotions) > MAX_PROMOTIONS:
        raise refuse("promotions", len(promotions), f"at most {MAX_PROMOTIONS}", "PROMOTIONS")
    before_ms = 0
    for place, each in enumerate(promotions):
        path = f"promotions[{place}]"
        if not 0 < len(each.name) <= MAX_NAME:
            raise refuse(f"{path}.name", each.name, f"1 to {MAX_NAME} characters", "NAME_INVALID")
        if each.begin_ms < max(1, before_ms):
            allowed = f"{before_ms} or later, the end of the one before" if place else "1 or later"
            raise refuse(f"{path}.begin_ms", each.begin_ms, allowed, "PROMOTION_OVERLAP")
        if each.end_ms <= each.begin_ms:
            allowed = f"later than begin_ms, {each.begin_ms}"
            raise refuse(f"{path}.end_ms", each.end_ms, allowed, "WINDOW_EMPTY")
        before_ms = each.end_ms
        check_bounds(path, each)


def check_bounds(path: str, promotion: Promotion) -> None:
    """Bounds of a promotion that has some. Raises InputError."""
    floor, ceiling = promotion.floor_minor, promotion.ceiling_minor
    if floor == ceiling == 0:
        return
    if not 0 < floor <= MAX_PRICE_MINOR:
        allowed = f"1 to {MAX_PRICE_MINOR}"
        raise refuse(f"{path}.bounds.floor_minor", floor, allowed, "BOUND_INVALID")
    if not floor <= ceiling <= MAX_PRICE_MINOR:
        allowed = f"{floor} to {MAX_PRICE_MINOR}"
        raise refuse(f"{path}.bounds.ceiling_minor", ceiling, allowed, "BOUND_INVALID")


def running(promotions: tuple[Promotion, ...], at_ms: int) -> Promotion | None:
    """The promotion in force at an instant; they do not overlap."""
    for each in promotions:
        if each.begin_ms <= at_ms < each.end_ms:
            return each
    return None


def promoted(
    promotion: Promotion, own: Terms, in_force: tuple[int, int], price_minor: int
) -> tuple[int, int]:
    """Bounds while a promotion runs; `in_force` are those without it."""
    floor, ceiling = in_force
    if promotion.floor_minor:
        floor, ceiling = replaced(own, promotion.floor_minor, promotion.ceiling_minor)
        return max(floor, own.map_minor), ceiling
    held = max(floor, min(price_minor, ceiling))
    return (held, held) if price_minor else in_force


def changes(promotions: Iterable[Promotion]) -> list[int]:
    """Instants at which promotions begin or end."""
    return [instant for each in promotions for instant in (each.begin_ms, each.end_ms)]
