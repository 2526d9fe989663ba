-- finds: reimbursements that Amazon took back although nothing was found, returned or overpaid
-- one row is: a reversal in the reimbursements report
-- rank: 2
-- subject: reimbursement_id, fnsku
-- policy: a reversal is right if the payment was an error or the unit is found
-- window: reversal
-- needs: reimbursements event-7..today; ledger event..today; returns event..today
-- consumes: found; asin_surplus
-- value: amount
-- evidence: reimbursement_id, original_id, reason, reversed_on, originally_approved,
--   originally_for, clawed_units, clawed_minor, returned_units, overpaid_units, paid_again_units
WITH clawed AS (
    SELECT reimbursement_id, fnsku, any_value(sku) AS sku, any_value(asin) AS asin,
           any_value(original_id) AS original_id, any_value(reason) AS reason,
           any_value(order_id) AS order_id, any_value(currency) AS currency,
           max(approval_date) AS reversed_on,
           sum(abs(cash_units + kind_units)) AS units, sum(abs(total_minor)) AS minor
    FROM paid_rows
    WHERE reason_group = 'CLAWBACK'
    GROUP BY reimbursement_id, fnsku
), joined AS (
    SELECT c.*, p.approval_date AS original_date, p.reason_group AS original_group,
           coalesce(nullif(c.order_id, ''), p.order_id, '') AS buyer_order,
           p.reason AS original_reason
    FROM clawed AS c
    LEFT JOIN payments AS p ON p.reimbursement_id = c.original_id AND p.fnsku = c.fnsku
), back AS (
    SELECT j.reimbursement_id, j.fnsku, sum(b.quantity) AS units
    FROM joined AS j
    JOIN returned AS b ON b.order_id = j.buyer_order AND j.buyer_order <> ''
     AND (b.fnsku = j.fnsku OR b.sku = j.sku OR (b.asin <> '' AND b.asin = j.asin))
     AND b.return_date >= j.original_date
    GROUP BY ALL
), again AS (
    SELECT j.reimbursement_id, j.fnsku, sum(p.units) AS units
    FROM joined AS j
    JOIN payments AS p ON p.fnsku = j.fnsku AND p.reimbursement_id <> j.original_id
     AND (abs(p.approval_date - j.reversed_on) <= 7
          OR (j.buyer_order <> '' AND p.order_id = j.buyer_order
              AND p.approval_date >= j.reversed_on - 7))
    GROUP BY ALL
), over AS (
    -- More units paid than lost: the pool of the original was overpaid.
    SELECT j.reimbursement_id, j.fnsku,
           (SELECT coalesce(sum(p.units), 0) FROM payments AS p
            WHERE p.fnsku = j.fnsku AND p.reason_group = j.original_group
              AND p.approval_date BETWEEN j.original_date - 180 AND j.reversed_on)
           - (SELECT coalesce(sum(-a.quantity), 0) FROM adjustments AS a
              WHERE a.fnsku = j.fnsku AND a.quantity < 0
                AND ((j.original_group = 'LOST' AND a.reason IN ('M', '5'))
                     OR (j.original_group = 'DAMAGED' AND a.reason IN ('E', '6')))
                AND a.date BETWEEN j.original_date - 187 AND j.original_date + 7) AS units
    FROM joined AS j
    WHERE j.original_group IN ('LOST', 'DAMAGED')
), judged AS (
    SELECT j.*, coalesce(b.units, 0) AS returned_units,
           greatest(0, coalesce(o.units, 0)) AS overpaid_units,
           coalesce(a.units, 0) AS paid_again_units
    FROM joined AS j
    LEFT JOIN back AS b USING (reimbursement_id, fnsku)
    LEFT JOIN again AS a USING (reimbursement_id, fnsku)
    LEFT JOIN over AS o USING (reimbursement_id, fnsku)
), owed AS (
    SELECT *, greatest(0, j.units - returned_units - overpaid_units - paid_again_units) AS rest
    FROM judged AS j
)
SELECT o.reimbursement_id, o.fnsku, o.sku, o.asin, o.buyer_order AS order_id,
       coalesce(s.country, c.country) AS country, reversed_on AS event_date,
       CASE WHEN original_date IS NULL THEN 0 ELSE rest END AS units, o.units AS gross_units,
       CASE WHEN original_date IS NOT NULL AND rest > 0 THEN o.minor * rest // o.units END
           AS amount_minor,
       o.currency, 'exact' AS grade, original_date AS found_from, reversed_on + 7 AS found_to,
       CASE WHEN original_date IS NULL
            THEN ['reimbursements: the original ' || original_id || ' is not imported'] END
           AS blocked,
       original_id, reason, reversed_on, original_date AS originally_approved,
       original_reason AS originally_for, o.units AS clawed_units, o.minor AS clawed_minor,
       returned_units, overpaid_units, paid_again_units
FROM owed AS o
LEFT JOIN (SELECT order_id, any_value(country) AS country FROM order_items GROUP BY order_id) AS s
  ON s.order_id = o.buyer_order
LEFT JOIN currency_countries AS c ON c.currency = o.currency
WHERE is_own(o.sku) AND o.units > 0 AND (rest > 0 OR original_date IS NULL)
