"""The year's ordinary business, in which nothing is owed and most of the rows arise."""

from __future__ import annotations

from datetime import timedelta

from bench.fba import trade
from bench.fba.books import Debt, Product
from bench.fba.records import Order
from bench.fba.story import Scene
from bench.fba.trade import Back
from bench.fba.world import World

OLDEST_REPORT_DAYS = 5
"""A report that is fresh may be so old."""


def ordinary_year(world: World, seller_id: str, country: str, orders_a_day: int) -> None:
    """Sales, refunds with their returns, removals, counts: every report has rows all year."""
    scene = Scene(world, seller_id, country, 0)
    products = [scene.product("early", stock=4000) for _ in range(6)]
    last = (world.today - world.start).days
    for age in range(last - 4, 1, -1):
        for _ in range(orders_a_day):
            sell_and_perhaps_refund(world, world.random.choice(products), country, age)
        product = world.random.choice(products)
        if age % 5 == 0:
            restock(world, product, country, age)
        if age % 9 == 2:
            remove(world, product, country, age)
        if age % 6 == 1 and age > 20:
            miscount(world, product, country, age)
        if age % 7 == 3:
            made = trade.order(world, product, country, world.ago(age))
            courtesy(world, made, age)


def sell_and_perhaps_refund(world: World, product: Product, country: str, age: int) -> None:
    """One order; some are refunded and come back a week later."""
    made = trade.order(world, product, country, world.ago(age), world.random.choice((1, 1, 1, 2)))
    if world.random.random() < 0.12 and age > 24:
        trade.refund(world, made, world.ago(age - 10), made.units)
        grade = world.random.choice(("SELLABLE", "SELLABLE", "CUSTOMER_DAMAGED", "DEFECTIVE"))
        how = Back(grade, known_after=world.random.randrange(2, 12))
        if age - 12 - how.known_after <= OLDEST_REPORT_DAYS:
            waiting = Debt(
                "return_missing", product, country, world.ago(age - 10), money=True, pending=True
            )
            world.books.owe(waiting, 1, "")
        trade.bring_back(world, made, world.ago(age - 12), made.units, how)


def restock(world: World, product: Product, country: str, age: int) -> None:
    """A transfer between centres: out of one and a day later into the other."""
    centres = world.market(country).centres
    for days, quantity, centre in ((0, -3, centres[0]), (1, 3, centres[1])):
        world.ledger(
            product,
            country,
            world.ago(age - days),
            "WhseTransfers",
            quantity,
            centre=centre,
        )


def miscount(world: World, product: Product, country: str, age: int) -> None:
    """Units are missed and found under the next count, as happens all the time."""
    debt = world.lose(product, country, world.ago(age), world.random.randrange(1, 4))
    world.find(debt, world.ago(age - 6), debt.owed_units)


def remove(world: World, product: Product, country: str, age: int) -> None:
    """Unsold units are sent back or destroyed as the seller asked."""
    day, updated = world.ago(age), world.ago(max(0, age - 1))
    if world.random.random() < 0.5:
        trade.removal_order(
            world, product, country, day, "Disposal", 2, disposed=2, updated=updated
        )
        world.books.move(product, 2, f"shelf {country}", "disposed")
        ref = world.digits(16)
        world.ledger(product, country, updated, "Adjustments", -2, ref=ref, reason="D")
        if age <= OLDEST_REPORT_DAYS:
            waits = Debt(
                "disposed_without_request", product, country, updated, money=True, pending=True
            )
            world.books.owe(waits, 1, "")
        return
    made = trade.removal_order(
        world, product, country, day, "Return", 2, shipped=2, updated=updated
    )
    trade.removal_shipment(world, made, day, 2)
    arrived = day + timedelta(1)
    trade.track(world, made, arrived, "delivered")
    trade.count_in(world, made, arrived, 2)


def courtesy(world: World, made: Order, age: int) -> None:
    """A refund without a return that Amazon paid for at once."""
    if age < 22:
        return
    product = made.product
    trade.refund(world, made, world.ago(age - 4), 1)
    world.pay(
        product,
        made.country,
        world.ago(age - 8),
        "Customer_Service_Issue",
        cash=1,
        unit_minor=product.price_minor - product.fulfilment_minor,
        order_id=made.order_id,
    )
