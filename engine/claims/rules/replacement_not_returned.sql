-- finds: free replacements whose original unit the buyer never sent back
-- one row is: a replaced item of an order
-- rank: 4
-- subject: original_order_id, replacement_order_id, sku
-- policy: customer returns
-- window: return
-- needs: replacements event..event; returns event..today; reimbursements event-7..today; settlement
--   event..today
-- consumes: order_payments; payments ORDER; stray_returns
-- value: given
-- evidence: original_order_id, replacement_order_id, replaced_on, replaced_units, returned_units,
--   refunded_units
WITH replaced AS (
    SELECT original_order_id, replacement_order_id, sku, any_value(asin) AS asin,
           any_value(fulfillment_center) AS fulfillment_center,
           max(shipment_date) AS replaced_on, sum(quantity) AS units
    FROM replacements
    WHERE is_own(sku) AND is_amazon_order(original_order_id)
    GROUP BY ALL
), back AS (
    SELECT p.original_order_id, p.replacement_order_id, p.sku, sum(b.quantity) AS units
    FROM replaced AS p
    JOIN returned AS b ON b.order_id IN (p.original_order_id, p.replacement_order_id)
     AND (b.sku = p.sku OR (b.asin <> '' AND b.asin = p.asin))
    GROUP BY ALL
), given_back AS (
    -- A refund of the original that is no whole number of units may still be for this one.
    SELECT order_id, sku, sum(coalesce(units, 1)) AS units
    FROM refunded_units GROUP BY ALL
), sold AS (
    SELECT o.order_id, o.sku, any_value(o.country) AS country, any_value(o.currency) AS currency,
           min(post_order_unit(
               o.principal + CASE WHEN m.tax_kept THEN o.tax ELSE 0 END + o.promotion,
               o.quantity, o.fulfilment_fee, o.quantity, o.currency)) AS unit_minor
    FROM order_items AS o LEFT JOIN marketplaces AS m ON m.country = o.country
    GROUP BY ALL
)
SELECT p.original_order_id, p.replacement_order_id, p.sku, i.fnsku,
       coalesce(nullif(p.asin, ''), i.asin) AS asin,
       p.original_order_id AS order_id, p.replacement_order_id AS other_order_id,
       coalesce(nullif(s.country, ''), c.country) AS country, p.replaced_on AS event_date,
       greatest(0, p.units - coalesce(b.units, 0) - coalesce(g.units, 0)) AS units,
       p.units AS gross_units, s.unit_minor, s.currency, 'exact' AS grade,
       p.replaced_on, p.units AS replaced_units, coalesce(b.units, 0) AS returned_units,
       coalesce(g.units, 0) AS refunded_units
FROM replaced AS p
LEFT JOIN items AS i ON i.sku = p.sku
LEFT JOIN back AS b ON b.original_order_id = p.original_order_id
 AND b.replacement_order_id = p.replacement_order_id AND b.sku = p.sku
LEFT JOIN given_back AS g ON g.order_id = p.original_order_id AND g.sku = p.sku
LEFT JOIN sold AS s ON s.order_id = p.original_order_id AND s.sku = p.sku
LEFT JOIN centre_countries AS c ON c.fulfillment_center = p.fulfillment_center
WHERE p.units > coalesce(b.units, 0) + coalesce(g.units, 0)
