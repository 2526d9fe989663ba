"""Stories of stock on its way in and out: inbound shipments and removals."""

from __future__ import annotations

from datetime import date, timedelta

from bench.fba import trade
from bench.fba.books import SUPPLIER, Debt, Product
from bench.fba.story import Scene, decoy, owed
from bench.fba.trade import Removal
from bench.fba.world import World


def announce(
    scene: Scene,
    items: dict[str, tuple[Product, int, int]],
    *,
    status: str = "CLOSED",
    closed_after: int = 20,
    delivered: date | None = None,
    shipment: str = "",
    plan: str = "",
) -> str:
    """A shipment as the shipment report shows it; items: key -> product, shipped, received."""
    world, country = scene.world, scene.country
    shipment = shipment or world.code("FBA15", 7)
    delivered = delivered or world.ago(scene.age)
    first = next(iter(items.values()))[0]
    closed = delivered + timedelta(closed_after)
    world.write(
        "inbound_shipments",
        delivered - timedelta(9),
        first,
        country,
        delivered - timedelta(9),
        ShipmentId=shipment,
        ShipmentName=f"Plan {plan or shipment}",
        DestinationFulfillmentCenterId=world.centre(country),
        ShipmentStatus=status,
        CreatedDate=(delivered - timedelta(9)).isoformat(),
        DeliveredDate=delivered.isoformat(),
        ClosedDate=closed.isoformat() if status == "CLOSED" else "",
        PlanId=plan or f"wf{shipment}",
    )
    for product, shipped, received in items.values():
        world.write(
            "inbound_items",
            delivered - timedelta(9),
            product,
            country,
            delivered - timedelta(9),
            ShipmentId=shipment,
            SellerSKU=product.sku,
            FulfillmentNetworkSKU=product.fnsku,
            QuantityShipped=shipped,
            QuantityReceived=received,
            QuantityInCase=0,
        )
    return shipment


def owe_inbound(scene: Scene, product: Product, units: int, shipment: str) -> Debt:
    """Units that were delivered and never booked in."""
    day = scene.world.ago(scene.age)
    debt = Debt(
        "inbound_short",
        product,
        scene.country,
        day,
        stock=True,
        ready=False,
        story=scene.world.story,
    )
    debt.ids |= {shipment}
    return scene.world.books.owe(debt, units, SUPPLIER)


def arrive(scene: Scene, product: Product, units: int, shipment: str, after: int = 3) -> None:
    """Units of a shipment reach the shelf some days after delivery."""
    world = scene.world
    world.receive(product, scene.country, world.ago(scene.age - after), units, shipment)


@owed("inbound_short", ages=(70, 100, 340), countries=("US", "DE", "FR", "IT"))
def received_short(scene: Scene) -> None:
    product = scene.product()
    shipment = announce(scene, {"": (product, 24, 20)})
    arrive(scene, product, 20, shipment)
    owe_inbound(scene, product, 4, shipment)


@owed("inbound_short", ages=(80,))
def received_short_and_partly_paid(scene: Scene) -> None:
    world, product = scene.world, scene.product()
    shipment = announce(scene, {"": (product, 12, 8)})
    arrive(scene, product, 8, shipment)
    debt = owe_inbound(scene, product, 4, shipment)
    day = world.ago(scene.age - 35)
    world.pay(product, scene.country, day, "Lost_Inbound", cash=3, debt=debt)


@decoy("inbound_short", ages=(80,))
def received_short_and_paid(scene: Scene) -> None:
    world, product = scene.world, scene.product()
    shipment = announce(scene, {"": (product, 12, 9)})
    arrive(scene, product, 9, shipment)
    debt = owe_inbound(scene, product, 3, shipment)
    day = world.ago(scene.age - 35)
    world.pay(product, scene.country, day, "Missing_From_Inbound", cash=3, debt=debt)


