"""Random lives of fees, rates, costs and proposed bounds: nothing of a proposal goes out, and all
comes back bit by bit."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.recovery import save
from engine.replay import Replayer
from engine.schema import DecisionStatus, InputKind
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from tests.server.recovery.shards import apply, open_shard, same

START_MS = 1_790_000_000_000
LISTINGS = 12


class Life:
    """Seeded requests of one seller."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = START_MS
        self.shard = open_shard(path, START_MS)
        self.emitted = self.aside = 0
        self._makers = [
            self.schedule, self.rate, self.preview, self.listing, self.listing, self.listing,
            self.offers, self.offers, self.offers, self.offers, self.delete, self.release,
        ]  # fmt: skip

    def step(self) -> None:
        """One input, and what must hold of its decisions."""
        state = self.shard.engine.state
        last_id = state.next_decision_id
        before = set(state.bounds.proposed)
        kind, request = self.random.choice(self._makers)()
        request.request_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        apply(self.shard.engine, self.now_ms, (kind, request.SerializeToString()))
        self.now_ms += self.random.choice((1_000, 60_000, 3_600_000))
        self.shard.engine.advance(self.now_ms, 1, 2_000)
        dry = before & set(state.bounds.proposed)
        for each in state.decisions.dump():
            if each["decision_id"] < last_id or each["status"] == DecisionStatus.WITHDRAWAL:
                continue
            out = each["status"] == DecisionStatus.EMITTED
            assert not (out and int(each["listing_id"]) in dry)
            self.emitted += out
            self.aside += each["status"] == DecisionStatus.DRY_RUN
        for listing_id, found in state.bounds.proposed.items():
            row = state.catalog.rows[listing_id]
            bounds = int(row["floor_minor"]), int(row["ceiling_minor"])
            assert bounds == (found.floor_minor, found.ceiling_minor)

    def schedule(self) -> tuple[InputKind, Any]:
        made = fees_pb2.FeeSchedule(seller_id="A1SHOP", fee_schedule_id="home", currency="EUR")
        made.referral_tiers.add(up_to_minor=1_000, rate_basis_points=self.pick(500, 800))
        made.referral_tiers.add(rate_basis_points=self.pick(800, 1_500))
        made.tier_kind = fees_pb2.TIER_KIND_WHOLE
        made.fulfilment_bands.add(fee_minor=self.pick(100, 250))
        request = fees_pb2.BatchUpsertFeeSchedulesRequest(fee_schedules=[made])
        return InputKind.FEE_SCHEDULES, request

    def rate(self) -> tuple[InputKind, Any]:
        made = fees_pb2.ExchangeRate(
            seller_id="A1SHOP", from_currency="USD", to_currency="EUR", day="2026-11-25",
            rate_billionths=self.random.randrange(800_000_000, 1_100_000_000),
        )  # fmt: skip
        request = fees_pb2.BatchUpsertExchangeRatesRequest(exchange_rates=[made])
        return InputKind.EXCHANGE_RATES, request

    def preview(self) -> tuple[InputKind, Any]:
        made = fees_pb2.FeePreview(key=self.key(), currency="EUR", price_minor=1_500)
        made.referral_fee_minor = self.pick(75, 120, 225)
        return InputKind.FEE_PREVIEWS, fees_pb2.ReportFeePreviewsRequest(previews=[made])

    def listing(self) -> tuple[InputKind, Any]:
        made = catalog_pb2.Listing(key=self.key(), currency="EUR", asin="B1")
        made.price_minor = self.pick(0, 1_200, 2_000)
        made.propose_bounds = self.pick(True, True, False)
        if not made.propose_bounds:
            made.floor_minor, made.ceiling_minor = self.pick(500, 900, 1_100), 3_000
        if self.pick(True, False):
            made.cost_minor = self.random.randrange(300, 700)
            made.cost_currency = self.pick("USD", "")
        if self.pick(True, False):
            bounds = made.computed_bounds
            bounds.fee_schedule_id, bounds.vat_basis_points = "home", 1_900
            bounds.goal.margin_basis_points = 1_000
            bounds.lowest_floor = self.pick(True, False)
        return InputKind.LISTINGS, catalog_pb2.BatchUpsertListingsRequest(listings=[made])

    def offers(self) -> tuple[InputKind, Any]:
        seen = pricing_pb2.OfferSnapshot(key=self.key(), event_ms=self.now_ms, currency="EUR")
        seen.offers.add(
            seller_id="A2RIVAL", item_price_minor=self.random.randrange(600, 2_500),
            buy_box_winner=True,
        )  # fmt: skip
        return InputKind.REPRICE, pricing_pb2.RepriceRequest(snapshots=[seen])

    def delete(self) -> tuple[InputKind, Any]:
        refs = [catalog_pb2.ListingRef(key=self.key())]
        return InputKind.DELETE, catalog_pb2.BatchDeleteListingsRequest(listings=refs)

    def release(self) -> tuple[InputKind, Any]:
        return InputKind.RELEASE, pricing_pb2.ReleaseHeldRequest(seller_id="A1SHOP")

    def key(self) -> types_pb2.ListingKey:
        sku = f"SKU-{self.random.randrange(LISTINGS)}"
        return types_pb2.ListingKey(seller_id="A1SHOP", marketplace_id="A1PA6795UKMFR9", sku=sku)

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)


@pytest.mark.parametrize("seed", range(6))
def test_a_random_life_comes_back(tmp_path: Path, seed: int) -> None:
    life = Life(tmp_path, seed)
    for _ in range(150):
        life.step()
    engine = life.shard.engine
    engine.journal.commit()
    if seed % 2:
        save(life.shard.storage, Replayer(engine), engine.journal.last_sequence)
    for _ in range(50):
        life.step()
    engine.journal.commit()
    assert life.emitted
    assert life.aside
    assert engine.state.bounds.rates.costs
    life.shard.stop()
    again = open_shard(tmp_path, life.now_ms)
    same(engine.state, again.engine.state)
    again.stop()
