-- finds: fees for processing returns of orders of which nothing came back
-- one row is: an item of an order
-- rank: 36
-- status: candidate
-- subject: order_id, sku
-- policy: returns processing fees are charged per unit returned
-- window: fee
-- needs: settlement event..today; returns event-90..today
-- value: amount
-- certainty: uncertain
-- evidence: order_id, charged_on, fee_minor
SELECT l.order_id, l.sku, any_value(i.fnsku) AS fnsku, any_value(i.asin) AS asin,
       max(l.country) AS country, max(l.posted) AS event_date, 1 AS units, 1 AS gross_units,
       CAST(-sum(l.amount) AS BIGINT) AS amount_minor, any_value(l.currency) AS currency,
       'exact' AS grade, max(l.posted) AS charged_on, -sum(l.amount) AS fee_minor
FROM lines AS l
LEFT JOIN items AS i ON i.sku = l.sku
ANTI JOIN returned AS b ON b.order_id = l.order_id
WHERE l.description IN ('fbacustomerreturnperunitfee', 'fbareturnprocessingfee',
                        'returnprocessingfee')
  AND is_amazon_order(l.order_id)
GROUP BY l.order_id, l.sku
HAVING sum(l.amount) < 0
