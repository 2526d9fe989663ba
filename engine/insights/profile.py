"""What kind of seller it is, and in which market each of its listings stands.

Derived where looks and sales say it, answered by the seller where they cannot. What is neither
stays None, and the advice then names the questions that would change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from engine.insights.facts import Facts
from engine.insights.history import Day, Seen
from engine.insights.look import Counts

BRAND_DAYS = 90
"""So long alone on its products, a seller is taken for their brand."""
MONTH_DAYS = 30
YEAR_DAYS = 365
ALONE_PART, SUPPRESSED_PART, AMAZON_PART = (95, 100), (1, 2), (1, 5)
"""Of the looks that knew who is featured, from which part on a listing's market is this one."""

EXPERIENCED_MONTHS = 12
EXPERIENCED_ORDERS = 100
"""A month."""
EXPERIENCED_MARKETPLACES = 2
EXPERIENCED_SIGNS = 2
"""So many of the three make an experienced seller."""


class Market(IntEnum):
    """Whom a listing competes with."""

    UNKNOWN = 1
    ALONE = 2
    SUPPRESSED = 3
    AMAZON = 4
    COMPETITION = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a seller; None: not known."""

    own_brand: bool | None = None
    months_selling: int | None = None
    orders_per_month: int | None = None
    marketplaces: int = 1

    @property
    def experienced(self) -> bool:
        """Whether two of three signs say so: a year of selling, 100 orders a month, a second
        marketplace. What is not known is no sign."""
        signs = (
            (self.months_selling or 0) >= EXPERIENCED_MONTHS,
            (self.orders_per_month or 0) >= EXPERIENCED_ORDERS,
            self.marketplaces >= EXPERIENCED_MARKETPLACES,
        )
        return sum(signs) >= EXPERIENCED_SIGNS


@dataclass(frozen=True, slots=True)
class Standing:
    """A listing and the market in which it stood."""

    facts: Facts
    market: Market
    proven_alone: bool
    """Alone for at least BRAND_DAYS."""
    counts: Counts
    units: int | None
    """Of the last MONTH_DAYS; None: not known."""


def standing_of(facts: Facts, seen: Seen | None, days: Sequence[Day], today: int) -> Standing:
    """Where a listing stands by its days of the last BRAND_DAYS."""
    counts = sum((each.counts for each in days), Counts())
    market = market_of(counts)
    proven = market == Market.ALONE and seen is not None and seen.first_day <= today - BRAND_DAYS
    return Standing(facts, market, proven, counts, month_units(days, today))


def market_of(counts: Counts) -> Market:
    """The market that looks have found."""
    if counts.known == 0:
        return Market.UNKNOWN
    for market, found, (part, whole) in (
        (Market.ALONE, counts.alone, ALONE_PART),
        (Market.SUPPRESSED, counts.suppressed, SUPPRESSED_PART),
        (Market.AMAZON, counts.amazon, AMAZON_PART),
    ):
        if found * whole >= counts.known * part:
            return market
    return Market.COMPETITION


def month_units(days: Sequence[Day], today: int) -> int | None:
    """Units of the last MONTH_DAYS; None where nobody reports them."""
    known = [
        each.units for each in days if each.units is not None and each.day > today - MONTH_DAYS
    ]
    return sum(known) if known else None


def derived_profile(
    standings: Sequence[Standing], seen: Iterable[Seen], answers: Profile, today: int
) -> Profile:
    """What looks and sales say of a seller; what the seller answered counts more."""
    months = answers.months_selling
    if months is None and any(each.first_day <= today - YEAR_DAYS for each in seen):
        months = EXPERIENCED_MONTHS
    orders = answers.orders_per_month
    if orders is None:
        known = [each.units for each in standings if each.units is not None]
        orders = sum(known) if known else None
    marketplaces = len({each.facts.key.marketplace_id for each in standings})
    return Profile(answers.own_brand, months, orders, max(1, marketplaces))
