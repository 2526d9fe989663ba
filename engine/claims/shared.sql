-- Definitions that the rules share, each written once. Reports are views named after their kind;
-- `today` is the day of the audit. Big reports are scanned here, once, into what the rules read.

CREATE OR REPLACE TEMP MACRO today() AS getvariable('today')::DATE;

CREATE OR REPLACE TEMP MACRO event_name(event_type) AS
    replace(replace(lower(event_type), ' ', ''), '_', '');

-- Stock under these SKUs is not the seller's: never a claim, but its surplus is consumed.
CREATE OR REPLACE TEMP MACRO is_own(sku) AS
    NOT (starts_with(lower(sku), 'amzn.gr.') OR starts_with(lower(sku), 'amazon.found.'));

-- Stock that Amazon does not owe for.
CREATE OR REPLACE TEMP MACRO is_excluded(disposition) AS
    disposition IN ('DEFECTIVE', 'CUSTOMER_DAMAGED', 'EXPIRED', 'DISTRIBUTOR_DAMAGED');

-- Orders of Amazon's own shops; multi-channel orders have other ids.
CREATE OR REPLACE TEMP MACRO is_amazon_order(order_id) AS
    regexp_full_match(order_id, '\d{3}-\d{7}-\d{7}');

-- Adjustments of the ledger; `occurrence` tells rows apart that share reference and FNSKU.
CREATE OR REPLACE TEMP TABLE adjustments AS
SELECT date, fnsku, asin, sku, reference_id, quantity, fulfillment_center, disposition, reason,
       country, reconciled_quantity, unreconciled_quantity, as_of
FROM ledger
WHERE event_name(event_type) = 'adjustments';

CREATE OR REPLACE TEMP TABLE numbered_adjustments AS
SELECT *, row_number() OVER (
           PARTITION BY reference_id, fnsku
           ORDER BY date, reason, fulfillment_center, disposition, quantity,
                    unreconciled_quantity) AS occurrence
FROM adjustments
WHERE reason IN ('M', '5', 'E', '6', 'D', 'G') AND quantity < 0;

CREATE OR REPLACE TEMP TABLE receipts AS
SELECT reference_id AS shipment_id, fnsku, any_value(sku) AS sku, any_value(asin) AS asin,
       sum(quantity) AS quantity, min(date) AS first_date, max(date) AS last_date,
       any_value(country) AS country
FROM ledger
WHERE event_name(event_type) = 'receipts'
GROUP BY reference_id, fnsku;

CREATE OR REPLACE TEMP TABLE ledger_returns AS
SELECT date, fnsku, asin, sku, fulfillment_center, disposition, quantity
FROM ledger
WHERE event_name(event_type) = 'customerreturns' AND quantity > 0;

-- The country of a centre is where most of its ledger rows are.
CREATE OR REPLACE TEMP TABLE centre_countries AS
SELECT fulfillment_center, mode(country) AS country
FROM (SELECT fulfillment_center, country FROM ledger
      WHERE country <> '' GROUP BY ALL)
GROUP BY fulfillment_center;

-- The account's own country: what is left when an event names none; of equals the first of policy.
CREATE OR REPLACE TEMP TABLE currency_countries AS
SELECT currency, arg_max(country, (rows, -place)) AS country
FROM (SELECT currency, country, count(*) AS rows, any_value(marketplaces.rowid) AS place
      FROM (SELECT country FROM adjustments
            UNION ALL SELECT country FROM receipts
            UNION ALL SELECT country FROM marketplaces) JOIN marketplaces USING (country)
      GROUP BY ALL)
GROUP BY currency;

-- One FNSKU and ASIN for each SKU, from the reports that know them.
CREATE OR REPLACE TEMP TABLE items AS
SELECT sku, max(fnsku) AS fnsku, max(asin) AS asin
FROM (SELECT sku, fnsku, asin FROM ledger GROUP BY ALL
      UNION SELECT sku, fnsku, asin FROM returns
      UNION SELECT sku, fnsku, asin FROM reimbursements
      UNION SELECT sku, fnsku, asin FROM shipments
      UNION SELECT sku, '', asin FROM replacements)
WHERE sku <> ''
GROUP BY sku;

-- Reimbursements with the group of their reason. `units` are those paid, `reversed` taken back.
CREATE OR REPLACE TEMP TABLE paid_rows AS
SELECT *, reason_group(reason) AS reason_group,
       coalesce(quantity_cash, 0) AS cash_units, coalesce(quantity_inventory, 0) AS kind_units
FROM reimbursements;

CREATE OR REPLACE TEMP TABLE reversals AS
SELECT original_id, fnsku, sum(abs(cash_units + kind_units)) AS units,
       max(approval_date) AS reversed_on
FROM paid_rows
WHERE reason_group = 'CLAWBACK'
GROUP BY original_id, fnsku;

