-- finds: sellable units that Amazon disposed of or gave away without an order to do so
-- one row is: a ledger adjustment with reason D or G of sellable stock
-- rank: 12
-- subject: reference_id, fnsku, occurrence
-- policy: lost and damaged in a fulfilment centre; disposal of unsellable stock is Amazon's right
-- window: centre
-- needs: ledger event..today; removal_orders event-180..today; reimbursements event-60..today
-- consumes: disposals; any_payments
-- value: pre_order
-- evidence: date, reference_id, fulfillment_center, disposition, reason, quantity
-- Paid units belong to Amazon, which may dispose of them: payments count from 60 days before.
SELECT reference_id, fnsku, occurrence, sku, asin, country, date AS event_date,
       -quantity AS units, -quantity AS gross_units,
       date - 60 AS payments_from, today() AS payments_to,
       date, fulfillment_center, disposition, reason, quantity
FROM numbered_adjustments
WHERE reason IN ('D', 'G') AND is_own(sku) AND disposition = 'SELLABLE'
