"""What a caller may believe after what it was answered: bounds, switches, pauses, holds.

It knows nothing of prices. It takes every answer in the order of the journal, and says what is
wrong with it as an AssertionError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from repriced.v1 import pricing_pb2, types_pb2
from tests.server.machine import drawn
from tests.server.machine.drawn import Request, name_of
from tests.server.machine.world import SCOPES

Key = tuple[str, str]
"""Seller, and SKU with its audience; see `name_of`."""
Sale = tuple[int, int, int, int]
"""Begin, end, floor and ceiling of a promotion that sets bounds."""
Bounds = tuple[int, int]
NOTHING: Bounds = (0, 0)
USER = types_pb2.PAUSE_CAUSE_USER


@dataclass
class Known:
    """A listing that exists. `paused`: by a person; None where an answer left it open."""

    listing_id: int
    bounds: Bounds
    version: int
    paused: bool | None = False


@dataclass
class Model:
    """The world as answers tell it."""

    listings: dict[Key, Known] = field(default_factory=dict)
    held: dict[Key, Bounds] = field(default_factory=dict)
    buried: dict[Key, Bounds] = field(default_factory=dict)
    sellers: set[str] = field(default_factory=set)
    planners: set[str] = field(default_factory=set)
    """Who has strategies, listings or not."""
    everything: bool = False
    stopped_sellers: set[str] = field(default_factory=set)
    stopped_ids: set[int] = field(default_factory=set)
    allowed: dict[tuple[int, int], Bounds] = field(default_factory=dict)
    """Bounds by listing id and version: what a decision must keep for ever."""
    sales: dict[int, list[Sale]] = field(default_factory=dict)
    """Promotions with bounds that a listing ever had, by its id."""
    owners: dict[int, Key] = field(default_factory=dict)
    """Of every listing id that there ever was."""

    def listing_id(self, seller: int, number: int) -> int:
        """Id of a listing; 9,999 where it does not exist."""
        known = self.listings.get(name_of(drawn.key(seller, number)))
        return known.listing_id if known else 9_999

    def stops(self, key: Key) -> bool:
        """Whether a listing is stopped by any switch."""
        known = self.listings[key]
        return (
            self.everything
            or key[0] in self.stopped_sellers
            or known.listing_id in self.stopped_ids
        )

    # Answers

    def take(self, request: Request, answer: Any) -> None:
        """An answer of a request that changed the state."""
        taker = getattr(self, f"_take_{request.what}", None)
        if taker is not None:
            taker(request, answer)
        self.check_scope(request, answer)
        for each in getattr(answer, "decisions", ()):
            self.check_decision(each)

    def check_scope(self, request: Request, answer: Any) -> None:
        """Nothing in an answer is of a seller outside the caller's."""
        mine = SCOPES[request.who]
        for name in ("decisions", "set_aside"):
            for each in getattr(answer, name, ()):
                owner = self.owners[each.listing_id][0]
                assert owner in mine, f"{request.who} sees {each}"
                assert each.key.seller_id in ("", owner), f"{each} is of {owner}"

    def check_decision(self, decision: types_pb2.Decision) -> None:
        """The price of a decision is inside the bounds that it names."""
        place = decision.listing_id, decision.bounds_version
        assert place in self.allowed, f"bounds that nobody set: {decision}"
        bounds = self.allowed[place]
        price = decision.price_minor
        inside = self.fits(decision.listing_id, bounds, price, decision.decided_ms)
        assert inside, f"{price} is outside {bounds}: {decision}"
        prices = [each.price_minor for each in decision.quantity_prices]
        assert all(low < high for low, high in pairwise([price, *prices][::-1])), decision
        quantities = [each.quantity for each in decision.quantity_prices]
        assert quantities == sorted(set(quantities)), decision

    def fits(self, listing_id: int, bounds: Bounds, price: int, at_ms: int) -> bool:
        """Whether a price is inside bounds, or inside those of a promotion that runs then."""
        running = [
            promoted(bounds, floor, ceiling)
            for begin_ms, end_ms, floor, ceiling in self.sales.get(listing_id, ())
            if begin_ms <= at_ms < end_ms
        ]
        return any(
            0 < floor <= price <= max(floor, ceiling) for floor, ceiling in (bounds, *running)
        )

    def _resolve(self, request: Request, ref: Any) -> Key | None:
        """The listing that a row names, if it exists for the caller."""
        if ref.WhichOneof("listing") == "listing_id":
            found = self.owners.get(ref.listing_id)
        else:
            found = name_of(ref.key)
        exists = found in self.listings and found is not None and found[0] in SCOPES[request.who]
        return found if exists else None

    def _rows(self, request: Request, answer: Any, count: int | None = None) -> list[Key]:
        """Listings of the rows that were applied; the others must be named as errors."""
        wrong = wrong_rows(answer, "listings")
        found: list[Key] = []
        for index, ref in enumerate(request.message.listings):
            key = self._resolve(request, ref)
            assert (key is None) == (index in wrong), f"row {index} of {request}: {answer}"
            if key is not None:
                found.append(key)
        if count is not None:
            assert count == len(found), f"{answer} for {found}"
        return found

    def _take_upsert(self, request: Request, answer: Any) -> None:
        wrong = wrong_rows(answer)
        held = {each.index for each in answer.warnings if each.reason == "BOUNDS_HELD"}
        entered = {each.index: each for each in answer.upserted}
        for index, row in enumerate(request.message.listings):
            mine = row.key.seller_id in SCOPES[request.who]
            usable = mine and row.floor_minor > 0
            assert usable or index in wrong, f"row {index} was taken: {row}"
            assert (index in wrong) != (index in entered), f"row {index}: {answer}"
            if index in entered:
                self._enter(row, entered[index], index in held)

    def _enter(self, row: Any, entered: Any, held: bool) -> None:
        key, wanted = name_of(row.key), (row.floor_minor, row.ceiling_minor)
        known = self.listings.get(key)
        assert entered.created == (known is None), f"{key} created: {entered.created}"
        self.sellers.add(key[0])
        if known is None:
            assert entered.listing_id not in self.owners, f"id {entered.listing_id} again"
            present = self.buried.get(key, NOTHING)
            known = self.listings[key] = Known(entered.listing_id, present, 0)
            self.owners[known.listing_id] = key
        assert known.listing_id == entered.listing_id
        present = known.bounds
        if held:
            assert present != NOTHING, f"{key}: first bounds held"
            self.held[key] = wanted
        else:
            if present != NOTHING:
                self.held.pop(key, None)
            known.bounds = wanted
            known.version += wanted != present
        self.allowed[known.listing_id, known.version] = known.bounds
        self.sales.setdefault(known.listing_id, []).extend(
            (each.begin_ms, each.end_ms, each.bounds.floor_minor, each.bounds.ceiling_minor)
            for each in row.promotions
            if each.HasField("bounds")
        )

    def _take_delete(self, request: Request, answer: Any) -> None:
        for key in set(self._rows(request, answer, answer.deleted_count)):
            self._bury(key)

    def _bury(self, key: Key) -> None:
        self.buried[key] = self.listings.pop(key).bounds
        self.held.pop(key, None)

    def _take_erase(self, request: Request, answer: Any) -> None:
        seller = request.message.seller_id
        there = seller in self.sellers | self.planners
        assert bool(answer.errors) != there, f"{request}: {answer}"
        mine = [key for key in self.listings if key[0] == seller]
        assert answer.erased_listings_count == len(mine)
        for key in mine:
            self._bury(key)
        self.buried = {key: each for key, each in self.buried.items() if key[0] != seller}
        self.sellers.discard(seller)
        self.planners.discard(seller)
        self.stopped_sellers.discard(seller)

    def _take_sellers(self, request: Request, answer: Any) -> None:
        wrong = {each.index for each in answer.errors}
        for index, row in enumerate(request.message.sellers):
            assert row.seller_id in SCOPES[request.who] or index in wrong, f"{request}: {answer}"
            if index not in wrong:
                self.sellers.add(row.seller_id)

    def _take_strategies(self, request: Request, answer: Any) -> None:
        wrong = {each.index for each in answer.errors}
        for index, row in enumerate(request.message.strategies):
            assert row.seller_id in SCOPES[request.who] or index in wrong, f"{request}: {answer}"
            if index not in wrong:
                self.planners.add(row.seller_id)

    def _take_pause(self, request: Request, answer: Any) -> None:
        for key in self._rows(request, answer, answer.paused_count):
            self.listings[key].paused = True

    def _take_resume(self, request: Request, answer: Any) -> None:
        for key in self._rows(request, answer, answer.resumed_count):
            self.listings[key].paused = False

    def _switched(self, request: Request, answer: Any) -> tuple[bool, set[str], set[int]]:
        """What of a switch's request exists for the caller."""
        mine, message = SCOPES[request.who], request.message
        known = [each for each in message.seller_ids if each in mine and each in self.sellers]
        wrong = [each for each in answer.errors if each.field.startswith("seller_id")]
        assert len(wrong) == len(message.seller_ids) - len(known), f"{request}: {answer}"
        sellers = set(known)
        if message.everything and request.who != "both":
            sellers |= {each for each in mine if each in self.sellers}
        ids = {self.listings[key].listing_id for key in self._rows(request, answer)}
        return message.everything and request.who == "both", sellers, ids

    def _take_stop(self, request: Request, answer: Any) -> None:
        everything, sellers, ids = self._switched(request, answer)
        self.everything |= everything
        self.stopped_sellers |= sellers
        self.stopped_ids |= ids

    def _take_restart(self, request: Request, answer: Any) -> None:
        everything, sellers, ids = self._switched(request, answer)
        self.everything &= not everything
        self.stopped_sellers -= sellers
        self.stopped_ids -= ids

    def _take_release(self, request: Request, answer: Any) -> None:
        for key in self._chosen(request, answer):
            known = self.listings[key]
            known.bounds, known.version = self.held.pop(key), known.version + 1
            self.allowed[known.listing_id, known.version] = known.bounds

    def _take_discard(self, request: Request, answer: Any) -> None:
        for key in self._chosen(request, answer):
            del self.held[key]

    def _chosen(self, request: Request, answer: Any) -> list[Key]:
        """Listings whose held bounds a request names. Ids are known from the last look."""
        message, mine = request.message, SCOPES[request.who]
        if message.seller_id:
            there = message.seller_id in mine and message.seller_id in self.sellers
            assert bool(answer.errors) != there, f"{request}: {answer}"
            return [key for key in self.held if there and key[0] == message.seller_id]
        wrong = {each.index for each in answer.errors}
        good = {each for at, each in enumerate(message.hold_ids) if at not in wrong}
        return [key for key in self.held if self.hold_ids.get(key) in good]

    def _take_restore(self, request: Request, answer: Any) -> None:
        seller = request.message.seller_id
        there = seller in SCOPES[request.who] and seller in self.sellers
        assert there or answer.errors, f"{request}: {answer}"
        for key, known in self.listings.items():
            if key[0] == seller and not answer.errors:
                known.paused = True if known.paused else None

    # What reads show

    hold_ids: dict[Key, int] = field(default_factory=dict)

    def check_listings(self, states: list[Any], sellers: tuple[str, ...]) -> None:
        """The pages of ListListings, read by a caller of these sellers."""
        shown = {name_of(each.listing.key): each for each in states}
        assert len(shown) == len(states), "a listing is on two pages"
        expected = {key for key in self.listings if key[0] in sellers}
        assert shown.keys() == expected, f"{sellers} see {sorted(shown)}, not {sorted(expected)}"
        for key, state in shown.items():
            known = self.listings[key]
            row = state.listing
            assert state.listing_id == known.listing_id, key
            assert (row.floor_minor, row.ceiling_minor) == known.bounds, f"{key}: {row} {known}"
            assert state.bounds_version == known.version, f"{key}: {state} {known}"
            assert state.stopped == self.stops(key), f"{key} is stopped: {state.stopped}"
            paused = USER in state.pause_causes
            assert known.paused in (None, paused), f"{key} is paused: {paused}"
            known.paused = paused
        for key, state in shown.items():
            check_beside(state, shown.get((key[0], key[1].removesuffix("/B2B"))))

    def check_holds(self, holds: list[Any]) -> None:
        """All pages of ListHeld."""
        bounds = [each for each in holds if each.kind == pricing_pb2.HOLD_KIND_BOUNDS]
        shown = {name_of(each.key): (each.floor_minor, each.ceiling_minor) for each in bounds}
        assert shown == self.held, f"held are {shown}, not {self.held}"
        self.hold_ids = {name_of(each.key): each.hold_id for each in bounds}


def promoted(bounds: Bounds, floor: int, ceiling: int) -> Bounds:
    """Bounds of a promotion; one that looks like a slip stays the listing's own."""
    own = bounds
    low = floor if floor * 2 >= own[0] else own[0]
    return low, ceiling if ceiling < 10 * max(low, own[1]) else own[1]


def check_beside(state: Any, consumer: Any) -> None:
    """A B2B price is not above the B2C price, its own floor aside, unless something holds it."""
    if state is consumer or consumer is None or not consumer.price_minor:
        return
    if state.pause_causes or state.stopped or state.HasField("set_aside"):
        return
    most = max(consumer.price_minor, state.floor_in_force_minor)
    assert state.price_minor <= most, f"above the B2C price {consumer.price_minor}: {state}"


def wrong_rows(answer: Any, about: str = "") -> set[int]:
    """Rows that were not applied; of a switch those of its listings. A row whose listing is stopped
    was applied, and only its price was not."""
    return {
        each.index
        for each in answer.errors
        if each.reason != "REPRICING_STOPPED"
        and not (about == "listings" and each.field.startswith("seller_id"))
    }