CREATE OR REPLACE TEMP TABLE payments AS
SELECT reimbursement_id, approval_date, case_id, order_id, reason, reason_group, sku, p.fnsku,
       asin, currency, unit_minor, total_minor, cash_units, kind_units,
       CASE WHEN cash_units + kind_units > 0 THEN cash_units + kind_units
            ELSE greatest(coalesce(quantity_total, 0), 0) END AS units,
       coalesce(r.units, 0) AS reversed
FROM paid_rows AS p
LEFT JOIN reversals AS r ON r.original_id = p.reimbursement_id AND r.fnsku = p.fnsku
WHERE reason_group <> 'CLAWBACK' AND (total_minor > 0 OR kind_units > 0);

-- Orders whose lines some rule reads: refunded, replaced or paid for. Most orders are none of it.
CREATE OR REPLACE TEMP TABLE read_orders AS
SELECT order_id FROM settlement WHERE lower(transaction_type) <> 'order' AND order_id <> ''
UNION SELECT original_order_id FROM replacements
UNION SELECT order_id FROM reimbursements WHERE order_id <> '';

-- Settlement lines with folded names and the country of their marketplace.
CREATE OR REPLACE TEMP TABLE lines AS
SELECT settlement_id, folded(transaction_type) AS transaction, order_id, order_item_id, sku,
       adjustment_id, folded(amount_type) AS type, folded(amount_description) AS description,
       coalesce(amount_minor, 0) AS amount, coalesce(quantity, 0) AS quantity,
       row_date AS posted, fulfillment, currency, coalesce(n.country, '') AS country
FROM settlement AS s
LEFT JOIN marketplace_names AS n ON n.name = lower(s.marketplace_name)
WHERE transaction_type <> ''
  AND (lower(transaction_type) <> 'order' OR order_id IN (FROM read_orders)
       OR sku IN (SELECT sku FROM categories)
       OR sku IN (SELECT p.sku FROM fee_preview AS p JOIN dimensions AS d ON d.fnsku = p.fnsku));

-- What was charged per item of an order. Fees and commission are positive here.
CREATE OR REPLACE TEMP TABLE order_items AS
SELECT order_id, order_item_id, sku, any_value(currency) AS currency, max(country) AS country,
       min(posted) AS posted, max(fulfillment) AS fulfillment,
       sum(l.quantity) FILTER (type = 'itemprice' AND description = 'principal') AS quantity,
       sum(price('principal', type, description, amount)) AS principal,
       sum(price('tax', type, description, amount)) AS tax,
       sum(price('shipping', type, description, amount)) AS shipping,
       sum(price('giftwrap', type, description, amount)) AS gift_wrap,
       sum(amount) FILTER (type = 'itemprice' AND description IN (
           'principal', 'tax', 'shipping', 'shippingtax', 'giftwrap', 'giftwraptax')) AS charged,
       coalesce(sum(amount) FILTER (type = 'promotion'), 0) AS promotion,
       coalesce(sum(amount) FILTER (type = 'itemwithheldtax'), 0) AS withheld,
       coalesce(-sum(amount) FILTER (type = 'itemfees' AND description = 'commission'), 0)
           AS commission,
       coalesce(-sum(amount) FILTER (
           type = 'itemfees' AND description = 'fbaperunitfulfillmentfee'), 0) AS fulfilment_fee
FROM lines AS l
WHERE transaction = 'order'
GROUP BY order_id, order_item_id, sku
HAVING sum(l.quantity) FILTER (type = 'itemprice' AND description = 'principal') > 0
   AND sum(price('principal', type, description, amount)) > 0;

-- What was given back per item of an order. Amounts given to the buyer are positive here.
CREATE OR REPLACE TEMP TABLE refund_items AS
SELECT order_id, order_item_id, sku, any_value(currency) AS currency, max(country) AS country,
       min(posted) AS first_posted, max(posted) AS last_posted,
       max(fulfillment) AS fulfillment,
       -sum(price('principal', type, description, amount)) AS principal,
       -sum(price('tax', type, description, amount)) AS tax,
       -sum(price('shipping', type, description, amount)) AS shipping,
       -sum(price('giftwrap', type, description, amount)) AS gift_wrap,
       -sum(amount) FILTER (type = 'itemprice' AND description IN (
           'principal', 'tax', 'shipping', 'shippingtax', 'giftwrap', 'giftwraptax')) AS given,
       coalesce(sum(amount) FILTER (type = 'promotion'), 0) AS promotion,
       coalesce(sum(amount) FILTER (type = 'itemwithheldtax'), 0) AS withheld,
       coalesce(sum(amount) FILTER (type = 'itemfees' AND description = 'commission'), 0)
           AS commission_credit,
       coalesce(sum(amount) FILTER (type = 'itemfees' AND description = 'refundcommission'), 0)
           AS refund_commission
FROM lines
WHERE transaction = 'refund'
GROUP BY order_id, order_item_id, sku
HAVING sum(price('principal', type, description, amount)) < 0;

