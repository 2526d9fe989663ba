-- finds: units of a removal order that were never shipped, or were missing or wrong in the parcel
-- one row is: an item of a removal order, or of one of its parcels
-- rank: 9
-- subject: order_id, fnsku, disposition, part
-- policy: other removal claims
-- window: removal
-- needs: removal_orders event..today; removal_shipments event..today; reimbursements event-7..today
-- consumes: order_payments; payments REMOVAL
-- value: pre_order
-- evidence: order_id, part, requested, cancelled, disposed, shipped, in_process,
--   shipped_in_parcels, received_good, received_wrong, received_damaged
WITH ordered AS (
    SELECT order_id, fnsku, disposition, any_value(sku) AS sku,
           min(request_date) AS request_date, max(last_updated_date) AS last_updated_date,
           bool_and(folded(order_status) = 'completed') AS completed,
           sum(requested_quantity) AS requested, sum(coalesce(cancelled_quantity, 0)) AS cancelled,
           sum(coalesce(disposed_quantity, 0)) AS disposed,
           sum(coalesce(shipped_quantity, 0)) AS shipped,
           sum(coalesce(in_process_quantity, 0)) AS in_process
    FROM removal_orders
    WHERE is_own(sku) AND folded(order_type) = 'return'
    GROUP BY order_id, fnsku, disposition
), sent AS (
    SELECT order_id, fnsku, disposition, sum(shipped_quantity) AS units
    FROM removal_shipments GROUP BY ALL
), short_orders AS (
    SELECT o.*, coalesce(s.units, 0) AS shipped_in_parcels,
           greatest(requested - cancelled - disposed - shipped - in_process,
                    shipped - coalesce(s.units, 0)) AS units
    FROM ordered AS o
    LEFT JOIN sent AS s USING (order_id, fnsku, disposition)
    WHERE completed AND last_updated_date + 14 <= today()
), parcels AS (
    SELECT order_id, tracking_number, fnsku, any_value(sku) AS sku,
           any_value(disposition) AS disposition, sum(shipped_quantity) AS shipped
    FROM removal_shipments
    WHERE folded(order_type) IN ('return', '') AND is_own(sku)
    GROUP BY order_id, tracking_number, fnsku
), short_parcels AS (
    SELECT p.*, t.date AS delivered_on, v.good, v.wrong, v.damaged,
           shipped - v.good AS units
    FROM parcels AS p
    JOIN tracking AS t ON t.tracking_number = p.tracking_number
     AND folded(t.status) LIKE '%deliver%' AND folded(t.status) NOT LIKE '%undeliver%'
    JOIN removal_receipts AS v
      ON v.order_id = p.order_id AND v.tracking_number = p.tracking_number AND v.fnsku = p.fnsku
    WHERE v.good + v.wrong + v.damaged > 0 AND shipped > v.good
), found AS (
    SELECT order_id, fnsku, disposition, 'order' AS part, sku, last_updated_date AS event_date,
           units, requested, cancelled, disposed, shipped, in_process, shipped_in_parcels,
           NULL AS received_good, NULL AS received_wrong, NULL AS received_damaged,
           NULL::VARCHAR[] AS extra_documents
    FROM short_orders WHERE units > 0
    UNION ALL
    SELECT order_id, fnsku, disposition, tracking_number, sku, delivered_on, units, NULL, NULL,
           NULL, shipped, NULL, NULL, good, wrong, damaged,
           CASE WHEN wrong + damaged > 0 THEN ['photos'] END
    FROM short_parcels
)
SELECT f.order_id, f.fnsku, f.disposition, f.part, f.sku, i.asin, c.country, event_date,
       units, units AS gross_units, requested, cancelled, disposed, shipped, in_process,
       shipped_in_parcels, received_good, received_wrong, received_damaged, extra_documents
FROM found AS f
LEFT JOIN items AS i ON i.sku = f.sku
LEFT JOIN removal_countries AS c ON c.order_id = f.order_id
ANTI JOIN forced_removals AS x ON x.order_id = f.order_id
