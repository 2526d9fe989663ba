"""The frozen set in numba: the engine's own scalar rules, compiled, under a loop of two levels.

The rules are the plain Python functions of `engine.reference_rules`, `engine.reference_market` and
`engine.reference_buybox`, compiled as they stand; only the pass over the offers is written here,
because the engine's fills an object that numba cannot compile.
"""

from __future__ import annotations

from enum import EnumMeta, IntEnum
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from bench.frozen import Answers, Frozen
from bench.ticks import Records
from engine.reference_buybox import alone_cap, probe_limit
from engine.reference_market import forbidden_bits, offer_class
from engine.reference_rules import (
    clamp,
    divide_up,
    highest,
    item_for_landed,
    limit_step,
    lower,
    offset_from,
)
from engine.schema import OfferBit

RULES: tuple[Any, ...] = (
    divide_up, lower, item_for_landed, highest, clamp, offset_from, limit_step, offer_class,
    forbidden_bits, alone_cap, probe_limit,
)  # fmt: skip
"""What is compiled, each after what it calls."""


class Columns(NamedTuple):
    """The arrays of the frozen set as they are."""

    rows: Records
    strategies: Records
    begin: NDArray[np.uint32]
    end: NDArray[np.uint32]
    landed_minor: NDArray[np.int64]
    bits: NDArray[np.uint32]
    rating_count: NDArray[np.uint32]
    rating_bp: NDArray[np.uint16]
    handling_hours: NDArray[np.uint16]


@cache
def compiled_loop() -> Any:
    """The loop and its rules, compiled."""
    names: dict[str, Any] = {"np": np}
    for function in (*RULES, evaluate_loop):
        for name, value in function.__globals__.items():
            if isinstance(value, EnumMeta):
                # Enums of flags become enums of ints, which numba knows.
                names[name] = IntEnum(name, {each.name: each.value for each in value})
            elif isinstance(value, int):
                names[name] = value
    for function in RULES:
        names[function.__name__] = jit(function, names)
    return jit(evaluate_loop, names)


def jit(function: Any, names: dict[str, Any]) -> Any:
    """A function compiled with other globals than its module's, where its callees are Python."""
    own = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    return numba.njit(own)


def prepare(frozen: Frozen) -> Columns:
    """The columns, and everything compiled."""
    offers = frozen.offers
    columns = Columns(
        frozen.rows,
        frozen.strategies,
        frozen.snapshots["offer_begin"].copy(),
        frozen.snapshots["offer_end"].copy(),
        offers.landed_minor,
        offers.bits,
        offers.rating_count,
        offers.rating_bp,
        offers.handling_hours,
    )
    evaluate(columns)
    return columns


def evaluate(columns: Columns) -> Answers:
    """Item prices and reference prices."""
    count = len(columns.rows)
    price, reference = np.empty(count, np.int64), np.empty(count, np.int64)
    compiled_loop()(*columns, price, reference)
    return Answers(price, reference)


def evaluate_loop(  # type: ignore[no-untyped-def]
    rows, strategies, begin, end, landed_minor, bits, rating_count, rating_bp, handling_hours,
    price, reference,
):  # fmt: skip
    """Every listing: one pass over its offers, then the rules."""
    for at in range(len(rows)):
        r = rows[at]
        s = strategies[r.strategy]
        forbidden = forbidden_bits(r, s)
        best, best_class, unfiltered, featured = 0, 0, 0, False
        for each in range(begin[at], end[at]):
            attributes: Any = np.int64(bits[each])
            landed = landed_minor[each]
            wins = attributes & OfferBit.WINNER != 0
            if attributes & OfferBit.OWN_ACCOUNT != 0:
                featured |= wins
                continue
            passes = (
                (attributes & forbidden == 0)
                & (rating_bp[each] >= s.min_rating_bp)
                & (rating_count[each] >= s.min_rating_count)
                & (handling_hours[each] <= s.max_handling_hours)
            )
            if passes:
                featured |= wins
                kind = offer_class(attributes)
                if lower(best, landed) or (landed == best and kind < best_class):
                    best, best_class = landed, kind
            elif wins and lower(unfiltered, landed):
                unfiltered = landed
        reference[at] = best
        if s.respect_unfiltered_winner and not featured and unfiltered > 0:
            reference[at] = unfiltered
        present = r.price_minor
        if best > 0:
            target = item_for_landed(r, offset_from(s, best, best_class))
        else:
            cap = alone_cap(r, s)
            target = cap
            if 0 < present < cap:
                target = min(cap, present + probe_limit(s, present, (cap - present) // 2))
        target = clamp(r, target)
        if present > 0:
            target = clamp(r, limit_step(s, clamp(r, present), target))
        price[at] = target