@decoy("inbound_short", ages=(80,))
def surplus_in_a_sibling(scene: Scene) -> None:
    """Units of one shipment were put into its sibling of the same plan."""
    product, plan = scene.product(), scene.world.code("wf", 10)
    for shipped, received in ((20, 16), (20, 24)):
        shipment = announce(scene, {"": (product, shipped, received)}, plan=plan)
        arrive(scene, product, received, shipment)


@decoy("inbound_short", ages=(80,))
def labels_mixed_up(scene: Scene) -> None:
    """One label too few of one product is one too many of the other."""
    first, second = scene.product(), scene.product()
    shipment = announce(scene, {"a": (first, 20, 17), "b": (second, 20, 23)})
    arrive(scene, first, 17, shipment)
    arrive(scene, second, 23, shipment)


@decoy("inbound_short", ages=(80,))
def ledger_ahead_of_shipment_report(scene: Scene) -> None:
    product = scene.product()
    shipment = announce(scene, {"": (product, 20, 15)})
    arrive(scene, product, 15, shipment)
    arrive(scene, product, 5, shipment, after=20)


@decoy("inbound_short", ages=(80,))
def receipt_corrected(scene: Scene) -> None:
    """A negative receipt is corrected by a later one."""
    world, product = scene.world, scene.product()
    shipment = announce(scene, {"": (product, 20, 20)})
    arrive(scene, product, 20, shipment)
    world.ledger(product, scene.country, world.ago(scene.age - 5), "Receipts", -4, ref=shipment)
    world.ledger(product, scene.country, world.ago(scene.age - 9), "Receipts", 4, ref=shipment)


@decoy("inbound_short", ages=(80,))
def shipment_cancelled(scene: Scene) -> None:
    announce(scene, {"": (scene.product(), 20, 0)}, status="CANCELLED")


@decoy("inbound_short", ages=(20,))
def shipment_still_receiving(scene: Scene) -> None:
    product = scene.product()
    shipment = announce(scene, {"": (product, 20, 10)}, status="RECEIVING")
    arrive(scene, product, 10, shipment)


def ship_out(scene: Scene, units: int, before: int = 5) -> Removal:
    """A removal order of which all units are handed to a carrier on the scene's day."""
    world, product = scene.world, scene.product()
    made = trade.removal_order(
        world,
        product,
        scene.country,
        world.ago(scene.age + before),
        "Return",
        units,
        shipped=units,
        updated=world.ago(scene.age),
    )
    trade.removal_shipment(world, made, world.ago(scene.age), units)
    return made


def owe_removal(
    scene: Scene, rule: str, made: Removal, units: int, source: str, **how: object
) -> Debt:
    """Units of a removal that the seller never got."""
    event: date = how.pop("event", scene.world.ago(scene.age))
    debt = Debt(
        rule,
        made.product,
        scene.country,
        event,
        stock=True,
        story=scene.world.story,
        **how,
    )
    debt.ids |= {made.order_id}
    return scene.world.books.owe(debt, units, source)


def last_seen(scene: Scene, made: Removal, status: str, after: int) -> None:
    """The carrier's word, no later than today."""
    trade.track(scene.world, made, scene.world.ago(max(1, scene.age - after)), status)


@owed("removal_lost")
def parcel_lost(scene: Scene) -> None:
    made = ship_out(scene, 3)
    last_seen(scene, made, "lost", 12)
    owe_removal(scene, "removal_lost", made, 3, "carrier")


@owed("removal_lost", ages=(50,))
def parcel_stuck(scene: Scene) -> None:
    """The carrier has not moved the parcel for weeks."""
    made = ship_out(scene, 2)
    last_seen(scene, made, "in_transit", 3)
    owe_removal(scene, "removal_lost", made, 2, "carrier")


@owed("removal_lost", ages=(50,))
def parcel_without_a_word(scene: Scene) -> None:
    """Nobody knows where the parcel is, so the seller must say."""
    owe_removal(scene, "removal_lost", ship_out(scene, 2), 2, "carrier", ready=False)


