"""Verbs of trade: orders, refunds, returns, replacements and removals, and the rows they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bench.fba.books import BUYER, SELLER, Product
from bench.fba.markets import MARKETS
from bench.fba.records import Order
from bench.fba.world import World

ADMINISTRATION_CAP_MINOR = {"USD": 500, "EUR": 500, "JPY": 0}


def order(
    world: World,
    product: Product,
    country: str,
    day: date,
    units: int = 1,
    *,
    channel: str = "AFN",
    promotion_minor: int = 0,
    commission_minor: int | None = None,
    tax_minor: int = 0,
    order_id: str = "",
    before_coverage: bool = False,
) -> Order:
    """A buyer orders units; Amazon ships them from the shelf unless the seller does (MFN)."""
    charged = units * product.commission_minor if commission_minor is None else commission_minor
    made = Order(
        product,
        country,
        day,
        order_id or world.order_id(),
        world.digits(14),
        units,
        units * product.price_minor,
        charged,
        promotion_minor,
        channel,
    )
    lines = [("ItemPrice", "Principal", made.principal_minor), ("ItemFees", "Commission", -charged)]
    if channel == "AFN":
        lines.append(("ItemFees", "FBAPerUnitFulfillmentFee", -units * product.fulfilment_minor))
        if not before_coverage:
            ship_units(world, made)
    if promotion_minor:
        lines.append(("Promotion", "Principal", -promotion_minor))
    if tax_minor:
        lines.append(("ItemPrice", "Tax", tax_minor))
        lines.append(("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -tax_minor))
    if not before_coverage:
        for kind, what, minor in lines:
            quantity = units if what == "Principal" and kind == "ItemPrice" else ""
            world.settlement_line(
                product, country, day + timedelta(1), "Order", kind, what, minor, made, quantity
            )
    return made


def ship_units(world: World, made: Order) -> None:
    """The centre ships the units of an order: ledger and sales report."""
    product, country, day = made.product, made.country, made.day
    world.ship(product, country, made.units)
    centre = world.centre(country)
    world.ledger(product, country, day, "Shipments", -made.units, centre=centre)
    market = MARKETS[country]
    world.write(
        "sales",
        day,
        product,
        country,
        day + timedelta(1),
        shipment_date=f"{day.isoformat()}T09:10:00+00:00",
        sku=product.sku,
        fnsku=product.fnsku,
        asin=product.asin,
        fulfillment_center_id=centre,
        quantity=made.units,
        amazon_order_id=made.order_id,
        currency=market.currency,
        item_price_per_unit=market.text(product.price_minor),
        shipping_price=market.text(0),
        gift_wrap_price=market.text(0),
        ship_city="Springfield",
        ship_state="",
        ship_postal_code="12345",
    )


def administration_fee(made: Order, commission_minor: int) -> int:
    """What Amazon keeps by right of a refunded referral fee."""
    cap = ADMINISTRATION_CAP_MINOR[MARKETS[made.country].currency]
    fifth = commission_minor // 5
    return min(fifth, cap) if cap else fifth


def refund(
    world: World,
    made: Order,
    day: date,
    units: int = 1,
    *,
    principal_minor: int | None = None,
    kind: str = "Refund",
    credit: bool = True,
    credit_later_days: int = 0,
    kept_minor: int | None = None,
    tax_minor: int = 0,
    extra: Mapping[str, int] | None = None,
) -> None:
    """The buyer gets money back; Amazon returns its referral fee less the administration fee.

    `kept_minor`: it keeps so much instead. `extra`: further ItemPrice lines by name, such as
    Goodwill.
    """
    product, country = made.product, made.country
    base = units * product.price_minor if principal_minor is None else principal_minor
    share = made.promotion_minor * units // made.units
    back = made.commission_minor * min(base, made.principal_minor) // made.principal_minor
    lines = [("ItemPrice", "Principal", -base)]
    lines += [("ItemPrice", name, -minor) for name, minor in (extra or {}).items()]
    if share:
        lines.append(("Promotion", "Principal", share))
    if tax_minor:
        lines.append(("ItemPrice", "Tax", -tax_minor))
        lines.append(("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", tax_minor))
    for amount_type, what, minor in lines:
        world.settlement_line(product, country, day, kind, amount_type, what, minor, made)
    if credit:
        later = day + timedelta(credit_later_days)
        kept = administration_fee(made, back) if kept_minor is None else kept_minor
        for what, minor in (("Commission", back), ("RefundCommission", -kept)):
            world.settlement_line(product, country, later, kind, "ItemFees", what, minor, made)


@dataclass(frozen=True, slots=True)
class Back:
    """How units came back: days after `day` until the report shows it, grade, labels."""

    disposition: str = "SELLABLE"
    status: str = "Unit returned to inventory"
    known_after: int = 7
    restocked: bool = True
    own_label: bool = True
    with_order: bool = True
    own_label_ledger: bool = True
    ledger_days: int = 1
    lpn: str = ""


SOUND = Back()


def bring_back(
    world: World, made: Order, day: date, units: int = 1, how: Back = SOUND, order_id: str = ""
) -> None:
    """The buyer's units reach a centre: returns report, and the ledger if they are restocked."""
    product, country = made.product, made.country
    centre = world.centre(country)
    sku = product.sku if how.own_label else f"amzn.gr.{product.sku}-{world.code('', 6)}"
    fnsku = product.fnsku if how.own_label else world.code("LPN", 8)
    style = "%Y-%m-%dT10:00:00+00:00" if MARKETS[country].region != "JP" else "%d-%b-%Y"
    world.write(
        "returns",
        day,
        product,
        country,
        day + timedelta(how.known_after),
        return_date=day.strftime(style),
        order_id=(order_id or made.order_id) if how.with_order else "",
        sku=sku,
        asin=product.asin,
        fnsku=fnsku,
        product_name=product.title,
        quantity=units,
        fulfillment_center_id=centre,
        detailed_disposition=how.disposition,
        reason="UNWANTED_ITEM",
        status=how.status,
        license_plate_number=how.lpn or world.code("LPNRR", 9),
        customer_comments="",
    )
    if how.restocked:
        shelf = f"shelf {country}" if how.disposition == "SELLABLE" else "unsellable"
        world.books.move(product, units, BUYER, shelf if how.own_label else SELLER)
        # A unit under Amazon's own label enters the ledger under that label.
        listed = product if how.own_label else replace(product, sku=sku, fnsku=fnsku)
        world.ledger(
            listed,
            country,
            day + timedelta(how.ledger_days),
            "CustomerReturns",
            units,
            how.disposition,
            centre=centre,
        )


