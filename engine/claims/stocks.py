"""Fills the stocks of units that candidates consume, from a seller's tables."""

from __future__ import annotations

import duckdb

from engine.claims.units import Entry, Stocks

__all__ = ["fill_stocks"]

PAYMENTS = """
SELECT reimbursement_id, approval_date, case_id, order_id, reason, reason_group, sku, fnsku, asin,
       CAST(units - least(units, reversed) AS BIGINT) AS units,
       CAST(greatest(0, least(units, reversed) - coalesce(paid_again, 0)) AS BIGINT) AS taken_back,
       currency, total_minor
FROM payments
LEFT JOIN (SELECT p.reimbursement_id, p.fnsku, sum(n.units) AS paid_again
           FROM payments AS p
           JOIN reversals AS r ON r.original_id = p.reimbursement_id AND r.fnsku = p.fnsku
           JOIN payments AS n ON n.fnsku = p.fnsku AND n.reimbursement_id <> p.reimbursement_id
            AND n.approval_date BETWEEN r.reversed_on - 7 AND r.reversed_on + 60
           GROUP BY ALL) USING (reimbursement_id, fnsku)
ORDER BY approval_date, reimbursement_id, fnsku
"""
FOUND = """
SELECT date, fnsku, asin, sku, quantity, unreconciled_quantity, is_own(sku) AS own
FROM adjustments
WHERE quantity > 0 AND (reason IN ('F', 'N') OR NOT is_own(sku))
ORDER BY date, fnsku
"""
RECEIVED_AS_AMAZON = """
SELECT last_date, fnsku, asin, CAST(quantity AS BIGINT) FROM receipts
WHERE quantity > 0 AND NOT is_own(sku) ORDER BY last_date, fnsku
"""
MOVED_BACK = """
SELECT date, fnsku, quantity FROM adjustments
WHERE reason = 'P' AND quantity > 0 AND disposition = 'SELLABLE' ORDER BY date, fnsku
"""
DISPOSALS = """
SELECT fnsku, disposition, disposed_quantity, request_date - 1,
       coalesce(last_updated_date, request_date) + 14
FROM removal_orders
WHERE disposed_quantity > 0
ORDER BY request_date, order_id
"""
STRAY_RETURNS = """
SELECT return_date, fnsku, sku, asin, quantity FROM returned
WHERE order_id = '' OR (NOT is_own(sku) AND NOT is_amazon_order(order_id))
ORDER BY return_date, fnsku
"""
LEDGER_RETURNS = """
SELECT date, fnsku, fulfillment_center, disposition, quantity FROM ledger_returns
WHERE fnsku IN (SELECT fnsku FROM returned ANTI JOIN restocked USING (fnsku))
ORDER BY date, fulfillment_center
"""
SIBLINGS = """
WITH parts AS (
    SELECT coalesce(i.shipment_id, r.shipment_id) AS shipment_id,
           coalesce(i.fnsku, r.fnsku) AS fnsku,
           coalesce(i.shipped, 0) AS shipped,
           greatest(coalesce(i.received, 0), coalesce(r.quantity, 0)) AS received, r.first_date
    FROM inbound_items AS i
    FULL JOIN receipts AS r ON r.shipment_id = i.shipment_id AND r.fnsku = i.fnsku
)
SELECT p.shipment_id, p.fnsku, CAST(p.received - p.shipped AS BIGINT), s.plan_id,
       coalesce(s.delivered_date, p.first_date, s.closed_date)
FROM parts AS p
JOIN inbound_shipments AS s ON s.shipment_id = p.shipment_id
WHERE p.received > p.shipped
  AND coalesce(s.delivered_date, p.first_date, s.closed_date) IS NOT NULL
ORDER BY 5, 1, 2
"""
PAID_LINES = """
SELECT posted, sku, CAST(amount AS BIGINT) FROM lines
WHERE type = 'fbainventoryreimbursement' AND amount > 0 ORDER BY posted, sku
"""


def fill_stocks(database: duckdb.DuckDBPyConnection) -> Stocks:
    """Everything that can be taken off candidates, each kind oldest first."""
    stocks = Stocks()
    fill_payments(database, stocks)
    fill_found(database, stocks)
    for day, fnsku, units in database.execute(MOVED_BACK).fetchall():
        stocks.moved_back.add((fnsku,), Entry(units, day, day))
    for fnsku, disposition, units, first, last in database.execute(DISPOSALS).fetchall():
        stocks.disposals.add((fnsku, disposition), Entry(units, first, last))
    for day, fnsku, sku, asin, units in database.execute(STRAY_RETURNS).fetchall():
        entry = Entry(units, day, day)
        for name in dict.fromkeys((fnsku, sku, asin)):
            if name:
                stocks.stray_returns.add((name,), entry)
    for day, fnsku, centre, disposition, units in database.execute(LEDGER_RETURNS).fetchall():
        facts = {"centre": centre, "disposition": disposition}
        stocks.ledger_returns.add((fnsku,), Entry(units, day, day, facts))
    for shipment, fnsku, units, plan, day in database.execute(SIBLINGS).fetchall():
        entry = Entry(units, day, day, {"plan_id": plan})
        stocks.siblings.add((fnsku,), entry)
        stocks.siblings.add((shipment,), entry)
    for day, sku, amount in database.execute(PAID_LINES).fetchall():
        stocks.paid_lines.add((sku, str(amount)), Entry(1, day, day))
    return stocks


def fill_payments(database: duckdb.DuckDBPyConnection, stocks: Stocks) -> None:
    """One entry a payment, found under its order and under its FNSKU and group."""
    names = ("reimbursement_id", "approved_on", "case_id", "order_id", "reason")
    for row in database.execute(PAYMENTS).fetchall():
        identity, day, case, order, reason, group, sku, fnsku, asin, units, back, *money = row
        facts = dict(zip(names, (identity, day.isoformat(), case, order, reason), strict=True))
        facts |= {"currency": money[0], "total_minor": money[1]}
        entries = [Entry(units, day, day, facts)]
        if back:
            # Taken back, and claimed as such if that was wrong: not owed a second time.
            entries.append(Entry(back, day, day, facts | {"taken_back": True}))
        for entry in entries:
            stocks.groups.add((fnsku, group), entry)
            for name in dict.fromkeys((fnsku, sku, asin)) if order else ():
                if name:
                    stocks.orders.add((order, name), entry)


def fill_found(database: duckdb.DuckDBPyConnection, stocks: Stocks) -> None:
    """Units found under the own FNSKU, and surplus for the other FNSKUs of the ASIN.

    Where the ledger reconciles, only what it left unreconciled is surplus.
    """
    for day, fnsku, asin, _, units, unreconciled, own in database.execute(FOUND).fetchall():
        entry = Entry(units, day, day, {"fnsku": fnsku})
        if unreconciled is None and own:
            stocks.found.add((fnsku,), entry)
        elif unreconciled is not None:
            entry.units = min(units, unreconciled)
            if own:
                stocks.found.add((fnsku,), Entry(units, day, day, {"fnsku": fnsku}))
        if asin:
            stocks.surplus.add((asin,), entry)
    for day, fnsku, asin, units in database.execute(RECEIVED_AS_AMAZON).fetchall():
        if asin:
            stocks.surplus.add((asin,), Entry(units, day, day, {"fnsku": fnsku}))
