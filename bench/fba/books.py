"""Who has which unit, and what is owed for it: the bookkeeping from which the truth is read.

Every unit is somewhere: with the supplier, on the way, on a shelf, with a buyer, handed back, or
owed. Moves shift units between places and can neither make nor lose one. A debt is opened when a
unit leaves the seller through Amazon's fault, and what rests on its place at the end of the year
is what Amazon still owes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

SUPPLIER = "supplier"
BUYER = "buyer"
AMAZON = "amazon"
SELLER = "seller"
"""Places outside the network: they take and give without limit. AMAZON holds units it paid for."""


@dataclass(slots=True)
class Product:
    """One SKU of one account; `sourcing_minor` None: the seller declared no cost."""

    seller_id: str
    region: str
    sku: str
    fnsku: str
    asin: str
    title: str
    currency: str
    price_minor: int
    fulfilment_minor: int
    cost_minor: int
    sourcing_minor: int | None = None
    declared_on: date | None = None
    cost_currency: str = ""
    category: str = ""
    story: str = ""
    shown_minor: int | None = None

    @property
    def commission_minor(self) -> int:
        """Referral fee of one unit: 15 %, exact for every price the simulator makes."""
        return self.price_minor * 15 // 100


@dataclass(slots=True, eq=False)
class Debt:
    """What one event made Amazon owe; units are read off the books, money debts carry an amount.

    `value_minor` is the worth of one unit, None if nobody can know it; of `stock` it is found at
    the end of the year. `ready` False: the claim stands, but a document, a confirmation or a
    certain window is missing. `needs`: reports that this claim
    rests on, if other than its rule's. `pending`: nothing is owed, but no report shows it yet.
    """

    rule: str
    product: Product
    country: str
    event: date
    value_minor: int | None = None
    grade: str = "unknown"
    money: bool = False
    stock: bool = False
    amount_known: bool = True
    ready: bool = True
    filed: bool = False
    pending: bool = False
    document: str = ""
    needs: tuple[str, ...] = ()
    story: str = ""
    owed_units: int = 0
    ids: set[str] = field(default_factory=set)
    settled: list[tuple[date, int]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where the owed units rest in the books."""
        return f"owed {id(self)}"

    def open_units(self, as_of: date | None = None) -> int:
        """Units not found or paid by then; all that is known without a day."""
        return self.owed_units - sum(
            units for day, units in self.settled if as_of is None or day <= as_of
        )

    @property
    def amount_minor(self) -> int | None:
        """What is owed now."""
        return None if self.value_minor is None else self.value_minor * self.open_units()


class Books:
    """Units by product and place, debts, and the means to move and settle them."""

    def __init__(self) -> None:
        self.units: Counter[tuple[str, str]] = Counter()
        self.debts: list[Debt] = []

    def move(self, product: Product, units: int, source: str, target: str) -> None:
        """Moves units; a place inside the network cannot give what it does not hold."""
        self.units[product.fnsku, source] -= units
        self.units[product.fnsku, target] += units
        outside = {SUPPLIER, BUYER, AMAZON, SELLER}
        if source not in outside and self.units[product.fnsku, source] < 0:
            raise ValueError(f"{product.fnsku}: {source} gives {units} units that it does not hold")

    def owe(self, debt: Debt, units: int, source: str) -> Debt:
        """Opens a debt for units that were at `source`; money debts move nothing."""
        debt.owed_units = units
        if not debt.money:
            self.move(debt.product, units, source, debt.place)
        self.debts.append(debt)
        return debt

    def settle(self, debt: Debt, units: int, day: date, target: str = AMAZON) -> None:
        """Units came back to a shelf, or were paid for and are Amazon's from now on."""
        if not debt.money:
            self.move(debt.product, units, debt.place, target)
        debt.settled.append((day, units))

    def check(self) -> None:
        """Raises unless each debt and the place of its units agree."""
        for debt in self.debts:
            held = self.units[debt.product.fnsku, debt.place]
            if not debt.money and held != debt.open_units():
                raise AssertionError(f"{debt.story}: books hold {held}, debt {debt.open_units()}")
