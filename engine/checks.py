"""Checks of what callers define, each with its own message: field, value and what is allowed."""

from __future__ import annotations

from engine.columns import ListingDefinition
from engine.errors import InputError, RowProblem
from engine.money import currency_index
from engine.promotions import check_promotions
from engine.schema import (
    MAX_PRICE_MINOR,
    MAX_SHIPPING_MINOR,
    Audience,
    Condition,
    Fulfilment,
)
from engine.tiers import check_tiers

MAX_TEXT = 100
MAX_POINTS_BP = 9_000


def check_definition(definition: ListingDefinition) -> None:
    """Everything about a listing that needs no look at the catalogue. Raises InputError."""
    check_text("key.seller_id", definition.key.seller_id)
    check_text("key.marketplace_id", definition.key.marketplace_id)
    check_text("key.sku", definition.key.sku)
    if definition.key.audience not in set(Audience):
        raise value_error("key.audience", definition.key.audience, "B2C or B2B", "AUDIENCE")
    if len(definition.asin) > MAX_TEXT:
        raise text_error("asin", definition.asin)
    if definition.condition not in set(Condition):
        raise value_error("condition", definition.condition, "a condition", "CONDITION")
    if definition.fulfilment not in set(Fulfilment):
        raise value_error("fulfilment", definition.fulfilment, "a fulfilment", "FULFILMENT")
    if currency_index(definition.currency) == 0:
        raise InputError(
            f"currency is {definition.currency!r}; allowed: an ISO 4217 code such as EUR",
            reason="CURRENCY_UNKNOWN",
            field="currency",
        )
    for name in ("floor_minor", "ceiling_minor"):
        bound = getattr(definition, name)
        if bound is not None or not definition.propose_bounds:
            check_bound(name, bound)
    check_amounts(definition)
    if definition.ceiling_minor is not None:
        check_advertised(definition)
    check_tiers(definition.tiers, definition.key.audience)
    check_promotions(definition.promotions)


def check_text(name: str, value: str) -> None:
    """A mandatory short text. Raises InputError."""
    if not 0 < len(value) <= MAX_TEXT:
        raise text_error(name, value)


def text_error(name: str, value: str) -> InputError:
    """Error about a text that is missing or too long."""
    shown = value if len(value) <= MAX_TEXT else value[:20] + "..."
    word = name.rsplit(".", 1)[-1].upper()
    return InputError(
        f"{name} is {shown!r} ({len(value)} characters); allowed: 1 to {MAX_TEXT} characters",
        reason=f"{word}_MISSING" if not value else f"{word}_TOO_LONG",
        field=name,
    )


def value_error(name: str, value: object, allowed: str, word: str) -> InputError:
    """Error about a value outside its choices."""
    return InputError(
        f"{name} is {value!r}; allowed: {allowed}", reason=f"{word}_INVALID", field=name
    )


def check_bound(name: str, value: int | None) -> None:
    """Both bounds are mandatory and positive. Raises InputError."""
    if value is None:
        raise InputError(
            f"{name} is missing; allowed: 1 to {MAX_PRICE_MINOR} minor units, both bounds are"
            " mandatory unless propose_bounds is set",
            reason="BOUND_MISSING",
            field=name,
        )
    if not 0 < value <= MAX_PRICE_MINOR:
        raise InputError(
            f"{name} is {value}; allowed: 1 to {MAX_PRICE_MINOR} minor units",
            reason="BOUND_NOT_POSITIVE" if value <= 0 else "BOUND_OUT_OF_RANGE",
            field=name,
        )


def check_amounts(definition: ListingDefinition) -> None:
    """Shipping, points, the present price and the cost. Raises InputError."""
    for name, value, high in (
        ("shipping_minor", definition.shipping_minor, MAX_SHIPPING_MINOR),
        ("points_minor", definition.points_minor, MAX_SHIPPING_MINOR),
        ("points_basis_points", definition.points_bp, MAX_POINTS_BP),
        ("price_minor", definition.price_minor, MAX_PRICE_MINOR),
        ("cost_minor", definition.cost_minor or 0, MAX_PRICE_MINOR),
        ("map_minor", definition.map_minor, MAX_PRICE_MINOR),
    ):
        if not 0 <= value <= high:
            raise InputError(
                f"{name} is {value}; allowed: 0 to {high}", reason="AMOUNT_OUT_OF_RANGE", field=name
            )


def check_advertised(definition: ListingDefinition) -> None:
    """A minimum advertised price binds consumers' prices and leaves room. Raises InputError."""
    if definition.map_minor == 0:
        return
    if definition.key.audience != Audience.B2C:
        raise value_error("map_minor", definition.map_minor, "0 for a B2B listing", "MAP")
    highest = max(definition.floor_minor or 0, definition.ceiling_minor or 0)
    if definition.map_minor > highest:
        raise value_error("map_minor", definition.map_minor, f"0 to {highest}, the ceiling", "MAP")


def ceiling_warning(index: int, definition: ListingDefinition) -> RowProblem | None:
    """Says that the floor wins where it lies above the ceiling."""
    floor, ceiling = definition.floor_minor or 0, definition.ceiling_minor
    if ceiling is None or floor <= ceiling:
        return None
    return RowProblem(
        index,
        "ceiling_minor",
        "FLOOR_ABOVE_CEILING",
        f"ceiling_minor is {ceiling}, below floor_minor {floor}; the floor wins and the price"
        f" stays at {floor}",
    )
