-- finds: units that Amazon damaged in a fulfilment centre and did not pay for
-- one row is: a ledger adjustment with reason E (6 where policy says so)
-- rank: 11
-- subject: reference_id, fnsku, occurrence
-- policy: lost and damaged in a fulfilment centre
-- window: centre
-- needs: ledger event..today; reimbursements event-7..today
-- consumes: payments DAMAGED; moved_back
-- value: pre_order
-- evidence: date, reference_id, fulfillment_center, disposition, reason, quantity,
--   reconciled_quantity, unreconciled_quantity, reported_on
-- The P that follows books the same unit as unsellable; it gives nothing back and is not netted.
SELECT reference_id, fnsku, occurrence, sku, asin, country, date AS event_date,
       greatest(0, CASE WHEN unreconciled_quantity IS NULL THEN -quantity
                        ELSE least(unreconciled_quantity, -quantity) END) AS units,
       -quantity AS gross_units,
       CASE WHEN unreconciled_quantity IS NOT NULL THEN as_of + 1 END AS payments_from,
       CASE WHEN unreconciled_quantity IS NOT NULL THEN today() END AS payments_to,
       unreconciled_quantity IS NULL AS uses_found,
       date, fulfillment_center, disposition, reason, quantity, reconciled_quantity,
       unreconciled_quantity, as_of AS reported_on
FROM numbered_adjustments
WHERE (reason = 'E' OR (reason = '6' AND getvariable('damaged_reason_6')))
  AND is_own(sku) AND NOT is_excluded(disposition)
