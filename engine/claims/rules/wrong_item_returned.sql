-- finds: foreign units among removed stock, where no carrier says that the parcel was delivered
-- one row is: a FNSKU in a counted parcel of a removal order
-- rank: 34
-- status: candidate
-- subject: order_id, tracking_number, fnsku
-- policy: wrong items within 30 days, with photos; an older page
-- window: grading
-- needs: removal_shipments event..event; removal_receipts now; reimbursements event-60..today
-- consumes: order_payments; payments REMOVAL
-- value: pre_order
-- certainty: uncertain
-- documents: photos
-- evidence: order_id, tracking_number, received_on, received_good, received_wrong
-- Parcels that the carrier delivered are those of removal_incomplete.
SELECT v.order_id, v.tracking_number, v.fnsku, s.sku, i.asin, c.country,
       v.received_on AS event_date, v.wrong AS units, v.wrong AS gross_units,
       v.received_on, v.good AS received_good, v.wrong AS received_wrong
FROM removal_receipts AS v
JOIN (SELECT order_id, tracking_number, fnsku, any_value(sku) AS sku FROM removal_shipments
      GROUP BY ALL) AS s
  ON s.order_id = v.order_id AND s.tracking_number = v.tracking_number AND s.fnsku = v.fnsku
LEFT JOIN tracking AS t ON t.tracking_number = v.tracking_number
LEFT JOIN items AS i ON i.sku = s.sku
LEFT JOIN removal_countries AS c ON c.order_id = v.order_id
WHERE v.wrong > 0 AND is_own(s.sku)
  AND NOT coalesce(folded(t.status) LIKE '%deliver%' AND folded(t.status) NOT LIKE '%undeliver%',
                   false)
