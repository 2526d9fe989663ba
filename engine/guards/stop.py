"""The kill switch: what is stopped lets no decision out, by whatever way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.catalog import Catalog


class KillSwitch:
    """Stops everything, sellers, or listings, each by itself. Bounded by the catalogue."""

    def __init__(self) -> None:
        self.everything = False
        self.sellers: set[int] = set()
        self.listings = np.zeros(0, np.uint32)
        """Stopped listings, sorted."""

    def any(self) -> bool:
        """Whether anything is stopped."""
        return self.everything or bool(self.sellers) or len(self.listings) > 0

    def stops(self, catalog: Catalog, ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these listings are stopped."""
        if self.everything:
            return np.ones(len(ids), np.bool_)
        stopped = np.zeros(len(ids), np.bool_)
        if self.sellers:
            stopped |= np.isin(catalog.records["seller"][ids], sorted(self.sellers))
        if len(self.listings):
            stopped |= np.isin(ids, self.listings)
        return stopped

    def cause(self, catalog: Catalog, listing_id: int) -> str:
        """By what a listing is stopped: "everything", "seller", "listing", or nothing."""
        if self.everything:
            return "everything"
        if int(catalog.records["seller"][listing_id]) in self.sellers:
            return "seller"
        return "listing" if bool(np.any(self.listings == listing_id)) else ""

    def stop(self, everything: bool, sellers: list[int], listings: list[int]) -> None:
        """Stops more."""
        self.everything |= everything
        self.sellers |= set(sellers)
        self.listings = np.union1d(self.listings, np.array(listings, np.uint32))

    def restart(self, everything: bool, sellers: list[int], listings: list[int]) -> None:
        """Lifts exactly what is named; what is stopped by another switch stays stopped."""
        self.everything &= not everything
        self.sellers -= set(sellers)
        self.listings = np.setdiff1d(self.listings, np.array(listings, np.uint32))
