"""Batches on their way into the engine: structure of arrays for offers, records for rows.

A batch is what a decoder makes of request bytes. It holds no state of the engine: listings are
still named as the caller named them, and `engine.resolve` turns names into listing ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.addresses import Skus
from engine.bounds.definitions import ComputedBounds
from engine.bounds.fees import FeePreview
from engine.errors import RowProblem
from engine.keys import Address, AsinKey, ListingKey
from engine.promotions import Promotion
from engine.tiers import Tier

__all__ = [
    "Address",
    "AsinKey",
    "DefinitionBatch",
    "FeePreviewBatch",
    "FeedbackBatch",
    "ListingDefinition",
    "ListingKey",
    "OfferColumns",
    "RefBatch",
    "SalesBatch",
    "SellerDefinition",
    "SnapshotBatch",
    "StockBatch",
]

T = TypeVar("T")


@dataclass(slots=True)
class OfferColumns:
    """Offers of a batch, one entry each, all arrays of the same length and C-contiguous."""

    landed_minor: NDArray[np.int64]
    seller: NDArray[np.uint64]  # xxh64 of the seller id; 0: not given
    bits: NDArray[np.uint32]  # schema.OfferBit
    rating_count: NDArray[np.uint32]
    rating_bp: NDArray[np.uint16]
    handling_hours: NDArray[np.uint16]

    @classmethod
    def empty(cls, count: int) -> OfferColumns:
        """Columns of `count` zeroed offers."""
        return cls(
            np.zeros(count, np.int64),
            np.zeros(count, np.uint64),
            np.zeros(count, np.uint32),
            np.zeros(count, np.uint32),
            np.zeros(count, np.uint16),
            np.zeros(count, np.uint16),
        )

    def __len__(self) -> int:
        return len(self.landed_minor)


@dataclass(slots=True)
class SnapshotBatch:
    """A decoded Reprice request.

    `rows` is `schema.SNAPSHOT` with everything but listing ids and own offers; `currency` holds
    a `money.currency_index` per row; `item_minor` the item price of each offer; `skus` the SKU of
    offers that name one. Rows that failed are absent and stand in `problems`.
    """

    request_id: str
    row_count: int
    rows: NDArray[np.void]
    addresses: Sequence[Address]
    currency: NDArray[np.uint8]
    item_minor: NDArray[np.int64]
    offers: OfferColumns
    skus: Mapping[int, str] | Skus = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class FeedbackBatch:
    """A decoded ReportFeedback request; `rows` is `schema.FEEDBACK` without listing ids."""

    request_id: str
    row_count: int
    rows: NDArray[np.void]
    addresses: Sequence[Address]
    currency: NDArray[np.uint8]  # 0 where no price is given
    decision_ids: NDArray[np.uint64]
    fulfilment: NDArray[np.uint8]  # schema.Fulfilment; 0: not given
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class StockBatch:
    """A decoded ReportStock request."""

    request_id: str
    row_count: int
    indices: NDArray[np.uint32]
    addresses: Sequence[Address]
    quantities: NDArray[np.uint32]
    ages: NDArray[np.uint32]  # days; stock.AGE_UNKNOWN: not given
    event_ms: NDArray[np.int64]
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class SalesBatch:
    """A decoded ReportSales request; `sold` is source, hour and units of each row."""

    request_id: str
    row_count: int
    indices: list[int]
    addresses: Sequence[Address]
    sold: list[tuple[str, int, int]]
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class FeePreviewBatch:
    """A decoded ReportFeePreviews request."""

    request_id: str
    row_count: int
    indices: list[int]
    addresses: Sequence[Address]
    previews: list[FeePreview]
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class RefBatch:
    """Listings named by a delete, pause or resume request."""

    request_id: str
    row_count: int
    indices: list[int]
    addresses: Sequence[Address]
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class EraseBatch:
    """A seller to be taken out."""

    request_id: str
    seller_id: str
    row_count: int = 1


@dataclass(slots=True)
class StopBatch:
    """What a StopRepricing or RestartRepricing request names; listings as in `RefBatch`."""

    request_id: str
    row_count: int
    everything: bool
    sellers: list[str]
    indices: list[int]
    addresses: list[Address]
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class HoldBatch:
    """What a ReleaseHeld or DiscardHeld request names: hold ids, or all of a seller, perhaps in
    one marketplace only."""

    request_id: str
    row_count: int
    hold_ids: list[int]
    seller_id: str = ""
    marketplace_id: str = ""
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(slots=True)
class RestoreBatch:
    """A RestorePrices request."""

    request_id: str
    row_count: int
    seller_id: str
    marketplace_id: str
    at_ms: int
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SellerDefinition:
    """A seller; sellers of one account group never compete with each other."""

    seller_id: str
    account_group: str = ""
    dry_run: bool | None = None
    """Whether decisions are only shown; None keeps what is known, for a new seller False."""


@dataclass(frozen=True, slots=True)
class ListingDefinition:
    """A listing as its caller defines it. Amounts in minor units of `currency`."""

    key: ListingKey
    asin: str
    condition: int
    fulfilment: int
    currency: str
    floor_minor: int | None
    ceiling_minor: int | None
    shipping_minor: int = 0
    points_minor: int = 0
    points_bp: int = 0
    strategy_id: str = ""
    price_minor: int = 0
    cost_minor: int | None = None
    """What a unit costs the seller; None keeps what is known."""
    map_minor: int = 0
    """Lowest price that may be advertised; 0: none."""
    computed_bounds: ComputedBounds | None = None
    """How bounds are computed within the stated ones; None: they are not."""
    tiers: tuple[Tier, ...] = ()
    """Quantity prices of a B2B listing."""
    promotions: tuple[Promotion, ...] = ()
    cost_currency: str = ""
    """That of `cost_minor`; empty: the listing's."""
    propose_bounds: bool = False
    """A bound that is None is proposed, and the listing runs dry until both are stated."""


@dataclass(slots=True)
class DefinitionBatch(Generic[T]):
    """Definitions to upsert, with their index in the request."""

    request_id: str
    row_count: int
    rows: list[tuple[int, T]]
    problems: list[RowProblem] = field(default_factory=list)
