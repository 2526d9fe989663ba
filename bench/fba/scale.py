"""A large account's year: a ledger of any number of rows and every other report in proportion.

Written by DuckDB from row numbers alone, so ten million rows take a minute and are the same each
time. A block of a hundred ledger rows is one day of some products: 55 orders with their
settlement lines and sales rows, 30 transfers, 6 receipts, 4 returns, 4 adjustments, 1 removal.
Nearly everything is in order; some returns never came and some losses were never paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from bench.fba.printing import HEADERS

TODAY = date(2025, 11, 20)
DAYS = 360
SELLER_ID = "A9SCALE"
BLOCK = 100
ORDERS = 55

LEDGER_ROWS = """
    SELECT b, r, CASE
        WHEN r < 55 THEN 'Shipments'
        WHEN r < 85 OR (r = 94 AND b % 50 = 0) OR (r = 96 AND b % 200 = 0) THEN 'WhseTransfers'
        WHEN r < 91 THEN 'Receipts' WHEN r < 95 THEN 'CustomerReturns'
        WHEN r < 99 THEN 'Adjustments' ELSE 'VendorReturns' END AS event
    FROM blocks, range(100) AS rows(r)
"""

LEDGER = """
    SELECT strftime(day, '%m/%d/%Y') AS "Date", fnsku(p) AS "FNSKU", asin(p) AS "ASIN",
        sku(p) AS "MSKU", 'Kettle, steel, ' || p AS "Title", event AS "Event Type",
        CASE event WHEN 'Receipts' THEN shipment(b) WHEN 'VendorReturns' THEN 'RM' || b
            WHEN 'Adjustments' THEN (7000000000000000 + b * 4 + r)::VARCHAR ELSE '' END
            AS "Reference ID",
        CASE event WHEN 'Shipments' THEN -1 WHEN 'WhseTransfers' THEN CASE r % 2 WHEN 0 THEN -3
            ELSE 3 END WHEN 'Receipts' THEN 20 WHEN 'CustomerReturns' THEN 1
            WHEN 'VendorReturns' THEN -2
            ELSE CASE r WHEN 95 THEN -2 WHEN 96 THEN 2 WHEN 97 THEN -1 ELSE 1 END END AS "Quantity",
        CASE b % 3 WHEN 0 THEN 'PHX6' WHEN 1 THEN 'MDW2' ELSE 'ONT8' END AS "Fulfillment Center",
        CASE r WHEN 98 THEN 'WAREHOUSE_DAMAGED' ELSE 'SELLABLE' END AS "Disposition",
        CASE event WHEN 'Adjustments' THEN CASE r WHEN 95 THEN 'M' WHEN 96 THEN 'F' WHEN 97 THEN 'E'
            ELSE 'P' END ELSE '' END AS "Reason",
        'US' AS "Country",
        CASE event WHEN 'Adjustments' THEN CASE WHEN r = 95 AND b % 200 = 0 THEN 0
            WHEN r < 97 THEN 2 ELSE 1 END END AS "Reconciled Quantity",
        CASE event WHEN 'Adjustments' THEN CASE WHEN r = 95 AND b % 200 = 0 THEN 2 ELSE 0 END END
            AS "Unreconciled Quantity"
    FROM (SELECT *, block_day(b) + CASE WHEN event = 'CustomerReturns' THEN 10
              WHEN r = 96 AND event = 'Adjustments' THEN 4 ELSE 0 END AS day,
              product(b, CASE WHEN event = 'CustomerReturns' THEN r - 91
                  WHEN r IN (95, 96) THEN 60 WHEN r IN (97, 98) THEN 61 ELSE r END) AS p
          FROM ledger_rows)
    ORDER BY day
"""

SALES = """
    SELECT stamp(block_day(b)) AS "shipment-date", sku(product(b, r)) AS sku,
        fnsku(product(b, r)) AS fnsku, asin(product(b, r)) AS asin,
        'PHX6' AS "fulfillment-center-id", 1 AS quantity, order_id(b, r) AS "amazon-order-id",
        'USD' AS currency, money(price(product(b, r))) AS "item-price-per-unit",
        '0.00' AS "shipping-price", '0.00' AS "gift-wrap-price", 'Springfield' AS "ship-city",
        '' AS "ship-state", '12345' AS "ship-postal-code"
    FROM blocks, range(55) AS rows(r)
