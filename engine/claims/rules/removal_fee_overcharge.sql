-- finds: removal fees charged for orders of which every unit was cancelled
-- one row is: an item of a cancelled removal order
-- rank: 35
-- status: candidate
-- subject: order_id, fnsku, disposition
-- policy: removal fees are charged per unit removed; no dated page states a window
-- window: fee
-- needs: removal_orders event..event
-- value: amount
-- certainty: uncertain
-- evidence: order_id, requested, cancelled, fee_minor, last_updated_date
SELECT r.order_id, r.fnsku, r.disposition, any_value(r.sku) AS sku, any_value(i.asin) AS asin,
       any_value(c.country) AS country,
       coalesce(max(last_updated_date), max(request_date)) AS event_date,
       1 AS units, 1 AS gross_units, sum(removal_fee_minor) AS amount_minor,
       any_value(r.currency) AS currency, 'exact' AS grade,
       sum(requested_quantity) AS requested, sum(cancelled_quantity) AS cancelled,
       sum(removal_fee_minor) AS fee_minor, max(last_updated_date) AS last_updated_date
FROM removal_orders AS r
LEFT JOIN items AS i ON i.sku = r.sku
LEFT JOIN removal_countries AS c ON c.order_id = r.order_id
WHERE is_own(r.sku)
GROUP BY r.order_id, r.fnsku, r.disposition
HAVING sum(cancelled_quantity) > 0 AND sum(cancelled_quantity) = sum(requested_quantity)
   AND sum(removal_fee_minor) > 0
