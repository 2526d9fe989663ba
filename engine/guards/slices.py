"""One slice of proposals on its way through the guards, and how a proposal is taken back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engine import _guards
from engine.catalog import Catalog
from engine.columns import OfferColumns
from engine.guards.proposals import Origin
from engine.room import as_bytes
from engine.schema import (
    CONDITION_BITS,
    PREMIUM_UNKNOWN,
    CommandKind,
    CycleState,
    DecisionStatus,
    OfferBit,
    Reason,
    RowFlag,
    StrategyKind,
)

Slots = NDArray[np.intp]

HELD_RETRY_S = 600
"""A timer whose price was held is due again after this time."""
Whose = tuple[NDArray[np.uint8], int, NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint32]]
NO_OFFERS: Whose = (
    np.zeros(0, np.uint8), 0, np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.uint32),
)  # fmt: skip
DEFINED = ("floor_minor", "ceiling_minor", "landed_offset_minor", "points_bp", "strategy")
GRID_KEPT = ~np.uint16(RowFlag.IN_SLICE)
DEFINED_FLAGS = np.uint16(CONDITION_BITS | RowFlag.ACTIVE)
BRACKETS = ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm")
COUNTING = (StrategyKind.PUSH, StrategyKind.DAILY_PUSH)
MOST_UNITS = 1_000_000_000
OBSERVED = (
    "observed_ms", "live_price_minor", "competitive_minor", "featured_minor", "reference_minor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Where proposals come from.

    `rows` are the input's rows (`schema.SNAPSHOT` or `schema.FEEDBACK`), of which the slice
    begins at `first`. What is `released` was asked for by a person: breaker and spiral guard let
    it pass.
    """

    origin: Origin
    rows: NDArray[np.void] | None = None
    offers: OfferColumns | None = None
    first: int = 0
    released: bool = False
    commands: NDArray[np.void] | None = None  # schema.COMMAND, of which the slice begins at `first`

    def at(self, first: int) -> Source:
        """The same with a slice that begins elsewhere."""
        return replace(self, first=first) if first != self.first else self

    def columns(self) -> Whose:
        """Snapshots as bytes, the first of the slice, and what tells whose an offer is."""
        if self.rows is None or self.offers is None:
            return NO_OFFERS
        offers = self.offers
        return as_bytes(self.rows), self.first, offers.landed_minor, offers.seller, offers.bits


class Finding(IntEnum):
    """What a slice has that somebody must look at more closely: bits of a number."""

    BROKEN = 1  # a price outside its bounds, or bounds changed by what may not
    TOLD = 2  # a reason that a person may have to hear of
    PAUSED = 4  # a listing that pauses
    IGNORED = 8  # an input that changed nothing
    VERDICT = 16  # evidence
    NO_GROUP = 32  # a listing that the guards see for the first time
    MARKET = 64  # a market that may have changed in kind


@dataclass(slots=True)
class Aside:
    """Proposals that became decisions but do not go out, with their slots in the slice."""

    slots: Slots
    outcomes: NDArray[np.void]  # schema.OUTCOME as proposed
    status: DecisionStatus


