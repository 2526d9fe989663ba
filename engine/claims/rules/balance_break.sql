-- finds: stock that the ledger summary ends a day with and does not begin the next one with
-- one row is: a day of a FNSKU, disposition and location whose balance falls overnight
-- rank: 31
-- status: candidate
-- subject: date, fnsku, disposition, location
-- policy: lost in a fulfilment centre; the summary explains nothing, so a person must look
-- window: centre
-- needs: ledger_summary event-1..event; reimbursements event-7..today
-- value: pre_order
-- certainty: uncertain
-- evidence: date, disposition, location, ended_with, began_with
WITH days AS (
    SELECT date, fnsku, disposition, location, any_value(sku) AS sku, any_value(asin) AS asin,
           sum(starting_balance) AS began_with, sum(ending_balance) AS ending_balance
    FROM ledger_summary
    WHERE is_own(sku) AND NOT is_excluded(disposition)
    GROUP BY date, fnsku, disposition, location
), following AS (
    SELECT *, lag(ending_balance) OVER w AS ended_with, lag(date) OVER w AS day_before
    FROM days
    WINDOW w AS (PARTITION BY fnsku, disposition, location ORDER BY date)
)
SELECT f.date, fnsku, f.disposition, location, sku, asin,
       coalesce(m.country, c.country) AS country, f.date AS event_date,
       CAST(ended_with - began_with AS BIGINT) AS units,
       ended_with - began_with AS gross_units, true AS review, ended_with, began_with
FROM following AS f
LEFT JOIN marketplaces AS m ON m.country = f.location
LEFT JOIN centre_countries AS c ON c.fulfillment_center = f.location
WHERE day_before = f.date - 1 AND began_with < ended_with
