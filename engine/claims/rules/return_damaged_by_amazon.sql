-- finds: returned units that Amazon or its carrier damaged on their way back
-- one row is: a returned unit graded as damaged by Amazon
-- rank: 5
-- subject: order_id, fnsku, license_plate, return_date
-- policy: customer returns; CUSTOMER_DAMAGED and DEFECTIVE stay with the seller
-- window: return
-- needs: returns event..today; reimbursements event-7..today; settlement event..today
-- consumes: order_payments; payments ORDER DAMAGED
-- value: given
-- evidence: order_id, return_date, fulfillment_center, disposition, status, license_plate,
--   quantity, refunded_on
SELECT b.order_id, b.fnsku, b.license_plate, b.return_date, b.sku, b.asin,
       coalesce(any_value(r.country), any_value(c.country)) AS country,
       coalesce(max(r.last_posted), b.return_date) AS event_date,
       sum(b.quantity) AS units, sum(b.quantity) AS gross_units,
       coalesce(max(r.last_posted), b.return_date) - 60 AS payments_from,
       coalesce(max(r.last_posted), b.return_date) + 60 AS payments_to,
       max(r.unit_minor) AS unit_minor, max(r.currency) AS currency, 'exact' AS grade,
       CASE WHEN max(r.last_posted) IS NULL THEN ['refund not found: counted from the return'] END
           AS flags,
       b.fulfillment_center, b.disposition, b.status, sum(b.quantity) AS quantity,
       max(r.last_posted) AS refunded_on
FROM returned AS b
LEFT JOIN refunded_units AS r ON r.order_id = b.order_id AND r.sku = b.sku
LEFT JOIN centre_countries AS c ON c.fulfillment_center = b.fulfillment_center
WHERE (b.disposition IN ('DAMAGED', 'WAREHOUSE_DAMAGED')
       OR (b.disposition = 'CARRIER_DAMAGED' AND getvariable('return_carrier_damaged')))
  AND b.status <> 'reimbursed' AND is_own(b.sku)
  AND (b.order_id = '' OR is_amazon_order(b.order_id))
GROUP BY b.order_id, b.fnsku, b.license_plate, b.return_date, b.sku, b.asin,
         b.fulfillment_center, b.disposition, b.status
