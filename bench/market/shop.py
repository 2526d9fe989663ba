"""The engine as a policy: the only file here that knows the engine and its messages.

It is driven as the server drives it: request bytes through `Engine.shape` and `apply_group`, time
through `advance`, decisions read like those of WatchDecisions. Each seed is a seller with the
default BUY_BOX strategy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bench.market.buybox import NOBODY
from bench.market.chance import TICK_MINUTES
from bench.market.messages import UNSAID, Frame, Inbox
from bench.market.policies import Decisions
from bench.market.world import OURS, World
from engine.errors import RepricedError
from engine.journal import MemoryJournal
from engine.pipeline import Engine
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.wire.codec import WireCodec

START_MS = 1_750_000_000_000
TICK_MS = TICK_MINUTES * 60_000
CURRENCY, MARKETPLACE, STRATEGY_ID = "EUR", "A1PA6795UKMFR9", "win-and-raise"
CALLER = "market"
LOGGED = 1_000_000


class Shop:
    """The engine with every listing of the world. Rows of the world are found by listing id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = Engine(WireCodec(), MemoryJournal(1 << 20))
        self._requests = 0
        self._cursor = 0
        self._ids: NDArray[np.int64] = np.zeros(len(world), np.int64)
        self._row_of: dict[int, int] = {}
        self._offers = [self._offers_of(row) for row in range(len(world))]
        self.decided = self.engine.decisions.after(0, 1)
        self._bring_in()

    def decide(self, tick: int, inbox: Inbox, frame: Callable[[int], Frame]) -> Decisions:
        """Timers first, then stock, what went live, and the offers in order of arrival."""
        now = START_MS + tick * TICK_MS
        self.engine.advance(now, 0, self.engine.catalog.count)
        requests = []
        if len(inbox.stock[0]):
            requests.append((InputKind.STOCK, self._stock(inbox, now)))
        if len(inbox.live[0]):
            requests.append((InputKind.FEEDBACK, self._live(inbox)))
        if len(inbox.rows):
            requests.append((InputKind.REPRICE, self._snapshots(inbox, frame)))
        for kind, request in requests:
            self._apply(kind, request, now)
        return self._new_decisions()

    @property
    def state(self) -> NDArray[np.int64]:
        """`schema.CycleState` of each row of the world."""
        return self.engine.catalog.rows["state"][self._ids].astype(np.int64)

    @property
    def last_reason(self) -> NDArray[np.int64]:
        """`schema.Reason` of each row's last decision; 0 before the first."""
        return self.engine.catalog.records["decision_reason"][self._ids].astype(np.int64)

    def newest(self) -> list[tuple[int, int, int]]:
        """(row, price, reason) of the decisions of this tick, in their order."""
        rows = [self._row_of[each] for each in self.decided["listing_id"].tolist()]
        prices, reasons = self.decided["price_minor"].tolist(), self.decided["reason"].tolist()
        return list(zip(rows, prices, reasons, strict=True))

    @property
    def cooldown_ticks(self) -> int:
        """The cooldown of the strategy in ticks."""
        records = self.engine.catalog.strategy_records
        index = int(self.engine.catalog.rows["strategy"][self._ids[0]])
        return int(records["cooldown_s"][index]) // (TICK_MINUTES * 60)

    def _apply(self, kind: InputKind, request: Any, now: int) -> bytes:
        self._requests += 1
        request.request_id = str(UUID(int=self._requests))
        payload = request.SerializeToString()
        answer = self.engine.apply_group([self.engine.shape(kind, payload, CALLER)], now)[0]
        if isinstance(answer, RepricedError):
            raise answer
        if answer.result.problems:
            raise AssertionError(answer.result.problems[0].message)
        return answer.payload

    def _new_decisions(self) -> Decisions:
        """Decisions since the last look; the newest of a listing counts."""
        self.decided = self.engine.decisions.after(self._cursor, LOGGED)
        if not len(self.decided):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._cursor = int(self.decided["decision_id"][-1])
        newest = {row: price for row, price, _ in self.newest()}
        return np.array(list(newest)), np.array(list(newest.values()))

    # Requests

    def seller(self, row: int) -> str:
        """The seller of a row."""
        return f"SHOP{self.world.seed[row]}"

    def _bring_in(self) -> None:
        sellers = sorted({self.seller(row) for row in range(len(self.world))})
        strategies = catalog_pb2.BatchUpsertStrategiesRequest()
        for seller in sellers:
            strategies.strategies.add(
                seller_id=seller, strategy_id=STRATEGY_ID, currency=CURRENCY,
                buy_box=catalog_pb2.BuyBoxStrategy(),
            )  # fmt: skip
        self._apply(InputKind.STRATEGIES, strategies, START_MS)
        listings = catalog_pb2.BatchUpsertListingsRequest()
        for row in range(len(self.world)):
            listings.listings.append(self._listing(row))
        answer = catalog_pb2.BatchUpsertListingsResponse.FromString(
            self._apply(InputKind.LISTINGS, listings, START_MS)
        )
        for each in answer.upserted:
            self._ids[each.index] = each.listing_id
            self._row_of[each.listing_id] = each.index

    def _listing(self, row: int) -> catalog_pb2.Listing:
        world = self.world
        key = types_pb2.ListingKey(
            seller_id=self.seller(row), marketplace_id=MARKETPLACE, sku=f"SKU-{row}"
        )
        return catalog_pb2.Listing(
            key=key, asin=f"B{row:09d}", condition=types_pb2.CONDITION_NEW,
            fulfilment=fulfilment(world.fba[row, OURS]), currency=CURRENCY,
            floor_minor=int(world.floor[row]), ceiling_minor=int(world.ceiling[row]),
            shipping_minor=int(world.shipping[row, OURS]), strategy_id=STRATEGY_ID,
            price_minor=int(world.start[row]),
        )  # fmt: skip

    def _offers_of(self, row: int) -> list[types_pb2.Offer]:
        """One offer for each seat; price and winner flag are set anew for each message."""
        world = self.world
        return [
            types_pb2.Offer(
                seller_id=self.seller(row) if seat == OURS else f"R{row}-{seat}",
                shipping_minor=int(world.shipping[row, seat]),
                fulfilment=fulfilment(world.fba[row, seat]),
                condition=types_pb2.CONDITION_NEW,
                positive_rating_basis_points=int(world.rating_bp[row, seat]),
                rating_count=500,
                handling_hours=int(world.handling_hours[row, seat]),
                availability=types_pb2.AVAILABILITY_NOW,
                featured_merchant=bool(world.featured[row, seat]),
                prime=bool(world.fba[row, seat]),
                amazon=bool(world.amazon[row, seat]),
            )
            for seat in range(world.fba.shape[1])
        ]

    def _snapshots(self, inbox: Inbox, frame: Callable[[int], Frame]) -> pricing_pb2.RepriceRequest:
        request = pricing_pb2.RepriceRequest()
        for row, event in zip(inbox.rows.tolist(), inbox.events.tolist(), strict=True):
            self._snapshot(request.snapshots.add(), row, event, frame(event))
        return request

    def _snapshot(self, snapshot: Any, row: int, event: int, frame: Frame) -> None:
        """The offers of a row at a tick; at most twenty, as the marketplace sends them."""
        snapshot.listing_id = int(self._ids[row])
        snapshot.event_ms = START_MS + event * TICK_MS
        snapshot.currency = CURRENCY
        winner = int(frame.winner[row])
        item = frame.item[row].tolist()
        for seat in np.flatnonzero(frame.listed[row]).tolist():
            offer = self._offers[row][seat]
            offer.item_price_minor = item[seat]
            if winner == UNSAID:
                offer.ClearField("buy_box_winner")
            else:
                offer.buy_box_winner = seat == winner
            snapshot.offers.append(offer)
        competitive = int(frame.competitive[row])
        if competitive:
            snapshot.competitive_price_minor = competitive
        if winner == NOBODY:
            snapshot.buy_box_status = types_pb2.BUY_BOX_STATUS_SUPPRESSED
        elif winner != UNSAID:
            snapshot.buy_box_status = types_pb2.BUY_BOX_STATUS_FEATURED

    def _live(self, inbox: Inbox) -> pricing_pb2.ReportFeedbackRequest:
        request = pricing_pb2.ReportFeedbackRequest()
        for row, price, tick in zip(*(each.tolist() for each in inbox.live), strict=True):
            request.feedback.add(
                listing_id=int(self._ids[row]), kind=pricing_pb2.FEEDBACK_KIND_EFFECTIVE,
                event_ms=START_MS + tick * TICK_MS, price_minor=price, currency=CURRENCY,
            )  # fmt: skip
        return request

    def _stock(self, inbox: Inbox, now: int) -> pricing_pb2.ReportStockRequest:
        request = pricing_pb2.ReportStockRequest()
        for row, quantity in zip(*(each.tolist() for each in inbox.stock), strict=True):
            request.levels.add(listing_id=int(self._ids[row]), event_ms=now, quantity=quantity)
        return request


def fulfilment(fba: Any) -> types_pb2.Fulfilment:
    """By Amazon or by the merchant."""
    return types_pb2.FULFILMENT_AMAZON if fba else types_pb2.FULFILMENT_MERCHANT
