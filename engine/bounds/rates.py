"""Costs in another currency than the listing's, and the exchange rates that they follow.

A rate is stated by the seller with the day that it is of; nothing is converted without one. Costs
are rounded up, so that a computed floor never promises more than is earned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from engine.bounds.fees import divide_up
from engine.checks import check_text, value_error
from engine.errors import InputError, LimitError
from engine.money import currency_index, exponent
from engine.schema import MAX_PRICE_MINOR

MAX_RATES = 100_000
BILLION = 10**9
MAX_RATE_BILLIONTHS = 10**15
"""A million units for one."""

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Pair = tuple[str, str, str]
"""Seller, currency of the cost, currency of the listing."""


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one unit of a currency is worth in another, in billionths, on a day (ISO 8601)."""

    seller_id: str
    from_currency: str
    to_currency: str
    rate_billionths: int
    day: str

    @property
    def pair(self) -> Pair:
        """What it is kept by."""
        return self.seller_id, self.from_currency, self.to_currency

    def check(self) -> None:
        """Raises InputError with the field's name."""
        check_text("seller_id", self.seller_id)
        for name in ("from_currency", "to_currency"):
            if currency_index(getattr(self, name)) == 0:
                raise value_error(name, getattr(self, name), "an ISO 4217 code", "CURRENCY")
        if self.from_currency == self.to_currency:
            raise value_error(
                "to_currency", self.to_currency, "another one than from_currency", "CURRENCY"
            )
        if not 0 < self.rate_billionths <= MAX_RATE_BILLIONTHS:
            raise value_error(
                "rate_billionths", self.rate_billionths, f"1 to {MAX_RATE_BILLIONTHS}", "RATE"
            )
        if not is_day(self.day):
            raise value_error("day", self.day[:20], "the day of the rate, as 2026-11-25", "DAY")

    def __str__(self) -> str:
        whole, part = divmod(self.rate_billionths, BILLION)
        rate = f"{whole}.{part:09}".rstrip("0").removesuffix(".")
        return f"1 {self.from_currency} is {rate} {self.to_currency} of {self.day}"


def is_day(text: str) -> bool:
    """Whether a text is a day such as 2026-11-25."""
    if DAY.fullmatch(text) is None:
        return False
    try:
        np.datetime64(text, "D")
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ForeignCost:
    """What a unit costs, in minor units of the first currency of a pair."""

    pair: Pair
    cost_minor: int


@dataclass(slots=True)
class Rates:
    """Exchange rates by pair, and costs in other currencies by listing id."""

    pairs: dict[Pair, ExchangeRate] = field(default_factory=dict)
    costs: dict[int, ForeignCost] = field(default_factory=dict)

    def put(self, rate: ExchangeRate) -> bool:
        """Enters a rate; whether it is another number than before.

        Raises InputError for a bad or an older one, LimitError for too many.
        """
        rate.check()
        known = self.pairs.get(rate.pair)
        if known is not None and rate.day < known.day:
            raise value_error("day", rate.day, f"{known.day}, the day of the known rate, or later",
                              "DAY")  # fmt: skip
        if known is None and len(self.pairs) >= MAX_RATES:
            raise LimitError(
                f"exchange rates are limited to {MAX_RATES} a server",
                reason="TOO_MANY_EXCHANGE_RATES",
                field="from_currency",
            )
        self.pairs[rate.pair] = rate
        return known is None or known.rate_billionths != rate.rate_billionths

    def following(self, pairs: set[Pair]) -> dict[Pair, list[int]]:
        """Listings whose costs follow the rates of these pairs."""
        found: dict[Pair, list[int]] = {}
        for listing_id, cost in self.costs.items() if pairs else ():
            if cost.pair in pairs:
                found.setdefault(cost.pair, []).append(listing_id)
        return found

    def ratio(self, pair: Pair) -> tuple[int, int] | None:
        """What so many minor units of the first currency are worth in the second, as numerator and
        denominator; None without a rate."""
        _, source, target = pair
        if source == target:
            return 1, 1
        rate = self.pairs.get(pair)
        if rate is None:
            return None
        return rate.rate_billionths * 10 ** exponent(target), BILLION * 10 ** exponent(source)

    def converted(self, cost: ForeignCost) -> int:
        """The cost in the listing's currency. Raises InputError without a rate, and for a cost that
        no price could earn."""
        ratio = self.ratio(cost.pair)
        if ratio is None:
            seller_id, source, target = cost.pair
            raise InputError(
                f"cost_currency is {source!r}, and seller {seller_id!r} has no exchange rate from"
                f" {source} to {target}; allowed: one made with BatchUpsertExchangeRates, or a cost"
                f" in {target}",
                reason="NO_EXCHANGE_RATE",
                field="cost_currency",
            )
        minor = divide_up(cost.cost_minor * ratio[0], ratio[1])
        if minor > MAX_PRICE_MINOR:
            raise InputError(
                f"cost_minor {cost.cost_minor} in {cost.pair[1]} is {minor} minor units of"
                f" {cost.pair[2]} by the exchange rate; allowed: up to {MAX_PRICE_MINOR}",
                reason="AMOUNT_OUT_OF_RANGE",
                field="cost_minor",
            )
        return minor

    def erase(self, seller_id: str) -> None:
        """Takes a seller's rates out; its listings are gone already."""
        for pair in [each for each in self.pairs if each[0] == seller_id]:
            del self.pairs[pair]
