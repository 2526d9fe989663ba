-- finds: refunded units that the buyer never sent back and Amazon did not pay for
-- one row is: an item of a refunded order
-- rank: 3
-- subject: order_id, order_item_id, sku
-- policy: customer returns
-- window: return
-- wait: return_extra_days after open
-- needs: settlement event..today; returns event..today; reimbursements event-7..today
-- consumes: order_payments; settled_payments; payments ORDER; stray_returns
-- value: given
-- confidence: usual
-- evidence: order_id, order_item_id, refunded_on, refunded_minor, unit_price_minor, refunded_units,
--   returned_units, settlement_payments
WITH back AS (
    SELECT r.order_id, r.order_item_id, r.sku, sum(b.quantity) AS units
    FROM refunded_units AS r
    LEFT JOIN items AS i ON i.sku = r.sku
    JOIN returned AS b ON b.order_id = r.order_id
     AND (b.sku = r.sku OR (b.fnsku <> '' AND b.fnsku = i.fnsku)
          OR (b.asin <> '' AND b.asin = i.asin))
    GROUP BY ALL
), settled AS (
    SELECT order_id, sku, sum(greatest(quantity, 1)) AS units
    FROM lines
    WHERE type = 'fbainventoryreimbursement' AND amount > 0 AND order_id <> ''
    GROUP BY ALL
)
SELECT r.order_id, r.order_item_id, r.sku, i.fnsku, i.asin, r.country, r.last_posted AS event_date,
       CASE WHEN NOT has_order THEN 0
            ELSE greatest(0, r.units - coalesce(back.units, 0)
                - coalesce(-((-c.amount * r.ordered) // r.ordered_principal), 0)) END AS units,
       r.units AS gross_units, coalesce(s.units, 0) AS settled_units,
       CASE WHEN NOT has_order THEN ['settlement: the Order line of ' || r.order_id] END AS blocked,
       r.unit_minor, r.currency, 'exact' AS grade,
       r.last_posted AS refunded_on, r.principal AS refunded_minor,
       r.ordered_principal // r.ordered AS unit_price_minor, r.units AS refunded_units,
       coalesce(back.units, 0) AS returned_units, coalesce(s.units, 0) AS settlement_payments
FROM refunded_units AS r
LEFT JOIN items AS i ON i.sku = r.sku
LEFT JOIN back ON back.order_id = r.order_id AND back.order_item_id = r.order_item_id
 AND back.sku = r.sku
LEFT JOIN settled AS s ON s.order_id = r.order_id AND s.sku = r.sku
LEFT JOIN charged_again AS c ON c.order_id = r.order_id AND c.sku = r.sku
ANTI JOIN disputed_orders AS d ON d.order_id = r.order_id
WHERE is_amazon_order(r.order_id) AND is_own(r.sku)
  AND (r.fulfillment = 'AFN' OR (r.fulfillment = '' AND EXISTS (
       FROM order_items AS o WHERE o.order_id = r.order_id AND o.fulfillment = 'AFN')))
  AND (r.units IS NOT NULL AND r.units > coalesce(back.units, 0)
       OR NOT has_order AND back.units IS NULL)
