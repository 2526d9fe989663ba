-- finds: removed units that the carrier lost on their way to the seller
-- one row is: an item of a parcel of a removal order
-- rank: 8
-- subject: order_id, tracking_number, fnsku
-- policy: removals lost in transit
-- window: removal_lost
-- needs: removal_shipments event..today; reimbursements event..today
-- consumes: order_payments; payments REMOVAL
-- value: pre_order
-- evidence: order_id, tracking_number, carrier, shipment_date, shipped_quantity, tracking_status,
--   tracking_date, received_good
-- Nobody knows where a parcel is without tracking or a receipt: then a person must confirm.
WITH parcels AS (
    SELECT order_id, tracking_number, fnsku, any_value(sku) AS sku,
           any_value(carrier) AS carrier, any_value(disposition) AS disposition,
           max(shipment_date) AS shipment_date, sum(shipped_quantity) AS shipped_quantity
    FROM removal_shipments
    WHERE folded(order_type) IN ('return', '') AND is_own(sku)
    GROUP BY order_id, tracking_number, fnsku
), known AS (
    SELECT p.*, t.status AS tracking_status, t.date AS tracking_date,
           folded(t.status) LIKE '%lost%' OR (folded(t.status) NOT LIKE '%deliver%'
                                              AND t.date <= today() - 14) AS carrier_lost,
           folded(t.status) LIKE '%deliver%' AND folded(t.status) NOT LIKE '%undeliver%'
               AS delivered,
           v.good + v.wrong + v.damaged AS counted, v.good AS received_good
    FROM parcels AS p
    LEFT JOIN tracking AS t ON t.tracking_number = p.tracking_number
    LEFT JOIN removal_receipts AS v
      ON v.order_id = p.order_id AND v.tracking_number = p.tracking_number AND v.fnsku = p.fnsku
)
SELECT k.order_id, k.tracking_number, k.fnsku, k.sku, i.asin, c.country,
       shipment_date AS event_date, shipped_quantity AS units, shipped_quantity AS gross_units,
       shipment_date AS payments_from, shipment_date + 120 AS payments_to,
       CASE WHEN tracking_status IS NULL AND counted IS NULL
            THEN ['confirm: neither the carrier nor a count says where this parcel is'] END
           AS flags,
       k.disposition, carrier, shipment_date, shipped_quantity, tracking_status, tracking_date,
       received_good
FROM known AS k
LEFT JOIN items AS i ON i.sku = k.sku
LEFT JOIN removal_countries AS c ON c.order_id = k.order_id
ANTI JOIN forced_removals AS f ON f.order_id = k.order_id
WHERE coalesce(counted, 0) = 0
  AND (counted = 0 OR carrier_lost
       OR (tracking_status IS NULL AND counted IS NULL AND shipment_date + 15 <= today()))
