"""MATCH and FIXED in plain Python: the twin of `_match.pxd`.

`r` is the proposed row, `s` the compiled strategy, `m` the market summary, `o` the outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_buybox import enter_alone, enter_suppressed
from engine.reference_evidence import arm
from engine.reference_market import Market, lowest_of_all
from engine.reference_rules import held, item_for_landed, move_to, offset_from, own_landed
from engine.reference_targets import below_floor_price
from engine.schema import BelowFloor, CycleState, MatchTarget, Reason, WhenWinning


def match_target(m: Market, target: int) -> tuple[int, int]:
    """Landed price and class of one target; zero: there is none."""
    if target == MatchTarget.LOWEST:
        return lowest_of_all(m)
    if target == MatchTarget.LOWEST_AMAZON_FULFILLED:
        return m.lowest[1], 1
    if target == MatchTarget.LOWEST_MERCHANT_FULFILLED:
        return m.lowest[2], 2
    if target == MatchTarget.AMAZON:
        return m.lowest[3], 3
    if target == MatchTarget.SELLERS:
        return m.target_minor, m.target_class
    if target == MatchTarget.BUY_BOX:
        if m.own_winner:
            return lowest_of_all(m)
        return m.winner_minor, m.winner_class
    return 0, 0


def settle(r: Any, s: Any, item: int, reason: int, now_s: int, o: Any) -> None:
    """Moves to a price that needs no verdict, only to become live."""
    if move_to(r, s, item, reason, now_s, o):
        r.state = CycleState.AWAITING
    else:
        rest(r, s, now_s)


def rest(r: Any, s: Any, now_s: int) -> None:
    """Ends a situation at the present price, which only has to be live."""
    situation = r.state in (CycleState.SEEKING, CycleState.ALONE, CycleState.SUPPRESSED)
    if situation and r.price_minor > 0:
        r.state = CycleState.AWAITING
        arm(r, s, now_s)


def stay(r: Any, s: Any, reason: int, now_s: int, o: Any) -> None:
    """Keeps the present price."""
    held(o, reason)
    rest(r, s, now_s)


def raise_to_next(r: Any, s: Any, m: Market, now_s: int, o: Any) -> None:
    """Winning: up to just below the next eligible offer."""
    item = item_for_landed(r, m.next_minor - s.stay_below_next_minor)
    if m.next_minor > 0 and item > r.price_minor:
        settle(r, s, item, Reason.MATCH_RAISE_TO_NEXT, now_s, o)
    else:
        stay(r, s, Reason.AT_TARGET, now_s, o)


def match_offers(r: Any, s: Any, m: Market, now_s: int, o: Any) -> None:
    """MATCH: keeps the strategy's distance from its first target that exists."""
    if m.nobody_featured and m.eligible_count > 0:
        enter_suppressed(r, s, now_s, o)
        return
    winning = m.own_winner and r.price_minor > 0
    if winning and s.when_winning == WhenWinning.HOLD:
        stay(r, s, Reason.KEEP, now_s, o)
        return
    if winning and s.when_winning == WhenWinning.RAISE_TO_NEXT:
        raise_to_next(r, s, m, now_s, o)
        return
    for target in s.targets:
        landed, kind = match_target(m, target)
        if landed > 0:
            match_landed(r, s, offset_from(s, landed, kind), Reason.MATCH, now_s, o)
            return
    enter_alone(r, s, m.nobody_featured, now_s, o)


def match_landed(r: Any, s: Any, landed: int, reason: int, now_s: int, o: Any) -> None:
    """A landed target, or the strategy's choice where it lies below the floor."""
    if landed >= own_landed(r, r.floor_minor) or s.below_floor == BelowFloor.FLOOR:
        settle(r, s, item_for_landed(r, landed), reason, now_s, o)
        return
    choice = below_floor_price(r, s)
    if choice > 0:
        settle(r, s, choice, Reason.BELOW_FLOOR_CHOICE, now_s, o)
    else:
        stay(r, s, Reason.KEEP, now_s, o)
