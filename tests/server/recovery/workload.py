"""A seeded stream of requests as bytes: everything that changes a state, good and bad."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

from engine.schema import InputKind
from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2

START_MS = 1_790_000_000_000
MARKETPLACES = ("A1PA6795UKMFR9", "A1VC38T7YXB528")
CURRENCIES = {"A1PA6795UKMFR9": "EUR", "A1VC38T7YXB528": "JPY"}
SELLERS = ("ASELLER0", "ASELLER1", "ASELLER2")
RIVALS = ("ARIVAL0", "ARIVAL1", "ARIVAL2", "AMAZON")

Step = tuple[int, InputKind, bytes]
"""Milliseconds since the step before, the kind, the request."""


def selling(seller: str) -> list[catalog_pb2.Strategy]:
    """Strategies that never change, as those that count sales must not while they are used."""
    push = catalog_pb2.PushStrategy(start_price_minor=900, period_ms=3_600_000)
    push.steps.add(units=2, times=3).delta.amount_minor = 25
    push.rules.add(units=3).delta.basis_points = 200
    daily = catalog_pb2.DailyPushStrategy(start_price_minor=900, keep_buy_box=True)
    daily.steps.add(units=2).delta.amount_minor = 50
    common = {"seller_id": seller, "currency": "EUR"}
    berlin = catalog_pb2.Schedule(time_zone="Europe/Berlin")
    berlin.zone_offsets.add(offset_seconds=7_200)
    third = catalog_pb2.PositionStrategy(position=3)
    rules = [
        catalog_pb2.StockRule(quantity_at_most=3, raise_floor_basis_points=2_000),
        catalog_pb2.StockRule(age_days_at_least=90, lower_ceiling_basis_points=1_500),
    ]
    below = catalog_pb2.FollowStrategy(b2c_price=True)
    below.offset.basis_points = -300
    return [
        catalog_pb2.Strategy(strategy_id="push", push=push, **common),
        catalog_pb2.Strategy(strategy_id="daily", daily_push=daily, schedule=berlin, **common),
        catalog_pb2.Strategy(strategy_id="third", position=third, stock_rules=rules, **common),
        catalog_pb2.Strategy(strategy_id="below", follow=below, **common),
    ]


class Workload:
    """The same seed makes the same requests."""

    def __init__(self, seed: int, listings: int = 60) -> None:
        self._random = random.Random(seed)
        self._listings = listings
        self.now_ms = START_MS
        self._makers = (
            [self._reprice] * 12 + [self._feedback] * 8 + [self._listing_batch] * 3
            + [self._sales] * 4
            + [self._stock, self._pause, self._resume, self._delete, self._strategies]
            + [self._stop, self._restart, self._restart, self._dry_run, self._restore]
            + [self._slip, self._crash, self._crash, self._crash, self._release, self._discard]
        )  # fmt: skip

    def opening(self) -> list[Step]:
        """Sellers, strategies and every listing."""
        sellers = catalog_pb2.BatchUpsertSellersRequest(request_id=self._id())
        for seller in SELLERS:
            sellers.sellers.add(seller_id=seller, account_group="ours" if seller[-1] < "2" else "")
        every = [self._listing(at) for at in range(self._listings)]
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=self._id(), listings=every)
        return [
            (1, InputKind.SELLERS, sellers.SerializeToString()),
            self._strategies(),
            (1, InputKind.LISTINGS, request.SerializeToString()),
        ]

    def steps(self, count: int) -> Iterator[Step]:
        """So many steps after the opening."""
        for _ in range(count):
            pause, kind, payload = self._random.choice(self._makers)()
            pause *= self._random.choice((1, 1, 1, 40, 700))
            self.now_ms += pause
            yield pause, kind, payload

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _pause_ms(self) -> int:
        return self._random.randrange(1, 5_000)

    def _key(self, at: int) -> types_pb2.ListingKey:
        if at % 6 == 5:  # The same SKU for business buyers.
            consumer = self._key(at - 3)
            consumer.audience = types_pb2.AUDIENCE_B2B
            return consumer
        marketplace = MARKETPLACES[at % 5 == 0]
        seller = SELLERS[at % len(SELLERS)]
        return types_pb2.ListingKey(seller_id=seller, marketplace_id=marketplace, sku=f"SKU-{at}")

    def _any_key(self) -> types_pb2.ListingKey:
        return self._key(self._random.randrange(self._listings + 2))

    def _listing(self, at: int) -> catalog_pb2.Listing:
        key = self._key(at)
        floor = self._random.randrange(500, 900)
        currency = CURRENCIES[key.marketplace_id]
        kinds = ("", "", "", "match", "match", "third", "fixed", "push", "daily")
        kind = self._random.choice(kinds) if currency == "EUR" else ""
        business = key.audience == types_pb2.AUDIENCE_B2B
        if business and currency == "EUR":
            kind = self._random.choice(("", "match", "below", "below"))
        made = catalog_pb2.Listing(
            key=key,
            asin=f"B0{at // 2}",
            condition=types_pb2.CONDITION_NEW,
            fulfilment=self._random.choice((0, 1, 2)),  # type: ignore[arg-type]
            currency=currency,
            floor_minor=floor if self._random.random() < 0.97 else 0,
            ceiling_minor=floor + self._random.randrange(0, 900),
            shipping_minor=self._random.choice((0, 0, 199)),
            points_minor=12 if currency == "JPY" else 0,
            strategy_id=kind,
        )
        for quantity in (3, 9) if business else ():
            discount = 20 * quantity + self._random.randrange(40)
            made.quantity_tiers.add(quantity=quantity, discount_basis_points=discount)
        return made

    def _listing_batch(self) -> Step:
        chosen = self._random.sample(range(self._listings), 3)
        every = [self._listing(at) for at in chosen]
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=self._id(), listings=every)
        return self._pause_ms(), InputKind.LISTINGS, request.SerializeToString()

    def _strategies(self) -> Step:
        request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=self._id())
        for seller in SELLERS:
            match = catalog_pb2.MatchStrategy(targets=[catalog_pb2.MATCH_TARGET_LOWEST])
            match.offset_merchant_fulfilled.amount_minor = -self._random.randrange(5)
            filtered = catalog_pb2.CompetitorFilter(exclude_seller_ids=[RIVALS[0]])
            request.strategies.add(
                seller_id=seller, strategy_id="match", currency="EUR", match=match, filter=filtered
            )
            fixed = catalog_pb2.FixedStrategy(price_minor=self._random.randrange(500, 1500))
            request.strategies.add(
                seller_id=seller, strategy_id="fixed", currency="EUR", fixed=fixed
            )
            request.strategies.extend(selling(seller))
        return self._pause_ms(), InputKind.STRATEGIES, request.SerializeToString()

    def _offer(self) -> types_pb2.Offer:
        offer = types_pb2.Offer(
            seller_id=self._random.choice(RIVALS + SELLERS),
            item_price_minor=self._random.randrange(400, 1800),
            shipping_minor=self._random.choice((0, 0, 299)),
            fulfilment=self._random.choice((1, 2)),  # type: ignore[arg-type]
        )
        if self._random.random() < 0.6:
            offer.buy_box_winner = self._random.random() < 0.4
        return offer

    def _snapshot(self) -> pricing_pb2.OfferSnapshot:
        key = self._any_key()
        snapshot = pricing_pb2.OfferSnapshot(
            event_ms=self.now_ms - self._random.randrange(20_000),
            currency=CURRENCIES[key.marketplace_id],
            offers=[self._offer() for _ in range(self._random.randrange(6))],
        )
        if self._random.random() < 0.2:
            snapshot.competitive_price_minor = self._random.randrange(600, 1500)
            snapshot.notification_id = self._id()
        which = self._random.random()
        if which < 0.6:
            snapshot.key.CopyFrom(key)
        elif which < 0.8:
            snapshot.listing_id = self._random.randrange(1, self._listings + 5)
        else:
            snapshot.asin.asin = f"B0{int(key.sku[4:]) // 2}"
            snapshot.asin.seller_id = key.seller_id
            snapshot.asin.marketplace_id = key.marketplace_id
            snapshot.asin.condition = types_pb2.CONDITION_NEW
        return snapshot

    def _reprice(self) -> Step:
        count = self._random.choice((1, 3, 12))
        snapshots = [self._snapshot() for _ in range(count)]
        request = pricing_pb2.RepriceRequest(request_id=self._id(), snapshots=snapshots)
        return self._pause_ms(), InputKind.REPRICE, request.SerializeToString()

    def _feedback(self) -> Step:
        request = pricing_pb2.ReportFeedbackRequest(request_id=self._id())
        for _ in range(self._random.choice((1, 4))):
            kind: Any = self._random.randrange(1, 10)
            request.feedback.add(
                listing_id=self._random.randrange(1, self._listings + 3),
                kind=kind,
                event_ms=self.now_ms - self._random.randrange(20_000),
                decision_id=self._random.randrange(1, 400) if self._random.random() < 0.3 else 0,
                price_minor=self._random.randrange(500, 1500),
                currency="EUR",
                share_basis_points=self._random.randrange(10_001),
            )
        return self._pause_ms(), InputKind.FEEDBACK, request.SerializeToString()

    def _stock(self) -> Step:
        request = pricing_pb2.ReportStockRequest(request_id=self._id())
        for _ in range(3):
            level = request.levels.add(key=self._any_key(), event_ms=self.now_ms)
            level.quantity = self._random.choice((0, 2, 5))
            if self._random.random() < 0.5:
                level.age_days = self._random.randrange(200)
        return self._pause_ms(), InputKind.STOCK, request.SerializeToString()

    def _sales(self) -> Step:
        request = pricing_pb2.ReportSalesRequest(request_id=self._id())
        hour_ms = self.now_ms - self.now_ms % 3_600_000
        count = min(20, self._listings)
        for listing_id in self._random.sample(range(1, self._listings + 3), count):
            units = self._random.randrange(6)
            request.sales.add(listing_id=listing_id, hour_ms=hour_ms, units=units, source="test")
        return self._pause_ms(), InputKind.SALES, request.SerializeToString()

    def _refs(self, kind: InputKind, message_type: Any) -> Step:
        request = message_type(request_id=self._id())
        request.listings.add(key=self._any_key())
        return self._pause_ms(), kind, request.SerializeToString()

    def _pause(self) -> Step:
        return self._refs(InputKind.PAUSE, pricing_pb2.PauseRepricingRequest)

    def _resume(self) -> Step:
        return self._refs(InputKind.RESUME, pricing_pb2.ResumeRepricingRequest)

    def _delete(self) -> Step:
        return self._refs(InputKind.DELETE, catalog_pb2.BatchDeleteListingsRequest)

    def _switch(self, kind: InputKind, message_type: Any) -> Step:
        request = message_type(request_id=self._id())
        which = self._random.randrange(3)
        request.everything = which == 0
        if which == 1:
            request.seller_ids.append(self._random.choice(SELLERS))
        request.listings.add(key=self._any_key())
        return self._pause_ms(), kind, request.SerializeToString()

    def _stop(self) -> Step:
        return self._switch(InputKind.STOP, pricing_pb2.StopRepricingRequest)

    def _restart(self) -> Step:
        return self._switch(InputKind.RESTART, pricing_pb2.RestartRepricingRequest)

    def _dry_run(self) -> Step:
        request = catalog_pb2.BatchUpsertSellersRequest(request_id=self._id())
        for seller in SELLERS:
            group = "ours" if seller[-1] < "2" else ""
            dry_run = self._random.random() < 0.3
            request.sellers.add(seller_id=seller, account_group=group, dry_run=dry_run)
        return self._pause_ms(), InputKind.SELLERS, request.SerializeToString()

    def _restore(self) -> Step:
        at_ms = self.now_ms - self._random.randrange(3_600_000)
        request = pricing_pb2.RestorePricesRequest(
            request_id=self._id(), seller_id=self._random.choice(SELLERS), at_ms=at_ms
        )
        return self._pause_ms(), InputKind.RESTORE, request.SerializeToString()

    def _slip(self) -> Step:
        """Bounds that nobody can mean."""
        listing = self._listing(self._random.randrange(self._listings))
        listing.floor_minor, listing.ceiling_minor, listing.cost_minor = 9, 90_000, 300
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=self._id(), listings=[listing])
        return self._pause_ms(), InputKind.LISTINGS, request.SerializeToString()

    def _crash(self) -> Step:
        """Offers for all listings of a seller, so low that its breaker may trip."""
        request = pricing_pb2.RepriceRequest(request_id=self._id())
        first = self._random.randrange(len(SELLERS))
        for at in range(first, self._listings, len(SELLERS)):
            snapshot = self._snapshot()
            snapshot.key.CopyFrom(self._key(at))
            snapshot.currency = CURRENCIES[snapshot.key.marketplace_id]
            snapshot.event_ms = self.now_ms
            del snapshot.offers[:]
            snapshot.offers.add(seller_id="ARIVAL1", item_price_minor=400)
            request.snapshots.append(snapshot)
        return self._pause_ms(), InputKind.REPRICE, request.SerializeToString()

    def _holds(self, kind: InputKind, message_type: Any) -> Step:
        request = message_type(request_id=self._id())
        if self._random.random() < 0.5:
            request.seller_id = self._random.choice(SELLERS)
        else:
            request.hold_ids.extend(self._random.sample(range(1, 40), 5))
        return self._pause_ms(), kind, request.SerializeToString()

    def _release(self) -> Step:
        return self._holds(InputKind.RELEASE, pricing_pb2.ReleaseHeldRequest)

    def _discard(self) -> Step:
        return self._holds(InputKind.DISCARD, pricing_pb2.DiscardHeldRequest)
