"""POSITION in plain Python: the twin of `_position.pxd`.

A rank among the eligible competitors by landed price, ourselves left out: rank 1 is before the
cheapest. `r` is the proposed row, `s` the compiled strategy, `m` the market summary, `o` the
outcome.
"""

from __future__ import annotations

from typing import Any

from engine.reference_buybox import enter_alone, enter_suppressed
from engine.reference_market import Market, eligible, forbidden_bits, offer_at
from engine.reference_match import match_landed, stay
from engine.reference_rules import MILLION
from engine.schema import OfferBit, Reason, Tie


def ranked(r: Any, s: Any, pool: list[int], snapshot: Any, offers: Any) -> list[int]:
    """Landed prices of the competitors that count, lowest first, up to the rank wanted."""
    forbidden = forbidden_bits(r, s)
    prices = []
    for at in range(snapshot.offer_begin, snapshot.offer_end):
        offer = offer_at(offers, at)
        other = at != snapshot.own_offer and not offer.bits & OfferBit.OWN_ACCOUNT
        if other and offer.landed_minor > 0 and eligible(s, pool, forbidden, offer):
            prices.append(offer.landed_minor)
    return sorted(prices)[: s.position]


def gap_of(s: Any, landed: int) -> int:
    """Distance from a competitor, rounded down."""
    return int(s.gap_minor + landed * s.gap_ppm // MILLION)


def rank_target(ranks: list[int], s: Any) -> tuple[int, int]:
    """Landed target and its reason: the gap below the competitor at our rank, but not as low as
    the one before; above the last where there is none at our rank."""
    before = ranks[s.position - 2] if s.position > 1 else 0
    if len(ranks) == s.position - 1:
        return before + gap_of(s, before), Reason.POSITION_LAST
    at_rank = ranks[s.position - 1]
    target = at_rank - gap_of(s, at_rank)
    if target > before:
        return target, Reason.POSITION
    if s.tie == Tie.SHARE:
        return at_rank, Reason.POSITION
    if at_rank - 1 > before:
        return at_rank - 1, Reason.POSITION
    return before if s.position > 1 else at_rank, Reason.POSITION_NO_ROOM


def position_offers(
    r: Any, s: Any, pool: list[int], m: Market, snapshot: Any, offers: Any, now_s: int, o: Any
) -> None:
    """POSITION: goes to its rank, or holds where offers that decide it are not shown."""
    if m.nobody_featured and m.eligible_count > 0:
        enter_suppressed(r, s, now_s, o)
        return
    ranks = ranked(r, s, pool, snapshot, offers)
    shown = snapshot.offer_end - snapshot.offer_begin
    if len(ranks) < s.position and snapshot.offer_total > shown:
        stay(r, s, Reason.POSITION_UNSEEN, now_s, o)
    elif len(ranks) == 0 or len(ranks) < s.position - 1:
        enter_alone(r, s, m.nobody_featured, now_s, o)
    else:
        landed, reason = rank_target(ranks, s)
        match_landed(r, s, landed, reason, now_s, o)