@decoy("removal_lost")
def parcel_lost_and_paid(scene: Scene) -> None:
    world, made = scene.world, ship_out(scene, 2)
    last_seen(scene, made, "lost", 10)
    debt = owe_removal(scene, "removal_lost", made, 2, "carrier")
    day = world.ago(scene.age - 25)
    product, country = made.product, scene.country
    world.pay(
        product, country, day, "Removal_Order_Lost", cash=2, debt=debt, order_id=made.order_id
    )


@decoy("removal_lost")
def parcel_delivered_and_uncounted(scene: Scene) -> None:
    last_seen(scene, ship_out(scene, 4), "delivered", 6)


@decoy("removal_lost")
def parcel_delivered_and_counted(scene: Scene) -> None:
    made = ship_out(scene, 4)
    last_seen(scene, made, "delivered", 6)
    trade.count_in(scene.world, made, scene.world.ago(scene.age - 7), 4)


@owed("removal_incomplete")
def parcel_delivered_short(scene: Scene) -> None:
    """Of four units three are in the parcel, counted on the day of delivery."""
    world, product, country = scene.world, scene.product(), scene.country
    made = trade.removal_order(
        world,
        product,
        country,
        world.ago(scene.age + 12),
        "Return",
        4,
        shipped=4,
        updated=world.ago(scene.age + 6),
    )
    trade.removal_shipment(world, made, world.ago(scene.age + 6), 4)
    last_seen(scene, made, "delivered", 0)
    trade.count_in(world, made, world.ago(scene.age), 3)
    owe_removal(scene, "removal_incomplete", made, 1, "carrier")


@owed("removal_incomplete")
def removal_completed_short(scene: Scene) -> None:
    """The order is complete, but units were neither cancelled, shipped nor destroyed."""
    world, product, country = scene.world, scene.product(), scene.country
    made = complete_short(world, scene, product, 5, shipped=3)
    deliver(world, scene, made, 3)
    owe_removal(scene, "removal_incomplete", made, 2, f"shelf {country}")


@owed("removal_incomplete")
def removal_shipped_short(scene: Scene) -> None:
    """The order says five shipped, the shipments say three."""
    world, product, country = scene.world, scene.product(), scene.country
    made = complete_short(world, scene, product, 5, shipped=5)
    deliver(world, scene, made, 3)
    owe_removal(scene, "removal_incomplete", made, 2, f"shelf {country}")


@decoy("removal_incomplete")
def removal_partly_cancelled(scene: Scene) -> None:
    world, product, country = scene.world, scene.product(), scene.country
    day, updated = world.ago(scene.age + 10), world.ago(scene.age)
    made = trade.removal_order(
        world, product, country, day, "Return", 5, cancelled=2, shipped=3, updated=updated
    )
    deliver(world, scene, made, 3)


@decoy("removal_incomplete")
def removal_in_process(scene: Scene) -> None:
    world, product, country = scene.world, scene.product(), scene.country
    day, updated = world.ago(scene.age + 10), world.ago(scene.age)
    made = trade.removal_order(
        world,
        product,
        country,
        day,
        "Return",
        5,
        shipped=3,
        in_process=2,
        updated=updated,
        status="Processing",
    )
    deliver(world, scene, made, 3)


def complete_short(
    world: World, scene: Scene, product: Product, requested: int, shipped: int
) -> Removal:
    """A removal order that Amazon calls complete on the scene's day."""
    day, updated = world.ago(scene.age + 10), world.ago(scene.age)
    country = scene.country
    return trade.removal_order(
        world, product, country, day, "Return", requested, shipped=shipped, updated=updated
    )


def deliver(world: World, scene: Scene, made: Removal, units: int) -> None:
    """A parcel goes out before the scene's day, arrives and is counted."""
    trade.removal_shipment(world, made, world.ago(scene.age + 4), units)
    arrived = world.ago(scene.age)
    trade.track(world, made, arrived, "delivered")
    trade.count_in(world, made, arrived, units)
