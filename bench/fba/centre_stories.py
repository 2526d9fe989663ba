"""Stories of the centre: units lost, damaged and disposed of, found again and paid for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bench.fba.books import AMAZON, Debt
from bench.fba.story import Scene, decoy, owed

LOST_WORDS = ("Lost_warehouse", "LOST WAREHOUSE", "Lost:Warehouse", "WAREHOUSE_LOST_MANUAL")
DAMAGED_WORDS = ("Damaged_Warehouse", "WAREHOUSE_DAMAGE", "Warehouse_Damage_Exception")


def lose_some(scene: Scene, units: int, reason: str = "M", declared: str = "") -> Debt:
    """A loss of a new product at the scene's age."""
    world = scene.world
    return world.lose(scene.product(declared), scene.country, world.ago(scene.age), units, reason)


def pay_soon(scene: Scene, debt: Debt, cash: int = 0, kind: int = 0, **how: object) -> None:
    """Amazon pays a debt within some days of its event."""
    world = scene.world
    words = DAMAGED_WORDS if debt.rule == "warehouse_damaged" else LOST_WORDS
    how.setdefault("reason", world.random.choice(words))
    delay = min(world.random.randrange(3, 20), max(1, scene.age - 10))
    day = debt.event + timedelta(delay)
    world.pay(debt.product, scene.country, day, cash=cash, kind=kind, debt=debt, **how)


@owed("warehouse_lost")
def lost(scene: Scene) -> None:
    lose_some(scene, scene.world.random.randrange(1, 6))


@owed("warehouse_lost")
def lost_by_code_5(scene: Scene) -> None:
    lose_some(scene, 2, reason="5")


@owed("warehouse_lost")
def lost_and_partly_found(scene: Scene) -> None:
    debt = lose_some(scene, 16)
    scene.world.find(debt, debt.event + timedelta(9), 5)


@owed("warehouse_lost")
def lost_and_partly_paid(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 4), cash=3)


@owed("warehouse_lost")
def lost_with_foreign_cost(scene: Scene) -> None:
    lose_some(scene, 2, declared="foreign")


@owed("warehouse_lost")
def lost_with_late_cost(scene: Scene) -> None:
    lose_some(scene, 2, declared="late")


@owed("warehouse_lost")
def lost_with_amazons_value(scene: Scene) -> None:
    """An earlier loss was paid, which shows what Amazon holds a unit to be worth."""
    world, product = scene.world, scene.product("never")
    earlier = world.lose(product, scene.country, world.ago(scene.age + 40), 1)
    paid_on = earlier.event + timedelta(12)
    world.pay(product, scene.country, paid_on, "Lost_Warehouse", cash=1, debt=earlier)
    world.lose(product, scene.country, world.ago(scene.age), 3)


@owed("warehouse_lost")
def lost_twice_in_equal_rows(scene: Scene) -> None:
    """Two rows alike to the letter are two losses."""
    world, product = scene.world, scene.product()
    ref = world.digits(16)
    random_state = world.random.getstate()
    for _ in range(2):
        world.random.setstate(random_state)
        world.lose(product, scene.country, world.ago(scene.age), 1, ref=ref)


@owed("warehouse_lost", ages=(45,))
def lost_while_another_account_finds(scene: Scene) -> None:
    """A surplus of the same ASIN in another account is another seller's."""
    world, debt = scene.world, lose_some(scene, 2)
    other = next(each for each in world.accounts if each != scene.seller_id)
    country = world.accounts[other][0]
    theirs = world.product(other, country)
    theirs.asin = debt.product.asin
    world.ledger(theirs, country, world.ago(40), "Adjustments", 2, reason="F", ref=world.digits(16))


@owed("warehouse_lost")
def lost_and_already_filed(scene: Scene) -> None:
    lose_some(scene, 3).filed = True


@decoy("warehouse_lost")
def lost_and_found_later(scene: Scene) -> None:
    debt = lose_some(scene, 3)
    scene.world.find(debt, debt.event + timedelta(11), 3)


@decoy("warehouse_lost")
def lost_and_found_under_another_label(scene: Scene) -> None:
    world = scene.world
    debt = lose_some(scene, 2)
    sister = scene.product()
    sister.asin = debt.product.asin
    world.find(debt, debt.event + timedelta(8), 2, under=sister)


@decoy("warehouse_lost")
def lost_and_found_by_amazon(scene: Scene) -> None:
    """The surplus is booked under Amazon's own MSKU for found units."""
    world, country = scene.world, scene.country
    debt = lose_some(scene, 2)
    day = debt.event + timedelta(8)
    world.books.settle(debt, 2, day, AMAZON)
    label = replace(
        debt.product, sku=f"Amazon.Found.{debt.product.asin}", fnsku=world.code("X00", 7)
    )
    world.ledger(label, country, day, "Adjustments", 2, reason="F", ref=world.digits(16))


@decoy("warehouse_lost")
def lost_and_paid(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 3), cash=3)


