-- finds: units that Amazon paid for below their value
-- one row is: reimbursements of one order, case and FNSKU within 60 days of each other
-- rank: 13
-- subject: reimbursement_id, fnsku
-- policy: sourcing cost before an order since 2025-03-31, the refund less fees after it
-- window: dispute
-- needs: reimbursements event..today
-- value: amount
-- evidence: reimbursement_id, case_id, order_id, reason, approved_on, paid_units, paid_minor,
--   expected_unit_minor
-- Rows of one order or case may be instalments for the same units: the largest count is taken.
WITH standing AS (
    SELECT *, CASE WHEN order_id <> '' THEN 'order ' || order_id
                   WHEN case_id <> '' THEN 'case ' || case_id
                   ELSE 'row ' || reimbursement_id END AS owner
    FROM payments
    WHERE cash_units > 0 AND total_minor > 0 AND units > reversed
), marked AS (
    SELECT *, approval_date - lag(approval_date) OVER w > 60 AS starts
    FROM standing
    WINDOW w AS (PARTITION BY owner, fnsku ORDER BY approval_date, reimbursement_id)
), clustered AS (
    SELECT *, sum(CASE WHEN starts THEN 1 ELSE 0 END) OVER (
                  PARTITION BY owner, fnsku ORDER BY approval_date, reimbursement_id) AS cluster
    FROM marked
), together AS (
    SELECT owner, fnsku, cluster, arg_min(reimbursement_id, (approval_date, reimbursement_id))
               AS reimbursement_id,
           any_value(sku) AS sku, any_value(asin) AS asin, any_value(case_id) AS case_id,
           any_value(order_id) AS order_id, any_value(currency) AS currency,
           any_value(reason) AS reason, any_value(reason_group) AS reason_group,
           min(approval_date) AS first_approved, max(approval_date) AS approved_on,
           max(cash_units) AS paid_units, sum(total_minor) AS paid_minor
    FROM clustered
    GROUP BY owner, fnsku, cluster
    HAVING count(DISTINCT currency) = 1
), declared AS (
    SELECT t.reimbursement_id, t.fnsku,
           arg_max(c.sourcing_minor, (c.from_date, c.declared_on)) AS minor
    FROM together AS t
    JOIN costs AS c ON c.sku = t.sku AND c.currency = t.currency
     AND c.declared_on < t.approved_on AND c.from_date <= t.first_approved
     AND t.first_approved <= coalesce(c.to_date, DATE '9999-12-31')
    WHERE t.reason_group IN ('LOST', 'DAMAGED', 'INBOUND', 'REMOVAL')
      AND t.first_approved >= getvariable('sourcing_from')
    GROUP BY ALL
), refunded AS (
    SELECT t.reimbursement_id, t.fnsku, min(r.unit_minor) AS minor, any_value(r.country) AS country
    FROM together AS t
    JOIN refunded_units AS r ON r.order_id = t.order_id AND r.sku = t.sku
     AND r.currency = t.currency
    WHERE t.reason_group = 'ORDER' AND r.units IS NOT NULL
    GROUP BY ALL
), judged AS (
    SELECT t.*, capped(coalesce(d.minor, r.minor), t.currency) AS expected_unit_minor,
           d.minor IS NOT NULL AS is_declared, r.country
    FROM together AS t
    LEFT JOIN declared AS d USING (reimbursement_id, fnsku)
    LEFT JOIN refunded AS r USING (reimbursement_id, fnsku)
)
SELECT j.reimbursement_id, j.fnsku, sku, asin, order_id,
       coalesce(nullif(j.country, ''), c.country) AS country, approved_on AS event_date,
       1 AS units, 1 AS gross_units,
       expected_unit_minor * paid_units - paid_minor AS amount_minor, currency,
       CASE WHEN is_declared THEN 'declared' ELSE 'exact' END AS grade,
       CASE WHEN is_declared THEN ['invoice'] END AS extra_documents,
       case_id, reason, approved_on, paid_units, paid_minor, expected_unit_minor
FROM judged AS j
LEFT JOIN currency_countries AS c USING (currency)
WHERE is_own(sku)
  AND expected_unit_minor * paid_units - paid_minor > 1
  AND 100 * (expected_unit_minor * paid_units - paid_minor) > expected_unit_minor * paid_units
