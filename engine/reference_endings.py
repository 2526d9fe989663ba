"""Price endings and the direction a strategy may go, in plain Python: the twin of `_endings.pxd`.

`r` is a listing row, `s` a compiled strategy, prices are item prices in minor units. An ending is
what is left of a price divided by the modulus: 99 of 100 is a price that ends in .99.
"""

from __future__ import annotations

from typing import Any

from engine.schema import Direction


def ending_below(s: Any, item: int) -> int:
    """Highest price up to `item` with one of the endings; zero: there is none."""
    modulus = s.ending_modulus
    prices = [item - (item - ending) % modulus for ending in s.endings[: s.ending_count]]
    return int(max(0, *prices))


def ending_above(s: Any, item: int) -> int:
    """Lowest price over `item` with one of the endings."""
    modulus = s.ending_modulus
    endings = s.endings[: s.ending_count]
    return int(min(item + 1 + (ending - item - 1) % modulus for ending in endings))


def with_ending(r: Any, s: Any, item: int) -> int:
    """The price brought down to an ending, or as it is where the floor forbids that."""
    if s.ending_modulus == 0:
        return item
    below = ending_below(s, item)
    return below if below >= r.floor_minor else item


def raised(r: Any, s: Any, item: int, limit: int) -> int:
    """A step up that its ending does not undo: at least to the next ending, within the limit.

    The present price where there is none, unless no ending lies between the floor and `item`.
    """
    if s.ending_modulus == 0:
        return item
    below = ending_below(s, item)
    if below > r.price_minor:
        return item
    above = ending_above(s, r.price_minor)
    if above <= limit:
        return above
    return item if below < r.floor_minor else int(r.price_minor)


def allowed_way(s: Any, base: int, target: int) -> int:
    """Target that does not lie on the forbidden side of the present price."""
    if s.direction == Direction.UP_ONLY:
        return max(base, target)
    if s.direction == Direction.DOWN_ONLY:
        return min(base, target)
    return target
