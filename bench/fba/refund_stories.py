"""Stories of money around refunds and referral fees."""

from __future__ import annotations

from bench.fba import trade
from bench.fba.books import Debt, Product
from bench.fba.records import Order
from bench.fba.return_stories import refund_now, sell
from bench.fba.story import Scene, decoy, owed


def owe_money(
    scene: Scene, rule: str, made: Order, minor: int | None, grade: str = "exact", **how: object
) -> Debt:
    """Amazon owes an amount for an order line."""
    debt = Debt(
        rule,
        made.product,
        scene.country,
        scene.world.ago(scene.age),
        minor,
        grade,
        money=True,
        story=scene.world.story,
        **how,
    )
    debt.ids |= {made.order_id}
    return scene.world.books.owe(debt, 1, "")


def back_soon(scene: Scene, made: Order) -> None:
    """The refunded units come back, so that only money is at issue."""
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 9), made.units)


@owed("refund_exceeds_price")
def refunded_more_than_paid(scene: Scene) -> None:
    made = sell(scene)
    over = 130
    refund_now(scene, made, principal_minor=made.principal_minor + over)
    owe_money(scene, "refund_exceeds_price", made, over, ready=False)
    back_soon(scene, made)


@decoy("refund_exceeds_price")
def refunded_in_two_parts(scene: Scene) -> None:
    made = sell(scene)
    half = made.principal_minor // 2
    refund_now(scene, made, principal_minor=half)
    trade.refund(
        scene.world,
        made,
        scene.world.ago(scene.age - 3),
        principal_minor=made.principal_minor - half,
    )
    back_soon(scene, made)


@decoy("refund_exceeds_price")
def refunded_with_goodwill(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made, extra={"Goodwill": 300})
    back_soon(scene, made)


@decoy("refund_exceeds_price", countries=("US",))
def refunded_with_tax(scene: Scene) -> None:
    made = sell(scene, tax_minor=170)
    refund_now(scene, made, tax_minor=170)
    back_soon(scene, made)


@decoy("refund_exceeds_price", ages=(100,))
def refunded_before_coverage(scene: Scene) -> None:
    """The order line is older than every settlement that was imported."""
    before = (scene.world.ago(scene.age) - scene.world.start).days + 20
    made = sell(scene, before=before, before_coverage=True)
    refund_now(scene, made)


def categorised(scene: Scene, name: str) -> Product:
    """A product whose category the seller declared."""
    product = scene.product()
    product.category = name
    product.price_minor = 2000 * scene.world.random.randrange(2, 8)
    scene.world.write(
        "categories",
        scene.world.start,
        product,
        scene.country,
        scene.world.start,
        sku=product.sku,
        referral_category=name,
    )
    return product


@owed("refund_fee_not_returned")
def fee_never_returned(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made, credit=False)
    kept = trade.administration_fee(made, made.commission_minor)
    owe_money(scene, "refund_fee_not_returned", made, made.commission_minor - kept)
    back_soon(scene, made)


@owed("refund_fee_not_returned")
def fee_of_one_unit_not_returned(scene: Scene) -> None:
    made = sell(scene, units=2)
    refund_now(scene, made, 1, credit=False)
    one = made.commission_minor // 2
    owe_money(scene, "refund_fee_not_returned", made, one - trade.administration_fee(made, one))
    trade.bring_back(scene.world, made, scene.world.ago(scene.age - 9))


@decoy("refund_fee_not_returned")
def fee_returned_in_the_next_settlement(scene: Scene) -> None:
    made = sell(scene)
    refund_now(scene, made, credit_later_days=15)
    back_soon(scene, made)


@decoy("refund_fee_not_returned")
def fee_returned_for_two(scene: Scene) -> None:
    made = sell(scene, units=2)
    refund_now(scene, made, 2)
    back_soon(scene, made)


@owed("refund_fee_not_returned", countries=("US", "DE", "FR", "IT"))
def fee_of_a_book_kept(scene: Scene) -> None:
    """Of books nothing of the referral fee stays with Amazon, and it kept a fifth."""
    made = sell(scene, product=categorised(scene, "Books"))
    kept = made.commission_minor // 5
    refund_now(scene, made, kept_minor=kept)
    owe_money(scene, "refund_fee_not_returned", made, kept)
    back_soon(scene, made)


@decoy("refund_fee_not_returned", countries=("US", "DE", "FR", "IT"))
def fee_of_a_book_returned(scene: Scene) -> None:
    made = sell(scene, product=categorised(scene, "Books"))
    refund_now(scene, made, kept_minor=0)
    back_soon(scene, made)


def charge(scene: Scene, product: Product, fee_minor: int, sales: int = 4) -> list[Order]:
    """Orders of one unit whose referral fee is charged on the day of the scene."""
    return [
        sell(scene, product=product, before=1, commission_minor=fee_minor) for _ in range(sales)
    ]


@owed("referral_fee_overcharge", countries=("US",))
def charged_as_another_category(scene: Scene) -> None:
    """Consumer electronics (8 %) charged at 15 %."""
    product = categorised(scene, "Consumer Electronics")
    due = product.price_minor * 8 // 100
    for made in charge(scene, product, product.price_minor * 15 // 100):
        owe_money(scene, "referral_fee_overcharge", made, made.commission_minor - due)


@decoy("referral_fee_overcharge", countries=("US",))
def charged_as_its_category(scene: Scene) -> None:
    product = categorised(scene, "Consumer Electronics")
    charge(scene, product, product.price_minor * 8 // 100)


@decoy("referral_fee_overcharge", countries=("FR", "IT"))
def charged_with_digital_services_tax(scene: Scene) -> None:
    """15 % and the 3 % of it that pass on a tax on digital services."""
    product = categorised(scene, "Home & Kitchen")
    charge(scene, product, product.price_minor * 15 * 103 // 10_000)


@decoy("referral_fee_overcharge", countries=("US",))
def one_fee_rounded_up(scene: Scene) -> None:
    """A single odd line shows rounding, not another category."""
    product = categorised(scene, "Home & Kitchen")
    fee = product.price_minor * 15 // 100
    charge(scene, product, fee, sales=3)
    charge(scene, product, fee + 1, sales=1)
