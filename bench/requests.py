"""The reference request: what a backend sends the server in one call of Reprice.

10,000 listings by natural key with ten offers each, about 500 bytes a listing. Every offer has
seller id, item price, shipping, fulfilment, condition, sub-condition, rating, rating count,
handling time, availability, winner, featured, Prime and ships-from. The same seed gives the same
bytes. What must differ from call to call (request id and time) is patched into the bytes, so that
nothing is encoded while a call is measured.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2

SEED = 20_240_811
LISTINGS = 10_000
OFFERS_EACH = 10
SELLERS = 20
COMPETITORS = 2_000
MARKETPLACE = "A1PA6795UKMFR9"
CURRENCY = "EUR"
COUNTRIES = ("DE", "AT", "PL", "FR", "CN")
STRATEGIES = ("buy-box", "match")

REQUEST_ID_AT = 2  # after the tag and the length of the message's first field
LISTING_TAG = 0x08  # field 1, a varint
LISTING_BYTES = 4  # a varint of an id, from 2,097,152 to 268,435,455; padded below that
PLACEHOLDER_ID = 0xA5A_5A5A
EVENT_TAG = 0x20  # field 4, a varint
EVENT_BYTES = 6  # a varint of milliseconds, from 2004 to 2109
PLACEHOLDER_MS = 0x1F3_5A6B_7C8D


def seller_id(at: int) -> str:
    """An id of 14 characters, as the marketplace gives them."""
    return f"A{at * 7_919 + 1_000_003:013X}"


OWN = tuple(seller_id(10_000 + at) for at in range(SELLERS))
OTHERS = tuple(seller_id(at) for at in range(COMPETITORS))


def listing_key(at: int) -> types_pb2.ListingKey:
    """Natural key of a listing."""
    return types_pb2.ListingKey(
        seller_id=OWN[at % SELLERS],
        marketplace_id=MARKETPLACE,
        sku=f"SKU-{at:08d}-EU",
        audience=types_pb2.AUDIENCE_B2C,
    )


def base_minor(at: int) -> int:
    """Price level of a listing: 8.00 to 199.99."""
    return 800 + at * 7_919 % 19_200


def sellers() -> catalog_pb2.BatchUpsertSellersRequest:
    """The sellers of the catalogue."""
    return catalog_pb2.BatchUpsertSellersRequest(
        request_id=str(uuid.uuid4()),
        sellers=[catalog_pb2.Seller(seller_id=each) for each in OWN],
    )


def strategies() -> catalog_pb2.BatchUpsertStrategiesRequest:
    """A BUY_BOX and a MATCH strategy for each seller, allowed to change often."""
    request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=str(uuid.uuid4()))
    for own in OWN:
        for name in STRATEGIES:
            strategy = request.strategies.add(seller_id=own, strategy_id=name, currency=CURRENCY)
            strategy.filter.min_positive_rating_basis_points = 7_500
            strategy.limits.changes_per_hour = 120
            if name == "match":
                strategy.match.targets.append(catalog_pb2.MATCH_TARGET_LOWEST)
            else:
                strategy.buy_box.step_minor = 1
    return request


def definitions(first: int, last: int) -> catalog_pb2.BatchUpsertListingsRequest:
    """Listings first to last (excluded), every other one with BUY_BOX, the rest with MATCH."""
    request = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid.uuid4()))
    for at in range(first, last):
        request.listings.add(
            key=listing_key(at),
            asin=f"B{at:09d}",
            condition=types_pb2.CONDITION_NEW,
            fulfilment=types_pb2.FULFILMENT_AMAZON,
            currency=CURRENCY,
            floor_minor=base_minor(at) // 2,
            ceiling_minor=base_minor(at) * 2,
            strategy_id=STRATEGIES[at // SELLERS % 2],
            price_minor=base_minor(at),
        )
    return request


def add_offers(snapshot: Any, rng: random.Random, base: int, own: str | None) -> None:
    """Ten offers around a price level, the cheapest featured; the first is ours where given."""
    winner = rng.randrange(OFFERS_EACH)
    for at in range(OFFERS_EACH):
        by_amazon = rng.random() < 0.55
        mine = at == 0 and own is not None
        snapshot.offers.add(
            seller_id=own if mine else OTHERS[rng.randrange(COMPETITORS)],
            item_price_minor=base * rng.randrange(850, 1_250) // 1_000,
            shipping_minor=0 if by_amazon else 399,
            fulfilment=(
                types_pb2.FULFILMENT_AMAZON if by_amazon or mine else types_pb2.FULFILMENT_MERCHANT
            ),
            condition=types_pb2.CONDITION_NEW,
            sub_condition=types_pb2.SUB_CONDITION_NEW,
            positive_rating_basis_points=rng.randrange(7_000, 10_001),
            rating_count=rng.randrange(1, 20_000),
            handling_hours=rng.choice((24, 48, 72)),
            availability=types_pb2.AVAILABILITY_NOW,
            buy_box_winner=at == winner,
            featured_merchant=rng.random() < 0.85,
            prime=by_amazon,
            ships_from=rng.choice(COUNTRIES),
        )


def reference_request(
    listings: Sequence[int] | range = range(LISTINGS), variant: int = 0
) -> pricing_pb2.RepriceRequest:
    """Snapshots of these listings; another variant has other prices.

    The time of every snapshot is the placeholder that `Body` replaces.
    """
    request = pricing_pb2.RepriceRequest(request_id=str(uuid.UUID(int=0)))
    for at in listings:
        rng = random.Random(SEED + at * 1_000 + variant)
        snapshot = request.snapshots.add(
            key=listing_key(at),
            event_ms=PLACEHOLDER_MS,
            currency=CURRENCY,
            buy_box_status=types_pb2.BUY_BOX_STATUS_FEATURED,
        )
        own = OWN[at % SELLERS] if at % 2 else None
        add_offers(snapshot, rng, base_minor(at), own)
    return request


def varint(value: int) -> bytes:
    """A number as the wire has it."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class Body:
    """A request encoded once, whose id and times are patched in place."""

    def __init__(self, request: pricing_pb2.RepriceRequest) -> None:
        self.listings = len(request.snapshots)
        encoded = request.SerializeToString()
        self._bytes = np.frombuffer(bytearray(encoded), np.uint8)
        placeholder = bytes([EVENT_TAG]) + varint(PLACEHOLDER_MS)
        self._events = places(encoded, placeholder, self.listings, EVENT_BYTES)

    def __len__(self) -> int:
        return len(self._bytes)

    def fresh(self, event_ms: int) -> bytes:
        """The request with a new id, all its snapshots seen at `event_ms`."""
        request_id = str(uuid.uuid4()).encode()
        at = slice(REQUEST_ID_AT, REQUEST_ID_AT + len(request_id))
        self._bytes[at] = np.frombuffer(request_id, np.uint8)
        self._bytes[self._events] = np.tile(
            np.frombuffer(varint(event_ms), np.uint8), self.listings
        )
        return self._bytes.tobytes()


