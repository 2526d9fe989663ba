-- finds: reimbursements that were promised and never arrived
-- one row is: an approved case, a cash reimbursement, or one in units
-- rank: 1
-- subject: part, reimbursement_id, fnsku
-- policy: dispute of a reimbursement
-- window: dispute
-- needs: reimbursements event..today; settlement event-2..event+21; ledger event..event+14
-- consumes: paid_lines
-- value: amount
-- evidence: part, reimbursement_id, approved_on, total_minor, cash_units, kind_units,
--   received_units
WITH approved AS (
    SELECT c.case_id, max(c.date) AS date FROM cases AS c
    WHERE folded(c.state) = 'approved' AND c.date + 10 <= today()
      AND NOT EXISTS (FROM reimbursements AS r WHERE r.case_id = c.case_id)
    GROUP BY c.case_id
), settled_since AS (
    SELECT currency, min(row_date) AS day FROM settlement WHERE transaction_type <> ''
    GROUP BY currency
), money AS (
    SELECT p.*, row_number() OVER w AS place, min(approval_date) OVER w AS first_day
    FROM payments AS p
    JOIN settled_since AS s ON s.currency = p.currency
    WHERE cash_units > 0 AND total_minor > 0 AND approval_date >= s.day
      AND approval_date + 21 <= today()
    WINDOW w AS (PARTITION BY sku, total_minor ORDER BY approval_date)
), paying AS (
    SELECT l.sku, l.amount AS total_minor, l.posted,
           row_number() OVER (PARTITION BY l.sku, l.amount ORDER BY l.posted) AS place
    FROM lines AS l
    JOIN (SELECT DISTINCT sku, total_minor, first_day FROM money) AS f
      ON f.sku = l.sku AND f.total_minor = l.amount AND l.posted >= f.first_day - 2
    WHERE l.type = 'fbainventoryreimbursement' AND l.amount > 0
), settled AS (
    -- Where payments and lines of an amount pair up in the order of days, nothing is missing.
    SELECT sku, total_minor
    FROM money AS m
    LEFT JOIN paying AS l USING (sku, total_minor, place)
    GROUP BY ALL
    HAVING bool_and(coalesce(l.posted BETWEEN m.approval_date - 2 AND m.approval_date + 21, false))
), kind AS (
    SELECT p.reimbursement_id, p.fnsku, p.sku, p.asin, p.approval_date, p.currency, p.total_minor,
           p.cash_units, p.kind_units, coalesce(sum(a.quantity), 0) AS received_units
    FROM payments AS p
    LEFT JOIN adjustments AS a ON a.fnsku = p.fnsku AND a.reason = 'N' AND a.quantity > 0
     AND a.date BETWEEN p.approval_date - 2 AND p.approval_date + 14
    WHERE p.kind_units > 0 AND p.approval_date + 14 <= today()
    GROUP BY ALL
), found AS (
    SELECT 'approved case' AS part, case_id AS reimbursement_id, '' AS fnsku, '' AS sku,
           '' AS asin, date AS event_date, 1 AS units, NULL AS amount_minor, '' AS currency,
           NULL AS total_minor, NULL AS cash_units, NULL AS kind_units, NULL AS received_units,
           ['settlement', 'ledger'] AS needless
    FROM approved
    UNION ALL
    SELECT 'money', reimbursement_id, fnsku, sku, asin, approval_date, 1, total_minor, currency,
           total_minor, cash_units, kind_units, NULL, ['ledger']
    FROM money ANTI JOIN settled USING (sku, total_minor)
    UNION ALL
    SELECT 'units', reimbursement_id, fnsku, sku, asin, approval_date,
           kind_units - received_units, NULL, currency, total_minor, cash_units, kind_units,
           received_units, ['settlement']
    FROM kind WHERE kind_units > received_units
)
SELECT f.*, f.units AS gross_units, f.event_date AS approved_on, c.country,
       CASE WHEN amount_minor IS NULL THEN 'unknown' ELSE 'exact' END AS grade
FROM found AS f
LEFT JOIN currency_countries AS c ON c.currency = f.currency