"""

LINES = """
    SELECT b, r, block_day(b) + 1 AS day, 'Order' AS kind, 'ItemPrice' AS type,
        'Principal' AS what, price(product(b, r)) AS minor FROM blocks, range(55) AS rows(r)
    UNION ALL SELECT b, r, block_day(b) + 1, 'Order', 'ItemFees', 'Commission',
        -price(product(b, r)) * 15 // 100 FROM blocks, range(55) AS rows(r)
    UNION ALL SELECT b, r, block_day(b) + 1, 'Order', 'ItemFees', 'FBAPerUnitFulfillmentFee', -350
        FROM blocks, range(55) AS rows(r)
    UNION ALL SELECT b, r, block_day(b) + 6, 'Refund', 'ItemPrice', 'Principal',
        -price(product(b, r)) FROM blocks, range(4) AS rows(r)
    UNION ALL SELECT b, r, block_day(b) + 6, 'Refund', 'ItemFees', 'Commission',
        price(product(b, r)) * 15 // 100 FROM blocks, range(4) AS rows(r)
    UNION ALL SELECT b, r, block_day(b) + 6, 'Refund', 'ItemFees', 'RefundCommission',
        -price(product(b, r)) * 3 // 100 FROM blocks, range(4) AS rows(r)
    UNION ALL SELECT b, 61, block_day(b) + 8, 'other-transaction', 'FBA Inventory Reimbursement',
        'WAREHOUSE_DAMAGE', cost(product(b, 61)) FROM blocks
