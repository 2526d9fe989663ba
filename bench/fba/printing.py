"""Prints a world's rows as the files that Seller Central and the seller would hand over."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from bench.fba.markets import MARKETS, Market
from bench.fba.records import Row
from bench.fba.world import World

LEDGER = (
    "Date,FNSKU,ASIN,MSKU,Title,Event Type,Reference ID,Quantity,Fulfillment Center,Disposition,"
    "Reason,Country,Reconciled Quantity,Unreconciled Quantity"
)
COMMON_FEES = (
    "your-price,sales-price,longest-side,median-side,shortest-side,{girth}unit-of-dimension,"
    "item-package-weight,unit-of-weight,"
)
HEADERS = {
    "ledger": LEDGER,
    "reimbursements": "approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,"
    "fnsku,asin,product-name,condition,currency-unit,amount-per-unit,amount-total,"
    "quantity-reimbursed-cash,"
    "quantity-reimbursed-inventory,quantity-reimbursed-total,original-reimbursement-id,"
    "original-reimbursement-type",
    "returns": "return-date,order-id,sku,asin,fnsku,product-name,quantity,fulfillment-center-id,"
    "detailed-disposition,reason,status,license-plate-number,customer-comments",
    "replacements": "shipment-date,sku,asin,fulfillment-center-id,original-fulfillment-center-id,"
    "quantity,replacement-reason-code,replacement-amazon-order-id,original-amazon-order-id",
    "sales": "shipment-date,sku,fnsku,asin,fulfillment-center-id,quantity,amazon-order-id,currency,"
    "item-price-per-unit,shipping-price,gift-wrap-price,ship-city,ship-state,ship-postal-code",
    "removal_orders": "request-date,order-id,order-type,service-speed,order-status,"
    "last-updated-date,sku,fnsku,disposition,requested-quantity,cancelled-quantity,"
    "disposed-quantity,shipped-quantity,in-process-quantity,removal-fee,currency",
    "removal_shipments": "request-date,order-id,shipment-date,sku,fnsku,disposition,"
    "shipped-quantity,carrier,tracking-number,removal-order-type",
    "fee_preview": "sku,fnsku,asin,amazon-store,product-name,fulfilled-by,"
    + COMMON_FEES.format(girth="")
    + "product-size-tier,currency,estimated-fee-total,estimated-referral-fee-per-unit,"
    "expected-fulfillment-fee-per-unit",
    "fee_preview_eu": "sku,fnsku,asin,product-name,product-group,brand,fulfilled-by,"
    "has-local-inventory,"
    + COMMON_FEES.format(girth="length-and-girth,")
    + "product-size-weight-band,currency,estimated-fee-total,estimated-referral-fee-per-unit,"
    "estimated-variable-closing-fee,expected-domestic-fulfilment-fee-per-unit",
    "storage": "asin,fnsku,product_name,fulfillment_center,country_code,longest_side,median_side,"
    "shortest_side,measurement_units,weight,weight_units,item_volume,volume_units,"
    "product_size_tier,average_quantity_on_hand,average_quantity_pending_removal,"
    "estimated_total_item_volume,month_of_charge,storage_rate,currency,"
    "estimated_monthly_storage_fee",
    "settlement": "settlement-id,settlement-start-date,settlement-end-date,deposit-date,"
    "total-amount,currency,transaction-type,order-id,merchant-order-id,adjustment-id,shipment-id,"
    "marketplace-name,amount-type,amount-description,amount,fulfillment-id,posted-date,"
    "posted-date-time,order-item-code,merchant-order-item-id,merchant-adjustment-item-id,sku,"
    "quantity-purchased,promotion-id",
    "inbound_shipments": "ShipmentId,ShipmentName,DestinationFulfillmentCenterId,ShipmentStatus,"
    "CreatedDate,DeliveredDate,ClosedDate,PlanId",
    "inbound_items": "ShipmentId,SellerSKU,FulfillmentNetworkSKU,QuantityShipped,QuantityReceived,"
    "QuantityInCase",
    "costs": "sku,from,to,sourcing_cost,currency,declared_on",
    "dimensions": "fnsku,longest_side,median_side,shortest_side,unit_of_dimension,weight,"
    "unit_of_weight,measured_on",
    "categories": "sku,referral_category",
    "received": "removal_order,tracking,fnsku,received_on,good,wrong,damaged",
    "tracking": "tracking,tracking_status,tracking_date",
    "cases": "case,subject_key,case_state,case_date",
    "documents": "case_key,document_kind",
}
"""Columns of each report in the form in which its files name them."""

OWN = {"costs", "dimensions", "categories", "received", "tracking", "cases", "documents"}
"""The seller's own imports: plain CSV in UTF-8, always whole."""

