"""The catalogue: sellers, strategies and listings, and the table that the kernel works on.

A listing id is dense, stable and never used again; id 0 does not exist, nor does the row behind it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine._names import Names
from engine.checks import MAX_TEXT, check_definition, check_text, text_error, value_error
from engine.columns import AsinKey, ListingDefinition, ListingKey, SellerDefinition
from engine.errors import InputError
from engine.follow_checks import asin_of, check_b2b, check_circle
from engine.listing_terms import ListingTerms
from engine.money import currency_code, currency_index
from engine.push_checks import check_start
from engine.room import Room
from engine.schema import (
    GRID,
    MAX_SHARED_ASIN,
    PREMIUM_UNKNOWN,
    RECORD,
    ROW,
    Audience,
    CycleState,
    Reason,
    StrategyKind,
)
from engine.seller_places import SMALLEST_PLACES, placed
from engine.stock import STOCK
from engine.strategies import StrategyDefinition, seller_hash

COLUMNS: dict[str, np.dtype[Any]] = {
    "rows": ROW,
    "grids": GRID,
    "records": RECORD,
    "shares_asin": np.dtype(np.bool_),
    "definition_hashes": np.dtype(np.uint64),  # of the key and of what stands in no row
    "stock": STOCK,
    "coupled": np.dtype(np.uint32),  # B2C and B2B listing of one SKU name each other; 0: none
    "following": np.dtype(np.uint32),  # the next listing of the same ASIN key
}
"""What the catalogue keeps of each listing by its id, texts aside."""


def rooms() -> dict[str, Room]:
    """Memory of the columns of an empty catalogue."""
    return {name: Room(dtype) for name, dtype in COLUMNS.items()}


class Catalog(ListingTerms):
    """Owned by the writer thread; nothing here is safe to change from another one."""

    rows: NDArray[np.void]
    grids: NDArray[np.void]
    records: NDArray[np.void]
    shares_asin: NDArray[np.bool_]
    definition_hashes: NDArray[np.uint64]
    coupled: NDArray[np.uint32]
    stock: NDArray[np.void]

    def __init__(self, capacity: int = 1024, memory: dict[str, Room] | None = None) -> None:
        self.count = 1  # rows in use, the absent row 0 among them
        self.names = Names()
        self.names.skus.append("")
        self.names.asins.append("")
        self._rooms = memory or rooms()
        self._extend(capacity)
        self.fixed_points: dict[int, int] = {}
        self._init_terms()
        self.has_b2b = False  # whether there is, or was, a B2B listing
        self.marketplaces: list[str] = []
        self._marketplace_at: dict[str, int] = {}
        self._init_sellers()
        self._init_strategies()

    def _init_sellers(self) -> None:
        self.sellers: list[SellerDefinition] = []
        self.seller_at: dict[str, int] = {}
        self.seller_hashes = np.zeros(0, np.uint64)  # by seller index
        self.seller_groups = np.zeros(0, np.int64)  # by seller index
        self.seller_places = np.zeros(SMALLEST_PLACES, np.uint32)
        self._group_at: dict[str, int] = {}
        self.dry_run_sellers: set[int] = set()  # seller indices

    # Sellers

    def put_seller(self, definition: SellerDefinition) -> int:
        """Creates or replaces a seller and returns its index. Raises InputError."""
        check_text("seller_id", definition.seller_id)
        if len(definition.account_group) > MAX_TEXT:
            raise text_error("account_group", definition.account_group)
        index = self.seller_at.setdefault(definition.seller_id, len(self.sellers))
        if definition.dry_run is None:
            definition = replace(definition, dry_run=index in self.dry_run_sellers)
        if index == len(self.sellers):
            self._add_seller(definition)
        else:
            self.sellers[index] = definition
            self.seller_groups[index] = self._group_of(definition)
        (self.dry_run_sellers.add if definition.dry_run else self.dry_run_sellers.discard)(index)
        return index

    def _add_seller(self, definition: SellerDefinition) -> None:
        self.sellers.append(definition)
        own = np.array([seller_hash(definition.seller_id)], np.uint64)
        self.seller_hashes = np.append(self.seller_hashes, own)
        self.seller_groups = np.append(self.seller_groups, self._group_of(definition))
        self.names.sellers.append(definition.seller_id)
        self.seller_places = placed(self.seller_places, self.seller_hashes)

    def forget_seller(self, seller: int) -> None:
        """Leaves an empty place where a seller stood; nothing may refer to it any more."""
        name = self.sellers[seller].seller_id
        self.sellers[seller] = SellerDefinition("")
        self.names.sellers[seller] = ""
        self.seller_hashes[seller] = seller_hash("")
        self.seller_groups[seller] = self._group_of(self.sellers[seller])
        self._group_at.pop(f"seller {name}", None)
        self.dry_run_sellers.discard(seller)
        del self.seller_at[name]

    def restore(
        self, sellers: list[SellerDefinition], strategies: list[StrategyDefinition]
    ) -> None:
        """Takes in what an earlier catalogue held, empty places too."""
        for seller in sellers:
            if seller.seller_id:
                self.seller_at[seller.seller_id] = len(self.sellers)
            if seller.dry_run:
                self.dry_run_sellers.add(len(self.sellers))
            self._add_seller(seller)
        for index, each in enumerate(strategies, 1):
            if each.seller_id:
                self.strategy_at[each.seller_id, each.strategy_id] = index
        self.strategies += strategies
        self.recompile()

    def _group_of(self, definition: SellerDefinition) -> int:
        name = definition.account_group
        key = f"group {name}" if name else f"seller {definition.seller_id}"
        return self._group_at.setdefault(key, len(self._group_at))

    # Listings

    def check_listing(self, definition: ListingDefinition) -> int:
        """Index of the strategy of a definition that may be upserted. Raises InputError."""
        check_definition(definition)
        self._check_kept(definition)
        self._check_shared(definition)
        return self._strategy_for(definition)

    def _check_kept(self, definition: ListingDefinition) -> None:
        listing_id = self.id_of(definition.key)
        if listing_id == 0:
            return
        present = currency_code(int(self.records["currency"][listing_id]))
        if present != definition.currency:
            raise value_error(
                "currency", definition.currency, f"{present}, the listing's currency", "CURRENCY"
            )

    def _check_shared(self, definition: ListingDefinition) -> None:
        """Raises InputError for one listing too many of an ASIN."""
        asin = asin_of(definition)
        if not definition.asin or asin == self._asin_of(definition.key):
            return
        if len(self.find(asin, None)) >= MAX_SHARED_ASIN:
            raise InputError(
                f"asin: {MAX_SHARED_ASIN} listings of the seller have this ASIN, condition and"
                " audience; allowed: up to that, or leave the asin empty and name listings by key",
                reason="ASIN_SHARED",
                field="asin",
            )

    def _asin_of(self, key: ListingKey) -> AsinKey | None:
        listing_id = self.id_of(key)
        return self.asin_key(listing_id) if listing_id else None

    def _strategy_for(self, definition: ListingDefinition) -> int:
        if not definition.strategy_id:
            return 0
        index = self.strategy_at.get((definition.key.seller_id, definition.strategy_id))
        if index is None:
            raise InputError(
                f"strategy_id is {definition.strategy_id!r}; allowed: a strategy of seller"
                f" {definition.key.seller_id!r}, or empty for BUY_BOX with its defaults",
                reason="STRATEGY_UNKNOWN",
                field="strategy_id",
            )
        check_start(definition, self.strategies[index])
        if self.strategies[index].kind == StrategyKind.FOLLOW:
            check_b2b(definition.key, self.strategies[index])
            names = (definition.key, asin_of(definition))[: 1 + bool(definition.asin)]
            check_circle(self, names, self.strategies[index], "strategy_id")
        wanted = self.strategies[index].currency
        if wanted != definition.currency:
            raise InputError(
                f"currency is {definition.currency!r}; strategy {definition.strategy_id!r} has"
                f" amounts in {wanted}",
                reason="CURRENCY_MISMATCH",
                field="currency",
            )
        return index

    def put_listing(self, definition: ListingDefinition) -> tuple[int, bool]:
        """Enters a checked definition; the kernel's UPSERT command sets the row's bounds.

        Returns (listing id, created).
        """
        listing_id = self.id_of(definition.key)
        created = listing_id == 0
        if created:
            listing_id = self._create(definition)
        else:
            self._leave_asin(listing_id)
        self.asins[listing_id] = definition.asin
        record = self.records[listing_id]
        record["fulfilment"] = definition.fulfilment
        record["condition"] = definition.condition
        self.join_asin(listing_id)
        self.fixed_points.pop(listing_id, None)
        if definition.points_minor:
            self.fixed_points[listing_id] = definition.points_minor
        self.tiers.pop(listing_id, None)
        if definition.tiers:
            self.tiers[listing_id] = definition.tiers
        self._put_promotions(listing_id, definition.promotions)
        self.watch(listing_id)
        self._hash_definition(listing_id)
        return listing_id, created

    def _couple(self, listing_id: int, key: ListingKey) -> None:
        """Finds the listing of the same SKU for the other buyers."""
        self.has_b2b |= key.audience == Audience.B2B
        other = Audience.B2C if key.audience == Audience.B2B else Audience.B2B
        beside = self.id_of(key._replace(audience=other)) if self.has_b2b else 0
        if beside:
            self.coupled[listing_id], self.coupled[beside] = beside, listing_id

    def _create(self, definition: ListingDefinition) -> int:
        if self.count == len(self.rows):
            self._extend(2 * self.count)
        listing_id = self.count
        self.count += 1
        key = definition.key
        self.names.skus.append(key.sku)
        self.names.asins.append(definition.asin)
        seller = self.seller_at.get(key.seller_id)
        if seller is None:
            seller = self.put_seller(SellerDefinition(key.seller_id))
        row = self.rows[listing_id]
        for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
            row[name] = PREMIUM_UNKNOWN
        row["price_minor"] = row["live_price_minor"] = definition.price_minor
        row["state"], row["draws"], row["reason"] = CycleState.SEEKING, 1, Reason.NEW
        record = self.records[listing_id]
        record["seller"] = seller
        record["marketplace"] = self.marketplace(key.marketplace_id)
        record["currency"] = currency_index(definition.currency)
        record["audience"] = key.audience
        self.names.enter_key(self.record_bytes, listing_id)
        self._couple(listing_id, key)
        return listing_id

    def _extend(self, capacity: int) -> None:
        """Gives all columns so many entries; what they hold stays where it is."""
        for name, room in self._rooms.items():
            column = room.records(capacity)
            if name == "following":
                self.names.follow(column)
            else:
                setattr(self, name, column)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of all ids in use, and names as columns; views where possible."""
        used = {name: room.records(self.count) for name, room in self._rooms.items()}
        return used | self.names.dump()

    def marketplace(self, marketplace_id: str) -> int:
        """Index of a marketplace, made at its first use."""
        index = self._marketplace_at.setdefault(marketplace_id, len(self.marketplaces))
        if index == len(self.marketplaces):
            self.marketplaces.append(marketplace_id)
            self.names.marketplaces.append(marketplace_id)
        return index

    def listings_of(self, seller: int) -> NDArray[np.int64]:
        """Ids of all rows that a seller has or had; a row that was erased is nobody's."""
        mine = self.records["seller"][1 : self.count] == seller
        return np.flatnonzero(mine & (self.definition_hashes[1 : self.count] != 0)) + 1

    def join_asin(self, listing_id: int) -> None:
        """Enters a listing among those of its ASIN, which stand in the order of their ids."""
        if self.asins[listing_id]:
            self.names.join_asin(self.record_bytes, listing_id)
            self._mark_shared(self.names.sharing(self.record_bytes, listing_id))

    def _leave_asin(self, listing_id: int) -> None:
        if self.asins[listing_id]:
            self.names.leave_asin(self.record_bytes, listing_id)
            self.shares_asin[listing_id] = False
            self._mark_shared(self.names.sharing(self.record_bytes, listing_id))

    def _mark_shared(self, listed: list[int]) -> None:
        """Listings of one ASIN whose offer cannot be told apart by its fulfilment."""
        fulfilments = [int(self.records["fulfilment"][each]) for each in listed]
        counts = Counter(fulfilments)
        for listing_id, fulfilment in zip(listed, fulfilments, strict=True):
            same = counts[fulfilment] + counts[0] * (fulfilment != 0)
            self.shares_asin[listing_id] = same > 1 or (fulfilment == 0 and len(listed) > 1)

    def forget(self, listing_id: int) -> None:
        """Takes a deleted listing out of every index."""
        self._leave_asin(listing_id)
        self.names.leave_key(self.record_bytes, listing_id)
        self.fixed_points.pop(listing_id, None)
        self.terms.pop(listing_id, None)
        self.tiers.pop(listing_id, None)
        self._put_promotions(listing_id, ())
        self.stock[listing_id] = 0
        self.coupled[self.coupled[listing_id]] = self.coupled[listing_id] = 0
