"""A seller's year as it physically happened, and each trace that Amazon's systems kept of it.

The methods are the verbs of the business: stock, order, refund, return, lose, find, pay. Each moves
units in the books and writes the rows in which reports will later show it, with the day on which
the row can first be seen. Nothing here knows how an audit works.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from bench.fba.books import AMAZON, BUYER, SUPPLIER, Books, Debt, Product
from bench.fba.markets import MARKETS, SOURCING_VALUE_SINCE, Market
from bench.fba.records import Cell, Order, Payment, Row

TITLES = ("Kettle 1,7 l", "Café press", "Lamp “Nörd”", 'Hook 3" set')
TITLES_JP = ("電気ケトル", "ランプ 表示", "Hook 3 set")


@dataclass(slots=True)
class World:
    """The books of some accounts and the rows of every report, up to the day of the audit."""

    seed: int
    today: date
    start: date
    accounts: dict[str, tuple[str, ...]]
    books: Books = field(default_factory=Books)
    products: list[Product] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    random: random.Random = field(init=False)
    story: str = ""

    def __post_init__(self) -> None:
        self.random = random.Random(f"fba year {self.seed}")

    # Names and days

    def ago(self, days: int) -> date:
        """The day that many days before the audit."""
        return self.today - timedelta(days)

    def digits(self, count: int) -> str:
        """A number that begins with a digit other than 0."""
        return str(self.random.randrange(10 ** (count - 1), 10**count))

    def code(self, prefix: str, count: int) -> str:
        """A code of letters and digits."""
        return prefix + "".join(self.random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=count))

    def order_id(self) -> str:
        """An order id: 3-7-7 digits."""
        return f"{self.digits(3)}-{self.digits(7)}-{self.digits(7)}"

    def write(
        self, report: str, on: date, where: Product, country: str, known: date, **cells: Cell
    ) -> None:
        """Adds a report row; underscores of names stand for the report's own separator."""
        self.rows[report].append(Row(on, known, where.seller_id, country, cells))

    def market(self, country: str) -> Market:
        """The marketplace of a country."""
        return MARKETS[country]

    def centre(self, country: str) -> str:
        """One of the country's centres."""
        return self.random.choice(MARKETS[country].centres)

    # Products and stock

    def product(self, seller_id: str, country: str, declared: str = "", stock: int = 60) -> Product:
        """A new product with stock on the shelves of `country` since the year began.

        `declared`: `early` before the year, `late` only today, `foreign` in another currency,
        `never`; by default mostly early.
        """
        market = MARKETS[country]
        declared = declared or self.random.choice(("early", "early", "early", "late", "never"))
        price = self.random.randrange(6, 90) * 100
        cost = self.random.randrange(150, 1900)
        made = Product(
            seller_id=seller_id,
            region=market.region,
            sku=self.code("SKU-", 8),
            fnsku=self.code("X00", 7),
            asin=self.code("B0", 8),
            title=self.random.choice(TITLES_JP if country == "JP" else TITLES),
            currency=market.currency,
            price_minor=price,
            fulfilment_minor=self.random.randrange(250, 599),
            cost_minor=cost,
            cost_currency=market.currency,
            story=self.story,
        )
        if declared != "never":
            made.sourcing_minor = cost
            made.declared_on = self.today if declared == "late" else self.start - timedelta(20)
        if declared == "foreign":
            made.cost_currency = "GBP"
        self.products.append(made)
        if stock:
            self.receive(made, country, self.start + timedelta(2), stock, self.code("FBA15", 7))
        return made

    def ledger(
        self,
        product: Product,
        country: str,
        day: date,
        event: str,
        quantity: int,
        disposition: str = "SELLABLE",
        *,
        ref: str = "",
        reason: str = "",
        open_units: Cell = 0,
        centre: str = "",
        msku: str = "",
    ) -> None:
        """Writes one row of the inventory ledger."""
        reconciled: Cell = ""
        if reason:
            reconciled = (
                (lambda as_of: abs(quantity) - open_units(as_of))
                if callable(open_units)
                else abs(quantity) - open_units
            )
        self.write(
            "ledger",
            day,
            product,
            country,
            day + timedelta(1),
            Date=day.strftime("%m/%d/%Y"),
            FNSKU=product.fnsku,
            ASIN=product.asin,
            MSKU=msku or product.sku,
            Title=product.title,
            Event_Type=event,
            Reference_ID=ref,
            Quantity=quantity,
            Fulfillment_Center=centre or self.centre(country),
            Disposition=disposition,
            Reason=reason,
            Country=country,
            Reconciled_Quantity=reconciled,
            Unreconciled_Quantity=open_units if reason else "",
        )

    def receive(
        self, product: Product, country: str, day: date, units: int, shipment: str, centre: str = ""
    ) -> None:
        """Units of an inbound shipment reach the shelf."""
        self.books.move(product, units, SUPPLIER, f"shelf {country}")
        self.ledger(product, country, day, "Receipts", units, ref=shipment, centre=centre)

    def worth_before_order(self, product: Product, event: date) -> tuple[int | None, str]:
        """Worth of a unit lost before an order, and how sure it is."""
        if event < SOURCING_VALUE_SINCE:
            return None, "unknown"
        declared = product.declared_on is not None and product.declared_on <= event
        if declared:
            if product.cost_currency != product.currency:
                return None, "unknown"
            return product.sourcing_minor, "declared"
        if product.shown_minor is not None:
            return product.shown_minor, "amazon_shown"
        return None, "unknown"

    def appraise(self) -> None:
        """Gives each debt of stock the value that is known on the day of the audit."""
        for debt in self.books.debts:
            if debt.stock:
                worth = self.worth_before_order(debt.product, debt.event)
                debt.value_minor, debt.grade = worth

    # Money

    def settlement_line(
        self,
        product: Product,
        country: str,
        day: date,
        kind: str,
        amount_type: str,
        description: str,
        minor: int,
        order: Order | None = None,
        quantity: Cell = "",
        order_id: str = "",
    ) -> None:
        """Writes one line of a settlement."""
        self.write(
            "settlement",
            day,
            product,
            country,
            day,
            transaction_type=kind,
            order_id=order.order_id if order else order_id,
            merchant_order_id=order.order_id if order else "",
            adjustment_id=self.digits(12) if order and kind != "Order" else "",
            shipment_id=self.code("D", 8) if order and kind == "Order" else "",
            marketplace_name=MARKETS[country].name,
            amount_type=amount_type,
            amount_description=description,
            amount=MARKETS[country].text(minor),
            fulfillment_id=order.channel if order else "",
            order_item_code=order.item_code if order else "",
            sku=product.sku,
            quantity_purchased=quantity,
        )

    def pay(
        self,
        product: Product,
        country: str,
        day: date,
        reason: str,
        cash: int = 0,
        kind: int = 0,
        *,
        debt: Debt | None = None,
        unit_minor: int | None = None,
        order_id: str = "",
        case_id: str = "",
        settled: bool = True,
        delivered: bool = True,
        by_night: bool = False,
    ) -> Payment:
        """Amazon reimburses units in cash or in kind; with a debt, that debt is settled by it.

        `by_night`: approved after midnight in Europe, when the report's clock shows the day before.
        """
        unit = product.cost_minor if unit_minor is None else unit_minor
        paid = Payment(product, country, day, self.digits(11), reason, unit, cash, kind)
        self.reimbursement_row(paid, order_id, case_id, by_night=by_night)
        if cash and settled:
            self.settlement_line(
                product,
                country,
                day + timedelta(2),
                "other-transaction",
                "FBA Inventory Reimbursement",
                reason.upper(),
                unit * cash,
                order_id=order_id,
            )
        stock = "warehouse" in reason.lower() or "inbound" in reason.lower()
        if cash and stock and day >= SOURCING_VALUE_SINCE:
            product.shown_minor = unit
        if debt is not None:
            self.books.settle(debt, cash + kind, day)
        if kind and delivered:
            self.books.move(product, kind, AMAZON, f"shelf {country}")
            self.ledger(
                product, country, day + timedelta(1), "Adjustments", kind, reason="N", ref=""
            )
        return paid

    def reimbursement_row(
        self,
        paid: Payment,
        order_id: str = "",
        case_id: str = "",
        original: Payment | None = None,
        sign: int = 1,
        by_night: bool = False,
    ) -> None:
        """Writes one row of the reimbursements report."""
        market = MARKETS[paid.country]
        offset = {"US": "-08:00", "EU": "+00:00", "JP": "+09:00"}[market.region]
        clock = f"{paid.day.isoformat()}T1{self.random.randrange(10)}:20:31{offset}"
        if by_night and market.region == "EU":
            clock = f"{(paid.day - timedelta(1)).isoformat()}T23:40:00+00:00"
        self.write(
            "reimbursements",
            paid.day,
            paid.product,
            paid.country,
            paid.day + timedelta(4),
            approval_date=clock,
            reimbursement_id=paid.reimbursement_id,
            case_id=case_id,
            amazon_order_id=order_id,
            reason=paid.reason,
            sku=paid.product.sku,
            fnsku=paid.product.fnsku,
            asin=paid.product.asin,
            product_name=paid.product.title,
            condition="NewItem",
            currency_unit=market.currency,
            amount_per_unit=market.text(paid.unit_minor),
            amount_total=market.text(sign * paid.unit_minor * paid.cash),
            quantity_reimbursed_cash=sign * paid.cash,
            quantity_reimbursed_inventory=sign * paid.kind,
            quantity_reimbursed_total=sign * (paid.cash + paid.kind),
            original_reimbursement_id=original.reimbursement_id if original else "",
            original_reimbursement_type=original.reason if original else "",
        )

    def claw_back(self, paid: Payment, day: date, units: int = 0) -> Payment:
        """Amazon takes a payment back."""
        units = units or paid.cash
        taken = Payment(
            paid.product,
            paid.country,
            day,
            self.digits(11),
            "Reimbursement_Reversal",
            paid.unit_minor,
            units,
            0,
        )
        self.reimbursement_row(taken, original=paid, sign=-1)
        self.settlement_line(
            paid.product,
            paid.country,
            day + timedelta(2),
            "other-transaction",
            "FBA Inventory Reimbursement",
            "COMPENSATED_CLAWBACK",
            -paid.unit_minor * units,
        )
        return taken

    # Centre

    def lose(
        self,
        product: Product,
        country: str,
        day: date,
        units: int,
        reason: str = "M",
        disposition: str = "SELLABLE",
        ref: str = "",
        **debt: Any,
    ) -> Debt:
        """Units go missing (M, 5) or are damaged (E) in the centre, and are owed from then on."""
        rule = "warehouse_damaged" if reason == "E" else "warehouse_lost"
        ref = ref or self.digits(16)
        owed = Debt(rule, product, country, day, stock=True, story=self.story, **debt)
        owed.ids |= {ref}
        self.books.owe(owed, units, f"shelf {country}")
        centre = self.centre(country)
        self.ledger(
            product,
            country,
            day,
            "Adjustments",
            -units,
            disposition,
            ref=ref,
            reason=reason,
            open_units=owed.open_units,
            centre=centre,
        )
        if reason == "E":
            self.ledger(
                product,
                country,
                day,
                "Adjustments",
                units,
                "WAREHOUSE_DAMAGED",
                ref=ref,
                reason="P",
                centre=centre,
            )
        return owed

    def find(
        self, debt: Debt, day: date, units: int, reason: str = "F", under: Product | None = None
    ) -> None:
        """Lost units are found, perhaps under the label of another product of the same ASIN."""
        self.books.settle(debt, units, day, f"shelf {debt.country}")
        shelf = under or debt.product
        if under is not None:
            self.books.move(debt.product, units, f"shelf {debt.country}", SUPPLIER)
            self.books.move(under, units, SUPPLIER, f"shelf {debt.country}")
        self.ledger(
            shelf,
            debt.country,
            day,
            "Adjustments",
            units,
            reason=reason,
            ref=self.digits(16),
        )

    def ship(self, product: Product, country: str, units: int) -> None:
        """Units leave the shelf for a buyer."""
        self.books.move(product, units, f"shelf {country}", BUYER)
