-- finds: units that Amazon graded as unsellable by the buyer's fault and that came back good
-- one row is: a FNSKU in a parcel of a removal order of unsellable stock
-- rank: 33
-- status: candidate
-- subject: order_id, tracking_number, fnsku
-- policy: grading disputes within 30 days, with the unit back and photos; an older page
-- window: grading
-- needs: removal_shipments event..event; removal_receipts now; reimbursements event-60..today
-- consumes: order_payments; payments REMOVAL
-- value: pre_order
-- certainty: uncertain
-- documents: photos
-- evidence: order_id, tracking_number, disposition, shipped, received_on, received_good
WITH parcels AS (
    SELECT order_id, tracking_number, fnsku, any_value(sku) AS sku,
           any_value(disposition) AS disposition, sum(shipped_quantity) AS shipped
    FROM removal_shipments
    WHERE is_own(sku) AND disposition IN ('CUSTOMER_DAMAGED', 'DEFECTIVE')
    GROUP BY order_id, tracking_number, fnsku
)
SELECT p.order_id, p.tracking_number, p.fnsku, p.sku, i.asin, c.country,
       v.received_on AS event_date, least(v.good, p.shipped)::BIGINT AS units,
       p.shipped AS gross_units, p.disposition, p.shipped, v.received_on, v.good AS received_good
FROM parcels AS p
JOIN removal_receipts AS v
  ON v.order_id = p.order_id AND v.tracking_number = p.tracking_number AND v.fnsku = p.fnsku
LEFT JOIN items AS i ON i.sku = p.sku
LEFT JOIN removal_countries AS c ON c.order_id = p.order_id
WHERE v.good > 0