SNAPSHOTS = {"fee_preview", "inbound_shipments", "inbound_items"}
"""Reports that show a state of today, not a range of days."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one seller's files look."""

    delimiter: str = "\t"
    quoted: bool = False
    encoding: str = "utf-8"
    ledger_names: str = "spaced"
    reconciled_columns: bool = True
    extra_columns: bool = False


STYLES = (
    Style(),
    Style(",", True, "utf-8-sig", extra_columns=True),
    Style("\t", False, "cp1252", "joined"),
    Style(",", True, "cp1252", "dashed"),
    Style("\t", True, "utf-8-sig", "spaced", extra_columns=True),
    Style("\t", False, "utf-8", "spaced", reconciled_columns=False),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What is wrong with one report: `missing`, `stale` by some days, or a `gap` of days.

    Ages are days before the audit, the older one first.
    """

    report: str = ""
    how: str = "nothing"
    seller_id: str = ""
    stale_days: int = 9
    gap: tuple[int, int] = (25, 20)

    def __str__(self) -> str:
        return f"{self.report} {self.how}" if self.report else "complete"


@dataclass(frozen=True, slots=True)
class Printed:
    """A file with the days it covers and the day on which it was fetched."""

    path: Path
    seller_id: str
    report: str
    start: date
    end: date
    as_of: date


@dataclass(slots=True)
class Printer:
    """Prints one world into a folder; `lag` holds reports fetched some days before the audit."""

    world: World
    folder: Path
    cut: Cut = field(default_factory=Cut)
    lag: dict[str, int] = field(default_factory=dict)

    def style(self, seller_id: str) -> Style:
        """The style of a seller's files: the seed decides."""
        if MARKETS[self.world.accounts[seller_id][0]].region == "JP":
            return Style("\t", False, "shift_jis")
        choice = random.Random(f"style {self.world.seed} {seller_id}")
        return choice.choice(STYLES)

    def all(self) -> list[Printed]:
        """Writes every file of every account."""
        return [file for seller_id in self.world.accounts for file in self.account(seller_id)]

    def account(self, seller_id: str) -> list[Printed]:
        """Writes every file of one account."""
        return [
            file
            for report in HEADERS
            if report != "fee_preview_eu" and self.hit(seller_id, report) != "missing"
            for file in self.report(seller_id, report)
        ]

    def hit(self, seller_id: str, report: str) -> str:
        """What is wrong with a report of an account, "" if nothing is."""
        cut = self.cut
        return cut.how if (cut.seller_id, cut.report) == (seller_id, report) else ""

    def ranges(self, seller_id: str, report: str) -> list[tuple[date, date, date]]:
        """Start, end and day of fetching of a report's files."""
        world, lag = self.world, self.lag.get(report, 0)
        hit = self.hit(seller_id, report)
        if hit == "stale":
            lag = self.cut.stale_days
        if hit == "gap" and report != "settlement":
            older, younger = (world.ago(age) for age in self.cut.gap)
            day = timedelta(1)
            early = (world.start, older - day, world.today)
            return [early, (younger + day, world.today, world.today)]
        return [(world.start, world.ago(lag), world.ago(lag))]

    def report(self, seller_id: str, report: str) -> Iterator[Printed]:
        """Writes the files of one report."""
        rows = [each for each in self.world.rows[report] if each.seller_id == seller_id]
        if report == "costs":
            rows = self.costs(seller_id)
        for part, (start, end, as_of) in enumerate(self.ranges(seller_id, report)):
            seen = [row for row in rows if row.known <= as_of and start <= row.on <= end]
            if report in OWN | SNAPSHOTS:
                seen = [row for row in rows if row.known <= as_of]
            if report == "settlement":
                yield from self.settlements(seller_id, seen, start, as_of)
            elif seen or report not in OWN:
                name = f"{seller_id}-{report}-{part}.txt"
                header = report
                if report == "fee_preview" and "DE" in self.world.accounts[seller_id]:
                    header = "fee_preview_eu"
                path = self.write(seller_id, name, header, seen, as_of)
                yield Printed(path, seller_id, report, start, end, as_of)

    def costs(self, seller_id: str) -> list[Row]:
        """The seller's declared sourcing costs."""
        world = self.world
        rows = []
        for product in world.products:
            if product.seller_id != seller_id or product.declared_on is None:
                continue
            cells = {
                "sku": product.sku,
                "from": (world.start - timedelta(30)).isoformat(),
                "to": "",
                "sourcing_cost": MARKETS[world.accounts[seller_id][0]].text(
                    product.sourcing_minor or 0
                ),
                "currency": product.cost_currency,
                "declared_on": product.declared_on.isoformat(),
            }
            rows.append(Row(product.declared_on, product.declared_on, seller_id, "", dict(cells)))
        return rows

    def settlements(
        self, seller_id: str, rows: list[Row], start: date, as_of: date
    ) -> Iterator[Printed]:
        """One file for each closed period of each marketplace; a gap takes out whole files."""
        gap = self.cut.gap if self.hit(seller_id, "settlement") == "gap" else None
        for country in self.world.accounts[seller_id]:
            market = MARKETS[country]
            for older, younger in periods(market):
                first, last = self.world.ago(older), self.world.ago(younger)
                if last <= start or last >= as_of or (gap and overlap((older, younger), gap)):
                    continue
                lines = [row for row in rows if row.country == country and first <= row.on <= last]
                name = f"{seller_id}-settlement-{country}-{last.isoformat()}.txt"
                listed = settlement_rows(market, first, last, lines)
                path = self.write(seller_id, name, "settlement", listed, as_of)
                yield Printed(path, seller_id, "settlement", first, last, as_of)

    def write(
        self, seller_id: str, name: str, report: str, rows: Iterable[Row], as_of: date
    ) -> Path:
        """Writes one file in the seller's style."""
        style = self.style(seller_id) if report not in OWN else Style(",", True)
        columns = HEADERS[report].split(",")
        if report == "ledger" and not style.reconciled_columns:
            columns = columns[:-2]
        keys = [column.lower().replace(" ", "_").replace("-", "_") for column in columns]
        extra = ["Date and Time", "Store"] if style.extra_columns and report == "ledger" else []
        text = io.StringIO()
        quoting = csv.QUOTE_ALL if style.quoted else csv.QUOTE_NONE
        if style.delimiter == "\t" and not style.quoted:
            writer = csv.writer(text, delimiter="\t", quoting=quoting, quotechar=None)
        else:
            writer = csv.writer(text, delimiter=style.delimiter, quoting=quoting)
        shown = [column_name(column, style) if report == "ledger" else column for column in columns]
        writer.writerow(shown + extra)
        for row in sorted(rows, key=lambda each: each.on):
            cells = {key.lower(): cell for key, cell in row.cells.items()}
            values = [cells.get(key, "") for key in keys]
            line = [value(as_of) if callable(value) else value for value in values]
            writer.writerow(line + ([row.on.isoformat() + "T00:00:00Z", ""] if extra else []))
        path = self.folder / name
        path.write_bytes(text.getvalue().encode(style.encoding))
        return path


def periods(market: Market) -> Iterator[tuple[int, int]]:
    """Closed settlement periods as first and last age, the youngest first."""
    for younger in range(2, 800, market.settlement_days):
        yield younger + market.settlement_days - 1, younger


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two ranges of ages, older end first, share a day."""
    return one[0] >= other[1] and other[0] >= one[1]


def column_name(column: str, style: Style) -> str:
    """A ledger column as one of the header variants writes it."""
    if style.ledger_names == "joined":
        return column.replace(" ", "")
    return column.lower().replace(" ", "-") if style.ledger_names == "dashed" else column


def settlement_rows(market: Market, first: date, last: date, rows: list[Row]) -> list[Row]:
    """The lines of a settlement with its id, dates as the region writes them, and its first row."""
    form = "%d.%m.%Y" if market.region == "EU" else "%Y-%m-%d"
    number = f"{market.country}{last.toordinal()}"
    identity = (
        str(sum(ord(letter) << (7 * at) for at, letter in enumerate(number[:2]))) + number[2:]
    )
    total = sum(round(float(str(row.cells["amount"])) * 10**market.exponent) for row in rows)
    deposit = (last + timedelta(2)).strftime(f"{form} 08:00:00 UTC")
    head: dict[str, object] = {
        "settlement_id": identity,
        "settlement_start_date": first.strftime(f"{form} 00:00:00 UTC"),
        "settlement_end_date": last.strftime(f"{form} 23:59:59 UTC"),
        "deposit_date": deposit,
        "total_amount": market.text(total),
        "currency": market.currency,
    }
    listed = [Row(first, last, "", market.country, head)]
    for row in rows:
        cells = dict(row.cells)
        cells["settlement_id"] = identity
        cells["posted_date"] = row.on.strftime(form)
        cells["posted_date_time"] = row.on.strftime(f"{form} 12:00:00 UTC")
        listed.append(Row(row.on, row.known, row.seller_id, row.country, cells))
    return listed
