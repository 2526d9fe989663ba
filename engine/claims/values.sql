-- The value of a unit before an order, per FNSKU, SKU, currency and day: the sourcing cost in force
-- if it was declared by then, else what Amazon last paid for a unit of the FNSKU, else nothing.
WITH asked AS (
    SELECT DISTINCT fnsku, sku, currency, event_date FROM value_questions
), declared AS (
    SELECT a.fnsku, a.sku, a.currency, a.event_date,
           arg_max(c.sourcing_minor, (c.from_date, c.declared_on)) AS minor
    FROM asked AS a
    JOIN costs AS c ON c.sku = a.sku AND c.currency = a.currency
     AND c.from_date <= a.event_date AND a.event_date <= coalesce(c.to_date, DATE '9999-12-31')
     AND c.declared_on <= a.event_date
    GROUP BY ALL
), shown AS (
    SELECT a.fnsku, a.sku, a.currency, a.event_date,
           arg_max(p.unit_minor, (p.approval_date, p.reimbursement_id)) AS minor
    FROM asked AS a
    JOIN payments AS p ON p.fnsku = a.fnsku AND p.currency = a.currency
     AND p.reason_group IN ('LOST', 'DAMAGED', 'INBOUND', 'REMOVAL')
     AND p.approval_date >= getvariable('sourcing_from') AND p.unit_minor > 0
    GROUP BY ALL
)
SELECT a.fnsku, a.sku, a.currency, a.event_date,
       capped(coalesce(d.minor, s.minor), a.currency),
       CASE WHEN d.minor IS NOT NULL THEN 'declared'
            WHEN s.minor IS NOT NULL THEN 'amazon_shown' ELSE 'unknown' END
FROM asked AS a
LEFT JOIN declared AS d USING (fnsku, sku, currency, event_date)
LEFT JOIN shown AS s USING (fnsku, sku, currency, event_date)
WHERE a.event_date >= getvariable('sourcing_from')
