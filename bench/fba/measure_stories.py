"""Stories of measures: products that Amazon holds to be larger than they are, and storage fees."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from bench.fba import trade
from bench.fba.books import Debt, Product
from bench.fba.markets import MARKETS
from bench.fba.story import Scene, decoy, owed

TRUE_CM = (25, 20, 20)
SEEN_CM = (80, 60, 50)
STORAGE_AGE = 75


def measure(scene: Scene, product: Product, sides: tuple[int, int, int] = TRUE_CM) -> None:
    """The seller measured the product (the seller's own import)."""
    world = scene.world
    world.write(
        "dimensions",
        world.start,
        product,
        scene.country,
        world.start,
        fnsku=product.fnsku,
        longest_side=sides[0],
        median_side=sides[1],
        shortest_side=sides[2],
        unit_of_dimension="centimeters",
        weight=400,
        unit_of_weight="grams",
        measured_on=world.start.isoformat(),
    )


def preview(scene: Scene, product: Product, sides: tuple[int, int, int]) -> None:
    """What Amazon holds the product to measure, and what it means to charge."""
    world, market = scene.world, MARKETS[scene.country]
    large = sides != TRUE_CM
    us = market.region == "US"
    names = (
        ("Large Bulky", "Large standard-size") if us else ("Standard oversize", "Standard parcel")
    )
    divisor = 2.54 if us else 1
    longest, median, shortest = (f"{side / divisor:.2f}" for side in sides)
    cells = {
        "sku": product.sku,
        "fnsku": product.fnsku,
        "asin": product.asin,
        "amazon_store" if us else "product_group": market.name if us else "Kitchen",
        "product_name": product.title,
        "fulfilled_by": "Amazon",
        "your_price": market.text(product.price_minor),
        "sales_price": market.text(product.price_minor),
        "longest_side": longest,
        "median_side": median,
        "shortest_side": shortest,
        "unit_of_dimension": "inches" if us else "centimeters",
        "item_package_weight": "0.88" if us else "400",
        "unit_of_weight": "pounds" if us else "grams",
        "product_size_tier" if us else "product_size_weight_band": names[0 if large else 1],
        "currency": market.currency,
        "estimated_fee_total": market.text(product.fulfilment_minor + product.commission_minor),
        "estimated_referral_fee_per_unit": market.text(product.commission_minor),
    }
    fee = "expected_fulfillment_fee_per_unit" if us else "expected_domestic_fulfilment_fee_per_unit"
    cells[fee] = market.text(product.fulfilment_minor)
    world.write("fee_preview", world.ago(1), product, scene.country, world.ago(1), **cells)


@owed("fee_dimensions", ages=(50,), countries=("US", "DE"))
def measured_too_large(scene: Scene) -> None:
    world, product = scene.world, scene.product()
    product.fulfilment_minor = 2633
    measure(scene, product)
    preview(scene, product, SEEN_CM)
    made = trade.order(world, product, scene.country, world.ago(scene.age + 1))
    debt = Debt(
        "fee_dimensions",
        product,
        scene.country,
        world.ago(scene.age),
        money=True,
        amount_known=False,
        ready=False,
        story=world.story,
    )
    debt.ids |= {made.order_id}
    world.books.owe(debt, 1, "")


@decoy("fee_dimensions", ages=(50,), countries=("US", "DE"))
def measured_rightly(scene: Scene) -> None:
    product = scene.product()
    measure(scene, product)
    preview(scene, product, TRUE_CM)
    trade.order(scene.world, product, scene.country, scene.world.ago(scene.age + 1))


@decoy("fee_dimensions", ages=(1,), countries=("US", "DE"))
def fee_rises_in_season(scene: Scene) -> None:
    """The fee rises when fees rise for everybody: in the holiday peak or by a new schedule."""
    world, product = scene.world, scene.product()
    measure(scene, product)
    for month, day in ((10, 15), (1, 15)):
        change = date(world.today.year, month, day)
        age = (world.today - change).days
        if 20 < age < 80:
            for sold in (age + 12, age + 5, age - 1, age - 9):
                product.fulfilment_minor = 386 if sold > age else 417
                trade.order(world, product, scene.country, world.ago(sold))
    preview(scene, product, TRUE_CM)


def charged_on(scene: Scene) -> tuple[str, date, date]:
    """A month whose storage fee was charged long enough ago: name, last day, day of charge."""
    day = scene.world.ago(scene.age)
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    return f"{day.year}-{day.month:02d}", last, last + timedelta(15)


def store(scene: Scene, volume_ppm: int, over_minor: int = 0) -> tuple[Product, int, date]:
    """A month's storage row; `volume_ppm` is the item's volume in millionths of a cubic metre."""
    world, market = scene.world, MARKETS[scene.country]
    product = scene.product(stock=0)
    centre = market.centres[0]
    world.receive(product, scene.country, world.start + timedelta(2), 50, "FBA15STORED", centre)
    month, last, charged = charged_on(scene)
    rate = 26 if market.exponent else 5160
    fee = (50 * volume_ppm * rate * (100 if market.exponent else 1) + 500_000) // 1_000_000
    fee += over_minor
    world.write(
        "storage",
        last,
        product,
        scene.country,
        charged,
        asin=product.asin,
        fnsku=product.fnsku,
        product_name=product.title,
        fulfillment_center=centre,
        country_code=scene.country,
        longest_side="25.00",
        median_side="20.00",
        shortest_side="20.00",
        measurement_units="centimeters",
        weight="0.40",
        weight_units="kilograms",
        item_volume=f"{volume_ppm / 1_000_000:.6f}",
        volume_units="cubic meters",
        product_size_tier="Standard",
        average_quantity_on_hand="50.00",
        average_quantity_pending_removal="0.00",
        estimated_total_item_volume=f"{50 * volume_ppm / 1_000_000:.6f}",
        month_of_charge=month,
        storage_rate=f"{rate}.00",
        currency=market.currency,
        estimated_monthly_storage_fee=market.text(fee),
    )
    return product, fee, charged


def owe_storage(scene: Scene, product: Product, minor: int, charged: date) -> None:
    """Amazon charged more for a month than the row's own figures, or the true volume, give."""
    debt = Debt(
        "storage_fee_overcharge",
        product,
        scene.country,
        charged,
        minor,
        "exact",
        money=True,
        story=scene.world.story,
    )
    scene.world.books.owe(debt, 1, "")


@owed("storage_fee_overcharge", ages=(STORAGE_AGE,))
def storage_added_up_wrongly(scene: Scene) -> None:
    product, _, charged = store(scene, 10_000, over_minor=450)
    owe_storage(scene, product, 450, charged)


@owed("storage_fee_overcharge", ages=(STORAGE_AGE,), countries=("DE", "FR", "IT"))
def stored_as_twice_its_volume(scene: Scene) -> None:
    product, fee, charged = store(scene, 20_000)
    measure(scene, product)
    owe_storage(scene, product, fee // 2, charged)


@decoy("storage_fee_overcharge", ages=(STORAGE_AGE,))
def stored_and_charged_rightly(scene: Scene) -> None:
    product, _, _ = store(scene, 10_000)
    measure(scene, product)
