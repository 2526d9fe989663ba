"""The spiral guard: two bots that drive each other's price up or down without end.

Only listings that move are remembered, in a bounded table. A run is a series of our moves in one
direction against one competitor, whom the reference price names. The last 24 hours of a run are
kept in buckets, each with the prices of both before its first move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.guards.settings import DAY_S, GuardSettings
from engine.guards.slices import Slice, Slots
from engine.guards.watch import WatchTable

Ints = NDArray[np.int64]

MAX_MOVERS = 262_144
"""Listings remembered; those that began to move first make room for new ones."""
BUCKET_S = 3 * 3_600
BUCKETS = 9
"""Eight whole buckets and the present one: never less than 24 hours, at most 27."""

MOVER = np.dtype(
    [
        ("competitor", "<u8"),  # hash of the seller; 0: not known
        ("reference_minor", "<i8"),  # landed, when we moved last
        ("hold_id", "<u8"),
        ("hold_minor", "<i8"),  # price that is held while the guard is on
        ("listing_id", "<u4"),
        ("moved_s", "<u4"),  # our last move that has no answer yet; 0: none
        ("until_s", "<u4"),  # end of the hold
        ("direction", "<i4"),  # of our moves
        ("bucket", "<u4", (BUCKETS,)),
        ("answers", "<u4", (BUCKETS,)),
        ("own_minor", "<i8", (BUCKETS,)),  # our price before the bucket's first move
        ("other_minor", "<i8", (BUCKETS,)),  # the competitor's
    ]
)


@dataclass(slots=True)
class Moves:
    """Inputs of the guard: evaluations of listings, each listing once.

    `price` equals `previous` where ours did not move, `reference` is 0 where no offers were seen
    and `seller` the hash of the seller who sets it. `good` is our last price that won.
    """

    ids: NDArray[np.uint32]
    previous: Ints
    price: Ints
    reference: Ints
    seller: NDArray[np.uint64]
    good: Ints

    def __getitem__(self, chosen: NDArray[np.intp]) -> Moves:
        return Moves(
            self.ids[chosen], self.previous[chosen], self.price[chosen], self.reference[chosen],
            self.seller[chosen], self.good[chosen],
        )  # fmt: skip


def moves_of(part: Slice, slots: Slots) -> Moves:
    """The moves of these slots."""
    previous, price = part.prices(slots)
    return Moves(
        part.ids[slots], previous, price, part.outcomes["reference_minor"][slots],
        part.sellers(slots), part.scratch["good_price_minor"][slots],
    )  # fmt: skip


class Spirals:
    """The table of movers, found through `WatchTable.records["mover"]`.

    This is the twin in numpy of `native.NativeSpirals`.
    """

    def __init__(self, watch: WatchTable) -> None:
        self._watch = watch
        self.movers = np.zeros(1, MOVER)  # slot 0 does not exist
        self.used = 1
        self.next_victim = 1

    def slots(self, ids: NDArray[np.uint32]) -> Ints:
        """Slot of each listing, 0 where it has none."""
        return self._watch.records["mover"][ids].astype(np.int64)

    def answers(self, part: Slice, settings: GuardSettings) -> Slots:
        """Counts what competitors answered; the slots where that is a spiral."""
        seen = self._may_answer(part.ids, part.outcomes["reference_minor"], part.now_s, settings)
        moves = moves_of(part, seen)
        return seen[self._answered(moves, part.now_s, settings)]

    def _may_answer(
        self, ids: NDArray[np.uint32], reference: Ints, now_s: int, settings: GuardSettings
    ) -> NDArray[np.intp]:
        """Where the reference price followed our last move in time, whoever sets it."""
        slots = self.slots(ids)
        known = np.flatnonzero((slots > 0) & (reference > 0))
        movers, slots = self.movers, slots[known]
        moved_s = movers["moved_s"][slots].astype(np.int64)
        step = np.sign(reference[known] - movers["reference_minor"][slots])
        in_time = (moved_s > 0) & (now_s - moved_s <= settings.spiral_answer_s)
        followed: NDArray[np.intp] = known[in_time & (step == movers["direction"][slots])]
        return followed

    def _answered(self, moves: Moves, now_s: int, settings: GuardSettings) -> NDArray[np.intp]:
        slots = self.slots(moves.ids)
        movers = self.movers
        answered = np.flatnonzero(moves.seller == movers["competitor"][slots])
        if len(answered) == 0:
            return answered
        at = slots[answered]
        place = self._open(
            at, moves.previous[answered], movers["reference_minor"][at].copy(), now_s
        )
        movers["answers"][at, place] += 1
        movers["moved_s"][at] = 0
        return answered[self._spiralling(at, moves[answered], now_s, settings)]

    def _spiralling(
        self, slots: Ints, moves: Moves, now_s: int, settings: GuardSettings
    ) -> NDArray[np.bool_]:
        movers = self.movers[slots]
        valid = movers["bucket"].astype(np.int64) > now_s // BUCKET_S - BUCKETS
        count = np.where(valid, movers["answers"], 0).sum(axis=1)
        first = np.where(valid, movers["bucket"], 2**32 - 1).argmin(axis=1)
        row = np.arange(len(slots))
        own, other = movers["own_minor"][row, first], movers["other_minor"][row, first]
        direction = movers["direction"]
        far = (moves.previous - own) * direction * 10_000 > own * settings.spiral_distance_bp
        far &= (moves.reference - other) * direction * 10_000 > other * settings.spiral_distance_bp
        found: NDArray[np.bool_] = (count >= settings.spiral_moves) & far
        return found & (movers["until_s"] <= now_s)

    def hold(self, part: Slice, found: Slots, hold_ids: list[int]) -> None:
        """Begins to hold: falling, not below the last price that won; rising, not above the start.

        Where no price is known to have won, the present one is held.
        """
        moves, now_s = moves_of(part, found), part.now_s
        slots = self.slots(moves.ids)
        movers = self.movers[slots]
        valid = movers["bucket"].astype(np.int64) > now_s // BUCKET_S - BUCKETS
        first = np.where(valid, movers["bucket"], 2**32 - 1).argmin(axis=1)
        start = movers["own_minor"][np.arange(len(slots)), first]
        won = np.where(moves.good > 0, moves.good, moves.previous)
        self.movers["hold_minor"][slots] = np.where(movers["direction"] < 0, won, start)
        self.movers["until_s"][slots] = now_s + DAY_S
        self.movers["hold_id"][slots] = hold_ids

    def held(self, part: Slice, among: Slots) -> tuple[NDArray[np.intp], Ints]:
        """Which of these slots go on with a spiral, and the prices to hold instead."""
        now_s, (_, price) = part.now_s, part.prices(among)
        slots = self.slots(part.ids[among])
        movers = self.movers
        beyond = (price - movers["hold_minor"][slots]) * movers["direction"][slots] > 0
        at = np.flatnonzero((slots > 0) & (movers["until_s"][slots] > now_s) & beyond)
        return at, movers["hold_minor"][slots[at]]

    def move(self, part: Slice, moved: Slots) -> None:
        """Notes our own moves that go out; while a price is held, none of them counts."""
        moves, now_s = moves_of(part, moved), part.now_s
        self._admit(moves.ids, now_s)
        slots = self.slots(moves.ids)
        movers = self.movers
        chosen = np.flatnonzero((slots > 0) & (movers["until_s"][slots] <= now_s))
        slots, moves = slots[chosen], moves[chosen]
        direction = np.sign(moves.price - moves.previous).astype(np.int32)
        known = movers["competitor"][slots]
        seller = np.where(moves.seller > 0, moves.seller, known)
        goes_on = (movers["direction"][slots] == direction) & ((known == seller) | (known == 0))
        self._clear(slots[~goes_on])
        reference = np.where(moves.reference > 0, moves.reference, movers["reference_minor"][slots])
        self._open(slots, moves.previous, reference, now_s)
        movers["direction"][slots] = direction
        movers["competitor"][slots] = seller
        movers["reference_minor"][slots] = reference
        movers["moved_s"][slots] = now_s

    def _clear(self, slots: Ints) -> None:
        """Forgets the runs of these slots; what a bucket holds counts only with its number."""
        for name in ("bucket", "competitor", "direction", "moved_s", "until_s"):
            self.movers[name][slots] = 0

    def _open(self, slots: Ints, own: Ints, other: Ints, now_s: int) -> int:
        """Begins the present bucket where it is new; returns its place."""
        bucket = now_s // BUCKET_S
        place = bucket % BUCKETS
        new = self.movers["bucket"][slots, place] != bucket
        at = slots[new]
        self.movers["bucket"][at, place] = bucket
        self.movers["answers"][at, place] = 0
        self.movers["own_minor"][at, place] = own[new]
        self.movers["other_minor"][at, place] = other[new]
        return place

    def _admit(self, ids: NDArray[np.uint32], now_s: int) -> None:
        """Gives slots to listings that have none."""
        new = ids[self._watch.records["mover"][ids] == 0]
        if len(new) == 0:
            return
        grown = min(MAX_MOVERS, max(self.used + len(new), 2 * len(self.movers)))
        if self.used + len(new) > len(self.movers) < grown:
            movers = np.zeros(grown, MOVER)
            movers[: self.used] = self.movers[: self.used]
            self.movers = movers
        fresh = min(len(new), len(self.movers) - self.used)
        slots = np.arange(self.used, self.used + fresh)
        self.used += fresh
        if fresh < len(new):
            slots = np.concatenate([slots, self._evict(len(new) - fresh, now_s)])
            new = new[: len(slots)]
        self.movers["listing_id"][slots] = new
        self._watch.records["mover"][new] = slots

    def _evict(self, count: int, now_s: int) -> Ints:
        """The slots that were given out first, without those that hold a price."""
        order = np.roll(np.arange(1, len(self.movers)), 1 - self.next_victim)
        slots = order[self.movers["until_s"][order] <= now_s][:count]
        if len(slots):
            self.next_victim = int(slots[-1]) % (len(self.movers) - 1) + 1
        self._watch.records["mover"][self.movers["listing_id"][slots]] = 0
        self._clear(slots)
        return slots

    def forget(self, listing_id: int) -> bool:
        """Ends a hold and the run that led to it; whether there was a hold."""
        slot = int(self._watch.records["mover"][listing_id])
        was = bool(self.movers["until_s"][slot]) if slot else False
        if slot:
            self._clear(np.array([slot]))
        return was

    def erase(self, slots: NDArray[np.uint32]) -> None:
        """Empties the slots of erased listings; slot 0 is nobody's."""
        self.movers[slots[slots > 0]] = 0
