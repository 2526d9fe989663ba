-- finds: units that left a centre for another one and never came in
-- one row is: a FNSKU whose transfers out are not matched by transfers in, or whose summary says so
-- rank: 30
-- status: candidate
-- subject: part, fnsku
-- policy: lost in a fulfilment centre; a transfer is no adjustment, so a person must look
-- window: centre
-- needs: ledger event-60..today; reimbursements event-7..today
-- consumes: payments LOST; found
-- value: pre_order
-- certainty: uncertain
-- evidence: part, last_out, units_out, units_in
-- Units out count after 60 days, units in until today, so what is still on its way is not lost.
WITH moved AS (
    SELECT fnsku, any_value(sku) AS sku, any_value(asin) AS asin, any_value(country) AS country,
           max(date) FILTER (quantity < 0 AND date <= today() - 60) AS last_out,
           coalesce(-sum(quantity) FILTER (quantity < 0 AND date <= today() - 60), 0) AS units_out,
           coalesce(sum(quantity) FILTER (quantity > 0), 0) AS units_in
    FROM ledger
    WHERE event_name(event_type) = 'whsetransfers' AND is_own(sku) AND NOT is_excluded(disposition)
    GROUP BY fnsku
), unexplained AS (
    SELECT fnsku, any_value(sku) AS sku, any_value(asin) AS asin, any_value(location) AS country,
           max(date) FILTER (unknown_events < 0) AS last_out,
           coalesce(-sum(unknown_events) FILTER (unknown_events < 0), 0) AS units_out,
           coalesce(sum(unknown_events) FILTER (unknown_events > 0), 0) AS units_in
    FROM ledger_summary
    WHERE is_own(sku) AND NOT is_excluded(disposition)
    GROUP BY fnsku
), both_parts AS (
    SELECT 'transfers' AS part, * FROM moved
    UNION ALL SELECT 'unknown events', * FROM unexplained
)
SELECT part, fnsku, sku, asin, coalesce(m.country, c.country) AS country, last_out AS event_date,
       CAST(units_out - units_in AS BIGINT) AS units, units_out AS gross_units,
       last_out, units_out, units_in
FROM both_parts AS b
LEFT JOIN marketplaces AS m ON m.country = b.country
LEFT JOIN centre_countries AS c ON c.fulfillment_center = b.country
WHERE units_out > units_in
