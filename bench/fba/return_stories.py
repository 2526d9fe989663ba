"""Stories of refunds and what came back: return missing, not restocked, damaged, replaced."""

from __future__ import annotations

from datetime import timedelta

from bench.fba import trade
from bench.fba.books import BUYER, Debt
from bench.fba.records import Order
from bench.fba.story import Scene, decoy, owed
from bench.fba.trade import Back


def sell(scene: Scene, units: int = 1, before: int = 12, **how: object) -> Order:
    """A new product is sold some days before the scene's event."""
    product = how.pop("product", None) or scene.product()
    day = scene.world.ago(scene.age + before)
    return trade.order(scene.world, product, scene.country, day, units, **how)


def worth_after_order(made: Order) -> int:
    """What the seller loses on one refunded unit: the price less promotion and fulfilment fee.

    Nothing where the fee is above the rest: no claim is for less than nothing.
    """
    product = made.product
    share = -(-made.promotion_minor // made.units)
    return max(0, product.price_minor - share - product.fulfilment_minor)


def owe_order(scene: Scene, rule: str, made: Order, units: int, source: str = BUYER) -> Debt:
    """Amazon owes refunded units of an order line."""
    debt = Debt(
        rule,
        made.product,
        scene.country,
        scene.world.ago(scene.age),
        worth_after_order(made),
        "exact",
        story=scene.world.story,
    )
    debt.ids |= {made.order_id}
    return scene.world.books.owe(debt, units, source)


def refund_now(scene: Scene, made: Order, units: int = 1, **how: object) -> None:
    """The refund is the scene's event."""
    trade.refund(scene.world, made, scene.world.ago(scene.age), units, **how)


@owed("return_missing")
def refunded_and_never_back(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    owe_order(scene, "return_missing", made, 1)


@owed("return_missing")
def two_refunded_one_back(scene: Scene) -> None:
    made = sell(scene, units=3)
    refund_now(scene, made, 2)
    owe_order(scene, "return_missing", made, 1)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 9))


@owed("return_missing")
def one_of_two_products_back(scene: Scene) -> None:
    """One order of two products, both refunded, and only one came back."""
    first = sell(scene)
    second = sell(scene, order_id=first.order_id)
    for made in (first, second):
        refund_now(scene, made)
    trade.bring_back(scene.world, second, scene.world.ago(scene.age - 9))
    owe_order(scene, "return_missing", first, 1)


@owed("return_missing")
def refunded_with_promotion(scene: Scene) -> None:
    made = sell(scene, units=2, promotion_minor=200)
    refund_now(scene, made, 2)
    owe_order(scene, "return_missing", made, 2)


@owed("return_missing", countries=("US",))
def refunded_with_withheld_tax(scene: Scene) -> None:
    """Tax that the marketplace collected and gave back is not the seller's."""
    made = sell(scene, tax_minor=150)
    refund_now(scene, made, tax_minor=150)
    owe_order(scene, "return_missing", made, 1)


@owed("return_missing")
def two_refunded_one_paid(scene: Scene) -> None:
    made = sell(scene, units=2)
    refund_now(scene, made, 2)
    debt = owe_order(scene, "return_missing", made, 2)
    pay_order(scene, debt, made)


def pay_order(scene: Scene, debt: Debt, made: Order, units: int = 1, **how: object) -> None:
    """Amazon pays refunded units by their order."""
    how.setdefault(
        "reason", scene.world.random.choice(("CustomerReturn", "Customer_Service_Issue"))
    )
    scene.world.pay(
        made.product,
        scene.country,
        debt.event + timedelta(min(45, scene.age - 10)),
        cash=units,
        debt=debt,
        unit_minor=worth_after_order(made),
        order_id=made.order_id,
        **how,
    )


@decoy("return_missing")
def refunded_and_back(scene: Scene) -> None:
    made = sell(scene, units=2)
    refund_now(scene, made, 2)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 14), 2)


@decoy("return_missing")
def back_before_the_refund(scene: Scene) -> None:
    made = sell(scene)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age + 2))
    refund_now(scene, made)


@decoy("return_missing")
def back_late(scene: Scene) -> None:
    """The report shows the return only 35 days after it came."""
    made = sell(scene)
    refund_now(scene, made)
    how = Back(known_after=35)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 16), how=how)


@decoy("return_missing")
def back_in_bad_condition(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    how = Back("CUSTOMER_DAMAGED", "Unit returned to inventory")
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 12), how=how)


@decoy("return_missing")
def back_under_amazons_label(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    how = Back(own_label=False)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 12), how=how)


@decoy("return_missing")
def back_without_order_id(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    how = Back(with_order=False)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 12), how=how)


