"""The scalar pricing rules in plain Python: the twin of `_rules.pxd`, one short function each.

Every argument and result is an int: item and landed prices in minor units, premiums in parts per
million, times in seconds. `r` is a listing row, `s` a compiled strategy; both have the field names
of `engine.schema`. Nothing here can overflow int64 while amounts keep to `MAX_PRICE_MINOR`.
"""

from __future__ import annotations

from typing import Any

from engine.reference_endings import allowed_way, with_ending
from engine.schema import (
    CHANGE_BUCKET_S,
    MAX_DRAWS,
    PREMIUM_LIMIT_PPM,
    PREMIUM_UNKNOWN,
    Direction,
    Reason,
    RowFlag,
)

MILLION = 1_000_000


def divide_up(numerator: int, denominator: int) -> int:
    """Quotient rounded up; the denominator is positive."""
    return -((-numerator) // denominator)


def clip_premium(ppm: int) -> int:
    """Premium within the limits that keep products inside int64."""
    return max(-PREMIUM_LIMIT_PPM, min(ppm, PREMIUM_LIMIT_PPM))


def premium_down(landed: int, reference: int) -> int:
    """Premium of a landed price, rounded down: never more than what is proven to work."""
    return clip_premium((landed - reference) * MILLION // reference)


def premium_up(landed: int, reference: int) -> int:
    """Premium of a landed price, rounded up: never less than what is proven to fail."""
    return clip_premium(divide_up((landed - reference) * MILLION, reference))


def landed_low(reference: int, ppm: int) -> int:
    """Landed price of a premium from `premium_down`; gives the same price back up to 10^6.

    A price below the reference price stays below it, however small the reference price is.
    """
    landed = reference + divide_up(reference * ppm, MILLION)
    return min(landed, reference - 1) if ppm < 0 else landed


def landed_high(reference: int, ppm: int) -> int:
    """Landed price of a premium from `premium_up`; gives the same price back up to 10^6."""
    return reference + reference * ppm // MILLION


def lower(present: int, landed: int) -> bool:
    """Whether a landed price beats the one found so far; zero is no price."""
    return landed > 0 and (present == 0 or landed < present)


def own_landed(r: Any, item: int) -> int:
    """L(p): what a buyer pays for our item price; points are rounded down."""
    return item + r.landed_offset_minor - item * r.points_bp // 10_000


def item_for_landed(r: Any, landed: int) -> int:
    """Highest item price whose landed price is `landed`."""
    return (landed - r.landed_offset_minor) * 10_000 // (10_000 - r.points_bp)


def highest(r: Any) -> int:
    """Upper bound of the item price: the floor wins over the ceiling."""
    return max(r.floor_minor, r.ceiling_minor)


def clamp(r: Any, item: int) -> int:
    """Item price within the bounds."""
    return max(r.floor_minor, min(item, highest(r)))


def offset_from(s: Any, landed: int, reference_class: int) -> int:
    """Target landed price: below rounds down, above rounds up."""
    ppm = s.offset_ppm[reference_class]
    share = divide_up(landed * ppm, MILLION) if ppm > 0 else landed * ppm // MILLION
    return landed + s.offset_minor[reference_class] + share


def limit_step(s: Any, base: int, target: int) -> int:
    """Target no farther from `base` than one decision may go."""
    limit = s.step_limit_minor
    if s.step_limit_ppm > 0:
        limit = max(1, base * s.step_limit_ppm // MILLION)
    if limit == 0:
        return target
    return max(base - limit, min(target, base + limit))


def aged_history(r: Any, now_s: int) -> int:
    """Change counts moved to the present bucket."""
    gap = (now_s // CHANGE_BUCKET_S - r.change_bucket) & 0xFFFF
    return 0 if gap >= 8 else (r.change_history << (4 * gap)) & 0xFFFFFFFF


def changes_used(r: Any, now_s: int) -> int:
    """Changes of at least the last hour."""
    history = aged_history(r, now_s)
    used = 0
    for _ in range(8):
        used += history & 15
        history >>= 4
    return used


def may_change(r: Any, s: Any, now_s: int) -> bool:
    """Whether the hour has room for one more change."""
    full = aged_history(r, now_s) & 15 == 15
    return not full and changes_used(r, now_s) < s.changes_per_hour


def note_change(r: Any, now_s: int) -> None:
    """Counts one change in the present bucket."""
    history = aged_history(r, now_s)
    if history & 15 < 15:
        history += 1
    r.change_history = history
    r.change_bucket = now_s // CHANGE_BUCKET_S & 0xFFFF


def set_price(r: Any, s: Any, item: int, now_s: int) -> None:
    """Takes a new price: not live, no draws, and the longer clock runs."""
    note_change(r, now_s)
    r.price_minor = item
    r.effective_s = 0
    r.draws = 1
    r.attempts &= 0xF0
    r.flags &= ~(RowFlag.DISPLACED | RowFlag.REJECTED | RowFlag.WITHDRAWN)
    r.deadline_s = now_s + s.live_wait_s


def move_to(r: Any, s: Any, item: int, reason: int, now_s: int, o: Any) -> bool:
    """Moves the price towards `item` as far as bounds and limits allow, to one of its endings.

    True when the price changed, with `reason`; otherwise the outcome says what held it. A move
    back into bounds passes every limit, and a first price is limited by its bounds alone. A price
    whose decision was withdrawn is decided again, even where it stays the same.
    """
    wanted = with_ending(r, s, clamp(r, item))
    if r.price_minor == 0:
        return moved(r, s, wanted, reason, now_s, o)
    base = clamp(r, r.price_minor)
    target = clamp(r, limit_step(s, base, allowed_way(s, base, wanted)))
    if base != r.price_minor:
        if not may_change(r, s, now_s):
            target = base
        return moved(r, s, target, Reason.BOUNDS if target == base else reason, now_s, o)
    if target == r.price_minor and not r.flags & RowFlag.WITHDRAWN:
        return held(o, stay_reason(s, base, wanted))
    if target != r.price_minor and abs(target - r.price_minor) < s.min_change_minor:
        return held(o, Reason.MIN_CHANGE)
    if not may_change(r, s, now_s):
        return held(o, Reason.CHANGES_PER_HOUR)
    return moved(r, s, target, reason, now_s, o)


def stay_reason(s: Any, base: int, wanted: int) -> int:
    """Why the price already is as near to the wanted one as it may come."""
    if allowed_way(s, base, wanted) == wanted:
        return Reason.AT_TARGET
    return Reason.UP_ONLY if s.direction == Direction.UP_ONLY else Reason.DOWN_ONLY


def moved(r: Any, s: Any, item: int, reason: int, now_s: int, o: Any) -> bool:
    """Sets the price and says so."""
    set_price(r, s, item, now_s)
    o.reason = reason
    o.changed = 1
    return True


def held(o: Any, reason: int) -> bool:
    """Says why nothing changed, unless this input already changed the price."""
    if o.changed == 0:
        o.reason = reason
    return False


def push_draw(draws: int, won: int) -> int:
    """Appends one draw; the leading one stays above at most `MAX_DRAWS` bits."""
    draws = (draws << 1) | won
    top = 1 << MAX_DRAWS
    return draws if draws < 2 * top else (draws & (top - 1)) | top


def draw_count(draws: int) -> int:
    """Draws remembered: 0 to `MAX_DRAWS`."""
    count = 0
    while draws > 1:
        draws >>= 1
        count += 1
    return count


def win_count(draws: int) -> int:
    """Draws won among those remembered."""
    wins = -1
    while draws > 0:
        wins += draws & 1
        draws >>= 1
    return wins


def known(ppm: int) -> bool:
    """Whether a bracket end is known."""
    return bool(ppm != PREMIUM_UNKNOWN)
