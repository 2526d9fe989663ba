-- finds: storage fees for more units than the ledger summary shows on hand
-- one row is: a row of the monthly storage fees
-- rank: 38
-- status: candidate
-- subject: month, fnsku, fulfillment_center
-- policy: storage fees by the daily mean of units on hand; utilisation and removal confuse it
-- window: storage
-- needs: storage_fees event-42..event-15; ledger_summary event-42..event-15
-- value: amount
-- certainty: uncertain
-- evidence: month, average_on_hand, daily_mean, days, fee_minor
-- Quantities on hand are millionths in the fee report. Each day of the month must be there.
WITH days AS (
    SELECT date_trunc('month', date)::DATE AS month, date, fnsku, location,
           sum(starting_balance + ending_balance) AS twice
    FROM ledger_summary GROUP BY ALL
), means AS (
    SELECT month, fnsku, location, count(*) AS days,
           sum(twice)::HUGEINT * 1000000 // (2 * count(*)) AS daily_mean
    FROM days
    GROUP BY month, fnsku, location
    HAVING count(*) = day(last_day(month))
)
SELECT f.month, f.fnsku, f.fulfillment_center, any_value(i.sku) AS sku,
       any_value(f.asin) AS asin, any_value(f.country) AS country,
       last_day(f.month) + 15 AS event_date, 1 AS units, 1 AS gross_units, true AS review,
       CAST(sum(f.fee_minor) * (any_value(f.average_on_hand) - any_value(m.daily_mean))
            // any_value(f.average_on_hand) AS BIGINT) AS amount_minor,
       any_value(f.currency) AS currency, 'exact' AS grade,
       CAST(any_value(f.average_on_hand) AS BIGINT) AS average_on_hand,
       CAST(any_value(m.daily_mean) AS BIGINT) AS daily_mean, any_value(m.days) AS days,
       sum(f.fee_minor) AS fee_minor
FROM storage_fees AS f
JOIN means AS m ON m.month = f.month AND m.fnsku = f.fnsku AND m.location = f.fulfillment_center
LEFT JOIN (SELECT fnsku, max(sku) AS sku FROM items GROUP BY fnsku) AS i ON i.fnsku = f.fnsku
WHERE f.average_on_hand > 0
GROUP BY f.month, f.fnsku, f.fulfillment_center
HAVING count(*) = 1 AND 10 * any_value(f.average_on_hand) > 11 * any_value(m.daily_mean)
