-- finds: fees charged for inbound shipments that were cancelled or deleted: labels never used
-- one row is: a kind of fee of a shipment
-- rank: 37
-- status: candidate
-- subject: shipment_id, fee
-- policy: fees of shipments that never left; no dated page states a window
-- window: fee
-- needs: settlement event..today; inbound_shipments now
-- value: amount
-- certainty: uncertain
-- evidence: shipment_id, status, fee, charged_on, fee_minor
SELECT s.shipment_id, l.description AS fee, max(l.country) AS country,
       max(l.posted) AS event_date, 1 AS units, 1 AS gross_units,
       CAST(-sum(l.amount) AS BIGINT) AS amount_minor, any_value(l.currency) AS currency,
       'exact' AS grade, any_value(s.status) AS status, max(l.posted) AS charged_on,
       -sum(l.amount) AS fee_minor
FROM lines AS l
JOIN inbound_shipments AS s ON s.shipment_id = l.order_id
WHERE s.status IN ('CANCELLED', 'DELETED')
GROUP BY s.shipment_id, l.description
HAVING sum(l.amount) < 0