@decoy("warehouse_lost")
def lost_and_paid_this_week(scene: Scene) -> None:
    """The ledger was fetched before Amazon paid, the reimbursements after."""
    world, debt = scene.world, lose_some(scene, 2)
    day = world.ago(4)
    world.pay(debt.product, scene.country, day, "Lost_Warehouse", cash=2, debt=debt)


@decoy("warehouse_lost")
def lost_and_paid_under_an_unknown_word(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 2), cash=2, reason="Inventory_Correction_Type_9")


@decoy("warehouse_lost")
def lost_and_paid_in_kind(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 2), kind=2)


@decoy("warehouse_lost")
def lost_and_paid_in_instalments(scene: Scene) -> None:
    debt = lose_some(scene, 4)
    pay_soon(scene, debt, cash=1)
    pay_soon(scene, debt, cash=2)
    pay_soon(scene, debt, cash=1)


@decoy("warehouse_lost")
def lost_paid_taken_back_and_paid_again(scene: Scene) -> None:
    world = scene.world
    debt = lose_some(scene, 2)
    product, half = debt.product, debt.product.cost_minor // 2
    day = debt.event + timedelta(5)
    first = world.pay(product, scene.country, day, "Lost_Warehouse", cash=2, unit_minor=half)
    world.claw_back(first, day + timedelta(9))
    again = day + timedelta(10)
    world.pay(product, scene.country, again, "Lost_Warehouse", cash=2, debt=debt)


@decoy("warehouse_lost")
def lost_paid_found_and_taken_back(scene: Scene) -> None:
    """Found after the payment, so Amazon takes the payment back by right."""
    world = scene.world
    debt = lose_some(scene, 2)
    day = debt.event + timedelta(4)
    paid = world.pay(debt.product, scene.country, day, "Lost_Warehouse", cash=2)
    world.find(debt, day + timedelta(6), 2)
    world.claw_back(paid, day + timedelta(9))


@decoy("warehouse_lost")
def lost_when_unsellable(scene: Scene) -> None:
    world, product, country = scene.world, scene.product(), scene.country
    for disposition in ("DEFECTIVE", "CUSTOMER_DAMAGED", "EXPIRED", "DISTRIBUTOR_DAMAGED"):
        world.books.move(product, 1, f"shelf {country}", "unsellable")
        world.ledger(
            product,
            country,
            world.ago(scene.age),
            "Adjustments",
            -1,
            disposition,
            ref=world.digits(16),
            reason="M",
            open_units=1,
        )


@decoy("warehouse_lost")
def counted_twice_the_same_day(scene: Scene) -> None:
    """A count is corrected under the same transaction id two days later."""
    world, country = scene.world, scene.country
    ref = world.digits(16)
    debt = world.lose(scene.product(), country, world.ago(scene.age), 4, ref=ref)
    day = debt.event + timedelta(2)
    world.books.settle(debt, 4, day, f"shelf {country}")
    world.ledger(debt.product, country, day, "Adjustments", 4, ref=ref, reason="F")


@decoy("warehouse_lost")
def graded_stock_lost(scene: Scene) -> None:
    """Units that Amazon resells under its own label are not the seller's."""
    world, product, country = scene.world, scene.product(), scene.country
    world.ledger(
        product,
        country,
        world.ago(scene.age),
        "Adjustments",
        -1,
        ref=world.digits(16),
        reason="M",
        open_units=1,
        msku=f"amzn.gr.{product.sku}-A1",
    )


@owed("warehouse_damaged")
def damaged(scene: Scene) -> None:
    lose_some(scene, scene.world.random.randrange(1, 5), reason="E")


@owed("warehouse_damaged")
def damaged_and_partly_paid(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 3, reason="E"), cash=1)


@decoy("warehouse_damaged")
def damaged_and_paid(scene: Scene) -> None:
    pay_soon(scene, lose_some(scene, 2, reason="E"), cash=2)


@decoy("warehouse_damaged")
def damaged_and_corrected(scene: Scene) -> None:
    """An O row follows the payment: a correction, no further loss."""
    world = scene.world
    debt = lose_some(scene, 2, reason="E")
    pay_soon(scene, debt, cash=2)
    world.ledger(
        debt.product,
        scene.country,
        world.ago(max(2, scene.age - 22)),
        "Adjustments",
        -2,
        "WAREHOUSE_DAMAGED",
        ref=world.digits(16),
        reason="O",
    )


@decoy("warehouse_damaged")
def damaged_before_it_came(scene: Scene) -> None:
    """Codes that name another prior disposition are not Amazon's fault by default."""
    world, product, country = scene.world, scene.product(), scene.country
    for reason, prior in (("7", "EXPIRED"), ("H", "CUSTOMER_DAMAGED"), ("K", "DEFECTIVE")):
        ref = world.digits(16)
        for quantity, code, graded in ((-1, reason, prior), (1, "P", "WAREHOUSE_DAMAGED")):
            world.ledger(
                product,
                country,
                world.ago(scene.age),
                "Adjustments",
                quantity,
                graded,
                ref=ref,
                reason=code,
                open_units=1 if quantity < 0 else 0,
            )
