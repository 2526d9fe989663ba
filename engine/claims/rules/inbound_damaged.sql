-- finds: units that came in damaged by Amazon or by its partnered carrier
-- one row is: a FNSKU and damaged disposition among the receipts of an inbound shipment
-- rank: 32
-- status: candidate
-- subject: shipment_id, fnsku, disposition
-- policy: inbound shipments; owed only with a partnered carrier or damage by Amazon
-- window: inbound
-- needs: ledger event..today; reimbursements event..today
-- consumes: payments INBOUND DAMAGED
-- value: pre_order
-- certainty: uncertain
-- evidence: shipment_id, disposition, quantity, first_received, last_received
SELECT reference_id AS shipment_id, fnsku, disposition, any_value(sku) AS sku,
       any_value(asin) AS asin, any_value(country) AS country, min(date) AS event_date,
       CAST(sum(quantity) AS BIGINT) AS units, sum(quantity) AS gross_units,
       min(date) AS payments_from, today() AS payments_to,
       sum(quantity) AS quantity, min(date) AS first_received, max(date) AS last_received,
       ['confirm: that the carrier was partnered or the damage Amazon''s'] AS flags
FROM ledger
WHERE event_name(event_type) = 'receipts' AND is_own(sku)
  AND disposition IN ('WAREHOUSE_DAMAGED', 'CARRIER_DAMAGED')
GROUP BY reference_id, fnsku, disposition
HAVING sum(quantity) > 0
