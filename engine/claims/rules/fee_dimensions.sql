-- finds: products that Amazon measures into a larger size tier than they have
-- one row is: a SKU whose tier by the seller's measures is smaller than by Amazon's
-- rank: 22
-- subject: sku, fnsku
-- policy: weight and dimension fees; without a fee table of the day a new measurement is asked for
-- window: fee
-- needs: fee_preview now
-- value: unknown
-- certainty: uncertain
-- documents: photos
-- evidence: sku, amazon_tier, amazon_sides, amazon_weight, measured_tier, measured_sides,
--   measured_weight, measured_on
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
), tiers AS (
    SELECT b.*,
           min(t.rank) FILTER (fits(amazon, amazon_weight, t)) AS amazon_rank,
           min(t.rank) FILTER (fits(measured, measured_weight, t)) AS measured_rank
    FROM both_sides AS b
    JOIN size_tiers AS t ON t.country = b.country
    GROUP BY ALL
)
SELECT t.sku, t.fnsku, t.asin, t.country, t.as_of AS event_date, 1 AS units, 1 AS gross_units,
       t.currency, a.name AS amazon_tier, amazon AS amazon_sides, amazon_weight,
       m.name AS measured_tier, measured AS measured_sides, measured_weight, measured_on
FROM tiers AS t
JOIN size_tiers AS m ON m.country = t.country AND m.rank = measured_rank
LEFT JOIN size_tiers AS a ON a.country = t.country AND a.rank = amazon_rank
WHERE measured_rank < coalesce(amazon_rank, 99)