"""

SETTLEMENT_LINES = """
    SELECT period, (5000 + period)::VARCHAR AS "settlement-id", NULL AS "settlement-start-date",
        NULL AS "settlement-end-date", NULL AS "deposit-date", NULL AS "total-amount",
        NULL AS currency, kind AS "transaction-type",
        CASE WHEN kind = 'other-transaction' THEN '' ELSE order_id(b, r) END AS "order-id",
        '' AS "merchant-order-id", '' AS "adjustment-id", '' AS "shipment-id",
        'Amazon.com' AS "marketplace-name", type AS "amount-type", what AS "amount-description",
        money(minor) AS amount, CASE WHEN kind = 'other-transaction' THEN '' ELSE 'AFN' END
            AS "fulfillment-id", day::VARCHAR AS "posted-date",
        day::VARCHAR || ' 12:00:00 UTC' AS "posted-date-time",
        CASE WHEN kind = 'other-transaction' THEN '' ELSE (b * 55 + r + 10000000000)::VARCHAR END
            AS "order-item-code", '' AS "merchant-order-item-id",
        '' AS "merchant-adjustment-item-id", sku(product(b, r)) AS sku,
        CASE WHEN kind = 'Order' AND what = 'Principal' THEN 1 END AS "quantity-purchased",
        '' AS "promotion-id"
    FROM (SELECT *, (day - first_day()) // 14 AS period FROM lines)
    WHERE period < {periods}
"""

SETTLEMENT_HEADS = """
    SELECT period, (5000 + period)::VARCHAR, from_day::VARCHAR || ' 00:00:00 UTC',
        (from_day + 13)::VARCHAR || ' 23:59:59 UTC', (from_day + 15)::VARCHAR || ' 08:00:00 UTC',
        '0.00', 'USD', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', NULL, ''
    FROM (SELECT p AS period, first_day() + 14 * p::INTEGER AS from_day
          FROM range({periods}) AS t(p))
"""

OTHERS = {
    "reimbursements": """
        SELECT stamp(block_day(b) + 6) AS "approval-date", (9000000000 + b)::VARCHAR
            AS "reimbursement-id", '' AS "case-id", '' AS "amazon-order-id",
            'Damaged_Warehouse' AS reason, sku(p) AS sku, fnsku(p) AS fnsku, asin(p) AS asin,
            'Kettle' AS "product-name", 'NewItem' AS condition, 'USD' AS "currency-unit",
            money(cost(p)) AS "amount-per-unit", money(cost(p)) AS "amount-total",
            1 AS "quantity-reimbursed-cash", 0 AS "quantity-reimbursed-inventory",
            1 AS "quantity-reimbursed-total", '' AS "original-reimbursement-id",
            '' AS "original-reimbursement-type"
        FROM (SELECT b, product(b, 61) AS p FROM blocks)""",
    "returns": """
        SELECT stamp(block_day(b) + 10) AS "return-date", order_id(b, r) AS "order-id",
            sku(p) AS sku, asin(p) AS asin, fnsku(p) AS fnsku, 'Kettle' AS "product-name",
            1 AS quantity, CASE b % 3 WHEN 0 THEN 'PHX6' WHEN 1 THEN 'MDW2' ELSE 'ONT8' END
            AS "fulfillment-center-id", 'SELLABLE' AS "detailed-disposition",
            'UNWANTED_ITEM' AS reason, 'Unit returned to inventory' AS status,
            'LPN' || (b * 4 + r) AS "license-plate-number", '' AS "customer-comments"
        FROM (SELECT b, r, product(b, r) AS p FROM blocks, range(4) AS rows(r)
              WHERE NOT (r = 3 AND b % 50 = 0))""",
    "removal_orders": """
        SELECT stamp(block_day(b) - 3) AS "request-date", 'RM' || b AS "order-id",
            'Return' AS "order-type", 'Standard' AS "service-speed",
            'Completed' AS "order-status", stamp(block_day(b)) AS "last-updated-date",
            sku(p) AS sku, fnsku(p) AS fnsku, 'Sellable' AS disposition,
            2 AS "requested-quantity", 0 AS "cancelled-quantity", 0 AS "disposed-quantity",
            2 AS "shipped-quantity", 0 AS "in-process-quantity", '1.00' AS "removal-fee",
            'USD' AS currency
        FROM (SELECT b, product(b, 99) AS p FROM blocks)""",
    "removal_shipments": """
        SELECT stamp(block_day(b) - 3) AS "request-date", 'RM' || b AS "order-id",
            stamp(block_day(b)) AS "shipment-date", sku(p) AS sku, fnsku(p) AS fnsku,
            'Sellable' AS disposition, 2 AS "shipped-quantity", 'DHL' AS carrier,
            '1Z' || (10000000 + b) AS "tracking-number", 'Return' AS "removal-order-type"
        FROM (SELECT b, product(b, 99) AS p FROM blocks)""",
    "tracking": """
        SELECT '1Z' || (10000000 + b) AS tracking, 'delivered' AS tracking_status,
            (block_day(b) + 4)::VARCHAR AS tracking_date FROM blocks""",
    "inbound_shipments": """
        SELECT shipment(b) AS "ShipmentId", 'Plan ' || b AS "ShipmentName",
            'PHX6' AS "DestinationFulfillmentCenterId", 'CLOSED' AS "ShipmentStatus",
            (block_day(b) - 9)::VARCHAR AS "CreatedDate", (block_day(b) - 1)::VARCHAR
            AS "DeliveredDate", (block_day(b) + 9)::VARCHAR AS "ClosedDate",
            'wf' || b AS "PlanId" FROM blocks""",
    "inbound_items": """
        SELECT shipment(b) AS "ShipmentId", sku(product(b, r)) AS "SellerSKU",
            fnsku(product(b, r)) AS "FulfillmentNetworkSKU", 20 AS "QuantityShipped",
            20 AS "QuantityReceived", 0 AS "QuantityInCase"
        FROM blocks, range(85, 91) AS rows(r)""",
    "costs": """
        SELECT sku(p) AS sku, '2024-01-01' AS "from", '' AS "to",
            money(cost(p)) AS sourcing_cost, 'USD' AS currency, '2024-01-01' AS declared_on
        FROM range(products()) AS t(p)""",
}


@dataclass(frozen=True, slots=True)
class Large:
    """The printed files of a large account."""

    ledger: Path
    settlements: tuple[Path, ...]
    others: tuple[Path, ...]
    rows: int
    start: date


def prepare(database: duckdb.DuckDBPyConnection, rows: int) -> date:
    """Defines how ids and amounts follow from row numbers; the first day."""
    start = TODAY - timedelta(DAYS + 10)
    products = max(100, rows // 500)
    for name, body in {
        "first_day()": f"DATE '{start}'",
        "products()": f"{products}",
        "block_day(b)": f"DATE '{start}' + (b % {DAYS - 16})::INTEGER",
        "product(b, r)": f"(b * 31 + r * 7) % {products}",
        "fnsku(p)": "'X00' || lpad(p::VARCHAR, 7, '0')",
        "asin(p)": "'B0' || lpad(p::VARCHAR, 8, '0')",
        "sku(p)": "'SKU-' || lpad(p::VARCHAR, 8, '0')",
        "shipment(b)": "'FBA15' || lpad(b::VARCHAR, 7, '0')",
        "price(p)": "(p % 80 + 8) * 100",
        "cost(p)": "p % 80 * 30 + 200",
        "order_id(b, r)": "'112-' || lpad((b // 1000)::VARCHAR, 7, '0') || '-'"
        " || lpad((b % 1000 * 55 + r)::VARCHAR, 7, '0')",
        "money(minor)": "printf('%.2f', minor / 100.0)",
        "stamp(day)": "(day)::DATE::VARCHAR || 'T10:00:00+00:00'",
    }.items():
        database.execute(f"CREATE MACRO {name} AS {body}")
    blocks = rows // BLOCK
    database.execute(f"CREATE VIEW blocks AS SELECT range AS b FROM range({blocks})")
    database.execute(f"CREATE VIEW ledger_rows AS {LEDGER_ROWS}")
    database.execute(f"CREATE VIEW lines AS {LINES}")
    return start


def copy(database: duckdb.DuckDBPyConnection, query: str, path: Path, header: bool = True) -> Path:
    """Writes the rows of a query as a report file."""
    delimiter = "','" if path.suffix == ".csv" else "'\t'"
    options = f"FORMAT csv, DELIMITER {delimiter}, HEADER {str(header).lower()}"
    texts = f"SELECT nullif(COLUMNS(*)::VARCHAR, '') AS '\\0' FROM ({query})"
    database.execute(f"COPY ({texts}) TO '{path}' ({options})")
    return path


def write(folder: Path, rows: int) -> Large:
    """Writes every report of an account whose ledger has so many rows, a multiple of 100."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        database.execute("SET preserve_insertion_order = true; SET memory_limit = '4GB'")
        database.execute(f"SET temp_directory = '{folder / 'spill'}'")
        start = prepare(database, rows)
        ledger = copy(database, LEDGER, folder / "ledger.txt")
        others = [copy(database, SALES, folder / "sales.txt")]
        for name, query in OTHERS.items():
            suffix = "csv" if name in {"tracking", "costs"} else "txt"
            others.append(copy(database, query, folder / f"{name}.{suffix}"))
        settlements = write_settlements(database, folder)
    return Large(ledger, tuple(settlements), tuple(others), rows, start)


def write_settlements(database: duckdb.DuckDBPyConnection, folder: Path) -> list[Path]:
    """One file for each settlement of fourteen days."""
    periods = (DAYS + 8) // 14
    database.execute(
        "CREATE TABLE settlement AS SELECT * FROM ("
        + SETTLEMENT_HEADS.format(periods=periods)
        + ") UNION ALL SELECT * FROM ("
        + SETTLEMENT_LINES.format(periods=periods)
        + ")"
    )
    names = ["period", *HEADERS["settlement"].split(",")]
    columns = [row[0] for row in database.execute("DESCRIBE settlement").fetchall()]
    chosen = ", ".join(
        f'"{old}" AS "{new}"' for old, new in zip(columns, names, strict=True) if new != "period"
    )
    return [
        copy(
            database,
            f'SELECT {chosen} FROM settlement WHERE "{columns[0]}" = {period}',
            folder / f"settlement-{period:02d}.txt",
        )
        for period in range(periods)
    ]
