-- finds: units that Amazon lost in a fulfilment centre and neither found again nor paid for
-- one row is: a ledger adjustment with reason M or 5
-- rank: 10
-- subject: reference_id, fnsku, occurrence
-- policy: lost and damaged in a fulfilment centre
-- window: centre
-- needs: ledger event..today; reimbursements event-7..today
-- consumes: payments LOST; found; asin_surplus
-- value: pre_order
-- evidence: date, reference_id, fulfillment_center, disposition, reason, quantity,
--   reconciled_quantity, unreconciled_quantity, reported_on
WITH losses AS (
    SELECT *, sum(-quantity) OVER (
                  PARTITION BY reference_id, fnsku ORDER BY occurrence) AS lost_so_far
    FROM numbered_adjustments
    WHERE reason IN ('M', '5') AND is_own(sku)
      AND disposition IN ('SELLABLE', 'WAREHOUSE_DAMAGED', 'CARRIER_DAMAGED')
), taken_back AS (
    -- The opposite sign under the same reference within three days undoes a loss.
    SELECT l.reference_id, l.fnsku, l.occurrence, coalesce(sum(a.quantity), 0) AS quantity
    FROM losses AS l
    JOIN adjustments AS a ON a.reference_id = l.reference_id AND a.fnsku = l.fnsku
     AND a.quantity > 0 AND a.reason IN ('M', '5', 'F', 'N')
     AND abs(a.date - l.date) <= 3
    GROUP BY ALL
)
SELECT reference_id, fnsku, occurrence, sku, asin, country, date AS event_date,
       greatest(0, least(
           CASE WHEN unreconciled_quantity IS NULL THEN -l.quantity
                ELSE least(unreconciled_quantity, -l.quantity) END,
           least(-l.quantity, lost_so_far - coalesce(t.quantity, 0)))) AS units,
       -l.quantity AS gross_units,
       -- The column is true as of the report: only later payments are taken off it.
       CASE WHEN unreconciled_quantity IS NOT NULL THEN as_of + 1 END AS payments_from,
       CASE WHEN unreconciled_quantity IS NOT NULL THEN today() END AS payments_to,
       unreconciled_quantity IS NULL AS uses_found,
       date, fulfillment_center, disposition, reason, l.quantity, reconciled_quantity,
       unreconciled_quantity, as_of AS reported_on
FROM losses AS l
LEFT JOIN taken_back AS t USING (reference_id, fnsku, occurrence)
