-- finds: monthly storage fees above their own arithmetic, or for a volume above the measured one
-- one row is: a row of the monthly storage fees
-- rank: 24
-- subject: month, fnsku, fulfillment_center, part
-- policy: storage fees
-- window: storage
-- needs: storage_fees event-42..event-15
-- value: amount
-- evidence: month, part, item_volume, total_volume, volume_units, storage_rate, fee_minor,
--   surcharge_minor, incentive_minor, expected_minor, measured_volume
-- Volumes are compared in 1e-12 cubic centimetres: a cubic foot is 28316.846592 of them.
WITH fees AS (
    SELECT month, fnsku, fulfillment_center, asin, any_value(country) AS country,
           any_value(item_volume) AS item_volume, sum(total_volume) AS total_volume,
           any_value(volume_units) AS volume_units, any_value(storage_rate) AS storage_rate,
           any_value(currency) AS currency, sum(fee_minor) AS fee_minor,
           sum(coalesce(surcharge_minor, 0)) AS surcharge_minor,
           sum(coalesce(incentive_minor, 0)) AS incentive_minor,
           count(*) AS rows
    FROM storage_fees
    GROUP BY month, fnsku, fulfillment_center, asin
), sums AS (
    SELECT f.*, (2 * total_volume::HUGEINT * storage_rate * minor_factor(currency)
                 + 1000000000000) // 2000000000000 AS expected,
           item_volume::HUGEINT * CASE WHEN folded(volume_units) LIKE '%feet%'
               OR folded(volume_units) LIKE '%foot%' OR folded(volume_units) IN ('ft3', 'cuft')
               THEN 28316846592 ELSE 1000000000000 END AS volume
    FROM fees AS f WHERE rows = 1
), measured AS (
    SELECT fnsku, arg_max(length(longest_side, unit_of_dimension)::HUGEINT
                          * length(median_side, unit_of_dimension)
                          * length(shortest_side, unit_of_dimension), measured_on)
                  // 1000000000000 AS volume
    FROM dimensions GROUP BY fnsku
), found AS (
    SELECT s.*, 'arithmetic' AS part,
           fee_minor - expected - surcharge_minor + incentive_minor AS amount,
           NULL::HUGEINT AS measured_volume
    FROM sums AS s
    WHERE fee_minor - expected - surcharge_minor + incentive_minor > 2
    UNION ALL
    SELECT s.*, 'volume', s.fee_minor - -((-s.fee_minor * m.volume) // s.volume), m.volume
    FROM sums AS s JOIN measured AS m USING (fnsku)
    WHERE s.fee_minor - s.expected - s.surcharge_minor + s.incentive_minor <= 2
      AND 100 * s.volume > 105 * m.volume
)
SELECT f.month, f.fnsku, f.fulfillment_center, f.part, i.sku, f.asin, f.country,
       last_day(f.month) + 15 AS event_date, 1 AS units, 1 AS gross_units,
       amount AS amount_minor, f.currency, 'exact' AS grade,
       item_volume, total_volume, volume_units, storage_rate, fee_minor, surcharge_minor,
       incentive_minor, expected AS expected_minor, measured_volume
FROM found AS f
LEFT JOIN (SELECT fnsku, max(sku) AS sku FROM items GROUP BY fnsku) AS i ON i.fnsku = f.fnsku
WHERE amount > 2
