"""Stories of units that the centre destroyed: asked to, or not."""

from __future__ import annotations

from datetime import timedelta

from bench.fba import trade
from bench.fba.books import Debt, Product
from bench.fba.story import Scene, decoy, owed


def dispose(scene: Scene, units: int, reason: str = "D", of: Product | None = None) -> None:
    """The centre destroys sellable units nobody asked it to destroy."""
    world, country = scene.world, scene.country
    product = of or scene.product()
    day, ref = world.ago(scene.age), world.digits(16)
    debt = Debt(
        "disposed_without_request",
        product,
        country,
        day,
        stock=True,
        story=world.story,
    )
    debt.ids |= {ref}
    world.books.owe(debt, units, f"shelf {country}")
    world.ledger(
        product,
        country,
        day,
        "Adjustments",
        -units,
        ref=ref,
        reason=reason,
    )


@owed("disposed_without_request")
def disposed(scene: Scene) -> None:
    dispose(scene, scene.world.random.randrange(1, 4))


@owed("disposed_without_request")
def donated(scene: Scene) -> None:
    dispose(scene, 2, reason="G")


@owed("disposed_without_request")
def more_disposed_than_requested(scene: Scene) -> None:
    """Three were requested, five went: two are owed."""
    world, country, product = scene.world, scene.country, scene.product()
    asked = world.ago(scene.age + 5)
    trade.removal_order(
        world, product, country, asked, "Disposal", 3, disposed=3, updated=world.ago(scene.age - 2)
    )
    ref = world.digits(16)
    world.books.move(product, 3, f"shelf {country}", "disposed")
    world.ledger(product, country, world.ago(scene.age + 1), "Adjustments", -3, ref=ref, reason="D")
    dispose(scene, 2, of=product)


def disposal_on_request(scene: Scene, kind: str, reason: str = "D") -> None:
    """Units are destroyed as a removal order says."""
    world, country, product = scene.world, scene.country, scene.product()
    asked, units = world.ago(scene.age + 4), world.random.randrange(1, 5)
    trade.removal_order(
        world,
        product,
        country,
        asked,
        kind,
        units,
        disposed=units,
        updated=world.ago(scene.age - 3),
    )
    world.books.move(product, units, f"shelf {country}", "disposed")
    ref = world.digits(16)
    world.ledger(
        product, country, world.ago(scene.age), "Adjustments", -units, ref=ref, reason=reason
    )


@decoy("disposed_without_request")
def disposed_on_request(scene: Scene) -> None:
    disposal_on_request(scene, "Disposal")


@decoy("disposed_without_request")
def disposed_by_automatic_removal(scene: Scene) -> None:
    disposal_on_request(scene, "Disposal")


@decoy("disposed_without_request")
def donated_from_a_disposal(scene: Scene) -> None:
    disposal_on_request(scene, "Disposal", reason="G")


@decoy("disposed_without_request")
def liquidated(scene: Scene) -> None:
    disposal_on_request(scene, "Liquidations")


@decoy("disposed_without_request")
def disposed_after_payment(scene: Scene) -> None:
    """The units were damaged and paid for: they are Amazon's, who may destroy them."""
    world, country = scene.world, scene.country
    debt = world.lose(scene.product(), country, world.ago(scene.age + 30), 2, "E")
    day = debt.event + timedelta(10)
    world.pay(debt.product, country, day, "Damaged_Warehouse", cash=2, debt=debt)
    world.ledger(
        debt.product,
        country,
        world.ago(scene.age),
        "Adjustments",
        -2,
        ref=world.digits(16),
        reason="D",
    )


@decoy("disposed_without_request")
def unsellable_disposed(scene: Scene) -> None:
    world, country, product = scene.world, scene.country, scene.product()
    world.books.move(product, 2, f"shelf {country}", "disposed")
    world.ledger(
        product,
        country,
        world.ago(scene.age),
        "Adjustments",
        -2,
        "CUSTOMER_DAMAGED",
        ref=world.digits(16),
        reason="D",
    )
