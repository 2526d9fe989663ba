-- finds: products that Amazon measures into a larger size tier or weight band than they have
-- one row is: a SKU that is smaller by the seller's measures than by Amazon's
-- rank: 22
-- subject: sku, fnsku
-- policy: weight and dimension fees; without a fee table of the day a new measurement is asked for
-- window: fee
-- needs: fee_preview now; settlement event..today
-- value: amount
-- certainty: uncertain
-- documents: photos
-- evidence: sku, amazon_tier, amazon_sides, amazon_weight, measured_tier, measured_sides,
--   measured_weight, measured_on, charges, charged_minor, right_minor
-- A charge of the last 90 days counts only if it is what the table says for Amazon's measures. The
-- window runs from the oldest of them, or without a table from the oldest charge of the SKU.
WITH newest AS (
    SELECT fnsku, arg_max(d, measured_on) AS d FROM dimensions AS d GROUP BY fnsku
), both_sides AS (
    SELECT p.sku, p.fnsku, p.asin, p.currency, p.as_of, coalesce(s.country, c.country) AS country,
           sides(p.longest_side, p.median_side, p.shortest_side, p.unit_of_dimension) AS amazon,
           weight(p.weight, p.unit_of_weight) AS amazon_weight,
           sides(d.longest_side, d.median_side, d.shortest_side, d.unit_of_dimension) AS measured,
           weight(d.weight, d.unit_of_weight) AS measured_weight, d.measured_on
    FROM fee_preview AS p
    JOIN newest AS n ON n.fnsku = p.fnsku
    LEFT JOIN currency_countries AS c ON c.currency = p.currency
    LEFT JOIN marketplaces AS s ON s.country = p.store
), ranked AS (
    SELECT b.*,
           min(t.rank) FILTER (fits(amazon, amazon_weight, t)) AS amazon_rank,
           min(t.rank) FILTER (fits(measured, measured_weight, t)) AS measured_rank
    FROM both_sides AS b
    JOIN size_tiers AS t ON t.country = b.country
    GROUP BY ALL
), tiers AS (
    SELECT r.*, a.name AS amazon_tier, m.name AS measured_tier
    FROM ranked AS r
    JOIN size_tiers AS m ON m.country = r.country AND m.rank = measured_rank
    LEFT JOIN size_tiers AS a ON a.country = r.country AND a.rank = amazon_rank
), charges AS (
    SELECT o.order_id, o.order_item_id, o.sku, o.quantity, o.fulfilment_fee, o.posted, t.fnsku,
           t.country,
           min(f.fee) FILTER (f.tier = t.amazon_tier
               AND billable(amazon, amazon_weight, f.dimensional) <= f.up_to) AS amazon_fee,
           min(f.fee) FILTER (f.tier = t.measured_tier
               AND billable(measured, measured_weight, f.dimensional) <= f.up_to) AS right_fee
    FROM tiers AS t
    JOIN order_items AS o ON o.sku = t.sku AND o.currency = t.currency AND o.fulfillment = 'AFN'
    JOIN fulfilment_fees AS f ON f.country = t.country AND f.currency = o.currency
     AND o.posted BETWEEN f.valid_from AND f.valid_to AND o.principal >= f.price_from * o.quantity
    WHERE o.posted >= today() - 90 AND is_amazon_order(o.order_id)
      AND strftime(o.posted, '%m-%d') BETWEEN '01-15' AND '10-14'
    GROUP BY ALL
), wrong AS (
    SELECT sku, fnsku, min(posted) AS first_wrong, count(*) AS charges,
           sum(fulfilment_fee) AS charged_minor,
           sum(quantity * right_fee) AS right_minor
    FROM charges
    WHERE right_fee < amazon_fee AND abs(fulfilment_fee - quantity * amazon_fee) <= quantity
    GROUP BY sku, fnsku
), charged AS (
    SELECT sku, currency, min(posted) AS first_charge FROM order_items
    WHERE posted >= today() - 90 AND fulfilment_fee > 0
    GROUP BY ALL
)
SELECT t.sku, t.fnsku, t.asin, t.country,
       coalesce(first_wrong, first_charge, t.as_of) AS event_date, 1 AS units, 1 AS gross_units,
       t.currency, CAST(charged_minor - right_minor AS BIGINT) AS amount_minor,
       CASE WHEN charges > 0 THEN 'exact' ELSE 'unknown' END AS grade,
       amazon_tier, amazon AS amazon_sides, amazon_weight,
       measured_tier, measured AS measured_sides, measured_weight, measured_on,
       charges, charged_minor, right_minor
FROM tiers AS t
LEFT JOIN wrong AS w USING (sku, fnsku)
LEFT JOIN charged AS h ON h.sku = t.sku AND h.currency = t.currency
WHERE measured_rank < coalesce(amazon_rank, 99)
   OR (charges > 0 AND 100 * measured_weight <= 95 * amazon_weight)