-- Orders with a chargeback or A-to-z claim, and money charged to a buyer again after a refund.
CREATE OR REPLACE TEMP TABLE disputed_orders AS
SELECT DISTINCT order_id FROM lines
WHERE transaction IN ('chargebackrefund', 'atozguaranteerefund', 'chargeback');

CREATE OR REPLACE TEMP TABLE charged_again AS
SELECT order_id, sku, sum(amount) AS amount
FROM lines
WHERE (transaction LIKE '%retrocharge%' OR transaction LIKE '%refundreversal%')
  AND type = 'itemprice' AND description = 'principal'
GROUP BY ALL HAVING sum(amount) > 0;

-- Refunds of whole units: `units` is NULL where the Order lines are missing or a part was refunded.
-- The value of a unit is what the buyer got back, less the fulfilment fee where policy says so.
CREATE OR REPLACE TEMP TABLE refunded_units AS
SELECT r.*, o.quantity AS ordered, o.principal AS ordered_principal,
       o.order_id IS NOT NULL AS has_order,
       CASE WHEN whole >= 1 AND whole <= o.quantity
                 AND 50 * abs(r.principal * o.quantity - whole * o.principal) <= o.principal
            THEN whole END AS units,
       CASE WHEN whole >= 1 THEN post_order_unit(
           r.principal + CASE WHEN m.tax_kept THEN coalesce(r.tax, 0) ELSE 0 END - r.promotion,
           whole, o.fulfilment_fee, o.quantity, r.currency) END AS unit_minor
FROM refund_items AS r
LEFT JOIN order_items AS o USING (order_id, order_item_id, sku)
LEFT JOIN marketplaces AS m ON m.country = r.country,
LATERAL (SELECT CASE WHEN o.principal > 0
    THEN (2 * r.principal * o.quantity + o.principal) // (2 * o.principal) END AS whole);

-- Returned units, each licence plate once.
CREATE OR REPLACE TEMP TABLE returned AS
SELECT order_id, sku, fnsku, asin, return_date, fulfillment_center, disposition,
       folded(status) AS status, license_plate, quantity
FROM returns
QUALIFY license_plate = ''
     OR row_number() OVER (PARTITION BY order_id, license_plate, fnsku
                           ORDER BY return_date DESC, disposition) = 1;

-- FNSKUs whose returns each meet a ledger row of their own, soon, in the same centre and grade.
-- Where all units are single, pairing in the order of dates finds what matching one by one would.
CREATE OR REPLACE TEMP TABLE restocked AS
WITH back AS (
    SELECT fnsku, fulfillment_center, disposition, return_date AS day, quantity,
           row_number() OVER w AS place, min(return_date) OVER w AS first_day
    FROM returned
    WHERE is_own(sku)
    WINDOW w AS (PARTITION BY fnsku, fulfillment_center, disposition ORDER BY return_date)
), shown AS (
    SELECT l.fnsku, l.fulfillment_center, l.disposition, l.date AS day, l.quantity,
           row_number() OVER (PARTITION BY l.fnsku, l.fulfillment_center, l.disposition
                              ORDER BY l.date) AS place
    FROM ledger_returns AS l
    JOIN (SELECT DISTINCT fnsku, fulfillment_center, disposition, first_day FROM back) AS f
      ON f.fnsku = l.fnsku AND f.fulfillment_center = l.fulfillment_center
     AND f.disposition = l.disposition AND l.date >= f.first_day - 2
)
SELECT b.fnsku
FROM back AS b
LEFT JOIN shown AS s USING (fnsku, fulfillment_center, disposition, place)
GROUP BY b.fnsku
HAVING bool_and(coalesce(b.quantity = 1 AND s.quantity = 1
                         AND s.day BETWEEN b.day - 2 AND b.day + 14, false));

-- Countries of removal orders: of the ledger rows that carry them out, else of their currency.
CREATE OR REPLACE TEMP TABLE removal_countries AS
WITH carried_out AS (
    SELECT reference_id AS order_id, mode(country) AS country FROM ledger
    WHERE event_name(event_type) = 'vendorreturns' AND country <> ''
    GROUP BY reference_id
), ordered AS (
    SELECT order_id, any_value(currency) AS currency FROM removal_orders GROUP BY order_id
)
SELECT coalesce(l.order_id, o.order_id) AS order_id, coalesce(l.country, c.country) AS country
FROM carried_out AS l
FULL JOIN ordered AS o ON o.order_id = l.order_id
LEFT JOIN currency_countries AS c ON c.currency = o.currency;

-- Removals that Amazon ordered itself.
CREATE OR REPLACE TEMP TABLE forced_removals AS
SELECT DISTINCT order_id FROM removal_orders
WHERE folded(order_type) LIKE '%forced%' OR folded(order_type) LIKE '%automat%';
