"""Fee schedules and computed bounds through the engine, its journal and its snapshots."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.guards import Guard
from engine.recovery import save
from engine.replay import Replayer
from engine.schema import InputKind
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from server.wire import listing_state_message
from tests.server.recovery.shards import Opened, apply, open_shard, same

START_MS = 1_790_000_000_000
GERMANY = "A1PA6795UKMFR9"
MARGIN = {"margin_basis_points": 1_500}


def request_id() -> str:
    return str(uuid.uuid4())


def schedule(fulfilment_minor: int = 350, **fields: Any) -> fees_pb2.FeeSchedule:
    given: dict[str, Any] = {
        "seller_id": "A1SHOP",
        "fee_schedule_id": "home",
        "currency": "EUR",
        "referral_tiers": [fees_pb2.ReferralTier(rate_basis_points=1_500)],
        "fulfilment_bands": [fees_pb2.FulfilmentBand(fee_minor=fulfilment_minor)],
    }
    return fees_pb2.FeeSchedule(**(given | fields))


def computed(**fields: Any) -> fees_pb2.ComputedBounds:
    given: dict[str, Any] = {
        "fee_schedule_id": "home",
        "vat_basis_points": 1_900,
        "goal": fees_pb2.ProfitGoal(**MARGIN),
    }
    return fees_pb2.ComputedBounds(**(given | fields))


def listing(sku: str = "MUG", **fields: Any) -> catalog_pb2.Listing:
    key = types_pb2.ListingKey(seller_id="A1SHOP", marketplace_id=GERMANY, sku=sku)
    given: dict[str, Any] = {
        "key": key,
        "currency": "EUR",
        "floor_minor": 1_000,
        "ceiling_minor": 3_000,
        "cost_minor": 800,
        "computed_bounds": computed(),
    }
    given |= fields
    return catalog_pb2.Listing(**{name: value for name, value in given.items() if value != ""})


class Book:
    """An engine on a data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_ms = START_MS
        self.shard: Opened = open_shard(path, self.now_ms)

    def schedules(self, *rows: fees_pb2.FeeSchedule) -> Any:
        request = fees_pb2.BatchUpsertFeeSchedulesRequest(
            request_id=request_id(), fee_schedules=rows
        )
        answer = self._apply(InputKind.FEE_SCHEDULES, request)
        return fees_pb2.BatchUpsertFeeSchedulesResponse.FromString(answer)

    def listings(self, *rows: catalog_pb2.Listing) -> catalog_pb2.BatchUpsertListingsResponse:
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=request_id(), listings=rows)
        answer = self._apply(InputKind.LISTINGS, request)
        return catalog_pb2.BatchUpsertListingsResponse.FromString(answer)

    def rival(self, price_minor: int) -> int:
        """Our price after a competitor's."""
        offer = types_pb2.Offer(
            seller_id="A2RIVAL", item_price_minor=price_minor, buy_box_winner=True
        )
        return self.seen(offers=[offer])

    def alone(self, competitive_minor: int) -> int:
        """Our price after offers that are only ours, shown a while after it went out."""
        self.now_ms += 3_600_000
        self.advance()
        live = int(self.shard.engine.catalog.rows["price_minor"][1])
        own = types_pb2.Offer(seller_id="A1SHOP", item_price_minor=live, buy_box_winner=True)
        return self.seen(offers=[own], competitive_price_minor=competitive_minor)

    def seen(self, **fields: Any) -> int:
        """Our price after a snapshot."""
        key = listing().key
        seen = pricing_pb2.OfferSnapshot(key=key, event_ms=self.now_ms, currency="EUR", **fields)
        request = pricing_pb2.RepriceRequest(request_id=request_id(), snapshots=[seen])
        self._apply(InputKind.REPRICE, request)
        return int(self.shard.engine.catalog.rows["price_minor"][1])

    def advance(self) -> None:
        self.now_ms += 1_000
        self.shard.engine.advance(self.now_ms, 1, 2_000)

    def bounds(self, listing_id: int = 1) -> tuple[int, int]:
        row = self.shard.engine.catalog.rows[listing_id]
        return int(row["floor_minor"]), int(row["ceiling_minor"])

    def events(self) -> list[str]:
        found = self.shard.engine.state.guards.events.after(0, 1_000)
        return [each.message for each in found if each.guard == Guard.COMPUTED_BOUNDS]

    def _apply(self, kind: InputKind, request: Any) -> bytes:
        self.now_ms += 1_000
        payload: bytes = apply(self.shard.engine, self.now_ms, (kind, request.SerializeToString()))[
            0
        ]
        return payload


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path / "data")
    assert made.schedules(schedule()).upserted_count == 1
    return made


