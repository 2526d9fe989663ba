"""The demo's catalogue: made-up shops, products and bounds, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from engine.money import exponent
from repriced.v1 import catalog_pb2, types_pb2

SHOPS = (
    ("A2DEMOHEIMWERK", "A1PA6795UKMFR9", "EUR"),
    ("A2DEMOMAISON01", "A13V1IB3VIYZZH", "EUR"),
    ("A2DEMOTEATIME1", "A1F83G8C2ARO7P", "GBP"),
    ("A2DEMOOUTDOORS", "ATVPDKIKX0DER", "USD"),
    ("A2DEMOKITCHEN1", "A1VC38T7YXB528", "JPY"),
)
PRODUCTS = ("MUG", "LAMP", "TENT", "KETTLE", "BLANKET", "DRILL", "PUZZLE", "BOTTLE", "SHELF", "BAG")
COLOURS = ("RED", "BLUE", "GREEN", "GREY", "SAND", "BLACK")
BUY_BOX, MATCH, FIXED = "win-and-raise", "match-lowest", "fixed-price"
HOLD_MS = 1_000


@dataclass(slots=True)
class Item:
    """One listing of the demo, as its shop knows it; the bounds are what the demo checks."""

    key: types_pb2.ListingKey
    asin: str
    currency: str
    merchant: bool
    base_minor: int
    floor_minor: int
    ceiling_minor: int
    price_minor: int
    strategy_id: str


def make_items(count: int, chance: random.Random) -> list[Item]:
    """`count` listings spread over the shops; most of them fight for the Buy Box."""
    return [make_item(number, chance) for number in range(count)]


def make_item(number: int, chance: random.Random) -> Item:
    """One listing: floor about a fifth under the market, ceiling about a third above."""
    seller_id, marketplace_id, currency = SHOPS[number % len(SHOPS)]
    whole = int(chance.lognormvariate(3.2, 0.7)) + 6
    base = whole * 100 * 10 ** exponent(currency) // 100
    base = base * 150 if currency == "JPY" else base + chance.randrange(99)
    name = f"{chance.choice(PRODUCTS)}-{chance.choice(COLOURS)}-{number:05d}"
    floor, ceiling = base * 80 // 100, base * 135 // 100
    kind = chance.choices((BUY_BOX, MATCH, FIXED), (90, 8, 2))[0]
    return Item(
        key=types_pb2.ListingKey(
            seller_id=seller_id,
            marketplace_id=marketplace_id,
            sku=name,
            audience=types_pb2.AUDIENCE_B2C,
        ),
        asin=f"B0{number:08X}",
        currency=currency,
        merchant=chance.random() < 0.3,
        base_minor=base,
        floor_minor=floor,
        ceiling_minor=ceiling,
        price_minor=chance.randrange(floor, ceiling),
        strategy_id=kind,
    )


def strategies() -> list[catalog_pb2.Strategy]:
    """The three strategies of every shop, with clocks short enough for a demo."""
    made = []
    for seller_id, _, currency in SHOPS:
        names: dict[str, Any] = {"seller_id": seller_id, "currency": currency}
        buy_box = catalog_pb2.BuyBoxStrategy(
            step_minor=1,
            hold_ms=HOLD_MS,
            cooldown_ms=4_000,
            min_samples=1,
            live_wait_ms=6_000,
            verdict_wait_ms=10_000,
            retry_ms=8_000,
            max_probe_basis_points=500,
        )
        limits = catalog_pb2.Limits(changes_per_hour=60)
        made.append(
            catalog_pb2.Strategy(strategy_id=BUY_BOX, buy_box=buy_box, limits=limits, **names)
        )
        match = catalog_pb2.MatchStrategy(targets=[catalog_pb2.MATCH_TARGET_LOWEST])
        made.append(catalog_pb2.Strategy(strategy_id=MATCH, match=match, limits=limits, **names))
        price = 2_500 if currency == "JPY" else 1_995
        fixed = catalog_pb2.FixedStrategy(price_minor=price)
        made.append(catalog_pb2.Strategy(strategy_id=FIXED, fixed=fixed, **names))
    return made


def listing(item: Item) -> catalog_pb2.Listing:
    """An item as the server is told of it."""
    return catalog_pb2.Listing(
        key=item.key,
        asin=item.asin,
        condition=types_pb2.CONDITION_NEW,
        fulfilment=(
            types_pb2.FULFILMENT_MERCHANT if item.merchant else types_pb2.FULFILMENT_AMAZON
        ),
        currency=item.currency,
        floor_minor=item.floor_minor,
        ceiling_minor=item.ceiling_minor,
        strategy_id=item.strategy_id,
        price_minor=item.price_minor,
    )
