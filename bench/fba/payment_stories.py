"""Stories of what Amazon paid: too little, not at all, or taken back."""

from __future__ import annotations

from datetime import timedelta

from bench.fba.books import Debt, Product
from bench.fba.markets import SOURCING_VALUE_SINCE
from bench.fba.records import Payment
from bench.fba.story import Scene, decoy, owed


def owe_payment(
    scene: Scene, rule: str, product: Product, minor: int | None, units: int = 1, **how: object
) -> Debt:
    """Amazon owes money for a payment that was wrong; `minor` is of one unit."""
    debt = Debt(
        rule,
        product,
        scene.country,
        scene.world.ago(scene.age),
        minor,
        "exact",
        money=True,
        story=scene.world.story,
        **how,
    )
    return scene.world.books.owe(debt, units, "")


def lost_and_paid(
    scene: Scene, units: int, before: int, unit_minor: int | None = None, **how: object
) -> Payment:
    """A loss of a product with a declared cost, paid `before` days ahead of the scene's day."""
    world, product = scene.world, scene.product("early")
    day = world.ago(scene.age + before)
    debt = world.lose(product, scene.country, day - timedelta(5), units)
    kind = int(how.pop("kind", 0))
    return world.pay(
        product,
        scene.country,
        day,
        "Lost_Warehouse",
        cash=units - kind,
        kind=kind,
        debt=debt,
        unit_minor=unit_minor,
        **how,
    )


@owed("reimbursement_underpaid")
def paid_below_cost(scene: Scene) -> None:
    """Without its invoice the claim waits for documents; with it, it can be filed."""
    world, less = scene.world, 40
    if world.ago(scene.age + 9) < SOURCING_VALUE_SINCE:
        return
    product = scene.product("early")
    debt = world.lose(product, scene.country, world.ago(scene.age + 9), 2)
    paid = world.pay(
        product,
        scene.country,
        world.ago(scene.age),
        "Lost_Warehouse",
        cash=2,
        debt=debt,
        unit_minor=product.cost_minor - less,
    )
    short = owe_payment(scene, "reimbursement_underpaid", product, less, 2, document="invoice")
    short.grade = "declared"
    short.ids.add(paid.reimbursement_id)


@decoy("reimbursement_underpaid")
def paid_the_cost(scene: Scene) -> None:
    lost_and_paid(scene, 2, before=0)


@decoy("reimbursement_underpaid")
def paid_in_kind(scene: Scene) -> None:
    lost_and_paid(scene, 2, before=0, kind=1)


@owed("reimbursement_reversed")
def taken_back_without_cause(scene: Scene) -> None:
    paid = lost_and_paid(scene, 2, before=14)
    taken = scene.world.claw_back(paid, scene.world.ago(scene.age))
    owe_payment(
        scene, "reimbursement_reversed", paid.product, paid.unit_minor, 2, ready=False
    ).ids.add(taken.reimbursement_id)


@decoy("reimbursement_reversed")
def taken_back_and_paid_again(scene: Scene) -> None:
    world, paid = scene.world, None
    paid = lost_and_paid(scene, 2, before=14)
    world.claw_back(paid, world.ago(scene.age))
    day = world.ago(scene.age - 2)
    world.pay(paid.product, scene.country, day, "Lost_Warehouse", cash=2)


@decoy("reimbursement_reversed")
def taken_back_for_a_found_unit(scene: Scene) -> None:
    world = scene.world
    paid = lost_and_paid(scene, 1, before=14)
    world.ledger(
        paid.product,
        scene.country,
        world.ago(scene.age + 3),
        "Adjustments",
        1,
        reason="F",
        ref=world.digits(16),
    )
    world.claw_back(paid, world.ago(scene.age))


@owed("reimbursement_missing")
def paid_but_not_settled(scene: Scene) -> None:
    paid = lost_and_paid(scene, 2, before=0, settled=False, by_night=True)
    owe_payment(
        scene,
        "reimbursement_missing",
        paid.product,
        paid.unit_minor * paid.cash,
        needs=("reimbursements", "settlement"),
    ).ids.add(paid.reimbursement_id)


@owed("reimbursement_missing")
def unit_promised_but_not_booked(scene: Scene) -> None:
    """Paid in kind, but no unit reached a shelf."""
    paid = lost_and_paid(scene, 1, before=0, kind=1, delivered=False)
    owe_payment(
        scene,
        "reimbursement_missing",
        paid.product,
        None,
        amount_known=False,
        needs=("reimbursements", "ledger"),
    ).ids.add(paid.reimbursement_id)


@decoy("reimbursement_missing")
def paid_and_settled(scene: Scene) -> None:
    lost_and_paid(scene, 3, before=0, case_id=scene.world.digits(11))


@decoy("reimbursement_missing")
def paid_in_kind_and_booked(scene: Scene) -> None:
    lost_and_paid(scene, 2, before=0, kind=2)
