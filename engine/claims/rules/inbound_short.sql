-- finds: units sent to Amazon that were never received
-- one row is: an item of a closed inbound shipment
-- rank: 7
-- subject: shipment_id, fnsku
-- policy: inbound shipments; sources differ on the window
-- window: inbound
-- needs: inbound_shipments now; inbound_items now; ledger event..today; reimbursements event..today
-- consumes: payments INBOUND; siblings
-- value: pre_order
-- documents: invoice, pod|bol
-- evidence: shipment_id, shipment_name, closed_date, delivered_date, shipped, received,
--   received_in_ledger
WITH parts AS (
    SELECT shipment_id, fnsku, any_value(sku) AS sku, sum(shipped) AS shipped,
           sum(received) AS received
    FROM inbound_items GROUP BY ALL
), arrivals AS (
    SELECT shipment_id, min(first_date) AS first_date, max(last_date) AS last_date,
           any_value(country) AS country
    FROM receipts GROUP BY shipment_id
), shorts AS (
    SELECT p.*, s.shipment_name, s.plan_id, s.delivered_date, s.closed_date,
           coalesce(r.quantity, 0) AS received_in_ledger, r.asin,
           coalesce(a.country, c.country) AS country,
           coalesce(s.delivered_date, a.first_date) AS event_date,
           coalesce(s.closed_date, a.last_date, s.delivered_date) AS closed_on,
           folded(s.eligible) NOT IN ('', 'no', 'false', '0', 'n') AS eligible
    FROM parts AS p
    JOIN inbound_shipments AS s ON s.shipment_id = p.shipment_id
    LEFT JOIN receipts AS r ON r.shipment_id = p.shipment_id AND r.fnsku = p.fnsku
    LEFT JOIN arrivals AS a ON a.shipment_id = p.shipment_id
    LEFT JOIN centre_countries AS c ON c.fulfillment_center = s.fulfillment_center
    WHERE is_own(p.sku) AND s.status NOT IN ('CANCELLED', 'DELETED')
      AND (s.status = 'CLOSED' OR folded(s.eligible) NOT IN ('', 'no', 'false', '0', 'n'))
)
SELECT shipment_id, s.fnsku, s.sku, coalesce(s.asin, i.asin) AS asin, country, plan_id,
       coalesce(event_date, today()) AS event_date,
       greatest(0, shipped - greatest(received, received_in_ledger)) AS units,
       shipped AS gross_units,
       coalesce(event_date, today()) AS payments_from, today() AS payments_to,
       CASE WHEN event_date IS NULL
            THEN ['inbound_shipments: the delivery date of ' || shipment_id] END AS blocked,
       CASE WHEN delivered_date IS NULL AND event_date IS NOT NULL
            THEN ['delivery date unknown: counted from the first receipt'] END AS flags,
       shipment_name, closed_date, delivered_date, shipped, received, received_in_ledger
FROM shorts AS s
LEFT JOIN items AS i ON i.sku = s.sku
WHERE shipped > greatest(received, received_in_ledger)
  AND (eligible OR closed_on IS NULL OR closed_on + 7 <= today())