def places(encoded: bytes, placeholder: bytes, count: int, size: int) -> NDArray[np.int64]:
    """Offsets of all bytes behind the tag of every placeholder, of which there are `count`."""
    found = [each.start() + 1 for each in re.finditer(re.escape(placeholder), encoded)]
    if len(found) != count:
        raise ValueError(f"{len(found)} placeholders found, {count} were put in")
    return (np.array(found)[:, None] + np.arange(size)).ravel()


class Numbered:
    """A request of so many snapshots by id: those of `request`, again and again."""

    def __init__(self, request: pricing_pb2.RepriceRequest, listings: int) -> None:
        for each in request.snapshots:
            each.listing_id = PLACEHOLDER_ID
        head = pricing_pb2.RepriceRequest(request_id=request.request_id).SerializeToString()
        block = request.SerializeToString()[len(head) :]
        repeats = -(-listings // len(request.snapshots))
        if listings != repeats * len(request.snapshots):
            raise ValueError(f"listings is {listings}; allowed: a multiple of the snapshots")
        encoded = head + block * repeats
        self._listings = listings
        self._bytes = np.frombuffer(bytearray(encoded), np.uint8)
        event, listing = varint(PLACEHOLDER_MS), varint(PLACEHOLDER_ID)
        self._events = places(encoded, bytes([EVENT_TAG]) + event, listings, EVENT_BYTES)
        self._ids = places(encoded, bytes([LISTING_TAG]) + listing, listings, LISTING_BYTES)

    def fresh(self, event_ms: int, ids: NDArray[np.int64]) -> bytes:
        """The request for these listings with a new id, all its snapshots seen at `event_ms`."""
        request_id = str(uuid.uuid4()).encode()
        at = slice(REQUEST_ID_AT, REQUEST_ID_AT + len(request_id))
        self._bytes[at] = np.frombuffer(request_id, np.uint8)
        event = np.frombuffer(varint(event_ms), np.uint8)
        self._bytes[self._events] = np.tile(event, self._listings)
        sevenths = ids[:, None] >> np.arange(0, 7 * LISTING_BYTES, 7) & 127
        sevenths[:, :-1] |= 128
        self._bytes[self._ids] = sevenths.ravel().astype(np.uint8)
        return self._bytes.tobytes()


def now_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000