def test_the_floor_earns_the_margin_and_no_price_goes_below_it(book: Book) -> None:
    assert not book.listings(listing()).errors
    assert book.bounds() == (2_039, 3_000)
    assert book.rival(1_500) == 2_039
    assert book.rival(2_500) > 2_039
    shown = listing_state_message(book.shard.engine.state, 1)
    assert (shown.listing.floor_minor, shown.floor_in_force_minor) == (1_000, 2_039)
    assert shown.listing.computed_bounds == computed()


def test_a_stated_floor_above_the_computed_one_stays(book: Book) -> None:
    book.listings(listing(floor_minor=2_500))
    assert book.bounds() == (2_500, 3_000)


@pytest.mark.parametrize(
    ("ceiling", "expected"),
    [
        ({"ceiling_over_floor_basis_points": 2_000}, 2_446),
        ({"ceiling_over_floor_basis_points": 9_000}, 3_000),
        ({"ceiling_goal": fees_pb2.ProfitGoal(amount_minor=400)}, 2_246),
        ({"ceiling_goal": fees_pb2.ProfitGoal(amount_minor=40_000)}, 3_000),
        ({"list_price_minor": 2_499}, 2_499),
        ({"list_price_minor": 3_499}, 3_000),
        ({"list_price_minor": 1_999}, 2_039),
    ],
)
def test_a_computed_ceiling_never_widens_the_stated_one(
    book: Book, ceiling: dict[str, Any], expected: int
) -> None:
    wanted = computed(**ceiling)
    assert not book.listings(listing(computed_bounds=wanted)).errors
    assert book.bounds() == (2_039, expected)
    assert listing_state_message(book.shard.engine.state, 1).listing.computed_bounds == wanted


def test_a_goal_out_of_reach_puts_the_floor_at_the_ceiling_and_says_so(book: Book) -> None:
    answer = book.listings(listing(ceiling_minor=1_900))
    assert [each.reason for each in answer.warnings] == ["GOAL_UNREACHABLE"]
    assert book.bounds() == (1_900, 1_900)


def test_bounds_follow_their_fee_schedule_with_the_next_turn(book: Book) -> None:
    book.listings(listing())
    assert book.rival(1_500) == 2_039
    book.schedules(schedule(400))
    assert book.bounds() == (2_039, 3_000)
    book.advance()
    floor, _ = book.bounds()
    assert floor > 2_039
    assert book.shard.engine.catalog.rows["price_minor"][1] == floor
    assert any(f"computed bounds are {floor} to 3000, they were 2039" in e for e in book.events())
    book.advance()
    assert not book.shard.engine.state.bounds.due


@pytest.mark.parametrize(
    ("fields", "floor"),
    [
        ({"cost_minor": 900}, 2_217),
        ({"computed_bounds": computed(vat_basis_points=2_100)}, 2_083),
        ({"shipping_minor": 100}, 1_939),
    ],
)
def test_bounds_follow_cost_and_tax_with_an_event_of_old_and_new(
    book: Book, fields: dict[str, Any], floor: int
) -> None:
    book.listings(listing())
    assert book.events() == []
    assert not book.listings(listing(**fields)).errors
    assert book.bounds() == (floor, 3_000)
    told = f"SKU MUG: computed bounds are {floor} to 3000, they were 2039 to 3000"
    assert book.events() == [told]
    book.listings(listing(**fields))
    assert book.events() == [told]


def test_the_competitive_price_is_no_ceiling(book: Book) -> None:
    """It caps how far a listing without competitors climbs; the bounds do not know it."""
    book.listings(listing(price_minor=2_100))
    climbed = [book.alone(2_200) for _ in range(10)]
    assert max(climbed) == climbed[-1] == 2_200
    assert book.bounds() == (2_039, 3_000)
    assert book.rival(2_900) > 2_200


def test_the_same_schedule_again_changes_nothing(book: Book) -> None:
    book.listings(listing())
    book.schedules(schedule())
    assert not book.shard.engine.state.bounds.due
    assert book.events() == []


def test_a_fee_that_slipped_by_a_decimal_waits_for_a_person(book: Book) -> None:
    book.schedules(schedule(2_000))
    book.listings(listing(ceiling_minor=9_000, floor_minor=100))
    high, _ = book.bounds()
    book.schedules(schedule(0, referral_tiers=[fees_pb2.ReferralTier()]))
    book.advance()
    assert book.bounds()[0] == high
    assert book.shard.engine.state.guards.plausibility.held.keys() == {1}


