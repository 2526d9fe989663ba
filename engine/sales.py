"""Units sold, by listing and hour. An hour is replaced by what is reported next, never added to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.checks import MAX_TEXT, text_error
from engine.errors import InputError

HOUR_MS = 3_600_000
KEPT_MS = 72 * HOUR_MS
"""Hours that may still be corrected."""


class Sales:
    """Belongs to the writer thread."""

    def __init__(self) -> None:
        self._hours: dict[int, dict[int, int]] = {}  # units by listing and hour
        self._sources: dict[int, str] = {}

    def put(self, listing_id: int, source: str, hour_ms: int, units: int, now_ms: int) -> int:
        """How many units more an hour has than known before. Raises InputError."""
        if hour_ms % HOUR_MS != 0 or not now_ms - KEPT_MS < hour_ms <= now_ms:
            raise InputError(
                f"hour_ms is {hour_ms}; allowed: the beginning of an hour, a multiple of {HOUR_MS},"
                f" of the last {KEPT_MS // HOUR_MS} hours",
                reason="SALES_HOUR",
                field="hour_ms",
            )
        if len(source) > MAX_TEXT:
            raise text_error("source", source)
        known = self._sources.setdefault(listing_id, source)
        if source != known:
            raise InputError(
                f"source is {source!r}; allowed: {known!r}, where this listing's sales come from,"
                " since two sources would count a sale twice",
                reason="SALES_SOURCE",
                field="source",
            )
        hours = self._hours.setdefault(listing_id, {})
        for old in [each for each in hours if each <= now_ms - KEPT_MS]:
            del hours[old]
        before, hours[hour_ms] = hours.get(hour_ms, 0), units
        return units - before

    def since(self, listing_id: int, begin_ms: int) -> int:
        """Units of the hours that began at an instant or later."""
        hours = self._hours.get(listing_id, {})
        return sum(units for hour_ms, units in hours.items() if hour_ms >= begin_ms)

    def hours_of(self, listing_id: int) -> dict[int, int] | None:
        """Units by hour, as far back as hours may be corrected; None: nobody reports them."""
        if listing_id not in self._sources:
            return None
        return self._hours.get(listing_id, {})

    def forget(self, listing_id: int) -> None:
        """Takes a deleted listing out."""
        self._hours.pop(listing_id, None)
        self._sources.pop(listing_id, None)

    def sources(self) -> list[tuple[int, str]]:
        """Listings and where their sales come from."""
        return list(self._sources.items())

    def dump(self) -> NDArray[np.int64]:
        """Rows of listing id, hour and units."""
        plain = [
            (listing_id, hour_ms, units)
            for listing_id, hours in self._hours.items()
            for hour_ms, units in hours.items()
        ]
        return np.array(plain, np.int64).reshape(-1, 3)

    @classmethod
    def load(cls, rows: NDArray[Any], sources: list[tuple[int, str]]) -> Sales:
        """What `dump` and `sources` gave."""
        sales = cls()
        sales._sources = dict(sources)
        for listing_id, hour_ms, units in rows.tolist():
            sales._hours.setdefault(listing_id, {})[hour_ms] = units
        return sales
