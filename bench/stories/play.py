"""Plays a story: a marketplace of a few lines, and the engine driven as the server drives it.

Every quarter of an hour the engine sees the offers. What it decides is live at the next look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.errors import RepricedError
from engine.journal import MemoryJournal
from engine.pipeline import Engine
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from server.wire.codec import WireCodec
from server.wire.schedules import with_zones

SELLER, MARKETPLACE, CURRENCY = "US", "A1PA6795UKMFR9", "EUR"
START_MS = 1_750_024_800_000
"""Monday 2025-06-16, 00:00 in Berlin."""
LOOK_MS = 900_000
LOOKS_AN_HOUR = 4

Offers = dict[str, int]
"""Item prices of competitors by name, in cents."""


def best(_: float, ours: int, rivals: Offers) -> bool:
    """The cheapest is featured, we at equal prices."""
    return not rivals or ours <= min(rivals.values())


@dataclass(frozen=True)
class Story:
    """What happens. Hours are counted from the beginning; prices are in cents."""

    name: str
    title: str
    hours: int
    strategies: tuple[catalog_pb2.Strategy, ...]
    listings: tuple[catalog_pb2.Listing, ...]
    rivals: Callable[[float], Offers]
    featured: Callable[[float, int, Offers], bool] = best
    """Whether we are featured, at an hour, with our price and those of the others."""
    sold: Callable[[int, int], int] | None = None
    """Units that the first listing sells in an hour at a price."""
    fees: fees_pb2.FeeSchedule | None = None
    changes: tuple[tuple[int, catalog_pb2.Listing], ...] = ()
    """Definitions that are sent again at an hour."""
    driven: Callable[[float], int] | None = None
    """Live price of the last listing, which somebody else sets."""
    ratings: dict[str, int] = field(default_factory=dict)
    """Positive ratings of competitors in basis points; others have a perfect one."""
    labels: tuple[str, ...] = ()
    """What the lines of our listings are called."""


@dataclass
class Played:
    """What a story has shown, a value a look."""

    hours: list[float]
    prices: list[list[int]]
    """Live prices, by listing."""
    rivals: list[Offers]
    won: list[bool]
    """Whether the first listing was featured."""
    units: list[int]
    """Units of the first listing in the hour that ends with the look; 0 within an hour."""
    bounds: list[tuple[int, int]]
    """Of the first listing, in force."""


class Player:
    """One engine and the clock of a story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.engine = Engine(WireCodec(), MemoryJournal(1 << 20))
        self._requests = 0
        self._now = START_MS
        if story.fees is not None:
            fees = fees_pb2.BatchUpsertFeeSchedulesRequest(fee_schedules=[story.fees])
            self.apply(InputKind.FEE_SCHEDULES, fees)
        strategies = catalog_pb2.BatchUpsertStrategiesRequest(strategies=story.strategies)
        self.apply(InputKind.STRATEGIES, strategies)
        self.define(story.listings)
        self.live = [each.price_minor for each in story.listings]

    def define(self, listings: Any) -> None:
        """Sends definitions of listings."""
        self.apply(InputKind.LISTINGS, catalog_pb2.BatchUpsertListingsRequest(listings=listings))

    def apply(self, kind: InputKind, request: Any) -> None:
        """Applies a request now. Raises AssertionError for one that is refused."""
        self._requests += 1
        request.request_id = str(UUID(int=self._requests))
        payload = request.SerializeToString()
        if kind == InputKind.STRATEGIES:
            payload = with_zones(payload, self._now)
        (answer,) = self.engine.apply_group([self.engine.shape(kind, payload)], self._now)
        if isinstance(answer, RepricedError):
            raise answer
        if answer.result is None or answer.result.problems:
            raise AssertionError(answer)

    def play(self) -> Played:
        """The whole story."""
        story = self.story
        played = Played([], [[] for _ in story.listings], [], [], [], [])
        changes = dict(story.changes)
        for look in range(story.hours * LOOKS_AN_HOUR):
            hour = look / LOOKS_AN_HOUR
            self._now = START_MS + look * LOOK_MS
            if hour in changes:
                self.define([changes[int(hour)]])
            self.engine.advance(self._now, 0, self.engine.catalog.count)
            units = self._sell(look)
            rivals = story.rivals(hour)
            won = story.featured(hour, self.live[0], rivals)
            self._note(played, hour, rivals, won, units)
            self._show(hour, rivals)
            self._go_live(hour)
        return played

    def _sell(self, look: int) -> int:
        if self.story.sold is None or look == 0 or look % LOOKS_AN_HOUR:
            return 0
        hour = look // LOOKS_AN_HOUR - 1
        units = self.story.sold(hour, self.live[0])
        sold = pricing_pb2.SoldUnits(
            key=self.story.listings[0].key, hour_ms=self._now - LOOKS_AN_HOUR * LOOK_MS,
            units=units, source="story",
        )  # fmt: skip
        self.apply(InputKind.SALES, pricing_pb2.ReportSalesRequest(sales=[sold]))
        return units

    def _note(self, played: Played, hour: float, rivals: Offers, won: bool, units: int) -> None:
        row = self.engine.catalog.rows[1]
        played.hours.append(hour)
        played.rivals.append(rivals)
        played.won.append(won)
        played.units.append(units)
        played.bounds.append((int(row["floor_minor"]), int(row["ceiling_minor"])))
        for prices, live in zip(played.prices, self.live, strict=True):
            prices.append(live)

    def _show(self, hour: float, rivals: Offers) -> None:
        """Every listing sees the offers beside it."""
        snapshots = []
        for listing, live in zip(self.story.listings, self.live, strict=True):
            won = self.story.featured(hour, live, rivals)
            seen = pricing_pb2.OfferSnapshot(
                key=listing.key, event_ms=self._now, currency=CURRENCY,
                buy_box_status=types_pb2.BUY_BOX_STATUS_FEATURED,
            )  # fmt: skip
            seen.offers.append(offer(SELLER, live, won, sku=listing.key.sku))
            winner = min(rivals, key=lambda name: rivals[name]) if rivals and not won else ""
            for name, price in rivals.items():
                rating = self.story.ratings.get(name, 10_000)
                seen.offers.append(
                    offer(name, price, name == winner, positive_rating_basis_points=rating)
                )
            snapshots.append(seen)
        self.apply(InputKind.REPRICE, pricing_pb2.RepriceRequest(snapshots=snapshots))

    def _go_live(self, hour: float) -> None:
        self.live = [
            int(self.engine.catalog.rows["price_minor"][at]) or live
            for at, live in enumerate(self.live, 1)
        ]
        if self.story.driven is not None:
            self.live[-1] = self.story.driven(hour + 1 / LOOKS_AN_HOUR)


def offer(seller: str, price_minor: int, winner: bool, **fields: Any) -> types_pb2.Offer:
    """An offer of a featured merchant with a record, available now."""
    return types_pb2.Offer(
        seller_id=seller, item_price_minor=price_minor, buy_box_winner=winner,
        condition=types_pb2.CONDITION_NEW, featured_merchant=True,
        fulfilment=types_pb2.FULFILMENT_AMAZON, **fields,
    )  # fmt: skip


def play(story: Story) -> Played:
    """What a story shows."""
    return Player(story).play()
