-- finds: returns that Amazon says it put back into stock and that the ledger never shows
-- one row is: a sellable return with such a status
-- rank: 6
-- subject: order_id, fnsku, license_plate, return_date
-- policy: customer returns if the refund is known, else lost in a fulfilment centre; uncertain
-- window: return
-- window_without_refund: centre
-- needs: returns event-45..today; ledger event-2..today; reimbursements event-7..today
-- consumes: ledger_returns; order_payments; payments ORDER LOST; found; asin_surplus
-- value: pre_order
-- certainty: uncertain
-- evidence: order_id, return_date, fulfillment_center, disposition, status, license_plate,
--   quantity, refunded_on
-- Ledger returns are matched by time and centre: from 2 days before to 14 after, at last to 45.
WITH refunds AS (
    SELECT order_id, sku, max(last_posted) AS last_posted, any_value(country) AS country
    FROM refund_items GROUP BY ALL
)
SELECT b.order_id, b.fnsku, b.license_plate, b.return_date, b.sku, b.asin,
       coalesce(any_value(r.country), any_value(c.country)) AS country,
       coalesce(max(r.last_posted), b.return_date) AS event_date,
       sum(b.quantity) AS units, sum(b.quantity) AS gross_units,
       b.return_date AS matched_on, b.return_date + 45 AS not_before,
       max(r.last_posted) IS NOT NULL AS refund_known,
       b.disposition <> 'SELLABLE' OR b.status NOT IN (
           'unitreturnedtoinventory', 'returnedtoinventory', 'repackagedsuccessfully',
           'repackaged') AS only_matches,
       b.fulfillment_center, b.disposition, b.status, sum(b.quantity) AS quantity,
       max(r.last_posted) AS refunded_on
FROM returned AS b
LEFT JOIN refunds AS r ON r.order_id = b.order_id AND r.sku = b.sku
LEFT JOIN centre_countries AS c ON c.fulfillment_center = b.fulfillment_center
ANTI JOIN restocked AS k ON k.fnsku = b.fnsku
WHERE is_own(b.sku)
GROUP BY b.order_id, b.fnsku, b.license_plate, b.return_date, b.sku, b.asin,
         b.fulfillment_center, b.disposition, b.status