@decoy("return_missing")
def refunded_and_paid(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    pay_order(scene, owe_order(scene, "return_missing", made, 1), made)


@decoy("return_missing")
def refunded_and_paid_under_an_unknown_word(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    debt = owe_order(scene, "return_missing", made, 1)
    pay_order(scene, debt, made, reason="Buyer_Adjustment_Type_4")


@decoy("return_missing")
def partly_refunded(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made, principal_minor=made.principal_minor * 3 // 10)


@decoy("return_missing")
def goodwill(scene: Scene) -> None:
    """Money for the buyer's trouble, nothing to send back."""
    made = sell(scene)
    refund_now(scene, made, principal_minor=100, extra={"Goodwill": 150})


@decoy("return_missing")
def refunded_by_chargeback(scene: Scene) -> None:
    refund_now(scene, sell(scene), kind="Chargeback Refund")


@decoy("return_missing")
def refunded_by_guarantee(scene: Scene) -> None:
    refund_now(scene, sell(scene), kind="A-to-z Guarantee Refund")


@decoy("return_missing")
def buyer_charged_again(scene: Scene) -> None:
    world, made = scene.world, sell(scene)
    refund_now(scene, made)
    world.settlement_line(
        made.product,
        scene.country,
        world.ago(scene.age - 40),
        "Order_Retrocharge",
        "ItemPrice",
        "Principal",
        made.principal_minor,
        made,
    )


@decoy("return_missing")
def sellers_own_parcel(scene: Scene) -> None:
    refund_now(scene, sell(scene, channel="MFN"))


@decoy("return_missing")
def multi_channel_order(scene: Scene) -> None:
    """The seller's own shop sold it; Amazon only shipped."""
    world = scene.world
    shop = f"S01-{world.digits(7)}-{world.digits(7)}"
    refund_now(scene, sell(scene, order_id=shop))


def back_sellable(scene: Scene, how: Back, lost_units: int) -> None:
    """A refunded unit is back and graded sellable, perhaps without reaching a shelf."""
    made = sell(scene)
    refund_now(scene, made)
    trade.bring_back(scene.world, made, scene.world.ago(scene.age), how=how)
    if lost_units:
        world = scene.world
        debt = Debt(
            "return_not_restocked",
            made.product,
            scene.country,
            world.ago(scene.age),
            stock=True,
            ready=False,
            story=world.story,
        )
        debt.ids |= {made.order_id}
        world.books.owe(debt, lost_units, BUYER)


@owed("return_not_restocked", ages=(58,))
def back_and_not_restocked(scene: Scene) -> None:
    back_sellable(scene, Back(restocked=False, known_after=3), 1)


@decoy("return_not_restocked", ages=(58,))
def restocked_late(scene: Scene) -> None:
    """The shelf shows the unit ten days after the returns report."""
    back_sellable(scene, Back(ledger_days=10, known_after=3), 0)


@decoy("return_not_restocked", ages=(58,))
def one_return_reported_twice(scene: Scene) -> None:
    """The same licence plate in two rows is one unit."""
    made = sell(scene, units=2)
    refund_now(scene, made)
    plate = scene.world.code("LPNRR", 9)
    for restocked in (True, False):
        how = Back(restocked=restocked, known_after=3, lpn=plate)
        trade.bring_back(scene.world, made, scene.world.ago(scene.age), how=how)


@decoy("return_not_restocked", ages=(58,))
def restocked_under_amazons_label(scene: Scene) -> None:
    back_sellable(scene, Back(own_label=False, known_after=3), 0)


@owed("return_damaged_by_amazon")
def damaged_on_the_way_back(scene: Scene) -> None:
    world, made = scene.world, sell(scene)
    refund_now(scene, made)
    how = Back("DAMAGED", "Unit returned to inventory", restocked=False)
    trade.bring_back(world, made, world.ago(scene.age - 10), how=how)
    owe_order(scene, "return_damaged_by_amazon", made, 1)


@decoy("return_damaged_by_amazon")
def damaged_on_the_way_back_and_paid(scene: Scene) -> None:
    world, made = scene.world, sell(scene)
    refund_now(scene, made)
    how = Back("WAREHOUSE_DAMAGED", "Unit returned to inventory", restocked=False)
    trade.bring_back(world, made, world.ago(scene.age - 10), how=how)
    pay_order(scene, owe_order(scene, "return_damaged_by_amazon", made, 1), made)


@decoy("return_damaged_by_amazon")
def damaged_and_status_reimbursed(scene: Scene) -> None:
    world, made = scene.world, sell(scene)
    refund_now(scene, made)
    how = Back("DAMAGED", "Reimbursed", restocked=False)
    trade.bring_back(world, made, world.ago(scene.age - 10), how=how)
    pay_order(scene, owe_order(scene, "return_damaged_by_amazon", made, 1), made)


@decoy("return_damaged_by_amazon")
def defective_return(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made)
    how = Back("DEFECTIVE", "Unit returned to inventory")
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 8), how=how)


@owed("replacement_not_returned")
def replaced_and_never_back(scene: Scene) -> None:
    made = sell(scene)
    sent = trade.send_replacement(scene.world, made, scene.world.ago(scene.age))
    owe_order(scene, "replacement_not_returned", made, 1).ids.add(sent)


@decoy("replacement_not_returned")
def replaced_and_back(scene: Scene) -> None:
    made = sell(scene)
    trade.send_replacement(scene.world, made, scene.world.ago(scene.age))
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 15))


@decoy("replacement_not_returned")
def replacement_itself_back(scene: Scene) -> None:
    made = sell(scene)
    sent = trade.send_replacement(scene.world, made, scene.world.ago(scene.age))
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 15), order_id=sent)


@decoy("replacement_not_returned")
def replaced_and_paid(scene: Scene) -> None:
    made = sell(scene)
    trade.send_replacement(scene.world, made, scene.world.ago(scene.age))
    pay_order(scene, owe_order(scene, "replacement_not_returned", made, 1), made)


@owed("return_missing")
def replaced_refunded_and_never_back(scene: Scene) -> None:
    """The unit is owed once, for the refund; its replacement gives no second claim."""
    made = sell(scene)
    trade.send_replacement(scene.world, made, scene.world.ago(scene.age + 3))
    refund_now(scene, made)
    owe_order(scene, "return_missing", made, 1)