def test_without_computed_bounds_the_stated_ones_are_back(book: Book) -> None:
    book.listings(listing(floor_minor=1_500))
    book.listings(listing(floor_minor=1_500, computed_bounds=""))
    assert book.bounds() == (1_500, 3_000)
    assert not book.shard.engine.state.bounds.listings


def test_a_known_cost_need_not_be_said_again(book: Book) -> None:
    book.listings(listing())
    assert not book.listings(listing(cost_minor="")).errors
    assert book.bounds() == (2_039, 3_000)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cost_minor": ""}, "cost_minor"),
        ({"computed_bounds": computed(fee_schedule_id="none")}, "computed_bounds.fee_schedule_id"),
        ({"currency": "USD"}, "computed_bounds.fee_schedule_id"),
        ({"computed_bounds": computed(goal=None)}, "computed_bounds.goal"),
        (
            {"computed_bounds": computed(goal=fees_pb2.ProfitGoal(margin_basis_points=10_001))},
            "computed_bounds.goal",
        ),
        (
            {"computed_bounds": computed(vat_basis_points=10_001)},
            "computed_bounds.vat_basis_points",
        ),
        (
            {"computed_bounds": computed(ceiling_over_floor_basis_points=1_000_001)},
            "computed_bounds.ceiling",
        ),
        ({"computed_bounds": computed(list_price_minor=-1)}, "computed_bounds.list_price_minor"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name_and_nothing_is_entered(
    book: Book, fields: dict[str, Any], field: str
) -> None:
    answer = book.listings(listing(**fields), listing("PLATE"))
    assert [(each.index, each.field) for each in answer.errors] == [(0, field)]
    assert [each.index for each in answer.upserted] == [1]
    assert book.shard.engine.catalog.count == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"referral_tiers": []}, "referral_tiers"),
        (
            {"referral_tiers": [fees_pb2.ReferralTier(up_to_minor=5)]},
            "referral_tiers[0].up_to_minor",
        ),
        ({"tier_kind": 9}, "tier_kind"),
        ({"currency": "XXQ"}, "currency"),
        ({"fee_schedule_id": ""}, "fee_schedule_id"),
        ({"seller_id": ""}, "seller_id"),
        ({"fixed_minor": -1}, "fixed_minor"),
    ],
)
def test_a_bad_fee_schedule_is_refused_by_name(
    book: Book, fields: dict[str, Any], field: str
) -> None:
    answer = book.schedules(schedule(**fields), schedule(fee_schedule_id="other"))
    assert [(each.index, each.field) for each in answer.errors] == [(0, field)]
    assert answer.upserted_count == 1


def test_a_schedule_keeps_the_currency_of_its_listings(book: Book) -> None:
    book.listings(listing())
    answer = book.schedules(schedule(currency="USD"))
    assert [each.field for each in answer.errors] == ["currency"]


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_a_restart_finds_schedules_bounds_and_what_is_due(book: Book, with_snapshot: bool) -> None:
    book.listings(listing(), listing("PLATE", cost_minor=500))
    book.schedules(schedule(410))
    engine = book.shard.engine
    if with_snapshot:
        engine.journal.commit()
        save(book.shard.storage, Replayer(engine), engine.journal.last_sequence)
    book.shard.stop()
    again = open_shard(book.path, book.now_ms)
    same(engine.state, again.engine.state)
    assert list(again.engine.state.bounds.due) == [1, 2]
    before = state_hash(again.engine.state)
    again.engine.advance(book.now_ms + 1_000, 1, 2_000)
    assert state_hash(again.engine.state) != before
    again.stop()


def test_an_erased_seller_leaves_no_schedule(book: Book) -> None:
    book.listings(listing())
    request = catalog_pb2.EraseSellerRequest(request_id=request_id(), seller_id="A1SHOP")
    apply(book.shard.engine, book.now_ms, (InputKind.ERASE, request.SerializeToString()))
    bounds = book.shard.engine.state.bounds
    assert (bounds.schedules, bounds.listings, bounds.due) == ({}, {}, {})


def test_held_bounds_go_when_the_bounds_in_force_are_computed_again(book: Book) -> None:
    """Who released them later would put bounds into force that no fee asks for."""
    book.schedules(schedule(8_000))
    book.listings(listing(floor_minor=100, ceiling_minor=30_000))
    in_force, held = book.bounds(), book.shard.engine.state.guards.plausibility.held
    book.schedules(schedule(10))
    book.advance()
    assert list(held) == [1]
    book.schedules(schedule(8_000))
    book.advance()
    assert not held
    assert book.bounds() == in_force
