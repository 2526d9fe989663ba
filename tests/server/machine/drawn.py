"""Requests from plain values, so that a story of them can be kept as JSON, and how to draw them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from engine.replies import identity_of
from engine.schema import InputKind
from repriced.v1 import catalog_pb2, ingestion_pb2, pricing_pb2, types_pb2
from server.services.ingestion import WHOLE_CALL
from tests.server.amazon.amazon_messages import load
from tests.server.machine.world import SELLERS

MARKETPLACE = "A1PA6795UKMFR9"
SKUS = 4
"""Listings of a seller; one number more stands for a listing that is never brought in."""
B2B = 10
"""From this number on, the B2B listings beside the others."""

Plain = dict[str, Any]
"""Arguments of a request: numbers, texts and lists of them."""


@dataclass(frozen=True)
class Kind:
    """A kind of request: its method, its messages, how its message is filled and drawn."""

    input: int
    """The `schema.InputKind`, or WHOLE_CALL where a call becomes several inputs."""
    method: str
    request: Any
    answer: Any
    fill: Callable[[Any, Plain, Scene], None]
    plain: st.SearchStrategy[Plain]


@dataclass
class Scene:
    """What a request is filled from besides its own values."""

    now_ms: int
    listing_id: Callable[[int, int], int]
    """Of a seller and a number; of a listing that is not there an id that nothing has."""
    hold_ids: list[int]


def key(seller: int, number: int) -> types_pb2.ListingKey:
    """Natural key of a listing."""
    return types_pb2.ListingKey(
        seller_id=SELLERS[seller], marketplace_id=MARKETPLACE, sku=f"SKU-{number % B2B}",
        audience=audience(number),
    )  # fmt: skip


def audience(number: int) -> types_pb2.Audience:
    """Whom a listing is for."""
    return types_pb2.AUDIENCE_B2B if number >= B2B else types_pb2.AUDIENCE_B2C


def name_of(given: types_pb2.ListingKey) -> tuple[str, str]:
    """A listing as the model knows it: its seller, and its SKU with its audience."""
    business = "/B2B" if given.audience == types_pb2.AUDIENCE_B2B else ""
    return given.seller_id, given.sku + business


def asin(number: int) -> str:
    """Both sellers offer the same things."""
    return f"B0MACHINE{number % B2B}"


def name_listing(row: Any, named: list[int], scene: Scene) -> None:
    """Names a listing [seller, number, way]: by key, id, or, where that exists, ASIN."""
    seller, number, way = named
    if way == 1:
        row.listing_id = scene.listing_id(seller, number)
    elif way == 2 and "asin" in row.DESCRIPTOR.fields_by_name:
        row.asin.seller_id, row.asin.marketplace_id = SELLERS[seller], MARKETPLACE
        row.asin.asin, row.asin.condition = asin(number), types_pb2.CONDITION_NEW
        row.asin.audience = audience(number)
    else:
        row.key.CopyFrom(key(seller, number))


def fill_listings(request: Any, plain: Plain, scene: Scene) -> None:
    for seller, number, floor, ceiling, cost, strategy, *more in plain["rows"]:
        row = request.listings.add(key=key(seller, number), asin=asin(number), currency="EUR")
        row.condition, row.strategy_id = types_pb2.CONDITION_NEW, strategy
        row.floor_minor, row.ceiling_minor = floor, ceiling
        if cost:
            row.cost_minor = cost
        for tiers, promotions in more:
            for quantity, discount in tiers:
                row.quantity_tiers.add(quantity=quantity, discount_basis_points=discount)
            for begin_ms, lasts_ms, *bounds in promotions:
                begin_ms += scene.now_ms
                sale = row.promotions.add(
                    name="sale", begin_ms=begin_ms, end_ms=begin_ms + lasts_ms
                )
                if bounds:
                    sale.bounds.floor_minor, sale.bounds.ceiling_minor = bounds


def fill_refs(request: Any, plain: Plain, scene: Scene) -> None:
    for named in plain["rows"]:
        name_listing(request.listings.add(), named, scene)


def fill_switch(request: Any, plain: Plain, scene: Scene) -> None:
    request.everything = plain["everything"]
    request.seller_ids.extend(SELLERS[each] for each in plain["sellers"])
    fill_refs(request, plain, scene)


def fill_offers(request: Any, plain: Plain, scene: Scene) -> None:
    for named, prices, winner, age_ms in plain["rows"]:
        row = request.snapshots.add(event_ms=scene.now_ms - age_ms, currency="EUR")
        name_listing(row, named, scene)
        for at, price in enumerate(prices):
            row.offers.add(
                seller_id=f"ARIVAL{at}", item_price_minor=price, buy_box_winner=at == winner,
                fulfilment=types_pb2.FULFILMENT_AMAZON,
            )  # fmt: skip


def fill_feedback(request: Any, plain: Plain, scene: Scene) -> None:
    for named, kind, price, age_ms in plain["rows"]:
        row = request.feedback.add(
            kind=kind, price_minor=price, event_ms=scene.now_ms - age_ms, currency="EUR",
            share_basis_points=5_000,
        )  # fmt: skip
        name_listing(row, named, scene)


def fill_stock(request: Any, plain: Plain, scene: Scene) -> None:
    for named, quantity, *age in plain["rows"]:
        row = request.levels.add(event_ms=scene.now_ms, quantity=quantity)
        name_listing(row, named, scene)
        if age:
            row.age_days = age[0]


def fill_sellers(request: Any, plain: Plain, _: Scene) -> None:
    for seller, dry_run in plain["rows"]:
        request.sellers.add(seller_id=SELLERS[seller], dry_run=dry_run)


def fill_strategies(request: Any, plain: Plain, _: Scene) -> None:
    for seller, what, price in plain["rows"]:
        name = what if isinstance(what, str) else "s"
        row = request.strategies.add(seller_id=SELLERS[seller], currency="EUR", strategy_id=name)
        if what is True:
            row.fixed.price_minor = price
        elif name == "below":
            row.follow.b2c_price = True
            row.follow.offset.basis_points = -price
        elif name == "basket":
            row.follow.sources.add(marketplace_id=MARKETPLACE, asin=asin(SKUS))
            row.follow.value = catalog_pb2.FOLLOW_VALUE_LOWEST
            row.follow.max_age_ms, row.follow.grace_ms = 3_600_000, price
        else:
            row.match.targets.append(catalog_pb2.MATCH_TARGET_LOWEST)
        if name == "stock":
            row.stock_rules.add(quantity_at_most=5, raise_floor_basis_points=price)
            row.stock_rules.add(age_days_at_least=90, lower_ceiling_basis_points=price)
        if name == "pausing":
            row.schedule.time_zone = "Europe/Berlin"
            row.schedule.calendar.add(
                name="night", begin="2026-01-01T22:00", end="2026-01-02T12:00",
                repeat=catalog_pb2.REPEAT_DAILY, pause=catalog_pb2.PauseEntry(),
            )  # fmt: skip


def fill_holds(request: Any, plain: Plain, scene: Scene) -> None:
    if plain["seller"] >= 0:
        request.seller_id = SELLERS[plain["seller"]]
    else:
        ids = scene.hold_ids or [999]
        request.hold_ids.extend(ids[each % len(ids)] for each in plain["picked"])


def fill_restore(request: Any, plain: Plain, scene: Scene) -> None:
    request.seller_id = SELLERS[plain["seller"]]
    request.at_ms = scene.now_ms - plain["back_ms"]


def fill_erase(request: Any, plain: Plain, _: Scene) -> None:
    request.seller_id = SELLERS[plain["seller"]]


def fill_notifications(request: Any, plain: Plain, scene: Scene) -> None:
    for seller, number, price, note, age_ms in plain["rows"]:
        content = load("any_offer_changed")
        content["NotificationMetadata"]["NotificationId"] = f"note-{note}"
        inner = content["Payload"]["AnyOfferChangedNotification"]
        inner["SellerId"], trigger = SELLERS[seller], inner["OfferChangeTrigger"]
        trigger["MarketplaceId"], trigger["ASIN"] = MARKETPLACE, asin(number)
        seen = datetime.fromtimestamp((scene.now_ms - age_ms) / 1000, UTC)
        trigger["TimeOfOfferChange"] = seen.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        inner["Offers"][0]["ListingPrice"]["Amount"] = price / 100
        inner["Offers"][2]["SellerId"] = SELLERS[seller]
        request.notifications.add(
            json=json.dumps(content).encode(), seller_id=SELLERS[seller], observed_ms=scene.now_ms
        )


def rows(*values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Plain]:
    """Requests of one to `most` rows."""
    row = st.tuples(*values).map(list)
    return st.fixed_dictionaries({"rows": st.lists(row, min_size=1, max_size=most)})


seller_numbers = st.integers(0, len(SELLERS) - 1)
numbers = st.integers(0, SKUS)
beside = st.sampled_from([B2B, B2B + 1])
named = st.tuples(seller_numbers, numbers | beside, st.integers(0, 2)).map(list)
strategies = st.sampled_from([True, False, "below", "basket", "stock", "pausing"])
used = st.sampled_from(["", "", "s", "below", "basket", "stock", "pausing"])
tiers = st.lists(st.tuples(st.integers(2, 9), st.integers(1, 3_000)), max_size=3).map(
    lambda pairs: [list(each) for each in zip(*map(sorted, zip(*pairs)))]  # noqa: B905
)
prices = st.integers(350, 1_600)
ages = st.sampled_from([0, 0, 1_000, 90_000])
floors = st.one_of(st.integers(450, 900), st.sampled_from([0, 9, 200]))
ceilings = st.one_of(st.integers(700, 1_600), st.just(90_000))
lasting = st.sampled_from([1_000, 400_000, 90_000_000])
sales = st.tuples(st.sampled_from([-1_000, 0, 300_000]), lasting).map(list) | st.tuples(
    st.sampled_from([-1_000, 0, 300_000]), lasting, floors, ceilings
).map(list)
extras = st.tuples(tiers, st.lists(sales, max_size=1)).map(list)
refs = st.fixed_dictionaries({"rows": st.lists(named, min_size=1, max_size=3)})
switches = st.fixed_dictionaries(
    {
        "everything": st.sampled_from([False, False, False, True]),
        "sellers": st.lists(seller_numbers, max_size=1),
        "rows": st.lists(named, max_size=2),
    }
).filter(lambda plain: any(plain.values()))
row_of_offers = st.tuples(named, st.lists(prices, max_size=3), st.integers(-1, 2), ages).map(list)
snapshots = st.fixed_dictionaries(
    {"rows": st.lists(row_of_offers, min_size=1, max_size=4), "stream": st.booleans()}
)
holds = st.fixed_dictionaries(
    {"seller": st.integers(-1, 1), "picked": st.lists(st.integers(0, 9), min_size=1, max_size=3)}
)
restores = st.fixed_dictionaries(
    {"seller": seller_numbers, "back_ms": st.sampled_from([0, 60_000, 7_200_000])}
)
of_a_seller = st.fixed_dictionaries({"seller": seller_numbers})


CATALOG, PRICING, INGESTION = "CatalogService", "PricingService", "IngestionService"
MESSAGES: dict[str, Any] = {
    CATALOG: catalog_pb2, PRICING: pricing_pb2, INGESTION: ingestion_pb2,
}  # fmt: skip


def kind(number: int, service: str, name: str, fill: Any, plain: Any) -> Kind:
    """The kind of a method."""
    pb2 = MESSAGES[service]
    request, answer = getattr(pb2, f"{name}Request"), getattr(pb2, f"{name}Response")
    return Kind(int(number), f"{service}/{name}", request, answer, fill, plain)


KINDS: dict[str, Kind] = {
    "upsert": kind(InputKind.LISTINGS, CATALOG, "BatchUpsertListings", fill_listings, rows(
        seller_numbers, st.integers(0, SKUS - 1) | beside, floors, ceilings,
        st.sampled_from([0, 0, 0, 300, 1_500]), used, extras, most=4)),
    "delete": kind(InputKind.DELETE, CATALOG, "BatchDeleteListings", fill_refs, refs),
    "sellers": kind(InputKind.SELLERS, CATALOG, "BatchUpsertSellers", fill_sellers,
                    rows(seller_numbers, st.booleans(), most=2)),
    "strategies": kind(InputKind.STRATEGIES, CATALOG, "BatchUpsertStrategies", fill_strategies,
                       rows(seller_numbers, strategies, prices, most=2)),
    "erase": kind(InputKind.ERASE, CATALOG, "EraseSeller", fill_erase, of_a_seller),
    "reprice": kind(InputKind.REPRICE, PRICING, "Reprice", fill_offers, snapshots),
    "feedback": kind(InputKind.FEEDBACK, PRICING, "ReportFeedback", fill_feedback,
                     rows(named, st.integers(1, 9), prices, ages)),
    "stock": kind(InputKind.STOCK, PRICING, "ReportStock", fill_stock,
                  rows(named, st.sampled_from([0, 5, 500]), st.sampled_from([0, 200]))),
    "pause": kind(InputKind.PAUSE, PRICING, "PauseRepricing", fill_refs, refs),
    "resume": kind(InputKind.RESUME, PRICING, "ResumeRepricing", fill_refs, refs),
    "stop": kind(InputKind.STOP, PRICING, "StopRepricing", fill_switch, switches),
    "restart": kind(InputKind.RESTART, PRICING, "RestartRepricing", fill_switch, switches),
    "release": kind(InputKind.RELEASE, PRICING, "ReleaseHeld", fill_holds, holds),
    "discard": kind(InputKind.DISCARD, PRICING, "DiscardHeld", fill_holds, holds),
    "restore": kind(InputKind.RESTORE, PRICING, "RestorePrices", fill_restore, restores),
    "ingest": kind(WHOLE_CALL, INGESTION, "IngestNotifications", fill_notifications,
                   rows(seller_numbers, numbers, prices, st.integers(0, 5), ages)),
}  # fmt: skip
"""Everything that changes a state."""


@dataclass
class Request:
    """A request as it is sent, with what it was made of."""

    what: str
    who: str
    plain: Plain
    message: Any
    payload: bytes

    @property
    def key(self) -> bytes:
        """What its frames are known by."""
        name = self.message.request_id
        return identity_of(self.who, KINDS[self.what].input, name, self.payload).pack()

    @property
    def call(self) -> tuple[str, str, bytes, int]:
        """What goes out; in a stream if its values say so."""
        if self.plain.get("stream"):
            outer = pricing_pb2.StreamRepriceRequest(request=self.message)
            return self.who, f"{PRICING}/StreamReprice", outer.SerializeToString(), 1
        return self.who, KINDS[self.what].method, self.payload, 0

    def answer(self, message: bytes) -> Any:
        """An answer to it."""
        if self.plain.get("stream"):
            return pricing_pb2.StreamRepriceResponse.FromString(message).response
        return KINDS[self.what].answer.FromString(message)


def make(what: str, who: str, plain: Plain, number: int, scene: Scene) -> Request:
    """A new request; `number` makes its id."""
    message = KINDS[what].request(request_id=str(uuid.UUID(int=number, version=4)))
    KINDS[what].fill(message, plain, scene)
    return Request(what, who, plain, message, message.SerializeToString())


def without_zones(request: Request, payload: bytes) -> bytes:
    """A payload of the journal as it was sent: strategies get the offsets of their time zones."""
    if request.what != "strategies":
        return payload
    message = KINDS[request.what].request.FromString(payload)
    for each in message.strategies:
        if each.HasField("schedule"):
            del each.schedule.zone_offsets[:]
    return bytes(message.SerializeToString())