@dataclass(slots=True)
class Slice:
    """Proposed rows and outcomes of one slice; guards change them in place."""

    catalog: Catalog
    scratch: NDArray[np.void]
    outcomes: NDArray[np.void]
    source: Source
    now_s: int
    aside: list[Aside] = field(default_factory=list)
    stopped: list[Slots] = field(default_factory=list)
    altered: bool = False
    """Whether a guard changed a proposal."""
    found: int = 0
    """Of `Finding`: what the rules proposed, before any guard changed it."""
    scratch_bytes: NDArray[np.uint8] = field(init=False)
    outcome_bytes: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.scratch_bytes = as_bytes(self.scratch)
        self.outcome_bytes = as_bytes(self.outcomes)

    @property
    def ids(self) -> NDArray[np.uint32]:
        """Listing of each slot; each stands in a slice once."""
        ids: NDArray[np.uint32] = self.outcomes["listing_id"]
        return ids

    def prices(self, slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Previous and proposed prices."""
        return self.outcomes["previous_minor"][slots], self.outcomes["price_minor"][slots]

    def moving(self, free: Slots) -> Slots:
        """Those whose price moves by a choice of the rules."""
        chosen = np.empty(len(free), np.intp)
        return chosen[: _guards.moving(self.outcome_bytes, free, chosen)]

    def clamped(self, slots: Slots, price: NDArray[np.int64]) -> NDArray[np.int64]:
        """Prices moved into the bounds of their proposed rows."""
        floor, ceiling = (self.scratch[each][slots] for each in ("floor_minor", "ceiling_minor"))
        clamped: NDArray[np.int64] = np.maximum(
            floor, np.minimum(price, np.maximum(floor, ceiling))
        )
        return clamped

    def redirect(self, slots: Slots, price: NDArray[np.int64], reason: Reason) -> None:
        """Lets another price go out than the proposed one."""
        self.altered |= len(slots) > 0
        for records in (self.scratch, self.outcomes):
            records["price_minor"][slots] = price
            records["reason"][slots] = reason

    def set_aside(self, slots: Slots, status: DecisionStatus, reason: Reason) -> None:
        """Keeps decisions from going out."""
        if len(slots):
            self.aside.append(Aside(slots, self.outcomes[slots], status))
            self.take_back(slots, reason, observes=status == DecisionStatus.DRY_RUN)

    def take_back(self, slots: Slots, reason: Reason, observes: bool = False) -> None:
        """Leaves rows as they were, but for what the marketplace shows and new definitions.

        With `observes` they take over everything that was seen, and the price is the live one.
        """
        if len(slots) == 0:
            return
        self.altered = True
        rows, proposed = self.catalog.rows[self.ids[slots]], self.scratch[slots]
        rows["live_price_minor"] = proposed["live_price_minor"]
        if observes:
            for name in OBSERVED:
                rows[name] = proposed[name]
            live = rows["live_price_minor"]
            rows["price_minor"] = np.where(live > 0, live, rows["price_minor"])
        if self.source.commands is not None:
            commands = self.source.commands[self.source.first + slots]
            kinds = self.catalog.strategy_records["kind"][proposed["strategy"]]
            redefine(rows, proposed, commands, kinds)
            count_sales(rows, commands, kinds)
        if self.source.origin == Origin.TIMER:
            rows["deadline_s"] = self.now_s + HELD_RETRY_S
        rows["reason"] = reason
        rows["flags"] &= GRID_KEPT  # what was learned is taken back too
        self.scratch[slots] = rows
        for name in ("price_minor", "state", "reason"):
            self.outcomes[name][slots] = rows[name]
        for name in ("changed", "verdict"):
            self.outcomes[name][slots] = 0

    def sellers(self, slots: Slots) -> NDArray[np.uint64]:
        """Hash of the seller who sets the reference price of each slot; 0: not known."""
        found = np.zeros(len(slots), np.uint64)
        rows, offers = self.source.rows, self.source.offers
        if rows is None or offers is None or len(offers) == 0 or len(slots) == 0:
            return found
        chosen = rows[self.source.first + slots]
        offer, at = offers_of_rows(chosen)
        reference = self.outcomes["reference_minor"][slots][at]
        fits = (offers.landed_minor[offer] == reference) & (reference > 0)
        fits &= (offers.bits[offer] & np.uint32(OfferBit.OWN_ACCOUNT)) == 0
        fits &= offer != chosen["own_offer"][at]
        hits = np.flatnonzero(fits)[::-1]
        found[at[hits]] = offers.seller[offer[hits]]
        return found


def offers_of_rows(rows: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offer index and row of every offer of every row (`schema.SNAPSHOT`)."""
    begin = rows["offer_begin"].astype(np.int64)
    counts = rows["offer_end"].astype(np.int64) - begin
    row = np.repeat(np.arange(len(rows)), counts)
    first = np.cumsum(counts) - counts
    return np.arange(len(row)) - first[row] + begin[row], row


def redefine(
    rows: NDArray[np.void],
    proposed: NDArray[np.void],
    commands: NDArray[np.void],
    kinds: NDArray[np.uint8],
) -> None:
    """Takes the definition of proposed rows over, and nothing else; `kinds` are the strategies'."""
    moved = (rows["strategy"] != proposed["strategy"]) | (commands["restart"] != 0)
    change_fields(rows, moved, np.isin(kinds, COUNTING))
    for name in DEFINED:
        rows[name] = proposed[name]
    rows["flags"] = rows["flags"] & ~DEFINED_FLAGS | proposed["flags"] & DEFINED_FLAGS
    rows["deadline_s"][moved] = 0
    rows["state"][moved & (rows["state"] != CycleState.PAUSED)] = CycleState.SEEKING


def change_fields(
    rows: NDArray[np.void], moved: NDArray[np.bool_], counting: NDArray[np.bool_]
) -> None:
    """What `_push.pxd` does to a listing with another strategy: the same fields hold brackets, or
    count sales, from nothing."""
    begins, ends = moved & counting, moved & ~counting & (rows["premium_ppm"] == PREMIUM_UNKNOWN)
    for name in BRACKETS:
        rows[name][begins], rows[name][ends] = 0, PREMIUM_UNKNOWN
    rows["premium_ppm"][begins], rows["premium_ppm"][ends] = PREMIUM_UNKNOWN, 0
    rows["good_price_minor"][begins] = -1
    rows["good_price_minor"][ends] = np.maximum(rows["good_price_minor"][ends], 0)
    for name in ("evidence_s", "cooldown_until_s"):
        rows[name][begins | ends] = 0


def count_sales(
    rows: NDArray[np.void], commands: NDArray[np.void], kinds: NDArray[np.uint8]
) -> None:
    """Counts reported units although no price may follow them yet: they are reported once."""
    sold = commands["kind"] == CommandKind.SALES
    daily = sold & (kinds == StrategyKind.DAILY_PUSH)
    rows["keep_low_ppm"][daily] = held_units(commands["units_today"][daily])
    push = sold & (kinds == StrategyKind.PUSH) & (rows["evidence_s"] != 0)
    for name in ("take_low_ppm", "keep_low_ppm"):
        rows[name][push] = held_units(rows[name][push] + commands["units"][push])


def held_units(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Units within what a row can hold."""
    return np.clip(units, -MOST_UNITS, MOST_UNITS)