def send_replacement(world: World, made: Order, day: date, units: int = 1) -> str:
    """Amazon sends the buyer further units for nothing; gives the replacement's order id."""
    product, country = made.product, made.country
    replacement_id = world.order_id()
    centre = world.centre(country)
    world.ship(product, country, units)
    world.ledger(product, country, day, "Shipments", -units, centre=centre)
    world.write(
        "replacements",
        day,
        product,
        country,
        day + timedelta(1),
        shipment_date=f"{day.isoformat()}T08:00:00+00:00",
        sku=product.sku,
        asin=product.asin,
        fulfillment_center_id=centre,
        original_fulfillment_center_id=centre,
        quantity=units,
        replacement_reason_code="1",
        replacement_amazon_order_id=replacement_id,
        original_amazon_order_id=made.order_id,
    )
    return replacement_id


@dataclass(slots=True)
class Removal:
    """One removal order line."""

    product: Product
    country: str
    requested_on: date
    order_id: str
    tracking: str = ""


def removal_order(
    world: World,
    product: Product,
    country: str,
    day: date,
    kind: str,
    requested: int,
    *,
    cancelled: int = 0,
    disposed: int = 0,
    shipped: int = 0,
    in_process: int = 0,
    updated: date | None = None,
    disposition: str = "Sellable",
    status: str = "Completed",
) -> Removal:
    """The seller, or Amazon by rule, orders units out of the centre."""
    made = Removal(product, country, day, world.code("RM", 10))
    updated = updated or day + timedelta(6)
    market = MARKETS[country]
    world.write(
        "removal_orders",
        day,
        product,
        country,
        max(day, updated),
        request_date=f"{day.isoformat()}T06:00:00+00:00",
        order_id=made.order_id,
        order_type=kind,
        service_speed="Standard",
        order_status=status,
        last_updated_date=f"{updated.isoformat()}T06:00:00+00:00",
        sku=product.sku,
        fnsku=product.fnsku,
        disposition=disposition,
        requested_quantity=requested,
        cancelled_quantity=cancelled,
        disposed_quantity=disposed,
        shipped_quantity=shipped,
        in_process_quantity=in_process,
        removal_fee=market.text(50 * (disposed + shipped)),
        currency=market.currency,
    )
    return made


def removal_shipment(
    world: World, made: Removal, day: date, units: int, kind: str = "Return"
) -> None:
    """The centre hands units to a carrier: ledger and removal shipment report."""
    made.tracking = world.code("1Z", 14)
    product, country = made.product, made.country
    world.books.move(product, units, f"shelf {country}", "carrier")
    world.ledger(product, country, day, "VendorReturns", -units, ref=made.order_id)
    world.write(
        "removal_shipments",
        day,
        product,
        country,
        day + timedelta(1),
        request_date=f"{made.requested_on.isoformat()}T06:00:00+00:00",
        order_id=made.order_id,
        shipment_date=f"{day.isoformat()}T15:00:00+00:00",
        sku=product.sku,
        fnsku=product.fnsku,
        disposition="Sellable",
        shipped_quantity=units,
        carrier="DHL",
        tracking_number=made.tracking,
        removal_order_type=kind,
    )


def track(world: World, made: Removal, day: date, status: str) -> None:
    """The carrier says where the parcel is (the seller's own import)."""
    world.write(
        "tracking",
        day,
        made.product,
        made.country,
        day,
        tracking=made.tracking,
        tracking_status=status,
        tracking_date=day.isoformat(),
    )


def count_in(
    world: World, made: Removal, day: date, good: int, wrong: int = 0, damaged: int = 0
) -> None:
    """The seller counts what arrived (the seller's own import)."""
    world.books.move(made.product, good + damaged, "carrier", SELLER)
    world.write(
        "received",
        day,
        made.product,
        made.country,
        day,
        removal_order=made.order_id,
        tracking=made.tracking,
        fnsku=made.product.fnsku,
        received_on=day.isoformat(),
        good=good,
        wrong=wrong,
        damaged=damaged,
    )
